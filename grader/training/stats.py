"""Paired differences -> better than scratch, not better, or another seed. Sequential; the error is bounded.

Each seed gives one difference: the accuracy of the student that learned with the learner's loss minus the
accuracy of the student that learned without it, from the same initial weights, batches and order. The
differences are looked at only at the numbers of seeds that `looks` names. A look passes when the paired t
interval (Student, The probable error of a mean, Biometrika 6, 1908) lies above the margin, and fails when it
lies below.

The error that the plan allows on either side is divided equally over the looks. By the union bound (Bonferroni)
the chance of a wrong decision at any of them is then no more than the whole, however the looks depend on each
other: they share their seeds. Spending a fixed error over looks at growing data is the idea of Lan and DeMets
(Discrete sequential boundaries for clinical trials, Biometrika 70, 1983); their boundaries would spend it more
sharply, but need the joint distribution of the looks.

Assumed: the differences of the seeds are independent, of one distribution, and approximately normal. A true
difference at the margin is the worst case, and there `tests/test_training_stats.py` measures the errors; of
skewed differences, which a t interval does not cover as promised, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from grader.types import FriendlyError, Summary, TrainingPlan, Verdict


@lru_cache
def looks(start: int, cap: int) -> tuple[int, ...]:
    """The numbers of seeds at which a decision may fall: each half as many again, the last one `cap`.

    A look that would leave less than half as many again to the cap gives way to the cap: 3, 4, 6, 9, 16.
    The fewer looks, the more of the error each may spend.
    """
    found = [start]
    while found[-1] < cap:
        following = _half_more(found[-1])
        found.append(following if _half_more(following) <= cap else cap)
    return tuple(found)


def decide(
    differences: Sequence[float], plan: TrainingPlan, resolution: float
) -> tuple[Verdict | None, Summary | None]:
    """PASSED, FAILED, INCONCLUSIVE at the cap, or None: go on with another seed. Ask after every seed.

    `differences`: distilled minus scratch in percentage points, one per seed in the order of the seeds.
    `resolution`: percentage points that one held-out image is worth. The summary has the interval at this
    number of seeds; None for fewer than two. Raises ValueError for differences that are not finite numbers
    (an accuracy is a share of images: it always is one) or more than the plan allows; FriendlyError
    without scipy.
    """
    n = len(differences)
    if not all(math.isfinite(difference) for difference in differences):
        raise ValueError(f"a difference of accuracies is not a number: {list(differences)}")
    if n > plan.seeds_cap:
        raise ValueError(f"{n} seeds, and the plan ends at {plan.seeds_cap}")
    if n < 2:
        return None, None
    summary = _summarise(np.asarray(differences, np.float64), plan, resolution)
    if n not in looks(plan.seeds_start, plan.seeds_cap):
        return None, summary
    if summary.low > plan.margin:
        return Verdict.PASSED, summary
    if summary.high < plan.margin:
        return Verdict.FAILED, summary
    return (Verdict.INCONCLUSIVE if n == plan.seeds_cap else None), summary


def _summarise(differences: np.ndarray, plan: TrainingPlan, resolution: float) -> Summary:
    """The two-sided t interval whose confidence leaves one look's share of the error on either side."""
    n = len(differences)
    error = plan.error / len(looks(plan.seeds_start, plan.seeds_cap))
    mean = float(np.mean(differences))
    # Rounding to whole images has this standard deviation (of a uniform distribution one image wide):
    # differences that happen to be identical are known no better than that.
    deviation = max(float(np.std(differences, ddof=1)), resolution / math.sqrt(12))
    half = _quantile(error, n - 1) * deviation / math.sqrt(n)
    return Summary(n, mean, mean - half, mean + half, plan.margin, 1 - 2 * error)


@lru_cache
def _quantile(error: float, freedom: int) -> float:
    """What Student's t with `freedom` degrees of freedom exceeds with probability `error`."""
    try:
        from scipy import stats
    except ImportError as missing:
        raise FriendlyError("the training pass needs scipy; run: pip install 'grader[training]'") from missing
    return float(stats.t.isf(error, freedom))


def _half_more(n: int) -> int:
    return n + max(1, n // 2)
