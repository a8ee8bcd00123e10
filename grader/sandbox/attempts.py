"""One program through as many workers as it takes: what is kept, blamed and tried again after a bad end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from grader.sandbox.dialogue import clean
from grader.sandbox.questions import Asked, demand_inputs
from grader.types import Fault, FriendlyError, Limits, Observation, Place, Program, Run, Verdict

PRINT_LIMIT = 64 << 10  # bytes of output that are kept
MAX_SKIPPED = 5  # chunks that may kill a worker before we give up
BUDGET = 6  # a run may take this many times the wall limit of one worker
# A SIGKILL that nobody here sent comes from a machine short of memory or a person more often than from the
# program, which does it again and again.
PARDONS = 2
PATIENCE = 2  # workers that may use up their wall limit; later ones get a quarter of it
# What C++ and CUDA print before they give up for want of memory.
LAST_WORDS = (b"bad_alloc", b"Cannot allocate memory", b"CUDA_ERROR_OUT_OF_MEMORY", b"CUDA out of memory")
Follow = Callable[[Observation], Sequence[Asked]]
NAMES = {
    Verdict.TIMEOUT: "Timeout",
    Verdict.CPU: "CpuLimit",
    Verdict.MEMORY: "MemoryLimit",
    Verdict.CRASHED: "Crash",
    Verdict.EXITED: "Exit",
    Verdict.FORBIDDEN: "Forbidden",
    Verdict.FORGED: "Forged",
}


class SandboxLost(FriendlyError):
    """A worker or its zygote died by itself and could not be replaced: never the learner's fault."""


@dataclass(frozen=True)
class Attempt:
    """What one worker came to. `ended` None: every call was answered."""

    observations: dict[str, Observation]
    load_faults: tuple[Fault, ...] = ()
    ended: Verdict | None = None
    detail: str = ""
    chunk: int | None = None  # being loaded at the end
    call: Asked | None = None  # being answered at the end
    layers: tuple[str, ...] = ()
    printed: bytes = b""
    cpu_s: float = 0.0
    memory_mb: float = 0.0
    killed: bool = False  # with SIGKILL, by nobody of ours and for no reason that we know


class Progress:
    """What is known of a run so far. Outlives its workers and its zygote: nothing is asked or told twice."""

    def __init__(self, calls: Sequence[Asked], follow: Follow | None = None) -> None:
        """Raises ValueError when two calls have the same id or one does not bring what it names."""
        self.calls: list[Asked] = []  # all, in the order in which they are asked
        self.answered: dict[str, Observation] = {}
        self.skipped: dict[int, Fault] = {}  # chunks that killed their worker
        self.attempts: list[Attempt] = []
        self._follow = follow
        self._accept(calls)

    @property
    def waiting(self) -> list[Asked]:
        """What has no answer yet."""
        return [call for call in self.calls if call.id not in self.answered]

    def hear(self, observation: Observation) -> Sequence[Asked]:
        """Keep an answer; what is to be asked because of it. Raises ValueError as at the start."""
        self.answered[observation.id] = observation
        return self._accept(self._follow(observation)) if self._follow else ()

    def end(self, calls: Sequence[Asked], verdict: Verdict, detail: str) -> None:
        """Give these calls a verdict. One that had an answer loses it, which is not told again."""
        for call in calls:
            observation = Observation(call.id, verdict, detail=detail)
            if call.id in self.answered:
                self.answered[call.id] = observation
            else:
                self.hear(observation)

    def give_up(self, verdict: Verdict, detail: str) -> None:
        """No more workers: what waits gets this verdict, and nobody is asked for more."""
        self._follow = None
        self.end(self.waiting, verdict, detail)

    def _accept(self, calls: Sequence[Asked]) -> list[Asked]:
        known = {call.id for call in self.calls}
        for call in calls:
            if call.id in known:
                raise ValueError(f"two calls have the same id: {call.id}")
            demand_inputs(call)
            known.add(call.id)
        self.calls += calls
        return list(calls)


# (chunks to load, calls to make, wall seconds) -> what the worker came to
Work = Callable[[list[int], Sequence[Asked], float], Attempt]


