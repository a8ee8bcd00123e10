"""One submission as a piece of work: what goes to a worker, what comes back, and what does it.

Everything here can be pickled, so that the worker may be a thread, a process or another machine. It holds the
expected answers in memory only: no file that submitted code could look for.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from grader import archive
from grader.context import environment
from grader.execute.run import execute
from grader.flavours import WhenNeeded, open_for
from grader.pipeline import Context, grade, internal, tell
from grader.reports.curves import to_svg
from grader.reports.feedback import to_markdown
from grader.reports.page import to_html
from grader.result import to_dict, to_json, to_row
from grader.training.opening import Equipment, TrainerWhenNeeded, open_trainer
from grader.types import NOTHING, Assignment, Expectations, Graded, Notebook, Rubric, Submission

OBSERVATIONS = "observations.npz"
CURVES = "training.svg"
FILES = ("result.json", "feedback.md", "feedback.html", CURVES, OBSERVATIONS)


@dataclass(frozen=True)
class Task:
    """One submission to be judged. `key` changes when the judgement could."""

    submission: Submission
    key: str
    known: bytes | None = None  # what was observed earlier: of it, or of its twin
    twin: str = ""  # id of the submission with the identical program
    lang: str = ""  # of its report; empty: the plan's


@dataclass(frozen=True)
class Outcome:
    """A judgement, ready to be kept: the row for the class, and the files of the learner's folder."""

    id: str
    key: str
    final: bool
    row: dict[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)


class Workshop(Protocol):
    """Judges submissions, in one process; `perform` may be called from many threads."""

    def perform(self, task: Task) -> Outcome: ...

    def close(self) -> None: ...


class Plan(Protocol):
    """What opens a workshop anywhere; can be pickled. Everything is done with one version."""

    @property
    def version(self) -> str: ...

    def open(self) -> Workshop: ...

    def lost(self, task: Task, why: str) -> Outcome: ...


@dataclass(frozen=True)
class Blueprint:
    """The Plan of a class."""

    assignment: Assignment
    rubric: Rubric
    expectations: Expectations
    template: Notebook
    environment: Mapping[str, str]
    lang: str
    equipment: Equipment  # its device "cpu" or "gpu": the same on every machine
    store: Path | None  # of finished trainings; None keeps them in memory
    unsafe: bool = False
    lazy: bool = False  # open the sandbox only when something must run

    @property
    def version(self) -> str:
        """Of the grader and of the libraries that judging depends on, where this is asked."""
        here = environment(self.assignment.framework)
        return json.dumps({name: told for name, told in sorted(here.items()) if name != "platform"})

    def open(self) -> Workshop:
        """Start what runs submissions. Raises FriendlyError where that is not to be had."""
        return Bench(self)

    def lost(self, task: Task, why: str) -> Outcome:
        """Not final: nobody could finish it."""
        context = self.context()
        return _outcome(internal(task.submission, context, why), task, context, self.lang)

    def context(self) -> Context:
        """Without anything that runs."""
        return Context(
            self.assignment, self.rubric, self.expectations, self.template, _Nowhere(), self.environment,
            training=training_label(self.rubric, self.assignment, self.equipment),
        )  # fmt: skip


def training_label(rubric: Rubric, assignment: Assignment, equipment: Equipment) -> str:
    """Names what a training's result depends on besides the program and the versions."""
    plan = rubric.training
    if plan is None:
        return ""
    about = repr((plan, assignment.training, equipment.device))
    return hashlib.sha256(about.encode()).hexdigest()[:32]


class Bench:
    """The Workshop of a Blueprint: a sandbox, and a trainer once one is needed."""

    def __init__(self, blueprint: Blueprint, watch: Callable[[Graded], None] | None = None) -> None:
        """`watch` is told of each part of a submission that is judged, and in the end of the whole."""
        self._lang, self._watch = blueprint.lang, watch
        self._stack = ExitStack()
        try:
            self.context = self._open(blueprint)
        except BaseException:
            self._stack.close()
            raise

    def _open(self, blueprint: Blueprint) -> Context:
        assignment, plan = blueprint.assignment, blueprint.rubric.training
        sandbox = WhenNeeded(functools.partial(open_for, assignment, unsafe=blueprint.unsafe))
        self._stack.callback(sandbox.close)
        trainer = None
        if plan is not None:
            opening = open_trainer(
                plan, assignment.framework, sandbox, blueprint.store, blueprint.equipment, assignment.training
            )
            trainer = TrainerWhenNeeded(plan, functools.partial(self._stack.enter_context, opening))
        if not blueprint.lazy:  # what is missing here is told before the first submission, and once
            _ = sandbox.box
            if trainer is not None:
                trainer.ready()
        whole = functools.partial(execute, stand_ins=assignment.stand_ins)
        return replace(
            blueprint.context(),
            sandbox=sandbox,
            trainer=trainer,
            execute=whole if blueprint.rubric.executes else None,
            watch=self._watch,
        )

    def perform(self, task: Task) -> Outcome:
        """Judge one submission. Never raises: a fault of ours is an outcome that is not final."""
        known = None
        if task.known is not None:
            with suppress(*archive.UNUSABLE):
                known = archive.from_bytes(task.known)
        own = known is not None and known.submission.id == task.submission.id
        twin = known.twin if known is not None and own else task.twin
        graded = replace(grade(task.submission, self.context, known), twin=twin)
        tell(self.context, graded)
        return _outcome(graded, task, self.context, self._lang)

    def close(self) -> None:
        """Stop everything."""
        self._stack.close()


class _Nowhere:
    """Stands where a sandbox would, in a context that runs nothing."""

    versions: Mapping[str, str] = NOTHING

    def run(self, *_: object) -> Any:
        raise AssertionError("nothing is run here")


def _outcome(graded: Graded, task: Task, context: Context, lang: str) -> Outcome:
    """A judgement as row and files. What cannot be written down is not final."""
    lang = task.lang or lang
    try:
        files = _files(graded, context, lang)
        row = to_row(graded, lang, context.template)
        return Outcome(task.submission.id, task.key, graded.grade.final, row, files)
    except Exception as fault:
        _LOG.warning("%s: the report failed", task.submission.id, exc_info=True)
        lost = internal(task.submission, context, f"{type(fault).__name__}: {fault}")
        return Outcome(task.submission.id, task.key, False, to_row(lost, lang))


def _files(graded: Graded, context: Context, lang: str) -> dict[str, bytes]:
    told = context.expectations, lang, context.environment
    curves = to_svg(graded, lang)
    texts = {
        "result.json": to_json(to_dict(graded, *told)),
        "feedback.md": to_markdown(graded, *told),
        "feedback.html": to_html(graded, *told, curves=curves or ""),
        CURVES: curves,
    }
    files = {name: text.encode("utf-8", "replace") for name, text in texts.items() if text}
    if graded.grade.final:
        seen = archive.seen(graded, context.environment, context.digests, context.training)
        files[OBSERVATIONS] = archive.to_bytes(seen)
    return files


_LOG = logging.getLogger(__name__)
