"""`grader watch`: checks a notebook again whenever it is saved."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from grader.notebook import Unreadable, parse_notebook, read_bytes
from grader.types import Notebook

EVERY_S = 0.05
SETTLED = 1  # further looks at which the file is the same, before it is read: some editors write in several steps


def saves(path: Path, sleep: Callable[[float], None] = time.sleep) -> Iterator[bytes]:
    """The content of a file, now and after each save that changed its code. Waits for ever; Ctrl-C ends it.

    A file that is gone for a moment, as some editors write, is waited for.
    """
    last: tuple[Notebook | None, bytes] | None = None
    stamp, seen = None, 0
    while True:
        now = _stamp(path)
        seen = seen + 1 if now == stamp else 0
        stamp = now
        if now is not None and seen == (SETTLED if last else 0):
            content = read_bytes(path)
            code = _code(content, path.name)
            if last is None or (code, content if code is None else b"") != (last[0], last[1]):
                last = code, content if code is None else b""
                yield content
        sleep(EVERY_S)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_mtime_ns, now.st_size, now.st_ino


def _code(content: bytes, name: str) -> Notebook | None:
    """What of it could change the outcome: outputs and text cells do not. None where it cannot be read."""
    try:
        return parse_notebook(content, name)
    except Unreadable:
        return None


def clear_screen() -> None:
    """On a terminal, start at its top; the lines before stay in its history."""
    if sys.stdout.isatty():
        sys.stdout.write("\x1b[2J\x1b[H")
