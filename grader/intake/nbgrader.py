"""nbgrader's folder `submitted/<student>/<assignment>/<notebook>.ipynb`, with a `timestamp.txt` beside each.

The course's folder with `source/`, `release/`, `autograded/` beside it will do as well
(https://nbgrader.readthedocs.io, "The philosophy and the approach").
"""

from __future__ import annotations

from pathlib import PurePath

from grader.intake.plain import gradable
from grader.intake.records import HandIn, LeftOut, Member, Reading, Tree
from grader.types import Learner

STEP = "submitted"
COURSE = {"source", "release", "autograded", "feedback", "gradebook.db", "nbgrader_config.py"}


def sort(tree: Tree) -> Reading | None:
    """One hand-in for each learner and assignment; None when this is not nbgrader's."""
    tops = {member.parts[0] for member in tree.members}
    base = 1 if STEP in tops else 0
    own: dict[tuple[str, str], list[Member]] = {}
    rest: list[Member] = []
    for member in tree.members:
        parts = member.parts
        if len(parts) >= base + 3 and (not base or parts[0] == STEP) and not member.junk:
            own.setdefault((parts[base], parts[base + 1]), []).append(member)
        else:
            rest.append(member)
    stamped = any(member.parts[base + 2 :] == ("timestamp.txt",) for member in tree.members)
    named = tops & COURSE if base else PurePath(tree.where).name == STEP
    if not own or not (stamped or named) or (not base and gradable(rest)):
        return None
    hand_ins = [
        HandIn(
            label=student,
            place=f"{tree.where}/{'/'.join(members[0].parts[: base + 2])}",
            members=tuple(members),
            learner=Learner(id=student),
            address={"system": "nbgrader", "student": student, "assignment": assignment},
            assignment=assignment,
        )
        for (student, assignment), members in sorted(own.items())
    ]
    left = [LeftOut(m.shown, m.junk or f"not in {STEP}/<student>/<assignment>/") for m in rest]
    return Reading("nbgrader's submitted folder", tuple(hand_ins), tuple(left))
