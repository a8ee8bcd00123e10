"""What is checked about one call: the value that came back and each gradient that was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from grader.compare import allowance, brief, coincides, compare, excess, loss_value, shape_text
from grader.types import (
    Answer,
    Array,
    Case,
    CheckResult,
    Exercise,
    Expected,
    Family,
    Mismatch,
    Observation,
    Verdict,
)


def names(case: Case) -> tuple[str, ...]:
    """The checks of a case, in the order in which they are reported."""
    if case.probe:
        return case.observes
    return ("value", *(f"gradient:{name}" for name in case.gradient))


def part(of: Observation | Answer, check: str) -> Array | None:
    """The array that `check` looks at."""
    if check == "value":
        return of.value
    if check.startswith("gradient:"):
        return of.gradients.get(check.removeprefix("gradient:"))
    return of.arrays.get(check)


def comparable(array: Array | None, check: str, exercise: Exercise, case: Case) -> Array | None:
    """`array` in the form in which it is compared.

    A loss is reduced to its mean. A gradient by probabilities p is taken on to the logits in front of
    their softmax, ``p * (g - sum(p * g))``: there it does not matter whether a cross-entropy divides p
    by its sum first, as Keras does, or takes p as it is.
    """
    if array is None or case.probe:
        return array
    if check == "value":
        return loss_value(array) if exercise.returns == "loss" else array
    name = check.removeprefix("gradient:")
    if name not in exercise.probabilities or array.shape != np.shape(case.inputs[name]):
        return array
    p = np.asarray(case.inputs[name], np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(p * (array - (p * array).sum(-1, keepdims=True)))


def goes_with(family: Family, helpers: Sequence[str]) -> bool:
    """Whether an accepted form may be combined with these forms of the helpers it uses."""
    return not family.helpers or all(helper in family.helpers for helper in helpers)


def run_checks(
    observation: Observation, answer: Answer, expected: Expected, exercise: Exercise
) -> Iterator[CheckResult]:
    """Compare one observation with one accepted answer."""
    case = expected.case
    for check in names(case):
        verdict, mismatch = _one(observation, answer, check, expected, exercise)
        fault = observation.fault
        yield CheckResult(
            exercise.name,
            case.name,
            check,
            verdict,
            case.kind,
            case.public,
            mismatch,
            fault=fault,
            place=fault.place if fault else None,
            detail=observation.detail,
        )


def _one(
    observation: Observation, answer: Answer, check: str, expected: Expected, exercise: Exercise
) -> tuple[Verdict, Mismatch | None]:
    if observation.ended != Verdict.PASSED:
        return observation.ended, None
    returned = part(observation, check)
    if expected.case.kind == "robustness":
        mismatch = stays_finite(returned)
        return (Verdict.FAILED if mismatch else Verdict.PASSED), mismatch
    want = comparable(part(answer, check), check, exercise, expected.case)
    if want is None:  # the reference has nothing to say here (it is undefined at this point)
        return Verdict.PASSED, None
    allowed = allowed_for(check, want, expected, exercise)
    actual = comparable(returned, check, exercise, expected.case)
    if returned is None:
        mismatch = Mismatch(
            "none", "nothing" if expected.case.probe else "no gradient", shape_text(want.shape), allowed
        )
    elif returned.dtype.kind != "f":
        mismatch = Mismatch("dtype", str(returned.dtype), "a floating dtype", allowed)
    elif actual is None:
        mismatch = Mismatch("shape", shape_text(returned.shape), "a scalar or one value per sample", allowed)
    else:
        mismatch = compare(actual, want, allowed)
    return (Verdict.FAILED if mismatch else Verdict.PASSED), mismatch


def stays_finite(returned: Array | None) -> Mismatch | None:
    """The robustness check. Right answers differ at such points, so only non-finite entries count."""
    if returned is None or returned.dtype.kind != "f" or np.isfinite(returned).all():
        return None
    wrong = int((~np.isfinite(returned)).sum())
    return Mismatch("non_finite", brief(returned), "finite numbers", wrong=wrong, total=returned.size)


def allowed_for(check: str, want: Array, expected: Expected, exercise: Exercise) -> float:
    """The absolute tolerance of one check on one case."""
    case = expected.case
    rtol = exercise.probes[case.probe].observes[check].rtol if case.probe else exercise.rtol
    return allowance(want, rtol, expected.rounding.get(check, 0.0))


def looks_like(
    observation: Observation, answer: Answer, check: str, expected: Expected, exercise: Exercise
) -> bool:
    """Whether a wrong value or gradient is the one that a known mistake gives."""
    if observation.ended != Verdict.PASSED or not answer.given:
        return False
    known = comparable(part(answer, check), check, exercise, expected.case)
    actual = comparable(part(observation, check), check, exercise, expected.case)
    scale = np.zeros(()) if known is None else known
    return coincides(actual, known, allowed_for(check, scale, expected, exercise))


def distance(
    observation: Observation, answer: Answer, check: str, expected: Expected, exercise: Exercise
) -> float:
    """How far an observation is from an answer, in units of what is allowed (for vetting)."""
    want = comparable(part(answer, check), check, exercise, expected.case)
    if want is None:
        return 0.0
    actual = comparable(part(observation, check), check, exercise, expected.case)
    return excess(actual, want, allowed_for(check, want, expected, exercise))
