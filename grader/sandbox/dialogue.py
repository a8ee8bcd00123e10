"""The supervisor's side of one worker's conversation: what may be said, in which order. No input or output.

A worker says: hello, then for every chunk "I start it" and perhaps its fault, then loaded, then one
reply per call in the order of the calls, each only when it was asked. Anything else is forged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from grader.sandbox import questions, wire
from grader.sandbox.questions import Asked, Forged
from grader.types import NOTHING, Array, Fault, Observation, Place, Program, TrainingCall, Verdict

__all__ = ["Dialogue", "Forged", "clean"]

TEXT_LIMIT = 2000
TOTAL_LIMIT = 128 << 20  # bytes of all replies of one worker: they are kept in our memory
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
OUT_OF_MEMORY = ("MemoryError", "_ArrayMemoryError", "ResourceExhaustedError", "OutOfMemoryError")


class Dialogue:
    """Follows one worker. Fed with bytes; remembers what was answered and how far it got."""

    def __init__(
        self,
        program: Program,
        chunks: Sequence[int],
        calls: Sequence[Asked],
        heard: Callable[[Observation], Sequence[Asked]] = lambda observation: (),
    ) -> None:
        """`chunks`: indices of the chunks of `program` that this worker loads.

        `heard` is told every observation and gives the further calls for this worker.
        Raises ValueError when a call does not bring what it names.
        """
        self._program, self._chunks, self._calls, self._heard = program, list(chunks), list(calls), heard
        for call in calls:
            questions.demand_inputs(call)
        self._shared: Mapping[str, Array] = NOTHING  # of the trainings, as this worker has them
        self._sent = 0
        self._splitter = wire.Splitter()
        self._started = 0  # chunks
        self._may_fault = False
        self._received = 0
        self._forger: Asked | None = None
        self.layers: tuple[str, ...] | None = None
        self.loaded = False
        self.load_faults: list[Fault] = []
        self.observations: dict[str, Observation] = {}

    def due(self) -> bytes:
        """What is to be sent now: the program, then each question once the one before is answered.

        A worker that could read ahead would know hidden inputs early enough to tell them in a public case.
        """
        answered = len(self.observations)
        if self._sent == 0:
            chunks = [self._program.chunks[i] for i in self._chunks]
            load = {
                "chunks": [[c.source, c.cell] for c in chunks],
                "cells": list(self._program.cells.items()),
                "probes": self._program.probes,
            }
            frame = wire.encode(load)
        elif self.loaded and not self.finished and self._sent == answered + 1:
            frame = self._question(self._calls[answered])
        else:
            return b""
        self._sent += 1
        return frame

    def _question(self, call: Asked) -> bytes:
        if not isinstance(call, TrainingCall):
            return questions.question(call)
        known = questions.same(call.shared, self._shared)
        self._shared = call.shared
        return questions.training_question(call, NOTHING if known else call.shared)

    @property
    def finished(self) -> bool:
        """Has everything been answered?"""
        return self.loaded and len(self.observations) == len(self._calls)

    @property
    def chunk(self) -> int | None:
        """The chunk (its index in the program) that is being loaded."""
        return self._chunks[self._started - 1] if self._started and not self.loaded else None

    @property
    def call(self) -> Asked | None:
        """The call to blame: the one that answered twice, else the one that is being answered.

        The last one when all are answered; None without calls or while loading.
        """
        if self._forger or not self.loaded or not self._calls:
            return self._forger
        return self._calls[min(len(self.observations), len(self._calls) - 1)]

    def feed(self, data: bytes) -> None:
        """Take in what the worker sent. Raises Forged."""
        self._received += len(data)
        if self._received > TOTAL_LIMIT:
            raise Forged(f"more than {TOTAL_LIMIT >> 20} MiB of replies")
        try:
            for body in self._splitter.feed(data):
                note, arrays = wire.decode(body)
                self._hear(note, arrays)
        except wire.Malformed as error:
            raise Forged(f"malformed reply: {error}") from None

    def _hear(self, note: dict[str, Any], arrays: dict[str, Array]) -> None:
        kind = note.get("is")
        if self.layers is None:
            if kind != "hello":
                raise Forged("no hello")
            self.layers = tuple(str(layer) for layer in note.get("layers", ()))
        elif not self.loaded:
            self._hear_loading(kind, note)
        elif self.finished:
            raise Forged("more replies than questions")
        else:
            self._hear_reply(kind, note, arrays)

    def _hear_loading(self, kind: object, note: dict[str, Any]) -> None:
        if kind == "chunk" and self._started < len(self._chunks) and note.get("at") == self._started:
            self._started += 1
            self._may_fault = True
        elif kind == "fault" and self._may_fault and note.get("at") == self._started - 1:
            self._may_fault = False
            self.load_faults.append(fault(note, self._program.cells, "load"))
        elif kind == "loaded" and self._started == len(self._chunks):
            self.loaded = True
        else:
            raise Forged("out of order while loading")

    def _hear_reply(self, kind: object, note: dict[str, Any], arrays: dict[str, Array]) -> None:
        call = self._calls[len(self.observations)]
        if note.get("id") != call.id:
            self._forger = next(
                (c for c in self._calls if c.id in self.observations and c.id == note.get("id")), None
            )
            raise Forged("a reply to another question")
        if self._sent < len(self.observations) + 2:  # the program and the questions up to this one
            self._forger = self._calls[max(0, len(self.observations) - 1)]  # who guesses ahead
            raise Forged("a reply before the question")
        if kind == "error" and not arrays:
            told = fault(note, self._program.cells, "call")
            memory = note.get("memory") is True or told.type in OUT_OF_MEMORY
            ended = Verdict.MEMORY if memory else Verdict.ERROR
            observation = Observation(call.id, ended, fault=told)
        elif kind == "trained" and isinstance(call, TrainingCall):
            observation = questions.trained(call, arrays)
        elif kind == "value" and not isinstance(call, TrainingCall):
            observation = questions.passed(call, arrays)
        else:
            raise Forged("neither what was asked for nor an error")
        self.observations[call.id] = observation
        further = self._heard(observation)
        for more in further:
            questions.demand_inputs(more)
        self._calls.extend(further)


def fault(note: dict[str, Any], cells: Mapping[int | None, str], during: str) -> Fault:
    """A Fault from what a worker told. Raises Forged for other types."""
    kind, message, where = note.get("type"), note.get("message"), note.get("place")
    if not isinstance(kind, str) or not isinstance(message, str):
        raise Forged("an error without type and message")
    place = place_in(cells, *where) if isinstance(where, list) and len(where) == 2 else None
    return Fault(clean(kind)[:100] or "Exception", clean(message), place, during)


def place_in(cells: Mapping[int | None, str], cell: object, line: object) -> Place | None:
    """A place that was told, if there is such a line: one beyond the cell could carry a hidden case's number."""
    if (cell is not None and type(cell) is not int) or cell not in cells or type(line) is not int:
        return None
    return Place(cell, line) if 0 < line <= lines(cells[cell]) else None


def lines(text: str) -> int:
    """How many lines a cell has."""
    return text.count("\n") + 1


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """Untrusted text without control characters, direction marks and lone surrogates, cut to size."""
    return CONTROL.sub("\ufffd", text[:limit])
