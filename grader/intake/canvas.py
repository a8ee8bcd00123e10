"""Canvas's "Download submissions": one flat zip, everything about a file is in its name.

`doejane_LATE_4321_987654_hw1.ipynb`: name, LATE, user id, attachment id, file; anonymous assignments have
`anon_<5 letters>` for name and user id; text and links are `doejane_4321_text.html`, `…_link.html`
(https://github.com/instructure/canvas-lms, lib/content_zipper.rb). A file handed in again is `hw1-1.ipynb`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from grader.intake.records import HandIn, LeftOut, Member, Reading, Tree
from grader.types import Learner, Remark

WHAT = r"_(?:(?P<attachment>\d+)_(?P<file>.+)|(?P<kind>text|link)\.html)"
NAMED = re.compile(r"(?P<name>.*?)_(?:(?P<late>LATE)_)?(?P<user>\d+)" + WHAT, re.DOTALL)
ANONYMOUS = re.compile(r"(?P<name>)(?:(?P<late>LATE)_)?anon_(?P<user>(?!LATE_)[^_]+)" + WHAT, re.DOTALL)
AGAIN = re.compile(r"(?P<stem>.+)-(?P<number>\d+)(?P<suffix>\.[^.]+)", re.DOTALL)

Found = tuple[Member, re.Match[str]]


def sort(tree: Tree) -> Reading | None:
    """One hand-in for each user; None when this is no Canvas download."""
    flat = [member for member in tree.members if len(member.parts) == 1 and not member.junk]
    for pattern in (ANONYMOUS, NAMED):
        found = [(member, match) for member in flat if (match := pattern.fullmatch(member.name))]
        digits = all(match["user"].isdigit() for _, match in found)  # somebody called Anon
        if 2 * len(found) > len(flat) and _consistent(found) and not (digits and pattern is ANONYMOUS):
            break
    else:
        return None
    users: dict[str, list[Found]] = {}
    for member, match in found:
        own = replace(member, own=match["file"] or f"{match['kind']}.html")
        users.setdefault(match["user"], []).append((own, match))
    sorted_out = [_hand_in(tree, user, theirs) for user, theirs in sorted(users.items())]
    taken = {id(member) for member, _ in found}
    return Reading(
        "Canvas download (anonymous)" if pattern is ANONYMOUS else "Canvas download",
        tuple(hand_in for hand_in, _ in sorted_out),
        tuple(left for _, older in sorted_out for left in older),
        tuple(member for member in tree.members if id(member) not in taken),
    )


def _consistent(found: Sequence[Found]) -> bool:
    """Canvas numbers each file once and each user has one name: `hw_2026_11_kim.ipynb` is not Canvas's."""
    numbers = [match["attachment"] for _, match in found if match["attachment"]]
    names = {(match["user"], match["name"]) for _, match in found}
    return len(set(numbers)) == len(numbers) and len({user for user, _ in names}) == len(names)


def _hand_in(tree: Tree, user: str, found: Sequence[Found]) -> tuple[HandIn, list[LeftOut]]:
    current, older = _newest(found)
    match = current[0][1]
    name = match["name"]
    anonymous = match.re is ANONYMOUS
    label = f"anon_{user}" if anonymous else f"{name}_{user}".lstrip("_")
    hand_in = HandIn(
        label=label,
        place=f"{tree.where}/{label}",
        members=tuple(member for member, _ in current),
        learner=Learner(name=name, id="" if anonymous else user),
        late=any(match["late"] for _, match in current),
        remarks=tuple(Remark("newest_version", detail=match["file"]) for match in _replacing(current, older)),
        address={"system": "canvas", "anonymous" if anonymous else "user": user},
        addresses={
            member.path: {"attachment": match["attachment"] or "", "file": member.name}
            for member, match in current
        },
        newer={member.path: int(match["attachment"] or 0) for member, match in current},
    )
    return hand_in, [LeftOut(member.shown, "an older version of a file") for member, _ in older]


def _version(match: re.Match[str]) -> tuple[str, int]:
    """`hw1-2.ipynb` -> ("hw1.ipynb", 2)."""
    file = match["file"] or ""
    again = AGAIN.fullmatch(file)
    return (again["stem"] + again["suffix"], int(again["number"])) if again else (file, 0)


def _newest(found: Sequence[Found]) -> tuple[list[Found], list[Found]]:
    """Of `hw1.ipynb`, `hw1-1.ipynb`, … the last. Without the first, `part-1` and `part-2` may be two parts."""
    versions: dict[str, list[Found]] = {}
    for pair in found:
        versions.setdefault(_version(pair[1])[0], []).append(pair)
    current: list[Found] = []
    for base, own in versions.items():
        if base and any(match["file"] == base for _, match in own):
            current.append(max(own, key=lambda pair: (_version(pair[1])[1], int(pair[1]["attachment"] or 0))))
        else:
            current += own
    kept = {id(member) for member, _ in current}
    return current, [pair for pair in found if id(pair[0]) not in kept]


def _replacing(current: Sequence[Found], older: Sequence[Found]) -> Iterator[re.Match[str]]:
    replaced = {_version(match)[0] for _, match in older}
    return (match for _, match in current if match["file"] and _version(match)[0] in replaced)
