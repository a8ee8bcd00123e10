"""What the Dask engine's functions do inside a Dask worker: open a workshop there, use it, close it.

Dask sends them by name, so every worker and the scheduler need the same grader. Nothing here writes a file. The
plan arrives by a direct call and stays in memory: what Dask stores (results, scattered data) it may write to disk.
"""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from typing import Any

from distributed import WorkerPlugin, get_worker

import grader
from grader.types import FriendlyError
from grader.work import Outcome, Plan, Task, Workshop

IDLE_S = 60.0  # another grading run may then take the memory; the one that comes back opens its workshop again


class NotHired(Exception):
    """No open workshop here for this run: the process is a new one, or the run was idle and made room."""


class Desk(WorkerPlugin):  # type: ignore[misc]
    """A worker's workshop for one run. A plugin, so that it is closed when Dask closes the worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workshop: Workshop | None = None
        self._closed = False
        self._busy = 0
        self._last = time.monotonic()

    def open(self, version: str, pickled: bytes) -> tuple[str, str]:
        """Open the pickled Plan; ("", "") where that worked, else ("version" or "fault", what it is)."""
        try:
            plan: Plan = pickle.loads(pickled)
            if plan.version != version:  # computed here, by what is installed here
                return "version", plan.version
            workshop = plan.open()
        except FriendlyError as missing:
            return "fault", str(missing)
        except Exception as fault:
            return "fault", f"{type(fault).__name__}: {fault}"
        with self._lock:
            if not self._closed:
                self._workshop = workshop
                return "", ""
        workshop.close()
        return "fault", "it was closed while it opened"

    def perform(self, task: Task) -> Outcome:
        """Judge one submission. Raises NotHired."""
        with self._lock:
            workshop = self._workshop
            if workshop is None:
                raise NotHired
            self._busy += 1
        try:
            return workshop.perform(task)
        finally:
            with self._lock:
                self._busy -= 1
                self._last = time.monotonic()

    @property
    def open_for_tasks(self) -> bool:
        return self._workshop is not None

    @property
    def idle(self) -> bool:
        """Whether it can be given up: a run that is still alive opens it again."""
        with self._lock:
            return self._workshop is not None and not self._busy and time.monotonic() - self._last > IDLE_S

    def close(self) -> None:
        with self._lock:
            self._closed, workshop, self._workshop = True, self._workshop, None
        if workshop is not None:
            workshop.close()

    async def teardown(self, worker: Any) -> None:
        """Dask's name for closing."""
        await asyncio.to_thread(self.close)


async def hire(run: str, version: str, pickled: bytes, dask_worker: Any) -> tuple[str, str]:
    """Open a workshop for `run` in this worker; answers as `Desk.open` does."""
    mine = _name(run)
    held = dask_worker.plugins.get(mine)
    if isinstance(held, Desk) and held.open_for_tasks:
        return "", ""
    for name, other in list(dask_worker.plugins.items()):
        if isinstance(other, Desk) and other.idle:  # of a grader that was killed, for example
            await dask_worker.plugin_remove(name)
    desk = Desk()
    await dask_worker.plugin_add(desk, name=mine)
    answer = await asyncio.to_thread(desk.open, version, pickled)
    if answer[0] and dask_worker.plugins.get(mine) is desk:
        await dask_worker.plugin_remove(mine)
    return answer


async def dismiss(run: str, dask_worker: Any) -> None:
    """Close the workshop of `run`, also one that is still opening."""
    if _name(run) in dask_worker.plugins:
        await dask_worker.plugin_remove(_name(run))


def perform(run: str, task: Task) -> Outcome:
    """One task, in a thread of this worker. Raises NotHired."""
    desk = get_worker().plugins.get(_name(run))
    if not isinstance(desk, Desk):
        raise NotHired
    return desk.perform(task)


def version_here() -> str:
    """Of the grader in this process."""
    return grader.__version__


def _name(run: str) -> str:
    return f"grader-{run}"
