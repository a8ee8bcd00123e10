"""A folder of git working copies, as GitHub Classroom's `gh classroom clone student-repos` makes them.

Each is one submission, called `<assignment>-<login>`. What is in `.git` is never read.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.intake.records import HandIn, Member, Reading, Tree
from grader.types import Learner


def sort(tree: Tree) -> Reading | None:
    """One hand-in for each folder that holds a `.git`; None when there is none."""
    clones = {member.parts[0] for member in tree.members if len(member.parts) > 1 and member.parts[1] == ".git"}
    if not clones:
        return None
    own: dict[str, list[Member]] = {clone: [] for clone in clones}
    rest: list[Member] = []
    for member in tree.members:
        own.get(member.parts[0], rest).append(member)
    prefix = _common_prefix(sorted(clones)) if len(clones) > 1 else ""
    hand_ins = [
        HandIn(
            label=clone,
            place=f"{tree.where}/{clone}",
            members=tuple(members),
            learner=Learner(id=clone.removeprefix(prefix) if prefix else ""),
            address={"system": "git", "folder": clone},
        )
        for clone, members in sorted(own.items())
    ]
    return Reading("git working copies", tuple(hand_ins), rest=tuple(rest))


def _common_prefix(names: Sequence[str]) -> str:
    """What all begin with, up to a `-`."""
    first, last = names[0], names[-1]  # sorted: what these two share, all share
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: first.rfind("-", 0, length) + 1]
