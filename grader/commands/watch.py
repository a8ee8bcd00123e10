"""`grader watch`: checks a notebook again whenever it is saved, until Ctrl-C."""

from __future__ import annotations

import time

from grader.commands import OK
from grader.commands.check import Asked, guess, once
from grader.context import assignment_folder
from grader.i18n import translator
from grader.learner import kit
from grader.learner.hints import limit
from grader.learner.session import Session
from grader.learner.watch import clear_screen, saves
from grader.spec import find_root


def run(asked: Asked) -> int:
    """Check now and after every save. Returns the exit code when interrupted."""
    _ = translator(asked.lang)
    root = find_root()
    with Session(assignment_folder(root, asked.assignment or guess(asked.notebook, root))) as session:
        told, most = kit.warning(root, session.assignment, asked.lang), limit(root, session.assignment)
        session.warm()
        try:
            for _content in saves(asked.notebook):
                start = time.perf_counter()
                _graded, text = once(session, asked, told, most)
                clear_screen()
                print(text)
                took = time.perf_counter() - start
                waiting = _("{notebook} was checked in {seconds} s. Waiting for it to be saved; Ctrl-C ends this.")
                print(waiting.format(notebook=asked.notebook.name, seconds=f"{took:.2f}"), flush=True)
        except KeyboardInterrupt:
            print()
    return OK
