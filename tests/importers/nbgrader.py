"""What instructors do with `nbgrader export`'s file: read it with a CSV reader, look up `score` by `student_id`.

Nothing of nbgrader reads it back, so this models the readers: columns by their names, numbers with a point, a row
for one learner, `score` at most `max_score` (https://github.com/jupyter/nbgrader, nbgrader/plugins/export.py).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace

from lms_class import Taken

from grader.lms import nbgrader
from grader.lms.records import Marks, Request

PRECISION = 1e-7
HEADER = (
    "assignment,duedate,timestamp,student_id,last_name,first_name,email,"
    "raw_score,late_submission_penalty,score,max_score"
)


def read(data: bytes) -> dict[str, Mapping[str, str]]:
    """student_id -> row. Raises AssertionError for what a reader would garble."""
    text = data.decode("utf-8")
    assert text.split("\n")[0] == HEADER, "the first line is not nbgrader's"
    found: dict[str, Mapping[str, str]] = {}
    for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
        assert None not in row, f"more cells than columns: {row}"
        assert None not in row.values(), f"fewer cells than columns: {row}"
        assert row["student_id"] not in found, f"two rows of {row['student_id']}"
        found[row["student_id"]] = row
    return found


def score(row: Mapping[str, str]) -> float:
    """The share of the maximum."""
    earned, raw, penalty, most = (
        float(row[name]) for name in ("score", "raw_score", "late_submission_penalty", "max_score")
    )
    assert earned == max(0.0, raw - penalty)
    assert 0 <= earned <= most
    return earned / most


def taken(marks: Marks) -> dict[str, Taken]:
    """Every learner's share of the maximum."""
    own = replace(
        marks,
        marks=tuple(
            replace(mark, address={"system": "nbgrader", "student": f"s{number}", "assignment": "hw1"})
            for number, mark in enumerate(marks.marks, 1)
        ),
    )
    rows = read(nbgrader.encode(own, Request()).files["grades.csv"])
    assert all(row["assignment"] == "hw1" for row in rows.values())
    ids = {mark.id: mark.address["student"] for mark in own.marks}
    return {name: Taken(score(rows[student]) if student in rows else None) for name, student in ids.items()}
