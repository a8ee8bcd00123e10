"""`grader check --train`: what a learner sees of the quick training pass, and what is said where there is none."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from small_class import SLUG
from small_class import notebook as small_notebook

from grader.cli import main
from grader.commands import OK, USAGE
from grader.context import self_check
from grader.learner.preview import NothingToTrain, curves, plan_of
from grader.learner.session import narrowed
from grader.sandbox.pool import Zygote
from grader.types import (
    CheckResult,
    Comparison,
    ExerciseResult,
    Finding,
    Found,
    Grade,
    Graded,
    Submission,
    Summary,
    TrainingRun,
    Verdict,
)

pytest.importorskip("sklearn")
ROOT = Path(__file__).resolve().parent.parent
KD = "loss_with_kd"


def test_the_plan_is_that_of_the_rubric_for_what_is_checked(numpy_sandbox: Zygote) -> None:
    context = self_check(ROOT / "assignments" / "distillation_tf", numpy_sandbox)
    assert set(plan_of(ROOT, context).steps) == {KD, "loss_with_at", "loss_with_rkd"}
    assert set(plan_of(ROOT, narrowed(context, [KD])).steps) == {KD}
    with pytest.raises(NothingToTrain, match="nothing of what you named"):
        plan_of(ROOT, narrowed(context, ["pairwise_distance"]))


def test_without_a_rubric_or_a_training_that_is_said(
    tmp_path: Path, small_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.ipynb").write_bytes(small_notebook("right"))
    monkeypatch.setenv("GRADER_ROOT", str(small_root))
    assert main(["check", str(tmp_path / "mine.ipynb"), "--train"]) == USAGE
    assert "is trained in grading" in capsys.readouterr().err
    shutil.copytree(small_root / "assignments", tmp_path / "assignments")
    monkeypatch.setenv("GRADER_ROOT", str(tmp_path))
    assert main(["check", str(tmp_path / "mine.ipynb"), "--train"]) == USAGE
    assert "get the kit" in capsys.readouterr().err


def test_a_kit_brings_what_is_trained(tmp_path: Path) -> None:
    out = tmp_path / "kit.zip"
    assert main(["kit", "distillation_tf", "-o", str(out), "--dev-secret"]) == OK
    with zipfile.ZipFile(out) as archive:
        archive.extractall(tmp_path)
    assert "loss_with_kd" in (tmp_path / "distillation_tf" / "rubric.yaml").read_text("utf-8")
    assert SLUG not in (tmp_path / "distillation_tf" / "rubric.yaml").read_text("utf-8")


def trained(ours: tuple[float, ...], without: tuple[float, ...]) -> Graded:
    """A grade whose one training went like this."""
    from trainings_made_up import ASSIGNMENT

    runs = [TrainingRun(0, shares, (1.0, 0.5)) for shares in (ours, without)]
    compared = Comparison(
        (runs[0],), (runs[1],), Summary(1, 1.0, 0.5, 1.5, 0.0, 0.95), "digits", 30, 60, "cpu", 1.0
    )
    check = CheckResult(KD, "", "training", Verdict.PASSED, "training", training=compared)
    result = ExerciseResult(KD, Verdict.PASSED, Finding(Found.DEFINED), (check,))
    nobody = Submission("x", "x.ipynb", b"", "")
    return Graded(nobody, ASSIGNMENT, Grade(True, 0, 0, ()), None, None, (result,))


def test_curves_rise_with_the_accuracy_and_share_a_scale() -> None:
    told = list(curves(trained((0.1, 0.5, 0.8), (0.1, 0.2, 0.4)), "en"))
    assert "loss_with_kd" in told[1]
    assert told[2].split()[0] == "distilled"
    assert told[3].split()[0] == "scratch"
    assert told[2].split()[1] == "▂▆█"
    assert told[3].split()[1] == "▂▃▅"
    assert "10 % → 80 %" in told[2]
    assert "10 % → 40 %" in told[3]


def test_curves_that_stay_at_zero_are_drawn_and_none_are_no_fault() -> None:
    told = list(curves(trained((0.0, 0.0), (0.0, 0.0)), "ko"))
    assert "▁▁" in told[2]
    nothing = trained((0.5,), (0.5,))
    without = replace(nothing, results=(replace(nothing.results[0], checks=()),))
    assert list(curves(without, "en")) == []


def test_a_right_loss_is_trained_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole of it, as a learner runs it; students are few but real."""
    sample = ROOT / "tests" / "submissions" / "distillation_tf" / "right_broadcast" / "submission.ipynb"
    assert json.loads(sample.read_text("utf-8"))["cells"]
    assert main(["check", str(sample), "-e", KD, "--train", "--lang", "en"]) == OK
    told = capsys.readouterr()
    assert "helps the student" in told.out
    assert "distilled" in told.out
    assert "training students" in told.err
