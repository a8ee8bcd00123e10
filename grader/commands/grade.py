"""`grader grade`: many submissions in, grades and feedback out; resumes where it was stopped."""

from __future__ import annotations

import functools
import os
import sqlite3
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from grader.commands import NOT_FINAL, OK, USAGE
from grader.commands.anonymous import without_names
from grader.commands.batch import Batch, Engine, Item, kept, key_of
from grader.commands.progress import Progress
from grader.commands.publish import publish, summary
from grader.context import Grading, environment, find_secret
from grader.engines.local import Local, affordable
from grader.flavours import WhenNeeded, open_for
from grader.intake import Entry, Intake, UsageError, find, read
from grader.journal import FILE, Journal, write_all
from grader.reports.gradebook import left_out_csv
from grader.sandbox.survey import protected
from grader.spec import find_root
from grader.training.cache import FILE as TRAININGS
from grader.training.opening import Equipment
from grader.types import FriendlyError, Submission
from grader.work import Blueprint

LEFT_OUT = "left_out.csv"


@dataclass(frozen=True)
class Options:
    """How to grade, from the command line."""

    jobs: int | None = None  # None: as many as cores and memory allow
    train: bool = True
    execute: bool | None = None  # run whole notebooks; None: as the rubric says
    equipment: Equipment = field(default_factory=Equipment)
    as_json: bool = False
    again: bool = False
    unsafe: bool = False
    dev_secret: bool = False
    lang: str = "en"
    anonymous: bool = False
    roster: Path | None = None
    engine: str = "local"
    scheduler: str = ""
    workers: int = 1
    bom: bool = True  # in grades.csv


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
    intake = find(paths, sorted({e.root for e in grading.assignment.exercises.values()}), options.roster)
    with Journal(out / FILE) as journal:
        for sentence in intake.told:
            say(sentence)
        if options.anonymous:
            intake = without_names(intake, secret, out)
        account_for(intake, out)
        judgement = judgement_of(grading, options)
        keys, work = sort_out(intake.entries, judgement, out, journal, again=options.again)
        if len(work) < len(keys):
            done = len(keys) - len(work)
            say(f"{done} of {len(keys)} already graded and unchanged; --again grades them anew")
        remember(journal, grading, options, intake)
        return batch(keys, work, grading, out, journal, options, lazy=False)


def account_for(intake: Intake, out: Path) -> None:
    """Say what is no submission, and who is nobody's: no file of an export goes unmentioned."""
    listed = out / LEFT_OUT
    if intake.left_out:
        write_all(out, {LEFT_OUT: left_out_csv((left.path, left.why) for left in intake.left_out)})
        say(f"{len(intake.left_out)} other files are no submissions: {listed}")
    else:
        listed.unlink(missing_ok=True)  # of an earlier run
    if intake.strangers:
        say("not on the roster, or not certainly: " + ", ".join(intake.strangers))


def judgement_of(grading: Grading, options: Options) -> str:
    """All that a grade depends on besides the submission."""
    return f"{grading.judgement}-{device_of(grading, options)}-{options.lang}"


def device_of(grading: Grading, options: Options) -> str:
    """Where students are trained, the same for a whole class: "cpu", "gpu", or "" where nothing is trained."""
    if grading.rubric.training is None:
        return ""
    if options.engine != "local" and options.equipment.device == "gpu":
        return "gpu"  # of the workers; there need not be one here
    return options.equipment.chosen(grading.rubric.training)


def sort_out(
    entries: Iterable[Entry], judgement: str, out: Path, journal: Journal, *, again: bool
) -> tuple[dict[str, str], list[Item]]:
    """The key of every submission, and what is left to do."""
    keys, work = {}, []
    for entry in entries:
        keys[entry.id] = key_of(read(entry), judgement)
        if again or journal.done(entry.id, keys[entry.id]) is None:
            work.append(Item(entry.id, judgement, functools.partial(_read, entry, None if again else out)))
    return keys, work


def _read(entry: Entry, out: Path | None) -> tuple[Submission, bytes | None]:
    submission = read(entry)
    return submission, kept(out, submission) if out else None


