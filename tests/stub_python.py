"""An interpreter in which the grader says what a test wants, for scripts that start it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

SCRIPT = """#!/usr/bin/env bash
[ "$1" != -I ] || exec {python} "$@"
while [ $# -gt 0 ]; do
    [ "$1" != --reply ] || REPLY="$2"
    shift
done
mkdir -p "$REPLY"
{write}
env > {seen}
exit {status}
"""


def stub(folder: Path, status: int, name: str = "", content: str = "") -> Path:
    """`grader grade` writes one file of a reply, or none, and ends. Its environment goes to folder/seen."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "python"
    write = f'printf %s {shlex.quote(content)} > "$REPLY/{name}"' if name else ""
    seen = shlex.quote(str(folder / "seen"))
    path.write_text(SCRIPT.format(python=sys.executable, write=write, seen=seen, status=status), "utf-8")
    path.chmod(0o755)
    return path
