"""Observations + Expectations -> one ExerciseResult per exercise. Pure; no points here.

An exercise passes when one accepted form explains all its ordinary cases. If none does, and a
helper that it uses did not pass either, the cases in which that helper was replaced by a stand-in
decide (follow-through): one slip is not charged twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter

from grader.checks import goes_with, looks_like, names, part, run_checks
from grader.types import (
    REFERENCE,
    Answer,
    Assignment,
    CheckResult,
    Exercise,
    ExerciseResult,
    Expectations,
    Expected,
    Family,
    Finding,
    Found,
    Observation,
    Program,
    Run,
    Verdict,
)

Seen = tuple[Expected, Observation]
UNDEFINED = {
    Found.BLANK: Verdict.NOT_ATTEMPTED,
    Found.BROKEN: Verdict.ERROR,
    Found.MISSING: Verdict.MISSING,
}
NO_ANSWER = Answer(None, {})


def judge(
    program: Program, run: Run, assignment: Assignment, expectations: Expectations
) -> tuple[ExerciseResult, ...]:
    """Judge every exercise, helpers before the functions that use them; returned in notebook order."""
    order = TopologicalSorter({e.name: e.uses for e in assignment.exercises.values()}).static_order()
    results: dict[str, ExerciseResult] = {}
    for name in order:
        exercise = assignment.exercises[name]
        finding = program.findings[name]
        if finding.found == Found.DEFINED:
            results[name] = _judge_defined(exercise, finding, run, expectations, results)
        else:
            results[name] = _undefined(exercise, finding, expectations)
    return tuple(results[name] for name in assignment.exercises)


def compared_with(
    exercise: Exercise, run: Run, expectations: Expectations, results: Mapping[str, ExerciseResult]
) -> str:
    """The key of the accepted form that the ordinary cases of an exercise were compared with; "" without one."""
    helpers = [_family_of(results[helper]) for helper in exercise.uses]
    family, _checks = _best_family(
        exercise, _of_kind("ordinary", exercise, run, expectations), expectations, helpers
    )
    return "/".join((family, *helpers)) if family else ""


def _undefined(exercise: Exercise, finding: Finding, expectations: Expectations) -> ExerciseResult:
    verdict = UNDEFINED[finding.found]
    kinds = {e.case.kind for e in expectations.cases.values() if e.case.exercise == exercise.name}
    checks = tuple(
        CheckResult(exercise.name, "", "defined", verdict, kind, place=finding.place, detail=finding.detail)
        for kind in ("ordinary", "robustness")
        if kind in kinds
    )
    return ExerciseResult(exercise.name, verdict, finding, checks)


def _judge_defined(
    exercise: Exercise,
    finding: Finding,
    run: Run,
    expectations: Expectations,
    helpers: Mapping[str, ExerciseResult],
) -> ExerciseResult:
    ordinary, stood_in, robust = (
        _of_kind(kind, exercise, run, expectations) for kind in ("ordinary", "follow_through", "robustness")
    )
    advice = tuple(c for e, o in robust for c in run_checks(o, NO_ANSWER, e, exercise))
    forms = [_family_of(helpers[h]) for h in exercise.uses]
    family, checks = _best_family(exercise, ordinary, expectations, forms)
    if _all_passed(checks):
        return ExerciseResult(exercise.name, Verdict.PASSED, finding, checks + advice, family)
    wrong = tuple(h for h in exercise.uses if helpers[h].verdict != Verdict.PASSED or helpers[h].followed)
    plain = [REFERENCE] * len(exercise.uses)
    own, alone = _best_family(exercise, stood_in, expectations, plain)
    if wrong and alone and _all_passed(alone):
        return ExerciseResult(exercise.name, Verdict.PASSED, finding, alone + advice, own, followed=wrong)
    mistake = _recognise(exercise, ordinary, checks, expectations)
    mistake = mistake or _recognise(exercise, stood_in, alone, expectations)
    return ExerciseResult(
        exercise.name,
        next(c.verdict for c in checks if c.verdict != Verdict.PASSED),
        finding,
        tuple(replace(c, mistake=mistake) if c.verdict == Verdict.FAILED else c for c in checks) + advice,
        mistake=mistake,
        proportional=_proportional(exercise, ordinary, expectations, forms),
    )


def _of_kind(kind: str, exercise: Exercise, run: Run, expectations: Expectations) -> list[Seen]:
    return [
        (expected, run.observations[case_id])
        for case_id, expected in expectations.cases.items()
        if expected.case.exercise == exercise.name and expected.case.kind == kind
    ]


def _family_of(result: ExerciseResult) -> str:
    return result.family if result.family and result.verdict == Verdict.PASSED else REFERENCE


def _all_passed(checks: Sequence[CheckResult]) -> bool:
    return all(check.verdict == Verdict.PASSED for check in checks)


def _forms(exercise: Exercise, expectations: Expectations, helpers: Sequence[str]) -> list[Family]:
    return [f for f in expectations.families[exercise.name] if goes_with(f, helpers)]


def _against(
    exercise: Exercise, seen: Sequence[Seen], family: str, helpers: Sequence[str]
) -> tuple[CheckResult, ...]:
    key = "/".join((family, *helpers))
    return tuple(c for e, o in seen for c in run_checks(o, e.families[key], e, exercise))


def _best_family(
    exercise: Exercise, seen: Sequence[Seen], expectations: Expectations, helpers: Sequence[str]
) -> tuple[str | None, tuple[CheckResult, ...]]:
    """The one accepted form that explains most checks over all cases together; the plain one in a tie."""
    best: tuple[str | None, tuple[CheckResult, ...]] = (None, ())
    most = -1
    for family in _forms(exercise, expectations, helpers):
        checks = _against(exercise, seen, family.name, helpers)
        passed = sum(check.verdict == Verdict.PASSED for check in checks)
        if passed > most:
            best, most = (family.name, checks), passed
        if passed == len(checks):
            break
    return best


def _recognise(
    exercise: Exercise, seen: Sequence[Seen], checks: Sequence[CheckResult], expectations: Expectations
) -> str | None:
    """The known mistake that gives these numbers on every case: all of them, else values, else gradients."""
    failed = {check.check for check in checks if check.verdict == Verdict.FAILED}
    answered = [(e, o) for e, o in seen if o.ended == Verdict.PASSED]
    if not failed or not answered:
        return None
    own = [name for name, mistake in expectations.mistakes.items() if mistake.exercise == exercise.name]
    if exercise.probes:
        return _recognise_observed(exercise, answered, checks, own)
    all_names = set(names(answered[0][0].case))
    for wanted in (all_names, {"value"}, all_names - {"value"}):
        for name in own if wanted & failed else ():
            if wanted != all_names and any(part(e.mistakes[name], c) is None for e, _ in answered for c in wanted):
                continue  # that there is no gradient says too little by itself
            if all(looks_like(o, e.mistakes[name], c, e, exercise) for e, o in answered for c in wanted):
                return name
    return None


def _recognise_observed(
    exercise: Exercise, answered: Sequence[Seen], checks: Sequence[CheckResult], own: Sequence[str]
) -> str | None:
    """The known mistake that shows the same in every case; else in every case of one probe that failed."""
    wrong = {check.case for check in checks if check.verdict == Verdict.FAILED}
    probes = dict.fromkeys(e.case.probe for e, _ in answered if e.case.name in wrong)
    for group in (answered, *([(e, o) for e, o in answered if e.case.probe == probe] for probe in probes)):
        for name in own:
            if all(looks_like(o, e.mistakes[name], c, e, exercise) for e, o in group for c in names(e.case)):
                return name
    return None


def _proportional(
    exercise: Exercise, ordinary: Sequence[Seen], expectations: Expectations, helpers: Sequence[str]
) -> bool:
    """Whether the gradients are right up to one positive constant per case, for some accepted form."""
    return any(
        _one_constant(_against(exercise, ordinary, family.name, helpers))
        for family in _forms(exercise, expectations, helpers)
    )


def _one_constant(checks: Sequence[CheckResult]) -> bool:
    constants: dict[str, set[float]] = {}
    for check in checks:
        if not check.check.startswith("gradient:"):
            continue
        k = 1.0 if check.verdict == Verdict.PASSED else check.mismatch.factor if check.mismatch else None
        if k is None or k <= 0:
            return False
        constants.setdefault(check.case, set()).add(k)
    return bool(constants) and all(max(ks) - min(ks) <= 1e-3 * max(ks) for ks in constants.values())
