"""`%check --live`: the functions as they are in the kernel right now, run in the kernel itself.

For what a fresh process cannot know: data that was loaded by hand, a network that was trained for an hour. Nothing
protects the kernel here. A call that takes too long is broken off as Ctrl-C would do it, which does not help
against one that never returns to Python.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType, ModuleType
from typing import Any

from grader import frameworks
from grader.sandbox import launch, probing, wire, worker
from grader.sandbox.attempts import Follow
from grader.sandbox.dialogue import Dialogue
from grader.sandbox.questions import Asked
from grader.types import Limits, Observation, Program, Run, TrainingCall, Verdict

LAYERS = ("this kernel",)


class TooLong(BaseException):
    """The time for one call is over. No Exception: learners' code catches those."""


class LiveRunner:
    """Has a Zygote's `run`, on the names of a running kernel."""

    def __init__(self, namespace: dict[str, Any], framework: str) -> None:
        """`namespace`: the kernel's own; names that a call binds mean its inputs for that call only."""
        self._namespace, self._name = namespace, framework
        self._framework: frameworks.Framework | None = None
        self.versions: Mapping[str, str] = launch.installed(framework)

    def run(self, program: Program, calls: Sequence[Asked], limits: Limits, follow: Follow | None = None) -> Run:
        """As Zygote.run; nothing is loaded, as everything has been run. Raises ValueError for trainings."""
        if follow is not None or any(isinstance(call, TrainingCall) for call in calls):
            raise ValueError("trainings are not run in a kernel")
        start = time.perf_counter()
        framework = self._attached()
        probes = probing.load(program.probes)
        found = {call.id: self._observed(program, call, probes, framework, limits) for call in calls}
        return Run(found, layers=LAYERS, wall_s=time.perf_counter() - start)

    def close(self) -> None:
        """Nothing stays open."""

    def _attached(self) -> frameworks.Framework:
        if self._framework is None:
            made = frameworks.framework(self._name)
            made.attach()
            self._framework = made
        return self._framework

    def _observed(
        self,
        program: Program,
        call: Asked,
        probes: ModuleType | None,
        framework: frameworks.Framework,
        limits: Limits,
    ) -> Observation:
        """One call, said in the frames that a worker uses, so that both say the same."""
        dialogue = Dialogue(program, (), [call])
        dialogue.due()
        for told in ({"is": "hello", "layers": list(LAYERS)}, {"is": "loaded"}):
            dialogue.feed(wire.encode(told))
        note, arrays = wire.decode(dialogue.due()[wire.LENGTH.size :])
        try:
            with _at_most(limits.wall_s):
                reply = worker.answer(self._namespace, probes, framework, note, arrays)
        except TooLong:
            return Observation(call.id, Verdict.TIMEOUT, detail=f"over {limits.wall_s:g} s")
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            reply = {"is": "error", "id": note["id"], **worker.describe(error)}, {}
        dialogue.feed(wire.encode(*reply))
        return dialogue.observations[call.id]


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Break the block off after this time, where this thread may be interrupted."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
