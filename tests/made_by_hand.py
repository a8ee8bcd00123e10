"""One judged submission built from records, without running anything: for what people read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from grader.types import (
    Assignment,
    Case,
    CheckResult,
    Comparison,
    Criterion,
    Exercise,
    ExerciseResult,
    Expectations,
    Expected,
    Family,
    Fault,
    Finding,
    Found,
    Grade,
    Graded,
    Limits,
    Mismatch,
    Mistake,
    Place,
    Policies,
    Program,
    Remark,
    Rubric,
    Run,
    Score,
    Submission,
    Summary,
    TrainingRun,
    Verdict,
)

HIDDEN_VALUE = "0.7654321"  # stands in a hidden case; must never be shown

DISTANCE = Exercise(
    name="pairwise_distance",
    title={"en": "Distances", "ko": "쌍별 거리"},
    args=("z",),
    globals=(),
    uses=(),
    returns="array",
    gradient=("z",),
    rtol=3e-5,
    symmetric=False,
    cases=(),
)
LOSS = replace(
    DISTANCE,
    name="rkd",
    title={"en": "Relational loss", "ko": "관계형 손실"},
    args=("l_t", "l_s"),
    globals=("T",),
    uses=("pairwise_distance",),
    returns="loss",
    gradient=("l_s",),
)
EXERCISES = {"pairwise_distance": DISTANCE, "rkd": LOSS}
ASSIGNMENT = Assignment(
    slug="demo",
    version="1",
    title={"en": "Demo", "ko": "데모"},
    framework="tensorflow",
    exercises=EXERCISES,
    limits=Limits(),
    folder="assignments/demo",
    digest="0" * 64,
)
RUBRIC = Rubric(
    "demo",
    (
        Criterion("distance", 15.0, "pairwise_distance"),
        Criterion("loss", 20.0, "rkd", title={"en": "The loss", "ko": "손실 함수"}),
        Criterion("robustness", 0.0, None, "robustness"),
    ),
    Policies(),
)
MISTAKES = {
    "rkd_no_mean": Mistake(
        "rkd_no_mean",
        "rkd",
        {"en": "distances were not divided by their mean", "ko": "거리를 평균으로 나누지 않았습니다"},
    )
}


def case(exercise: str, name: str, *, public: bool = True, kind: str = "ordinary") -> Case:
    """A case with small zero inputs."""
    of = EXERCISES[exercise]
    inputs: dict[str, Any] = {arg: np.zeros((8, 10), np.float32) for arg in of.args}
    inputs |= dict.fromkeys(of.globals, 2.0)
    return Case(exercise, name, kind, public, inputs, of.gradient, None)


CASES = (
    case("pairwise_distance", "typical"),
    case("pairwise_distance", "equal_rows", public=False, kind="robustness"),
    case("rkd", "typical"),
    case("rkd", "outlier", public=False),
)
EXPECTATIONS = Expectations(
    cases={c.id: Expected(c, {}, {}, {}) for c in CASES},
    families={
        "pairwise_distance": (Family("reference"), Family("clipped", {"en": "Clipped.", "ko": "잘랐습니다."})),
        "rkd": (Family("reference"),),
    },
    mistakes=MISTAKES,
)
VALUE_DIFFERS = Mismatch("value", "0.07554", "0.30217", 9.1e-6, 24901.0, 1, 1, 0.25)
HIDDEN_DIFFERS = Mismatch("value", HIDDEN_VALUE, HIDDEN_VALUE, 9.1e-6, 24901.0, 1, 1, None)


def wrong(check: str = "value", **changes: Any) -> CheckResult:
    """A failed public check of `rkd`, as in the project's example, with changes."""
    plain = CheckResult("rkd", "typical", check, Verdict.FAILED, mismatch=VALUE_DIFFERS, mistake="rkd_no_mean")
    return replace(plain, **changes)


def results() -> tuple[ExerciseResult, ...]:
    """A right helper whose gradient is not finite for equal rows, and a wrong loss."""
    distance = ExerciseResult(
        "pairwise_distance",
        Verdict.PASSED,
        Finding(Found.DEFINED, Place(39, 2), 1),
        (
            CheckResult("pairwise_distance", "typical", "value", Verdict.PASSED),
            CheckResult("pairwise_distance", "typical", "gradient:z", Verdict.PASSED),
            CheckResult(
                "pairwise_distance",
                "equal_rows",
                "gradient:z",
                Verdict.FAILED,
                "robustness",
                False,
                Mismatch("non_finite", "[1, 2] = nan", "finite numbers", wrong=20, total=50),
            ),
        ),
        family="clipped",
    )
    loss = ExerciseResult(
        "rkd",
        Verdict.FAILED,
        Finding(Found.DEFINED, Place(41, 7), 1),
        (
            wrong(),
            wrong("gradient:l_s", mismatch=replace(VALUE_DIFFERS, factor=None)),
            wrong(case="outlier", public=False, mismatch=HIDDEN_DIFFERS),
            wrong("gradient:l_s", case="outlier", public=False, mismatch=HIDDEN_DIFFERS),
        ),
        mistake="rkd_no_mean",
    )
    return distance, loss


