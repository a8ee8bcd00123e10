"""The class at a glance, in the terminal. Marks are characters, colour only repeats them."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.i18n import Translate, translator
from grader.plaintext import clean
from grader.types import Mistake, Verdict

RIGHT, PARTLY, WRONG, NOTHING, UNCLEAR, OURS = "✓", "~", "✗", "–", "±", "?"
STYLES = {RIGHT: "green", PARTLY: "yellow", WRONG: "red", NOTHING: "dim", UNCLEAR: "cyan", OURS: "magenta"}
MOST_MISTAKES = 5
MOST_ROWS = 100
_NOTHING_DONE = (Verdict.MISSING, Verdict.NOT_ATTEMPTED, Verdict.SKIPPED)

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


def mark_of(criterion: Mapping[str, Any]) -> str:
    """One character for one criterion of a row."""
    verdict = Verdict(criterion["verdict"])
    if verdict == Verdict.INTERNAL:
        return OURS
    if verdict == Verdict.INCONCLUSIVE:
        return UNCLEAR
    if verdict in _NOTHING_DONE:
        return NOTHING
    earned, points = criterion["earned"] or 0, criterion["points"]
    if verdict == Verdict.PASSED:
        return RIGHT if earned >= points else PARTLY
    # Robustness is advice: without points of its own it is never a plain "wrong".
    return PARTLY if earned > 0 or (criterion["kind"] == "robustness" and not points) else WRONG


def _grade(row: Row, _: Translate) -> str:
    if not row["final"]:
        return _("not final")
    return f"{row['earned']:g} / {row['possible']:g}"


def _summary(rows: Sequence[Row], _: Translate) -> Iterator[str]:
    shares = sorted(row["earned"] / row["possible"] for row in rows if row["final"] and row["possible"])
    line = _("{count} submissions, {final} final").format(
        count=len(rows), final=sum(bool(row["final"]) for row in rows)
    )
    if shares:
        middle = len(shares) // 2
        median = shares[middle] if len(shares) % 2 else (shares[middle - 1] + shares[middle]) / 2
        mean = sum(shares) / len(shares)
        line += "; " + _("mean {mean:.0%}, median {median:.0%}, full marks {full}").format(
            mean=mean, median=median, full=sum(share >= 1 for share in shares)
        )
    yield line


def _commonest(rows: Sequence[Row], mistakes: Mapping[str, Mistake], lang: str, _: Translate) -> Iterator[str]:
    counts = Counter(name for row in rows for name in dict.fromkeys(row["mistakes"]))
    if not counts:
        return
    yield ""
    yield _("Commonest mistakes:")
    for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_MISTAKES]:
        hint = mistakes[name].hint.get(lang, "") if name in mistakes else ""
        yield f"  {count:>4} × {name}" + (f": {hint}" if hint else "")


def _not_final(rows: Sequence[Row], _: Translate) -> Iterator[str]:
    waiting = [row for row in rows if not row["final"]]
    if not waiting:
        return
    yield ""
    yield _("Not final, to be graded again:")
    for row in waiting:
        yield f"  {clean(row['id'], 120)}: {clean(row['note'], 300)}"
