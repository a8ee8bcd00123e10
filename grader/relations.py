"""How wrong arrays relate to the expected ones, where one relation holds in every entry of every case.

Nothing here guesses: a relation is found only where it holds within the tolerance in all cases, and a factor gets
a name (B, 1/C, T^2) only where exactly one name fits them all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from grader.types import Array

CLOSE = 1e-3  # relative: the factors of two arrays are the same
VERY_CLOSE = 2e-5  # the same for single numbers, of which any two have some factor
NOTHING = 1e-6  # of the largest expected entry: what counts as 0 everywhere
FAR = 10.0  # tolerances by which a constant must be off to be told
COMMON = (2, 3, 4, 5, 10, 100, 1000)  # what people write by hand: no evidence for the length of an axis


@dataclass(frozen=True, eq=False)
class Pair:
    """One case: what came back, what was expected, the absolute tolerance, and the sizes that have a name."""

    actual: Array
    expected: Array
    allowed: float
    symbols: Mapping[str, float] = field(default_factory=dict)  # axis or plain argument -> length or value


@dataclass(frozen=True)
class Relation:
    """`kind`: zero | sign | transposed | factor | summed | averaged | offset | squared | root."""

    kind: str
    numbers: tuple[float, ...] = ()  # factor or offset: one number, or one for each case
    powers: Mapping[str, float] = field(default_factory=dict)  # factor: what it is named after, {"C": -1}
    axis: int = 0  # summed, averaged: over which axis of the expected array; -1: over all


def relate(pairs: Sequence[Pair]) -> Relation | None:
    """The relation that holds in all pairs; None where there is none that says something."""
    if not pairs or all(_within(p.actual, p.expected, p.allowed) for p in pairs):
        return None
    if not all(np.isfinite(p.actual).all() for p in pairs):
        return None
    return next((found for found in (look(pairs) for look in _LOOKS) if found), None)


def _zero(pairs: Sequence[Pair]) -> Relation | None:
    same = all(p.actual.shape == p.expected.shape for p in pairs)
    nothing = all(_largest(p.actual) <= NOTHING * _largest(p.expected) for p in pairs)
    return Relation("zero") if same and nothing else None


def _sign(pairs: Sequence[Pair]) -> Relation | None:
    return Relation("sign") if _everywhere(pairs, lambda p: -p.expected) else None


def _transposed(pairs: Sequence[Pair]) -> Relation | None:
    if any(p.expected.ndim != 2 for p in pairs):
        return None
    return Relation("transposed") if _everywhere(pairs, lambda p: p.expected.T) else None


def _factor(pairs: Sequence[Pair]) -> Relation | None:
    if any(p.actual.shape != p.expected.shape for p in pairs):
        return None
    told = [p for p in pairs if _largest(p.expected) > p.allowed]
    rest = [p for p in pairs if _largest(p.expected) <= p.allowed]  # any multiple of nothing is nothing
    factors = [_multiple(p) for p in told]
    known = [k for k in factors if k is not None]
    if not told or len(known) < len(factors) or not all(known):
        return None
    if all(_largest(p.actual) <= p.allowed for p in rest):
        arrays = any(p.expected.size > 1 for p in told)
        close = CLOSE if arrays else VERY_CLOSE
        same = max(known) - min(known) <= close * max(map(abs, known))
        sure = arrays or (same and (len(told) > 1 or _telling(known[0])))
        named = _named(told, known, constant=same)
        if named and (sure or len(told) > 1):
            return Relation("factor", (known[0],) if same else tuple(known), named)
        if same and sure:
            return Relation("factor", (known[0],))
    return None


def _reduced(pairs: Sequence[Pair]) -> Relation | None:
    if sum(p.actual.size for p in pairs) < 2:
        return None  # one number is the mean of some others by chance
    for kind, reduce in (("summed", np.sum), ("averaged", np.mean)):
        for axis in range(-1, max(p.expected.ndim for p in pairs)):
            if all(axis < p.expected.ndim and p.expected.ndim and _is_reduced(p, reduce, axis) for p in pairs):
                return Relation(kind, axis=axis)
    return None


def _is_reduced(pair: Pair, reduce: Callable[..., Array], axis: int) -> bool:
    whole = None if axis < 0 else axis
    shape = np.shape(reduce(pair.expected, axis=whole))
    kept = np.shape(reduce(pair.expected, axis=whole, keepdims=True))
    if pair.actual.shape not in (shape, kept) or pair.actual.shape == pair.expected.shape:
        return False
    wanted = np.asarray(reduce(pair.expected, axis=whole, dtype=np.float64)).reshape(pair.actual.shape)
    return _within(pair.actual, wanted, pair.allowed * max(1.0, _largest(wanted) / _largest(pair.expected)))


def _offset(pairs: Sequence[Pair]) -> Relation | None:
    if any(p.actual.shape != p.expected.shape for p in pairs):
        return None
    gaps = [np.asarray(p.actual, np.float64) - p.expected for p in pairs]
    if any(np.ptp(gap) > 2 * p.allowed for gap, p in zip(gaps, pairs, strict=True)):
        return None
    means = [float(gap.mean()) for gap in gaps]
    if any(abs(mean) <= FAR * p.allowed for mean, p in zip(means, pairs, strict=True)):
        return None
    allowed = max(p.allowed for p in pairs)
    same = max(means) - min(means) <= 2 * allowed
    varied = any(np.ptp(p.expected) > FAR * p.allowed for p in pairs)
    between = np.ptp([float(np.mean(p.expected)) for p in pairs]) > FAR * allowed
    if varied or (same and between):
        return Relation("offset", (means[0],) if same else tuple(means))
    return None


def _squared(pairs: Sequence[Pair]) -> Relation | None:
    return _power(pairs, "squared", np.square)


def _root(pairs: Sequence[Pair]) -> Relation | None:
    if any(p.expected.size and p.expected.min() < 0 for p in pairs):
        return None
    return _power(pairs, "root", np.sqrt)


def _power(pairs: Sequence[Pair], kind: str, power: Callable[[Array], Array]) -> Relation | None:
    different = np.concatenate([np.asarray(p.expected, np.float64).ravel() for p in pairs])
    if not different.size or np.ptp(different) <= FAR * max(p.allowed for p in pairs):
        return None  # one number is the square of something by chance

    def wanted(pair: Pair) -> Array:
        return power(np.asarray(pair.expected, np.float64))

    return Relation(kind) if _everywhere(pairs, wanted) else None


_LOOKS = (_zero, _sign, _transposed, _factor, _reduced, _offset, _squared, _root)


def _named(pairs: Sequence[Pair], factors: Sequence[float], *, constant: bool) -> Mapping[str, float]:
    """The only product of powers of named sizes that is the factor in every case; empty where there is none."""
    if constant and not _telling(factors[0]):
        return {}
    symbols = [name for name in pairs[0].symbols if all(name in p.symbols for p in pairs)]
    found = []
    for powers in _products(symbols):
        values = [math.prod(p.symbols[name] ** power for name, power in powers.items()) for p in pairs]
        if all(_within(p.actual, v * p.expected, p.allowed * v) for p, v in zip(pairs, values, strict=True)):
            found.append(powers)
    return found[0] if len(found) == 1 else {}


def _products(symbols: Sequence[str]) -> Iterator[Mapping[str, float]]:
    for name in symbols:
        for power in (1.0, -1.0, 2.0, -2.0, 0.5, -0.5):
            yield {name: power}
    for one, two in itertools.combinations(symbols, 2):
        for powers in ((1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0)):
            yield dict(zip((one, two), powers, strict=True))


def _telling(factor: float) -> bool:
    """Whether a number alone says something: whole, or one over a whole, and not what people write by hand."""
    larger = max(abs(factor), 1 / abs(factor))
    whole = round(larger)
    return whole <= 1000 and abs(larger - whole) < 1e-4 * larger and whole not in (1, *COMMON)


def _multiple(pair: Pair) -> float | None:
    a, e = np.asarray(pair.actual, np.float64).ravel(), np.asarray(pair.expected, np.float64).ravel()
    k = float(a @ e) / float(e @ e)
    return k if np.abs(a - k * e).max(initial=0.0) <= pair.allowed * abs(k) else None


def _everywhere(pairs: Sequence[Pair], wanted: Callable[[Pair], Array]) -> bool:
    def fits(pair: Pair) -> bool:
        want = wanted(pair)
        scale = max(1.0, _largest(want) / max(_largest(pair.expected), pair.allowed))
        return _within(pair.actual, want, pair.allowed * scale)

    return all(fits(pair) for pair in pairs)


def _within(actual: Array, wanted: Array, allowed: float) -> bool:
    if actual.shape != wanted.shape:
        return False
    return bool((np.abs(np.asarray(actual, np.float64) - wanted) <= allowed).all())


def _largest(array: Array) -> float:
    return float(np.abs(array).max(initial=0.0))
