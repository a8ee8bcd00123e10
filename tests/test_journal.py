"""grader.journal and grader.engines.local: what survives an interruption."""

import sqlite3
import threading
from pathlib import Path

import pytest

from grader.engines import local
from grader.journal import Busy, Journal, atomic


def test_only_a_final_grade_of_the_same_key_counts_as_done(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.record("kim", "v1", True, {"earned": 7})
        journal.record("lee", "v1", False, {"earned": None})
        assert journal.done("kim", "v1") == {"earned": 7}
        assert journal.done("kim", "v2") is None
        assert journal.done("lee", "v1") is None


def test_grading_again_is_counted(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.record("kim", "v1", True, {})
        journal.record("kim", "v1", True, {})
        journal.record("lee", "v1", True, {})
        journal.record("lee", "v2", True, {})
        assert [(name, times) for name, _, times, _ in journal.rows()] == [("kim", 2), ("lee", 1)]


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite"), pytest.raises(Busy, match="another grader"):
        Journal(tmp_path / "journal.sqlite")
    Journal(tmp_path / "journal.sqlite").close()


def test_rows_are_on_disk_as_soon_as_they_are_recorded(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    journal.record("김", "v1", True, {"name": "김"})
    other = sqlite3.connect(tmp_path / "journal.sqlite")
    assert other.execute("SELECT id FROM graded").fetchall() == [("김",)]
    other.close()
    journal.close()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")

    def fail() -> None:
        with atomic(target) as part:
            part.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert target.read_text() == "old"
    with atomic(target) as part:
        part.write_text("new")
    assert target.read_text() == "new"


def test_the_engine_does_everything_once_and_reads_ahead_little() -> None:
    taken: list[int] = []

    def items() -> object:
        for i in range(50):
            taken.append(i)
            yield i

    results = local.run(lambda i: i * i, items(), 2)
    first = next(results)
    assert len(taken) <= 5
    assert sorted([first, *results]) == [i * i for i in range(50)]


def test_stopping_early_drops_what_has_not_started() -> None:
    started: list[int] = []
    release = threading.Event()

    def work(i: int) -> int:
        started.append(i)
        if i:
            release.wait(5)
        return i

    results = local.run(work, range(100), 2)
    next(results)
    release.set()
    results.close()
    assert len(started) < 10
