"""The whole grader on one page: submission -> program -> observations -> results -> grade."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from grader import archive
from grader.archive import Seen, call_digest
from grader.findings import read_exercises
from grader.judge import judge
from grader.modes import KERAS3, LEGACY, TF1, Mode, detect
from grader.notebook import Unreadable, parse_notebook
from grader.oracle import Sandbox
from grader.plan import plan
from grader.sameness import relocate, same_form
from grader.score import nothing, score
from grader.training.confirm import confirm
from grader.training.trainer import Training
from grader.types import (
    NOTHING,
    Assignment,
    Call,
    CheckResult,
    Execution,
    ExerciseResult,
    Expectations,
    Found,
    Graded,
    Notebook,
    Program,
    Remark,
    Rubric,
    Run,
    Submission,
    Verdict,
)


@dataclass(frozen=True)
class Context:
    """All that judging one submission needs, the same for a whole class."""

    assignment: Assignment
    rubric: Rubric
    expectations: Expectations
    template: Notebook
    sandbox: Sandbox
    environment: Mapping[str, str]
    trainer: Training | None = None  # None: numeric checks only
    execute: Callable[[Notebook], Execution] | None = None  # None: whole notebooks are not run
    training: str = ""  # names the plan and the device that training checks belong to
    watch: Callable[[Graded], None] | None = None  # is told of each part that is judged; see `tell`

    @property
    def calls(self) -> list[Call]:
        """What a submission that defines everything is asked."""
        return plan(self.assignment, [expected.case for expected in self.expectations.cases.values()])

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """What each call is, by its id; the same for a whole class, so it is worked out once."""
        return {call.id: call_digest(call, self.assignment.limits) for call in self.calls}


def grade(submission: Submission, context: Context, known: Seen | None = None) -> Graded:
    """Judge one submission. Never raises for what a learner did; our own faults make it not final.

    `known`: observed earlier, of this submission or of one with the same program. What of it still holds is
    judged as it is, and not run again.
    """
    start = time.perf_counter()
    program = notebook = None
    try:
        if submission.fault:
            return internal(submission, context, submission.fault)
        known = known if known and archive.same_versions(known.environment, context.environment) else None
        notebook = read_notebook(submission, known)
        program = needed_part(notebook, context)
        return run_and_judge(submission, program, context, start, notebook=notebook, known=known)
    except Unreadable as bad:
        zero = nothing(context.rubric, Verdict.ERROR, "unreadable", final=True, detail=bad.reason)
        why = f"{bad.reason}: {bad.detail}"
        return Graded(submission, context.assignment, zero, None, None, (), unreadable=why, notebook=notebook)
    except Exception as fault:  # whatever it is, it is not the learner's zero
        return internal(submission, context, f"{type(fault).__name__}: {fault}", program)


def read_notebook(submission: Submission, known: Seen | None = None) -> Notebook:
    """The cells of what was handed in. Raises Unreadable."""
    if submission.problem:
        reason, _, detail = submission.problem.partition(": ")
        raise Unreadable(reason, detail)
    if submission.data is not None:
        return parse_notebook(submission.data, submission.path)
    if known is None or known.notebook is None:
        raise ValueError("the notebook is not at hand")
    return known.notebook


def whole(notebook: Notebook, context: Context, known: Seen | None) -> Execution | None:
    """The run of the whole notebook, where that is asked for."""
    if context.execute is None:
        return None
    if known and known.execution and known.executed == archive.cells_digest(notebook):
        return known.execution
    return context.execute(notebook)


def needed_part(notebook: Notebook, context: Context) -> Program:
    """The part of the notebook that the exercises need, for the Keras that it calls for."""
    program = read_exercises(notebook, context.assignment, context.template)
    return in_mode(program, detect(notebook)) if context.assignment.legacy else program


def in_mode(program: Program, mode: Mode) -> Program:
    """`program` for the Keras that its notebook calls for; for either where nothing in it tells."""
    if mode.name in (LEGACY, TF1):
        sign = mode.reasons[0] if mode.reasons else None
        told = Remark("legacy_keras", sign.place if sign else None, sign.what if sign else "")
        return replace(program, mode=LEGACY, remarks=(*program.remarks, told))
    return replace(program, mode=KERAS3) if any(reason.asked for reason in mode.reasons) else program


def run_and_judge(
    submission: Submission,
    program: Program,
    context: Context,
    start: float,
    *,
    notebook: Notebook | None = None,
    known: Seen | None = None,
) -> Graded:
    """The sandboxed half of `grade`. What is worth most comes first, in case that time runs out."""

    def so_far(results: Sequence[ExerciseResult]) -> None:
        own = tuple(results)
        tell(context, Graded(submission, context.assignment, score(own, context.rubric), program, run, own))

    defined = {name for name, finding in program.findings.items() if finding.found == Found.DEFINED}
    cases = [e.case for e in context.expectations.cases.values() if e.case.exercise in defined]
    own = known if known and known.run and known.form == same_form(program) else None
    run = observe(program, plan(context.assignment, cases), context, own)
    if run.mode and not program.mode:
        program = replace(program, mode=run.mode, remarks=(*program.remarks, Remark("legacy_keras_tried")))
    ran = time.perf_counter()
    results = judge(program, run, context.assignment, context.expectations)
    judged = time.perf_counter()
    so_far(results)
    if context.trainer is not None:
        families = context.expectations.families
        stored = trained(own, notebook, program, context)
        results = confirm(program, results, context.assignment, families, context.trainer, stored, so_far)
    done = time.perf_counter()
    execution = whole(notebook, context, known) if notebook is not None else None
    grade = score(results, context.rubric, execution)
    timing = {
        "wall_s": round(time.perf_counter() - start, 4),
        "judging_s": round(judged - ran, 4),
        "training_s": round(done - judged, 4),
        "worker_wall_s": round(run.wall_s, 4),
        "worker_cpu_s": round(run.cpu_s, 4),
        "worker_memory_mb": round(run.memory_mb, 1),
    }
    return Graded(
        submission, context.assignment, grade, program, run, results, execution, notebook=notebook, timing=timing
    )


def observe(program: Program, calls: Sequence[Call], context: Context, known: Seen | None) -> Run:
    """One observation for every call: known ones, and a run for the others."""
    limits = context.assignment.limits
    if known is None or known.run is None or known.notebook is None:
        return context.sandbox.run(program, calls, limits)
    run = relocate(known.run, program, needed_part(known.notebook, context))
    kept = {
        call.id: run.observations[call.id]
        for call in calls
        if call.id in run.observations and known.digests.get(call.id) == context.digests[call.id]
    }
    missing = [call for call in calls if call.id not in kept]
    if not missing:
        return replace(run, observations=kept)
    # With the Keras that the known part ran with: one submission is judged by one.
    own = replace(program, mode=program.mode or run.mode or (KERAS3 if context.assignment.legacy else ""))
    fresh = context.sandbox.run(own, missing, limits)
    return replace(fresh, observations={**kept, **fresh.observations}, mode=run.mode)


def trained(
    known: Seen | None, notebook: Notebook | None, program: Program, context: Context
) -> Mapping[str, CheckResult]:
    """Trainings that need not be repeated, by exercise: the same program trains the same, to the bit."""
    if known is None or known.training != context.training:
        return NOTHING
    checks = [check for check in known.trained if check.verdict != Verdict.SKIPPED]
    if known.notebook != notebook:  # a twin's: its exceptions stand in other places
        checks = [replace(c, place=program.findings[c.exercise].place) for c in checks if c.fault is None]
    return {check.exercise: check for check in checks}


def tell(context: Context, graded: Graded) -> None:
    """Tell whoever watches. In a grade that is not final, what is still to be done has the verdict INTERNAL."""
    if context.watch is None:
        return
    try:
        context.watch(graded)
    except Exception:  # where it is told is no affair of the learner's
        _LOG.warning("%s: could not be told", graded.submission.id, exc_info=True)


def internal(submission: Submission, context: Context, why: str, program: Program | None = None) -> Graded:
    """Not final: something of ours failed."""
    grade = nothing(context.rubric, Verdict.INTERNAL, "internal", final=False, detail=why)
    return Graded(submission, context.assignment, grade, program, None, (), internal=why)


_LOG = logging.getLogger(__name__)
