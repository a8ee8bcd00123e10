"""A self-check as a piece of HTML for the output of a notebook's cell. Says what selfcheck.py says.

Jupyter, VS Code and Colab put it into a page of their own, take <style> and <script> out, and may be dark: so tags
that mean something, hardly a style, and no colour of our own. All text is escaped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from html import escape

from grader.i18n import translator
from grader.reports.grids import MARK, Cell, Grid, foot, head
from grader.reports.lesson import DEFAULT, FORMULA, Lesson, Sheet, Shown, sheet
from grader.types import Expectations, Graded

LABEL = 'scope="row" style="text-align: left; white-space: nowrap"'
NUMBER = 'style="text-align: right; font-family: monospace"'
TEXT = 'style="text-align: left; font-family: monospace"'


def to_html(
    graded: Graded,
    expectations: Expectations,
    lang: str,
    only: Collection[str] = (),
    warning: str = "",
    *,
    hints: int = DEFAULT,
    limit: int = FORMULA,
) -> str:
    """The whole answer as one <div>; the arguments are those of `selfcheck.render`."""
    told = sheet(graded, expectations, lang, only, warning, hints, limit)
    return f'<div lang="{escape(lang)}">\n' + "\n".join(_parts(told, lang)) + "\n</div>"


def _parts(told: Sheet, lang: str) -> Iterator[str]:
    _ = translator(lang)
    yield from (f'<p role="alert"><strong>!</strong> {escape(warning)}</p>' for warning in told.warnings)
    for lesson in told.lessons:
        yield from _lesson(lesson, lang)
    if told.lessons:
        yield f"<p><strong>{escape(told.summary)}</strong></p>"
        yield f"<p>{escape(_('Only when grading, so this is not yet the grade:'))}</p>"
        yield from _list(told.unchecked)
    if told.ladder:
        yield f"<p>{escape(told.ladder)}</p>"


def _lesson(lesson: Lesson, lang: str) -> Iterator[str]:
    """What is right is folded up: it can be opened, and needs no room."""
    title = f"{lesson.mark} <code>{escape(lesson.exercise)}</code>: {escape(lesson.verdict)}"
    if lesson.passed:
        yield f"<details><summary>{title}</summary>"
        yield from _body(lesson, lang)
        yield "</details>"
    else:
        # No <h4>: JupyterLab would list it in the notebook's table of contents.
        yield f"<section><p><strong>{title}</strong></p>"
        yield from _body(lesson, lang)
        yield "</section>"


def _body(lesson: Lesson, lang: str) -> Iterator[str]:
    _ = translator(lang)
    yield from (f"<p>{escape(sentence)}</p>" for sentence in lesson.told)
    for shown in lesson.checks:
        yield from _check(shown, lang)
    if lesson.meanings:
        yield f"<p><strong>{escape(_('What the numbers say:'))}</strong></p>"
        yield from _list(lesson.meanings)
    if lesson.cause:
        yield f"<p><strong>{escape(_('Likely cause:'))}</strong> {escape(lesson.cause)}</p>"
    if lesson.formula:
        yield f"<p><strong>{escape(_('In the formula:'))}</strong></p>"
        yield "<ol>"
        for number, line, means in lesson.formula:
            yield f'<li value="{number}"><code>{escape(line)}</code><br>{escape(means)}</li>'
        yield "</ol>"


def _check(shown: Shown, lang: str) -> Iterator[str]:
    _ = translator(lang)
    block = shown.block
    place = f" ({escape(block.place)})" if block.place else ""
    yield f"<p><em>{escape(block.headline)}</em>{place}</p>"
    if block.rows:
        yield "<table>"
        for label, value in block.rows:
            yield f"<tr><th {LABEL}>{escape(label)}</th><td {TEXT}>{escape(value)}</td></tr>"
        yield "</table>"
    if shown.grid is not None:
        for label, cells in ((_("expected"), shown.grid.expected), (_("got"), shown.grid.actual)):
            yield from _table(head(label, shown.grid), cells, shown.grid)
        yield f"<p><small>{escape(foot(shown.grid, lang))}</small></p>"
    yield from (f"<p>{escape(line)}</p>" for line in block.lines)


def _table(title: str, cells: tuple[tuple[Cell, ...], ...], grid: Grid) -> Iterator[str]:
    yield f'<table><caption style="text-align: left">{escape(title)}</caption>'
    for name, row in zip(grid.rows, cells, strict=True):
        numbers = "".join(f"<td {NUMBER}>{_number(*cell)}</td>" for cell in row)
        yield f"<tr>{f'<th {LABEL}>{escape(name)}</th>' if name else ''}{numbers}</tr>"
    yield "</table>"


def _number(number: str, differs: bool) -> str:
    return f"<mark>{escape(number)}{MARK}</mark>" if differs else escape(number)


def _list(lines: Collection[str]) -> Iterator[str]:
    yield "<ul>"
    yield from (f"<li>{escape(line)}</li>" for line in lines)
    yield "</ul>"
