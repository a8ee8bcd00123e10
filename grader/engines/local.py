"""This machine: a few threads, each of which drives one sandboxed worker at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar

from grader.work import Outcome, Plan, Task, Workshop

T = TypeVar("T")
R = TypeVar("R")
SHARED_MB = 1024  # the grader and its fork servers, whatever the number of workers
CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class Local:
    """The engine that needs nothing else. Use in `with`."""

    def __init__(self, plan: Plan, jobs: int) -> None:
        self._plan, self._jobs = plan, jobs
        self._workshop: Workshop | None = None

    def __enter__(self) -> Local:
        """Start what runs submissions. Raises FriendlyError."""
        self._workshop = self._plan.open()
        return self

    def __exit__(self, *_: object) -> None:
        if self._workshop is not None:
            self._workshop.close()

    def map(self, tasks: Iterable[Task]) -> Generator[Outcome]:
        """One outcome for every task, as they finish."""
        assert self._workshop is not None, "use it in `with`"
        return run(self._workshop.perform, tasks, self._jobs)


def run(function: Callable[[T], R], items: Iterable[T], jobs: int) -> Generator[R]:
    """Like ``map(function, items)``, `jobs` at a time; results come as they finish.

    Only a few items are taken ahead, so neither inputs nor results pile up. When the consumer stops
    early (an exception, Ctrl-C), what has not started is dropped and what runs is not waited for.
    """
    source = iter(items)
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="grade")
    waiting: set[Future[R]] = set()
    try:
        while True:
            waiting.update(pool.submit(function, item) for item in islice(source, 2 * jobs - len(waiting)))
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def affordable(worker_mb: int) -> int:
    """How many workers of this size the cores and the free memory of this machine allow; at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = free_mb()
    return cores if free is None else max(1, min(cores, int((free - SHARED_MB) // worker_mb)))


def free_mb() -> float | None:
    """Memory that can still be had, in MiB: of the machine, or less where a container's limit is lower."""
    found = []
    with suppress(OSError, ValueError, IndexError):
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        found.append(int(lines["MemAvailable"].split()[0]) / 1024)
    for limit in CGROUPS:
        with suppress(OSError, ValueError):  # "max": no limit
            found.append(int(Path(limit).read_text()) / 2**20)
    return min(found, default=None)
