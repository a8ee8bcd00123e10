"""The client's process: sends the cells to the kernel with nbclient, tells the supervisor how far it got.

It runs no learner code, but all that it hears was said by some, so it is locked in as well.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from grader.execute.inside import jupyter, lock
from grader.execute.inside.session import Session
from grader.execute.records import Bounds
from grader.sandbox import wire
from grader.sandbox.seccomp import Talk

IO, TOLD = 3, 4
MEMORY_MB = 768  # of its own
CPU_S = 120
WAITING = 50  # messages that may wait on a socket
LARGEST = 16 << 20  # bytes of one message
TEXT = 4000  # characters of an error


def main(session: Session) -> None:
    """Locks itself in, waits for the kernel, runs the cells. Returns when all is said."""
    lock.before(session.readable, (), ())
    bounds = Bounds(**session.note["bounds"])
    lock.after(lock.narrow(bounds, MEMORY_MB), CPU_S, Talk.CONNECT)
    notes = Notes()
    ready = notes.wait_until_ready()
    runner = jupyter.runner(session, WAITING, LARGEST, notes.forward)
    with runner.setup_kernel():
        wire.send(IO, {"is": "hello", "layers": [*session.layers, *ready.get("layers", [])],
                       "versions": ready.get("versions", {})})  # fmt: skip
        notes.forward()
        for index, cell in enumerate(runner.nb.cells):
            number = cell.metadata["number"]
            wire.send(IO, {"is": "started", "cell": number})
            begun = time.monotonic()
            failure = jupyter.run_cell(runner, cell, index)
            notes.forward()
            if failure is not None:
                kind, message = failure
                wire.send(IO, {"is": "failed", "cell": number, "type": kind[:100], "message": message[:TEXT],
                               "line": notes.where.get("line"), "place": notes.where.get("place")})  # fmt: skip
                return
            wire.send(IO, {"is": "ran", "cell": number, "seconds": time.monotonic() - begun})
    wire.send(IO, {"is": "end"})


class Notes:
    """What the kernel's process tells beside Jupyter: lines of JSON through a pipe, none of them believed."""

    def __init__(self) -> None:
        self._rest = b""
        self.where: Mapping[str, Any] = {}  # the last word on where a cell failed

    def wait_until_ready(self) -> Mapping[str, Any]:
        """Its first line. Raises EOFError when it ended instead."""
        while b"\n" not in self._rest:
            data = os.read(TOLD, 1 << 16)
            if not data:
                raise EOFError("the kernel did not start")
            self._rest += data
        os.set_blocking(TOLD, False)
        line, _, self._rest = self._rest.partition(b"\n")
        return _object(line)

    def forward(self) -> None:
        """Take in what has come, and pass substitutions on."""
        try:
            while data := os.read(TOLD, 1 << 16):
                self._rest += data
        except BlockingIOError:
            pass
        *lines, self._rest = self._rest.split(b"\n")
        self._rest = self._rest[: 1 << 16]
        for line in lines:
            note = _object(line)
            if note.get("is") == "substitution":
                kept = {name: note.get(name) for name in ("kind", "detail", "cell")}
                wire.send(IO, {"is": "substitution", **kept})
            elif note.get("is") == "where":
                self.where = note


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
