"""The Slurm engine with a stand-in for `sbatch` that runs jobs here and now. Slurm itself was tried by hand."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import PATIENCE_S, Shop, Toy, differences, noted, task, until

from grader.engines.slurm import open_slurm
from grader.types import FriendlyError

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
pytest.importorskip("dask_jobqueue")
pytest.importorskip("cryptography")

SBATCH = """#!/bin/sh
# The last argument is the job's script; the process that runs it is the job.
for script; do :; done
sh "$script" > "$HOME/job.$$" 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
pkill -TERM -P "$1"
kill "$1"
"""


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    (tmp_path / "toy").mkdir()
    return Toy(str(tmp_path / "toy"))


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home folder of somebody who can submit jobs."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    tests = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{tests.parent}:{tests}")
    job = {"cores": 1, "memory": "1GB", "scheduler-options": {"host": "127.0.0.1"}, "interface": "lo"}
    with dask.config.set({f"jobqueue.slurm.{name}": value for name, value in job.items()}):
        yield tmp_path


def test_jobs_do_the_work_and_only_who_has_the_certificates_gets_in(slurm: Path, toy: Toy) -> None:
    tasks = [task(n) for n in range(12)]
    said: list[str] = []
    with open_slurm(toy, 2, patience_s=PATIENCE_S, say=said.append) as engine:
        outcomes = list(engine.map(tasks))
        (folder,) = slurm.glob(".grader-slurm-*")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o600}
        address = engine.address
        assert address.startswith("tls://")
        with pytest.raises((OSError, TypeError)):
            distributed.Client(address.replace("tls://", "tcp://"), timeout=2, set_as_default=False)
        with pytest.raises((OSError, TypeError)):
            distributed.Client(address, timeout=2, set_as_default=False, security=strangers())
    assert not differences(outcomes, [Shop(toy).perform(t) for t in tasks])
    assert "2 workers" in said[0]
    assert not list(slurm.glob(".grader-slurm-*"))
    until(lambda: not any(alive(pid) for pid in noted(toy.folder, "opened")))


def strangers() -> object:
    """Certificates of somebody else."""
    return distributed.Security.temporary()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_without_settings_it_is_said_what_to_set(slurm: Path, toy: Toy) -> None:
    with (
        dask.config.set({"jobqueue.slurm.cores": None}),
        pytest.raises(FriendlyError, match="cores"),
        open_slurm(toy, 1),
    ):
        pass


def test_without_slurm_it_is_said(slurm: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FriendlyError, match="sbatch"), open_slurm(toy, 1):
        pass
    assert not list(slurm.glob(".grader-slurm-*"))
