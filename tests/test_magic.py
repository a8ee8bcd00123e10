"""`%load_ext grader` in a real kernel: what has been run is checked, and nothing takes the kernel down."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from small_class import RIGHT_STEP, SLUG

RIGHT = "def squared_error(y, p):\n    return ((p - y) ** 2).mean()"
SUM = "def squared_error(y, p):\n    return ((p - y) ** 2).sum()"
HANGS = "def squared_error(y, p):\n    while True: pass"
STEP = (
    "class Line:\n    def __init__(self, w):\n        self.w = w\n\n"
    f"    def train_step(self, x, y, learning_rate):\n{RIGHT_STEP}"
)
REDEFINES = "exec('def squared_error(y, p): return ((p - y) ** 2).mean()')"


def ran(root: Path, *sources: str) -> list[dict[str, Any]]:
    """The last display of each cell, as MIME type -> text, with what it printed under "printed"."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    before = {name: os.environ.get(name) for name in ("GRADER_ROOT", "PYTHONPATH", "LANGUAGE")}
    os.environ |= {"GRADER_ROOT": str(root), "PYTHONPATH": os.pathsep.join(sys.path), "LANGUAGE": "en"}
    try:
        NotebookClient(book, timeout=300, kernel_name="python3").execute()
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    shown = []
    for cell in book.cells:
        told: dict[str, Any] = {"printed": ""}
        for output in cell.outputs:
            told |= output.get("data", {})
            told["printed"] += output.get("text", "")
        shown.append(told)
    return shown


@pytest.fixture(scope="module")
def root(small_root: Path) -> Path:
    return small_root


def test_what_was_run_is_checked_as_text_and_as_html(root: Path) -> None:
    *_, wrong, asked, mended, all_ = ran(
        root, "%load_ext grader", "import numpy as np", SUM, "%check Q1", "check(squared_error)",
        RIGHT + "\ncheck(squared_error)", STEP + "\n%check --lang ko",
    )  # fmt: skip
    assert "✗ squared_error" in wrong["text/plain"]
    assert "the sum, not the mean" in wrong["text/plain"]
    assert "<code>squared_error</code>" in wrong["text/html"]
    assert "cell 3" in wrong["text/plain"]  # In [3]
    assert "train_step" not in wrong["text/plain"]
    assert asked["text/plain"] == wrong["text/plain"]
    assert "✗ squared_error" not in mended["text/plain"]
    assert "2문제 중 2문제" in all_["text/plain"]


def test_a_loop_without_end_takes_no_kernel_down(root: Path) -> None:
    *_, hung, alive = ran(root, "%load_ext grader", "import numpy as np", HANGS, "%check squared_error", "6 * 7")
    assert "took too long" in hung["text/plain"]
    assert alive["text/plain"] == "42"


def test_what_kills_its_process_takes_no_kernel_down(root: Path) -> None:
    kills = "def squared_error(y, p):\n    import os\n    os._exit(0)"
    *_, ended, alive = ran(root, "%load_ext grader", "import numpy as np", kills, "%check Q1", "6 * 7")
    assert "✗ squared_error" in ended["text/plain"]
    assert alive["text/plain"] == "42"


def test_live_means_the_kernels_own_definitions(root: Path) -> None:
    """What no fresh process could know: the function was changed without a cell that defines it."""
    *_, fresh, live, left = ran(
        root, "%load_ext grader", "import numpy as np", SUM, REDEFINES,
        "%check Q1", "%check Q1 --live", "sorted(n for n in ('y', 'p', 'x') if n in globals())",
    )  # fmt: skip
    assert "✗ squared_error" in fresh["text/plain"]
    assert "✓ squared_error" in live["text/plain"]
    assert left["text/plain"] == "[]"


def test_a_live_call_that_hangs_is_broken_off(root: Path) -> None:
    *_, hung, alive = ran(root, "%load_ext grader", "import numpy as np", HANGS, "%check Q1 --live", "6 * 7")
    assert "took too long" in hung["text/plain"]
    assert alive["text/plain"] == "42"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("%check Q9", "no such exercise; there are: squared_error, train_step"),
        ("%check --nothing", "usage"),
        ("%check -a nothing", f"there are: {SLUG}"),
        ("%check 'Q1", "quotation"),
    ],
)
def test_what_cannot_be_checked_is_said_without_a_traceback(line: str, told: str, root: Path) -> None:
    *_, said = ran(root, "%load_ext grader", RIGHT, line)
    assert told in said["printed"]
    assert "Traceback" not in said["printed"]


def test_without_an_assignment_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "assignments").mkdir()
    *_, said = ran(tmp_path, "%load_ext grader", "%check")
    assert "Traceback" not in said["printed"]
    assert said["printed"].strip()
