"""`grader check`: a learner's own notebook against the public cases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.commands import MEND, OK, USAGE
from grader.context import assignment_folder, find_secret
from grader.intake import Entry, UsageError, read
from grader.journal import atomic
from grader.learner import kit
from grader.learner.hints import limit
from grader.learner.preview import curves
from grader.learner.receipt import NoReceipt, key_of, write
from grader.learner.session import Session, best_match, named
from grader.notebook import Unreadable, parse_notebook, read_bytes
from grader.reports.lesson import DEFAULT, FORMULA
from grader.reports.selfcheck import render
from grader.spec import ConfigError, find_root, list_assignments
from grader.types import Graded, Verdict


@dataclass(frozen=True)
class Asked:
    """What to check, from the command line."""

    notebook: Path
    assignment: str | None
    exercises: tuple[str, ...]
    lang: str
    receipt: Path | None = None
    hints: int = DEFAULT
    train: bool = False


def run(asked: Asked) -> int:
    """Check one notebook and print what came out. Returns the exit code."""
    root = find_root()
    with Session(assignment_folder(root, asked.assignment or guess(asked.notebook, root))) as session:
        told, most = kit.warning(root, session.assignment, asked.lang), limit(root, session.assignment)
        graded, text = once(session, asked, told, most, root if asked.train else None)
        if asked.receipt is not None:
            sign(graded, session, root, asked.receipt)
    print(text, end="")
    return code_of(graded, session, asked)


def once(
    session: Session, asked: Asked, told: str = "", most: int = FORMULA, trains: Path | None = None
) -> tuple[Graded, str]:
    """Check the notebook as it is on disk, and say what came out, with hints up to level `most`.

    `trains`: the folder with the rubric that says what to train, where students are to be trained as well.
    """
    only = named(session.assignment, asked.exercises)
    notebook = asked.notebook
    submission = read(Entry(notebook.stem, str(notebook), lambda: read_bytes(notebook)))
    graded = (
        session.check(submission, only) if trains is None else session.train(submission, only, trains, asked.lang)
    )
    text = render(graded, session.expectations, asked.lang, only, told, hints=asked.hints, limit=most)
    if trains is not None:
        text += "".join(f"{line}\n" for line in curves(graded, asked.lang))
    return graded, text


def sign(graded: Graded, session: Session, root: Path, target: Path) -> None:
    """Write the receipt of a check. Raises NoReceipt where there is nothing to sign with."""
    if graded.unreadable or graded.internal:
        raise NoReceipt(f"{target}: not written, as nothing could be checked")
    own = kit.read(root)
    try:
        key = own.key if own else key_of(find_secret(root), session.assignment)
    except ConfigError as none:
        raise NoReceipt(f"{target}: not written; receipts are signed with the kit of your course") from none
    with atomic(target) as part:
        part.write_bytes(write(graded, key, session.context.environment))


def code_of(graded: Graded, session: Session, asked: Asked) -> int:
    """The exit code of a check."""
    if graded.internal or graded.unreadable:  # nothing was checked
        return USAGE
    only = named(session.assignment, asked.exercises)
    shown = [result for result in graded.results if not only or result.exercise in only]
    return OK if all(result.verdict == Verdict.PASSED for result in shown) else MEND


def guess(notebook: Path, root: Path) -> str:
    """The assignment with the most of its exercises in this notebook. Raises UsageError."""
    try:
        cells = parse_notebook(read_bytes(notebook), notebook.name)
    except Unreadable as bad:
        raise UsageError(f"{notebook}: {bad.detail or bad.reason}") from bad
    except OSError as fault:
        raise UsageError(f"{notebook}: {fault.strerror or fault}") from fault

    best = best_match(root, cells)
    if not best:
        known = ", ".join(list_assignments(root)) or "any assignment"
        raise UsageError(f"{notebook}: holds no exercise of {known}; name one with -a")
    return best
