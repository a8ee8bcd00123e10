"""Exercise results + rubric -> Grade. Points are counted here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum

from grader.types import Criterion, Execution, ExerciseResult, Grade, Policies, Rubric, Score, Verdict

UNTRIED = (Verdict.NOT_ATTEMPTED, Verdict.MISSING, Verdict.SKIPPED)
# Ends of a training that have a reason of their own; the others are named after the verdict.
TRAINED = (Verdict.PASSED, Verdict.INCONCLUSIVE, Verdict.FAILED, Verdict.ERROR, Verdict.SKIPPED)


def score(results: Sequence[ExerciseResult], rubric: Rubric, execution: Execution | None = None) -> Grade:
    """Score every criterion. An internal fault anywhere makes the grade not final.

    `execution`: of the whole notebook, where the rubric asks for it.
    """
    by_name = {result.exercise: result for result in results}
    scores: dict[str, Score] = {}
    for criterion in _needed_first(rubric.criteria):
        if criterion.kind == "runs_clean":
            scores[criterion.id] = _runs_clean(criterion, execution)
        else:
            scores[criterion.id] = _score(criterion, by_name, rubric.policies, scores)
    ordered = tuple(scores[criterion.id] for criterion in rubric.criteria)
    verdicts = [*(result.verdict for result in results), *(s.verdict for s in ordered)]
    return Grade(
        final=Verdict.INTERNAL not in verdicts,
        earned=fsum(s.earned for s in ordered),
        possible=possible(rubric),
        scores=ordered,
    )


def nothing(rubric: Rubric, verdict: Verdict, because: str, *, final: bool, detail: str = "") -> Grade:
    """The grade of a submission that could not be run at all: every criterion for the same reason."""
    scores = tuple(Score(criterion, 0.0, verdict, because, detail) for criterion in rubric.criteria)
    return Grade(final, 0.0, possible(rubric), scores)


def possible(rubric: Rubric) -> float:
    """The points of all criteria together."""
    return fsum(criterion.points for criterion in rubric.criteria)


def _needed_first(criteria: Sequence[Criterion]) -> list[Criterion]:
    by_id = {criterion.id: criterion for criterion in criteria}
    done: dict[str, Criterion] = {}

    def visit(criterion: Criterion) -> None:
        for need in (*criterion.needs, *criterion.needs_attempt):
            if need not in done:
                visit(by_id[need])
        done.setdefault(criterion.id, criterion)

    for criterion in criteria:
        visit(criterion)
    return list(done.values())


def _score(
    criterion: Criterion, results: Mapping[str, ExerciseResult], policies: Policies, so_far: Mapping[str, Score]
) -> Score:
    missed = [need for need in criterion.needs if so_far[need].verdict != Verdict.PASSED]
    if missed:
        return Score(criterion, 0.0, Verdict.SKIPPED, "needs", ", ".join(missed))
    untried = [need for need in criterion.needs_attempt if so_far[need].verdict in UNTRIED]
    if untried:
        return Score(criterion, 0.0, Verdict.SKIPPED, "needs_attempt", ", ".join(untried))
    if criterion.exercise is None:
        return _robustness(criterion, results)
    result = results[criterion.exercise]
    if criterion.kind == "training":
        return _training(criterion, result, policies)
    if result.verdict == Verdict.PASSED:
        return _passed(criterion, result, policies)
    if result.proportional and result.verdict == Verdict.FAILED and policies.proportional_gradient > 0:
        earned = criterion.points * policies.proportional_gradient
        because = "right_gradient" if _right_gradients(result) else "proportional_gradient"
        return Score(criterion, earned, Verdict.FAILED, because, result.mistake or "")
    if result.mistake:
        return Score(criterion, 0.0, result.verdict, "mistake", result.mistake)
    return Score(criterion, 0.0, result.verdict, result.verdict.value)


def _right_gradients(result: ExerciseResult) -> bool:
    ordinary = [c for c in result.checks if c.kind == "ordinary" and c.check.startswith("gradient:")]
    return all(check.verdict == Verdict.PASSED for check in ordinary)


def _passed(criterion: Criterion, result: ExerciseResult, policies: Policies) -> Score:
    if f"{result.exercise}.{result.family}" in policies.forbid_families:
        earned = criterion.points * policies.proportional_gradient  # no less than for any other constant
        return Score(criterion, earned, Verdict.FAILED, "forbidden_family", result.family or "")
    if result.followed:
        earned = criterion.points * policies.follow_through
        return Score(criterion, earned, Verdict.PASSED, "follow_through", ", ".join(result.followed))
    return Score(criterion, criterion.points, Verdict.PASSED, "passed", result.family or "")


def _training(criterion: Criterion, result: ExerciseResult, policies: Policies) -> Score:
    """As measured, whatever the numeric checks said. What could not be decided is never a fail."""
    check = next((check for check in result.checks if check.check == "training"), None)
    if check is None:  # the rubric asked for it: it was ours to do
        return Score(criterion, 0.0, Verdict.INTERNAL, Verdict.INTERNAL.value)
    spared = check.verdict == Verdict.SKIPPED and check.detail in ("followed", "form")
    if spared and result.verdict == Verdict.PASSED:  # right, and not trained for a reason that costs nothing
        earned = criterion.points * (policies.follow_through if result.followed else 1.0)
        return Score(criterion, earned, Verdict.PASSED, f"training_{check.detail}", ", ".join(result.followed))
    earned = criterion.points if check.verdict in (Verdict.PASSED, Verdict.INCONCLUSIVE) else 0.0
    because = f"training_{check.verdict}" if check.verdict in TRAINED else check.verdict.value
    return Score(criterion, earned, check.verdict, because)


def _runs_clean(criterion: Criterion, execution: Execution | None) -> Score:
    """Points for a notebook whose cells all ran. Too slow or too large costs nothing: a person looks."""
    if execution is None:  # the rubric asked for it: it was ours to do
        return Score(criterion, 0.0, Verdict.INTERNAL, Verdict.INTERNAL.value)
    if execution.ended == Verdict.PASSED:
        return Score(criterion, criterion.points, Verdict.PASSED, "runs_clean")
    cell = str(execution.cell or "")
    if execution.ended in (Verdict.TIMEOUT, Verdict.CPU, Verdict.MEMORY, Verdict.INCONCLUSIVE):
        return Score(criterion, criterion.points, Verdict.INCONCLUSIVE, "runs_clean_unclear", cell)
    return Score(criterion, 0.0, execution.ended, "runs_clean_stopped", cell)


def _robustness(criterion: Criterion, results: Mapping[str, ExerciseResult]) -> Score:
    """The share of exercises that are right and stay finite on all their difficult inputs."""
    checks = [(r, [c for c in r.checks if c.kind == "robustness"]) for r in results.values()]
    tried = [(r, own) for r, own in checks if own]
    good = [r for r, own in tried if r.verdict == Verdict.PASSED and all(c.verdict == Verdict.PASSED for c in own)]
    earned = criterion.points * len(good) / len(tried) if tried else 0.0
    if len(good) == len(tried) and tried:
        return Score(criterion, earned, Verdict.PASSED, "passed")
    if not tried:
        return Score(criterion, 0.0, Verdict.NOT_ATTEMPTED, "not_attempted")
    shaky = ", ".join(r.exercise for r, _ in tried if r not in good)
    return Score(criterion, earned, Verdict.FAILED, "robustness", shaky)
