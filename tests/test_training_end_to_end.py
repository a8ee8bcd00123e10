"""The training pass in the real sandbox: right losses pass, useless ones fail, nothing is trained twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

if sys.platform != "linux":
    pytest.skip("the fork server needs Linux", allow_module_level=True)
pytest.importorskip("scipy")
pytest.importorskip("sklearn")
pytest.importorskip("tensorflow")

from grader.context import Grading
from grader.extract import extract
from grader.intake import one, read
from grader.pipeline import Context, grade
from grader.programs import with_marked
from grader.sandbox.pool import Zygote
from grader.training import data, trainer
from grader.training.cache import FILE, Cache
from grader.training.confirm import confirm
from grader.training.data import DataSet
from grader.training.trainer import Gym, Trainer
from grader.types import (
    Cell,
    CheckResult,
    Comparison,
    ExerciseResult,
    Finding,
    Found,
    Graded,
    Limits,
    Notebook,
    Program,
    TrainingPlan,
    Verdict,
)

SAMPLES = Path(__file__).parent / "submissions" / "distillation_tf"
RIGHT = SAMPLES / "right_broadcast" / "submission.ipynb"
KD, AT, RKD = "loss_with_kd", "loss_with_at", "loss_with_rkd"
GRADE = [sys.executable, "-m", "grader.cli", "grade"]
REST = ["-a", "distillation_tf", "--dev-secret", "--lang", "en"]


@pytest.fixture(scope="module")
def training(root: Path, dev_secret: bytes) -> Grading:
    """The assignment with the training pass as it is shipped."""
    return Grading(root, "distillation_tf", dev_secret, train=True)


@pytest.fixture(scope="module")
def plan(training: Grading) -> TrainingPlan:
    assert training.rubric.training is not None
    return training.rubric.training


@pytest.fixture(scope="module")
def digits(plan: TrainingPlan) -> DataSet:
    return data.load(plan.protocol.data, plan.protocol)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The training runs of this module: teacher and scratch runs are made once for all tests."""
    return tmp_path_factory.mktemp("runs") / "training.sqlite"


@pytest.fixture(scope="module")
def store(path: Path) -> Iterator[Cache]:
    with Cache(path) as runs:
        yield runs
        assert runs.warning == ""


@pytest.fixture(scope="module")
def first(
    training: Grading,
    plan: TrainingPlan,
    digits: DataSet,
    tf_sandbox: Zygote,
    store: Cache,
    alone: Callable[[str], AbstractContextManager[None]],
) -> tuple[Graded, Context]:
    """A right sample, graded with training and an empty store."""
    own = Trainer(plan, digits, tf_sandbox, "tensorflow", store)
    with alone(training.assignment.slug):
        context = training.context(tf_sandbox, jobs=2, trainer=own)
    return grade(read(one(RIGHT)), context), context


def trained(graded: Graded) -> dict[str, CheckResult]:
    return {c.exercise: c for r in graded.results for c in r.checks if c.check == "training"}


def compared(check: CheckResult) -> Comparison:
    assert check.training is not None, check
    return check.training


def numbers(check: CheckResult) -> list[tuple[object, ...]]:
    """All that a training came to, to the bit."""
    both = compared(check)
    return [(run.seed, run.accuracies, run.curve) for run in (*both.distilled, *both.scratch)]


def confirmed(
    program: Program, plan: TrainingPlan, gym: Gym, store: Cache, grading: Grading
) -> dict[str, CheckResult]:
    """Train the losses of the plan, as if all exercises had failed their numeric checks."""
    framework = "torch" if isinstance(gym, Zygote) and gym.framework == "torch" else "tensorflow"
    images = data.load(plan.protocol.data, plan.protocol)
    own = Trainer(replace(plan, always=True), images, gym, framework, store)
    failed = [ExerciseResult(n, Verdict.FAILED, Finding(Found.DEFINED), ()) for n in grading.assignment.exercises]
    forms = {name: grading.reference.families(name) for name in grading.assignment.exercises}
    all_ = confirm(program, failed, grading.assignment, forms, own)
    return {r.exercise: r.checks[0] for r in all_ if r.checks}


def only(plan: TrainingPlan, name: str) -> TrainingPlan:
    return replace(plan, steps={name: plan.steps[name]})


# ---------------------------------------------------------------- right


