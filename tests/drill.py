"""The fault drill: a class is graded while the grader, its fork server and its workers are killed at random.

    python tests/drill.py [KILLS]     `make drill`: 200

Rounds of a small class, each with a fresh output folder, until enough was killed; every second round on a Dask
cluster of three worker processes, which are killed as well and replaced. After each round every submission must
have been graded exactly once, with the grade that it must get.
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from small_class import SLUG, hand_in, make_root

SIZE = 60  # submissions of a round
# The fork server, or what looks for protection before it, was killed before the first submission.
REFUSED = ("did not start", "cannot be isolated here", "Strangers' code needs", "before it ran anything")
ON_DASK = ("dask worker", "dask worker", "grader", "interrupt", "zygote", "worker")
TARGETS = ("grader", "grader", "interrupt", "zygote", "worker", "worker", "worker")


@dataclass
class Drilled:
    """What came of a drill."""

    kills: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    starts: int = 0
    submissions: int = 0
    not_final_for_a_while: int = 0
    refused_starts: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return (
            f"{sum(self.kills.values())} kills ({told}) in {self.rounds} rounds, {self.starts} starts, "
            f"{self.submissions} submissions, {self.not_final_for_a_while} runs ended with something not final, "
            f"{self.refused_starts} refused to start; faults: {len(self.faults)}"
        )


def drill(kills: int, folder: Path, seed: int, size: int = SIZE, *, dask: bool = False) -> Drilled:
    """Kill `kills` times. Everything random comes from `seed`, but not the moment in the grader's work."""
    chance, done = random.Random(seed), Drilled()
    root = make_root(folder / "root")
    due = hand_in(folder / "class", size)
    while sum(done.kills.values()) < kills:
        out = folder / f"out{done.rounds}"
        command = [
            *(sys.executable, "-m", "grader.cli", "grade", str(folder / "class"), "-a", SLUG, "-o", str(out)),
            *("--dev-secret", "-j", "2"),
        ]
        with ExitStack() as stack:
            cluster = None
            if dask and done.rounds % 2:
                cluster = stack.enter_context(_cluster(folder / f"cluster{done.rounds}"))
                command += ["--engine", "dask", "--scheduler", cluster.address]
            _round(command, out, {**os.environ, "GRADER_ROOT": str(root)}, chance, done, kills, cluster)
        done.rounds += 1
        done.submissions += size
        done.faults += [f"round {done.rounds}: {fault}" for fault in _faults(out, due)]
    return done


def _cluster(folder: Path) -> Any:
    from dask_cluster import Cluster

    cluster = Cluster(folder)
    for number in range(3):
        cluster.worker(f"w{number}")
    return cluster.ready("w0", "w1", "w2")


def _round(
    command: list[str],
    out: Path,
    environ: dict[str, str],
    chance: random.Random,
    done: Drilled,
    kills: int,
    cluster: Any,
) -> None:
    """Run the same command again and again until it says that everything is final."""
    while True:
        process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        done.starts += 1
        while process.poll() is None and sum(done.kills.values()) < kills:
            # Most of the time is Python's own start otherwise; one in five may come then.
            at_work = chance.random() > 0.2
            while at_work and process.poll() is None and _writer(out) != process.pid:
                time.sleep(0.005)
            before = _graded(out)
            patience = time.monotonic() + chance.uniform(0.0, 1.0)
            while process.poll() is None and time.monotonic() < patience and _graded(out) < before + 12:
                time.sleep(0.005)  # the moment of the kill is what is random
            target = chance.choice(ON_DASK if cluster else TARGETS)
            # While Python itself starts, Ctrl-C ends it before a line of ours runs.
            target = "grader" if target == "interrupt" and _writer(out) != process.pid else target
            _kill(process, target, done, [worker.pid for worker in cluster.alive] if cluster else [])
            if target == "dask worker":
                cluster.worker(f"again{sum(done.kills.values())}")
        told = process.communicate(timeout=600)[1].decode()
        if process.returncode == 0:
            return
        if process.returncode == 3:
            done.not_final_for_a_while += 1
        elif process.returncode == 2 and any(word in told for word in REFUSED):
            done.refused_starts += 1
        elif process.returncode not in (-signal.SIGKILL, 130):
            done.faults.append(f"exit status {process.returncode}: {told[-2000:]}")
            return


def _kill(process: subprocess.Popen[bytes], target: str, done: Drilled, dask: list[int]) -> None:
    for pid in _victims(process, target, dask)[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT if target == "interrupt" else signal.SIGKILL)
            done.kills[target] += 1


def _victims(process: subprocess.Popen[bytes], target: str, dask: list[int]) -> list[int]:
    if target in ("grader", "interrupt"):
        return [process.pid]
    if target == "dask worker":
        return dask[:1]
    hosts = dask or [process.pid]
    if target == "zygote":
        return [zygote for host in hosts for zygote in _children(host)]
    found: list[int] = []
    patience = time.monotonic() + 0.5
    while not found and process.poll() is None and time.monotonic() < patience:  # a worker lives for milliseconds
        found = [worker for host in hosts for zygote in _children(host) for worker in _descendants(zygote)]
    return found[-1:]


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, task.read_text().split())


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _descendants(child)


def _ask(out: Path, query: str) -> list[Any]:
    try:
        with closing(sqlite3.connect(f"file:{out / 'journal.sqlite'}?mode=ro", uri=True)) as journal:
            return journal.execute(query).fetchall()
    except sqlite3.OperationalError:  # not there yet
        return []


def _rows(out: Path) -> list[tuple[str, int, int, str]]:
    return _ask(out, "SELECT id, final, times, row FROM graded")


def _writer(out: Path) -> int:
    """The process that grades into `out`, or did so last."""
    return int(next((value for (value,) in _ask(out, "SELECT value FROM run WHERE key = 'pid'")), 0))


def _graded(out: Path) -> int:
    return len(_rows(out))


def _faults(out: Path, due: dict[str, float]) -> Iterator[str]:
    """What must never happen."""
    rows = {name: (final, times, json.loads(row)) for name, final, times, row in _rows(out)}
    yield from (f"{name}: lost" for name in due.keys() - rows.keys())
    yield from (f"{name}: nobody handed that in" for name in rows.keys() - due.keys())
    for name, (final, times, row) in rows.items():
        if not final:
            yield f"{name}: not final in the end"
        elif times != 1:
            yield f"{name}: graded {times} times"
        elif row["earned"] != due.get(name):
            yield f"{name}: {row['earned']} in place of {due.get(name)}"
        elif json.loads((out / name / "result.json").read_text("utf-8"))["earned"] != row["earned"]:
            yield f"{name}: result.json says something else"
    try:
        table = (out / "grades.csv").read_text("utf-8-sig")
    except OSError as missing:
        yield f"no grades.csv: {missing}"
        return
    told = {row["id"]: row["earned"] for row in csv.DictReader(table.splitlines())}
    yield from (f"{name}: {told.get(name)} in grades.csv" for name in due if told.get(name) != f"{due[name]:g}")


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as place:
        result = drill(wanted, Path(place), seed=time.time_ns(), dask=find_spec("distributed") is not None)
    print(result, *result.faults, sep="\n")
    sys.exit(bool(result.faults))
