"""What a learner reads about the training pass: a table, what it means, the picture of the curves."""

from __future__ import annotations

from collections.abc import Iterator

from grader.check_words import explain_check
from grader.explain import located
from grader.i18n import translator
from grader.plaintext import escape_markdown, fence
from grader.reports.curves import FILE, drawn
from grader.training_words import confidence, explain_training, interval, percent, verdict_word
from grader.types import CheckResult, Graded, Verdict

NOTHING = "–"
# Nothing to say that the exercise's own part does not say.
UNDONE = (Verdict.NOT_ATTEMPTED, Verdict.MISSING)


def training_part(graded: Graded, lang: str) -> Iterator[str]:
    """Markdown blocks; none where nothing was to be trained."""
    checks = training_checks(graded)
    if not checks:
        return
    _ = translator(lang)
    yield f"## {_('Training')}"
    yield escape_markdown(introduction(lang))
    yield _table(checks, graded, lang)
    yield from (part for check in checks if check.verdict not in UNDONE for part in _told(check, graded, lang))
    if drawn(graded):
        name = _("Training curves, with your loss and without the distillation term")
        yield f"![{escape_markdown(name)}]({FILE})"


def training_checks(graded: Graded) -> list[CheckResult]:
    """The trainings, where there is anything to tell of them; else none."""
    checks = [c for result in graded.results for c in located(result) if c.kind == "training"]
    return [] if all(check.verdict in UNDONE for check in checks) else checks


def introduction(lang: str) -> str:
    """What was done."""
    _ = translator(lang)
    return _(
        "A student was trained briefly with your loss and, from the same initial weights with the same "
        "batches, without the distillation term. The numbers tell how many of the held-out images it then "
        "classifies correctly."
    )


def columns(lang: str) -> tuple[str, ...]:
    """The heads of the table."""
    _ = translator(lang)
    return (_("part"), _("without"), _("with your loss"), _("difference, in points"), _("interval"), _("verdict"))


def cells(check: CheckResult, graded: Graded, lang: str) -> tuple[str, ...]:
    """One training as a line of the table."""
    _ = translator(lang)
    return title(check, graded, lang), *_numbers(check), _(verdict_word(check.kind, check.verdict))


def title(check: CheckResult, graded: Graded, lang: str) -> str:
    """The exercise that was trained."""
    return graded.assignment.exercises[check.exercise].title.get(lang, check.exercise)


def _table(checks: list[CheckResult], graded: Graded, lang: str) -> str:
    rows = ["| " + " | ".join(columns(lang)) + " |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    for check in checks:
        rows.append("| " + " | ".join(escape_markdown(cell) for cell in cells(check, graded, lang)) + " |")
    return "\n".join(rows)


def _numbers(check: CheckResult) -> tuple[str, str, str, str]:
    compared = check.training
    if compared is None or not compared.distilled:
        return NOTHING, NOTHING, NOTHING, NOTHING
    accuracies = percent(compared.scratch), percent(compared.distilled)
    if compared.summary is None:
        return *accuracies, NOTHING, NOTHING
    range_ = f"{interval(compared.summary)} ({confidence(compared.summary)} %)"
    return *accuracies, f"{compared.summary.mean:+.1f}", range_


def _told(check: CheckResult, graded: Graded, lang: str) -> Iterator[str]:
    if check.fault is not None:  # the learner's own words belong into a code block
        yield fence(explain_check(check, None, {}, lang, graded.assignment.exercises[check.exercise]))
        return
    told = " ".join(explain_training(check, lang, numbers=False))
    if told:
        yield f"**{escape_markdown(title(check, graded, lang))}**: {escape_markdown(told)}"
