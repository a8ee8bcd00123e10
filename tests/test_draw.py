"""Inputs of cases: what each recipe promises, who can know them, and what changes them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from grader.draw import draw_array, draw_cases, generator
from grader.spec import load_assignment
from grader.types import Array, Assignment, Case

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def assignment() -> Assignment:
    return load_assignment(ROOT / "assignments" / "distillation_tf")


def drawn(assignment: Assignment, secret: bytes = b"a secret") -> dict[str, Case]:
    return {case.id: case for case in draw_cases(assignment, secret)}


def same(first: Case, second: Case) -> bool:
    return first.inputs.keys() == second.inputs.keys() and all(
        np.array_equal(value, second.inputs[name]) for name, value in first.inputs.items()
    )


def array(case: Case, name: str) -> Array:
    value = case.inputs[name]
    assert isinstance(value, np.ndarray)
    return value


def test_cases_come_in_the_order_of_the_file(assignment: Assignment) -> None:
    assert list(drawn(assignment)) == [
        f"{exercise.name}/{case.name}" for exercise in assignment.exercises.values() for case in exercise.cases
    ]


def test_arrays_are_float32_and_read_only_and_numbers_are_floats(assignment: Assignment) -> None:
    for case in drawn(assignment).values():
        for value in case.inputs.values():
            assert isinstance(value, np.ndarray | float)
            if isinstance(value, np.ndarray):
                assert value.dtype == np.float32
                assert np.isfinite(value).all()
                assert not value.flags.writeable


def test_only_hidden_cases_depend_on_the_secret(assignment: Assignment) -> None:
    first, again, other = drawn(assignment), drawn(assignment), drawn(assignment, b"another secret")
    likes = {f"{e.name}/{c.name}" for e in assignment.exercises.values() for c in e.cases if c.like}
    for name, case in first.items():
        assert same(case, again[name])
        derived = name in likes and case.cotangent is None  # made from a public case alone
        assert same(case, other[name]) == (case.public or derived), name


def test_a_new_case_changes_no_other(assignment: Assignment) -> None:
    before = drawn(assignment)
    exercise = assignment.exercises["pairwise_distance"]
    extra = replace(exercise.cases[0], name="extra")
    longer = replace(exercise, cases=(extra, *exercise.cases))
    after = drawn(replace(assignment, exercises={**assignment.exercises, exercise.name: longer}))
    assert not same(after.pop("pairwise_distance/extra"), before["pairwise_distance/typical"])
    assert all(same(after[name], case) for name, case in before.items())
    assert after.keys() == before.keys()


def test_names_cannot_be_run_together() -> None:
    numbers = [
        generator(secret, *names).integers(2**63)
        for secret in (None, b"", b"public", b"x")
        for names in (("ab", "c"), ("a", "bc"), ("abc",))
    ]
    assert len(set(numbers)) == len(numbers)


def test_like_shares_what_it_does_not_change(assignment: Assignment) -> None:
    cases = drawn(assignment)
    base, permuted = (cases[f"knowledge_distillation/{name}"] for name in ("typical", "permuted"))
    assert permuted.inputs["T"] == base.inputs["T"]
    order = [
        [int(np.flatnonzero((array(base, name) == row).all(axis=1))[0]) for row in array(permuted, name)]
        for name in ("l_t", "l_s")
    ]
    assert order[0] == order[1], "one permutation for all inputs"
    assert sorted(order[0]) == list(range(8))
    assert order[0] != list(range(8))
    shifts = {(new - old) % 8 for old, new in enumerate(order[0])}
    assert len(shifts) > 1, "not a rotation"
    typical, scaled = (cases[f"attention_transfer/{name}"] for name in ("typical", "scaled"))
    assert np.array_equal(array(scaled, "x_s"), 16 * array(typical, "x_s"))
    assert scaled.inputs["x_t"] is typical.inputs["x_t"]


def test_an_array_is_weighted_before_its_gradient_is_taken(assignment: Assignment) -> None:
    cases = drawn(assignment)
    for case in cases.values():
        assert (case.cotangent is not None) == (case.exercise == "pairwise_distance")
    larger = cases["pairwise_distance/larger_batch"]
    weights = array(larger, "cotangent")
    assert weights.shape == (12, 12)
    assert not np.allclose(weights, weights.T), "symmetric weights could not tell d from its transpose"
    permuted = cases["pairwise_distance/permuted"]
    assert permuted.cotangent == "cotangent"
    assert not np.array_equal(array(permuted, "cotangent"), array(cases["pairwise_distance/typical"], "cotangent"))


def test_no_gradient_no_cotangent(assignment: Assignment) -> None:
    exercise = assignment.exercises["pairwise_distance"]
    plain = replace(exercise, cases=(replace(exercise.cases[0], gradient=()),))
    case = draw_cases(replace(assignment, exercises={exercise.name: plain}), b"")[0]
    assert case.cotangent is None
    assert "cotangent" not in case.inputs
    alike = replace(exercise.cases[0], name="alike", like="typical", inputs={}, gradient=())
    both = replace(exercise, cases=(exercise.cases[0], alike))
    first, second = draw_cases(replace(assignment, exercises={exercise.name: both}), b"")
    assert first.inputs.keys() - second.inputs.keys() == {"cotangent"}


def test_stand_ins_know_whether_order_matters(assignment: Assignment) -> None:
    cases = drawn(assignment)
    assert all(stand_in.symmetric for stand_in in cases["loss_with_at/with_stand_in"].stand_ins)
    assert all(stand_in.symmetric for stand_in in cases["loss_with_rkd/with_stand_in"].stand_ins)
    assert not any(stand_in.symmetric for stand_in in cases["loss_with_kd/with_stand_in"].stand_ins)


def test_grid_is_exact_and_its_rows_differ() -> None:
    for seed in range(50):
        recipe = {"grid": [4, 1], "step": 0.25, "limit": 1}  # nine different rows: would often coincide
        grid = draw_array(recipe, generator(None, str(seed)))
        assert np.array_equal(grid * 4, np.round(grid * 4))
        assert np.abs(grid).max() <= 1
        assert all((first != second).any() for first, second in combinations(grid, 2))


def test_grid_options() -> None:
    plain = {"grid": [5, 10], "step": 0.25, "limit": 8}
    grid = draw_array(plain, generator(None, "x"))
    assert np.abs(grid).max() > 6
    longer = draw_array({**plain, "times_row": [2, 8]}, generator(None, "x"))
    assert np.array_equal(longer[2], 8 * grid[2])
    assert np.array_equal(longer[[0, 1, 3, 4]], grid[[0, 1, 3, 4]])
    equal = draw_array({**plain, "equal_rows": [1, 3]}, generator(None, "x"))
    assert np.array_equal(equal[3], grid[1])
    assert np.array_equal(equal[[0, 1, 2, 4]], grid[[0, 1, 2, 4]])


def test_normal_scale_shift_and_zero_row() -> None:
    values = draw_array({"normal": [100, 100], "scale": 3, "shift": 5, "zero_row": 7}, generator(None, "x"))
    assert not values[7].any()
    rest = np.delete(values, 7, axis=0)
    assert rest.mean() == pytest.approx(5, abs=0.1)
    assert rest.std() == pytest.approx(3, abs=0.1)


def test_onehot() -> None:
    labels = draw_array({"onehot": [50, 4]}, generator(None, "x"))
    assert set(np.unique(labels)) == {0.0, 1.0}
    assert (labels.sum(axis=1) == 1).all()
    assert set(labels.argmax(axis=1)) == {0, 1, 2, 3}


@pytest.mark.parametrize("scale", [1, 2, 30])
def test_softmax_sums_to_one_exactly_in_float32(scale: float) -> None:
    shares = draw_array({"softmax": [200, 10], "scale": scale}, generator(None, "x"))
    assert shares.min() > 0
    for order in (slice(None), slice(None, None, -1)):
        assert (np.cumsum(shares[:, order], axis=1, dtype=np.float32)[:, -1] == 1).all()


def test_uniform_scalar_and_distances() -> None:
    value = draw_array({"uniform": [], "low": 1, "high": 4}, generator(None, "x"))
    assert value.shape == ()
    assert 1 <= value <= 4
    distances = draw_array({"distances": 6, "low": 5, "high": 30}, generator(None, "x"))
    assert np.array_equal(distances, distances.T)
    assert not np.diag(distances).any()
    entries = distances[np.triu_indices(6, 1)]
    assert entries.min() >= 5
    assert entries.max() <= 30
    assert np.array_equal(entries * 4, np.round(entries * 4))
    assert len(set(entries)) > 10
