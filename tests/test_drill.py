"""Kills at random, a full disk, a folder that cannot be written: nothing is lost and no grade is wrong."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from drill import _faults, drill
from small_class import SLUG, hand_in, make_root

KILLS = 14  # `make drill` makes 200


def test_random_kills_lose_nothing_and_change_no_grade(tmp_path: Path) -> None:
    result = drill(KILLS, tmp_path, seed=int(os.environ.get("GRADER_DRILL_SEED", "20")), size=40)
    assert result.faults == [], result
    assert sum(result.kills.values()) == KILLS
    assert len(result.kills) >= 3, result


Mount = Callable[..., Path]


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mount]:
    """A small file system of its own, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    up = False

    def mount(*options: str) -> Path:
        nonlocal up
        how = ",".join(("remount", *options) if up else options)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", how, "grader-test", str(place)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"NOT TESTED: no file system can be mounted here: {done.stderr.decode().strip()}")
        up = True
        return place

    yield mount
    if up:
        subprocess.run(["umount", "-l", str(place)], check=True)


class Class:
    """A small class and the command that grades it."""

    def __init__(self, folder: Path) -> None:
        self.due = hand_in(folder / "class", 30)
        self.root = make_root(folder / "root")
        self._submissions = folder / "class"

    def grade(self, out: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "grader.cli", "grade", str(self._submissions), "-o", str(out)]
        return subprocess.run(
            [*command, "-a", SLUG, "--dev-secret", "-j", "2"],
            env={**os.environ, "GRADER_ROOT": str(self.root)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture
def small(tmp_path: Path) -> Class:
    return Class(tmp_path)


def test_a_full_disk_is_told_and_the_same_command_goes_on(small: Class, mounted: Mount) -> None:
    out = mounted("size=512k") / "out"
    full = small.grade(out)
    assert full.returncode == 2
    assert "No space left" in full.stderr or "disk is full" in full.stderr
    assert "Traceback" not in full.stderr
    assert "same command" in full.stderr
    mounted("size=64m")
    after = small.grade(out)
    assert after.returncode == 0, after.stderr
    assert "already graded and unchanged" in after.stderr
    assert list(_faults(out, small.due)) == []
    assert not list(out.rglob("*.part"))


def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_graded(small: Class, mounted: Mount) -> None:
    place = mounted("size=1m")
    (place / "out").mkdir()
    mounted("ro")
    done = small.grade(place / "out")
    assert done.returncode == 2
    assert "Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr
    mounted("rw", "size=64m")
    assert small.grade(place / "out").returncode == 0
    assert list(_faults(place / "out", small.due)) == []
