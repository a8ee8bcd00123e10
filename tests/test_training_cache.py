"""grader.training.cache and `grader cache`: what is finished is kept, and a bad file never stops the grading."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from grader.training.cache import FILE, Cache, Stored, Usage, key

ROOT = Path(__file__).resolve().parent.parent


def run_of(seed: int = 0, kind: str = "learner", weights: bool = False) -> Stored:
    rng = np.random.default_rng(seed)
    return Stored(
        kind,
        {"function": "손실", "seed": seed},
        rng.integers(0, 10, (3, 797), np.uint8),
        rng.random(60, np.float32),
        rng.random(50, np.float32) if weights else None,
        1.5,
    )


def same(one: Stored | None, other: Stored) -> bool:
    if one is None:
        return False
    pairs = ((one.predictions, other.predictions), (one.curve, other.curve))
    weights = (
        one.weights is None if other.weights is None else np.array_equal(one.weights, other.weights)  # type: ignore[arg-type]
    )
    arrays = all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)
    return (
        arrays and bool(weights) and (one.kind, one.about, one.seconds) == (other.kind, other.about, other.seconds)
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / FILE


# ---------------------------------------------------------------- what is kept


def test_a_run_comes_back_as_it_was_also_after_reopening(path: Path) -> None:
    with Cache(path) as runs:
        assert runs.get("a") is None
        runs.put("a", run_of(1))
        runs.put("b", run_of(2, "teacher", weights=True))
        assert same(runs.get("a"), run_of(1))
    with Cache(path) as runs:
        assert same(runs.get("a"), run_of(1))
        assert same(runs.get("b"), run_of(2, "teacher", weights=True))
        assert runs.get("c") is None
        assert not runs.warning


def test_without_a_file_runs_live_as_long_as_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Cache(None) as runs:
        runs.put("a", run_of(1))
        assert same(runs.get("a"), run_of(1))
        assert not runs.warning
    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_reads_the_file(path: Path) -> None:
    with Cache(path) as runs:
        runs.put("a", run_of())
        for file in path.parent.glob("training.sqlite*"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_same_key_again_replaces(path: Path) -> None:
    with Cache(path) as runs:
        runs.put("a", run_of(1))
        runs.put("a", run_of(2))
        assert same(runs.get("a"), run_of(2))
        assert runs.stats()[0].count == 1


def test_a_killed_process_keeps_every_finished_run(path: Path) -> None:
    done = python(
        f"runs = Cache(Path({str(path)!r}))\n"
        "for seed in range(5): runs.put(str(seed), run_of(seed))\n"
        "os.kill(os.getpid(), 9)"
    )
    assert done.wait(60) == -signal.SIGKILL
    with Cache(path) as runs:
        assert all(same(runs.get(str(seed)), run_of(seed)) for seed in range(5))
        assert not runs.warning


def python(code: str) -> subprocess.Popen[str]:
    """Another process with this file's names."""
    head = "import os\nfrom pathlib import Path\nfrom test_training_cache import Cache, run_of\n"
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    return subprocess.Popen([sys.executable, "-c", head + code], env=env, stdout=subprocess.PIPE, text=True)


def test_processes_that_open_and_write_at_once_lose_nothing(path: Path) -> None:
    path.parent.mkdir(parents=True)
    go = path.parent / "go"  # all have imported everything before the first opens the file
    code = (
        f"print('ready', flush=True)\nwhile not os.path.exists({str(go)!r}): pass\n"
        f"runs = Cache(Path({str(path)!r}))\n"
        "for n in range(20): runs.put(f'{NAME} {n}', run_of(n))\n"
        "print(runs.warning)"
    )
    others = [python(f"NAME = {name}\n{code}") for name in range(4)]
    for other in others:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
    go.touch()
    assert [other.communicate(timeout=120)[0].strip() for other in others] == [""] * 4
    with Cache(path) as runs:
        assert all(same(runs.get(f"{name} {n}"), run_of(n)) for name in range(4) for n in range(20))


