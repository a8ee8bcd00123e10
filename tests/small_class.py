"""A class that costs little: the NumPy assignment of `grader new`, and hand-ins of every kind for it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.cli import main

SLUG = "small"
RIGHT_ERROR = "    return ((p - y) ** 2).mean()"
RIGHT_STEP = (
    "        error = x @ self.w - y\n"
    "        self.w = self.w - learning_rate * 2 * x.T @ error / len(x)\n"
    "        return float((error * error).mean())"
)


@dataclass(frozen=True)
class Kind:
    """One way of answering: two function bodies, and the points that they must get; None: not final."""

    error: str
    step: str
    earned: float
    hostile: bool = False
    raw: bytes | None = None  # the whole file instead


KINDS = {
    "right": Kind(RIGHT_ERROR, RIGHT_STEP, 100),
    "right_power": Kind("    d = np.asarray(p) - y\n    return np.mean(np.power(d, 2))", RIGHT_STEP, 100),
    "right_loop": Kind(
        "    total, n = 0.0, 0\n"
        "    for a, b in zip(np.ravel(y), np.ravel(p)):\n"
        "        total, n = total + (b - a) ** 2, n + 1\n"
        "    return total / n",
        RIGHT_STEP,
        100,
    ),
    "right_print": Kind("    print('가' * 100)\n" + RIGHT_ERROR, RIGHT_STEP, 100),
    "sum": Kind("    return ((p - y) ** 2).sum()", RIGHT_STEP, 60),
    "absolute": Kind("    return abs(p - y).mean()", RIGHT_STEP, 60),
    "tripled": Kind("    return 3 * ((p - y) ** 2).mean()", RIGHT_STEP, 60),
    "uphill": Kind(RIGHT_ERROR, RIGHT_STEP.replace("self.w - learning", "self.w + learning"), 40),
    "nan": Kind("    return float('nan')", RIGHT_STEP, 60),
    "raises": Kind("    return p.no_such_thing", RIGHT_STEP, 60),
    "syntax": Kind("    return ((p - y ** 2).mean()", RIGHT_STEP, 60),
    "blank": Kind("    return ?", "        return ?", 0),
    "half": Kind("    return ?", RIGHT_STEP, 60),
    "truncated": Kind("", "", 0, raw=b'{"cells": [{"cell_ty'),
    "empty": Kind("", "", 0, raw=b""),
    "exits": Kind("    import os; os._exit(0)", RIGHT_STEP, 60, hostile=True),
    "kills": Kind("    import os, signal; os.kill(os.getppid(), 9)\n    return 0.0", RIGHT_STEP, 60, hostile=True),
    "bomb": Kind("    return np.ones(1 << 40).sum()", RIGHT_STEP, 60, hostile=True),
    "hangs": Kind("    while True: pass", RIGHT_STEP, 60, hostile=True),
}
QUICK = tuple(name for name in KINDS if name != "hangs")


def make_root(root: Path) -> Path:
    """A root with the assignment in it; grading there is quick: a worker has two seconds, then it is stopped."""
    (root / "assignments").mkdir(parents=True)
    before = os.environ.get("GRADER_ROOT")
    os.environ["GRADER_ROOT"] = str(root)
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
            assert main(["new", SLUG]) == 0
    finally:
        if before is None:
            del os.environ["GRADER_ROOT"]
        else:
            os.environ["GRADER_ROOT"] = before
    spec = root / "assignments" / SLUG / "spec.yaml"
    spec.write_text(spec.read_text("utf-8") + "limits: {wall_s: 2, cpu_s: 2}\n", "utf-8")
    return root


def notebook(kind: str, tag: object = "") -> bytes:
    """A hand-in. Those with different tags are different programs."""
    made = KINDS[kind]
    if made.raw is not None:
        return made.raw + b" " * (tag if isinstance(tag, int) else 0)
    sources = [
        "import numpy as np",
        f'def squared_error(y, p):\n    "{tag}"\n{made.error}',
        "class Line:\n    def __init__(self, w):\n        self.w = w\n\n"
        f"    def train_step(self, x, y, learning_rate):\n{made.step}",
    ]
    return cells(*sources)


def cells(*sources: str) -> bytes:
    """A notebook of these code cells."""
    code = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    told = [{**code, "id": f"c{n}", "source": source} for n, source in enumerate(sources)]
    return json.dumps({"cells": told, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def hand_in(folder: Path, count: int, kinds: tuple[str, ...] = QUICK) -> dict[str, float]:
    """Write `count` hand-ins, all different. Returns the points that each must get."""
    folder.mkdir(parents=True)
    due = {}
    for number, kind in zip(range(count), _turns(kinds), strict=False):
        name = f"{number:04}-{kind}"
        (folder / f"{name}.ipynb").write_bytes(notebook(kind, number))
        due[name] = KINDS[kind].earned
    return due


def _turns(kinds: tuple[str, ...]) -> Iterator[str]:
    return itertools.cycle(kinds)
