"""A made-up sandbox for the training pass: it answers at once with predictions of a chosen accuracy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy")

from grader.oracle import Sandbox
from grader.pipeline import Context, needed_part, read_notebook
from grader.spec import load_assignment, load_rubric
from grader.training.cache import Cache
from grader.training.confirm import confirm
from grader.training.data import DataSet
from grader.training.programs import SCRATCH
from grader.training.trainer import Trainer
from grader.types import (
    Array,
    Assignment,
    CheckResult,
    ExerciseResult,
    Expectations,
    Family,
    Finding,
    Found,
    Limits,
    Notebook,
    Observation,
    Place,
    Program,
    Protocol,
    Run,
    Submission,
    TrainingCall,
    TrainingPlan,
    Verdict,
)

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "tests" / "submissions" / "distillation_tf"
ASSIGNMENT: Assignment = load_assignment(ROOT / "assignments" / "distillation_tf")
KD, AT, RKD = "loss_with_kd", "loss_with_at", "loss_with_rkd"
STEPS = {KD: 3, AT: 4, RKD: 5}
PROTOCOL = Protocol(labels=10, batch=8, labelled=4, student_width=1, teacher_width=1, teacher_steps=2)
PLAN = TrainingPlan("quick", PROTOCOL, STEPS, always=False, margin=1.0, seeds_start=3, seeds_cap=16, error=0.02)
FORMS = {name: (Family("reference"), Family("huge", trains=False)) for name in ASSIGNMENT.exercises}
TEACHER = "teacher"


def data_set(answers: int = 0) -> DataSet:
    """40 images to train on, 200 held out: one of them is worth half a percentage point."""
    rng = np.random.default_rng(1)
    images, held_out = rng.random((40, 8, 8, 1), np.float32), rng.random((200, 8, 8, 1), np.float32)
    labels = np.arange(40, dtype=np.int32) % 10
    held_out_labels = np.random.default_rng(answers).integers(0, 10, 200).astype(np.int32)
    return DataSet("digits", images, labels, held_out, held_out_labels, 10, f"digest {answers}")


DATA = data_set()
Accuracy = Callable[[str, int], float]
End = Observation | BaseException


class MadeUp:
    """Answers trainings with an accuracy of its choice, and remembers what it was asked. Has a Zygote's `run`."""

    def __init__(self, accuracy: Accuracy = lambda function, seed: 0.8, data: DataSet = DATA) -> None:
        self.versions: Mapping[str, str] = {"tensorflow": "2.21.0", "numpy": "2.4.0"}
        self.accuracy, self.data = accuracy, data
        self.ends: dict[tuple[str, int], End] = {}  # of (function, seed), instead of an answer
        self.calls: list[TrainingCall] = []
        self.runs: list[tuple[Program, Limits]] = []
        self.on_run: Callable[[Program], None] = lambda program: None
        self.gives_up = False
        self._lock = threading.Lock()

    def run(
        self,
        program: Program,
        calls: Sequence[TrainingCall],
        limits: Limits,
        follow: Callable[[Observation], Sequence[TrainingCall]] | None = None,
    ) -> Run:
        with self._lock:
            self.runs.append((program, limits))
        assert len(self.runs) < 200, "asked for ever"
        self.on_run(program)
        answers: dict[str, Observation] = {}
        todo = list(calls)
        for call in todo:  # grows
            with self._lock:
                self.calls.append(call)
            assert len(self.calls) < 1000, "asked for ever"
            answers[call.id] = answer = self._answer(call)
            if follow and not (self.gives_up and answer.ended != Verdict.PASSED):
                todo += follow(answer)
        return Run(answers)

    def _answer(self, call: TrainingCall) -> Observation:
        seed, checkpoints = int(call.settings["seed"]), int(call.settings["checkpoints"])
        end = self.ends.get((what(call), seed))
        if isinstance(end, BaseException):
            raise end
        if end is not None:
            return replace(end, id=call.id)
        right = round(len(self.data.held_out) * (0.5 if is_ours(call) else self.accuracy(call.function, seed)))
        labels = self.data.held_out_labels
        one = np.where(np.arange(len(labels)) < right, labels, (labels + 1) % 10).astype(np.uint8)
        arrays: dict[str, Array] = {"curve": np.full(len(call.inputs["indices"]), seed, np.float32)}
        if call.settings["return_weights"]:
            arrays["weights"] = call.inputs["weights"] + np.float32(1)
        return Observation(call.id, Verdict.PASSED, np.tile(one, (checkpoints, 1)), arrays=arrays)

    @property
    def asked(self) -> list[tuple[str, int]]:
        """(function, seed) of every training, in order; the teacher's function is "teacher"."""
        return [(what(call), int(call.settings["seed"])) for call in self.calls]

    def seeds(self, function: str) -> list[int]:
        return [seed for name, seed in self.asked if name == function]


