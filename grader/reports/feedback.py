"""feedback.md: what one learner reads. Nothing from the learner's file can become markup in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from grader.explain import explain_exercise, explain_helpers
from grader.i18n import Translate, translator
from grader.plaintext import escape_markdown, fence
from grader.reports import told
from grader.reports.execution import execution_part
from grader.reports.told import MOST_CHECKS
from grader.reports.training import training_part
from grader.result import remarks
from grader.sentences import VERDICTS
from grader.types import NOTHING, ExerciseResult, Expectations, Found, Graded

__all__ = ["MOST_CHECKS", "to_markdown"]


def to_markdown(
    graded: Graded, expectations: Expectations, lang: str, environment: Mapping[str, str] = NOTHING
) -> str:
    """The feedback of one submission in one language, as Markdown."""
    _ = translator(lang)
    parts = [
        *_head(graded, lang),
        *_scores(graded, expectations, lang, _),
        *_notebook(graded, lang, _),
        *(part for result in graded.results for part in _exercise(result, graded, expectations, lang, _)),
        *training_part(graded, lang),
        *execution_part(graded, lang),
        *_advice(graded, expectations, lang, _),
        *_foot(graded, environment, lang),
    ]
    return "\n\n".join(parts) + "\n"


def _head(graded: Graded, lang: str) -> Iterator[str]:
    yield f"# {escape_markdown(graded.assignment.title.get(lang, graded.assignment.slug))}"
    yield f"**{escape_markdown(told.who(graded))}** · **{escape_markdown(told.points(graded, lang))}**"


def _scores(graded: Graded, expectations: Expectations, lang: str, _: Translate) -> Iterator[str]:
    lines = []
    for line in told.score_lines(graded, expectations, lang):
        cells = (line.title, line.points, line.verdict, line.because)
        lines.append("| " + " | ".join(escape_markdown(cell) for cell in cells) + " |")
    if lines:
        head = f"| {_('part')} | {_('points')} | {_('verdict')} | {_('because')} |"
        yield "\n".join([head, "| --- | ---: | --- | --- |", *lines])


def _notebook(graded: Graded, lang: str, _: Translate) -> Iterator[str]:
    lines = [f"- {escape_markdown(message)}" for _remark, message in remarks(graded, lang)]
    if lines:
        yield f"## {_('Your notebook')}"
        yield "\n".join(lines)


def _exercise(
    result: ExerciseResult, graded: Graded, expectations: Expectations, lang: str, _: Translate
) -> Iterator[str]:
    exercise = graded.assignment.exercises[result.exercise]
    title = exercise.title.get(lang, exercise.name)
    yield f"## {escape_markdown(title)}: {_(VERDICTS[result.verdict])}"
    yield escape_markdown(explain_exercise(result, expectations, exercise, lang))
    by_name = {other.exercise: other for other in graded.results}
    helpers = explain_helpers(exercise, by_name, lang)
    if helpers:
        yield escape_markdown(helpers)
    if result.finding.found != Found.DEFINED:
        return
    shown, rest = told.shown_checks(result)
    mistakes = told.other_mistakes(result, expectations)
    for check in shown:
        yield fence(told.block_text(check, graded, expectations, mistakes, lang))
    if rest:
        yield escape_markdown(_("Further checks of this exercise that did not pass: {count}.").format(count=rest))


def _advice(graded: Graded, expectations: Expectations, lang: str, _: Translate) -> Iterator[str]:
    checks = told.advice_checks(graded)
    if checks:
        yield f"## {_('Advice')}"
        yield escape_markdown(_("Not mistakes, but inputs that can come up in training:"))
        for check in checks:
            yield fence(told.block_text(check, graded, expectations, expectations.mistakes, lang))


def _foot(graded: Graded, environment: Mapping[str, str], lang: str) -> Iterator[str]:
    sentences = told.foot(graded, environment, lang)
    if sentences:
        yield "---"
        yield escape_markdown(" ".join(sentences))
