"""A Dask cluster: tasks go to worker processes anywhere; each of them has a workshop of its own.

Which worker gets which task is decided here and not by Dask's scheduler, so that it is known what happens when
one of them goes: what it held is given to others. A task whose worker was lost gets the next one for itself alone;
so a task that kills its workers takes no other one along twice.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.types import FriendlyError
from grader.work import Outcome, Plan, Task

if TYPE_CHECKING:
    from grader.engines.dask_crew import Crew

TRIES = 3  # workers that may be lost with a task
AHEAD = 2  # tasks in hand, by what the workers can do at once
TURN_S = 0.25  # how often it is looked who is there; results wake it earlier
FETCH_S = 30.0  # for a result to arrive; then it is looked again whether its worker is still there


class Dask:
    """The engine for a cluster. Use in `with`; `map` as often as needed, one at a time."""

    def __init__(
        self,
        plan: Plan,
        scheduler: str,
        *,
        gpu: bool = False,
        patience_s: float = 60.0,
        say: Callable[[str], None] = lambda sentence: None,
        security: Any = None,
    ) -> None:
        """`scheduler`: "tcp://host:8786" or "tls://…". `gpu`: each task takes one of a worker's `GPU` resources.

        `patience_s`: how long to wait for the scheduler, and for a worker where there is none. `say` is told what
        the person at the keyboard should know. `security`: distributed's; None takes Dask's own configuration.
        """
        self._plan, self.address, self._gpu = plan, scheduler, gpu
        self._patience_s, self._say, self._security = patience_s, say, security
        self._wake = threading.Event()

    def __enter__(self) -> Dask:
        """Connect. Raises FriendlyError."""
        try:
            import distributed

            from grader.engines.dask_crew import Crew
        except ImportError as missing:
            raise FriendlyError(f"{missing.name} is not installed here: pip install 'grader[dask]'") from missing
        for name in ("distributed", "distributed.client"):  # they tell of every lost connection, at length
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client = distributed.Client(
                self.address, timeout=self._patience_s, set_as_default=False, security=self._security
            )
        except (OSError, ValueError, TypeError) as fault:  # no answer; no address; no certificates
            mend = "start one with `dask scheduler`"
            raise FriendlyError(f"{self.address}: no Dask scheduler answers there; {mend} ({fault})") from fault
        try:
            self._crew = Crew(self._client, self._plan, gpu=self._gpu, say=self._say)
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._crew.close()
        finally:
            self._client.close()

    def map(self, tasks: Iterable[Task]) -> Generator[Outcome]:
        """One outcome for every task, as they finish.

        Raises FriendlyError where no worker could ever be used. When all are lost later and none comes back,
        what is left comes as `Plan.lost`.
        """
        shift = _Shift(tasks)
        waited = 0.0
        try:
            while not shift.over:
                self._crew.look()
                self._hand_out(shift)
                for outcome in self._take_in(shift):
                    yield outcome
                    self._hand_out(shift)
                if self._crew.hopeful or (shift.given and self._crew.hands):
                    waited = 0.0
                elif waited > self._patience_s or self._client.status == "closed":
                    break
                waited += 0.0 if self._wake.wait(TURN_S) else TURN_S
                self._wake.clear()
            else:
                return
            if not self._crew.hired:
                raise FriendlyError(self._nobody())
            for job in shift.rest():
                yield self._plan.lost(job.task, f"no worker at {self.address} for {self._patience_s:g} s")
        finally:
            for future in shift.given:
                future.release()  # what has not started never will

    def _hand_out(self, shift: _Shift) -> None:
        while found := shift.assign(self._crew):
            address, job = found
            future = self._crew.submit(address, job.task)
            future.add_done_callback(lambda _: self._wake.set())
            shift.given[future] = job, address

    def _take_in(self, shift: _Shift) -> Iterator[Outcome]:
        """What has come back; what will not come back is kept for another worker, or told as lost."""
        for future, (job, address) in list(shift.given.items()):
            if future.status == "finished":
                try:
                    outcome: Outcome = future.result(timeout=FETCH_S)
                except (OSError, CancelledError):  # the next turn knows what became of the worker
                    continue
                except Exception as fault:
                    job.why = f"{type(fault).__name__}: {fault}"
                else:
                    shift.take(future)
                    yield outcome
                    continue
            elif future.status == "cancelled":  # with the scheduler, and no fault of the task's
                shift.take(future, to=shift.fresh)
                continue
            elif future.status == "error":
                error = future.exception()
                if self._crew.knows_no_more(address, error):
                    shift.take(future, to=shift.fresh)
                    continue
                job.why = f"{type(error).__name__}: {error}"
            elif address in self._crew.hands:
                continue
            else:
                job.why = f"worker {address} was lost"
            job.failures += 1
            shift.take(future, to=shift.suspects if job.failures < TRIES else None)
            if job.failures == TRIES:
                yield self._plan.lost(job.task, f"given up after {TRIES} workers; the last one: {job.why}")

    def _nobody(self) -> str:
        if self._crew.reasons:
            told = "\n".join(f"- {reason}" for reason in self._crew.reasons.values())
            return f"no worker at {self.address} can be used; install there what is installed here\n{told}"
        mend = f"start some with `dask worker {self.address} --nthreads 1`"
        return f"no worker came to {self.address} within {self._patience_s:g} s; {mend}"


@dataclass
class _Job:
    task: Task
    failures: int = 0
    why: str = ""  # the last one failed


class _Shift:
    """What is still to be done in one `map`, and who has what."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._source = iter(tasks)
        self.given: dict[Any, tuple[_Job, str]] = {}  # Dask's future -> the job and its worker's address
        self.fresh: deque[_Job] = deque()
        self.suspects: deque[_Job] = deque()  # were on a worker that was lost

    @property
    def over(self) -> bool:
        return not (self.given or self.suspects or self._ahead())

    def assign(self, crew: Crew) -> tuple[str, _Job] | None:
        """Who gets what next; None when there is nothing to give, or nobody to give it to.

        A worker gets no more than it can do at once, so that nothing waits behind what takes long; but it gets the
        next task before the last result is fetched.
        """
        hands = crew.working
        if len(self.given) >= AHEAD * sum(hand.slots for hand in hands):
            return None  # results are waiting to be used
        busy = [(job, address) for future, (job, address) in self.given.items() if future.status != "finished"]
        held = Counter(address for _, address in busy)
        alone = {address for job, address in busy if job.failures}
        free = [h for h in hands if h.address not in alone and held[h.address] < h.slots]
        free.sort(key=lambda hand: held[hand.address] / hand.slots)
        if free and self.suspects:
            least = free.pop(0)  # it gets nothing more until it is empty
            if not held[least.address]:
                return least.address, self.suspects.popleft()
        if free and self._ahead():
            return free[0].address, self.fresh.popleft()
        return None

    def take(self, future: Any, to: deque[_Job] | None = None) -> None:
        """The worker has it no more. Should it answer all the same, nobody listens."""
        job, _ = self.given.pop(future)
        future.release()
        if to is not None:
            to.append(job)

    def rest(self) -> Iterator[_Job]:
        """All that is left."""
        for future in list(self.given):
            self.take(future, to=self.suspects)
        while self.suspects:
            yield self.suspects.popleft()
        while self._ahead():
            yield self.fresh.popleft()

    def _ahead(self) -> bool:
        """Whether there is one more; tasks are taken from their source one by one."""
        if not self.fresh:
            self.fresh.extend(_Job(task) for _, task in zip(range(1), self._source, strict=False))
        return bool(self.fresh)
