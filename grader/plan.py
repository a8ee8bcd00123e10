"""Case -> Call: what the worker is told. Inputs only; what is expected stays here."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from grader.types import Assignment, Call, Case


def plan(assignment: Assignment, cases: Iterable[Case], *, float64: bool = False) -> list[Call]:
    """One call per case, exercise by exercise. `float64` casts the inputs exactly, for the oracle.

    An exercise's calls with stand-ins come first: a helper that hangs would otherwise take them along.
    """
    order = list(assignment.exercises)
    ranked = sorted(cases, key=lambda case: (order.index(case.exercise), case.kind != "follow_through"))
    return [_call(assignment, case, float64) for case in ranked]


def _call(assignment: Assignment, case: Case, float64: bool) -> Call:
    exercise = assignment.exercises[case.exercise]
    inputs = {
        k: v.astype(np.float64) if float64 and isinstance(v, np.ndarray) else v for k, v in case.inputs.items()
    }
    return Call(
        case.id,
        exercise.name,
        exercise.args,
        exercise.globals,
        inputs,
        case.gradient,
        case.cotangent,
        case.stand_ins,
    )
