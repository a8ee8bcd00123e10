"""Argument parsing only. Exit codes: see `grader.commands`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import grader
from grader import cli_learner, cli_systems, help_texts
from grader.commands import INTERRUPTED, USAGE
from grader.i18n import LANGUAGES, language
from grader.types import FriendlyError

if TYPE_CHECKING:
    from grader.commands.grade import Options


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        "grader", description="Runs, judges and explains deep-learning exercises handed in as notebooks."
    )
    top.add_argument("--version", action="version", version=f"grader {grader.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, summary: str, epilog: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    grade = add("grade", "Grade a notebook, a folder or a zip of them.", help_texts.GRADE)
    grade.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="notebook (.ipynb, .py), folder or .zip"
    )
    grade.add_argument("-a", "--assignment", required=True, help="name of a folder in assignments/, or its path")
    grade.add_argument("-o", "--out", required=True, type=Path, help="folder for the results")
    grade.add_argument(
        "-j", "--jobs", type=_jobs, help="workers at a time (default: what cores and free memory allow)"
    )
    grade.add_argument(
        "--roster", type=Path, metavar="CSV", help="the course's list: names, ids, and who handed in nothing"
    )
    grade.add_argument(
        "--anonymous", action="store_true", help="strip names from all reports; out/names.csv tells who is who"
    )
    grade.add_argument(
        "--no-bom", action="store_true", help="grades.csv without the byte order mark that Excel needs for Korean"
    )
    grade.add_argument(
        "--engine", choices=("local", "dask", "slurm"), default="local", help="where to run (default: %(default)s)"
    )
    grade.add_argument(
        "--scheduler", default="", metavar="URL", help="of Dask, for --engine dask: tcp://host:8786"
    )
    grade.add_argument(
        "--workers", type=_jobs, default=1, metavar="N", help="jobs to start, for --engine slurm (default: 1)"
    )
    grade.add_argument("--json", action="store_true", help="print a summary as JSON on stdout")
    cli_systems.add_reply(grade)
    grade.add_argument("--no-train", action="store_true", help="numeric checks only, and their points only")
    grade.add_argument(
        "--execute",
        action=argparse.BooleanOptionalAction,
        help="also run every notebook from top to bottom, on tiny data (default: as rubric.yaml says)",
    )
    grade.add_argument(
        "--device",
        choices=("auto", "cpu", "gpu"),
        default="auto",
        help="where students are trained (default: auto, a GPU only for data that is worth one)",
    )
    grade.add_argument(
        "--gpu-workers", type=_jobs, default=1, metavar="N", help="trainings at a time on the GPU (default: 1)"
    )
    grade.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="file or folder of the training images, if not where frameworks keep them",
    )
    grade.add_argument("--again", action="store_true", help="grade everything anew, also what has not changed")
    grade.add_argument("--unsafe", action="store_true", help="go on where submissions cannot be isolated")
    grade.add_argument(
        "--dev-secret",
        action="store_true",
        help="draw hidden cases from a secret that everybody knows; for trying out",
    )
    _lang(grade)
    regrade = add("regrade", "Apply a changed rubric or changed cases to a graded class.", help_texts.REGRADE)
    regrade.add_argument("out", type=Path, metavar="OUT", help="folder of an earlier `grader grade -o OUT`")
    regrade.add_argument("-j", "--jobs", type=_jobs, help="workers at a time, where something must run")
    regrade.add_argument("--json", action="store_true", help="print a summary as JSON on stdout")
    status = add("status", "Show how far a run is, from another terminal.", help_texts.STATUS)
    status.add_argument("out", type=Path, metavar="OUT")
    status.add_argument("--watch", action="store_true", help="refresh until it has finished")
    status.add_argument("--json", action="store_true", help="print as JSON")
    diff = add("diff", "Show whose grade moved between two graded classes, and why.", help_texts.DIFF)
    diff.add_argument("one", type=Path, metavar="OUT1")
    diff.add_argument("two", type=Path, metavar="OUT2")
    diff.add_argument("--json", action="store_true", help="print as JSON")
    _lang(diff)
    cli_systems.add_to(add)
    cli_learner.add_to(add)
    new = add("new", "Start an assignment: files that vet green, to be changed into your own.", help_texts.NEW)
    new.add_argument("slug", help="its name in assignments/ and reference/")
    new.add_argument(
        "--framework",
        choices=("numpy", "torch", "tensorflow"),
        default="numpy",
        help="what its notebook computes with (default: %(default)s)",
    )
    new.add_argument("--title-en", default="", metavar="TITLE", help="its English title (default: from the name)")
    new.add_argument("--title-ko", default="", metavar="TITLE", help="its Korean title (default: the English one)")
    vet = add(
        "vet", "Prove that an assignment is sound: references, variants, mistakes, tolerances.", help_texts.VET
    )
    vet.add_argument("assignment", nargs="?", help="default: all")
    bake = add("bake", "Make the stored numbers of the public cases.", help_texts.BAKE)
    bake.add_argument("assignment", nargs="?", help="default: all")
    bake.add_argument("--check", action="store_true", help="write nothing; exit 1 when out of date")
    cache = add("cache", "Show or remove what is kept to save time.", help_texts.CACHE)
    cache.add_argument("action", nargs="?", choices=("show", "clear"), default="show", help="default: show")
    cache.add_argument("--answers", action="store_true", help="only the expected answers of the hidden cases")
    cache.add_argument("--training", action="store_true", help="only the training runs")
    add("doctor", "Show what isolates submissions on this machine.", help_texts.DOCTOR)
    add("init", "Make the secret that the hidden cases are drawn from.", help_texts.INIT)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the `grader` command."""
    args = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        return _dispatch(args)
    except FriendlyError as wrong:
        print(f"grader: {wrong}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("grader: interrupted", file=sys.stderr, flush=True)
        os._exit(INTERRUPTED)  # threads still wait for workers; these end with us
    except BrokenPipeError:  # `grader ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED
    except OSError as fault:
        print(f"grader: {fault}; what was graded is kept: mend this and run the same command", file=sys.stderr)
        return USAGE


def _dispatch(args: argparse.Namespace) -> int:
    # Imported here, so that --help starts at once and a laptop's system need not have what grading needs.
    lang = language(getattr(args, "lang", None))
    match args.command:
        case "grade":
            from grader.commands import grade

            signal.signal(signal.SIGTERM, signal.default_int_handler)  # batch systems end jobs so: like Ctrl-C
            if args.format:
                return cli_systems.reply(args, _options(args, lang))
            return grade.run(args.paths, args.assignment, args.out, _options(args, lang))
        case "regrade":
            from grader.commands import regrade
            from grader.commands.grade import Options

            return regrade.run(args.out, Options(jobs=args.jobs, as_json=args.json))
        case "status":
            from grader.commands import status

            return status.run(args.out, watch=args.watch, as_json=args.json)
        case "diff":
            from grader.commands import diff

            return diff.run(args.one, args.two, as_json=args.json, lang=lang)
        case name if name in cli_systems.COMMANDS:
            return cli_systems.dispatch(args)
        case name if name in cli_learner.COMMANDS:
            return cli_learner.dispatch(args, lang)
        case "cache":
            from grader.commands import cache

            return cache.run(args.action, answers=args.answers, training=args.training)
        case _:
            return _author(args)


def _options(args: argparse.Namespace, lang: str) -> Options:
    from grader.commands.grade import Options
    from grader.training.opening import Equipment

    return Options(
        jobs=args.jobs,
        train=not args.no_train,
        execute=args.execute,
        equipment=Equipment(args.device, args.gpu_workers, args.data),
        as_json=args.json,
        again=args.again,
        unsafe=args.unsafe,
        dev_secret=args.dev_secret,
        lang=lang,
        anonymous=args.anonymous,
        roster=args.roster,
        engine=args.engine,
        scheduler=args.scheduler,
        workers=args.workers,
        bom=not args.no_bom,
    )


def _author(args: argparse.Namespace) -> int:
    from grader.commands import author

    match args.command:
        case "new":
            from grader.commands.new import new

            return new(args.slug, args.framework, args.title_en, args.title_ko)
        case "vet":
            return author.vet(args.assignment)
        case "bake":
            return author.bake(args.assignment, check=args.check)
        case "doctor":
            return author.doctor()
        case _:
            return author.init()


def _lang(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--lang", choices=LANGUAGES, help="language of what learners read (default: from the environment)"
    )


def _jobs(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1024:
        raise argparse.ArgumentTypeError("between 1 and 1024")
    return number


if __name__ == "__main__":
    sys.exit(main())
