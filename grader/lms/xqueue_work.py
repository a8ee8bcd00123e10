"""What an XQueue's submission is worth: its files on disk, the grader in a process of its own, the reply."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from grader.lms.records import NOT_FINAL, Refused
from grader.lms.xqueue import FILE
from grader.lms.xqueue_http import Submission

MOST_FILES = 50
PATIENCE = 20.0  # seconds from SIGTERM until the grader is killed
SECRETS = ("XQUEUE_PASSWORD", "XQUEUE_BASIC_AUTH")  # nothing that is started needs them


@dataclass(frozen=True)
class Job:
    """How the submissions of a queue are graded."""

    slug: str
    maximum: float | None = None  # points of the problem
    whole: bool = False
    seconds: float = 540.0
    options: tuple[str, ...] = ()  # for `grader grade`


def maximum_of(submission: Submission, job: Job) -> float:
    """What the problem is worth: `max_score` of its grader_payload, else what the job says.

    Raises Refused where nobody says it: Open edX takes any score as it is, above the maximum too.
    """
    told = _object(submission.payload)
    if "assignment" in told and told["assignment"] != job.slug:
        raise Refused(f"the problem wants the assignment {told['assignment']!r}, here is {job.slug!r}")
    maximum = told.get("max_score", job.maximum)
    if maximum is None:
        raise Refused("nobody says what the problem is worth: start with --max POINTS, or write "
                      '{"max_score": POINTS} into its grader_payload')  # fmt: skip
    if isinstance(maximum, bool) or not isinstance(maximum, int | float) or not 0 < maximum < 1e6:
        raise Refused(f"max_score of the grader_payload is {maximum!r}, no number above 0")
    return float(maximum)


def _object(payload: str) -> dict[str, Any]:
    try:
        told = json.loads(payload)
    except ValueError:
        if "max_score" in payload:
            raise Refused(f"the grader_payload is no JSON: {payload[:200]!r}") from None
        return {}
    return told if isinstance(told, dict) else {}


def hand_in(submission: Submission, folder: Path, fetch: Callable[[str], bytes]) -> Path:
    """Put the submission into a folder of its own. Names come from learners: none of them becomes a path.

    Raises OSError and what `fetch` raises.
    """
    folder.mkdir()
    if not submission.files:
        notebook = submission.response.lstrip().startswith("{")
        (folder / ("submission.ipynb" if notebook else "submission.py")).write_text(submission.response, "utf-8")
    for number, (name, address) in enumerate(list(submission.files.items())[:MOST_FILES]):
        path = folder / plain(name)
        path = folder / f"{number}-{path.name}" if path.exists() else path
        path.write_bytes(fetch(address))
    return folder


def plain(name: str) -> str:
    """A file name like this one, that is nothing but a file name."""
    last = PurePosixPath(name.replace("\\", "/")).name
    kept = re.sub(r"[^\w.() -]", "_", last).strip(". ")
    stem, dot, ending = kept.rpartition(".")
    return f"{stem[:80]}{dot}{ending[:20]}" if stem else (ending[:80] or "submission")


def judged(given: Path, folder: Path, job: Job) -> bytes | None:
    """The reply's body; None where there is no final grade. Raises OSError."""
    reply = folder / "reply"
    command = [sys.executable, "-m", "grader.cli", "grade", str(given), "-a", job.slug, "-o", str(folder / "out")]
    command += ["--format", "xqueue", "--reply", str(reply), *job.options]
    environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
    # A session of its own: Ctrl-C at the watcher lets the submission in hand come to its end.
    grader = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        status = _end_of(grader, job.seconds)
    finally:
        if grader.poll() is None:
            os.killpg(grader.pid, signal.SIGKILL)
            grader.wait()
    if status not in (0, NOT_FINAL):
        raise Refused(f"the grader could not do its work (exit status {status})")
    made = reply / FILE
    return made.read_bytes() if status == 0 and made.is_file() else None


def _end_of(grader: subprocess.Popen[bytes], seconds: float) -> int:
    try:
        return grader.wait(seconds)
    except subprocess.TimeoutExpired:
        grader.terminate()
    try:
        return grader.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        return NOT_FINAL  # killed by the caller
