"""Cost of a right submission of every assignment, in units of one fresh `import tensorflow` on the same core.

    python benchmarks/assignments.py [ROUNDS]

CPU is the worker's own, numeric checks only: loading the notebook's code, all cases, public and hidden.
"""

from __future__ import annotations

import sys
from pathlib import Path

from _measure import ROOT, fresh_import, one_core, spread

from grader.context import DEVELOPMENT_SECRET, Grading
from grader.flavours import open_for
from grader.intake import one, read
from grader.pipeline import grade
from grader.spec import list_assignments


def main(rounds: int) -> None:
    one_core()
    imports = [fresh_import().cpu_s for _ in range(rounds)]
    print(f"fresh import tensorflow, CPU s: {spread(imports)}")
    for slug in list_assignments(ROOT):
        grading = Grading(ROOT, slug, DEVELOPMENT_SECRET)
        submission = read(one(right(slug)))
        with open_for(grading.assignment) as sandbox:
            context = grading.context(sandbox)
            runs = [grade(submission, context).run for _ in range(rounds)]
        costs = [run.cpu_s for run in runs if run]
        ratios = [cost / unit for cost, unit in zip(costs, imports, strict=True)]
        memory = max(run.memory_mb for run in runs if run)
        print(f"{slug:20} {len(grading.cases):3} cases, CPU s {spread(costs)}, {memory:.0f} MB")
        print(f"    in imports of TensorFlow: {spread(ratios)}")


def right(slug: str) -> Path:
    """A sample that earns everything."""
    folders = sorted((ROOT / "tests" / "submissions" / slug).glob("right*"))
    return next(path for path in sorted(folders[0].iterdir()) if path.suffix == ".ipynb")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