def is_ours(call: TrainingCall) -> bool:
    return call.function == SCRATCH


def what(call: TrainingCall) -> str:
    return TEACHER if call.settings["return_weights"] else call.function


def by_seed(*gains: float) -> Accuracy:
    """Better than scratch by these percentage points, seed by seed, over and over."""
    return lambda function, seed: 0.5 + gains[seed % len(gains)] / 100


# ---------------------------------------------------------------- a submission

SOURCE = f"""
import tensorflow as tf
import numpy as np

def helper(x):
    return tf.nn.softmax(x)

def not_needed(x):
    return np.zeros(3)

def knowledge_distillation(l_t, l_s, T):
    return -tf.reduce_mean(helper(l_t / T) * tf.nn.log_softmax(l_s / T))

def {KD}(y_true, y_pred):
    # the sum
    return tf.keras.losses.categorical_crossentropy(y_true, y_pred) + 0.5 * knowledge_distillation(logits_t, logits_s, 2.0)

def attention_transfer(x_t, x_s):
    return tf.reduce_mean(x_t) - tf.reduce_mean(x_s)

def {AT}(y_true, y_pred):
    return attention_transfer(x1_t, x1_s)

def pairwise_distance(z):
    return tf.norm(z[:, None] - z[None], axis=-1)

def relational_knowledge_distillation(l_t, l_s):
    return tf.reduce_mean(pairwise_distance(l_t) - pairwise_distance(l_s))

def {RKD}(y_true, y_pred):
    return relational_knowledge_distillation(logits_t, logits_s)
"""  # noqa: E501


def submission(source: str = SOURCE) -> Submission:
    return Submission("kim", "kim.py", source.encode(), "")


def context(trainer: Trainer | None = None, sandbox: Sandbox | None = None) -> Context:
    """One without cases: whatever is defined passes its numeric checks."""
    rubric = load_rubric(ROOT / "rubric.yaml", ASSIGNMENT, train=True)
    return Context(ASSIGNMENT, rubric, Expectations({}, FORMS, {}), Notebook(()), sandbox or Idle(), {}, trainer)


class Idle:
    """A sandbox that is asked nothing."""

    versions: Mapping[str, str] = {}

    def run(self, program: Program, calls: Sequence[Any], limits: Limits) -> Run:
        assert not calls
        return Run({})


def program_of(source: str = SOURCE) -> Program:
    return needed_part(read_notebook(submission(source)), context())


def results(**changes: ExerciseResult) -> list[ExerciseResult]:
    """All exercises passed, but for the changes."""
    return [changes.get(name, result(name)) for name in ASSIGNMENT.exercises]


def result(name: str, verdict: Verdict = Verdict.PASSED, **more: Any) -> ExerciseResult:
    finding = Finding(Found.DEFINED, Place(None, 10), 1)
    return ExerciseResult(name, verdict, **{"finding": finding, "checks": (), "family": "reference", **more})


def trainer_of(gym: MadeUp, store: Cache, plan: TrainingPlan = PLAN, **more: Any) -> Trainer:
    return Trainer(plan, gym.data, gym, more.pop("framework", "tensorflow"), store, **more)


def only(function: str = KD, **changes: Any) -> TrainingPlan:
    """A plan with one exercise."""
    return replace(PLAN, steps={function: STEPS[function]}, **changes)


def confirmed(
    trainer: Trainer, own: Sequence[ExerciseResult] | None = None, source: str = SOURCE
) -> dict[str, CheckResult]:
    """The check "training" of each trained exercise."""
    all_ = confirm(program_of(source), own or results(), ASSIGNMENT, FORMS, trainer)
    assert [r.exercise for r in all_] == list(ASSIGNMENT.exercises)
    for r in all_:
        assert len(r.checks) == (r.exercise in trainer.plan.steps)
    return {r.exercise: r.checks[-1] for r in all_ if r.checks}


def changed_plan(**changes: Any) -> TrainingPlan:
    return replace(PLAN, protocol=replace(PROTOCOL, **changes))


def most_at_once(trainer: Trainer, gym: MadeUp) -> int:
    """How many of four submissions are trained at the same time, at most."""
    confirmed(trainer)
    inside = most = 0
    lock, all_four = threading.Lock(), threading.Event()

    def enter(program: Program) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        if most == 4:
            all_four.set()
        all_four.wait(0.3)  # time enough for the others to come in, if nothing holds them back
        with lock:
            inside -= 1

    gym.on_run = enter
    with ThreadPoolExecutor(4) as pool:
        sources = [SOURCE.replace("2.0", f"{n}.5") for n in range(4)]
        done = list(pool.map(lambda source: confirmed(trainer, source=source)[KD].verdict, sources))
    assert done == [Verdict.PASSED] * 4
    return most
