"""grader.plan: what the worker is told, and in which order."""

import numpy as np

from grader.context import Grading
from grader.plan import plan


def test_no_public_case_runs_after_a_hidden_one(grading: Grading) -> None:
    public = {case.id: case.public for case in grading.cases}
    order = [public[call.id] for call in plan(grading.assignment, grading.cases)]
    assert order == sorted(order, reverse=True)
    assert True in order
    assert False in order


def test_every_case_is_called_once_and_brings_all_its_names(grading: Grading) -> None:
    calls = plan(grading.assignment, grading.cases)
    assert sorted(call.id for call in calls) == sorted(case.id for case in grading.cases)
    for call in calls:
        assert {*call.args, *call.bind, *call.gradient} <= set(call.inputs)


def test_calls_with_stand_ins_share_no_fate_with_the_others(grading: Grading) -> None:
    calls = plan(grading.assignment, grading.cases)
    stood_in = {call.group for call in calls if call.stand_ins}
    assert stood_in
    assert all(not call.group for call in calls if not call.stand_ins)


def test_the_oracle_sees_the_same_numbers_in_float64(grading: Grading) -> None:
    for single, double in zip(
        plan(grading.assignment, grading.cases), plan(grading.assignment, grading.cases, float64=True), strict=True
    ):
        for name, value in single.inputs.items():
            if isinstance(value, np.ndarray):
                assert double.inputs[name].dtype == np.float64
                assert np.array_equal(value, double.inputs[name])
