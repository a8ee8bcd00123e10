"""Moodle's "Download all submissions", zipped or unpacked.

Folders on: `Ada Lovelace_7_assignsubmission_file/hw1.ipynb`; off: `Ada Lovelace_7_assignsubmission_file_hw1.ipynb`
(https://github.com/moodle/moodle, mod/assign/classes/downloader.php). The number is that assignment's
"Participant 7" of the grading worksheet, or the group's id in a team assignment; "Default group" has none.
Underscores in names become spaces; Moodle 4.0 and older put one more at the end of the folder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from grader.intake.naming import junk
from grader.intake.records import HandIn, Member, Reading, Tree
from grader.types import Learner, Remark

PART = re.compile(
    r"(?P<folder>(?P<name>.*?)(?:_(?P<id>\d+))?)_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<flat>.*))?", re.DOTALL
)
ONLINE_TEXT = "onlinetext"
# What stands in place of names, without what file names must not have: "Teilnehmer/in".
BLIND = {"participant", "participante", "teilnehmer", "teilnehmerin", "참여자", "참가자", "参加者"}


def sort(tree: Tree) -> Reading | None:
    """One hand-in for each name and number; None when this is no Moodle download."""
    own: dict[str, list[tuple[Member, re.Match[str]]]] = {}
    rest: list[Member] = []
    flat = False
    for member in tree.members:
        match = _match(member)
        if match:
            # Only its own name can hide a file: a learner may be called `.Kim`.
            given = match["flat"] or "/".join(member.parts[1:])
            own.setdefault(match["folder"], []).append((replace(member, own=given, junk=junk(given)), match))
            flat = flat or bool(match["flat"])
        else:
            rest.append(member)
    if not own:
        return None
    blind = _blind([found[0][1] for found in own.values()])
    told = f"Moodle download ({'no folders' if flat else 'a folder each'}{', blind' if blind else ''})"
    hand_ins = tuple(_hand_in(tree, folder, found, blind) for folder, found in sorted(own.items()))
    return Reading(told, hand_ins, rest=tuple(rest))


def _match(member: Member) -> re.Match[str] | None:
    first, *deeper = member.parts
    match = PART.fullmatch(first)
    if first.startswith("._"):  # what macOS lays beside a file; names hold no underscore
        return None
    # `…_file_` + `/hw1.ipynb` is an old folder; `…_file_hw1.ipynb` + `/x` is none of Moodle's.
    return match if match and not (deeper and match["flat"]) else None


def _blind(matches: Sequence[re.Match[str]]) -> bool:
    names = {match["name"].casefold() for match in matches}
    return len(names) == 1 and (len(matches) > 2 or bool(names & BLIND)) and all(match["id"] for match in matches)


def _hand_in(tree: Tree, folder: str, found: Sequence[tuple[Member, re.Match[str]]], blind: bool) -> HandIn:
    match = found[0][1]
    files = [member for member, match in found if match["plugin"] != ONLINE_TEXT]
    texts = len(found) - len(files)
    return HandIn(
        label=folder,
        place=f"{tree.where}/{folder}",
        members=tuple(member for member, _ in found),
        learner=Learner(name="" if blind else match["name"], id=match["id"] or ""),
        remarks=(Remark("online_text"),) if texts and files else (),
        address={"system": "moodle", "participant": match["id"] or "", "folder": folder},
    )
