"""The commands that have to do with learning systems: their arguments, and what they start."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from grader import help_texts
from grader.i18n import LANGUAGES, language
from grader.lms import CLASS, PACKAGES, SINGLE

if TYPE_CHECKING:
    from grader.commands.grade import Options

COMMANDS = ("export", "package", "push", "serve")
Add = Callable[[str, str, str], argparse.ArgumentParser]  # name, summary, examples


def add_to(add: Add) -> None:
    """Define the commands."""
    _export(add("export", "Write the grades of a class in the form of a learning system.", help_texts.EXPORT))
    _package(add("package", "Build what a learning system takes to run the grader itself.", help_texts.PACKAGE))
    _push(add("push", "Send grades and feedback to a learning system.", help_texts.PUSH))
    _serve(add("serve", "Be an LTI 1.3 tool: learners hand in on a page, grades go back.", help_texts.SERVE))


def add_reply(grade: argparse.ArgumentParser) -> None:
    """Options of `grader grade` for a system that starts the grader for one submission."""
    formats = "; ".join(f"{name}: {what}" for name, what in SINGLE.items())
    grade.add_argument(
        "--format",
        choices=sorted(SINGLE),
        metavar="NAME",
        help=f"PATH is what one learner handed in; answer in the form of a learning system. {formats}",
    )
    grade.add_argument("--reply", type=Path, metavar="FOLDER", help="for the answer's files (default: OUT)")


def reply(args: argparse.Namespace, options: Options) -> int:
    """`grader grade --format`. Returns the answer's exit code."""
    from grader.commands import reply as command

    return command.run(args.paths, args.assignment, args.out, args.reply, args.format, options)


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

            lang = language(args.lang)
            return package.run(args.system, args.assignment, args.out, lang=lang, seconds=args.seconds)
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
    command.add_argument(
        "--seconds",
        type=_seconds,
        metavar="N",
        help="end grading after N seconds, below the system's own time limit (default: below its usual one)",
    )
    command.add_argument(
        "--lang", choices=LANGUAGES, help="language of what learners read (default: from the environment)"
    )


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
    command.add_argument(
        "--config", type=Path, metavar="FILE", help="default: serve.yaml here (see docs/lms/lti.md)"
    )
    command.add_argument(
        "--invite",
        action="store_true",
        help="only print an address at which one learning system can register itself, once",
    )
    command.add_argument(
        "--dev-secret",
        action="store_true",
        help="draw hidden cases from a secret that everybody knows; for trying out",
    )


def _seconds(text: str) -> int:
    number = int(text)
    if not 10 <= number <= 24 * 3600:
        raise argparse.ArgumentTypeError("between 10 and 86400")
    return number


def _points(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError("a number above 0")
    return number
