"""`grader diff`: whose grade moved between two graded classes, and why."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from grader.commands import MEND, OK
from grader.commands.peek import about, look
from grader.reports.difference import compare, to_dict, to_text
from grader.types import FriendlyError


def run(one: Path, two: Path, *, as_json: bool, lang: str) -> int:
    """Print the difference. Returns OK where nobody's grade moved, else MEND (1)."""
    (before, rows_before), (after, rows_after) = look(one, _rows), look(two, _rows)
    slugs = [told.get("slug") for told in (before, after)]
    if all(slugs) and slugs[0] != slugs[1]:
        raise FriendlyError(f"{one} is of {slugs[0]} and {two} of {slugs[1]}: name two folders of one assignment")
    difference = compare(rows_before, rows_after, before, after)
    if as_json:
        print(json.dumps(to_dict(difference), ensure_ascii=False, indent=1))
    else:
        print(to_text(difference, lang), end="")
    return MEND if difference.moves else OK


def _rows(db: sqlite3.Connection) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    return about(db), {name: json.loads(row) for name, row in db.execute("SELECT id, row FROM graded ORDER BY id")}
