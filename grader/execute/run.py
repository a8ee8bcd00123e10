"""The trusted side of running a whole notebook: starts it, watches it, says how it ended. Imports no framework."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from grader import modes
from grader.execute.dialogue import Dialogue, Forged
from grader.execute.records import Bounds, Execution
from grader.sandbox import launch, wire
from grader.sandbox.attempts import LAST_WORDS
from grader.sandbox.pool import NotInstalled, SandboxLost, Unprotected
from grader.types import Notebook, Verdict

START_S = 180.0  # namespaces, a kernel, importing frameworks from a cold disk
WORD_S = 10.0
GRACE_S = 2.0  # within which the client says its last words after the kernel has ended
PRINT_LIMIT = 16 << 10
INSIDE = "grader.execute.inside"
REFUSED = 71  # exit status of a process that could not be locked in
NEEDED = ("nbclient", "nbformat", "ipykernel")
FILES = ("/etc/ld.so.cache",)


def execute(
    notebook: Notebook, bounds: Bounds | None = None, *, mode: modes.Mode | None = None, stand_ins: str = ""
) -> Execution:
    """Run every cell from top to bottom in a sandbox. Never raises for what a cell does.

    `mode`: as `modes.detect` finds it, unless given. `stand_ins`: the text of an assignment's own stand_ins.py.

    Raises NotInstalled (a library that this needs), Unprotected (this system cannot keep a notebook in) and
    SandboxLost (our fault).
    """
    bounds = bounds or Bounds()
    mode = mode or modes.detect(notebook)
    _demand(mode)
    with Supervisor(notebook, bounds, mode, stand_ins) as supervisor:
        return supervisor.follow()


def _demand(mode: modes.Mode) -> None:
    if sys.platform != "linux":
        raise Unprotected(f"whole notebooks are run on Linux only: {sys.platform} has no such kernel features")
    for module in NEEDED:
        if importlib.util.find_spec(module) is None:
            raise NotInstalled(f"{module} is not installed here: pip install 'grader[execute]'")
    for module in modes.NEEDS[mode.name]:
        if importlib.util.find_spec(module) is None:
            extra = "legacy" if module == "tf_keras" else module
            raise NotInstalled(f"{module} is not installed here: pip install 'grader[{extra}]'")


class Supervisor:
    """One notebook's guard, and the ends of it that we hold."""

    def __init__(self, notebook: Notebook, bounds: Bounds, mode: modes.Mode, stand_ins: str) -> None:
        self._bounds, self._mode = bounds, mode
        cells = [(cell.number or 1, cell.source) for cell in notebook.cells]
        self._dialogue = Dialogue(cells, mode.name)
        self._control, their_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._io, their_io = socket.socketpair()
        self._out, their_out = os.pipe()
        self._printed = bytearray()
        self._ends: dict[str, dict[str, Any]] = {}
        self._outer = ""
        self._ended: tuple[Verdict, str] | None = None
        self._stopped = False
        self._startup_s = 0.0
        self._began = time.monotonic()
        self._deadline = self._began + START_S
        note = {
            "cells": cells, "mode": mode.name, "libraries": sorted(mode.libraries), "stand_ins": stand_ins,
            "bounds": asdict(bounds),
        }  # fmt: skip
        self._outbox = memoryview(wire.encode(note))
        settings = json.dumps(
            {"scratch_mb": bounds.scratch_mb, "readable": launch.readable_trees(), "files": _files()}
        )
        self._process = subprocess.Popen(
            launch.command("guard", str(their_control.fileno()), str(their_io.fileno()), settings, package=INSIDE),
            pass_fds=[their_control.fileno(), their_io.fileno()],
            env=environment(mode.name),
            stdin=subprocess.DEVNULL,
            stdout=their_out,
            stderr=their_out,
            start_new_session=True,
            cwd="/",
        )
        their_control.close()
        their_io.close()
        os.close(their_out)
        self._io.setblocking(False)
        os.set_blocking(self._out, False)

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing of it survives."""
        self._control.close()
        self._io.close()
        os.close(self._out)
        try:
            self._process.wait(WORD_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its children die with it
            self._process.wait()
        if self._outer:
            with contextlib.suppress(OSError):
                os.rmdir(self._outer)

    def follow(self) -> Execution:
        """Until nothing is left of it. Raises SandboxLost and Unprotected."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._out, selectors.EVENT_READ)
            selector.register(self._io, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while len(self._ends) < 2:
                left = self._deadline - time.monotonic()
                if left <= 0:
                    self._out_of_time()
                    continue
                for key, events in selector.select(left):
                    if key.fileobj is self._control:
                        self._hear_guard()
                    elif key.fileobj is self._io:
                        self._talk(selector, events)
                    else:
                        self._read_output(selector)
        while self._read_output(None):
            pass
        self._drain()
        return self._execution()

    # ------------------------------------------------------------ what happens

    def _out_of_time(self) -> None:
        if self._stopped:
            self._lost("the guard did not say how it ended")
        if self._dialogue.hello is None:
            self._lost("no kernel came up")
        if "kernel" not in self._ends:
            self._ended = Verdict.TIMEOUT, f"over {self._bounds.wall_s:g} s"
        self._stop()

    def _stop(self) -> None:
        if not self._stopped:
            self._stopped, self._deadline = True, time.monotonic() + WORD_S
            with contextlib.suppress(OSError):
                self._control.send(b"kill")

    def _hear_guard(self) -> None:
        try:
            said = self._control.recv(4096)
        except OSError:
            said = b""
        if not said:
            self._lost("the guard ended")
        word = json.loads(said)
        if "refused" in word:
            raise Unprotected(f"this system cannot keep a whole notebook in: {word['refused']}")
        if "outer" in word:
            self._outer = word["outer"]
            return
        self._ends[word["who"]] = word
        if len(self._ends) == 1 and not self._stopped:
            self._deadline = min(self._deadline, time.monotonic() + GRACE_S)

    def _talk(self, selector: selectors.BaseSelector, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            try:
                self._outbox = self._outbox[self._io.send(self._outbox[: 1 << 18]) :]
            except BlockingIOError:
                pass
            except OSError:
                self._outbox = memoryview(b"")
            if not self._outbox:
                selector.modify(self._io, selectors.EVENT_READ)
        if events & selectors.EVENT_READ and not self._drain():
            selector.unregister(self._io)

    def _drain(self) -> bool:
        """Take in what has arrived; False when the other end is closed."""
        while True:
            try:
                data = self._io.recv(1 << 20)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not data:
                return False
            was_ready = self._dialogue.hello is not None
            try:
                self._dialogue.feed(data)
            except Forged as error:
                self._ended = Verdict.FORGED, str(error)
                self._stop()
                return False
            if self._dialogue.hello is not None and not was_ready:
                self._startup_s = time.monotonic() - self._began
                self._deadline = time.monotonic() + self._bounds.wall_s
            if self._dialogue.finished:
                self._stop()

    def _read_output(self, selector: selectors.BaseSelector | None) -> bool:
        try:
            data = os.read(self._out, 1 << 16)
        except OSError:
            return False
        self._printed += data[: PRINT_LIMIT - len(self._printed)]
        if not data and selector:
            selector.unregister(self._out)
        return bool(data)

    def _lost(self, why: str) -> None:
        self._read_output(None)
        tail = self._printed[-1500:].decode("utf-8", "replace")
        if any(end["exit"] == REFUSED for end in self._ends.values()):
            raise Unprotected(f"this system cannot keep a whole notebook in: {tail.strip()}")
        raise SandboxLost(f"{why}: {tail}")

    # ------------------------------------------------------------ how it ended

    def _execution(self) -> Execution:
        dialogue = self._dialogue
        if dialogue.hello is None:
            self._lost("the kernel did not start")
        seconds = time.monotonic() - self._began - self._startup_s
        ended, detail = self._verdict()
        return dialogue.execution(
            ended, detail,
            printed=bytes(self._printed),
            seconds=seconds,
            startup_s=self._startup_s,
            cpu_s=sum(end["cpu_s"] for end in self._ends.values()),
            memory_mb=max(end["memory_mb"] for end in self._ends.values()),
        )  # fmt: skip

    def _verdict(self) -> tuple[Verdict, str]:
        if self._ended is not None:
            return self._ended
        if self._dialogue.finished:
            return self._dialogue.verdict, self._dialogue.doubt
        return judge(self._ends, self._bounds, bytes(self._printed))


def judge(ends: Mapping[str, Mapping[str, Any]], bounds: Bounds, printed: bytes) -> tuple[Verdict, str]:
    """How a kernel ended that nobody stopped, by its exit status (negative: a signal)."""
    status, cpu_s = int(ends["kernel"]["exit"]), float(ends["kernel"]["cpu_s"])
    if status >= 0:
        return Verdict.EXITED, f"exit status {status}"
    if status == -getattr(signal, "SIGSYS", 31):
        return Verdict.FORBIDDEN, "a forbidden system call"
    if status == -signal.SIGKILL and cpu_s >= bounds.cpu_s - 0.5:
        return Verdict.CPU, f"over {bounds.cpu_s} s of processor time"
    if any(text in printed for text in LAST_WORDS):
        return Verdict.MEMORY, f"over {bounds.memory_mb} MB"
    return Verdict.CRASHED, f"signal {-status}"


def environment(mode: str) -> dict[str, str]:
    """In force before the notebook's interpreter starts."""
    flavour = "tensorflow-legacy" if mode in ("legacy", "tf1") else ""
    # Rounding may differ from run to run here: nothing is compared, and oneDNN's convolutions take half the time.
    return {**launch.environment("cpu", flavour), "TF_ENABLE_ONEDNN_OPTS": "0"}


def _files() -> Sequence[str]:
    from grader.sandbox import jail

    return [*jail.SYSTEM_FILES, *FILES]
