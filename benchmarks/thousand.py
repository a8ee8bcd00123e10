"""A class of 1,000 mixed submissions, graded twice, the second time killed in the middle: the same verdicts?

    python benchmarks/thousand.py [SUBMISSIONS]

The copies differ in a comment, so that each is graded by itself. Submissions that a time limit has to
end are left out: they would measure the limit.
"""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measure import ROOT

SAMPLES = ROOT / "tests" / "submissions" / "distillation_tf"
SLOW = {"infinite_loop"}


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        kinds = copies(here / "class", count)
        first, second = here / "first", here / "second"
        took = run(command(here / "class", first))
        print(f"{count} submissions of {kinds} kinds in {took:.0f} s: {count / took:.1f} a second")
        half = interrupted(command(here / "class", second), second, count // 2)
        rest = run(command(here / "class", second))
        print(f"killed (SIGKILL) with {half} graded; the same command graded the rest in {rest:.0f} s")
        times = [row[0] for row in rows(second, "SELECT times FROM graded")]
        print(f"graded exactly once: {times.count(1)} of {count}; rows: {len(times)}")
        one, two = results(first), results(second)
        different = [name for name in one if two.get(name) != one[name]]
        assert len(one) == len(two) == count
        print(f"submissions with another result in the second run: {len(different)} {different[:5]}")
        assert times == [1] * count
        assert not different


def copies(folder: Path, count: int) -> int:
    """`count` notebooks made from the samples; returns how many kinds there are."""
    folder.mkdir()
    sources = [p for p in sorted(SAMPLES.glob("*/submission.*")) if p.parent.name not in SLOW]
    for number in range(count):
        source = sources[number % len(sources)]
        target = folder / f"{number:04}-{source.parent.name}{source.suffix}"
        shutil.copy(source, target)
        with open(target, "ab") as file:
            file.write(b"\n" * (1 + number // len(sources)))
    return len(sources)


def command(submissions: Path, out: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "grader.cli", "grade", str(submissions), "-o", str(out)),
        *("-a", "distillation_tf", "--dev-secret", "--no-train"),
    ]


def run(argv: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def interrupted(argv: list[str], out: Path, after: int) -> int:
    """Kill the grader once `after` submissions are in the journal; returns how many are."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(rows(out, "SELECT id FROM graded")) < after:
        time.sleep(0.05)  # polling another process
    process.send_signal(signal.SIGKILL)
    process.wait()
    return len(rows(out, "SELECT id FROM graded"))


def rows(out: Path, query: str) -> list[tuple[int]]:
    try:
        with sqlite3.connect(f"file:{out / 'journal.sqlite'}?mode=ro", uri=True) as journal:
            return journal.execute(query).fetchall()
    except sqlite3.OperationalError:  # not there yet
        return []


def results(out: Path) -> dict[str, object]:
    """Everything that was decided, by submission."""
    found = {}
    for path in out.glob("*/result.json"):
        result = json.loads(path.read_text("utf-8"))
        del result["timing"]
        found[result["submission"]["id"]] = result
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
