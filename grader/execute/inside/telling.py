"""What the kernel's process tells its client beside Jupyter: what stood in, and in which line a cell failed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

FILE = re.compile(r"<cell (\d+)>")
MOST = 200  # notes of one run
PRINTED = 1 << 20  # characters that one cell may print; the rest is dropped


class Telling:
    """Counts the cells that IPython runs, names their code after them, and writes to the pipe, never waiting."""

    def __init__(self, pipe: int, numbers: Sequence[int]) -> None:
        """`numbers` of the cells with code in them, in the order in which they will run."""
        self._pipe = pipe
        self._numbers = iter(numbers)
        self._told: set[tuple[str, str]] = set()
        self._waiting: list[bytes] | None = []  # what was told before the first line; None afterwards
        self._blank = 0  # lines that IPython drops from the top of a cell
        self._printed = 0
        self.cell: int | None = None

    def watch(self, shell: Any) -> None:
        """Follow this shell's cells. Their code is compiled as ``<cell 7>``, as in the other checks."""
        shell.compile.get_code_name = lambda raw, transformed, number: f"<cell {self.cell}>"
        for stream in (sys.stdout, sys.stderr):
            self._bound(stream)
        shell._tee = lambda channel: contextlib.nullcontext()  # IPython 9 keeps all that is printed
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    def ready(self, layers: Sequence[str], versions: dict[str, str]) -> None:
        """The first line: everything is imported and locked."""
        waiting, self._waiting = self._waiting or [], None
        self._write({"is": "ready", "layers": list(layers), "versions": versions})
        for line in waiting:
            self._send(line)

    def substitution(self, kind: str, detail: str = "") -> None:
        """Something stood in, told once for each kind and detail."""
        if (kind, detail) not in self._told and len(self._told) < MOST:
            self._told.add((kind, detail))
            self._write({"is": "substitution", "kind": kind, "detail": detail[:300], "cell": self.cell})

    def _write(self, note: dict[str, Any]) -> None:
        line = json.dumps(note).encode() + b"\n"
        if self._waiting is None:
            self._send(line)
        else:
            self._waiting.append(line)

    def _send(self, line: bytes) -> None:
        with contextlib.suppress(OSError):  # full: the client has heard enough
            os.write(self._pipe, line)

    def _bound(self, stream: Any) -> None:
        write = stream.write

        def bounded(text: str) -> int:
            self._printed += len(text)
            if self._printed > PRINTED:
                self.substitution("output", f"cell {self.cell}")
                return len(text)
            return int(write(text))

        stream.write = bounded

    def _before(self, info: Any) -> None:
        self._printed = 0
        self.cell = next(self._numbers, self.cell)
        lines = str(info.raw_cell).split("\n")
        self._blank = next((i for i, line in enumerate(lines) if line.strip()), 0)

    def _after(self, result: Any) -> None:
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            line, place = self._where(error)
            self._write({"is": "where", "cell": self.cell, "line": line, "place": place})

    def _where(self, error: BaseException) -> tuple[int | None, list[int] | None]:
        """The line of this cell, and [cell, line] of the innermost frame in any cell."""
        line, place = None, None
        frames = []
        trace = error.__traceback__
        while trace is not None:
            frames.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
            trace = trace.tb_next
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            frames.append((error.filename, error.lineno))
        for name, number in frames:
            if found := FILE.fullmatch(name):
                here = int(found[1]) == self.cell
                at = number + (self._blank if here else 0)
                place = [int(found[1]), at]
                line = at if here and line is None else line
        return line, place
