"""Finished training runs, by content, in SQLite. It saves time and nothing else: without it grading goes on."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from grader.types import Array

FILE = Path(".grader") / "cache" / "training.sqlite"  # below the root
KINDS = ("teacher", "scratch", "learner")
SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY,       -- hash of all that decides the run
    kind TEXT NOT NULL,         -- "teacher", "scratch" or "learner"
    about TEXT NOT NULL,        -- JSON for people: function, seed, steps, device, data
    shape TEXT NOT NULL,        -- of the predictions, as JSON
    predictions BLOB NOT NULL,  -- uint8
    curve BLOB NOT NULL,        -- float32
    weights BLOB,               -- float32; of teachers only
    seconds REAL NOT NULL,
    checksum TEXT NOT NULL,     -- of everything above: a grade depends on it
    made REAL NOT NULL          -- seconds since 1970
)
"""


@dataclass(frozen=True, eq=False)
class Stored:
    """What judging needs of one run."""

    kind: str
    about: Mapping[str, Any]
    predictions: Array  # uint8 (checkpoints, M)
    curve: Array  # float32 (steps,)
    weights: Array | None = None  # float32 (Q,)
    seconds: float = 0.0


@dataclass(frozen=True)
class Usage:
    """How much of one kind is stored."""

    kind: str
    count: int
    bytes: int


def key(*parts: str) -> str:
    """sha256 of the parts; equal only for the same parts in the same order."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()


class Cache:
    """Runs of one file, or of this process only (path None). For many threads and several processes.

    Never raises over the file: what cannot be read or written is kept in memory from then on, and
    `warning` says so.
    """

    def __init__(self, path: Path | None, heard: Callable[[str], None] = lambda kind: None) -> None:
        """`heard` is told the kind of each run that is stored."""
        self.path, self.warning, self._heard = path, "", heard
        self._lock = threading.RLock()
        self._named: dict[str, threading.RLock] = {}
        try:
            self._db = _open(path)
        except (sqlite3.Error, OSError) as fault:
            self._to_memory(fault)

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Fold the log into the file."""
        with self._lock:
            self._db.close()

    def get(self, key: str) -> Stored | None:
        """The run of this key; None where there is none or its numbers do not add up."""
        columns = "kind, about, shape, predictions, curve, weights, seconds, checksum"
        rows = self._execute(f"SELECT {columns} FROM runs WHERE key = ?", (key,))
        return _stored(key, rows[0]) if rows else None

    def put(self, key: str, run: Stored) -> None:
        """Store a finished run, in one transaction. The same key again replaces it."""
        self._execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(key, run))
        self._heard(run.kind)

    def forget(self, key: str) -> None:
        """Remove one run, where there is one."""
        self._execute("DELETE FROM runs WHERE key = ?", (key,))

    def once(self, key: str, make: Callable[[], Stored]) -> Stored:
        """The run of this key, made where it is missing: by one thread, while the others wait for it.

        What `make` raises goes to its caller; the next thread in line tries again.
        """
        with self.locked(key):
            run = self.get(key)
            if run is None:
                run = make()
                self.put(key, run)
            return run

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """One thread at a time per name. Two processes may both do the work, and come to the same."""
        with self._lock:
            lock = self._named.setdefault(name, threading.RLock())
        with lock:
            yield

    def stats(self) -> tuple[Usage, ...]:
        """What is stored, by kind in alphabetical order."""
        size = "length(predictions) + length(curve) + ifnull(length(weights), 0)"
        rows = self._execute(f"SELECT kind, count(*), sum({size}) FROM runs GROUP BY kind ORDER BY kind")
        return tuple(Usage(*row) for row in rows)

    def clear(self, kind: str | None = None) -> int:
        """Remove all runs, or those of one kind; how many there were."""
        with self._lock:
            (count,) = self._execute("SELECT count(*) FROM runs WHERE ? IN (kind, '')", (kind or "",))[0]
            self._execute("DELETE FROM runs WHERE ? IN (kind, '')", (kind or "",))
            with contextlib.suppress(sqlite3.Error):  # busy elsewhere: the space is used again later
                self._db.execute("VACUUM")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return int(count)

    def _execute(self, statement: str, values: tuple[object, ...] = ()) -> list[Any]:
        with self._lock:
            try:
                with self._db:
                    return self._db.execute(statement, values).fetchall()
            except sqlite3.Error as fault:
                self._db.close()
                self._to_memory(fault)
            with self._db:
                return self._db.execute(statement, values).fetchall()

    def _to_memory(self, fault: Exception) -> None:
        mend = "mend it or remove it with `grader cache clear --training`"
        self.warning = f"{self.path}: {fault}; training runs are not kept: {mend}"
        self._db = _open(None)


def remove(path: Path) -> None:
    """Delete a file that cannot be read, with its log."""
    for name in ("", "-wal", "-shm"):
        Path(f"{path}{name}").unlink(missing_ok=True)


def _open(path: Path | None) -> sqlite3.Connection:
    if path is None:
        return _connect(":memory:", SCHEMA)
    path.parent.mkdir(parents=True, exist_ok=True)
    # One at a time: SQLite does not wait for others while it switches a file to WAL.
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():  # closing an open file's second descriptor would drop SQLite's locks on it
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        # NORMAL outlives kill -9; after power loss the last runs may be missing.
        return _connect(path, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", SCHEMA)


def _connect(path: Path | str, *statements: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60, check_same_thread=False)
    try:
        for statement in statements:
            db.execute(statement)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _row(key: str, run: Stored) -> tuple[object, ...]:
    predictions, curve = np.asarray(run.predictions, np.uint8), np.asarray(run.curve, "<f4")
    weights = None if run.weights is None else np.asarray(run.weights, "<f4").tobytes()
    shape, about = json.dumps(predictions.shape), json.dumps(dict(run.about), ensure_ascii=False)
    row = (run.kind, about, shape, predictions.tobytes(), curve.tobytes(), weights, float(run.seconds))
    return (key, *row, _checksum(key, *row), time.time())


def _stored(key: str, row: tuple[Any, ...]) -> Stored | None:
    *values, checksum = row
    if _checksum(key, *values) != checksum:
        return None
    kind, about, shape, predictions, curve, weights, seconds = values
    return Stored(
        kind,
        json.loads(about),
        np.frombuffer(predictions, np.uint8).reshape(json.loads(shape)),
        np.frombuffer(curve, "<f4"),
        None if weights is None else np.frombuffer(weights, "<f4"),
        seconds,
    )


def _checksum(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()
