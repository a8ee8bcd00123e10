"""The sandboxes of one assignment: TensorFlow with Keras 3, and with legacy Keras for notebooks that need it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Protocol

from grader.modes import LEGACY
from grader.sandbox.attempts import Follow
from grader.sandbox.plain import PlainRunner
from grader.sandbox.pool import NotInstalled, Zygote, open_sandbox
from grader.sandbox.questions import Asked
from grader.types import Assignment, Limits, Program, Run, Verdict


class Box(Protocol):
    """What runs programs and is closed in the end: a Zygote or its plain stand-in."""

    @property
    def versions(self) -> Mapping[str, str]: ...

    def run(
        self, program: Program, calls: Sequence[Asked], limits: Limits, follow: Follow | None = None
    ) -> Run: ...

    def close(self) -> None: ...


class Flavours:
    """A sandbox that gives a program to the flavour that its `mode` names; the second one starts when needed.

    A program without a mode that stops with errors is tried in the other flavour too: that a method of Keras 2
    is gone from Keras 3 is not the learner's mistake.
    """

    def __init__(self, main: Box, open_legacy: Callable[[], Box]) -> None:
        self._main, self._open, self._lock = main, open_legacy, threading.Lock()
        self._legacy: Box | None = None

    def __enter__(self) -> Flavours:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def versions(self) -> Mapping[str, str]:
        """Of the main flavour."""
        return self._main.versions

    @property
    def legacy(self) -> Box:
        """The second flavour. Raises NotInstalled."""
        with self._lock:
            if self._legacy is None:
                self._legacy = self._open()
        return self._legacy

    def run(self, program: Program, calls: Sequence[Asked], limits: Limits, follow: Follow | None = None) -> Run:
        """As `Zygote.run`. `Run.mode` says "legacy" where the second flavour ran it."""
        if program.mode == LEGACY:
            return replace(self.legacy.run(program, calls, limits, follow), mode=LEGACY)
        run = self._main.run(program, calls, limits, follow)
        if program.mode or follow is not None or not _errors(run):
            return run
        try:
            other = self.legacy.run(program, calls, limits)
        except NotInstalled:
            return run
        return replace(other, mode=LEGACY) if _errors(other) < _errors(run) else run

    def close(self) -> None:
        """Stop both."""
        self._main.close()
        if self._legacy is not None:
            self._legacy.close()


class WhenNeeded:
    """A sandbox that is opened when the first program runs: judging stored observations needs none."""

    def __init__(self, opens: Callable[[], Box]) -> None:
        self._opens, self._lock = opens, threading.Lock()
        self._box: Box | None = None

    @property
    def box(self) -> Box:
        """What runs programs. Raises as `open_for` does."""
        with self._lock:
            if self._box is None:
                self._box = self._opens()
        return self._box

    @property
    def versions(self) -> Mapping[str, str]:
        """Of what is opened."""
        return self.box.versions

    def run(self, program: Program, calls: Sequence[Asked], limits: Limits, follow: Follow | None = None) -> Run:
        """As `Zygote.run`."""
        return self.box.run(program, calls, limits, follow)

    def close(self) -> None:
        """Stop it, if it was opened."""
        if self._box is not None:
            self._box.close()


def open_for(assignment: Assignment, *, unsafe: bool = False) -> Zygote | PlainRunner | Flavours:
    """What runs the submissions of an assignment. Raises as `open_sandbox` does."""
    main = open_sandbox(assignment.framework, unsafe=unsafe)
    if not assignment.legacy:
        return main
    return Flavours(main, lambda: open_sandbox(f"{assignment.framework}-legacy", unsafe=unsafe))


def _errors(run: Run) -> int:
    """How many calls stopped with an exception."""
    return sum(observation.ended == Verdict.ERROR for observation in run.observations.values())
