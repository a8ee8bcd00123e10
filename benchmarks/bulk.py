"""A class of 100, 500 and 2,000 mixed submissions, 1 % hostile: time, memory, and how both grow.

    python benchmarks/bulk.py [SIZE ...]

Every copy is a program of its own (it carries a number as a string), so that none is spared as a twin.
Time is told by submission and memory by the smallest class of the same run. Each grade is compared with
the one that the specimen must get.
"""

from __future__ import annotations

import csv
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import yaml
from _measure import ROOT

SAMPLES = ROOT / "tests" / "submissions" / "distillation_tf"
HOSTILE = ROOT / "tests" / "hostile"
HONEST = HOSTILE / "_honest.py"  # right solutions of the exercises that an attack leaves alone
# They end by their own doing, by a limit on memory or output, or by the clock.
ATTACKS = """fork_bomb memory_bombs exit_in_a_call flood_of_output huge_results thread_bomb endless_loop_at_import
fill_the_disk crash_the_interpreter""".split()
SLOW = {"infinite_loop", "hostile"}  # among the samples; the attacks stand for them
DEFINITION = re.compile(r"^(def \w+\([^()\n]*\):[ \t]*)$", re.MULTILINE)
EVERY_S = 0.5


def main(sizes: list[int]) -> None:
    """Print a row for each size."""
    base: tuple[float, float] | None = None
    print("submissions | s | a second | s each, by the first | MiB of the grader itself | by the first "
          "| its peak | peak with all workers | wrong grades")  # fmt: skip
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            due = hand_in(Path(folder) / "class", size)
            seconds, own, peak, everything = graded(Path(folder) / "class", Path(folder) / "out")
            wrong = [name for name, points in grades(Path(folder) / "out") if due[name] != points]
        each = seconds / size
        base = base or (each, own)
        print(
            f"{size} | {seconds:.0f} | {1 / each:.1f} | {each / base[0]:.2f} | {own:.0f} | {own / base[1]:.2f} "
            f"| {peak:.0f} | {everything:.0f} | {len(wrong)} {wrong[:5] or ''}",
            flush=True,
        )


def hand_in(folder: Path, size: int) -> dict[str, float]:
    """Write the class; returns the points that each submission must get."""
    folder.mkdir()
    samples = cycle(p for p in sorted(SAMPLES.iterdir()) if p.name not in SLOW)
    attacks = cycle(HOSTILE / name for name in ATTACKS)
    due = {}
    for number in range(size):
        specimen = next(attacks) if number % 100 == 50 else next(samples)
        source = next(p for p in sorted(specimen.iterdir()) if p.stem == "submission")
        name = f"{number:05}-{specimen.name}"
        expected = yaml.safe_load((specimen / "expected.yaml").read_text("utf-8"))
        rest = HONEST.read_bytes() + b"\n\n" if expected.get("honest_rest") else b""
        raw = rest + source.read_bytes()
        (folder / f"{name}{source.suffix}").write_bytes(numbered(raw, source.suffix, number))
        due[name] = float(expected["earned"])
    return due


def numbered(raw: bytes, suffix: str, number: int) -> bytes:
    """The file with the number as a string in its functions; with blank lines where there is none."""
    try:
        text = raw.decode("utf-8")
        notebook = json.loads(text) if suffix == ".ipynb" else None
    except ValueError:
        return raw + b"\n" * number
    if notebook is None:
        return _marked(text, number).encode()
    for cell in notebook.get("cells", []):
        whole = "".join(cell["source"])
        if cell["cell_type"] == "code" and DEFINITION.search(whole):
            cell["source"] = _marked(whole, number)
    return json.dumps(notebook, ensure_ascii=False).encode()


def _marked(source: str, number: int) -> str:
    return DEFINITION.sub(lambda found: f'{found[1]}\n    "copy {number}"', source)


def graded(submissions: Path, out: Path) -> tuple[float, float, float, float]:
    """Seconds; and MiB: the median of the grader's own process in the last third of the run, its peak (an attack
    may make it read megabytes), and the peak with everything that it started.
    """
    command = [
        *(sys.executable, "-m", "grader.cli", "grade", str(submissions), "-o", str(out), "-j", "2"),
        *("-a", "distillation_tf", "--dev-secret", "--no-train"),
    ]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    own: list[float] = []
    everything: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY_S):
            mine, *others = map(proportional_mb, family(process.pid))
            own.append(mine)
            everything.append(mine + sum(others))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    took = time.perf_counter() - start
    ended.set()
    watcher.join()
    if code:
        raise RuntimeError(f"exit status {code}")
    last = own[-max(1, len(own) // 3) :]
    return took, statistics.median(last), max(own), max(everything)


def family(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in task.read_text().split():
                yield from family(int(child))


def proportional_mb(pid: int) -> float:
    """Memory of a process, what it shares with others divided among them (PSS)."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def grades(out: Path) -> Iterator[tuple[str, float | None]]:
    """(id, points) of everybody; None: not final."""
    with open(out / "grades.csv", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield row["id"], float(row["earned"]) if row["earned"] else None


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [100, 500, 2000])
