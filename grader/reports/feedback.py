"""feedback.md: what one learner reads. Nothing from the learner's file can become markup in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from grader.check_words import explain_check
from grader.explain import (
    explain_exercise,
    explain_helpers,
    explain_score,
    located,
)
from grader.i18n import Translate, translator
from grader.plaintext import clean, escape_markdown, fence
from grader.reports.execution import execution_part
from grader.reports.training import training_part
from grader.result import remarks
from grader.sentences import VERDICTS
from grader.training_words import score_word
from grader.types import (
    NOTHING,
    CheckResult,
    Criterion,
    ExerciseResult,
    Expectations,
    Found,
    Graded,
    Mistake,
    Score,
    Verdict,
)

MOST_CHECKS = 3  # shown per exercise; one slip shows in every case


def to_markdown(
    graded: Graded, expectations: Expectations, lang: str, environment: Mapping[str, str] = NOTHING
) -> str:
    """The feedback of one submission in one language, as Markdown."""
    _ = translator(lang)
    parts = [
        *_head(graded, lang, _),
        *_scores(graded, expectations, lang, _),
        *_notebook(graded, lang, _),
        *(part for result in graded.results for part in _exercise(result, graded, expectations, lang, _)),
        *training_part(graded, lang),
        *execution_part(graded, lang),
        *_advice(graded, expectations, lang, _),
        *_foot(graded, environment, _),
    ]
    return "\n\n".join(parts) + "\n"


def _head(graded: Graded, lang: str, _: Translate) -> Iterator[str]:
    yield f"# {escape_markdown(graded.assignment.title.get(lang, graded.assignment.slug))}"
    who = escape_markdown(clean(graded.submission.id, 120))
    grade = graded.grade
    if grade.final:
        points = _("{earned:g} of {possible:g} points").format(earned=grade.earned, possible=grade.possible)
    else:
        points = _("no grade yet")
    yield f"**{who}** · **{escape_markdown(points)}**"


def _scores(graded: Graded, expectations: Expectations, lang: str, _: Translate) -> Iterator[str]:
    if not graded.grade.final or graded.unreadable:
        return
    lines = [
        f"| {_('part')} | {_('points')} | {_('verdict')} | {_('because')} |",
        "| --- | ---: | --- | --- |",
    ]
    for score in graded.grade.scores:
        told = explain_score(score, lang, expectations.mistakes)
        advice = score.criterion.kind == "robustness" and not score.criterion.points
        verdict = _("advice") if advice and score.verdict != Verdict.PASSED else _(score_word(score))
        cells = (_title(score.criterion, graded, lang), _points(score), verdict, told)
        lines.append("| " + " | ".join(escape_markdown(cell) for cell in cells) + " |")
    yield "\n".join(lines)


def _points(score: Score) -> str:
    return f"{score.earned:g} / {score.criterion.points:g}"


def _title(criterion: Criterion, graded: Graded, lang: str) -> str:
    if criterion.title:
        return criterion.title.get(lang, criterion.id)
    _ = translator(lang)
    exercise = graded.assignment.exercises.get(criterion.exercise or "")
    if exercise is not None:
        title = exercise.title.get(lang, exercise.name)
        return _("{exercise}: training").format(exercise=title) if criterion.kind == "training" else title
    titles = {"robustness": _("robustness"), "runs_clean": _("the whole notebook runs")}
    return titles.get(criterion.kind, criterion.id)


def _notebook(graded: Graded, lang: str, _: Translate) -> Iterator[str]:
    told = [f"- {escape_markdown(message)}" for _remark, message in remarks(graded, lang)]
    if told:
        yield f"## {_('Your notebook')}"
        yield "\n".join(told)


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
    own = [c for c in located(result) if c.kind not in ("robustness", "training")]
    wrong = [c for c in own if c.verdict != Verdict.PASSED]
    different = list({_key(check): check for check in reversed(wrong)}.values())[::-1]
    shown = sorted(different, key=lambda check: not check.public)
    shown = shown[:MOST_CHECKS]
    # The hint stands above the blocks already, once.
    mistakes = {name: known for name, known in expectations.mistakes.items() if name != result.mistake}
    for check in shown:
        yield _block(check, graded, expectations, mistakes, lang)
    if len(wrong) > len(shown):
        rest = len(wrong) - len(shown)
        yield escape_markdown(_("Further checks of this exercise that did not pass: {count}.").format(count=rest))


def _key(check: CheckResult) -> object:
    """The same for checks that would tell the same: of one case, or of one exception in many cases."""
    if check.verdict == Verdict.FAILED:
        return check.case
    return check.verdict, check.fault.type if check.fault else "", check.place


def _block(
    check: CheckResult, graded: Graded, expectations: Expectations, mistakes: Mapping[str, Mistake], lang: str
) -> str:
    expected = expectations.cases.get(f"{check.exercise}/{check.case}")
    exercise = graded.assignment.exercises[check.exercise]
    return fence(explain_check(check, expected.case if expected else None, mistakes, lang, exercise))


def _advice(graded: Graded, expectations: Expectations, lang: str, _: Translate) -> Iterator[str]:
    """Robustness of what is right otherwise: one block per case, the value before its gradients."""
    blocks: dict[tuple[str, str], str] = {}
    for result in graded.results:
        if result.verdict != Verdict.PASSED:
            continue
        for check in located(result):
            if check.kind == "robustness" and check.verdict != Verdict.PASSED:
                block = _block(check, graded, expectations, expectations.mistakes, lang)
                blocks.setdefault((check.exercise, check.case), block)
    if blocks:
        yield f"## {_('Advice')}"
        yield escape_markdown(_("Not mistakes, but inputs that can come up in training:"))
        yield from blocks.values()


def _foot(graded: Graded, environment: Mapping[str, str], _: Translate) -> Iterator[str]:
    told = []
    if environment:
        versions = ", ".join(
            f"{name} {clean(version, 60)}" for name, version in sorted(environment.items()) if name != "platform"
        )
        told.append(_("Graded with {versions}.").format(versions=versions))
    if graded.run is not None:
        layers = ", ".join(graded.run.layers) or _("none")
        told.append(_("Sandbox: {layers}.").format(layers=layers))
    if told:
        yield "---"
        yield escape_markdown(" ".join(told))