def test_threads_share_one_cache(path: Path) -> None:
    with Cache(path) as runs, ThreadPoolExecutor(8) as pool:

        def work(n: int) -> bool:
            runs.put(str(n), run_of(n))
            return same(runs.get(str(n)), run_of(n))

        assert all(pool.map(work, range(80)))
        assert runs.stats()[0].count == 80


def test_keys_differ_when_parts_differ() -> None:
    parts = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("c", "ab"), ('a","b',), ("가",)]
    assert len({key(*each) for each in parts}) == len(parts)
    assert key("a", "b") == key("a", "b")
    assert len(key()) == 64


# ---------------------------------------------------------------- bad files


def garbage(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def holes(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def other_table(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE runs (key TEXT, colour TEXT)")


@pytest.mark.parametrize("damage", [garbage, cut_off, holes, a_folder, other_table])
def test_a_damaged_file_costs_the_stored_runs_and_nothing_else(path: Path, damage: Callable[[Path], None]) -> None:
    with Cache(path) as runs:
        for n in range(30):
            runs.put(str(n), run_of(n))
    damage(path)
    with Cache(path) as runs:
        for n in range(30):
            found = runs.get(str(n))
            assert found is None or same(found, run_of(n))
        runs.put("new", run_of(99))
        assert same(runs.get("new"), run_of(99))
        runs.stats()
        assert "grader cache clear --training" in runs.warning
        assert str(path) in runs.warning


def test_numbers_that_changed_on_disk_are_not_believed(path: Path) -> None:
    """SQLite does not notice one changed digit of a prediction; a grade would."""
    with Cache(path) as runs:
        runs.put("a", run_of(1))
        runs.put("b", run_of(2))
    content = path.read_bytes()
    at = content.index(run_of(1).predictions.tobytes()[:50])
    path.write_bytes(content[:at] + b"\x0b" + content[at + 1 :])
    with Cache(path) as runs:
        assert runs.get("a") is None
        assert same(runs.get("b"), run_of(2))
        runs.put("a", run_of(1))
        assert same(runs.get("a"), run_of(1))


def test_one_that_cannot_be_written_warns_and_works_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with Cache(tmp_path / "file" / "training.sqlite") as runs:
        assert runs.warning
        runs.put("a", run_of())
        assert same(runs.get("a"), run_of())


def test_a_disk_that_fills_up_while_grading(path: Path) -> None:
    with Cache(path) as runs:
        runs.put("a", run_of(1))
        runs._db.execute("PRAGMA max_page_count = 6")
        for n in range(20):
            runs.put(str(n), run_of(n))
        assert "full" in runs.warning
        assert same(runs.get("19"), run_of(19))
    with Cache(path) as runs:
        assert same(runs.get("a"), run_of(1))
        assert not runs.warning


# ---------------------------------------------------------------- once


def test_threads_that_want_the_same_run_make_it_once() -> None:
    made, inside = [], threading.Event()

    def make() -> Stored:
        made.append(1)
        inside.wait(0.2)  # long enough for the others to come
        return run_of(1)

    with Cache(None) as runs, ThreadPoolExecutor(6) as pool:
        found = [future.result() for future in [pool.submit(runs.once, "a", make) for _ in range(6)]]
    assert len(made) == 1
    assert all(same(each, run_of(1)) for each in found)


def test_different_runs_are_made_at_the_same_time() -> None:
    together = threading.Barrier(2, timeout=30)  # passes only when two threads are inside

    def make() -> Stored:
        together.wait()
        return run_of()

    with Cache(None) as runs, ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(runs.once, name, make) for name in "ab"]:
            future.result()
        assert runs.stats()[0].count == 2


def test_what_failed_is_tried_again() -> None:
    def fail() -> Stored:
        raise RuntimeError("killed")

    with Cache(None) as runs:
        with pytest.raises(RuntimeError, match="killed"):
            runs.once("a", fail)
        assert same(runs.once("a", lambda: run_of(3)), run_of(3))
        assert same(runs.once("a", fail), run_of(3))


def test_a_thread_may_need_what_it_already_holds() -> None:
    with Cache(None) as runs, runs.locked("a"):
        assert same(runs.once("a", lambda: runs.once("a", run_of)), run_of())


# ---------------------------------------------------------------- show and clear


def test_stats_and_clear_go_by_kind(path: Path) -> None:
    with Cache(path) as runs:
        runs.put("t", run_of(0, "teacher", weights=True))
        for n in range(3):
            runs.put(f"s{n}", run_of(n, "scratch"))
        size = 3 * 797 + 60 * 4
        assert runs.stats() == (Usage("scratch", 3, 3 * size), Usage("teacher", 1, size + 200))
        assert runs.clear("scratch") == 3
        assert runs.stats() == (Usage("teacher", 1, size + 200),)
        assert runs.clear("scratch") == 0
        assert runs.clear() == 1
        assert runs.stats() == ()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A root with a secret, expected answers and training runs."""
    (tmp_path / "assignments").mkdir()
    with Cache(tmp_path / FILE) as runs:
        runs.put("t", run_of(0, "teacher", weights=True))
        for n in range(200):
            runs.put(str(n), run_of(n))
    (tmp_path / ".grader" / "secret").write_text("s3cret")
    (tmp_path / FILE).with_name("demo-1234.npz").write_bytes(bytes(2_500_000))
    return tmp_path


def grader(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "GRADER_ROOT": str(root), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "grader.cli", "cache", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=settings, check=False)


def rows(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """First words of a line -> the rest."""
    assert done.returncode == 0, done.stderr
    return {line[2:26].strip(): line[26:].split() for line in done.stdout.splitlines() if line.startswith("  ")}


def test_show_says_how_much_of_what_is_kept(kept: Path) -> None:
    before = sorted(kept.rglob("*"))
    shown = rows(grader(kept))
    assert shown["expected answers"] == ["1", "2.5", "MB"]
    assert shown["trained teachers"] == ["1", "2.8", "kB"]
    assert shown["runs without a teacher"] == ["0", "0", "B"]
    assert shown["runs of learners"] == ["200", "526.2", "kB"]
    assert sorted(kept.rglob("*")) == before
    assert set(rows(grader(kept, "show", "--answers"))) == {"expected answers"}


def test_clear_removes_all_but_the_secret(kept: Path) -> None:
    done = grader(kept, "clear")
    assert "200" in done.stdout
    assert rows(done)["expected answers"] == ["1", "2.5", "MB", "removed"]
    assert (kept / FILE).stat().st_size < 50_000
    assert not [*kept.rglob("*.npz")]
    assert (kept / ".grader" / "secret").read_text() == "s3cret"
    assert all(row[0] == "0" for name, row in rows(grader(kept)).items() if name != "training runs, on disk")


@pytest.mark.parametrize("part", ["--answers", "--training"])
def test_clear_removes_only_the_part_that_is_named(kept: Path, part: str) -> None:
    assert rows(grader(kept, "clear", part))
    left = rows(grader(kept))
    assert left["expected answers"][0] == ("0" if part == "--answers" else "1")
    assert left["runs of learners"][0] == ("200" if part == "--answers" else "0")


def test_clear_removes_a_file_that_cannot_be_read(kept: Path) -> None:
    garbage(kept / FILE)
    assert "not a database" in grader(kept).stdout
    assert grader(kept, "clear", "--training").returncode == 0
    assert not (kept / FILE).exists()
    assert "not a database" not in grader(kept).stdout
    with Cache(kept / FILE) as runs:
        assert not runs.warning


def test_nothing_kept_is_no_error_and_makes_no_file(tmp_path: Path) -> None:
    (tmp_path / "assignments").mkdir()
    for action in ("show", "clear"):
        assert rows(grader(tmp_path, action))["runs of learners"][0] == "0"
    assert [path.name for path in tmp_path.iterdir()] == ["assignments"]


def test_usage_of_the_command(tmp_path: Path) -> None:
    told = grader(tmp_path, "--help")
    assert told.returncode == 0
    assert "grader cache clear --training" in told.stdout.split("example")[1]
    assert grader(tmp_path, "remove").returncode == 2
    assert grader(tmp_path).returncode == 2  # $GRADER_ROOT holds no assignments/
