"""What `grader check` prints: one block per exercise, first what to mend. The HTML is in selfcheck_html.py."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from grader.i18n import translator
from grader.plaintext import pad, width
from grader.reports.grids import to_lines
from grader.reports.lesson import DEFAULT, FORMULA, Lesson, Sheet, Shown, sheet
from grader.types import Expectations, Graded


def render(
    graded: Graded,
    expectations: Expectations,
    lang: str,
    only: Collection[str] = (),
    warning: str = "",
    *,
    hints: int = DEFAULT,
    limit: int = FORMULA,
) -> str:
    """The whole answer as plain text; `only` shows some exercises. `warning`: about the kit, said first.

    `hints`: how far up the ladder was asked for; `limit`: how far the course lets a learner go. Nothing depends on
    colour: there is none.
    """
    told = sheet(graded, expectations, lang, only, warning, hints, limit)
    return "\n".join(_lines(told, lang)).lstrip("\n") + "\n"


def _lines(told: Sheet, lang: str) -> Iterator[str]:
    _ = translator(lang)
    yield from (f"! {warning}" for warning in told.warnings)
    for lesson in told.lessons:
        yield ""
        yield from _lesson(lesson, lang)
    if told.lessons:
        yield ""
        yield told.summary
        yield _("Only when grading, so this is not yet the grade:")
        yield from (f"  {line}" for line in told.unchecked)
    if told.ladder:
        yield told.ladder


def _lesson(lesson: Lesson, lang: str) -> Iterator[str]:
    _ = translator(lang)
    yield f"{lesson.mark} {lesson.exercise}: {lesson.verdict}"
    yield from (f"  {sentence}" for sentence in lesson.told)
    for shown in lesson.checks:
        yield from (f"    {line}" for line in _check(shown, lang))
    if lesson.meanings:
        yield f"  {_('What the numbers say:')}"
        yield from (f"    {sentence}" for sentence in lesson.meanings)
    if lesson.cause:
        yield f"  {_('Likely cause:')} {lesson.cause}"
    if lesson.formula:
        yield f"  {_('In the formula:')}"
        for number, line, means in lesson.formula:
            yield f"    ({number}) {line}"
            yield f"        {means}"


def _check(shown: Shown, lang: str) -> Iterator[str]:
    _ = translator(lang)
    block = shown.block
    yield f"{block.headline}  ({block.place})" if block.place else block.headline
    columns = max((width(label) for label, _value in block.rows), default=0)
    yield from (f"  {pad(label, columns)}  {value}" for label, value in block.rows)
    if shown.grid is not None:
        yield from (f"  {line}" for line in to_lines(shown.grid, (_("expected"), _("got")), lang))
    yield from (f"  {line}" for line in block.lines)
