"""What the training pass of one class holds open: data, teacher, scratch runs, stored runs, a sandbox."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from grader.training import cache, protocol
from grader.training.cache import Cache, Stored
from grader.training.data import DataSet
from grader.training.programs import SCRATCH, normal_form, scratch_program
from grader.types import (
    Array,
    FriendlyError,
    Limits,
    Observation,
    Program,
    Run,
    TrainingCall,
    TrainingPlan,
    TrainingRun,
    Verdict,
)

# Of one exercise's trainings together. A right solution needs a tenth of it; loops over pairs need more.
LIMITS = {
    "digits": Limits(wall_s=120.0, cpu_s=45, memory_mb=2048),
    "cifar10": Limits(wall_s=1800.0, cpu_s=1800, memory_mb=8192),  # not measured
}
CHECKPOINTS = 8  # of the first seed, for the curves; the others are classified at the end only


Follow = Callable[[Observation], Sequence[TrainingCall]]


class Gym(Protocol):
    """What runs trainings: grader.sandbox.pool.Zygote or its plain stand-in."""

    @property
    def versions(self) -> Mapping[str, str]: ...

    def run(
        self, program: Program, calls: Sequence[TrainingCall], limits: Limits, follow: Follow | None = None
    ) -> Run: ...


class TrainingLost(FriendlyError):
    """The reference side of the training pass did not run: our fault."""


class Training(Protocol):
    """A training pass, open already or opened when something must be trained."""

    @property
    def plan(self) -> TrainingPlan: ...

    def ready(self) -> Trainer: ...


class Trainer:
    """One plan on one device. Teacher and scratch runs are made when first needed, and stored by content."""

    def __init__(
        self,
        plan: TrainingPlan,
        data: DataSet,
        sandbox: Gym,
        framework: str,
        store: Cache,
        *,
        device: str = "cpu",
        slots: int = 0,
        fallback: Trainer | None = None,
        first_seed: int = 0,
        training: str = "",
    ) -> None:
        """`training`: the assignment's training.py, where what is trained is no loss.

        `slots`: trainings at a time, 0 for no bound. `fallback` takes over what runs out of GPU memory."""
        self._first_seed = first_seed
        self.plan, self.data, self.sandbox, self.framework, self.store = plan, data, sandbox, framework, store
        self.device, self.fallback = device, fallback
        self._slots = threading.Semaphore(slots) if slots else contextlib.nullcontext()
        versions = [f"{name} {version}" for name, version in sorted(sandbox.versions.items())]
        self._content = cache.key(protocol.digest(plan.protocol, data), device, framework, training, *versions)
        self.probed = bool(training)
        self._scratch_program = scratch_program(framework, training)
        self._teacher: Array | None = None

    def ready(self) -> Trainer:
        """Itself."""
        return self

    # ------------------------------------------------------------ runs

    def seeds(self, n: int) -> range:
        """The first n seeds, in the order in which they are used."""
        return range(self._first_seed, self._first_seed + n)

    def key(self, program: Program, function: str, seed: int, steps: int) -> str:
        """Under which a run is stored: everything that it depends on."""
        return cache.key(self._content, normal_form(program), function, str(seed), str(steps))

    def alone(self, program: Program, function: str, steps: int) -> contextlib.AbstractContextManager[None]:
        """One thread at a time per loss: of equal ones in a class the first trains, the others find its runs."""
        return self.store.locked(self.key(program, function, self._first_seed, steps))

    def call(self, function: str, seed: int, steps: int) -> TrainingCall:
        """The question for the worker: one student, one seed."""
        checkpoints = min(steps, CHECKPOINTS) if seed == self._first_seed else 1
        return protocol.student_call(
            function, self.plan.protocol, self.data, self.teacher(), seed, steps, checkpoints, self.probed
        )

    def known(self, program: Program, function: str, seeds: Sequence[int], steps: int) -> dict[int, TrainingRun]:
        """The stored runs of these seeds."""
        found = {seed: self.store.get(self.key(program, function, seed, steps)) for seed in seeds}
        return {seed: self._judged(seed, run, cached=True) for seed, run in found.items() if run is not None}

    def keep(
        self, program: Program, call: TrainingCall, answer: Observation, seconds: float, kind: str = "learner"
    ) -> TrainingRun:
        """Judge what a worker returned for a seed, and store it."""
        assert answer.value is not None
        seed, steps = int(call.settings["seed"]), len(call.inputs["indices"])
        about = {"function": call.function, "seed": seed, "steps": steps, "device": self.device}
        about["data"] = self.data.name
        run = Stored(kind, about, answer.value, answer.arrays["curve"], answer.arrays.get("weights"), seconds)
        self.store.put(self.key(program, call.function, seed, steps), run)
        return self._judged(seed, run)

    def forget(self, program: Program, function: str, seeds: Sequence[int], steps: int) -> None:
        """Store these runs no longer: their worker was found to lie."""
        for seed in seeds:
            self.store.forget(self.key(program, function, seed, steps))

    def train(
        self, program: Program, calls: Sequence[TrainingCall], follow: Follow | None = None
    ) -> Mapping[str, Observation]:
        """Run trainings in one worker, or more where one ends badly."""
        with self._slots:
            return self.sandbox.run(program, calls, LIMITS[self.data.name], follow).observations

    def _judged(self, seed: int, run: Stored, cached: bool = False) -> TrainingRun:
        right = run.predictions == self.data.held_out_labels.astype(np.uint8)
        accuracies = tuple(float(share) for share in right.mean(1))
        return TrainingRun(seed, accuracies, tuple(map(float, run.curve)), run.seconds, cached)

    # ------------------------------------------------------------ baselines

    def teacher(self) -> Array:
        """The teacher's weights. Raises TrainingLost."""
        if self._teacher is None:
            steps = self.plan.protocol.teacher_steps
            key = self.key(self._scratch_program, "teacher", 0, steps)
            self._teacher = self.store.once(key, self._make_teacher).weights
        assert self._teacher is not None
        return self._teacher

    def _make_teacher(self) -> Stored:
        call = protocol.teacher_call(SCRATCH, self.plan.protocol, self.data, self.probed)
        start = time.monotonic()
        answer = demand(self.train(self._scratch_program, [call])[call.id], "the teacher")
        assert answer.value is not None
        about = {"data": self.data.name, "device": self.device}
        curve, weights = answer.arrays["curve"], answer.arrays["weights"]
        return Stored("teacher", about, answer.value, curve, weights, time.monotonic() - start)

    def stored_scratch(self, seeds: Sequence[int], steps: int) -> tuple[TrainingRun, ...] | None:
        """These runs without a teacher's help where all are stored; None where some must be made first."""
        runs = self.known(self._scratch_program, SCRATCH, seeds, steps)
        return tuple(runs[seed] for seed in seeds) if len(runs) == len(seeds) else None

    def scratch(self, seeds: Sequence[int], steps: int) -> tuple[TrainingRun, ...]:
        """The runs without a teacher's help. Raises TrainingLost."""
        program = self._scratch_program
        with self.store.locked(f"scratch {self._content} {steps}"):
            runs = self.known(program, SCRATCH, seeds, steps)
            calls = [self.call(SCRATCH, seed, steps) for seed in seeds if seed not in runs]
            by_id = {call.id: call for call in calls}
            clock = Clock()

            def follow(answer: Observation) -> Sequence[TrainingCall]:
                demand(answer, "without a teacher")
                run = self.keep(program, by_id[answer.id], answer, clock.lap(), "scratch")
                runs[run.seed] = run
                return ()

            if calls:
                self.train(program, calls, follow)
        return tuple(runs[seed] for seed in seeds)


class Clock:
    """Seconds since the last lap."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def lap(self) -> float:
        """Read and restart."""
        now = time.monotonic()
        seconds, self._last = now - self._last, now
        return seconds


def demand(answer: Observation, what: str) -> Observation:
    """`answer`, of a program of ours. Raises TrainingLost when it did not come back."""
    if answer.ended != Verdict.PASSED:
        told = f"{answer.fault.type}: {answer.fault.message}" if answer.fault else answer.detail
        raise TrainingLost(f"training {what} ended with {answer.ended} ({told})")
    return answer
