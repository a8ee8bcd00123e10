"""nbgrader: grades.csv with the columns that `nbgrader export` writes, for what reads those.

https://github.com/jupyter/nbgrader, nbgrader/plugins/export.py. Two things are not as there, on purpose: cells
with a comma are quoted (nbgrader writes `Doe, Jr.` as two cells), and who has no final grade has no row (nbgrader
writes 0.0 for whoever handed in nothing).
"""

from __future__ import annotations

import csv
import io

from grader.lms.marks import above, number, scaled
from grader.lms.records import Change, Export, Mark, Marks, Refused, Request
from grader.plaintext import cell

FILE = "grades.csv"
COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score",
)  # fmt: skip
DOUBLE = ("남궁", "황보", "제갈", "사공", "선우", "서문", "독고", "동방")  # Korean family names of two syllables


def encode(marks: Marks, request: Request) -> Export:
    """grades.csv. Raises Refused for a sheet: there is none to fill in."""
    if request.sheet or request.sheet_name or request.column:
        raise Refused("nbgrader has no sheet that is filled in; leave out --sheet and --column")
    rows: list[tuple[str, ...]] = []
    changes: list[Change] = []
    guarded: list[str] = []
    for mark in marks.marks:
        maximum = request.maximum or mark.possible
        value = scaled(mark, maximum)
        who = mark.learner.name or mark.id
        if value is None:
            changes.append(Change(who, "grade", "", "", "not final: no row"))
            continue
        row = _row(mark, _float(value), _float(maximum))
        safe = tuple(map(cell, row))
        if safe != row:
            guarded.append(mark.id)
        rows.append(safe)
        note = f"cut to the maximum, from {number(mark.earned or 0)} points" if above(mark) else ""
        changes.append(Change(who, "grade", "", row[COLUMNS.index("score")], note))
    told = ["nothing of nbgrader imports such a file; it is for whatever reads what `nbgrader export` writes"]
    if guarded:
        told.append(
            f"an apostrophe stands before what a spreadsheet would run as a formula, of: {', '.join(guarded)}"
        )
    return Export({FILE: _written(rows)}, tuple(changes), tuple(told))


def _row(mark: Mark, score: str, maximum: str) -> tuple[str, ...]:
    last, first = _names(mark.learner.name)
    student = mark.address.get("student") or mark.learner.id or mark.id
    assignment = mark.address.get("assignment") or mark.about.slug
    # When it was due and handed in is not known here; points are not taken off for lateness.
    return (assignment, "", "", student, last, first, mark.learner.email, score, "0.0", score, maximum)


def _names(name: str) -> tuple[str, str]:
    """Last and first name, where that is clear; both empty where it is not."""
    last, comma, first = name.partition(",")
    if comma:
        return last.strip(), first.strip()
    words = name.split()
    hangul = all("가" <= letter <= "힣" for letter in "".join(words))
    if len(words) == 1 and hangul and 2 <= len(name.strip()) <= 4:
        cut = 2 if words[0].startswith(DOUBLE) and len(words[0]) > 2 else 1
        return words[0][:cut], words[0][cut:]
    if len(words) != 2:
        return "", ""
    if hangul:  # either may come first; the family name is the short one
        family = [word for word in words if len(word) == 1 or word in DOUBLE]
        given = [word for word in words if word not in family]
        return (family[0], given[0]) if len(family) == 1 else ("", "")
    return words[1], words[0]


def _float(value: float) -> str:
    """As Python writes a float: `12.0`."""
    text = number(value)
    return text if "." in text else f"{text}.0"


def _written(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    return text.getvalue().encode()
