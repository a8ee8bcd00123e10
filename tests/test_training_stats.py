"""The sequential rule of the training pass: what it decides, and how often it is wrong.

Errors are counted where they are most likely: at a true difference equal to the margin.
"""

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from grader.presets import PRESETS
from grader.training import stats
from grader.training.stats import decide, looks
from grader.types import FriendlyError, Protocol, TrainingPlan, Verdict

binom = pytest.importorskip("scipy.stats").binom

PRESET = PRESETS["quick"]
PLAN = TrainingPlan(
    "quick", Protocol(), {}, False, PRESET.margin, PRESET.seeds_start, PRESET.seeds_cap, PRESET.error
)
IMAGE = 100 / PLAN.protocol.held_out  # percentage points
N = 5000  # sequences of each simulation
SIZE = (N, PLAN.seeds_cap)
Draw = Callable[[np.random.Generator], np.ndarray]


def outcomes(draw: Draw, plan: TrainingPlan = PLAN) -> tuple[dict[Verdict, int], float]:
    """How often each verdict falls over N sequences of differences, and after how many seeds on average."""
    counts = dict.fromkeys((Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE), 0)
    seeds = 0
    for differences in draw(np.random.default_rng(20260806)).tolist():
        for n in looks(plan.seeds_start, plan.seeds_cap):
            verdict, _ = decide(differences[:n], plan, IMAGE)
            if verdict is not None:
                counts[verdict] += 1
                seeds += n
                break
    assert sum(counts.values()) == N, "at the cap there is a verdict at the latest"
    return counts, seeds / N


def allowed(share: float) -> int:
    """What a rule that errs with just this chance exceeds in one simulation out of ten thousand."""
    return int(binom.isf(1e-4, N, share))


def normal(mean: float, deviation: float) -> Draw:
    return lambda r: r.normal(mean, deviation, SIZE)


def skewed(mean: float, deviation: float, skewness: float) -> Draw:
    """Gamma distributions: their skewness is 2 / sqrt(shape)."""
    shape = 4 / skewness**2
    sign = np.sign(skewness)
    return lambda r: mean + sign * deviation * (r.gamma(shape, size=SIZE) - shape) / np.sqrt(shape)


def counted(scratch: float, mean: float) -> Draw:
    """Accuracies as they are: whole images out of those held out."""
    images = PLAN.protocol.held_out
    return lambda r: (
        IMAGE * (r.binomial(images, scratch + mean / 100, SIZE) - r.binomial(images, scratch, SIZE)).astype(float)
    )


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "draw",
    [normal(PLAN.margin, 4), normal(PLAN.margin, 0.5), counted(0.6, PLAN.margin), counted(0.985, PLAN.margin)],
    ids=["normal", "narrow", "counted", "counted near the top"],
)
def test_at_the_margin_either_error_stays_within_the_plan(draw: Draw) -> None:
    counts, _ = outcomes(draw)
    assert counts[Verdict.PASSED] <= allowed(PLAN.error)
    assert counts[Verdict.FAILED] <= allowed(PLAN.error)


# What a t interval promises holds for normal differences. Written down here: how much more of the error the
# side opposite to the longer tail takes, for how skewed a distribution. The other side takes less.
@pytest.mark.parametrize(("skewness", "times"), [(0.25, 1.05), (0.5, 1.5), (1.0, 2.5)])
@pytest.mark.parametrize("sign", [1, -1])
def test_of_skewed_differences_the_error_grows_by_what_is_written_here(
    skewness: float, times: float, sign: int
) -> None:
    counts, _ = outcomes(skewed(PLAN.margin, 4, sign * skewness))
    more, less = (Verdict.FAILED, Verdict.PASSED) if sign > 0 else (Verdict.PASSED, Verdict.FAILED)
    assert counts[more] <= allowed(times * PLAN.error)
    assert counts[less] <= allowed(PLAN.error)


def test_looking_again_and_again_without_dividing_the_error_breaks_the_promise() -> None:
    number = len(looks(PLAN.seeds_start, PLAN.seeds_cap))
    undivided = replace(PLAN, error=PLAN.error * number)
    counts, _ = outcomes(normal(PLAN.margin, 4), undivided)
    assert counts[Verdict.PASSED] > allowed(PLAN.error)
    assert counts[Verdict.FAILED] > allowed(PLAN.error)


def test_the_union_bound_gives_away_little() -> None:
    counts, _ = outcomes(normal(PLAN.margin, 4))
    assert counts[Verdict.PASSED] > N * PLAN.error / 2
    assert counts[Verdict.FAILED] > N * PLAN.error / 2


# ---------------------------------------------------------------- power


