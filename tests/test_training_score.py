"""grader.score on the outcomes of the training pass: points, reasons, and when a grade is not final."""

from dataclasses import replace

import pytest

from grader.score import nothing, score
from grader.types import (
    CheckResult,
    Criterion,
    ExerciseResult,
    Finding,
    Found,
    Grade,
    Policies,
    Rubric,
    Score,
    Verdict,
)

RUBRIC = Rubric(
    "toy",
    (
        Criterion("loss", 10, "loss"),
        Criterion("robustness", 2, None, "robustness"),
        Criterion("training_loss", 5, "loss", "training"),
    ),
    Policies(),
)
ROBUST = CheckResult("loss", "odd", "value", Verdict.PASSED, "robustness")
NUMERIC = ExerciseResult("loss", Verdict.PASSED, Finding(Found.DEFINED), (ROBUST,), "reference")


def graded(
    training: Verdict | None,
    detail: str = "",
    numeric: ExerciseResult = NUMERIC,
    policies: Policies = RUBRIC.policies,
) -> tuple[Grade, Score]:
    """The grade with the training ended like this (None: no such check), and its last score."""
    checks = numeric.checks
    if training is not None:
        checks += (CheckResult("loss", "", "training", training, "training", detail=detail),)
    grade = score([replace(numeric, checks=checks)], replace(RUBRIC, policies=policies))
    return grade, grade.scores[-1]


@pytest.mark.parametrize(
    ("training", "points", "because"),
    [
        (Verdict.PASSED, 5, "training_passed"),
        (Verdict.INCONCLUSIVE, 5, "training_inconclusive"),
        (Verdict.FAILED, 0, "training_failed"),
        (Verdict.ERROR, 0, "training_error"),
        (Verdict.CRASHED, 0, "crashed"),
        (Verdict.FORBIDDEN, 0, "forbidden"),
        (Verdict.FORGED, 0, "forged"),
        (Verdict.EXITED, 0, "exited"),
        (Verdict.SKIPPED, 0, "training_skipped"),
    ],
)
def test_how_a_training_ended_is_what_it_earns(training: Verdict, points: float, because: str) -> None:
    grade, told = graded(training)
    assert (told.earned, told.verdict, told.because) == (points, training, because)
    assert (grade.final, grade.earned, grade.possible) == (True, 12 + points, 17)
    numeric, robustness, _ = grade.scores
    assert (numeric.earned, numeric.because) == (10, "passed"), "the numeric points are their own"
    assert (robustness.earned, robustness.because) == (2, "passed")


@pytest.mark.parametrize("training", [Verdict.PASSED, Verdict.FAILED])
def test_what_is_trained_although_its_numbers_are_wrong_earns_what_was_measured(training: Verdict) -> None:
    wrong = replace(NUMERIC, verdict=Verdict.FAILED, family=None, mistake="halved", proportional=True)
    grade, told = graded(training, numeric=wrong)
    assert told.earned == (5 if training == Verdict.PASSED else 0)
    assert told.verdict == training
    assert (grade.scores[0].earned, grade.scores[0].because) == (5, "right_gradient")


@pytest.mark.parametrize("numeric", [Verdict.FAILED, Verdict.ERROR, Verdict.FORGED])
@pytest.mark.parametrize("detail", ["", "numeric", "form", "followed"])
def test_what_did_not_pass_its_numeric_checks_earns_nothing_by_being_skipped(
    numeric: Verdict, detail: str
) -> None:
    _, told = graded(Verdict.SKIPPED, detail, replace(NUMERIC, verdict=numeric))
    assert (told.earned, told.verdict, told.because) == (0, Verdict.SKIPPED, "training_skipped")


@pytest.mark.parametrize(("share", "points"), [(1.0, 5), (0.5, 2.5), (0.0, 0)])
def test_the_slip_of_a_helper_is_not_charged_in_the_training_as_well(share: float, points: float) -> None:
    followed = replace(NUMERIC, followed=("helper", "other"))
    _, told = graded(Verdict.SKIPPED, "followed", followed, Policies(follow_through=share))
    assert (told.earned, told.verdict) == (points, Verdict.PASSED)
    assert (told.because, told.detail) == ("training_followed", "helper, other")


def test_a_right_form_that_is_not_trained_costs_nothing() -> None:
    _, told = graded(Verdict.SKIPPED, "form", policies=Policies(follow_through=0))
    assert (told.earned, told.verdict, told.because) == (5, Verdict.PASSED, "training_form")


def test_a_form_that_is_not_trained_is_no_way_round_the_share_of_follow_through() -> None:
    followed = replace(NUMERIC, followed=("helper",))
    _, told = graded(Verdict.SKIPPED, "form", followed, Policies(follow_through=0.5))
    assert told.earned == 2.5


def test_given_code_round_a_blank_helper_earns_nothing_by_being_spared() -> None:
    helper = ExerciseResult("helper", Verdict.NOT_ATTEMPTED, Finding(Found.BLANK), ())
    check = CheckResult("loss", "", "training", Verdict.SKIPPED, "training", detail="followed")
    given = replace(NUMERIC, followed=("helper",), checks=(check,))
    trained = Criterion("training_loss", 5, "loss", "training", needs_attempt=("helper",))
    rubric = replace(RUBRIC, criteria=(Criterion("helper", 1, "helper"), trained))
    told = score([given, helper], rubric).scores[-1]
    assert (told.earned, told.verdict, told.because) == (0, Verdict.SKIPPED, "needs_attempt")


@pytest.mark.parametrize("found", [Verdict.NOT_ATTEMPTED, Verdict.MISSING])
def test_what_is_not_there_earns_nothing(found: Verdict) -> None:
    grade, told = graded(found, numeric=replace(NUMERIC, verdict=found, checks=()))
    assert (told.earned, told.verdict, told.because) == (0, found, found.value)
    assert (grade.final, grade.earned) == (True, 0)


@pytest.mark.parametrize("training", [Verdict.INTERNAL, None])
def test_a_training_that_failed_through_us_is_no_number(training: Verdict | None) -> None:
    grade, told = graded(training)
    assert (told.earned, told.verdict, told.because) == (0, Verdict.INTERNAL, "internal")
    assert not grade.final


def test_without_training_in_the_rubric_nobody_waits_for_one() -> None:
    grade = score([NUMERIC], replace(RUBRIC, criteria=RUBRIC.criteria[:2]))
    assert (grade.final, grade.earned, grade.possible) == (True, 12, 12)


def test_what_cannot_be_read_has_no_training_points_either() -> None:
    grade = nothing(RUBRIC, Verdict.ERROR, "unreadable", final=True)
    assert (grade.earned, grade.possible, grade.scores[-1].because) == (0, 17, "unreadable")
