"""What a Gradescope container must have: memory and time of its `run_autograder`, by container size.

python benchmarks/container.py [ASSIGNMENT] [ROUNDS]

Makes the package, unpacks it, lets it grade the assignment's own solution once (as setup.sh does), and then
grades a right submission in control groups of the sizes that Gradescope offers, each time from a fresh copy. Needs
root and writable control groups (version 1 or 2): elsewhere memory is sampled and nothing is limited.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from _measure import ROOT, fresh_import, spread

from grader.lms import gradescope
from grader.lms.packaging import payload, to_zip
from grader.lms.records import Request
from grader.spec import load_assignment

SIZES = ((0.5, 768), (1.0, 1536), (2.0, 3072))  # processors, MiB
CGROUPS = Path("/sys/fs/cgroup")
SAMPLE_S = 0.02


@dataclass(frozen=True)
class Cost:
    """Of one run."""

    wall_s: float
    cpu_s: float
    held_mb: float  # that cannot be given back: what a limit kills for
    all_mb: float  # with the files that are mapped and cached
    killed: int  # processes, for lack of memory
    score: float | None
    possible: float


class Box:
    """Control groups of one size. Use in `with`."""

    def __init__(self, processors: float, memory_mb: int) -> None:
        self.unified = (CGROUPS / "cgroup.controllers").exists()
        name = f"grader-bench-{os.getpid()}"
        self.cpu = CGROUPS / name if self.unified else CGROUPS / "cpu" / name
        self.memory = CGROUPS / name if self.unified else CGROUPS / "memory" / name
        self.usage = self.cpu if self.unified else CGROUPS / "cpuacct" / name
        self.groups = {self.cpu, self.memory, self.usage}
        self.processors, self.bytes = processors, memory_mb << 20

    def __enter__(self) -> Box:
        for group in self.groups:
            group.mkdir()
        quota = int(100_000 * self.processors)
        if self.unified:
            (self.cpu / "cpu.max").write_text(f"{quota} 100000")
            (self.memory / "memory.max").write_text(str(self.bytes))
        else:
            (self.cpu / "cpu.cfs_period_us").write_text("100000")
            (self.cpu / "cpu.cfs_quota_us").write_text(str(quota))
            (self.memory / "memory.limit_in_bytes").write_text(str(self.bytes))
        return self

    def __exit__(self, *_: object) -> None:
        for group in self.groups:
            for _attempt in range(100):  # the last processes take a moment to go
                try:
                    group.rmdir()
                    break
                except OSError:
                    time.sleep(0.05)

    def enter(self) -> None:
        """In the child, before it starts anything."""
        for group in self.groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def held(self) -> tuple[float, float]:
        """MiB now: anonymous, shared and kernel memory; and all that is charged."""
        stat = dict(line.split() for line in (self.memory / "memory.stat").read_text().splitlines())
        if self.unified:
            own = sum(int(stat.get(name, 0)) for name in ("anon", "shmem", "kernel"))
            return own / 2**20, int((self.memory / "memory.current").read_text()) / 2**20
        own = int(stat["total_rss"]) + int(stat.get("total_shmem", 0))
        own += int((self.memory / "memory.kmem.usage_in_bytes").read_text())
        return own / 2**20, int((self.memory / "memory.usage_in_bytes").read_text()) / 2**20

    def cpu_s(self) -> float:
        """Processor time of everything so far."""
        if self.unified:
            return int((self.cpu / "cpu.stat").read_text().split()[1]) / 1e6
        return int((self.usage / "cpuacct.usage").read_text()) / 1e9

    def killed(self) -> int:
        """Processes that ended for lack of memory."""
        file = self.memory / ("memory.events" if self.unified else "memory.oom_control")
        told = dict(line.split() for line in file.read_text().splitlines())
        return int(told.get("oom_kill", 0))


class Unbound:
    """Where there are no control groups: nothing is limited, memory is the PSS of all descendants."""

    def __enter__(self) -> Unbound:
        self.start = os.times()
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def enter(self) -> None:
        pass

    def held(self) -> tuple[float, float]:
        kilobytes = 0
        for process in _descendants(os.getpid()):
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                    kilobytes += int(line.split()[1]) if line.startswith("Pss:") else 0
        return kilobytes / 1024, kilobytes / 1024

    def cpu_s(self) -> float:
        now = os.times()
        return now.children_user + now.children_system - self.start.children_user - self.start.children_system

    def killed(self) -> int:
        return 0


def _descendants(of: int) -> Iterator[int]:
    for path in Path(f"/proc/{of}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                yield child
                yield from _descendants(child)


def run(folder: Path, box: Box | Unbound, options: str) -> Cost:
    """`run_autograder` in a box, from its start to its end."""
    shutil.rmtree(folder / "results", ignore_errors=True)
    told = {"AUTOGRADER_FOLDER": str(folder), "GRADER_PYTHON": sys.executable, "GRADER_OPTIONS": options}
    with box:
        start = time.perf_counter()
        child = subprocess.Popen(
            ["bash", str(folder / "run_autograder")],
            env={**os.environ, **told}, preexec_fn=box.enter, stderr=subprocess.DEVNULL,  # noqa: PLW1509
        )  # fmt: skip
        held, everything = 0.0, 0.0
        while child.poll() is None:
            now = box.held()
            held, everything = max(held, now[0]), max(everything, now[1])
            time.sleep(SAMPLE_S)
        cost = time.perf_counter() - start, box.cpu_s(), held, everything, box.killed()
    results = json.loads((folder / "results" / "results.json").read_text("utf-8"))
    return Cost(*cost, results.get("score"), sum(test["max_score"] for test in results["tests"]))


def forget_files() -> None:
    """Drop the interpreter's libraries from the page cache: a container starts without them, and pays for them."""
    for folder in {Path(path) for path in sys.path if path.endswith("-packages")}:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                handle = os.open(path, os.O_RDONLY)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(handle)


