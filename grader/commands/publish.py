"""A class as seen from outside: grades.csv, index.html, who handed in nothing, the table in the terminal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.alike import groups
from grader.context import Grading, environment
from grader.journal import write_all
from grader.programs import known_mistakes
from grader.reports.gradebook import absent_csv, to_csv
from grader.reports.index import About, to_html
from grader.reports.terminal import render, wants_color
from grader.types import Learner

Row = Mapping[str, Any]  # see grader.result.to_row


def publish(
    rows: Sequence[Row],
    grading: Grading,
    out: Path,
    about: Mapping[str, Any],
    lang: str,
    *,
    complete: bool,
    bom: bool = True,
) -> None:
    """Write the files of the class; the numbers before the page."""
    absent = tuple(Learner(**learner) for learner in about.get("absent", ()))
    files = {"grades.csv": to_csv(rows, bom=bom)}
    if absent:
        files["nothing_handed_in.csv"] = absent_csv(absent, bom=bom)
    write_all(out, files)
    mistakes = known_mistakes(grading.reference)
    page = About(
        slug=grading.assignment.slug,
        title=grading.assignment.title,
        version=grading.assignment.version,
        graded_at=time.strftime("%Y-%m-%d %H:%M %z"),
        told=tuple(about.get("told", ())),
        absent=absent,
        mistakes=mistakes,
        alike=groups(rows, mistakes),
        environment=environment(grading.assignment.framework),
        complete=complete,
    )
    write_all(out, {"index.html": to_html(rows, page, lang).encode("utf-8", "replace")})


def summary(rows: Sequence[Row], grading: Grading, out: Path, lang: str, *, as_json: bool) -> str:
    """What the command prints."""
    if as_json:
        not_final = [row["id"] for row in rows if not row["final"]]
        told = {"out": str(out), "not_final": not_final, "submissions": rows}
        return json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    table = render(rows, lang, known_mistakes(grading.reference), color=wants_color(sys.stdout))
    return f"{table}\n{out / 'grades.csv'}\n{out / 'index.html'}\n"
