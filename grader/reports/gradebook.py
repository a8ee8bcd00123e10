"""grades.csv: one line per submission, for spreadsheets.

UTF-8 with a byte order mark: without it Excel reads Korean names in the system's own encoding. A cell
that a spreadsheet would run as a formula gets an apostrophe in front, so take ids from result.json
where they must be exact.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

# What spreadsheets take for the start of a formula (the wide forms too), and what they skip before it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
COLUMNS = ("id", "final", "earned", "possible")


def to_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The file's bytes. Columns: id, final, earned, possible, then the points of each criterion.

    `rows` come from `grader.result.to_row`. A grade that is not final has final=false and no numbers
    but the possible points.
    """
    criteria = list(dict.fromkeys(criterion["id"] for row in rows for criterion in row["criteria"]))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_cell(name) for name in (*COLUMNS, *criteria)])
    for row in rows:
        earned = {criterion["id"]: criterion["earned"] for criterion in row["criteria"]}
        points = [_points(earned.get(name), row) for name in criteria]
        final = "true" if row["final"] else "false"
        writer.writerow([_cell(row["id"]), final, _points(row["earned"], row), row["possible"], *points])
    return text.getvalue().encode("utf-8-sig")


def _points(value: float | None, row: Mapping[str, Any]) -> str:
    return "" if value is None or not row["final"] else str(value)


def _cell(text: str) -> str:
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text
