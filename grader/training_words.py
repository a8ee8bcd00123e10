"""What a learner reads about the training pass; explain.py puts it into a check. Korean: locale/ko/grader.po.

Nothing in a training is hidden from the learner: its worker gets no hidden case and no held-out label.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from grader.i18n import Translate, mark, translator
from grader.plaintext import clean
from grader.sentences import MEANINGS, VERDICTS
from grader.types import CheckResult, Comparison, Fault, Score, Summary, TrainingRun, Verdict

HELPS: Mapping[Verdict, str] = {
    Verdict.PASSED: mark("helps the student"),
    Verdict.FAILED: mark("does not help the student"),
}
SKIPPED: Mapping[str, str] = {
    "numeric": mark("Not trained, because its numeric checks did not pass."),
    "followed": mark(
        "Not trained, because a function that it uses is wrong; that is charged there and not again here."
    ),
    "form": mark(
        "Not trained: this form is right, but its term is so large beside the loss of the labels that a training "
        "would tell nothing."
    ),
}
# Scores that are full because nothing was to be held against the learner, and not because a training helped.
SPARED = ("training_followed", "training_form")
# Why a training was not finished: the first word of the check's detail.
UNFINISHED: Mapping[str, str] = {
    "too slow": mark(
        "Training takes longer with this loss than is allowed here and was stopped. Loops over samples or pairs "
        "are slow: compute with whole tensors."
    ),
    "error": mark(
        "In the grader's short training, in which most images have no label (-100, which PyTorch's cross-entropy "
        "leaves out), the code stopped with an error."
    ),
    "memory": mark(
        "Training needs more memory with this loss than is allowed here and was stopped. Look for tensors that "
        "grow too large."
    ),
}
# What TensorFlow says when code asks a tensor for numbers, or makes a variable, inside tf.function.
_COMPILED = re.compile(r"symbolic|tf\.function", re.IGNORECASE)


def verdict_word(kind: str, verdict: Verdict) -> str:
    """How a verdict is called, before translation: a training helps or does not, the rest is correct or not."""
    return HELPS.get(verdict, VERDICTS[verdict]) if kind == "training" else VERDICTS[verdict]


def score_word(score: Score) -> str:
    """How the verdict of a score is called, before translation."""
    spared = score.because in SPARED
    return VERDICTS[Verdict.SKIPPED] if spared else verdict_word(score.criterion.kind, score.verdict)


def explain_training(check: CheckResult, lang: str, *, numbers: bool = True) -> Iterator[str]:
    """What was done, what came out and what that means, one sentence or two each.

    `numbers` False leaves out accuracies and their difference, for where a table shows them.
    """
    _ = translator(lang)
    compared = check.training
    if compared is not None and compared.distilled:
        yield _(
            "Trained briefly with {labels} labelled images ({data}); paired runs: {n}, {steps} steps each."
        ).format(
            labels=compared.labels, data=clean(compared.data, 40), n=len(compared.distilled), steps=compared.steps
        )
        if numbers:
            yield from _numbers(compared, _)
    yield from _meaning(check, _)


def percent(runs: Sequence[TrainingRun]) -> str:
    """Mean accuracy at the end, ``81.2 %``."""
    return f"{100 * fmean(run.accuracy for run in runs):.1f} %"


def interval(summary: Summary) -> str:
    """``+30.1 … +41.7``, percentage points."""
    return f"{summary.low:+.1f} … {summary.high:+.1f}"


def confidence(summary: Summary) -> str:
    """In per cent, rounded down: an interval never claims more than it holds."""
    return f"{math.floor(1e4 * summary.confidence + 1e-6) / 100:g}"


def stopped_being_finite(run: TrainingRun) -> int | None:
    """The first step, from 1, whose loss was NaN or infinite."""
    return next((step for step, loss in enumerate(run.curve, start=1) if not math.isfinite(loss)), None)


def _numbers(compared: Comparison, _: Translate) -> Iterator[str]:
    yield _(
        "Held-out images classified correctly: {distilled} with your loss, "
        "{scratch} without the distillation term."
    ).format(distilled=percent(compared.distilled), scratch=percent(compared.scratch))
    summary = compared.summary
    if summary is not None and math.isfinite(summary.low) and math.isfinite(summary.high):
        yield _(
            "Difference: {mean} percentage points, {confidence} % interval {interval}; "
            "the interval has to lie above {margin}."
        ).format(
            mean=f"{summary.mean:+.1f}",
            confidence=confidence(summary),
            interval=interval(summary),
            margin=f"{summary.margin:g}",
        )


def _meaning(check: CheckResult, _: Translate) -> Iterator[str]:
    verdict, compared = check.verdict, check.training
    if verdict == Verdict.PASSED:
        yield _("So the student learns more with your loss than without the distillation term.")
    elif verdict == Verdict.FAILED and compared is not None:
        yield from _failed(compared, _)
    elif verdict == Verdict.INCONCLUSIVE:
        yield from _unclear(check, _)
    elif verdict == Verdict.SKIPPED:
        yield _(SKIPPED.get(check.detail, MEANINGS[verdict]))
    elif verdict == Verdict.ERROR and check.fault is not None:
        yield from _compiled(check.fault, _)
    elif verdict in MEANINGS:
        yield _(MEANINGS[verdict])


def _failed(compared: Comparison, _: Translate) -> Iterator[str]:
    not_finite = list(_not_finite(compared, _))
    if not_finite:
        yield from not_finite
    elif all(ours.accuracies == without.accuracies for ours, without in _pairs(compared)):
        yield _(
            "The results are exactly those without the distillation term: it does not reach the student's "
            "weights. It is missing, constant, multiplied by zero, or detached (stop_gradient, detach())."
        )
    elif compared.summary is not None and compared.summary.high < 0:
        yield _(
            "With your loss the student learns less than without the distillation term. Check the sign of the "
            "term and its weight."
        )
    else:
        yield _(
            "With your loss the student does not learn enough more than without the distillation term. Often no "
            "gradient reaches the student on some path, or the term's sign is wrong, or its weight too small."
        )


def _unclear(check: CheckResult, _: Translate) -> Iterator[str]:
    reason = UNFINISHED.get(check.detail.partition(":")[0])
    if check.training is not None:
        yield from _not_finite(check.training, _)
    if reason:
        yield _(reason)
    elif check.training is not None and check.training.distilled:
        yield _("The difference is not clear after {n} paired runs.").format(n=len(check.training.distilled))
    else:
        yield _("The training could not be finished.")
    yield _("A person will look at it; it costs no points.")


def _not_finite(compared: Comparison, _: Translate) -> Iterator[str]:
    for run in compared.distilled:
        if step := stopped_being_finite(run):
            yield _(
                "The loss became NaN or infinite at step {step}. Look for a division by zero, log(0), or the "
                "square root of 0, whose gradient is infinite."
            ).format(step=step)
            return


def _compiled(fault: Fault, _: Translate) -> Iterator[str]:
    if _COMPILED.search(f"{fault.type} {fault.message}"):
        yield _(
            "For training the loss is compiled with tf.function, where tensors have no numbers yet: use tensor "
            "operations only, no .numpy(), float(), NumPy functions or tf.Variable()."
        )


def _pairs(compared: Comparison) -> Iterator[tuple[TrainingRun, TrainingRun]]:
    return zip(compared.distilled, compared.scratch, strict=True)