def remember(journal: Journal, grading: Grading, options: Options, intake: Intake) -> None:
    """What `grader regrade` and the pages need to know of this command."""
    equipment = options.equipment
    journal.tell(
        slug=grading.assignment.slug,
        title=dict(grading.assignment.title),
        addresses={entry.id: dict(entry.address) for entry in intake.entries},
        told=list(intake.told),
        absent=[asdict(learner) for learner in intake.absent],
        settings={
            **{"train": options.train, "execute": options.execute, "dev_secret": options.dev_secret},
            **{"lang": options.lang, "device": equipment.device, "gpu_workers": equipment.gpu_workers},
            **{"data": str(equipment.data) if equipment.data else "", "anonymous": options.anonymous},
        },
    )


def batch(
    keys: dict[str, str],
    work: Sequence[Item],
    grading: Grading,
    out: Path,
    journal: Journal,
    options: Options,
    *,
    lazy: bool,
) -> int:
    """Do the work, keep the grades, show what came out. Returns the exit code."""
    journal.tell(
        **{"total": len(keys), "done_at_start": len(keys) - len(work), "started": time.time(), "finished": None},
        **{"pid": os.getpid(), "engine": options.engine, "versions": versions_of(grading)},
    )
    complete = False
    try:
        if work:
            with ExitStack() as stack:
                blueprint = blueprint_of(grading, options, lazy=lazy)
                engine = stack.enter_context(open_engine(blueprint, options))
                progress = stack.enter_context(Progress(len(keys), len(keys) - len(work)))
                todo = Batch(out, journal, blueprint.context(), keys, work)
                todo.go(engine, progress)
                if todo.twins:
                    say(f"{len(todo.twins)} programs were identical to another one and not run a second time")
        complete = True
        journal.tell(finished=time.time())
    except sqlite3.Error as fault:
        raise FriendlyError(f"{out / FILE}: {fault}; mend this and run the same command") from fault
    except KeyboardInterrupt:
        say(f"stopped; {len(journal.current(keys))} of {len(keys)} are graded and kept: "
            "the same command goes on from here")  # fmt: skip
        raise
    finally:
        rows = journal.current(keys)  # not counted beside the journal: Ctrl-C may come between the two
        publish(rows, grading, out, journal.about(), options.lang, complete=complete, bom=options.bom)
    return report(rows, grading, out, options)


def versions_of(grading: Grading) -> dict[str, str]:
    """What `grader diff` names when it changed."""
    assignment = grading.assignment
    return {
        "assignment": f"{assignment.slug} {assignment.version} ({assignment.digest[:8]})",
        "rubric": grading.rubric.digest[:8],
        "cases": grading.digest[:8],
        **{name: told for name, told in environment(assignment.framework).items() if name != "platform"},
    }


def blueprint_of(grading: Grading, options: Options, *, lazy: bool) -> Blueprint:
    """What opens workers; computes the expected answers where they are not stored."""
    assignment = grading.assignment
    sandbox = WhenNeeded(functools.partial(open_for, assignment, unsafe=options.unsafe))
    try:
        jobs = options.jobs or affordable(assignment.limits.memory_mb)
        expectations = grading.expectations(sandbox, jobs, prepare)
    finally:
        sandbox.close()
    return Blueprint(
        assignment,
        grading.rubric,
        expectations,
        grading.template,
        environment(assignment.framework),
        options.lang,
        replace(options.equipment, device=device_of(grading, options) or "cpu"),
        grading.root / TRAININGS if options.engine == "local" else None,  # a path of this machine
        options.unsafe,
        lazy,
    )


def open_engine(blueprint: Blueprint, options: Options) -> AbstractContextManager[Engine]:
    """The engine that was asked for. Raises FriendlyError."""
    on_gpu = blueprint.equipment.device == "gpu"
    if options.engine == "dask":
        from grader.engines.dask import Dask

        if not options.scheduler:
            raise UsageError("--engine dask: say where its scheduler is, --scheduler tcp://host:8786")
        return Dask(blueprint, options.scheduler, gpu=on_gpu, say=say)
    if options.engine == "slurm":
        from grader.engines.slurm import open_slurm

        return open_slurm(blueprint, options.workers, gpu=on_gpu, say=say)
    fits = affordable(blueprint.assignment.limits.memory_mb)
    if options.jobs and options.jobs > fits:
        say(f"-j {options.jobs}: cores and free memory are enough for {fits} here")
    return Local(blueprint, options.jobs or fits)


def report(rows: Sequence[Mapping[str, Any]], grading: Grading, out: Path, options: Options) -> int:
    """Print what came out and say so with the exit code."""
    print(summary(rows, grading, out, options.lang, as_json=options.as_json), end="")
    not_final = [row["id"] for row in rows if not row["final"]]
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