def supervise(work: Work, program: Program, progress: Progress, limits: Limits) -> Run:
    """Run `program` and answer every call of `progress`, with a fresh worker after each abnormal end.

    A call that ends a worker takes the other waiting calls of its exercise with it; the other
    exercises go on. A chunk that ends a worker is left out next time. `work` tells `progress.hear`
    each observation. Raises SandboxLost when a worker ended before it ran any learner code.
    """
    started = time.monotonic()
    while True:
        left = started + BUDGET * limits.wall_s - time.monotonic()
        if left <= 0:
            progress.give_up(Verdict.TIMEOUT, f"the whole run took over {BUDGET * limits.wall_s:g} s")
            break
        overslept = sum(a.ended is Verdict.TIMEOUT for a in progress.attempts)
        wall_s = limits.wall_s if overslept < PATIENCE else limits.wall_s / 4
        chunks = [i for i in range(len(program.chunks)) if i not in progress.skipped]
        attempt = work(chunks, progress.waiting, min(wall_s, left))
        progress.attempts.append(attempt)
        if attempt.killed and sum(a.killed for a in progress.attempts) <= PARDONS:
            continue
        if attempt.ended is None or not _blame(progress, attempt, program):
            break
    return _run(progress, time.monotonic() - started)


def _blame(progress: Progress, attempt: Attempt, program: Program) -> bool:
    """Give the verdict to what ended the worker. Is there anything left to do?"""
    assert attempt.ended is not None
    if attempt.chunk is not None:
        if len(progress.skipped) == MAX_SKIPPED:
            progress.give_up(attempt.ended, f"while loading: {attempt.detail}")
            return False
        chunk = program.chunks[attempt.chunk]
        line = len(chunk.source) - len(chunk.source.lstrip("\n")) + 1
        progress.skipped[attempt.chunk] = Fault(
            NAMES[attempt.ended], attempt.detail, Place(chunk.cell, line), during="load"
        )
        return True
    if attempt.call is None:
        if progress.waiting:
            last = attempt.printed.decode("utf-8", "replace").strip().rpartition("\n")[2][:500]
            raise SandboxLost(f"a worker ended before it loaded anything ({attempt.ended}) {last}".rstrip())
        return False
    if attempt.ended is Verdict.FORGED:
        blamed = [c for c in progress.calls if _exercise(c) == _exercise(attempt.call)]
    else:
        blamed = [c for c in progress.waiting if _group(c) == _group(attempt.call)]
    progress.end(blamed, attempt.ended, attempt.detail)
    return bool(progress.waiting)


def _exercise(call: Asked) -> str:
    return call.id.partition("/")[0]


def _group(call: Asked) -> str:
    return call.group or _exercise(call)


def _run(progress: Progress, wall_s: float) -> Run:
    attempts = progress.attempts
    printed = b"".join(attempt.printed for attempt in attempts)[:PRINT_LIMIT]
    return Run(
        observations=progress.answered,
        load_faults=(*progress.skipped.values(), *(attempts[-1].load_faults if attempts else ())),
        layers=attempts[-1].layers if attempts else (),
        printed=clean(printed.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n"), PRINT_LIMIT),
        wall_s=wall_s,
        cpu_s=sum(attempt.cpu_s for attempt in attempts),
        memory_mb=max((attempt.memory_mb for attempt in attempts), default=0.0),
        workers=len(attempts),
    )


def judge_exit(attempt: Attempt, status: int, cpu_s: float, limits: Limits) -> Attempt:
    """How a worker ended that nobody stopped: by its exit status (negative: a signal)."""
    if status >= 0:
        return replace(attempt, ended=Verdict.EXITED, detail=f"exit status {status}")
    if status == -getattr(signal, "SIGSYS", 31):
        return replace(attempt, ended=Verdict.FORBIDDEN, detail="a forbidden system call")
    if status == -getattr(signal, "SIGXCPU", 24) or (status == -9 and cpu_s >= limits.cpu_s - 0.5):
        return replace(attempt, ended=Verdict.CPU, detail=f"over {limits.cpu_s} s of processor time")
    # Whoever forges it gets another word for the same zero.
    if any(text in attempt.printed[-4096:] for text in LAST_WORDS):
        return replace(attempt, ended=Verdict.MEMORY, detail=f"over {limits.memory_mb} MB")
    killed = status == -getattr(signal, "SIGKILL", 9)
    return replace(attempt, ended=Verdict.CRASHED, detail=f"signal {-status}", killed=killed)
