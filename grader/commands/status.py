"""`grader status`: how far a run is, told from another terminal."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from grader.commands import OK
from grader.commands.peek import about, look, writer
from grader.plaintext import clean

MINUTE = 60.0
EVERY_S = 1.0


@dataclass(frozen=True)
class Counts:
    """What the journal holds. Times in seconds since 1970."""

    graded: int  # all that it holds, also of earlier runs
    waiting: int  # of these not final
    here: int  # graded since the run began
    here_waiting: int
    lately: int  # graded within the last minute of the run
    last: str = ""
    last_at: float | None = None


@dataclass(frozen=True)
class Status:
    """One look at a run. Rates in submissions a second; None where nothing can be said."""

    out: str
    slug: str
    engine: str
    total: int
    done: int
    not_final: int
    rate_last_minute: float | None
    rate: float | None
    eta_s: float | None
    running: bool
    pid: int | None
    started: float | None
    finished: float | None
    last: str
    last_at: float | None

    @property
    def over(self) -> bool:
        """Nothing more will come by itself."""
        return self.finished is not None or not self.running


def run(out: Path, *, watch: bool, as_json: bool) -> int:
    """Print one look, or with `watch` one every second until the run has finished or stopped."""
    status = read(out)
    if as_json or not watch:
        _print(status, as_json)
        while watch and not status.over:
            time.sleep(EVERY_S)
            status = read(out)
            _print(status, as_json)
        return OK
    with Live(console=Console(highlight=False), refresh_per_second=4) as live:
        live.update(Text(to_text(status, time.time())))
        while not status.over:
            time.sleep(EVERY_S)
            status = read(out)
            live.update(Text(to_text(status, time.time())))
    return OK


def read(out: Path, now: float | None = None) -> Status:
    """One look. Raises FriendlyError where there is no output folder."""
    now = time.time() if now is None else now
    told, counts = look(out, lambda db: _ask(db, now))
    return status_of(out, told, counts, writer(out, told.get("pid")), now)


def _ask(db: sqlite3.Connection, now: float) -> tuple[dict[str, Any], Counts]:
    told = about(db)
    started = told.get("started") or 0.0
    since = max((told.get("finished") or now) - MINUTE, started)
    numbers = db.execute(
        "SELECT count(*), total(final = 0), total(at >= ?), total(at >= ? AND final = 0), total(at >= ?) "
        "FROM graded",
        (started, started, since),
    ).fetchone()
    last = db.execute("SELECT id, at FROM graded ORDER BY at DESC LIMIT 1").fetchone() or ("", None)
    graded, waiting, here, here_waiting, lately = (int(number) for number in numbers)
    return told, Counts(graded, waiting, here, here_waiting, lately, *last)


def status_of(out: Path, told: Mapping[str, Any], counts: Counts, pid: int | None, now: float) -> Status:
    """What that means, at the time `now`."""
    started, finished = told.get("started"), told.get("finished")
    if started is None:  # of a grader that told nothing of its runs
        total, done, waiting = counts.graded, counts.graded, counts.waiting
    else:
        total = int(told.get("total") or 0)
        done, waiting = min(total, int(told.get("done_at_start") or 0) + counts.here), counts.here_waiting
    running = pid is not None and finished is None
    rate = lately = None
    if started is not None and (running or finished is not None):
        seconds = max((finished or now) - started, EVERY_S)
        rate = counts.here / seconds
        lately = counts.lately / min(seconds, MINUTE)
    speed = lately or rate
    eta = (total - done) / speed if running and speed else None
    return Status(
        str(out), str(told.get("slug") or ""), str(told.get("engine") or ""), total, done, waiting, lately, rate,
        eta, running, pid if running else None, started, finished, counts.last, counts.last_at,
    )  # fmt: skip


def _print(status: Status, as_json: bool) -> None:
    text = json.dumps(asdict(status), ensure_ascii=False) if as_json else to_text(status, time.time())
    print(text, flush=True)


def to_text(status: Status, now: float) -> str:
    """A few lines for a person."""
    share = f" ({status.done / status.total:.0%})" if status.total else ""
    waiting = f", {status.not_final} not final" if status.not_final else ""
    name = f"{status.slug}: " if status.slug else ""
    lines = [f"{clean(status.out)}: {name}{status.done} of {status.total} graded{share}{waiting}"]
    if status.running:
        engine = f", engine {status.engine}" if status.engine else ""
        lines.append(f"running: process {status.pid}{engine}")
    elif status.finished is not None:
        lines.append(f"finished {duration(now - status.finished)} ago")
    elif status.started is not None:
        lines.append("stopped, or running on another machine: the same `grader grade` command goes on from here")
    if status.rate is not None and status.rate_last_minute is not None:
        left = f"; about {duration(status.eta_s)} left" if status.eta_s is not None else ""
        lately = f"{status.rate_last_minute:.2g} a second in the last minute, " if status.running else ""
        lines.append(f"{lately}{status.rate:.2g} a second over all{left}")
    if status.last_at is not None:
        lines.append(f"last graded: {clean(status.last, 80)}, {duration(now - status.last_at)} ago")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """5 s, 3 min 20 s, 2 h 5 min, 3 days."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} days"
