"""Reads the journal of an output folder without ever writing to it, locking it or keeping a writer waiting."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from grader.journal import FILE
from grader.types import FriendlyError

LOCKS = Path("/proc/locks")
TRIES = 5
T = TypeVar("T")


def look(out: Path, ask: Callable[[sqlite3.Connection], T]) -> T:
    """The answer of `ask`, which should read quickly. Raises FriendlyError where there is no journal to read.

    SQLite needs the files of the write-ahead log to read beside a writer, and would make them where nobody
    writes. Then the file is opened as one that does not change, and read again should it have changed.
    """
    path = out / FILE
    if not path.is_file():
        what = "is no folder" if not out.is_dir() else f"has no {FILE}"
        raise FriendlyError(f"{out}: {what}; name the folder that `grader grade -o` wrote to")
    log = path.with_name(f"{FILE}-wal")
    for _ in range(TRIES):
        written, before = log.exists(), _stamp(path)
        mode = "mode=ro" if written else "mode=ro&immutable=1"
        try:
            with closing(sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, timeout=5)) as db:
                answer = ask(db)
        except sqlite3.Error as fault:
            if written == log.exists() and (written or before == _stamp(path)):
                raise FriendlyError(f"{path}: {fault}") from fault
            continue
        if written or (not log.exists() and before == _stamp(path)):
            return answer
    raise FriendlyError(f"{path}: changes too fast to be read; try again")


def _stamp(path: Path) -> tuple[int, int]:
    now = path.stat()
    return now.st_mtime_ns, now.st_size


def about(db: sqlite3.Connection) -> dict[str, Any]:
    """What the last run told of itself; empty for a journal that knows nothing of it."""
    known = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return {k: json.loads(v) for k, v in db.execute("SELECT key, value FROM run")} if "run" in known else {}


def writer(out: Path, told: int | None) -> int | None:
    """The process that grades into `out` on this machine, None without one. `told`: which it said it is.

    The lock is looked up and not tried: whoever tries it holds it for a moment, and a grader that starts just
    then would be turned away.
    """
    try:
        locks = LOCKS.read_text().splitlines()
        lock = (out / FILE).with_suffix(".lock").stat()
    except OSError:
        return told if told is not None and not LOCKS.exists() and _alive(told) else None
    device = f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}"
    for line in locks:  # "1: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF"
        fields = line.split()
        if len(fields) < 6 or fields[1] != "FLOCK" or fields[-3].rpartition(":")[2] != str(lock.st_ino):
            continue
        pid = int(fields[-4])
        if pid == told or fields[-3].startswith(f"{device}:"):
            return pid
    return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
