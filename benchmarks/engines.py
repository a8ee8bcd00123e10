"""The same class by the local engine and by Dask workers on this machine: same grades, and what Dask costs.

    python benchmarks/engines.py [SIZE]     a class of SIZE (default: 100)

Every run is the real command. Starting up (fork servers import the framework) is told apart: it is what a class of
two takes; the time by submission is what the others take on top of that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measure import ROOT
from bulk import grades, hand_in

sys.path.insert(0, str(ROOT / "tests"))  # where another engines.py lies

from dask_cluster import Cluster  # a scheduler and workers, as processes

SLUG = "distillation_tf"
FEW = 2
WORKERS = {"1 process, 2 threads": ("2",), "2 processes": ("1", "1"), "4 processes": ("1",) * 4}


def main(size: int) -> None:
    """Print a row for each way of running it. Raises AssertionError when a grade differs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hand_in(folder / "few", FEW)
        due = hand_in(folder / "class", size)
        command(folder / "few", folder / "warm", [])  # expected answers are computed and stored once
        print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
        print("engine | a class of two, s | s each | by local | load after")
        base = measured("local, 2 jobs", folder, size, due, ["-j", "2"])
        for number, (label, threads) in enumerate(WORKERS.items()):
            with Cluster(folder / f"cluster {number}") as cluster:
                names = [f"w{n}" for n in range(len(threads))]
                for own, count in zip(names, threads, strict=True):
                    cluster.worker(own, "--nthreads", count)
                cluster.ready(*names)
                options = ["--engine", "dask", "--scheduler", cluster.address]
                measured(f"dask, {label}", folder, size, due, options, base)


def measured(
    label: str, folder: Path, size: int, due: dict[str, float], options: list[str], base: float = 0.0
) -> float:
    """Grade a class of two and the whole class; returns seconds for each submission beyond the start."""
    few = command(folder / "few", folder / f"few {label}", options)
    whole = command(folder / "class", folder / f"class {label}", options)
    found = dict(grades(folder / f"class {label}"))
    assert found == due, {name: points for name, points in found.items() if due[name] != points}
    each = (whole - few) / (size - FEW)
    print(f"{label} | {few:.1f} | {each:.3f} | {each / (base or each):.2f} | {os.getloadavg()[0]:.1f}", flush=True)
    return each


def command(submissions: Path, out: Path, options: list[str]) -> float:
    """Run `grader grade`; returns its wall time, s."""
    start = time.perf_counter()
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "grader.cli", "grade", str(submissions), "-a", SLUG, "-o", str(out)),
            *("--dev-secret", "--no-train", *options),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(f"{options}: exit {ran.returncode}\n{ran.stderr[-2000:]}")
    return time.perf_counter() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
