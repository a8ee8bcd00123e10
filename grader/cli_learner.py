"""The commands of the learner's side: their arguments, and what they start."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from grader import help_texts
from grader.i18n import LANGUAGES

if TYPE_CHECKING:
    from grader.commands.check import Asked

COMMANDS = ("check", "watch", "kit", "receipt")
Add = Callable[[str, str, str], argparse.ArgumentParser]  # name, summary, examples


def add_to(add: Add) -> None:
    """Define the commands."""
    check = add("check", "Check your own notebook on the public cases.", help_texts.CHECK)
    _checking(check)
    check.add_argument(
        "--train", action="store_true", help="also train a student briefly with your losses, as grading does"
    )
    check.add_argument("--receipt", type=Path, metavar="FILE", help="also write what came out, signed, to show")
    watch = add("watch", "Check your own notebook again whenever it is saved.", help_texts.WATCH)
    _checking(watch)
    kit = add("kit", "Build what learners are handed: notebook and public cases, no answers.", help_texts.KIT)
    kit.add_argument("assignment", help="name of a folder in assignments/, or its path")
    kit.add_argument("-o", "--out", required=True, type=Path, metavar="FILE", help="the zip to write")

    receipt = add("receipt", "Verify a receipt of a learner's self-check.", help_texts.RECEIPT)
    receipt.add_argument("file", type=Path, metavar="FILE", help="written by `grader check --receipt FILE`")
    receipt.add_argument("--notebook", type=Path, help="also: is this the notebook that was checked?")
    for command in (kit, receipt):
        command.add_argument("--dev-secret", action="store_true", help="the published secret; for trying out")


def dispatch(args: argparse.Namespace, lang: str) -> int:
    """Run one of COMMANDS. Returns the exit code."""
    match args.command:
        case "check":
            from grader.commands import check

            return check.run(_asked(args, lang))
        case "watch":
            from grader.commands import watch

            return watch.run(_asked(args, lang))
        case "receipt":
            from grader.commands import receipt

            return receipt.run(args.file, args.notebook, dev_secret=args.dev_secret)
        case _:
            from grader.commands import kit

            return kit.run(args.assignment, args.out, dev_secret=args.dev_secret)


def _checking(command: argparse.ArgumentParser) -> None:
    command.add_argument("notebook", type=Path, metavar="NOTEBOOK")
    command.add_argument("-a", "--assignment", help="default: the one whose exercises the notebook holds")
    command.add_argument(
        "-e", "--exercise", action="append", default=[], metavar="NAME",
        help="only this one, by name or by number (Q2); may be given several times",
    )  # fmt: skip
    command.add_argument(
        "--hints", type=int, choices=(1, 2, 3), default=2, metavar="N",
        help="1: what was called, expected and got; 2 (default): also what that means and the likely mistake; "
        "3: also the line of the formula. Your course may set a limit",
    )  # fmt: skip
    command.add_argument(
        "--lang", choices=LANGUAGES, help="language of the answer (default: from the environment)"
    )


def _asked(args: argparse.Namespace, lang: str) -> Asked:
    from grader.commands.check import Asked

    receipt = getattr(args, "receipt", None)
    train = getattr(args, "train", False)
    return Asked(args.notebook, args.assignment, tuple(args.exercise), lang, receipt, args.hints, train)
