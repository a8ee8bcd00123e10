"""`grader status`: what it says of a run, and that it never gets in a run's way."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader.commands import peek, status
from grader.commands.peek import look, writer
from grader.commands.status import Counts, duration, status_of, to_text
from grader.journal import Journal
from grader.types import FriendlyError

ROOT = Path(__file__).resolve().parent.parent
NOW = 1_000_000.0
WRITER = """
import os, sys, time
from pathlib import Path
from grader.journal import Journal
with Journal(Path(sys.argv[1]) / "journal.sqlite") as journal:
    journal.tell(slug="demo", total=4, done_at_start=1, started=time.time() - 1, finished=None, pid=os.getpid())
    journal.record("kim", "k", True, {"id": "kim"})
    journal.record("lee", "k", False, {"id": "lee"})
    print("ready", flush=True)
    sys.stdin.read()
"""


@contextmanager
def grading(out: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the journal of `out` open, having graded two of four."""
    command = [sys.executable, "-c", WRITER, str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            if process.poll() is None:
                process.communicate("")


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


# ---------------------------------------------------------------- beside a run


def test_a_run_is_seen_from_outside_and_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with grading(tmp_path) as process:
        before = files(tmp_path)
        assert status.run(tmp_path, watch=False, as_json=True) == 0
        told = json.loads(capsys.readouterr().out)
        assert files(tmp_path) == before
    assert (told["slug"], told["total"], told["done"], told["not_final"]) == ("demo", 4, 3, 1)
    assert (told["running"], told["pid"], told["last"]) == (True, process.pid, "lee")
    assert told["rate"] > 0
    assert told["eta_s"] > 0
    assert process.returncode == 0


def test_a_run_that_was_killed_is_read_as_far_as_it_came(tmp_path: Path) -> None:
    with grading(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (tmp_path / "journal.sqlite-wal").stat().st_size > 0
    seen = status.read(tmp_path)
    assert (seen.done, seen.running, seen.pid, seen.finished, seen.over) == (3, False, None, None, True)
    assert "goes on from here" in to_text(seen, seen.started or 0)
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert set(journal.keys()) == {"kim", "lee"}


def test_after_a_run_nothing_is_made_beside_the_journal(tmp_path: Path) -> None:
    with grading(tmp_path):
        pass
    before = files(tmp_path)
    assert "journal.sqlite-wal" not in before
    assert status.read(tmp_path).done == 3
    assert files(tmp_path) == before


LOOKING = """
import sys
from pathlib import Path
from grader.commands import status
print("ready", flush=True)
for _ in range(400):
    status.read(Path(sys.argv[1]))
"""


def test_who_looks_all_the_time_turns_no_run_away(tmp_path: Path) -> None:
    Journal(tmp_path / "journal.sqlite").close()
    command = [sys.executable, "-c", LOOKING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as looking:
        assert looking.stdout is not None
        looking.stdout.readline()
        rounds = 0
        while looking.poll() is None:
            with Journal(tmp_path / "journal.sqlite") as journal:  # raises Busy when turned away
                journal.record("kim", str(rounds), True, {"n": rounds})
            rounds += 1
        assert looking.stderr is not None
        assert looking.stderr.read() == ""
    assert looking.returncode == 0
    assert rounds > 3


def test_a_journal_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    Journal(tmp_path / "journal.sqlite").close()
    answers = []

    def ask(db: sqlite3.Connection) -> int:
        found = int(db.execute("SELECT count(*) FROM graded").fetchone()[0])
        if not answers:
            with Journal(tmp_path / "journal.sqlite") as journal:
                journal.record("kim", "k", True, {"text": "x" * 9000})
        answers.append(found)
        return found

    assert look(tmp_path, ask) == 1
    assert answers == [0, 1]


def test_reading_cannot_write(tmp_path: Path) -> None:
    Journal(tmp_path / "journal.sqlite").close()
    with pytest.raises(FriendlyError, match="readonly"):
        look(tmp_path, lambda db: db.execute("DELETE FROM graded"))


# ---------------------------------------------------------------- who holds the lock


@pytest.mark.skipif(not peek.LOCKS.exists(), reason="this system does not list locks")
def test_the_process_that_holds_the_lock_is_found(tmp_path: Path) -> None:
    assert writer(tmp_path, None) is None
    (tmp_path / "other").mkdir()
    with grading(tmp_path) as process, Journal(tmp_path / "other" / "journal.sqlite"):
        assert writer(tmp_path, process.pid) == process.pid
        assert writer(tmp_path / "other", os.getpid()) == os.getpid()
    assert writer(tmp_path, process.pid) is None


def test_where_locks_are_not_listed_the_process_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peek, "LOCKS", tmp_path / "none")
    assert writer(tmp_path, os.getpid()) == os.getpid()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert writer(tmp_path, gone.pid) is None
    assert writer(tmp_path, None) is None


# ---------------------------------------------------------------- what it says

RUNNING = {
    "slug": "demo",
    "engine": "local",
    "total": 100,
    "done_at_start": 20,
    "started": NOW - 100,
    "finished": None,
}


def test_rates_and_what_is_left() -> None:
    seen = status_of(Path("out"), RUNNING, Counts(60, 3, 40, 2, 30, "kim", NOW - 2), 77, NOW)
    assert (seen.done, seen.not_final, seen.pid) == (60, 2, 77)
    assert seen.rate == pytest.approx(0.4)
    assert seen.rate_last_minute == pytest.approx(0.5)
    assert seen.eta_s == pytest.approx(80)
    text = to_text(seen, NOW)
    assert "out: demo: 60 of 100 graded (60%), 2 not final" in text
    assert "running: process 77, engine local" in text
    assert "about 1 min 20 s left" in text
    assert "last graded: kim, 2 s ago" in text


def test_the_first_seconds_are_not_divided_by_a_minute() -> None:
    seen = status_of(Path("out"), {**RUNNING, "started": NOW - 10}, Counts(25, 0, 5, 0, 5), 77, NOW)
    assert seen.rate_last_minute == pytest.approx(0.5)
    just = status_of(Path("out"), {**RUNNING, "started": NOW}, Counts(20, 0, 0, 0, 0), 77, NOW)
    assert (just.rate, just.eta_s) == (0, None)


def test_a_finished_run_has_nothing_left_and_keeps_its_rate() -> None:
    told = {**RUNNING, "finished": NOW - 50, "total": 60}
    seen = status_of(Path("out"), told, Counts(60, 0, 40, 0, 40), None, NOW)
    assert (seen.running, seen.eta_s, seen.over) == (False, None, True)
    assert seen.rate == pytest.approx(0.8)
    assert "finished 50 s ago" in to_text(seen, NOW)


def test_a_journal_that_knows_nothing_of_its_run_is_still_read(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "journal.sqlite")
    db.execute("CREATE TABLE graded (id TEXT, key TEXT, final INT, row TEXT, times INT, at REAL)")
    db.execute("INSERT INTO graded VALUES ('\x1b[2Jkim', 'k', 0, '{}', 1, 5)")
    db.commit()
    db.close()
    seen = status.read(tmp_path)
    assert (seen.total, seen.done, seen.not_final, seen.started, seen.over) == (1, 1, 1, None, True)
    assert "\x1b" not in to_text(seen, NOW)


def test_watching_ends_with_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with grading(tmp_path):
        pass
    assert status.run(tmp_path, watch=True, as_json=False) == 0
    assert "3 of 4 graded" in " ".join(capsys.readouterr().out.split())
    assert status.run(tmp_path, watch=True, as_json=True) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_what_is_no_output_folder_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FriendlyError, match=r"has no .*; name the folder that `grader grade -o` wrote to"):
        status.run(tmp_path, watch=False, as_json=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (3e5, "3 days"), (-5, "0 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
