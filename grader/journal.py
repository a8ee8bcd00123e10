"""What has been graded, in SQLite, so that Ctrl-C, kill -9 and power loss cost only what was in flight."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grader.types import FriendlyError

FILE = "journal.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS graded (
    id TEXT PRIMARY KEY,        -- submission id
    key TEXT NOT NULL,          -- content, assignment, rubric, cases and grader version
    final INTEGER NOT NULL,
    row TEXT NOT NULL,          -- what grades.csv, the tables and the pages need, as JSON
    times INTEGER NOT NULL,     -- how often this key got a final grade: 1 unless --again
    at REAL NOT NULL            -- seconds since 1970
);
CREATE TABLE IF NOT EXISTS run (
    key TEXT PRIMARY KEY,       -- about the last run: total, started, done_at_start, slug, settings, pid, ...
    value TEXT NOT NULL         -- JSON
);
"""


class Busy(FriendlyError):
    """Another run writes to the same folder."""


class Journal:
    """The journal of one output folder. One writer at a time; close it, or use it in `with`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = open(path.with_suffix(".lock"), "w")  # noqa: SIM115 - held until close
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise Busy(
                f"{path.parent}: another grader is writing here; wait for it or choose another -o"
            ) from None
        try:
            self._db = sqlite3.connect(path, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(SCHEMA)
        except sqlite3.DatabaseError as damaged:
            self._lock.close()
            raise FriendlyError(f"{path}: {damaged}; move it away to grade everything anew") from damaged

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Fold the log into the file and let the next run in."""
        self._db.close()
        self._lock.close()

    def about(self) -> dict[str, Any]:
        """What was told with `tell`, by this run or an earlier one."""
        return {key: json.loads(value) for key, value in self._db.execute("SELECT key, value FROM run")}

    def tell(self, **values: Any) -> None:
        """Note something about this run, for `grader status` and for the next one."""
        with self._db:
            self._db.executemany(
                "INSERT INTO run VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [(key, json.dumps(value, ensure_ascii=False)) for key, value in values.items()],
            )

    def done(self, submission_id: str, key: str) -> dict[str, Any] | None:
        """The row of a submission that has a final grade for exactly this key."""
        found = self._db.execute(
            "SELECT row FROM graded WHERE id = ? AND key = ? AND final = 1", (submission_id, key)
        ).fetchone()
        return json.loads(found[0]) if found else None

    def record(self, submission_id: str, key: str, final: bool, row: Mapping[str, Any]) -> None:
        """Note a judgement, in one transaction."""
        with self._db:
            self._db.execute(
                "INSERT INTO graded VALUES (?, ?, ?, ?, 1, ?) ON CONFLICT (id) DO UPDATE SET "
                "times = CASE WHEN key = excluded.key AND final = 1 THEN times + 1 ELSE 1 END, "
                "key = excluded.key, final = excluded.final, row = excluded.row, at = excluded.at",
                (submission_id, key, int(final), json.dumps(row, ensure_ascii=False), time.time()),
            )

    def current(self, keys: Mapping[str, str]) -> list[dict[str, Any]]:
        """The rows of these submissions (id -> key), by id; a row of another key is of another time."""
        found = self._db.execute("SELECT id, key, row FROM graded ORDER BY id")
        return [json.loads(row) for submission_id, key, row in found if keys.get(submission_id) == key]

    def keys(self) -> dict[str, str]:
        """id -> key of everything in the journal."""
        return dict(self._db.execute("SELECT id, key FROM graded"))

    def seconds(self) -> dict[str, float]:
        """How long each submission took when it was graded last."""
        found = self._db.execute("SELECT id, json_extract(row, '$.seconds') FROM graded")
        return {submission_id: float(seconds or 0) for submission_id, seconds in found}

    def rows(self) -> Iterator[tuple[str, int, int, dict[str, Any]]]:
        """(id, final, times, row) of everything in the journal, by id."""
        for submission_id, final, times, row in self._db.execute(
            "SELECT id, final, times, row FROM graded ORDER BY id"
        ):
            yield submission_id, final, times, json.loads(row)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place, safe from power loss, when the block succeeds."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put files into a folder, each whole or not at all, on disk when this returns."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        with atomic(folder / name) as part:
            part.write_bytes(content)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)  # the new names
    finally:
        os.close(handle)
