"""Following one worker of a zygote from the outside: deadlines, replies, output, how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Mapping

from grader.sandbox.attempts import PRINT_LIMIT, Attempt, SandboxLost, judge_exit
from grader.sandbox.dialogue import Dialogue, Forged
from grader.types import Limits, Verdict

WORD_S = 10.0  # within which the zygote must say how a worker ended


class Link:
    """The three ends that the supervisor holds of one worker, and the loop that follows it."""

    def __init__(self, dialogue: Dialogue, limits: Limits, wall_s: float) -> None:
        self._dialogue, self._limits = dialogue, limits
        self._outbox = memoryview(dialogue.due())
        self._job, self._their_job = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._io, self._their_io = socket.socketpair()
        self._out, self._their_out = os.pipe()
        self._wall_s = wall_s
        self._deadline = time.monotonic() + wall_s
        self._printed = bytearray()
        self._ended: Verdict | None = None
        self._detail = ""
        self._stopped = self._hung_up = False
        self._io.setblocking(False)
        os.set_blocking(self._out, False)

    def theirs(self) -> list[int]:
        """What the zygote gets: job, io, out."""
        return [self._their_job.fileno(), self._their_io.fileno(), self._their_out]

    def close_theirs(self) -> None:
        """The other side has them now."""
        self._their_job.close()
        self._their_io.close()
        if self._their_out >= 0:
            os.close(self._their_out)
            self._their_out = -1

    def close(self) -> None:
        """Let go. The zygote kills the worker if it still lives."""
        self.close_theirs()
        self._job.close()
        self._io.close()
        os.close(self._out)

    def follow(self) -> Attempt:
        """Until the zygote says that the worker is gone. Raises SandboxLost when the zygote is."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._job, selectors.EVENT_READ)
            selector.register(self._out, selectors.EVENT_READ)
            selector.register(self._io, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while True:
                left = self._deadline - time.monotonic()
                if left <= 0:
                    self._out_of_time()
                    continue
                for key, events in selector.select(left):
                    if key.fileobj is self._job:
                        return self._attempt(self._word())
                    if key.fileobj is self._io:
                        self._talk(selector, events)
                    else:
                        self._read_output(selector)

    def _out_of_time(self) -> None:
        if self._stopped:
            raise SandboxLost("the zygote did not say how a worker ended")
        if self._hung_up:
            self._stop(Verdict.EXITED, "closed its connection")
        else:
            self._stop(Verdict.TIMEOUT, f"over {self._wall_s:g} s")

    def _stop(self, ended: Verdict | None, detail: str = "") -> None:
        if not self._stopped:
            self._stopped, self._ended, self._detail = True, ended, detail
            self._deadline = time.monotonic() + WORD_S
            with contextlib.suppress(OSError):
                self._job.send(b"kill")

    def _talk(self, selector: selectors.BaseSelector, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            try:
                self._outbox = self._outbox[self._io.send(self._outbox[: 1 << 18]) :]
            except BlockingIOError:
                pass
            except OSError:  # it is gone; reading tells
                self._outbox = memoryview(b"")
            if not self._outbox:
                selector.modify(self._io, selectors.EVENT_READ)
        if events & selectors.EVENT_READ:
            try:
                data = self._io.recv(1 << 20)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:  # dead, as the zygote will say in a moment, or pretending to be
                selector.unregister(self._io)
                self._hung_up = True
                self._deadline = min(self._deadline, time.monotonic() + 1.0)
            elif not self._stopped:
                self._hear(data)
                if more := self._dialogue.due():
                    self._outbox = memoryview(bytes(self._outbox) + more)
                    selector.modify(self._io, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def _hear(self, data: bytes) -> None:
        try:
            self._dialogue.feed(data)
        except Forged as error:
            self._stop(Verdict.FORGED, str(error))
        else:
            if self._dialogue.finished:  # no reason to let it live
                self._stop(None)

    def _read_output(self, selector: selectors.BaseSelector | None) -> bool:
        try:
            data = os.read(self._out, 1 << 16)
        except OSError:  # nothing there
            return False
        self._printed += data[: PRINT_LIMIT - len(self._printed)]
        if not data and selector:
            selector.unregister(self._out)
        return bool(data)

    def _word(self) -> dict[str, float]:
        """What the zygote says of the worker's end. Raises SandboxLost when it says nothing."""
        try:
            said = self._job.recv(4096)
        except OSError:
            said = b""
        if not said:
            raise SandboxLost("the zygote died")
        word: dict[str, float] = json.loads(said)
        return word

    def _attempt(self, word: Mapping[str, float]) -> Attempt:
        while not self._stopped and not self._hung_up and self._last_words():
            pass
        while len(self._printed) < PRINT_LIMIT and self._read_output(None):
            pass
        dialogue = self._dialogue
        if dialogue.layers is None:
            tail = self._printed[-500:].decode("utf-8", "replace")
            raise SandboxLost(f"a worker ended before it ran anything ({self._ended or word['exit']}): {tail}")
        attempt = Attempt(
            observations=dialogue.observations,
            load_faults=tuple(dialogue.load_faults),
            ended=self._ended,
            detail=self._detail,
            chunk=dialogue.chunk,
            call=dialogue.call,
            layers=dialogue.layers,
            printed=bytes(self._printed),
            cpu_s=word["cpu_s"],
            memory_mb=word["memory_mb"],
        )
        killed = self._stopped and word["exit"] == -signal.SIGKILL
        if self._stopped and (self._ended is not Verdict.EXITED or killed):
            return attempt
        return judge_exit(attempt, int(word["exit"]), word["cpu_s"], self._limits)

    def _last_words(self) -> bool:
        """Replies that arrived together with the news of the worker's end."""
        try:
            data = self._io.recv(1 << 20)
        except OSError:
            return False
        if data:
            self._hear(data)
        return bool(data)
