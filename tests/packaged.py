"""The small class, packed once, and laid out as a system that unpacks it would have it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from small_class import SLUG, make_root, notebook

from grader.lms import adapter
from grader.lms.packaging import Payload, payload, to_zip
from grader.lms.records import Request

SECRET = b"a secret of the tests, 32 bytes."
NO_PYTHON = "/bin/false"  # an interpreter that cannot start


@cache
def small_payload() -> Payload:
    """What every package of the small class is made of."""
    with tempfile.TemporaryDirectory() as folder:
        return payload(make_root(Path(folder) / "root"), SLUG, SECRET)


def unpacked(system: str, to: Path) -> Path:
    """The zip of a system in a folder, without any executable bit: not every system keeps them."""
    bundle = adapter(system).package(small_payload(), Request())
    with zipfile.ZipFile(io.BytesIO(to_zip(bundle))) as archive:
        archive.extractall(to)
    return to


def hand_in(folder: Path, kind: str, name: str = f"{SLUG}.ipynb") -> None:
    """A learner's notebook, or something else, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(notebook(kind))


def environment(python: str = sys.executable, **more: str) -> Mapping[str, str]:
    """Little of ours, as in a container. `python`: what install.sh would have made."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "GRADER_PYTHON": python, "GRADER_SECONDS": "100", **more}


def answers(folder: Path) -> list[str]:
    """Files below a folder that no learner may see: the reference, the secret, what hidden cases expect."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = [path for path in files if {"reference", ".grader"} & {*path.relative_to(folder).parts}]
    secret = [path for path in files if SECRET in path.read_bytes()]
    return sorted({path.relative_to(folder).as_posix() for path in (*found, *secret)})


def started(
    command: list[str], cwd: Path, env: Mapping[str, str], **more: object
) -> subprocess.CompletedProcess[bytes]:
    """A system's own command, to its end."""
    return subprocess.run(command, cwd=cwd, env=dict(env), capture_output=True, check=False, timeout=300, **more)  # type: ignore[call-overload,no-any-return]
