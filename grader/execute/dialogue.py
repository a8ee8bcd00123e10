"""The supervisor's side of what a notebook's client says: frames in order, text cleaned. No input or output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from grader.execute.doubt import doubt
from grader.execute.records import Execution, Substitution
from grader.sandbox import wire
from grader.sandbox.dialogue import OUT_OF_MEMORY, Forged, clean, fault, place_in
from grader.types import Fault, Verdict

__all__ = ["Dialogue", "Forged"]

KINDS = frozenset({
    "data_set", "files", "module", "weights", "epochs", "steps", "shell", "magic", "cuda", "workers", "output",
})  # fmt: skip
MOST = 200  # substitutions that are kept
TOTAL_LIMIT = 4 << 20  # bytes of all frames
DETAIL_LIMIT = 300


class Dialogue:
    """Follows one client. Fed with bytes; remembers which cells ran and which failed."""

    def __init__(self, cells: Sequence[tuple[int, str]], mode: str) -> None:
        self._cells: dict[int | None, str] = dict(cells)
        self._mode = mode
        self._order = [number for number, _ in cells]
        self._splitter = wire.Splitter(1 << 20)
        self._received = 0
        self.hello: dict[str, Any] | None = None
        self.finished = False
        self.verdict = Verdict.PASSED
        self.doubt = ""
        self._running: int | None = None
        self._ran: list[int] = []
        self._line: int | None = None
        self._fault: Fault | None = None
        self._substitutions: dict[tuple[str, str], Substitution] = {}

    def feed(self, data: bytes) -> None:
        """Take in what the client sent. Raises Forged."""
        self._received += len(data)
        if self._received > TOTAL_LIMIT:
            raise Forged(f"more than {TOTAL_LIMIT >> 20} MiB of frames")
        try:
            for body in self._splitter.feed(data):
                note, arrays = wire.decode(body)
                if arrays:
                    raise Forged("arrays from a notebook")
                self._hear(note)
        except wire.Malformed as error:
            raise Forged(f"malformed frame: {error}") from None

    def _hear(self, note: dict[str, Any]) -> None:
        kind = note.get("is")
        if self.hello is None:
            if kind != "hello":
                raise Forged("no hello")
            self.hello = note
        elif self.finished:
            raise Forged("more frames after the end")
        elif kind == "substitution":
            self._hear_substitution(note)
        elif kind == "started" and self._running is None and note.get("cell") == self._next():
            self._running = self._next()
        elif kind == "ran" and self._running is not None and note.get("cell") == self._running:
            self._ran.append(self._running)
            self._running = None
        elif kind == "failed" and self._running is not None and note.get("cell") == self._running:
            self._hear_failure(note)
        elif kind == "end" and self._running is None and self._next() is None:
            self.finished = True
        else:
            raise Forged("out of order")

    def _next(self) -> int | None:
        done = len(self._ran)
        return self._order[done] if done < len(self._order) else None

    def _hear_failure(self, note: dict[str, Any]) -> None:
        told, here = fault(note, self._cells, "call"), place_in(self._cells, self._running, note.get("line"))
        self._line = here.line if here else None
        self._fault = replace(told, place=told.place or here)
        self.doubt = doubt(self._fault, self._substitutions.values())
        memory = note["type"] in OUT_OF_MEMORY
        self.verdict = Verdict.MEMORY if memory else Verdict.INCONCLUSIVE if self.doubt else Verdict.ERROR
        self.finished = True

    def _hear_substitution(self, note: dict[str, Any]) -> None:
        kind, detail, cell = note.get("kind"), note.get("detail"), note.get("cell")
        if kind not in KINDS or not isinstance(detail, str):
            return  # a cell may write to that pipe: no reason to end anything
        key = (str(kind), clean(detail, DETAIL_LIMIT))
        if key not in self._substitutions and len(self._substitutions) < MOST:
            known = cell if type(cell) is int and cell in self._cells else None
            self._substitutions[key] = Substitution(*key, known)

    def execution(self, ended: Verdict, detail: str, *, printed: bytes, **figures: Any) -> Execution:
        """All of it, once it is over. `figures`: seconds, startup_s, cpu_s, memory_mb."""
        hello = self.hello or {}
        versions = hello.get("versions")
        return Execution(
            ended=ended,
            mode=self._mode,
            cells=len(self._order),
            ran=tuple(self._ran),
            cell=self._running,
            line=self._line,
            fault=self._fault,
            detail=detail,
            substitutions=tuple(self._substitutions.values()),
            versions=_texts(versions) if isinstance(versions, dict) else {},
            layers=tuple(clean(str(layer), 100) for layer in hello.get("layers", ())),
            printed=clean(printed.decode("utf-8", "replace"), len(printed)),
            **figures,
        )


def _texts(found: dict[Any, Any]) -> dict[str, str]:
    return {clean(str(name), 50): clean(str(value), 50) for name, value in list(found.items())[:20]}
