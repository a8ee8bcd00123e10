"""The class at a glance, in the terminal. Marks are characters, colour only repeats them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.i18n import Translate, translator
from grader.plaintext import clean
from grader.reports import figures
from grader.reports.marks import NOTHING, OURS, PARTLY, RIGHT, UNCLEAR, WRONG, mark_of
from grader.types import Mistake

STYLES = {RIGHT: "green", PARTLY: "yellow", WRONG: "red", NOTHING: "dim", UNCLEAR: "cyan", OURS: "magenta"}
MOST_MISTAKES = 5
MOST_ROWS = 100

Row = Mapping[str, Any]  # see grader.result.to_row


def wants_color(stream: TextIO, environ: Mapping[str, str] | None = None) -> bool:
    """Colour only for people at a terminal, and not where NO_COLOR is set (https://no-color.org)."""
    environ = os.environ if environ is None else environ
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def render(
    rows: Sequence[Row],
    lang: str,
    mistakes: Mapping[str, Mistake] | None = None,
    *,
    color: bool = False,
    width: int | None = None,
) -> str:
    """A table of submissions, a summary, the commonest mistakes and what is not final.

    `width` in columns; without it 120, or as wide as the terminal where there is one.
    """
    _ = translator(lang)
    file = io.StringIO()
    columns = width or (None if color else 120)
    console = Console(
        file=file, force_terminal=color, no_color=not color, width=columns, highlight=False, emoji=False
    )
    criteria = list(dict.fromkeys(criterion["id"] for row in rows for criterion in row["criteria"]))
    console.print(_table(rows[:MOST_ROWS], criteria, _))
    if len(rows) > MOST_ROWS:
        console.print(
            Text(_("… and {count} more, in grades.csv and index.html").format(count=len(rows) - MOST_ROWS))
        )
    if criteria:
        console.print()
        console.print(Columns([Text(f"{number} {name}") for number, name in enumerate(criteria, start=1)]))
        console.print(
            _(
                "✓ correct   ~ partly, or advice   ✗ not correct   – not done   "
                "± not clear, a person looks   ? not graded"
            )
        )
        console.print()
    for line in (*_summary(rows, _), *_commonest(rows, mistakes or {}, lang, _), *_not_final(rows, _)):
        console.print(Text(line))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _table(rows: Sequence[Row], criteria: Sequence[str], _: Translate) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(_("submission"), overflow="fold")
    table.add_column(_("grade"), justify="right", no_wrap=True)
    for number, _name in enumerate(criteria, start=1):
        table.add_column(str(number), justify="center", no_wrap=True)
    table.add_column(_("note"), overflow="fold")
    for row in rows:
        marks = {criterion["id"]: mark_of(criterion) for criterion in row["criteria"]}
        cells = [marks.get(name, NOTHING) if row["final"] else OURS for name in criteria]
        table.add_row(
            Text(clean(row["id"], 120)),  # Text: nothing in it is markup
            Text(_grade(row, _)),
            *(Text(cell, style=STYLES[cell]) for cell in cells),
            Text(clean(row["note"], 100)),
        )
    return table


def _grade(row: Row, _: Translate) -> str:
    if not row["final"]:
        return _("not final")
    return f"{row['earned']:g} / {row['possible']:g}"


def _summary(rows: Sequence[Row], _: Translate) -> Iterator[str]:
    found = figures.numbers(rows)
    line = _("{count} submissions, {final} final").format(count=found.count, final=found.final)
    if found.mean is not None:
        line += "; " + _("mean {mean:.0%}, median {median:.0%}, full marks {full}").format(
            mean=found.mean, median=found.median, full=found.full
        )
    yield line


def _commonest(rows: Sequence[Row], mistakes: Mapping[str, Mistake], lang: str, _: Translate) -> Iterator[str]:
    made = figures.mistakes(rows)
    if not made:
        return
    yield ""
    yield _("Commonest mistakes:")
    for one in made[:MOST_MISTAKES]:
        hint = mistakes[one.name].hint.get(lang, "") if one.name in mistakes else ""
        yield f"  {len(one.rows):>4} × {one.name}" + (f": {hint}" if hint else "")


def _not_final(rows: Sequence[Row], _: Translate) -> Iterator[str]:
    waiting = [row for row in rows if not row["final"]]
    if not waiting:
        return
    yield ""
    yield _("Not final, to be graded again:")
    for row in waiting:
        yield f"  {clean(row['id'], 120)}: {clean(row['note'], 300)}"