# Mean and deviation as attention transfer has them, the weakest of the three effects.
@pytest.mark.parametrize(
    "draw", [normal(12, 4), skewed(12, 4, 1), skewed(12, 4, -1)], ids=["normal", "right", "left"]
)
def test_a_clear_effect_passes_after_a_few_seeds(draw: Draw) -> None:
    counts, seeds = outcomes(draw)
    assert counts[Verdict.FAILED] == 0
    assert counts[Verdict.INCONCLUSIVE] <= N * 0.005
    assert seeds < 6


def test_a_strong_effect_is_seen_at_the_first_look() -> None:
    counts, seeds = outcomes(normal(35, 3.5))
    assert counts[Verdict.PASSED] == N
    assert seeds < 3.2


def test_a_loss_that_teaches_nothing_does_not_pass() -> None:
    counts, _ = outcomes(normal(0, 2))
    assert counts[Verdict.PASSED] <= N * 0.005


def test_a_loss_that_teaches_the_wrong_thing_fails() -> None:
    counts, _ = outcomes(normal(-9, 5))
    assert counts[Verdict.PASSED] == 0
    assert counts[Verdict.FAILED] >= N * 0.995


# ---------------------------------------------------------------- single decisions


@pytest.mark.parametrize(
    ("start", "cap", "expected"),
    [
        (3, 16, (3, 4, 6, 9, 16)),
        (3, 13, (3, 4, 6, 9, 13)),
        (3, 12, (3, 4, 6, 12)),
        (2, 4, (2, 3, 4)),
        (3, 4, (3, 4)),
        (5, 5, (5,)),
        (5, 6, (5, 6)),
    ],
)
def test_looks(start: int, cap: int, expected: tuple[int, ...]) -> None:
    assert looks(start, cap) == expected


def test_an_interval_computed_by_hand() -> None:
    once = replace(PLAN, seeds_start=3, seeds_cap=3, error=0.025)
    verdict, summary = decide([2.0, 4.0, 6.0], once, IMAGE)
    assert verdict == Verdict.INCONCLUSIVE
    assert summary is not None
    # Mean 4, deviation 2; 4.302653 is in every table of Student's t (2 degrees of freedom, 95 % two-sided).
    assert (summary.n, summary.mean, summary.margin) == (3, 4, PLAN.margin)
    assert summary.confidence == pytest.approx(0.95)
    assert summary.low == pytest.approx(4 - 4.302653 * 2 / 3**0.5, abs=1e-5)
    assert summary.high == pytest.approx(4 + 4.302653 * 2 / 3**0.5, abs=1e-5)


def test_each_look_spends_its_part_of_the_error() -> None:
    _, summary = decide([2.0, 4.0, 6.0], PLAN, IMAGE)
    assert summary is not None
    p = 1 - 0.02 / 5
    # With 2 degrees of freedom the quantile of t has a closed form.
    assert summary.high - 4 == pytest.approx((2 * p - 1) / (2 * p * (1 - p)) ** 0.5 * 2 / 3**0.5)
    assert summary.confidence == pytest.approx(1 - 2 * 0.02 / 5)


def test_a_loss_without_a_gradient_fails_at_the_first_look() -> None:
    verdict, summary = decide([0.0, 0.0, 0.0], PLAN, IMAGE)
    assert verdict == Verdict.FAILED
    assert summary is not None
    # As unsure as rounding to whole images makes it, and no surer.
    p = 1 - 0.02 / 5
    half = (2 * p - 1) / (2 * p * (1 - p)) ** 0.5 * IMAGE / 12**0.5 / 3**0.5
    assert (summary.low, summary.high) == pytest.approx((-half, half))


def test_identical_differences_at_the_margin_are_not_decided() -> None:
    assert decide([PLAN.margin] * 3, PLAN, IMAGE)[0] is None
    assert decide([PLAN.margin] * 16, PLAN, IMAGE)[0] == Verdict.INCONCLUSIVE


def test_between_the_looks_nothing_is_decided() -> None:
    clear = [30.0, 31.0, 32.0, 31.0, 30.0]
    assert decide(clear[:1], PLAN, IMAGE) == (None, None)
    for n, verdict in ((2, None), (3, Verdict.PASSED), (4, Verdict.PASSED), (5, None)):
        found, summary = decide(clear[:n], PLAN, IMAGE)
        assert found == verdict
        assert summary is not None
        assert summary.n == n


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_is_never_decided_upon(bad: float) -> None:
    with pytest.raises(ValueError, match="not a number"):
        decide([1.0, bad, 2.0], PLAN, IMAGE)


def test_more_seeds_than_the_plan_are_no_further_look() -> None:
    with pytest.raises(ValueError, match="17 seeds"):
        decide([5.0] * 17, PLAN, IMAGE)


def test_without_scipy_the_person_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    stats._quantile.cache_clear()
    with pytest.raises(FriendlyError, match=r"pip install 'grader\[training\]'"):
        decide([1.0, 2.0, 3.0], PLAN, IMAGE)
