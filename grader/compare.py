"""How far an actual array is from the expected one, in units of what is allowed."""

from __future__ import annotations

import math

import numpy as np

from grader.types import Array, Mismatch

SMALLEST_SCALE = 1e-5  # an expected value of exactly 0 still leaves room for rounding
ROUNDING_ROOM = 30.0  # times the float32 error measured on the reference


def allowance(expected: Array, rtol: float, rounding: float = 0.0) -> float:
    """Absolute tolerance for `expected`.

    `rtol` is relative to the largest finite entry, because the rounding of a sum is relative to its
    largest terms and not to the entry it ends in. `rounding` is the absolute float32 error that the
    reference itself showed on this case against its float64 run.
    """
    finite = np.abs(expected[np.isfinite(expected)])
    scale = max(float(finite.max(initial=0.0)), SMALLEST_SCALE)
    return max(rtol * scale, ROUNDING_ROOM * rounding)


def loss_value(actual: Array) -> Array | None:
    """The mean of all entries of a loss; None where there is none.

    Keras takes the mean of whatever a loss function returns, so that a scalar, one value per sample
    and one per pair train alike. What was forgotten to be summed shows in the mean.
    """
    if not actual.size:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told as such
        return np.asarray(actual.mean(dtype=np.float64))


def compare(actual: Array, expected: Array, allowed: float) -> Mismatch | None:
    """None when `actual` is within `allowed` (absolute) of `expected` in every entry.

    Checked in this order: dtype (must be floating), shape, non-finite entries, values.
    """
    if actual.dtype.kind != "f":
        return Mismatch("dtype", str(actual.dtype), "a floating dtype", allowed)
    if actual.shape != expected.shape:
        return Mismatch("shape", shape_text(actual.shape), shape_text(expected.shape), allowed)
    finite = np.isfinite(actual)
    if not finite.all():
        wrong = int((~finite).sum())
        return Mismatch("non_finite", brief(actual), brief(expected), allowed, math.inf, wrong, actual.size)
    with np.errstate(over="ignore"):
        difference = np.abs(actual.astype(np.float64) - expected)
    within = difference <= allowed
    if within.all():
        return None
    return Mismatch(
        "value",
        brief(actual, ~within),
        brief(expected, ~within),
        allowed,
        float(difference.max()) / allowed,
        int((~within).sum()),
        actual.size,
        factor(actual, expected, allowed),
    )


def excess(actual: Array | None, expected: Array | None, allowed: float) -> float:
    """Largest difference in units of `allowed`; infinite where shapes or finiteness differ."""
    if actual is None or expected is None or actual.shape != expected.shape:
        return 0.0 if actual is None and expected is None else math.inf
    if not (np.isfinite(actual).all() and np.isfinite(expected).all()):
        return math.inf
    return float(np.abs(actual.astype(np.float64) - expected).max(initial=0.0)) / allowed


def coincides(actual: Array | None, other: Array | None, allowed: float) -> bool:
    """Whether two arrays are the same within `allowed`, a NaN being equal to a NaN."""
    if actual is None or other is None:
        return actual is None and other is None
    if actual.shape != other.shape:
        return False
    return bool(np.allclose(actual, other, rtol=0.0, atol=allowed, equal_nan=True))


def factor(actual: Array, expected: Array, allowed: float) -> float | None:
    """The k with ``actual == k * expected``, if there is one and it says something.

    Any scalar is some multiple of any other; there only k (or 1/k) a whole number up to 1000 counts.
    """
    a, e = actual.astype(np.float64).ravel(), np.asarray(expected, np.float64).ravel()
    norm = float(e @ e)
    if norm == 0.0 or not math.isfinite(norm):
        return None
    k = float(a @ e) / norm
    if k == 0.0 or np.abs(a - k * e).max() > allowed * abs(k):
        return None
    if a.size > 1 or _whole(k) or _whole(1.0 / k):
        return k
    return None


def _whole(k: float) -> bool:
    return 1 <= abs(round(k)) <= 1000 and abs(k - round(k)) < 1e-4 * abs(k)


def shape_text(shape: tuple[int, ...]) -> str:
    return "scalar" if not shape else "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def brief(array: Array, wrong: Array | None = None, entries: int = 4) -> str:
    """A few entries of an array for a message, the wrong ones first: ``[1, 2] = 0.5``."""
    if array.ndim == 0:
        return f"{float(array):.6g}"
    where = np.argwhere(~np.isfinite(array) if wrong is None else wrong)
    if not len(where):
        where = np.argwhere(np.ones(array.shape, bool))
    shown = [f"[{', '.join(map(str, at))}] = {float(array[tuple(at)]):.6g}" for at in where[:entries]]
    return "; ".join(shown) + ("; ..." if len(where) > entries else "")