def test_a_right_submission_trains_a_better_student_three_times(
    first: tuple[Graded, Context], plan: TrainingPlan
) -> None:
    graded, _ = first
    assert graded.internal == ""
    checks = trained(graded)
    assert {name: check.verdict for name, check in checks.items()} == dict.fromkeys((KD, AT, RKD), Verdict.PASSED)
    for name, check in checks.items():
        both = compared(check)
        assert (both.data, both.labels, both.steps, both.device) == ("digits", 30, plan.steps[name], "cpu")
        assert [run.seed for run in both.distilled] == [run.seed for run in both.scratch]
        assert [len(run.accuracies) for run in both.distilled[:2]] == [8, 1]
        assert all(len(run.curve) == plan.steps[name] for run in (*both.distilled, *both.scratch))
        assert not any(run.cached for run in (*both.distilled, *both.scratch[:3]))
        assert both.seconds > 0
        assert both.summary is not None
        assert both.summary.low > plan.margin
        assert both.summary.n == len(both.distilled)
    assert (graded.grade.final, graded.grade.earned, graded.grade.possible) == (True, 100, 100)


def test_the_second_time_everything_comes_from_the_store_bit_by_bit(first: tuple[Graded, Context]) -> None:
    graded, context = first
    again = grade(read(one(RIGHT)), context)
    for name, check in trained(again).items():
        both = compared(check)
        assert all(run.cached for run in (*both.distilled, *both.scratch))
        assert numbers(check) == numbers(trained(graded)[name])
        assert both.summary == compared(trained(graded)[name]).summary


def test_trained_anew_the_numbers_are_the_same_to_the_bit(
    first: tuple[Graded, Context], training: Grading, plan: TrainingPlan, tf_sandbox: Zygote
) -> None:
    graded, _ = first
    assert graded.program is not None
    with Cache(None) as fresh:
        check = confirmed(graded.program, only(plan, KD), tf_sandbox, fresh, training)[KD]
    assert not any(run.cached for run in (*compared(check).distilled, *compared(check).scratch))
    assert numbers(check) == numbers(trained(graded)[KD])


# ---------------------------------------------------------------- wrong


@pytest.mark.parametrize(
    ("loss", "mistake"), [(KD, "kd_gradient_cut"), (KD, "kd_no_minus"), (AT, "at_gradient_cut")]
)
def test_a_useless_loss_fails(
    loss: str,
    mistake: str,
    training: Grading,
    plan: TrainingPlan,
    tf_sandbox: Zygote,
    first: tuple[Graded, Context],
    store: Cache,
) -> None:
    wrong = next(m for m in training.reference.mistakes if m.name == mistake)
    program = with_marked(training.reference.solution, [wrong])
    check = confirmed(program, only(plan, loss), tf_sandbox, store, training)[loss]
    assert check.verdict is Verdict.FAILED
    both = compared(check)
    assert both.summary is not None
    if mistake.endswith("cut"):  # no gradient at all: to the bit as without the term
        assert [run.accuracies for run in both.distilled] == [run.accuracies for run in both.scratch]
    else:
        assert both.summary.high < 0


LOSS = """import tensorflow as tf, numpy as np

def knowledge_distillation(l_t, l_s, T):
    return tf.reduce_mean(l_s)

def loss_with_kd(y_true, y_pred):
    {line}
    return tf.reduce_mean(logits_s)
"""


def program_of(line: str, training: Grading) -> Program:
    return extract(Notebook((Cell(7, LOSS.format(line=line)),)), tuple(training.assignment.exercises))


@pytest.mark.parametrize("line", ["logits_s.numpy()", "np.mean(logits_s)"])
def test_what_fails_only_when_compiled_is_an_error_with_its_place(
    line: str,
    training: Grading,
    plan: TrainingPlan,
    tf_sandbox: Zygote,
    first: tuple[Graded, Context],
    store: Cache,
) -> None:
    check = confirmed(program_of(line, training), only(plan, KD), tf_sandbox, store, training)[KD]
    assert check.verdict is Verdict.ERROR
    assert check.fault is not None
    assert check.place is not None
    assert (check.place.cell, check.place.line) == (7, 7)
    assert check.training is None


