"""One program through as many workers as it takes: what is kept, blamed and tried again after a bad end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from grader.sandbox.dialogue import clean
from grader.types import Call, Fault, FriendlyError, Limits, Observation, Place, Program, Run, Verdict

PRINT_LIMIT = 64 << 10  # bytes of output that are kept
MAX_SKIPPED = 5  # chunks that may kill a worker before we give up
BUDGET = 6  # a run may take this many times the wall limit of one worker
PATIENCE = 2  # workers that may use up their wall limit; later ones get a quarter of it
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
    call: Call | None = None  # being answered at the end
    layers: tuple[str, ...] = ()
    printed: bytes = b""
    cpu_s: float = 0.0
    memory_mb: float = 0.0


@dataclass
class Progress:
    """What is known of a run so far."""

    waiting: list[Call]
    answered: dict[str, Observation] = field(default_factory=dict)
    skipped: dict[int, Fault] = field(default_factory=dict)  # chunks that killed their worker
    attempts: list[Attempt] = field(default_factory=list)

    def add(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self.answered |= attempt.observations
        self._forget_answered()

    def end(self, calls: Sequence[Call], verdict: Verdict, detail: str) -> None:
        """Give these calls a verdict."""
        self.answered |= {call.id: Observation(call.id, verdict, detail=detail) for call in calls}
        self._forget_answered()

    def _forget_answered(self) -> None:
        self.waiting = [call for call in self.waiting if call.id not in self.answered]


# (chunks to load, calls to make, wall seconds) -> what the worker came to
Work = Callable[[list[int], Sequence[Call], float], Attempt]


def supervise(work: Work, program: Program, calls: Sequence[Call], limits: Limits) -> Run:
    """Run `program` and answer every call, with a fresh worker after each abnormal end.

    A call that ends a worker takes the other waiting calls of its exercise with it; the other
    exercises go on. A chunk that ends a worker is left out next time. Raises ValueError when two
    calls have the same id.
    """
    if len({call.id for call in calls}) != len(calls):
        raise ValueError("two calls have the same id")
    started = time.monotonic()
    progress = Progress(list(calls))
    while True:
        left = started + BUDGET * limits.wall_s - time.monotonic()
        if left <= 0:
            progress.end(
                progress.waiting, Verdict.TIMEOUT, f"the whole run took over {BUDGET * limits.wall_s:g} s"
            )
            break
        overslept = sum(a.ended is Verdict.TIMEOUT for a in progress.attempts)
        wall_s = limits.wall_s if overslept < PATIENCE else limits.wall_s / 4
        chunks = [i for i in range(len(program.chunks)) if i not in progress.skipped]
        attempt = work(chunks, progress.waiting, min(wall_s, left))
        progress.add(attempt)
        if attempt.ended is None or not _blame(progress, attempt, program, calls):
            break
    return _run(progress, time.monotonic() - started)


def _blame(progress: Progress, attempt: Attempt, program: Program, calls: Sequence[Call]) -> bool:
    """Give the verdict to what ended the worker. Is there anything left to do?"""
    assert attempt.ended is not None
    if attempt.chunk is not None:
        if len(progress.skipped) == MAX_SKIPPED:
            progress.end(progress.waiting, attempt.ended, f"while loading: {attempt.detail}")
            return False
        chunk = program.chunks[attempt.chunk]
        line = len(chunk.source) - len(chunk.source.lstrip("\n")) + 1
        progress.skipped[attempt.chunk] = Fault(
            NAMES[attempt.ended], attempt.detail, Place(chunk.cell, line), during="load"
        )
        return True
    if attempt.call is None:
        return False
    if attempt.ended is Verdict.FORGED:
        blamed = [c for c in calls if _exercise(c) == _exercise(attempt.call)]
    else:
        blamed = [c for c in progress.waiting if _group(c) == _group(attempt.call)]
    progress.end(blamed, attempt.ended, attempt.detail)
    return bool(progress.waiting)


def _exercise(call: Call) -> str:
    return call.id.partition("/")[0]


def _group(call: Call) -> str:
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
    # What C++ prints before it gives up; whoever forges it gets another word for the same zero.
    if any(text in attempt.printed[-4096:] for text in (b"bad_alloc", b"Cannot allocate memory")):
        return replace(attempt, ended=Verdict.MEMORY, detail=f"over {limits.memory_mb} MB")
    return replace(attempt, ended=Verdict.CRASHED, detail=f"signal {-status}")
