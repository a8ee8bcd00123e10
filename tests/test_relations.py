"""grader.relations: what wrong numbers say, and that nothing is said that does not hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.relations import Pair, Relation, relate

RANDOM = np.random.default_rng(3)
ALLOWED = 1e-6
Wrong = Callable[[np.ndarray, Mapping[str, float]], np.ndarray]


def pairs(wrong: Wrong, *shapes: tuple[int, ...], temperatures: tuple[float, ...] = (2.0, 1.0)) -> list[Pair]:
    """Cases of these shapes (B, C), with what `wrong` makes of the expected numbers."""
    found = []
    for shape, temperature in zip(shapes, temperatures, strict=False):
        expected = RANDOM.uniform(0.5, 2.0, shape) * RANDOM.choice([-1, 1], shape)
        symbols = {**dict(zip("BC", map(float, shape), strict=False)), "T": temperature}
        found.append(Pair(np.asarray(wrong(expected, symbols)), expected, ALLOWED, symbols))
    return found


def found(wrong: Wrong, *shapes: tuple[int, ...]) -> Relation | None:
    return relate(pairs(wrong, *(shapes or ((8, 10), (6, 7)))))


@pytest.mark.parametrize(
    ("wrong", "kind", "powers"),
    [
        (lambda e, s: 0 * e, "zero", {}),
        (lambda e, s: -e, "sign", {}),
        (lambda e, s: e.T, "transposed", {}),
        (lambda e, s: e * s["B"], "factor", {"B": 1}),
        (lambda e, s: e / s["C"], "factor", {"C": -1}),
        (lambda e, s: e * s["B"] * s["C"], "factor", {"B": 1, "C": 1}),
        (lambda e, s: e / s["B"] / s["C"], "factor", {"B": -1, "C": -1}),
        (lambda e, s: e * s["B"] ** 2, "factor", {"B": 2}),
        (lambda e, s: e / s["B"] ** 0.5, "factor", {"B": -0.5}),
        (lambda e, s: e * s["T"], "factor", {"T": 1}),
        (lambda e, s: e / s["T"] ** 2, "factor", {"T": -2}),
        (lambda e, s: e * s["B"] / s["C"], "factor", {"B": 1, "C": -1}),
        (lambda e, s: 3.7 * e, "factor", {}),
        (lambda e, s: e.sum(0), "summed", {}),
        (lambda e, s: e.mean(1, keepdims=True), "averaged", {}),
        (lambda e, s: e.sum(), "summed", {}),
        (lambda e, s: e + 0.25, "offset", {}),
        (lambda e, s: e**2, "squared", {}),
    ],
)
def test_each_relation_is_found(wrong: Wrong, kind: str, powers: dict[str, float]) -> None:
    relation = found(wrong)
    assert relation is not None
    assert (relation.kind, dict(relation.powers)) == (kind, powers)


def test_the_root_of_numbers_that_are_not_negative() -> None:
    made = [Pair(np.sqrt(abs(p.expected)), abs(p.expected), ALLOWED) for p in pairs(lambda e, s: e, (4, 3))]
    relation = relate(made)
    assert relation is not None
    assert relation.kind == "root"


def test_the_numbers_of_a_relation() -> None:
    assert found(lambda e, s: 3.7 * e) == Relation("factor", (pytest.approx(3.7),))
    varying = found(lambda e, s: e * s["B"])
    assert varying is not None
    assert varying.numbers == (pytest.approx(8), pytest.approx(6))
    axis = found(lambda e, s: e.sum(1))
    assert axis is not None
    assert axis.axis == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda e, s: e,
        lambda e, s: np.where(np.arange(e.size).reshape(e.shape) == 0, e + 1, e),
        lambda e, s: np.where(np.arange(e.size).reshape(e.shape) == 0, e, -e),
        lambda e, s: np.abs(e) ** 1.5,
        lambda e, s: e + np.arange(e.shape[1]),
        lambda e, s: e * (2.0 if e.shape[0] == 8 else 2.5),
        lambda e, s: e[::-1],
        lambda e, s: e[:, :1],
        lambda e, s: np.full_like(e, np.nan),
        lambda e, s: e.max(0),
    ],
)
def test_what_holds_in_part_only_is_not_said(wrong: Wrong) -> None:
    assert found(wrong) is None


@pytest.mark.parametrize(
    "wrong",
    [lambda e, s: -e, lambda e, s: e.T, lambda e, s: 3.7 * e, lambda e, s: e + 1, lambda e, s: e**2],
)
def test_one_case_that_does_not_fit_silences_it(wrong: Wrong) -> None:
    made = pairs(wrong, (5, 5), (4, 4))
    assert relate(made) is not None
    entry = np.zeros((4, 4))
    entry[1, 2] = 5.0
    made[1] = Pair(made[1].actual + entry, made[1].expected, ALLOWED, made[1].symbols)
    assert relate(made) is None


def test_a_name_that_two_sizes_could_claim_is_not_given() -> None:
    relation = found(lambda e, s: e * s["B"], (7, 7), (6, 6))
    assert relation is None, "no constant, and B and C fit alike"
    relation = found(lambda e, s: e * s["B"], (8, 10))
    assert relation is not None
    assert relation.powers == {"B": 1.0}
    ambiguous = relate(pairs(lambda e, s: 9 * e, (3, 9), temperatures=(3.0,)))
    assert ambiguous == Relation("factor", (pytest.approx(9),)), "C, B^2 or T^2"


def test_what_people_write_by_hand_is_no_length() -> None:
    assert found(lambda e, s: 2 * e, (2, 9), (2, 7)) == Relation("factor", (pytest.approx(2),))
    for factor, columns in ((0.5, 2), (10, 10), (0.1, 10), (0.01, 100)):
        relation = found(lambda e, s, factor=factor: factor * e, (7, columns))
        assert relation == Relation("factor", (pytest.approx(factor),)), "a weight that was forgotten, as likely"
    varying = found(lambda e, s: e / s["C"], (7, 10), (6, 5))
    assert varying is not None
    assert varying.powers == {"C": -1.0}


def test_a_single_number_says_little() -> None:
    def scalar(actual: float, expected: float) -> list[Pair]:
        return [Pair(np.asarray(actual), np.asarray(expected), ALLOWED, {"B": 8.0, "C": 12.0})]

    assert relate(scalar(2.7, 1.3)) is None
    assert relate(scalar(4.0, 2.0)) is None, "a square, or twice: who knows"
    relation = relate(scalar(0.1, 1.2))
    assert relation is not None
    assert relation.powers == {"C": -1.0}
    assert relate(scalar(-1.3, 1.3)) == Relation("sign")
    both = [*scalar(2.6, 1.3), *scalar(1.4, 0.7)]
    assert relate(both) == Relation("factor", (pytest.approx(2),))
    nearly = [*scalar(2.6, 1.3), *scalar(1.4002, 0.7)]
    assert relate(nearly) is None, "by chance"


def test_a_case_that_is_right_has_to_fit_as_well() -> None:
    by_temperature = pairs(lambda e, s: e * s["T"], (8, 10), (6, 10))  # T = 2, then 1: the second is right
    relation = relate(by_temperature)
    assert relation is not None
    assert relation.powers == {"T": 1.0}
    assert relate([by_temperature[0], pairs(lambda e, s: e, (6, 10))[0]]) is None


def test_one_number_is_no_mean() -> None:
    expected = np.array([1.0, 2.0, 3.0])
    assert relate([Pair(np.array([2.0]), expected, ALLOWED)]) is None
    two = relate([Pair(np.array([2.0]), expected, ALLOWED), Pair(np.array([5.0]), expected + 3, ALLOWED)])
    assert two == Relation("averaged", axis=-1)


@given(st.integers(0, 10_000), st.floats(0.01, 50), st.floats(-5, 5))
def test_noise_is_never_a_relation(seed: int, scale: float, shift: float) -> None:
    random = np.random.default_rng(seed)
    made = [
        Pair(random.normal(size=(5, 4)) * scale + shift, random.normal(size=(5, 4)), 1e-4, {"B": 5.0, "C": 4.0})
        for _ in range(2)
    ]
    assert relate(made) is None


@given(st.integers(0, 10_000), st.floats(1.5, 20), st.sampled_from([2, 3, 6, 10]))
def test_a_factor_is_the_factor(seed: int, factor: float, length: int) -> None:
    random = np.random.default_rng(seed)
    made = [
        Pair(factor * e, e, 1e-6, {"B": float(length), "C": 7.0}) for e in random.normal(size=(2, length, 7)) + 3
    ]
    relation = relate(made)
    assert relation is not None
    assert relation.kind == "factor"
    assert relation.numbers == (pytest.approx(factor),)
    for name, power in relation.powers.items():
        assert len(relation.powers) > 1 or made[0].symbols[name] ** power == pytest.approx(factor, rel=1e-5)
