"""The training pass around a made-up sandbox: what is trained, how it ends, what a worker is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy")

from trainings_made_up import (
    AT,
    DATA,
    KD,
    PROTOCOL,
    RKD,
    SOURCE,
    STEPS,
    TEACHER,
    MadeUp,
    by_seed,
    confirmed,
    context,
    data_set,
    is_ours,
    most_at_once,
    only,
    result,
    results,
    submission,
    trainer_of,
    what,
)

from grader.pipeline import grade
from grader.sandbox.attempts import SandboxLost
from grader.training.cache import Cache
from grader.training.data import DataSet
from grader.training.programs import SCRATCH
from grader.training.trainer import LIMITS, TrainingLost
from grader.types import (
    ExerciseResult,
    Fault,
    Finding,
    Found,
    Observation,
    Place,
    Program,
    Run,
    TrainingCall,
    Verdict,
)

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

    for _ in range(2):  # nor may a later run find its answers stored
        check = confirmed(trainer_of(Forging(), store, only()))[KD]
        assert (check.verdict, check.detail) == (Verdict.FORGED, "two replies")
    assert [usage.kind for usage in store.stats()] == ["scratch", "teacher"]


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
