"""The commands that have to do with learning systems: their arguments, and what they start."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from grader import help_texts
from grader.lms import CLASS, PACKAGES, SINGLE

COMMANDS = ("export", "package", "push", "serve")
Add = Callable[[str, str, str], argparse.ArgumentParser]  # name, summary, examples


def add_to(add: Add) -> None:
    """Define the commands."""
    _export(add("export", "Write the grades of a class in the form of a learning system.", help_texts.EXPORT))
    _package(add("package", "Build what a learning system takes to run the grader itself.", help_texts.PACKAGE))
    _push(add("push", "Send grades and feedback to a learning system.", help_texts.PUSH))
    _serve(add("serve", "Be an LTI 1.3 tool: learners hand in on a page, grades go back.", help_texts.SERVE))


def dispatch(args: argparse.Namespace) -> int:
    """Run one of COMMANDS. Returns the exit code."""
    match args.command:
        case "export":
            from grader.commands import export

            asked = export.Options(
                args.format, args.to, args.sheet, args.column, args.max, args.dry_run, args.json
            )
            return export.run(args.out, asked)
        case "package":
            from grader.commands import package

            return package.run(args.system, args.assignment, args.out)
        case "push":
            from grader.commands import push

            return push.run(args)
        case _:
            from grader.commands import serve

            return serve.run(args)


def _export(command: argparse.ArgumentParser) -> None:
    formats = "; ".join(f"{name}: {what}" for name, what in (CLASS | SINGLE).items())
    command.add_argument("out", type=Path, metavar="OUT", help="folder of `grader grade -o OUT`")
    command.add_argument("--format", required=True, choices=sorted(CLASS | SINGLE), metavar="NAME", help=formats)
    command.add_argument("-t", "--to", type=Path, metavar="FOLDER", help="default: OUT/export/NAME")
    command.add_argument(
        "--sheet", type=Path, metavar="FILE", help="the system's own worksheet or gradebook, to be filled in"
    )
    command.add_argument("--column", default="", help="the assignment's column in it, where it is not clear")
    command.add_argument(
        "--max",
        type=_points,
        metavar="POINTS",
        help="what full marks are worth there (default: what the sheet says)",
    )
    command.add_argument("--dry-run", action="store_true", help="show what would change for whom; write nothing")
    command.add_argument("--json", action="store_true", help="print as JSON")


def _package(command: argparse.ArgumentParser) -> None:
    command.add_argument("system", choices=PACKAGES, metavar="SYSTEM", help=", ".join(PACKAGES))
    command.add_argument("assignment", help="name of a folder in assignments/, or its path")
    command.add_argument("-o", "--out", required=True, type=Path, metavar="FILE", help="the zip to write")


def _push(command: argparse.ArgumentParser) -> None:
    systems = command.add_subparsers(dest="system", required=True, metavar="SYSTEM")
    for name, token in (("canvas", "CANVAS_TOKEN"), ("moodle", "MOODLE_TOKEN")):
        one = systems.add_parser(name, help=f"needs an access token in {token}")
        one.add_argument("out", type=Path, metavar="OUT", help="folder of `grader grade -o OUT`")
        one.add_argument("--url", required=True, help="of the site: https://...")
        one.add_argument("--assignment", required=True, metavar="ID", help="its number there")
        if name == "canvas":
            one.add_argument("--course", required=True, metavar="ID", help="its number there")
        one.add_argument(
            "--apply", action="store_true", help="send; without it only shows what would change for whom"
        )
        one.add_argument("--json", action="store_true", help="print as JSON")


def _serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, metavar="FILE", help="serve.yaml (see docs/lms/lti.md)")


def _points(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError("a number above 0")
    return number
