"""`grader grade`: many submissions in, grades and feedback out; resumes where it was stopped."""

from __future__ import annotations

import functools
import hashlib
import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.commands import NOT_FINAL, OK, USAGE
from grader.commands.progress import Progress
from grader.context import Grading, find_secret
from grader.engines import local
from grader.execute.run import execute
from grader.flavours import open_for
from grader.intake import Entry, UsageError, find, read
from grader.journal import Journal, atomic
from grader.pipeline import Context, grade
from grader.programs import known_mistakes
from grader.reports.curves import to_svg
from grader.reports.feedback import to_markdown
from grader.reports.gradebook import to_csv
from grader.reports.terminal import render, wants_color
from grader.result import to_dict, to_json, to_row
from grader.sandbox.survey import protected
from grader.spec import find_root
from grader.training.cache import FILE
from grader.training.opening import Equipment, open_trainer
from grader.types import FriendlyError, Graded, Submission


@dataclass(frozen=True)
class Options:
    """How to grade, from the command line."""

    jobs: int
    train: bool
    execute: bool | None  # run whole notebooks; None: as the rubric says
    equipment: Equipment
    as_json: bool
    again: bool
    unsafe: bool
    dev_secret: bool
    lang: str


def run(paths: Sequence[Path], slug: str, out: Path, options: Options) -> int:
    """Grade everything below `paths` into `out`. Returns the exit code."""
    root = find_root()
    secret = find_secret(root, development=options.dev_secret)
    grading = Grading(root, slug, secret, train=options.train, execute=options.execute)
    if options.dev_secret:
        say("hidden cases come from the development secret, which everybody knows: for trying out only")
    if not protected() and not options.unsafe:
        say("submissions cannot be isolated here (see `grader doctor`); --unsafe grades them all the same")
        return USAGE
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; -o takes a folder")
    device = options.equipment.chosen(grading.rubric.training) if grading.rubric.training else ""
    entries = find(paths)
    with Journal(out / "journal.sqlite") as journal:
        judgement = f"{grading.judgement}-{device}-{options.lang}"
        keys, work = sort_out(entries, judgement, journal, again=options.again)
        if len(work) < len(entries):
            done = len(entries) - len(work)
            say(f"{done} of {len(entries)} already graded and unchanged; --again grades them anew")
        try:
            for graded, context in grade_all(work, grading, options, len(entries)):
                key = keys[graded.submission.id] = key_of(graded.submission, judgement)
                keep(graded, key, context, out, journal, options.lang)
        except sqlite3.Error as fault:
            raise FriendlyError(
                f"{out / 'journal.sqlite'}: {fault}; mend this and run the same command"
            ) from fault
        except KeyboardInterrupt:
            kept = f"{len(journal.current(keys))} of {len(entries)}"
            say(f"stopped; {kept} are graded and kept: the same command goes on from here")
            raise
        finally:
            rows = journal.current(keys)  # not counted beside the journal: Ctrl-C may come between the two
            with atomic(out / "grades.csv") as part:
                part.write_bytes(to_csv(rows))
    return report(rows, grading, out, options)


def sort_out(
    entries: Iterable[Entry], judgement: str, journal: Journal, *, again: bool
) -> tuple[dict[str, str], list[Entry]]:
    """The key of every submission, and what is left to do."""
    keys = {entry.id: key_of(read(entry), judgement) for entry in entries}
    # Read again when their turn comes: a class need not fit into memory.
    return keys, [e for e in entries if again or journal.done(e.id, keys[e.id]) is None]


def key_of(submission: Submission, judgement: str) -> str:
    """Changes exactly when the judgement could. `judgement` names what it depends on besides the submission."""
    content = submission.sha256 or submission.problem or submission.fault
    return hashlib.sha256(f"{content}\0{judgement}".encode()).hexdigest()


def grade_all(
    work: Sequence[Entry], grading: Grading, options: Options, total: int
) -> Iterator[tuple[Graded, Context]]:
    """Grade in parallel; results come as they are ready."""
    if not work:
        return
    with ExitStack() as stack:
        assignment = grading.assignment
        sandbox = open_for(assignment, unsafe=options.unsafe)
        stack.callback(sandbox.close)
        trainer = None
        if plan := grading.rubric.training:
            store = grading.root / FILE
            opening = open_trainer(
                plan, assignment.framework, sandbox, store, options.equipment, assignment.training
            )
            trainer = stack.enter_context(opening)
            if trainer.store.warning:
                say(trainer.store.warning)
        whole = functools.partial(execute, stand_ins=assignment.stand_ins)
        executing = whole if grading.rubric.executes else None
        context = grading.context(sandbox, options.jobs, prepare, trainer, executing)
        progress = stack.enter_context(Progress(total, total - len(work)))

        def one(entry: Entry) -> Graded:
            return grade(read(entry), context)

        for graded in local.run(one, work, options.jobs):
            progress.step(graded)
            yield graded, context


def keep(graded: Graded, key: str, context: Context, out: Path, journal: Journal, lang: str) -> dict[str, Any]:
    """Write a learner's files, then note it: what the journal knows is on disk."""
    if not graded.grade.final and (before := journal.done(graded.submission.id, key)):
        return before  # `--again` and a fault of ours: the grade that there is stays
    folder = out / graded.submission.id
    folder.mkdir(parents=True, exist_ok=True)
    result = to_dict(graded, context.expectations, lang, context.environment)
    with atomic(folder / "result.json") as part:
        part.write_text(to_json(result), "utf-8")
    with atomic(folder / "feedback.md") as part:
        part.write_text(to_markdown(graded, context.expectations, lang, context.environment), "utf-8")
    if curves := to_svg(graded, lang):
        with atomic(folder / "training.svg") as part:
            part.write_text(curves, "utf-8")
    else:
        (folder / "training.svg").unlink(missing_ok=True)  # of an earlier judgement
    row = to_row(graded, lang)
    journal.record(graded.submission.id, key, graded.grade.final, row)
    return row


def report(rows: Sequence[dict[str, Any]], grading: Grading, out: Path, options: Options) -> int:
    """Print what came out and say so with the exit code."""
    not_final = [row["id"] for row in rows if not row["final"]]
    if options.as_json:
        print(
            json.dumps(
                {"out": str(out), "not_final": not_final, "submissions": rows}, ensure_ascii=False, indent=1
            )
        )
    else:
        mistakes = known_mistakes(grading.reference)
        print(render(rows, options.lang, mistakes, color=wants_color(sys.stdout)), end="")
        print(f"\n{out / 'grades.csv'}")
    if not_final:
        say("not final, run the same command again: " + ", ".join(not_final))
    return NOT_FINAL if not_final else OK


def prepare(done: int, total: int) -> None:
    """The first run with a secret computes the expected answers; later runs find them."""
    if done in (1, total) or done % 20 == 0:
        say(f"computing expected answers (kept for the next run): {done} of {total}")


def say(sentence: str) -> None:
    """For the person at the keyboard; stdout belongs to results."""
    print(f"grader: {sentence}", file=sys.stderr, flush=True)
