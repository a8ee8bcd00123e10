"""How the time to read a cell grows with its length: a hostile cell must not make it quadratic.

`python benchmarks/reading.py` reads cells that repeat one piece, at a quarter of the longest cell that is read at
all and at that length. Linear reading takes 4 times as long for 4 times the text, quadratic reading 16 times; a
run's garbage collections and caches move single ratios, so the best of several rounds counts.
"""

from __future__ import annotations

import time

from grader.extract import extract
from grader.salvage import MAX_CODE
from grader.types import Cell, Notebook

ROUNDS = 5
PIECES = ["x = 1\n", "x=1;", "?", "? ", "'", '"""\\', "(", "[\n", "!a\\\n", "#", " ", "\t\n", "\\\n", "a.", "a["]
PIECES += ["def kd():\n", "@a\n", "kd = f\n", "print x\n", "{'a':", "가 ", "else:\n", "lambda:", "-", "kd.x=1\n"]


def cpu_s(piece: str, size: int) -> float:
    """CPU seconds to take the function out of a cell of `size` characters; the best of ROUNDS."""
    text = f"def kd(f): return f\n{piece * (size // len(piece))}"
    notebook = Notebook((Cell(1, text),))
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        extract(notebook, ("kd",))
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    """Print the table."""
    print(f"{'piece':14} {'quarter, ms':>12} {'whole, ms':>12} {'ratio':>7}")
    for piece in PIECES:
        quarter, whole = cpu_s(piece, MAX_CODE // 4), cpu_s(piece, MAX_CODE - 100)
        print(f"{piece!r:14} {1000 * quarter:12.1f} {1000 * whole:12.1f} {whole / quarter:7.1f}")


if __name__ == "__main__":
    main()
