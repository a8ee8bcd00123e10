"""A learner's self-check, kept warm: the framework is imported once, each check is a fresh process."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from grader.context import self_check
from grader.findings import read_exercises
from grader.flavours import Flavours, WhenNeeded, open_for
from grader.oracle import Sandbox
from grader.pipeline import Context, grade
from grader.sandbox.plain import PlainRunner
from grader.sandbox.pool import Unprotected, Zygote
from grader.spec import list_assignments, load_assignment
from grader.types import Assignment, Expectations, Found, FriendlyError, Graded, Notebook, Submission


class UnknownExercise(FriendlyError):
    """The assignment has nothing of that name."""


class Session:
    """Checks notebooks of one assignment on its public cases. Use in `with`, or close it."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError where the assignment or its stored numbers cannot be read. Starts nothing yet."""
        self._box = WhenNeeded(lambda: open_own(self.context.assignment))
        self.context = self_check(folder, self._box)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def assignment(self) -> Assignment:
        return self.context.assignment

    @property
    def expectations(self) -> Expectations:
        return self.context.expectations

    def warm(self) -> None:
        """Begin to import the framework in the background; a check that comes before waits for it."""

        def open_box() -> None:
            with suppress(Exception):  # the check itself says what is wrong
                _ = self._box.box

        threading.Thread(target=open_box, name="grader warm", daemon=True).start()

    def check(self, submission: Submission, only: Collection[str] = (), sandbox: Sandbox | None = None) -> Graded:
        """Judge a notebook; with `only` just these exercises and what they are built on.

        `sandbox`: runs it in place of the session's own.
        """
        context = narrowed(self.context, only) if only else self.context
        return grade(submission, replace(context, sandbox=sandbox) if sandbox else context)

    def train(self, submission: Submission, only: Collection[str], root: Path, lang: str) -> Graded:
        """The same with the quick training pass that grading does; `root` holds rubric.yaml, or is a kit's folder.

        Raises FriendlyError where nothing is trained or a library is missing.
        """
        from grader.learner.preview import training

        context = narrowed(self.context, only) if only else self.context
        with training(root, context, self._box, lang) as with_trainer:
            return grade(submission, with_trainer)

    def close(self) -> None:
        """End the process that is kept."""
        self._box.close()


def open_own(assignment: Assignment) -> Zygote | PlainRunner | Flavours:
    """A sandbox if this system has one; one's own code may also run in a plain subprocess."""
    try:
        return open_for(assignment)
    except Unprotected:
        return open_for(assignment, unsafe=True)


def best_match(root: Path, notebook: Notebook) -> str:
    """The slug of the assignment with the most of its exercises in a notebook; empty where it holds none."""

    def held(slug: str) -> int:
        findings = read_exercises(notebook, load_assignment(root / "assignments" / slug)).findings.values()
        return sum(finding.found != Found.MISSING for finding in findings)

    counts = {slug: held(slug) for slug in list_assignments(root)}
    best = max(counts, key=lambda slug: counts[slug], default="")
    return best if best and counts[best] else ""


def named(assignment: Assignment, words: Iterable[str]) -> tuple[str, ...]:
    """Exercises by name or by the beginning of their title ("Q2"), in the assignment's order.

    Raises UnknownExercise.
    """
    chosen: set[str] = set()
    for word in words:
        found = {name for name, exercise in assignment.exercises.items() if word in (name, exercise.root)}
        if not found:
            wanted = word.casefold()
            found = {
                name
                for name, exercise in assignment.exercises.items()
                if any(title.casefold().split()[:1] == [wanted] for title in exercise.title.values())
            }
        if not found:
            raise UnknownExercise(f"{word}: no such exercise; there are: {', '.join(assignment.exercises)}")
        chosen |= found
    return tuple(name for name in assignment.exercises if name in chosen)


def narrowed(context: Context, only: Collection[str]) -> Context:
    """The same for some exercises and those that they are built on, which is quicker."""
    needed = with_helpers(context.assignment, only)
    own = {name: exercise for name, exercise in context.assignment.exercises.items() if name in needed}
    cases = {at: case for at, case in context.expectations.cases.items() if case.case.exercise in needed}
    return replace(
        context,
        assignment=replace(context.assignment, exercises=own),
        expectations=replace(context.expectations, cases=cases),
    )


def with_helpers(assignment: Assignment, names: Collection[str]) -> Sequence[str]:
    """These exercises and all that they use."""
    needed, todo = set(names), list(names)
    while todo:
        for helper in assignment.exercises[todo.pop()].uses:
            if helper in assignment.exercises and helper not in needed:
                needed.add(helper)
                todo.append(helper)
    return [name for name in assignment.exercises if name in needed]
