"""Cost of grading one submission, in units of one fresh `import tensorflow` on the same core.

    python benchmarks/grading.py [ROUNDS]

Each round imports TensorFlow in a new process once and then grades every sample submission that is
readable and ends by itself, one at a time on one core: all exercises, all cases, public and hidden.
CPU counts everything: worker, fork server and the judging in this process.
"""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from pathlib import Path

from _measure import ROOT, fresh_import, one_core, own_cpu_s, spread

from grader.context import DEVELOPMENT_SECRET, Grading
from grader.intake import find, read
from grader.pipeline import Context, grade
from grader.sandbox.pool import Zygote
from grader.types import Submission, Verdict

ENDED_BY_US = {Verdict.TIMEOUT, Verdict.CPU}


def main(rounds: int) -> None:
    one_core()
    grading = Grading(ROOT, "distillation_tf", DEVELOPMENT_SECRET)
    with Zygote("tensorflow") as sandbox:
        context = grading.context(sandbox)
        right, mixed = samples(context)
        print(f"{len(grading.cases)} cases in {len(grading.assignment.exercises)} exercises; one core")
        zygote = max(children(os.getpid()), key=cpu_s)
        imports, full, mixture, memory = [], [], [], []
        for _ in range(rounds):
            imports.append(fresh_import().cpu_s)
            full.append(measure([right] * 5, context, zygote))
            mixture.append(measure(mixed, context, zygote))
            memory.append(private_mb(right, context, zygote))
        print(f"fresh import tensorflow, CPU s:             {spread(imports)}")
        for name, costs in (("a right submission", full), (f"{len(mixed)} mixed submissions", mixture)):
            cpu, wall = [c for c, _ in costs], [w for _, w in costs]
            ratios = [c / i for c, i in zip(cpu, imports, strict=True)]
            print(f"{name}, CPU s each:   {spread(cpu)}; wall {spread(wall)}")
            print(f"    in imports of TensorFlow: {spread(ratios)}")
            print(
                f"    a core grades {statistics.median(imports) / statistics.median(cpu):.1f} in one import's time"
            )
        print(f"memory a worker adds (private, dirty), MB:  {spread(memory, '{:.0f}')}")


def samples(context: Context) -> tuple[Submission, list[Submission]]:
    """A right submission, and all that can be read and that no limit had to end."""
    entries = [read(entry) for entry in find([ROOT / "tests" / "submissions" / "distillation_tf"]).entries]
    graded = [(s, grade(s, context)) for s in entries]
    usable = [(s, g) for s, g in graded if g.run and not any(r.verdict in ENDED_BY_US for r in g.results)]
    return next(s for s, g in usable if g.grade.earned == g.grade.possible), [s for s, _ in usable]


def measure(submissions: list[Submission], context: Context, zygote: int) -> tuple[float, float]:
    """(CPU s, wall s) a submission."""
    own, forks, start, workers = own_cpu_s(), cpu_s(zygote), time.perf_counter(), 0.0
    for submission in submissions:
        graded = grade(submission, context)
        assert graded.run is not None
        workers += graded.run.cpu_s
    cpu = own_cpu_s() - own + cpu_s(zygote) - forks + workers
    return cpu / len(submissions), (time.perf_counter() - start) / len(submissions)


def children(pid: int) -> list[int]:
    """Processes that any thread of `pid` started."""
    return [int(c) for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text().split()]


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def private_mb(submission: Submission, context: Context, zygote: int) -> float:
    """The most memory that a worker had to itself while it was watched (pages shared with the zygote left out)."""
    most, over = 0.0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.is_set():
            for worker in children(zygote):
                try:
                    text = Path(f"/proc/{worker}/smaps_rollup").read_text()
                except OSError:
                    continue
                kb = sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))
                most = max(most, kb / 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    grade(submission, context)
    over.set()
    watcher.join()
    return most


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
