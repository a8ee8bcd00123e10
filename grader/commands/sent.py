"""What was sent to a learning system: a line in a file for each, so that a second run sends only the rest."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from types import TracebackType

from grader.types import FriendlyError

BEGUN, DONE, FORGOTTEN = "begun", "done", "forgotten"


class Sent:
    """The log of one system. One writer at a time; use it in `with`. Nothing is written before `begin`."""

    def __init__(self, path: Path, place: str) -> None:
        self._path, self._place = path, place
        self._state: dict[str, tuple[str, str]] = {}  # key -> state, digest
        self._file: int | None = None

    def __enter__(self) -> Sent:
        try:
            lines = self._path.read_text("utf-8").split("\n")
        except FileNotFoundError:
            return self
        for line in lines:
            try:
                told = json.loads(line)
                place, key, state = told["place"], told["key"], (told["state"], told["digest"])
            except (ValueError, KeyError, TypeError):
                continue  # the line that was being written when the power went
            if place == self._place:
                self._state[key] = state
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)

    def has(self, key: str, digest: str) -> bool:
        """Whether exactly this was sent to them last."""
        return self._state.get(key) == (DONE, digest)

    def known(self) -> frozenset[str]:
        """Everybody who has something that an earlier run sent."""
        return frozenset(key for key, (state, _) in self._state.items() if state == DONE)

    def begin(self, key: str, digest: str) -> bool:
        """About to send. Returns whether an earlier run was stopped while it sent the same."""
        unsure = self._state.get(key) == (BEGUN, digest)
        self._write(key, BEGUN, digest)
        return unsure

    def finish(self, key: str, digest: str) -> None:
        """It was taken."""
        self._write(key, DONE, digest)

    def forget(self, key: str) -> None:
        """It was not taken after all: to be sent again."""
        self._write(key, FORGOTTEN, "")

    def _write(self, key: str, state: str, digest: str) -> None:
        if self._file is None:
            self._file = self._open()
        self._state[key] = (state, digest)
        told = {"at": round(time.time(), 3), "place": self._place, "key": key, "state": state, "digest": digest}
        os.write(self._file, (json.dumps(told, ensure_ascii=False) + "\n").encode())
        os.fsync(self._file)

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise FriendlyError(f"{self._path}: another `grader push` is at work here; wait for it") from None
        end = os.lseek(file, 0, os.SEEK_END)
        if end and os.pread(file, 1, end - 1) != b"\n":
            os.write(file, b"\n")  # after a line that was cut off
        return file
