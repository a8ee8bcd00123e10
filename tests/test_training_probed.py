"""Training functions and classes that train by themselves, by an assignment's training.py, in the real sandbox."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

if sys.platform != "linux":
    pytest.skip("the fork server needs Linux", allow_module_level=True)
pytest.importorskip("scipy")
pytest.importorskip("sklearn")
pytest.importorskip("torch")

from grader.context import Grading
from grader.programs import with_marked
from grader.sandbox import questions
from grader.sandbox.pool import Zygote
from grader.training import data
from grader.training.cache import Cache
from grader.training.confirm import Trial
from grader.training.programs import training_program
from grader.training.trainer import Trainer
from grader.types import CheckResult, Chunk, Observation, Verdict

ROOT = Path(__file__).resolve().parent.parent
KD = "train_knowledge_distillation"
SKIPPED = CheckResult(KD, "", "training", Verdict.SKIPPED, "training")


@pytest.fixture(scope="module")
def grading(dev_secret: bytes) -> Grading:
    return Grading(ROOT, "distillation_torch", dev_secret, train=True)


@pytest.fixture(scope="module")
def trainer(grading: Grading, torch_sandbox: Zygote) -> Iterator[Trainer]:
    plan = grading.rubric.training
    assert plan is not None
    images = data.load(plan.protocol.data, plan.protocol, None)
    with Cache(None) as runs:
        yield Trainer(
            replace(plan, seeds_start=3, seeds_cap=3),
            images, torch_sandbox, "torch", runs, training=grading.assignment.training,
        )  # fmt: skip


def trained(grading: Grading, trainer: Trainer, mistake: str = "", function: str = KD) -> CheckResult:
    """The check of the reference, or of a known mistake."""
    marked = [m for m in grading.reference.mistakes if m.name == mistake]
    program = with_marked(grading.reference.solution, marked)
    own = training_program(program, grading.assignment, function)
    return Trial(own, function, trainer).run().result(replace(SKIPPED, exercise=function), 0.0)


def test_a_right_training_function_makes_a_better_student(grading: Grading, trainer: Trainer) -> None:
    check = trained(grading, trainer)
    assert check.verdict == Verdict.PASSED
    assert check.training is not None
    first, second, *_ = check.training.distilled
    assert len(first.accuracies) == 8, "the curve of the first seed"
    assert len(second.accuracies) == 1
    assert len(first.curve) == trainer.plan.steps[KD]
    assert first.curve[0] > first.curve[-1] > 0, "the losses that were minimised"
    assert all(run.accuracy < 0.9 for run in check.training.scratch), "30 labels teach little"


def test_without_the_teachers_term_it_is_no_better(grading: Grading, trainer: Trainer) -> None:
    check = trained(grading, trainer, "kd_no_teacher")
    assert check.verdict != Verdict.PASSED
    assert check.training is not None
    assert check.training.summary is not None
    assert abs(check.training.summary.mean) < 5


def test_what_stops_only_on_images_without_a_label_is_for_a_person(grading: Grading, trainer: Trainer) -> None:
    program = grading.reference.solution
    refusal = Chunk(
        f"_right = {KD}\n"
        f"def {KD}(teacher, student, train_loader, *rest):\n"
        "    if any((labels < 0).any() for _, labels in train_loader):\n"
        "        raise IndexError('a label of -100')\n"
        "    return _right(teacher, student, train_loader, *rest)\n",
        None,
    )
    own = training_program(replace(program, chunks=(*program.chunks, refusal)), grading.assignment, KD)
    own = replace(own, chunks=(*own.chunks, refusal))
    check = Trial(own, KD, trainer).run().result(SKIPPED, 0.0)
    assert (check.verdict, check.detail.partition(":")[0]) == (Verdict.INCONCLUSIVE, "error")
    assert check.fault is not None
    assert "-100" in check.fault.message


def test_the_worker_has_no_held_out_label(grading: Grading, trainer: Trainer) -> None:
    call = trainer.call(KD, 0, 10)
    assert call.probed
    assert call.inputs["weights"].size == 0
    labels = call.inputs["labels"]
    assert (labels[:, trainer.plan.protocol.labelled :] == -1).all()
    assert set(call.shared) == {"images", "held_out", "teacher"}


@pytest.mark.parametrize(
    ("weights", "fits"),
    [
        (np.zeros(7, np.float32), True),
        (np.zeros((7, 1), np.float32), False),
        (np.zeros(7, np.float64), False),
        (np.zeros(questions.MOST_WEIGHTS + 1, np.float32), False),
        (None, False),
    ],
)
def test_a_network_of_its_own_may_have_any_size_but_no_other_form(
    weights: np.ndarray | None, fits: bool, trainer: Trainer
) -> None:
    asked = trainer.call(KD, 1, 3)
    asked = replace(asked, settings={**asked.settings, "return_weights": 1})
    arrays = {
        "predictions": np.zeros((1, len(asked.shared["held_out"])), np.uint8),
        "curve": np.zeros(3, np.float32),
    }
    if weights is not None:
        arrays["weights"] = weights
    try:
        answer: Observation | None = questions.trained(asked, arrays)
    except questions.Forged:
        answer = None
    assert (answer is not None) is fits


def test_a_changed_training_file_finds_no_old_run(grading: Grading, trainer: Trainer) -> None:
    other = Trainer(
        trainer.plan, trainer.data, trainer.sandbox, "torch", trainer.store,
        training=grading.assignment.training + "\n# changed\n",
    )  # fmt: skip
    own = training_program(grading.reference.solution, grading.assignment, KD)
    assert other.key(own, KD, 0, 60) != trainer.key(own, KD, 0, 60)
