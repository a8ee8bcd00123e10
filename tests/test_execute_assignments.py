"""The handed-out notebook of every assignment, filled in with the reference's code, runs from top to bottom."""

import ast
import re
import sys
from pathlib import Path

import nbformat
import pytest

if sys.platform != "linux":
    pytest.skip("whole notebooks need Linux", allow_module_level=True)
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

from grader.execute.run import execute
from grader.notebook import parse_notebook
from grader.spec import load_assignment
from grader.types import Verdict

ROOT = Path(__file__).resolve().parent.parent
DEFINES = re.compile(r"^(?:def|class)[ \t]+(\w+)", re.MULTILINE)


def filled_in(slug: str, framework: str) -> bytes:
    """The notebook with each cell that has a blank replaced by the reference's definitions of the same names."""
    source = (ROOT / "reference" / slug / f"solution_{framework}.py").read_text("utf-8")
    nodes = ast.parse(source).body
    own = {
        n.name: ast.get_source_segment(source, n) for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)
    }
    roots = {exercise.root for exercise in load_assignment(ROOT / "assignments" / slug).exercises.values()}
    # What the solution is built on: imports, constants, helpers.
    helpers = [ast.unparse(node) for node in nodes if getattr(node, "name", "") not in roots]
    book = nbformat.read(ROOT / "assignments" / slug / "notebook.ipynb", 4)
    for cell in book.cells:
        if cell.cell_type == "code" and re.search(r"\?", cell.source):
            names = DEFINES.findall(cell.source)
            assert names, cell.source
            assert set(names) <= set(own), names
            cell.source = "\n\n\n".join([*helpers, *(str(own[name]) for name in names)])
    return nbformat.writes(book).encode()


# distillation_tf is run in test_execute_modes.py; its four trainings take half a minute.
@pytest.mark.parametrize(
    ("slug", "mode"),
    [
        ("distillation_torch", "torch"),
        ("distiller_keras", "keras3"),
        ("fine_tuning_keras", "keras3"),
        ("cnn_transfer", "keras3"),
    ],
)
def test_the_filled_in_notebook_runs_clean(slug: str, mode: str) -> None:
    assignment = load_assignment(ROOT / "assignments" / slug)
    book = parse_notebook(filled_in(slug, assignment.framework), "filled.ipynb")
    done = execute(book, stand_ins=assignment.stand_ins)
    assert (done.ended, done.cell, done.fault) == (Verdict.PASSED, None, None)
    assert done.mode == mode
    assert len(done.ran) == done.cells > 5