def unpacked(slug: str, folder: Path) -> Path:
    """An /autograder with the package in it, as Gradescope lays it out."""
    bundle = gradescope.package(payload(ROOT, slug, b"of this benchmark"), Request())
    package = folder / "autograder.zip"
    package.write_bytes(to_zip(bundle))
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder / "source")
    shutil.copy(folder / "source" / "run_autograder", folder / "run_autograder")
    return folder


def main(slug: str, rounds: int) -> None:
    """Print a table."""
    samples = ROOT / "tests" / "submissions" / slug
    submission = sorted(samples.glob("right*/*.ipynb"))[0]
    bound = os.geteuid() == 0 and any(os.access(CGROUPS / name, os.W_OK) for name in ("cgroup.procs", "memory"))
    if not bound:
        print("no writable control groups here: nothing is limited, memory is proportional (PSS)")
    framework = load_assignment(ROOT / "assignments" / slug).framework
    with tempfile.TemporaryDirectory() as temporary:
        folder = unpacked(slug, Path(temporary))
        (folder / "submission").mkdir()
        solution = folder / "source" / "grader" / "reference" / slug / f"solution_{framework}.py"
        shutil.copy(solution, folder / "submission")
        first = run(folder, Unbound(), "")
        print(f"own solution, everything computed for the first time: {first.score} of {first.possible} points, "
              f"{first.wall_s:.0f} s")  # fmt: skip
        shutil.rmtree(folder / "submission")
        (folder / "submission").mkdir()
        shutil.copy(submission, folder / "submission")
        cache = folder / "source" / "grader" / ".grader" / "cache"
        shutil.copytree(cache, folder / "cache")
        print(f"{slug}, {submission.parent.name}; {rounds} rounds")
        print("processors, MiB, options: points; s; CPU s; in imports; MiB held; MiB with files; killed")
        for processors, memory in SIZES:
            for options in ("", "--no-train"):
                costs, imports = [], []
                for _ in range(rounds):
                    shutil.rmtree(cache)
                    shutil.copytree(folder / "cache", cache)
                    imports.append(fresh_import(framework).cpu_s)
                    forget_files()
                    costs.append(run(folder, Box(processors, memory) if bound else Unbound(), options))
                shown = (
                    f"{costs[-1].score}/{costs[-1].possible}",
                    spread([c.wall_s for c in costs], "{:.1f}"),
                    spread([c.cpu_s for c in costs], "{:.1f}"),
                    spread([c.cpu_s / i for c, i in zip(costs, imports, strict=True)], "{:.1f}"),
                    f"{max(c.held_mb for c in costs):.0f}",
                    f"{max(c.all_mb for c in costs):.0f}",
                    f"{sum(c.killed for c in costs)}",
                )
                print(f"{processors}, {memory}, {options or 'everything'}: {'; '.join(shown)}", flush=True)


if __name__ == "__main__":
    main(
        sys.argv[1] if len(sys.argv) > 1 else "distillation_tf",
        int(sys.argv[2]) if len(sys.argv) > 2 else 3,
    )
