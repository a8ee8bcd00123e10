"""What `grader check` prints: one block per exercise, first what to mend."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from grader.check_words import explain_check
from grader.explain import explain_exercise, explain_helpers, located
from grader.i18n import Translate, translator
from grader.result import remarks
from grader.sentences import VERDICTS
from grader.types import CheckResult, ExerciseResult, Expectations, Graded, Verdict

MOST_CHECKS = 2  # per exercise; one slip shows in every case
NOT_DONE = (Verdict.NOT_ATTEMPTED, Verdict.MISSING)


def render(
    graded: Graded, expectations: Expectations, lang: str, only: Collection[str] = (), warning: str = ""
) -> str:
    """The whole answer as plain text; `only` shows some exercises. `warning`: about the kit, said first."""
    _ = translator(lang)
    lines = [f"! {warning}"] if warning else []
    if not only or graded.unreadable or graded.internal:
        lines += [f"! {message}" for _remark, message in remarks(graded, lang)]
    if graded.internal:
        lines.append(f"! {graded.internal}")
    shown = [r for r in graded.results if not only or r.exercise in only]
    for result in shown:
        lines += ["", *_exercise(result, graded, expectations, lang, _)]
    if shown:
        passed = sum(r.verdict == Verdict.PASSED for r in shown)
        lines += [
            "",
            _("{passed} of {total} exercises are right on the public cases.").format(
                passed=passed, total=len(shown)
            ),
            _("Grading also uses hidden cases, so this is not yet the grade."),
        ]
    return "\n".join(lines).lstrip("\n") + "\n"


def _exercise(
    result: ExerciseResult, graded: Graded, expectations: Expectations, lang: str, _: Translate
) -> Iterator[str]:
    exercise = graded.assignment.exercises[result.exercise]
    mark = "✓" if result.verdict == Verdict.PASSED else "–" if result.verdict in NOT_DONE else "✗"
    yield f"{mark} {result.exercise}: {_(VERDICTS[result.verdict])}"
    for told in (
        explain_exercise(result, expectations, exercise, lang),
        explain_helpers(exercise, {r.exercise: r for r in graded.results}, lang),
    ):
        if told:
            yield f"  {told}"
    trained = [c for c in located(result) if c.kind == "training" and c.verdict not in NOT_DONE]
    checks = [c for c in located(result) if c.verdict != Verdict.PASSED and c.check != "defined"]
    wrong = [c for c in checks if c.kind not in ("robustness", "training")]
    advice = [c for c in checks if c.kind == "robustness"]
    for check in [*wrong[:MOST_CHECKS], *trained, *advice[:1]]:
        yield from _indented(check, graded, expectations, lang)


def _indented(check: CheckResult, graded: Graded, expectations: Expectations, lang: str) -> Iterator[str]:
    expected = expectations.cases.get(f"{check.exercise}/{check.case}")
    block = explain_check(
        check,
        expected.case if expected else None,
        expectations.mistakes,
        lang,
        graded.assignment.exercises[check.exercise],
    )
    yield from (f"    {line}" for line in block.splitlines())