def test_what_hangs_only_when_compiled_is_inconclusive(
    training: Grading,
    plan: TrainingPlan,
    tf_sandbox: Zygote,
    first: tuple[Graded, Context],
    store: Cache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(trainer.LIMITS, "digits", Limits(wall_s=60, cpu_s=2, memory_mb=2048))
    line = "while not tf.executing_eagerly(): pass"
    check = confirmed(program_of(line, training), only(plan, KD), tf_sandbox, store, training)[KD]
    assert check.verdict is Verdict.INCONCLUSIVE
    assert check.detail == "too slow: over 2 s of processor time"
    assert check.training is None


# ---------------------------------------------------------------- in PyTorch


def test_a_loss_in_pytorch_trains_as_well(training: Grading, plan: TrainingPlan, torch: Zygote) -> None:
    second = training.reference.second
    assert second is not None
    quicker = replace(only(plan, KD), protocol=replace(plan.protocol, teacher_steps=150))
    with Cache(None) as runs:
        check = confirmed(second, quicker, torch, runs, training)[KD]
    assert check.verdict is Verdict.PASSED, check
    assert compared(check).summary is not None


# ---------------------------------------------------------------- the command


@dataclass(frozen=True)
class ClassRun:
    """`grader grade` on two submissions, killed while it trained the first, and the same command again."""

    project: Path
    submissions: Path
    out: Path
    before: dict[str, float]  # key of each learner's run that was stored when it was killed -> when it was made
    after: dict[str, float]
    results: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def class_run(
    tmp_path_factory: pytest.TempPathFactory, root: Path, path: Path, first: tuple[Graded, Context]
) -> ClassRun:
    folder = tmp_path_factory.mktemp("class")
    project, submissions, out = folder / "root", folder / "submissions", folder / "out"
    make_project(project, root, path)
    submissions.mkdir()
    shutil.copy(RIGHT, submissions / "kim.ipynb")
    shutil.copy(SAMPLES / "at_no_abs" / "submission.ipynb", submissions / "lee.ipynb")
    line, env = command(project, submissions, "-o", out, "-j", "1")
    process = subprocess.Popen(line, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(learner_runs(project)) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)  # polling another process, not hiding a race: the count decides
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = learner_runs(project)
    assert len(before) >= 2
    assert not (out / "kim").exists()
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    results = {name: result_of(out, name, root) for name in ("kim", "lee")}
    return ClassRun(project, submissions, out, before, learner_runs(project), results)


def make_project(project: Path, root: Path, path: Path) -> None:
    """A project root of its own, with the expected answers, teacher and scratch runs that are known already."""
    (project / FILE.parent).mkdir(parents=True)
    for name in ("assignments", "reference", "rubric.yaml"):
        (project / name).symlink_to(root / name)
    for answers in (root / FILE.parent).glob("distillation_tf-*.npz"):
        shutil.copy(answers, project / FILE.parent)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(project / FILE)) as target:
        source.backup(target)  # also what is still in the log
        with target:
            target.execute("DELETE FROM runs WHERE kind = 'learner'")


def command(project: Path, *args: object) -> tuple[list[str], dict[str, str]]:
    return [*GRADE, *map(str, args), *REST], {**os.environ, "GRADER_ROOT": str(project)}


def learner_runs(project: Path) -> dict[str, float]:
    """Key of each stored run of a learner -> when it was made."""
    try:
        with closing(sqlite3.connect(f"file:{project / FILE}?mode=ro", uri=True)) as runs:
            return dict(runs.execute("SELECT key, made FROM runs WHERE kind = 'learner'"))
    except sqlite3.OperationalError:
        return {}


def result_of(out: Path, name: str, root: Path) -> dict[str, Any]:
    """result.json, which must have the written form."""
    result: dict[str, Any] = json.loads((out / name / "result.json").read_text("utf-8"))
    jsonschema.validate(result, json.loads((root / "grader" / "result.schema.json").read_text("utf-8")))
    return result


def test_kill_9_in_the_middle_of_training_repeats_no_finished_seed(class_run: ClassRun) -> None:
    assert class_run.before.items() < class_run.after.items()  # these were not made again, and others were made
    trained = [c["training"] for c in class_run.results["kim"]["checks"] if c["training"]]
    assert sum(one["cached"] for one in trained) == len(class_run.before)
    assert sum(len(one["seeds"]) for one in trained) > len(class_run.before)


def test_the_command_writes_points_curves_and_a_table(class_run: ClassRun) -> None:
    kim, lee = class_run.results["kim"], class_run.results["lee"]
    assert (kim["earned"], kim["possible"], lee["possible"]) == (100, 100, 100)
    verdicts = {c["exercise"]: c["verdict"] for c in lee["checks"] if c["check"] == "training"}
    assert verdicts == {KD: "passed", AT: "skipped", RKD: "passed"}
    for name in ("kim", "lee"):
        assert (class_run.out / name / "training.svg").read_text("utf-8").startswith("<svg")
        feedback = (class_run.out / name / "feedback.md").read_text("utf-8")
        assert "## Training" in feedback
        assert "| without | with your loss |" in feedback
        assert "](training.svg)" in feedback
    assert "training_loss_with_kd" in (class_run.out / "grades.csv").read_text("utf-8-sig").splitlines()[0]


def test_without_training_no_trace_of_it_is_left(class_run: ClassRun, tmp_path: Path, root: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(class_run.out, out)  # graded with training before: the journal must tell the two apart
    line, env = command(class_run.project, class_run.submissions, "-o", out, "--no-train")
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("kim", "lee"):
        result = result_of(out, name, root)
        assert result["possible"] == 85
        assert not any(c["check"] == "training" for c in result["checks"])
        assert not any(c["id"].startswith("training") for c in result["criteria"])
        assert not (out / name / "training.svg").exists()
        assert "Training" not in (out / name / "feedback.md").read_text("utf-8")
    assert "training" not in (out / "grades.csv").read_text("utf-8-sig").splitlines()[0]
    assert learner_runs(class_run.project) == class_run.after