def graded(**changes: Any) -> Graded:
    """The submission, with changes to the Graded record."""
    first, second, third = RUBRIC.criteria
    scores = (
        Score(first, 15.0, Verdict.PASSED, "passed", "clipped"),
        Score(second, 0.0, Verdict.FAILED, "mistake", "rkd_no_mean"),
        Score(third, 0.0, Verdict.FAILED, "robustness", "pairwise_distance"),
    )
    made = Graded(
        submission=Submission("김하늘", "class.zip!/김하늘.ipynb", b"{}", "ab" * 32),
        assignment=ASSIGNMENT,
        grade=Grade(True, 15.0, 35.0, scores),
        program=Program((), {}, {}, (Remark("cell_unparseable", Place(12, 3), "invalid syntax"),)),
        run=Run(
            {},
            load_faults=(Fault("ModuleNotFoundError", "No module named 'wandb'", Place(1, 1), "load"),),
            layers=("namespaces", "seccomp"),
        ),
        results=results(),
        timing={"wall_s": 1.25, "worker_memory_mb": 210.0},
    )
    return replace(made, **changes)


def not_final() -> Graded:
    """The same submission when something of ours failed."""
    scores = tuple(Score(criterion, 0.0, Verdict.INTERNAL, "internal", "x") for criterion in RUBRIC.criteria)
    return graded(
        submission=replace(graded().submission, id="broken"),
        grade=Grade(False, 0.0, 35.0, scores),
        run=None,
        results=(),
        internal="OSError: no space left on device",
    )


def unreadable() -> Graded:
    """A file that is no notebook."""
    scores = tuple(Score(c, 0.0, Verdict.ERROR, "unreadable", "truncated") for c in RUBRIC.criteria)
    return graded(
        submission=replace(graded().submission, id="half"),
        grade=Grade(True, 0.0, 35.0, scores),
        program=None,
        run=None,
        results=(),
        unreadable="truncated: line 17, column 2: Unterminated string",
    )


# ---------------------------------------------------------------- training

STEPS = 100
NAN = float("nan")


def training_run(seed: int, end: float, *, loss: float = 1.0, nan_from: int | None = None) -> TrainingRun:
    """A run that rises from chance to `end`, with eight checkpoints for the first seed and one for the others."""
    shares = tuple(0.1 + (end - 0.1) * (1 - 0.6**at) / (1 - 0.6**8) for at in range(1, 9))
    curve = tuple(loss * (0.3 + 0.7 * 0.97**step) + 0.02 * (step % 7) for step in range(STEPS))
    if nan_from is not None:
        curve = curve[: nan_from - 1] + (NAN,) * (STEPS - nan_from + 1)
    return TrainingRun(seed, shares if seed == 0 else shares[-1:], curve, 0.4, cached=seed == 1)


def comparison(*ends: tuple[float, float], **changes: Any) -> Comparison:
    """Runs that end with these accuracies (distilled, scratch), one pair per seed."""
    ends = ends or ((0.81, 0.45), (0.84, 0.5), (0.79, 0.42), (0.83, 0.47))
    differences = [100 * (ours - without) for ours, without in ends]
    mean = sum(differences) / len(differences)
    plain = Comparison(
        distilled=tuple(training_run(seed, end, loss=2.3) for seed, (end, _) in enumerate(ends)),
        scratch=tuple(training_run(seed, end) for seed, (_, end) in enumerate(ends)),
        summary=Summary(len(ends), mean, min(differences) - 1.5, max(differences) + 1.5, 3.0, 0.98765),
        data="digits",
        labels=30,
        steps=STEPS,
        device="cpu",
        seconds=3.21987,
    )
    return replace(plain, **changes)


def trained(verdict: Verdict = Verdict.PASSED, **changes: Any) -> CheckResult:
    """The check "training" of `rkd`, with changes; `training` is a clear success unless given."""
    plain = CheckResult("rkd", "", "training", verdict, "training", training=comparison(), place=Place(41, 7))
    return replace(plain, **changes)


TRAINING = Criterion("loss_training", 5.0, "rkd", "training")


def graded_with(check: CheckResult, because: str = "training_passed", earned: float = 5.0) -> Graded:
    """The submission with a right loss, and this check of its training."""
    distance, loss = results()
    right = (CheckResult("rkd", "typical", "value", Verdict.PASSED),)
    loss = replace(loss, verdict=Verdict.PASSED, checks=(*right, check), mistake=None, family="reference")
    plain = graded()
    passed = replace(plain.grade.scores[1], earned=20.0, verdict=Verdict.PASSED, because="passed", detail="")
    scores = (
        plain.grade.scores[0],
        passed,
        plain.grade.scores[2],
        Score(TRAINING, earned, check.verdict, because),
    )
    return graded(results=(distance, loss), grade=Grade(True, 35.0 + earned, 40.0, scores))
