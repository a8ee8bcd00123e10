"""Gradescope's "Download Submissions": a folder `submission_<id>` each and `submission_metadata.yml`.

The metadata names who handed in (`:submitters:` with `:name:`, `:sid:`, `:email:`) and goes on with results and
history, many megabytes of them; only the submitters are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import yaml

from grader.intake.listing import contents
from grader.intake.records import HandIn, Kind, LeftOut, Member, Reading, Tree
from grader.notebook import Unreadable
from grader.types import Learner

METADATA = "submission_metadata.yml"
FOLDER = re.compile(r"submission_\w+")
KEY = re.compile(r"(?P<key>[^\s#:\-'\"][^:]*|'[^']+'|\"[^\"]+\"):\s*")
SUBMITTERS = re.compile(r"  :submitters:\s*")
MAX_BLOCK = 100_000  # characters about the submitters of one submission


def sort(tree: Tree) -> Reading | None:
    """One hand-in for each submission of the metadata or folder; None when this is no Gradescope export."""
    metadata = next((m for m in tree.members if m.path == METADATA and m.kind is Kind.FILE), None)
    tops = {member.parts[0] for member in tree.members if len(member.parts) > 1 or member.kind is not Kind.FILE}
    if metadata is None and not (tops and all(re.fullmatch(r"submission_\d+", top) for top in tops)):
        return None
    try:
        teams = dict(_teams(contents(metadata).decode("utf-8", "replace"))) if metadata else {}
    except (Unreadable, OSError):
        teams = {}
    own: dict[str, list[Member]] = {key: [] for key in teams}
    rest: list[Member] = []
    for member in tree.members:
        top = member.parts[0]
        if top in teams or FOLDER.fullmatch(top):
            own.setdefault(top, []).append(member)
        elif member is not metadata:
            rest.append(member)
    told = "Gradescope export" if teams else f"Gradescope export (no names: {METADATA} is missing or damaged)"
    left = (LeftOut(metadata.shown, "says who handed in what"),) if metadata else ()
    hand_ins = tuple(_hand_in(tree, key, members, teams.get(key, ())) for key, members in sorted(own.items()))
    return Reading(told, hand_ins, left, tuple(rest))


def _hand_in(tree: Tree, key: str, members: Sequence[Member], team: Sequence[Learner]) -> HandIn:
    first = team[0] if team else Learner()
    number = key.removeprefix("submission_")
    together = ", ".join(learner.name for learner in team) if len(team) > 1 else ""
    return HandIn(
        label=f"{first.name}_{number}" if first.name else key,
        place=f"{tree.where}/{key}",
        members=tuple(members),
        learner=Learner(first.name, first.id, together, first.email),
        address={"system": "gradescope", "submission": number},
        team=tuple(team[1:]),
    )


def _teams(text: str) -> Iterator[tuple[str, tuple[Learner, ...]]]:
    """The key of every submission with its submitters, from the lines that tell them."""
    key, block, inside = "", [""], False
    for line in text.splitlines():
        if match := KEY.fullmatch(line):
            if key:
                yield key, _learners("\n".join(block))
            key, block, inside = match["key"].strip("'\""), [], False
        elif SUBMITTERS.fullmatch(line):
            inside = True
        elif inside and line.startswith(("  -", "   ")):
            block.append(line)
        else:
            inside = False
    if key:
        yield key, _learners("\n".join(block))


def _learners(block: str) -> tuple[Learner, ...]:
    try:
        listed = yaml.safe_load(block[:MAX_BLOCK])
    except (yaml.YAMLError, ValueError, RecursionError):
        return ()
    told = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []

    def text(entry: dict[object, object], key: str) -> str:
        value = entry.get(f":{key}:", entry.get(f":{key}"))
        return "" if value is None else str(value).strip()

    return tuple(Learner(text(e, "name"), text(e, "sid"), "", text(e, "email")) for e in told)
