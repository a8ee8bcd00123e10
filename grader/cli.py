"""Argument parsing only. Exit codes: see `grader.commands`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import grader
from grader.commands import INTERRUPTED, USAGE
from grader.i18n import LANGUAGES, language
from grader.types import FriendlyError

GRADE = """examples:
  grader grade submissions/ -a distillation_tf -o out
  grader grade class.zip -a distillation_tf -o out -j 4 --lang ko
  grader grade kim.ipynb -a distillation_tf -o out --again --no-train

The same command again grades only what is new or changed. out/grades.csv holds one row per
submission, out/<id>/feedback.md what its learner should read, out/<id>/result.json everything.
exit codes: 0 every submission has a final grade, 3 some have not (listed), 2 usage or configuration."""
CHECK = """examples:
  grader check my.ipynb
  grader check my.ipynb -e attention_transfer --lang ko

exit codes: 0 all passed, 1 something to mend, 2 could not check."""
NEW = """examples:
  grader new my_assignment
  grader new my_assignment --framework torch --title-en "Attention" --title-ko "어텐션"

Writes assignments/<slug>/, reference/<slug>/ and a block of rubric.yaml: two small exercises that vet green,
to be replaced by your own. Nothing that exists is touched; after an error nothing is left behind.
exit codes: 0 written, 2 usage or configuration (no such name, the name is taken, the framework is missing)."""
VET = """example:
  grader vet distillation_tf

exit codes: 0 the assignment is sound, 1 it is not, 2 usage or configuration."""
BAKE = """example:
  grader bake distillation_tf

Writes assignments/<slug>/public.npz. --check only says whether it is up to date."""
DOCTOR = "example:\n  grader doctor\n\nexit codes: 0 strangers' code can be graded here, 1 it cannot."
CACHE = """examples:
  grader cache
  grader cache clear --training

Expected answers of the hidden cases and finished training runs are kept below .grader/cache to save time.
Nothing else is lost with them: grades stay in their folders, and the secret is never touched.
exit codes: 0 done, 2 usage or configuration."""
INIT = "example:\n  grader init\n\nMakes .grader/secret once; an existing one is never overwritten."


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

    grade = add("grade", "Grade a notebook, a folder or a zip of them.", GRADE)
    grade.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="notebook (.ipynb, .py), folder or .zip"
    )
    grade.add_argument("-a", "--assignment", required=True, help="name of a folder in assignments/, or its path")
    grade.add_argument("-o", "--out", required=True, type=Path, help="folder for the results")
    grade.add_argument(
        "-j", "--jobs", type=_jobs, default=_cores(), help="workers at a time (default: %(default)s)"
    )
    grade.add_argument("--json", action="store_true", help="print a summary as JSON on stdout")
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
    check = add("check", "Check your own notebook on the public cases.", CHECK)
    check.add_argument("notebook", type=Path, metavar="NOTEBOOK")
    check.add_argument("-a", "--assignment", help="default: the one whose exercises the notebook holds")
    check.add_argument("-e", "--exercise", help="show only this exercise")
    _lang(check)
    new = add("new", "Start an assignment: files that vet green, to be changed into your own.", NEW)
    new.add_argument("slug", help="its name in assignments/ and reference/")
    new.add_argument(
        "--framework",
        choices=("numpy", "torch", "tensorflow"),
        default="numpy",
        help="what its notebook computes with (default: %(default)s)",
    )
    new.add_argument("--title-en", default="", metavar="TITLE", help="its English title (default: from the name)")
    new.add_argument("--title-ko", default="", metavar="TITLE", help="its Korean title (default: the English one)")
    vet = add("vet", "Prove that an assignment is sound: references, variants, mistakes, tolerances.", VET)
    vet.add_argument("assignment", nargs="?", help="default: all")
    bake = add("bake", "Make the stored numbers of the public cases.", BAKE)
    bake.add_argument("assignment", nargs="?", help="default: all")
    bake.add_argument("--check", action="store_true", help="write nothing; exit 1 when out of date")
    cache = add("cache", "Show or remove what is kept to save time.", CACHE)
    cache.add_argument("action", nargs="?", choices=("show", "clear"), default="show", help="default: show")
    cache.add_argument("--answers", action="store_true", help="only the expected answers of the hidden cases")
    cache.add_argument("--training", action="store_true", help="only the training runs")
    add("doctor", "Show what isolates submissions on this machine.", DOCTOR)
    add("init", "Make the secret that the hidden cases are drawn from.", INIT)
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
            from grader.training.opening import Equipment

            equipment = Equipment(args.device, args.gpu_workers, args.data)
            options = grade.Options(
                args.jobs,
                not args.no_train,
                args.execute,
                equipment,
                args.json,
                args.again,
                args.unsafe,
                args.dev_secret,
                lang,
            )
            return grade.run(args.paths, args.assignment, args.out, options)
        case "check":
            from grader.commands import check

            return check.run(args.notebook, args.assignment, args.exercise, lang)
        case "cache":
            from grader.commands import cache

            return cache.run(args.action, answers=args.answers, training=args.training)
        case _:
            return _author(args)


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


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
