"""grader.engines.local: as many workers as cores and memory allow. What all engines do: test_engines.py."""

import os
from pathlib import Path

import pytest

from grader.engines import local

GIB = 1024


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))


@pytest.mark.parametrize(
    ("free_mb", "worker_mb", "expected"),
    [
        (64 * GIB, 1536, 8),  # the cores are fewer
        (8 * GIB, 1536, 4),  # the memory is less
        (1 * GIB, 1536, 1),  # never none
        (None, 1536, 8),  # not known
    ],
)
def test_workers_are_bounded_by_cores_and_memory(
    free_mb: float | None, worker_mb: int, expected: int, cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "free_mb", lambda: free_mb)
    assert local.affordable(worker_mb) == expected


def test_a_containers_limit_counts_where_it_is_lower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(local, "CGROUPS", (str(limit), str(tmp_path / "absent")))
    of_the_machine = local.free_mb()
    limit.write_text(f"{100 << 20}\n")
    assert local.free_mb() == 100
    limit.write_text("max\n")
    assert of_the_machine is None or local.free_mb() == pytest.approx(of_the_machine, rel=0.5)
