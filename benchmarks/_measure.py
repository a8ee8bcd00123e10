"""Shared by the benchmarks: one core, CPU and wall time of whole processes, medians."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# As in the sandbox's fork server, so that both sides of a ratio import the same thing.
QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Cost:
    """What one process cost."""

    cpu_s: float
    wall_s: float
    memory_mb: float


def one_core() -> None:
    """Keep this process and what it starts on one core."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def process(argv: Sequence[str], codes: Sequence[int] = (0,)) -> Cost:
    """Run a command and wait for it. Raises RuntimeError on an exit code that is not in `codes`."""
    start = time.perf_counter()
    child = subprocess.Popen(argv, env={**os.environ, **QUIET}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in codes:
        raise RuntimeError(f"{argv}: exit {child.returncode}\n{said.decode(errors='replace')[-2000:]}")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss / 1024)


def fresh_import(framework: str = "tensorflow") -> Cost:
    """A new interpreter that imports the framework and does nothing with it."""
    return process([sys.executable, "-c", f"import {framework}"])


def own_cpu_s() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def spread(values: Sequence[float], form: str = "{:.3f}") -> str:
    """median (min to max) for a table."""
    parts = (statistics.median(values), min(values), max(values))
    return "{} ({} to {})".format(*(form.format(v) for v in parts))
