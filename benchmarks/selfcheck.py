"""Time from `grader check` to its answer, in units of one fresh `import tensorflow` on the same core.

python benchmarks/selfcheck.py [ROUNDS]
"""

from __future__ import annotations

import sys

from _measure import ROOT, fresh_import, one_core, process, spread

from grader.commands import MEND, OK

SAMPLES = ROOT / "tests" / "submissions" / "distillation_tf"


def main(rounds: int) -> None:
    one_core()
    notebook = next(iter(sorted(SAMPLES.glob("right*/*.ipynb"))))
    whole = [sys.executable, "-m", "grader.cli", "check", str(notebook), "-a", "distillation_tf"]
    imports, checks, ones = [], [], []
    for _ in range(rounds):
        imports.append(fresh_import())
        checks.append(process(whole, (OK, MEND)))
        ones.append(process([*whole, "-e", "knowledge_distillation"], (OK, MEND)))
    print(f"fresh import tensorflow, wall s:   {spread([c.wall_s for c in imports])}")
    for name, costs in (("grader check, all exercises", checks), ("grader check -e, one exercise", ones)):
        ratios = [c.wall_s / i.wall_s for c, i in zip(costs, imports, strict=True)]
        print(f"{name}, wall s:   {spread([c.wall_s for c in costs])}; in imports {spread(ratios, '{:.2f}')}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
