"""grader.compare: what counts as equal, and what a mismatch says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.compare import allowance, coincides, compare, excess, factor, loss_value

ARRAYS = hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=5), elements=st.floats(-1e6, 1e6))


@given(ARRAYS)
def test_an_array_equals_itself(array: np.ndarray) -> None:
    assert compare(array, array, 1e-12) is None
    assert excess(array, array, 1e-12) == 0.0


@given(ARRAYS, st.floats(1.5, 1e6))
def test_one_entry_beyond_the_allowance_is_found(array: np.ndarray, times: float) -> None:
    allowed = allowance(array, 1e-3)
    moved = array.copy()
    moved.flat[0] += times * allowed
    mismatch = compare(moved, array, allowed)
    assert mismatch is not None
    assert mismatch.kind == "value"
    assert (mismatch.wrong, mismatch.total) == (1, array.size)
    assert mismatch.excess == pytest.approx(times, rel=1e-3)


@given(ARRAYS, st.floats(0, 0.9))
def test_within_the_allowance_is_equal(array: np.ndarray, times: float) -> None:
    allowed = allowance(array, 1e-3)
    assert compare(array + times * allowed, array, allowed) is None


def test_dtype_shape_and_non_finite_come_before_values() -> None:
    expected = np.ones((2, 3))
    assert compare(np.ones((2, 3), np.int64), expected, 1.0).kind == "dtype"
    assert compare(np.ones((3, 2)), expected, 1.0).kind == "shape"
    bad = np.ones((2, 3))
    bad[1, 2] = np.nan
    mismatch = compare(bad, expected, 1.0)
    assert (mismatch.kind, mismatch.wrong) == ("non_finite", 1)
    assert "[1, 2] = nan" in mismatch.actual


def test_infinity_is_not_a_large_number() -> None:
    assert compare(np.array([np.inf]), np.array([1e30]), 1e40).kind == "non_finite"


@pytest.mark.parametrize("shape", [(), (6,), (6, 1), (1,), (6, 6)])
def test_a_loss_counts_by_its_mean_as_keras_takes_it(shape: tuple) -> None:
    got = loss_value(np.full(shape, 2.0, np.float32))
    assert got.shape == ()
    assert float(got) == 2.0


def test_a_loss_without_entries_is_none() -> None:
    assert loss_value(np.zeros((0,), np.float32)) is None


def test_the_mean_of_a_loss_is_taken_in_float64() -> None:
    values = np.full(10_000_000, 0.1, np.float32)
    assert float(loss_value(values)) == pytest.approx(float(np.float32(0.1)), rel=1e-9)


def test_a_constant_multiple_is_said() -> None:
    expected = np.arange(1.0, 7.0).reshape(2, 3)
    assert compare(0.1 * expected, expected, 1e-5).factor == pytest.approx(0.1)
    assert compare(expected + 1, expected, 1e-5).factor is None


def test_a_scalar_is_a_multiple_only_when_that_says_something() -> None:
    assert factor(np.array(4.0), np.array(2.0), 1e-6) == pytest.approx(2.0)
    assert factor(np.array(0.2), np.array(2.0), 1e-6) == pytest.approx(0.1)
    assert factor(np.array(2.7), np.array(2.0), 1e-6) is None
    assert factor(np.array(1.0), np.array(0.0), 1e-6) is None


def test_rounding_measured_on_the_reference_widens_and_never_narrows() -> None:
    expected = np.array([2.0])
    assert allowance(expected, 1e-5) == pytest.approx(2e-5)
    assert allowance(expected, 1e-5, rounding=1e-5) == pytest.approx(3e-4)
    assert allowance(expected, 1e-5, rounding=0.0) == allowance(expected, 1e-5)


def test_a_mistake_that_gives_nan_is_recognised_by_its_nan() -> None:
    assert coincides(np.array([np.nan, 1.0]), np.array([np.nan, 1.0]), 1e-6)
    assert not coincides(np.array([np.nan, 1.0]), np.array([1.0, np.nan]), 1e-6)
    assert coincides(None, None, 1e-6)
    assert not coincides(None, np.zeros(()), 1e-6)
    assert excess(np.array([math.nan]), np.array([1.0]), 1.0) == math.inf
