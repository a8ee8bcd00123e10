"""The training pass around a made-up sandbox: what is trained, what is asked, how it ends, what is kept.

The sandbox here answers at once with predictions of a chosen accuracy. The real one: test_training_end_to_end.py.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy")

from grader.intake import find, read
from grader.oracle import Sandbox
from grader.pipeline import Context, grade, read_program
from grader.sandbox.attempts import SandboxLost
from grader.spec import load_assignment, load_rubric
from grader.training import opening
from grader.training.cache import Cache
from grader.training.confirm import confirm
from grader.training.data import DataSet
from grader.training.opening import Equipment, open_trainer
from grader.training.programs import SCRATCH, members_of, normal_form, scratch_program, training_program
from grader.training.trainer import LIMITS, Trainer, TrainingLost
from grader.types import (
    Array,
    Assignment,
    CheckResult,
    Chunk,
    ExerciseResult,
    Expectations,
    Family,
    Fault,
    Finding,
    Found,
    FriendlyError,
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
    return read_program(submission(source), context())


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


@pytest.fixture
def store() -> Iterator[Cache]:
    with Cache(None) as runs:
        yield runs


# ---------------------------------------------------------------- what is trained

UNDEFINED = {
    Found.BLANK: Verdict.NOT_ATTEMPTED,
    Found.MISSING: Verdict.MISSING,
    Found.BROKEN: Verdict.ERROR,
}


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("found", list(UNDEFINED))
def test_what_is_not_there_is_not_trained(found: Found, always: bool, store: Cache) -> None:
    gym, place = MadeUp(), Place(None, 4)
    absent = result(KD, UNDEFINED[found], finding=Finding(found, place))
    check = confirmed(trainer_of(gym, store, only(always=always)), results(**{KD: absent}))[KD]
    assert (check.verdict, check.kind, check.place) == (UNDEFINED[found], "training", place)
    assert check.training is None
    assert gym.asked == []


@pytest.mark.parametrize("always", [False, True])
def test_a_fault_of_ours_stays_one_and_is_not_trained(always: bool, store: Cache) -> None:
    gym = MadeUp()
    own = results(**{KD: result(KD, Verdict.INTERNAL)})
    check = confirmed(trainer_of(gym, store, only(always=always)), own)[KD]
    assert check.verdict is Verdict.INTERNAL
    assert gym.asked == []


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        (result(KD, Verdict.FAILED), "numeric"),
        (result(KD, Verdict.ERROR), "numeric"),
        (result(KD, Verdict.TIMEOUT), "numeric"),
        (result(KD, followed=("knowledge_distillation",)), "followed"),
    ],
)
def test_what_is_not_right_is_not_trained_unless_the_plan_says_always(
    changed: ExerciseResult, detail: str, store: Cache
) -> None:
    gym = MadeUp()
    skipped = confirmed(trainer_of(gym, store, only()), results(**{KD: changed}))[KD]
    assert (skipped.verdict, skipped.detail, skipped.training) == (Verdict.SKIPPED, detail, None)
    assert gym.asked == []
    trained = confirmed(trainer_of(gym, store, only(always=True)), results(**{KD: changed}))[KD]
    assert trained.verdict is Verdict.PASSED
    assert gym.seeds(KD) == [0, 1, 2]


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("member", [RKD, "relational_knowledge_distillation", "pairwise_distance"])
def test_a_form_that_does_not_train_is_never_trained_wherever_it_stands(
    member: str, always: bool, store: Cache
) -> None:
    gym, own = MadeUp(), results(**{member: result(member, family="huge")})
    check = confirmed(trainer_of(gym, store, only(RKD, always=always)), own)[RKD]
    assert (check.verdict, check.detail) == (Verdict.SKIPPED, "form")
    assert gym.asked == []


def test_the_form_of_an_exercise_that_a_loss_does_not_use_does_not_matter(store: Cache) -> None:
    gym, own = MadeUp(), results(pairwise_distance=result("pairwise_distance", family="huge"))
    checks = confirmed(trainer_of(gym, store), own)
    assert [checks[name].verdict for name in (KD, AT, RKD)] == ["passed", "passed", "skipped"]


def test_only_what_the_plan_names_is_trained(store: Cache) -> None:
    gym = MadeUp()
    assert list(confirmed(trainer_of(gym, store, only(AT)))) == [AT]
    assert {name for name, _ in gym.asked} == {TEACHER, SCRATCH, AT}
    assert {limits for _, limits in gym.runs} == {LIMITS["digits"]}


# ---------------------------------------------------------------- verdicts


def test_a_clear_gain_passes_with_the_first_seeds_and_is_reported_whole(store: Cache) -> None:
    gym = MadeUp(by_seed(30))
    check = confirmed(trainer_of(gym, store, only()))[KD]
    assert (check.exercise, check.case, check.check, check.kind) == (KD, "", "training", "training")
    assert (check.verdict, check.detail, check.fault, check.public) == (Verdict.PASSED, "", None, True)
    compared = check.training
    assert compared is not None
    assert [run.seed for run in compared.distilled] == [run.seed for run in compared.scratch] == [0, 1, 2]
    assert [run.accuracy for run in compared.distilled] == [0.8] * 3
    assert [run.accuracy for run in compared.scratch] == [0.5] * 3
    # As many checkpoints as steps at most, and only for the first seed.
    assert [len(run.accuracies) for run in compared.distilled] == [STEPS[KD], 1, 1]
    assert [run.curve for run in compared.distilled] == [(seed,) * STEPS[KD] for seed in (0, 1, 2)]
    assert not any(run.cached for run in compared.distilled)
    assert (compared.data, compared.labels, compared.steps, compared.device) == ("digits", 10, STEPS[KD], "cpu")
    assert compared.seconds >= 0
    assert compared.summary is not None
    assert (compared.summary.n, compared.summary.margin) == (3, 1)
    assert compared.summary.mean == pytest.approx(30)


@pytest.mark.parametrize("gains", [(0,), (-30,)])
def test_no_gain_fails_with_the_first_seeds(gains: tuple[float, ...], store: Cache) -> None:
    gym = MadeUp(by_seed(*gains))
    check = confirmed(trainer_of(gym, store, only()))[KD]
    assert check.verdict is Verdict.FAILED
    assert check.detail == ""
    assert gym.seeds(KD) == gym.seeds(SCRATCH) == [0, 1, 2]


def test_more_seeds_are_trained_until_it_is_decided_and_no_longer(store: Cache) -> None:
    """Gains of 30, 10, 20, ...: the interval is 64 points wide on either side at 3 seeds, 15 at 6."""
    gym = MadeUp(by_seed(30, 10, 20))
    check = confirmed(trainer_of(gym, store, only()))[KD]
    assert check.verdict is Verdict.PASSED
    assert gym.seeds(KD) == gym.seeds(SCRATCH) == [0, 1, 2, 3, 4, 5]
    assert check.training is not None
    assert check.training.summary is not None
    assert check.training.summary.n == len(check.training.distilled) == len(check.training.scratch) == 6


def test_what_stays_unclear_is_inconclusive_after_all_seeds(store: Cache) -> None:
    gym = MadeUp(by_seed(11, -9))
    check = confirmed(trainer_of(gym, store, only()))[KD]
    assert (check.verdict, check.detail) == (Verdict.INCONCLUSIVE, "")
    assert gym.seeds(KD) == gym.seeds(SCRATCH) == list(range(16))
    assert check.training is not None
    assert len(check.training.distilled) == 16
    # Without a bad end the seeds of each look share a worker.
    assert len([program for program, _ in gym.runs if program.findings.get(KD)]) <= 5


def test_seeds_whose_scratch_runs_are_stored_share_one_worker(store: Cache) -> None:
    confirmed(trainer_of(MadeUp(by_seed(11, -9)), store, only()))
    gym = MadeUp(by_seed(11, -9))
    confirmed(trainer_of(gym, store, only()), source=SOURCE.replace("2.0", "3.0"))
    assert gym.asked == [(KD, seed) for seed in range(16)]
    assert len(gym.runs) == 1


def test_the_differences_are_paired_by_seed(store: Cache) -> None:
    """Both accuracies swing by 20 points from seed to seed, the difference does not."""

    class Swinging(MadeUp):
        def _answer(self, call: TrainingCall) -> Observation:
            answer = super()._answer(call)
            seed, labels = int(call.settings["seed"]), self.data.held_out_labels
            right = 80 + 40 * (seed % 2) + (0 if is_ours(call) else 20)
            one = np.where(np.arange(200) < right, labels, (labels + 1) % 10).astype(np.uint8)
            return replace(answer, value=np.tile(one, (int(call.settings["checkpoints"]), 1)))

    gym = Swinging()
    check = confirmed(trainer_of(gym, store, only()))[KD]
    assert check.verdict is Verdict.PASSED
    assert gym.seeds(KD) == [0, 1, 2]
    assert check.training is not None
    assert check.training.summary is not None
    assert check.training.summary.mean == pytest.approx(10)


# ---------------------------------------------------------------- bad ends

FAULT = Fault("TypeError", "no numbers in a graph", Place(None, 17))


def test_an_exception_is_an_error_with_its_place(store: Cache) -> None:
    gym = MadeUp()
    gym.ends[KD, 0] = Observation("", Verdict.ERROR, fault=FAULT)
    check = confirmed(trainer_of(gym, store, only()))[KD]
    assert (check.verdict, check.fault, check.place) == (Verdict.ERROR, FAULT, FAULT.place)
    assert check.training is None
    gym.ends[KD, 0] = Observation("", Verdict.ERROR, fault=replace(FAULT, place=None))
    check = confirmed(trainer_of(gym, store, only()))[KD]
    assert check.place == Place(None, 10)  # of its definition


@pytest.mark.parametrize(
    ("ended", "verdict", "told"),
    [
        (Verdict.TIMEOUT, Verdict.INCONCLUSIVE, "too slow: how"),
        (Verdict.CPU, Verdict.INCONCLUSIVE, "too slow: how"),
        (Verdict.MEMORY, Verdict.INCONCLUSIVE, "memory: how"),
        *((v, v, "how") for v in (Verdict.CRASHED, Verdict.EXITED, Verdict.FORBIDDEN, Verdict.FORGED)),
        (Verdict.ERROR, Verdict.ERROR, "how"),
    ],
)
@pytest.mark.parametrize("seed", [0, 2, 4])
def test_after_a_bad_end_nothing_more_is_asked(
    ended: Verdict, verdict: Verdict, told: str, seed: int, store: Cache
) -> None:
    gym = MadeUp(by_seed(30, 10, 20))  # six seeds, were it not for the bad end
    gym.ends[KD, seed] = Observation("", ended, detail="how")
    checks = confirmed(trainer_of(gym, store))
    assert (checks[KD].verdict, checks[KD].detail) == (verdict, told)
    assert gym.seeds(KD) == list(range(seed + 1))
    compared = checks[KD].training
    kept = [] if compared is None else [run.seed for run in compared.distilled]
    assert kept == list(range(seed))
    assert compared is None or [run.seed for run in compared.scratch] == kept
    assert (checks[AT].verdict, checks[RKD].verdict) == (Verdict.PASSED, Verdict.PASSED)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_run_that_is_given_up_without_a_word_ends_too(seed: int, store: Cache) -> None:
    """As when too many statements of a program end their worker: the sandbox then tells nobody."""
    gym = MadeUp(by_seed(30, 10, 20))
    gym.gives_up = True
    gym.ends[KD, seed] = Observation("", Verdict.CRASHED, detail="while loading: signal 11")
    check = confirmed(trainer_of(gym, store, only()))[KD]
    assert (check.verdict, check.detail) == (Verdict.CRASHED, "while loading: signal 11")
    assert gym.seeds(KD) == list(range(seed + 1))


def test_an_answer_that_turns_out_forged_does_not_count(store: Cache) -> None:
    class Forging(MadeUp):
        def run(self, program: Program, *rest: Any) -> Run:
            run = super().run(program, *rest)
            if KD not in program.findings:
                return run
            return Run({id: Observation(id, Verdict.FORGED, detail="two replies") for id in run.observations})

    check = confirmed(trainer_of(Forging(), store, only()))[KD]
    assert (check.verdict, check.detail) == (Verdict.FORGED, "two replies")


# ---------------------------------------------------------------- a graphics card


def test_what_runs_out_of_gpu_memory_is_trained_on_the_processor(store: Cache) -> None:
    gpu, cpu = MadeUp(), MadeUp()
    gpu.ends[KD, 1] = Observation("", Verdict.MEMORY, detail="OOM")
    trainer = trainer_of(gpu, store, device="gpu", fallback=trainer_of(cpu, store))
    checks = confirmed(trainer)
    devices = {name: check.training.device for name, check in checks.items() if check.training}
    assert devices == {KD: "cpu", AT: "gpu", RKD: "gpu"}
    assert {check.verdict for check in checks.values()} == {Verdict.PASSED}
    assert gpu.seeds(KD) == [0, 1]
    assert cpu.asked == [(TEACHER, 0), *((SCRATCH, s) for s in range(3)), *((KD, s) for s in range(3))]


def test_out_of_memory_on_the_processor_too_is_inconclusive(store: Cache) -> None:
    gpu, cpu = MadeUp(), MadeUp()
    gpu.ends[KD, 0] = cpu.ends[KD, 0] = Observation("", Verdict.MEMORY, detail="OOM")
    check = confirmed(trainer_of(gpu, store, only(), device="gpu", fallback=trainer_of(cpu, store, only())))[KD]
    assert (check.verdict, check.detail) == (Verdict.INCONCLUSIVE, "memory: OOM")


def test_only_memory_is_a_reason_to_leave_the_gpu(store: Cache) -> None:
    gpu, cpu = MadeUp(), MadeUp()
    gpu.ends[KD, 0] = Observation("", Verdict.TIMEOUT, detail="over 120 s")
    check = confirmed(trainer_of(gpu, store, only(), device="gpu", fallback=trainer_of(cpu, store, only())))[KD]
    assert check.detail == "too slow: over 120 s"
    assert cpu.asked == []


@pytest.mark.parametrize(("slots", "expected"), [(1, 1), (2, 2), (0, 4)])
def test_slots_bound_how_many_train_at_a_time(slots: int, expected: int, store: Cache) -> None:
    gym = MadeUp()
    assert most_at_once(trainer_of(gym, store, only(), device="gpu", slots=slots), gym) == expected


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


# ---------------------------------------------------------------- once for a class


def test_teacher_and_scratch_runs_are_made_once_for_a_class(store: Cache) -> None:
    gym = MadeUp(by_seed(11, -9))
    trainer = trainer_of(gym, store)
    with ThreadPoolExecutor(4) as pool:
        sources = [SOURCE.replace("2.0", f"{n}.5").replace("z[None]", f"z[None] / {n}.5") for n in range(6)]
        list(pool.map(lambda source: confirmed(trainer, source=source), sources))
    assert gym.seeds(TEACHER) == [0]
    made = [(len(c.inputs["indices"]), int(c.settings["seed"])) for c in gym.calls if what(c) == SCRATCH]
    assert sorted(made) == [(steps, seed) for steps in sorted(STEPS.values()) for seed in range(16)]


def test_equal_losses_in_a_class_are_trained_once_also_at_the_same_time(store: Cache) -> None:
    gym = MadeUp(by_seed(30, 10, 20))
    trainer = trainer_of(gym, store, only())
    trainer.scratch(trainer.seeds(6), STEPS[KD])
    second = threading.Event()
    started = []

    def meet(program: Program) -> None:
        started.append(program)
        if len(started) > 1:
            second.set()
        second.wait(0.3)  # so that the others would come in, if nothing holds them back

    gym.on_run = meet
    with ThreadPoolExecutor(3) as pool:
        checks = list(pool.map(lambda _: confirmed(trainer)[KD], range(3)))
    assert gym.seeds(KD) == [0, 1, 2, 3, 4, 5]
    assert {check.verdict for check in checks} == {Verdict.PASSED}
    assert (
        sorted(run.cached for c in checks if c.training for run in c.training.distilled)
        == [False] * 6 + [True] * 12
    )


def test_the_second_time_nothing_is_asked_and_the_answer_is_the_same(store: Cache) -> None:
    gym = MadeUp(by_seed(30, 10, 20))
    first = confirmed(trainer_of(gym, store))
    asked = len(gym.calls)
    again = confirmed(trainer_of(gym, store))
    assert len(gym.calls) == asked
    for name in STEPS:
        one, two = first[name].training, again[name].training
        assert one is not None
        assert two is not None
        assert all(run.cached for run in (*two.distilled, *two.scratch))
        # All seeds were trained in this process the first time: nothing came from the store.
        assert not any(run.cached for run in one.distilled)
        same = replace(two, distilled=uncached(two.distilled), scratch=uncached(two.scratch), seconds=one.seconds)
        assert same == replace(one, distilled=uncached(one.distilled), scratch=uncached(one.scratch))
        assert first[name].verdict is again[name].verdict


def uncached(runs: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(replace(run, cached=False) for run in runs)


def asked_after(first: str, second: str) -> list[str]:
    """Which losses are trained for `second` when `first` was trained before."""
    gym = MadeUp()
    with Cache(None) as runs:
        confirmed(trainer_of(gym, runs), source=first)
        gym.calls.clear()
        confirmed(trainer_of(gym, runs), source=second)
    assert all(not is_ours(call) for call in gym.calls)
    return list(dict.fromkeys(call.function for call in gym.calls))


@pytest.mark.parametrize(
    ("old", "new", "trained"),
    [
        ("# the sum", "# die Summe, 합", []),
        ("# the sum", "", []),
        ("def helper(x):\n", "def helper( x ):   # soft\n\n\n", []),
        ("import numpy as np\n", "import numpy as np\nprint('hello')\nepochs = 3\n", []),
        ("return np.zeros(3)", "return np.ones(3)", []),
        ("tf.nn.log_softmax(l_s / T)", "(tf.nn.log_softmax((l_s) / T))", []),
        ("0.5 *", "0.50 *", []),
        ("0.5 *", "0.6 *", [KD]),
        ("tf.nn.softmax(x)", "tf.nn.softmax(2 * x)", [KD]),
        ("helper(l_t / T)", "helper(l_t)", [KD]),
        ("- tf.reduce_mean(x_s)", "+ tf.reduce_mean(x_s)", [AT]),
        ("tf.norm(z", "2 * tf.norm(z", [RKD]),
        ("import tensorflow as tf", "import tensorflow.compat.v2 as tf", [KD, AT, RKD]),
    ],
)
def test_a_loss_is_trained_anew_exactly_when_its_code_changed(old: str, new: str, trained: list[str]) -> None:
    assert SOURCE.count(old) == 1
    assert asked_after(SOURCE, SOURCE.replace(old, new)) == trained


def test_cells_do_not_matter() -> None:
    cells = SOURCE.split("\n\n")
    ipynb = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "execution_count": i, "outputs": [], "source": text}
            for i, text in enumerate(["1 + 1", *cells])
        ],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 4,
    }  # fmt: skip
    notebook = Submission("lee", "lee.ipynb", json.dumps(ipynb).encode(), "")
    in_cells = read_program(notebook, context())
    assert {chunk.cell for chunk in in_cells.chunks} != {None}
    for name in STEPS:
        mine, other = (training_program(p, ASSIGNMENT, name) for p in (in_cells, program_of()))
        assert normal_form(mine) == normal_form(other)


def changed_plan(**changes: Any) -> TrainingPlan:
    return replace(PLAN, protocol=replace(PROTOCOL, **changes))


@pytest.mark.parametrize(
    ("plan", "trained"),
    [
        (PLAN, False),
        (replace(PLAN, margin=5.0), False),
        (replace(PLAN, error=0.1, seeds_cap=4), False),
        (replace(PLAN, always=True), False),
        (changed_plan(learning_rate=0.001), True),
        (changed_plan(labels=20), True),
        (changed_plan(labelled=2), True),
        (changed_plan(teacher_steps=3), True),
        (changed_plan(teacher_width=2), True),
        (replace(PLAN, steps={name: steps + 1 for name, steps in STEPS.items()}), True),
    ],
)
def test_runs_are_kept_as_long_as_nothing_that_they_depend_on_changes(
    plan: TrainingPlan, trained: bool, store: Cache
) -> None:
    confirmed(trainer_of(MadeUp(), store))
    gym = MadeUp()
    confirmed(trainer_of(gym, store, plan))
    assert gym.seeds(KD) == gym.seeds(SCRATCH)[:3] == gym.seeds(AT) == ([0, 1, 2] if trained else [])


@pytest.mark.parametrize("change", ["version", "device", "framework", "data", "seeds"])
def test_runs_of_another_place_are_not_taken(change: str, store: Cache) -> None:
    confirmed(trainer_of(MadeUp(), store, only()))
    gym = MadeUp()
    more: dict[str, Any] = {}
    if change == "version":
        gym.versions = {**gym.versions, "tensorflow": "2.22.0"}
    elif change == "device":
        more["device"] = "gpu"
    elif change == "framework":
        more["framework"] = "torch"
    elif change == "data":
        gym = MadeUp(data=data_set(answers=1))
    else:
        more["first_seed"] = 100
    confirmed(trainer_of(gym, store, only(), **more))
    first = 100 if change == "seeds" else 0
    assert gym.seeds(KD) == gym.seeds(SCRATCH) == [first, first + 1, first + 2]
    assert gym.seeds(TEACHER) == ([] if change == "seeds" else [0])


# ---------------------------------------------------------------- interruptions


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SandboxLost("gone")], ids=["ctrl-c", "lost"])
@pytest.mark.parametrize("seed", [0, 1, 4])
def test_an_interrupted_training_goes_on_with_the_seed_that_was_missing(
    stop: BaseException, seed: int, tmp_path: Path
) -> None:
    accuracy = by_seed(30, 10, 20)
    gym = MadeUp(accuracy)
    gym.ends[KD, seed] = stop
    path = tmp_path / "training.sqlite"
    with Cache(path) as runs, pytest.raises(type(stop)):
        confirmed(trainer_of(gym, runs, only()))
    scratch = gym.seeds(SCRATCH)
    second = MadeUp(accuracy)
    with Cache(path) as runs:
        resumed = confirmed(trainer_of(second, runs, only()))[KD]
    assert second.seeds(KD) == list(range(seed, 6))
    assert second.seeds(TEACHER) == []
    assert scratch + second.seeds(SCRATCH) == list(range(6))
    with Cache(None) as runs:
        whole = confirmed(trainer_of(MadeUp(accuracy), runs, only()))[KD]
    assert whole.training is not None
    assert resumed.training is not None
    assert resumed.training.summary == whole.training.summary
    assert resumed.verdict is whole.verdict


def test_interrupted_scratch_runs_go_on_with_the_one_that_was_missing(tmp_path: Path) -> None:
    gym, second = MadeUp(), MadeUp()
    gym.ends[SCRATCH, 1] = KeyboardInterrupt()
    with Cache(tmp_path / "t.sqlite") as runs, pytest.raises(KeyboardInterrupt):
        confirmed(trainer_of(gym, runs, only()))
    with Cache(tmp_path / "t.sqlite") as runs:
        confirmed(trainer_of(second, runs, only()))
    assert second.asked == [(SCRATCH, 1), (SCRATCH, 2), (KD, 0), (KD, 1), (KD, 2)]


def test_a_bad_end_is_not_kept_and_tried_again(store: Cache) -> None:
    gym = MadeUp()
    gym.ends[KD, 1] = Observation("", Verdict.TIMEOUT, detail="a busy machine")
    assert confirmed(trainer_of(gym, store, only()))[KD].verdict is Verdict.INCONCLUSIVE
    gym.ends.clear()
    assert confirmed(trainer_of(gym, store, only()))[KD].verdict is Verdict.PASSED
    assert gym.seeds(KD) == [0, 1, 1, 2]


# ---------------------------------------------------------------- our own faults


@pytest.mark.parametrize("what_", [TEACHER, SCRATCH])
@pytest.mark.parametrize("ended", [Verdict.CRASHED, Verdict.ERROR, Verdict.TIMEOUT, Verdict.MEMORY])
def test_a_reference_side_that_does_not_run_is_no_grade(what_: str, ended: Verdict, store: Cache) -> None:
    gym = MadeUp()
    gym.ends[what_, 0] = Observation("", ended, fault=FAULT if ended is Verdict.ERROR else None, detail="signal 6")
    trainer = trainer_of(gym, store, only())
    with pytest.raises(TrainingLost, match=r"TypeError: no numbers" if ended is Verdict.ERROR else "signal 6"):
        confirmed(trainer)
    graded = grade(submission(), context(trainer))
    assert graded.grade.final is False
    assert graded.internal.startswith("TrainingLost: training ")
    gym.ends.clear()
    assert grade(submission(), context(trainer_of(gym, store))).grade.final


def test_a_lost_sandbox_is_no_grade(store: Cache) -> None:
    gym = MadeUp()
    gym.ends[KD, 1] = SandboxLost("gone")
    graded = grade(submission(), context(trainer_of(gym, store)))
    assert graded.grade.final is False
    assert "SandboxLost: gone" in graded.internal


def test_a_graded_submission_has_its_trainings_and_their_points(store: Cache) -> None:
    graded = grade(submission(), context(trainer_of(MadeUp(), store)))
    assert graded.internal == ""
    assert (graded.grade.final, graded.grade.earned, graded.grade.possible) == (True, 100, 100)
    assert graded.timing["training_s"] >= 0
    worse = grade(submission(SOURCE.replace("2.0", "2.5")), context(trainer_of(MadeUp(by_seed(0)), store)))
    assert worse.grade.earned == 95  # the others are the stored runs of the first
    untrained = grade(submission(), context())
    assert untrained.grade.final is False  # the rubric has points for a training and nobody trained


# ---------------------------------------------------------------- what a worker is told


def test_no_byte_of_a_call_depends_on_the_labels_of_held_out_images(store: Cache) -> None:
    def calls(data: DataSet) -> list[TrainingCall]:
        gym = MadeUp(by_seed(11, -9), data)
        confirmed(trainer_of(gym, store))
        return gym.calls

    one, two = calls(DATA), calls(data_set(answers=1))
    assert len(one) == len(two) == 1 + 2 * 3 * 16
    for mine, other in zip(one, two, strict=True):
        assert (mine.id, mine.function, mine.settings) == (other.id, other.function, other.settings)
        for arrays, others in ((mine.shared, other.shared), (mine.inputs, other.inputs)):
            assert arrays.keys() == others.keys()
            assert all(arrays[name].tobytes() == others[name].tobytes() for name in arrays)


def test_a_call_holds_no_held_out_label_and_no_result(store: Cache) -> None:
    gym = MadeUp()
    confirmed(trainer_of(gym, store))
    for call in gym.calls:
        assert set(call.shared) <= {"images", "held_out", "teacher"}
        assert set(call.inputs) == {"indices", "labels", "weights"}
        known = set(call.inputs["indices"][call.inputs["labels"] >= 0])
        assert what(call) == TEACHER or len(known) <= PROTOCOL.labels
        for array in (*call.shared.values(), *call.inputs.values()):
            sent = array.tobytes()
            for dtype in ("u1", "i2", "i4", "i8", "f4", "f8"):
                assert DATA.held_out_labels.astype(dtype).tobytes() not in sent


def test_with_and_without_the_loss_a_seed_has_the_same_arrays(store: Cache) -> None:
    gym = MadeUp()
    confirmed(trainer_of(gym, store, only()))
    for seed in range(3):
        ours, theirs = (c for c in gym.calls if c.settings["seed"] == seed and what(c) in (SCRATCH, KD))
        assert ours.settings == theirs.settings
        for arrays, others in ((ours.shared, theirs.shared), (ours.inputs, theirs.inputs)):
            assert arrays.keys() == others.keys()
            assert all(np.array_equal(arrays[name], others[name]) for name in arrays)
        assert np.array_equal(theirs.shared["teacher"], gym.calls[0].inputs["weights"] + np.float32(1))


# ---------------------------------------------------------------- programs


def test_a_training_program_is_what_the_loss_needs_at_its_lines() -> None:
    whole = program_of()
    own = training_program(whole, ASSIGNMENT, KD)
    assert own.findings == {KD: whole.findings[KD]}
    assert own.cells == whole.cells
    heads = [chunk.source.strip().splitlines()[0] for chunk in own.chunks]
    assert heads == [
        "import tensorflow as tf",
        "def helper(x):",
        "def knowledge_distillation(l_t, l_s, T):",
        f"def {KD}(y_true, y_pred):",
    ]
    lines = SOURCE.splitlines()
    for chunk in own.chunks:
        for number, line in enumerate(chunk.source.splitlines()):
            assert line in ("", lines[number])


def sample_files() -> list[Path]:
    files = [p for p in sorted(SAMPLES.glob("*/*")) if p.suffix in (".ipynb", ".py")]
    return [p for p in files if p.parent.name != "truncated_file"]


@pytest.mark.parametrize("path", sample_files(), ids=lambda path: path.parent.name)
def test_each_statement_of_a_training_program_is_one_of_the_submission(path: Path) -> None:
    whole = read_program(read(find([path])[0]), context())
    for name in STEPS:
        own = training_program(whole, ASSIGNMENT, name)
        assert set(own.chunks) <= set(whole.chunks)
        assert normal_form(training_program(own, ASSIGNMENT, name)) == normal_form(own)
        if whole.findings[name].found == Found.DEFINED:
            assert own.chunks


def test_a_definition_that_wraps_an_earlier_one_keeps_it() -> None:
    source = SOURCE + f"\n{KD} = tf.function({KD})\n"
    own = training_program(program_of(source), ASSIGNMENT, KD)
    assert [c.source.strip().splitlines()[0] for c in own.chunks][-2:] == [
        f"def {KD}(y_true, y_pred):",
        f"{KD} = tf.function({KD})",
    ]


def test_a_loss_may_use_an_exercise_that_it_need_not() -> None:
    source = SOURCE.replace(
        "return attention_transfer(x1_t, x1_s)", "return knowledge_distillation(x1_t, x1_s, 1)"
    )
    own = training_program(program_of(source), ASSIGNMENT, AT)
    assert any("def knowledge_distillation" in chunk.source for chunk in own.chunks)
    assert any("def helper" in chunk.source for chunk in own.chunks)


def test_members_of_an_exercise_are_all_that_it_is_built_on() -> None:
    assert members_of(ASSIGNMENT, RKD) == (RKD, "relational_knowledge_distillation", "pairwise_distance")
    assert members_of(ASSIGNMENT, "pairwise_distance") == ("pairwise_distance",)


def normal(*sources: str) -> str:
    return normal_form(Program(tuple(Chunk(source, 3) for source in sources), {}))


def test_the_normal_form_is_the_code_alone() -> None:
    assert normal("\n\n\nx = 1  # one") == normal("x=1") == normal("(x) = (1)")
    assert normal("def f(a):\n\n  # c\n  return 'a'") == normal('def f( a ):\n        return "a"')
    assert normal("x = 1", "y = 2") == normal("x = 1\ny = 2")
    assert normal("x = 1") != normal("x = 1.0") != normal("x = -1.0")
    assert normal("x = 1", "y = 2") != normal("y = 2", "x = 1")
    assert normal("def f():\n    'doc'\n    return 1") != normal("def f():\n    return 1")


@pytest.mark.parametrize("source", ["x = " + "-" * 5000 + "1", "x = " + "a." * 5000 + "b", "x = = 2", "x = '\0'"])
def test_what_is_too_deep_or_no_python_equals_only_itself(source: str) -> None:
    assert normal(source) == normal(source)
    assert normal(source) != normal(source + "  # a comment")


@pytest.mark.parametrize("framework", ["tensorflow", "torch"])
def test_the_loss_without_a_teacher_knows_no_teacher(framework: str) -> None:
    (chunk,) = scratch_program(framework).chunks
    compile(chunk.source, "scratch", "exec")
    assert not any(name in chunk.source for name in ("logits", "x1_", "teacher", "student"))


def test_numpy_has_no_scratch_program() -> None:
    with pytest.raises(KeyError):
        scratch_program("numpy")


# ---------------------------------------------------------------- devices


@pytest.mark.parametrize(
    ("device", "data", "present", "chosen"),
    [
        ("auto", "digits", True, "cpu"),
        ("auto", "digits", False, "cpu"),
        ("auto", "cifar10", True, "gpu"),
        ("auto", "cifar10", False, "cpu"),
        ("cpu", "cifar10", True, "cpu"),
        ("cpu", "digits", False, "cpu"),
        ("gpu", "digits", True, "gpu"),
        ("gpu", "cifar10", True, "gpu"),
    ],
)
def test_the_device_follows_the_wish_the_data_and_the_machine(
    device: str, data: str, present: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "gpu_present", lambda: present)
    assert Equipment(device).chosen(changed_plan(data=data)) == chosen


@pytest.mark.parametrize("data", ["digits", "cifar10"])
def test_a_gpu_that_is_not_there_is_told(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "gpu_present", lambda: False)
    with pytest.raises(FriendlyError, match="grader doctor"):
        Equipment("gpu").chosen(changed_plan(data=data))


class OnGpu(MadeUp):
    """In the place of a Zygote."""

    def __init__(self, framework: str, device: str) -> None:
        super().__init__()
        self.opened, self.closed = (framework, device), False

    def __enter__(self) -> OnGpu:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


def test_the_trainer_of_a_class_is_opened_for_its_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "gpu_present", lambda: True)
    monkeypatch.setattr(opening, "Zygote", OnGpu)
    monkeypatch.setattr(
        "grader.training.data.load", lambda name, protocol, path: replace(DATA, digest=f"{name} {path}")
    )
    gym = MadeUp()
    path = tmp_path / "deep" / "training.sqlite"
    with open_trainer(PLAN, "tensorflow", gym, path, Equipment()) as trainer:
        assert (trainer.device, trainer.fallback, trainer.sandbox) == ("cpu", None, gym)
        assert trainer.data.digest == "digits None"
        confirmed(trainer)
    assert path.exists()
    with open_trainer(only(), "tensorflow", gym, path, Equipment("gpu", 2, tmp_path)) as trainer:
        on_gpu = trainer.sandbox
        assert isinstance(on_gpu, OnGpu)
        assert (on_gpu.opened, on_gpu.closed) == (("tensorflow", "gpu"), False)
        assert trainer.device == "gpu"
        assert trainer.fallback is not None
        assert (trainer.fallback.device, trainer.fallback.sandbox) == ("cpu", gym)
        assert trainer.data.digest == f"digits {tmp_path}"
        assert most_at_once(trainer, on_gpu) == 2
    assert on_gpu.closed
