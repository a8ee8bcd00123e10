"""grades.csv: one line per submission, for spreadsheets.

UTF-8 with a byte order mark: without it Excel reads Korean names in the system's own encoding. A cell
that a spreadsheet would run as a formula gets an apostrophe in front, so take ids from result.json
where they must be exact.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from grader.plaintext import cell
from grader.types import Learner

WHO = ("id", "name", "learner", "email", "group")
COLUMNS = (*WHO, "late", "final", "earned", "possible")


def to_csv(rows: Sequence[Mapping[str, Any]], *, bom: bool = True) -> bytes:
    """The file's bytes. Columns: COLUMNS, also where they are empty, then the points of each criterion.

    `rows` come from `grader.result.to_row`. A grade that is not final has final=false and no numbers
    but the possible points.
    """
    criteria = list(dict.fromkeys(criterion["id"] for row in rows for criterion in row["criteria"]))
    lines: list[Sequence[Any]] = [[cell(name) for name in (*COLUMNS, *criteria)]]
    for row in rows:
        earned = {criterion["id"]: criterion["earned"] for criterion in row["criteria"]}
        points = [_points(earned.get(name), row) for name in criteria]
        who = [cell(row[column]) for column in WHO]
        flags = [str(row[column]).lower() for column in ("late", "final")]
        lines.append([*who, *flags, _points(row["earned"], row), row["possible"], *points])
    return _written(lines, bom)


def absent_csv(learners: Iterable[Learner], *, bom: bool = True) -> bytes:
    """Who is on the roster and handed in nothing. No grade: what that is worth is nobody's to say here."""
    told = [[cell(text) for text in (who.name, who.id, who.email, who.group)] for who in learners]
    return _written([["name", "learner", "email", "group"], *told], bom)


def left_out_csv(left: Iterable[tuple[str, str]], *, bom: bool = True) -> bytes:
    """Files of an export that are no submissions: (path, why)."""
    return _written([["path", "why"], *([cell(path), cell(why)] for path, why in left)], bom)


def _written(lines: Iterable[Sequence[Any]], bom: bool) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode("utf-8-sig" if bom else "utf-8")


def _points(value: float | None, row: Mapping[str, Any]) -> str:
    return "" if value is None or not row["final"] else str(value)
