"""The numbers behind the checks of a result, of public cases only: what a learner may see of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grader.checks import allowed_for, comparable, names, part
from grader.judge import compared_with
from grader.types import Array, Case, Exercise, ExerciseResult, Expectations, Graded, Verdict


@dataclass(frozen=True, eq=False)
class Evidence:
    """One check of one public case. `actual` is None where nothing came back, such as no gradient."""

    case: Case
    check: str
    actual: Array | None
    expected: Array  # float64
    allowed: float  # absolute


def evidence(result: ExerciseResult, graded: Graded, expectations: Expectations) -> tuple[Evidence, ...]:
    """What the public ordinary cases of an exercise came to, those that gave an answer; case by case."""
    exercise = graded.assignment.exercises[result.exercise]
    if graded.run is None or not result.checks or result.checks[0].check == "defined":
        return ()
    results = {one.exercise: one for one in graded.results}
    ours = [
        e for e in expectations.cases.values() if e.case.exercise == exercise.name and e.case.kind == "ordinary"
    ]
    if any(h not in results for h in exercise.uses) or any(e.case.id not in graded.run.observations for e in ours):
        return ()
    form = compared_with(exercise, graded.run, expectations, results)
    found = []
    for expected in ours:
        case, seen = expected.case, graded.run.observations[expected.case.id]
        if not case.public or seen.ended != Verdict.PASSED or form not in expected.families:
            continue
        for check in names(case):
            want = comparable(part(expected.families[form], check), check, exercise, case)
            if want is not None:
                got = comparable(part(seen, check), check, exercise, case)
                found.append(Evidence(case, check, got, want, allowed_for(check, want, expected, exercise)))
    return tuple(found)


def sizes(case: Case, exercise: Exercise) -> Mapping[str, float]:
    """What has a name in a case: the lengths of its axes, and its plain numbers."""
    found: dict[str, float] = {}
    for name, value in case.inputs.items():
        if isinstance(value, np.ndarray) and value.ndim:
            found.update(zip(exercise.axes.get(name, ()), map(float, value.shape), strict=False))
        elif not exercise.probes and name in (*exercise.args, *exercise.globals):
            found[name] = float(value)
    return found


def axes_of(check: str, exercise: Exercise) -> tuple[str, ...]:
    """The names of the axes of what a check looks at; empty where they have none."""
    if check == "value":
        return exercise.axes.get("returns", ()) if exercise.returns == "array" else ()
    return exercise.axes.get(check.removeprefix("gradient:"), ())
