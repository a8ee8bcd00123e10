"""`grader check`: a learner's own notebook against the public cases."""

from __future__ import annotations

from pathlib import Path

from grader.commands import MEND, OK, USAGE
from grader.context import assignment_folder, self_check
from grader.findings import read_exercises
from grader.flavours import Flavours, open_for
from grader.intake import Entry, UsageError, read
from grader.notebook import Unreadable, parse_notebook, read_bytes
from grader.pipeline import grade
from grader.reports.selfcheck import render
from grader.sandbox.plain import PlainRunner
from grader.sandbox.pool import Unprotected, Zygote
from grader.spec import find_root, list_assignments, load_assignment
from grader.types import Assignment, Found, Verdict


def run(notebook: Path, named: str | None, exercise: str | None, lang: str) -> int:
    """Check one notebook and print what came out. Returns the exit code."""
    root = find_root()
    folder = assignment_folder(root, named or guess(notebook, root))
    assignment = load_assignment(folder)
    if exercise is not None and exercise not in assignment.exercises:
        raise UsageError(f"-e {exercise}: no such exercise; there are: {', '.join(assignment.exercises)}")
    submission = read(Entry(notebook.stem, str(notebook), lambda: read_bytes(notebook)))
    with open_own(assignment) as sandbox:
        context = self_check(folder, sandbox)
        graded = grade(submission, context)
    print(render(graded, context.expectations, lang, exercise), end="")
    if graded.internal or graded.unreadable:  # nothing was checked
        return USAGE
    shown = [r for r in graded.results if exercise in (None, r.exercise)]
    return OK if all(r.verdict == Verdict.PASSED for r in shown) else MEND


def open_own(assignment: Assignment) -> Zygote | PlainRunner | Flavours:
    """A sandbox if this system has one; one's own code may also run in a plain subprocess."""
    try:
        return open_for(assignment)
    except Unprotected:
        return open_for(assignment, unsafe=True)


def guess(notebook: Path, root: Path) -> str:
    """The assignment with the most of its exercises in this notebook. Raises UsageError."""
    try:
        cells = parse_notebook(read_bytes(notebook), notebook.name)
    except Unreadable as bad:
        raise UsageError(f"{notebook}: {bad.detail or bad.reason}") from bad
    except OSError as fault:
        raise UsageError(f"{notebook}: {fault.strerror or fault}") from fault

    def found(slug: str) -> int:
        assignment = load_assignment(root / "assignments" / slug)
        findings = read_exercises(cells, assignment).findings.values()
        return sum(f.found != Found.MISSING for f in findings)

    known = list_assignments(root)
    best = max(known, key=found, default=None)
    if best is None or found(best) == 0:
        raise UsageError(
            f"{notebook}: holds no exercise of {', '.join(known) or 'any assignment'}; name one with -a"
        )
    return best
