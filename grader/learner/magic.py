"""In a notebook: `%load_ext grader`, then `%check` or `check(my_function)`.

What has been run so far is read from IPython's record of inputs, in the order in which it was run, so that what is
checked is what the kernel knows and not what was last saved. It is checked in a process of its own: a loop without
end takes that process down and not the kernel.
"""

from __future__ import annotations

import argparse
import atexit
import hashlib
import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from grader.context import assignment_folder
from grader.i18n import LANGUAGES, language
from grader.learner import kit
from grader.learner.hints import LEVELS, limit
from grader.learner.session import Session, best_match, named
from grader.reports.lesson import DEFAULT
from grader.reports.selfcheck import render
from grader.spec import ConfigError, find_root, list_assignments
from grader.types import Cell, FriendlyError, Notebook, Submission

MAGIC = "%load_ext", "%check", "%reload_ext"


@dataclass(frozen=True)
class Answer:
    """What a check came to: Jupyter, Colab and VS Code show the HTML, terminals the text."""

    text: str
    html: str

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/html": self.html}

    def __repr__(self) -> str:
        return self.text


class _Words(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise FriendlyError(f"%check: {message}\n{self.format_usage()}")


class Magic:
    """The magic of one kernel: the sessions that it has opened."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._sessions: dict[Path, Session] = {}
        atexit.register(self.close)

    def line(self, text: str) -> Answer | None:
        """`%check [EXERCISE ...]`."""
        parser = _Words("%check", add_help=False)
        parser.add_argument("exercises", nargs="*")
        parser.add_argument("-a", "--assignment")
        parser.add_argument("--lang", choices=LANGUAGES)
        parser.add_argument("--hints", type=int, choices=LEVELS, default=DEFAULT)
        parser.add_argument("--live", action="store_true")
        try:
            asked = parser.parse_args(_split(text))
            return self.check(
                asked.exercises, asked.assignment, language(asked.lang), live=asked.live, hints=asked.hints
            )
        except FriendlyError as wrong:
            print(wrong)
            return None

    def call(
        self, *functions: Any, lang: str | None = None, live: bool = False, hints: int = DEFAULT
    ) -> Answer | None:
        """`check(knowledge_distillation)`: functions, classes or names; without any, everything."""
        words = [one if isinstance(one, str) else getattr(one, "__qualname__", str(one)) for one in functions]
        try:
            return self.check(words, None, language(lang), live=live, hints=hints)
        except FriendlyError as wrong:
            print(wrong)
            return None

    def check(
        self,
        words: Sequence[str],
        assignment: str | None,
        lang: str,
        *,
        live: bool = False,
        hints: int = DEFAULT,
    ) -> Answer:
        """Check what has been run so far; `live`: in the kernel itself. Raises FriendlyError."""
        from grader.learner.live import LiveRunner
        from grader.reports.selfcheck_html import to_html

        cells = self.cells()
        root = find_root()
        folder = assignment_folder(root, assignment) if assignment else self._guess(root, cells)
        session = self.session(folder)
        only = named(session.assignment, words)
        runner = LiveRunner(self._shell.user_ns, session.assignment.framework) if live else None
        graded = session.check(submission_of(cells), only, runner)
        warning = kit.warning(root, session.assignment, lang)
        most = limit(root, session.assignment)
        told = graded, session.expectations, lang, only, warning
        return Answer(render(*told, hints=hints, limit=most), to_html(*told, hints=hints, limit=most))

    def cells(self) -> Notebook:
        """What has been run, in order; a cell's number is the one that stands in `In [n]`."""
        ran = self._shell.user_ns.get("In", [])
        numbered = [Cell(number, source) for number, source in enumerate(ran) if number and source.strip()]
        return Notebook(tuple(cell for cell in numbered if not cell.source.lstrip().startswith(MAGIC)))

    def session(self, folder: Path) -> Session:
        """The session of an assignment, opened once."""
        if folder not in self._sessions:
            self._sessions[folder] = Session(folder)
        return self._sessions[folder]

    def begin(self) -> None:
        """Import the framework of the only assignment here while the learner still reads."""
        try:
            root = find_root()
            known = list_assignments(root)
            if len(known) == 1:
                self.session(assignment_folder(root, known[0])).warm()
        except FriendlyError:  # the first check says what is wrong
            pass

    def close(self) -> None:
        """End the processes."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _guess(self, root: Path, cells: Notebook) -> Path:
        known = list_assignments(root)
        if len(known) == 1:  # a kit
            return root / "assignments" / known[0]
        best = best_match(root, cells)
        if not best:
            raise ConfigError(
                [f"nothing of {', '.join(known)} has been run yet; run its cells, or name it: -a NAME"]
            )
        return root / "assignments" / best


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as wrong:  # a quotation mark without its fellow
        raise FriendlyError(f"%check: {wrong}") from wrong


def submission_of(cells: Notebook) -> Submission:
    """These cells as if they had been handed in."""
    code: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"c{at}", "metadata": {}, "execution_count": None, "outputs": [], "source": ""}
        for at in range(max((cell.number or 0 for cell in cells.cells), default=0))
    ]
    for cell in cells.cells:
        code[(cell.number or 1) - 1]["source"] = cell.source
    data = json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    return Submission("notebook", "notebook.ipynb", data, hashlib.sha256(data).hexdigest())


def load(shell: Any) -> Callable[..., Answer | None]:
    """Give a running IPython the magic `%check` and the function `check`."""
    magic = Magic(shell)
    shell.register_magic_function(magic.line, "line", "check")
    if "check" not in shell.user_ns:
        shell.push({"check": magic.call})
    magic.begin()
    return magic.call
