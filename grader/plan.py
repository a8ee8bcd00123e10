"""Case -> Call: what the worker is told. Inputs only; what is expected stays here."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from grader.types import Assignment, Call, Case


def plan(assignment: Assignment, cases: Iterable[Case], *, float64: bool = False) -> list[Call]:
    """One call per case, public ones first. `float64` casts the inputs exactly, for the oracle.

    Public cases show their values and exceptions. Were they run after hidden ones, a learner's code
    could remember hidden inputs and tell them there.
    """
    order = list(assignment.exercises)
    ranked = sorted(cases, key=lambda case: (not case.public, order.index(case.exercise)))
    return [_call(assignment, case, float64) for case in ranked]


def _call(assignment: Assignment, case: Case, float64: bool) -> Call:
    exercise = assignment.exercises[case.exercise]
    inputs = {
        k: v.astype(np.float64) if float64 and isinstance(v, np.ndarray) else v for k, v in case.inputs.items()
    }
    return Call(
        case.id,
        exercise.name,
        exercise.probes[case.probe].inputs if case.probe else exercise.args,
        exercise.globals,
        inputs,
        case.gradient,
        case.cotangent,
        case.stand_ins,
        case.probe,
        case.observes,
        # A helper that hangs must not take along the calls in which it is stood in for.
        group=f"{case.exercise}+stand_in" if case.stand_ins else "",
    )
