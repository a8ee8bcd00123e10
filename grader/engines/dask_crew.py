"""Which workers of a Dask cluster may be given tasks: those that opened a workshop of the same version."""

from __future__ import annotations

import contextlib
import json
import pickle
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from grader.engines import dask_worker as there
from grader.types import FriendlyError
from grader.work import Plan, Task

GPU = "GPU"  # the name of Dask's resource: `dask worker --resources GPU=1`
ANSWER_S = 5.0  # for the scheduler to say who is there; else it is asked again


@dataclass
class Hand:
    """A worker that may be given tasks."""

    address: str
    name: str
    slots: int  # how many tasks it does at once: its threads, or its GPUs
    running: bool = True  # False: Dask paused it, as it is short of memory


class Crew:
    """Finds workers, looks at each before its first task, and forgets those that went."""

    def __init__(self, client: Any, plan: Plan, *, gpu: bool, say: Callable[[str], None]) -> None:
        """Raises FriendlyError when the scheduler cannot pass tasks on."""
        self.hands: dict[str, Hand] = {}
        self.hired = 0  # how many there ever were
        self.reasons: dict[tuple[str, str], str] = {}  # why workers were left out, once for each machine
        self._client, self._gpu, self._say = client, gpu, say
        self._run = uuid.uuid4().hex  # names this engine's workshops on the workers
        self._version, self._pickled = plan.version, pickle.dumps(plan)
        self._connected = True
        self._refused: set[str] = set()
        self._asked: set[str] = set()
        self._answers: SimpleQueue[tuple[str, tuple[str, str] | Exception]] = SimpleQueue()
        self._check_scheduler()

    @property
    def hopeful(self) -> bool:
        """Whether anybody can work or is about to."""
        return self._connected and bool(self.working or self._asked)

    @property
    def working(self) -> list[Hand]:
        """Who can be given tasks now."""
        return [hand for hand in self.hands.values() if hand.running] if self._connected else []

    def look(self) -> None:
        """Who is there now? Newcomers are asked in the background, so that one slow start holds up nobody."""
        self._notice(self._client.status == "running")
        if not self._connected:
            return
        try:
            present = self._present()
        except OSError:  # the next look knows more
            return
        for address in self.hands.keys() - present.keys():
            self._say(f"worker {self.hands.pop(address).name} ({address}) is gone")
        self._refused &= present.keys()
        self._hear(present)
        for address, about in present.items():
            if address in self.hands:
                self.hands[address].running = about["status"] == "running"
            elif address not in self._refused | self._asked:
                self._ask(address, about)

    def submit(self, address: str, task: Task) -> Any:
        """Give a task to one worker: Dask's future of its outcome."""
        return self._client.submit(
            there.perform, self._run, task,
            pure=False, retries=0, workers=[address], allow_other_workers=False,
            resources={GPU: 1} if self._gpu else None,
        )  # fmt: skip

    def knows_no_more(self, address: str, fault: BaseException) -> bool:
        """Whether the worker failed only because its workshop is not open (a new process); it is asked again."""
        if not isinstance(fault, there.NotHired):
            return False
        self.hands.pop(address, None)
        return True

    def close(self) -> None:
        """Close the workshops, also those that are still opening."""
        if self._client.status == "running":
            with contextlib.suppress(OSError):  # the scheduler is gone, and with it the workers
                known = [a for a in self._present() if a in self.hands or a in self._asked]
                self._client.run(there.dismiss, self._run, workers=known, on_error="ignore")

    # ------------------------------------------------------------ asking

    def _check_scheduler(self) -> None:
        """Dask's scheduler unpickles what passes it."""
        try:
            theirs = self._client.run_on_scheduler(there.version_here)
        except ImportError as missing:
            theirs = f"none ({missing})"
        ours = there.version_here()
        if theirs != ours:
            mend = "start it with the Python that has the same grader"
            raise FriendlyError(f"the scheduler's grader is {theirs}, here it is {ours}: {mend}")

    def _present(self) -> dict[str, dict[str, Any]]:
        """The scheduler's word on each worker, by address. Raises OSError."""
        found = self._client.sync(self._client.scheduler.identity, n_workers=-1, callback_timeout=ANSWER_S)
        workers: dict[str, dict[str, Any]] = found["workers"]
        return workers

    def _notice(self, connected: bool) -> None:
        if connected != self._connected:
            self._connected = connected
            self._say("the scheduler is back" if connected else "the scheduler is gone; waiting for it")

    def _ask(self, address: str, about: dict[str, Any]) -> None:
        if self._gpu and not about["resources"].get(GPU):
            self._refuse(address, about, f"it offers no GPU: start it with --resources {GPU}=1")
            return
        self._asked.add(address)
        # A daemon: an opening that hangs far away must not keep this program from ending.
        threading.Thread(target=self._hire, args=[address], daemon=True, name=f"hire {address}").start()

    def _hire(self, address: str) -> None:
        try:
            answer = self._client.run(
                there.hire, self._run, self._version, self._pickled, workers=[address], on_error="return"
            )[address]
        except Exception as lost:
            answer = lost
        self._answers.put((address, answer))

    def _hear(self, present: dict[str, dict[str, Any]]) -> None:
        """Settle what workers have answered."""
        while True:
            try:
                address, answer = self._answers.get_nowait()
            except Empty:
                return
            self._asked.discard(address)
            if address not in present or isinstance(answer, OSError):  # gone, or not reached: asked again
                continue
            about = present[address]
            if isinstance(answer, Exception):  # it could not even take the question
                self._refuse(address, about, f"it has no grader, or another one ({answer})")
            elif answer[0] == "version":
                self._refuse(address, about, f"its versions differ: {differing(answer[1], self._version)}")
            elif answer[0]:
                self._refuse(address, about, answer[1])
            else:
                slots = int(about["resources"][GPU]) if self._gpu else about["nthreads"]
                self.hands[address] = Hand(address, str(about["name"]), slots)
                self.hired += 1

    def _refuse(self, address: str, about: dict[str, Any], why: str) -> None:
        self._refused.add(address)
        if (about["host"], why) not in self.reasons:
            self.reasons[about["host"], why] = f"worker {about['name']} ({address}): {why}"
            self._say(f"worker {about['name']} ({address}) gets no work: {why}")


def differing(theirs: str, ours: str) -> str:
    """What is not the same in two versions, for people."""
    try:
        there, here = json.loads(theirs), json.loads(ours)
        names = sorted(k for k in there.keys() | here.keys() if there.get(k) != here.get(k))
    except (ValueError, AttributeError):
        return f"{theirs} (here {ours})"
    return ", ".join(f"{k} {there.get(k, 'missing')} (here {here.get(k, 'missing')})" for k in names)
