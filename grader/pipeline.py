"""The whole grader on one page: submission -> program -> observations -> results -> grade."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from grader.findings import read_exercises
from grader.judge import judge
from grader.modes import KERAS3, LEGACY, TF1, Mode, detect
from grader.notebook import Unreadable, parse_notebook
from grader.oracle import Sandbox
from grader.plan import plan
from grader.score import nothing, score
from grader.training.confirm import confirm
from grader.training.trainer import Trainer
from grader.types import (
    Assignment,
    Execution,
    Expectations,
    Found,
    Graded,
    Notebook,
    Program,
    Remark,
    Rubric,
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
    trainer: Trainer | None = None  # None: numeric checks only
    execute: Callable[[Notebook], Execution] | None = None  # None: whole notebooks are not run


def grade(submission: Submission, context: Context) -> Graded:
    """Judge one submission. Never raises for what a learner did; our own faults make it not final."""
    start = time.perf_counter()
    program = None
    try:
        if submission.fault:
            return internal(submission, context, submission.fault)
        notebook = read_notebook(submission)
        program = needed_part(notebook, context)
        execution = context.execute(notebook) if context.execute else None
        return run_and_judge(submission, program, context, start, execution)
    except Unreadable as bad:
        zero = nothing(context.rubric, Verdict.ERROR, "unreadable", final=True, detail=bad.reason)
        why = f"{bad.reason}: {bad.detail}"
        return Graded(submission, context.assignment, zero, None, None, (), unreadable=why)
    except Exception as fault:  # whatever it is, it is not the learner's zero
        return internal(submission, context, f"{type(fault).__name__}: {fault}", program)


def read_notebook(submission: Submission) -> Notebook:
    """The cells of what was handed in. Raises Unreadable."""
    if submission.data is None:
        reason, _, detail = submission.problem.partition(": ")
        raise Unreadable(reason, detail)
    return parse_notebook(submission.data, submission.path)


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
    execution: Execution | None = None,
) -> Graded:
    """The sandboxed half of `grade`."""
    defined = {name for name, finding in program.findings.items() if finding.found == Found.DEFINED}
    cases = [e.case for e in context.expectations.cases.values() if e.case.exercise in defined]
    run = context.sandbox.run(program, plan(context.assignment, cases), context.assignment.limits)
    if run.mode and not program.mode:
        program = replace(program, mode=run.mode, remarks=(*program.remarks, Remark("legacy_keras_tried")))
    ran = time.perf_counter()
    results = judge(program, run, context.assignment, context.expectations)
    judged = time.perf_counter()
    if context.trainer is not None:
        results = confirm(program, results, context.assignment, context.expectations.families, context.trainer)
    trained = time.perf_counter()
    grade = score(results, context.rubric, execution)
    timing = {
        "wall_s": round(time.perf_counter() - start, 4),
        "judging_s": round(judged - ran, 4),
        "training_s": round(trained - judged, 4),
        "worker_wall_s": round(run.wall_s, 4),
        "worker_cpu_s": round(run.cpu_s, 4),
        "worker_memory_mb": round(run.memory_mb, 1),
    }
    return Graded(submission, context.assignment, grade, program, run, results, execution, timing=timing)


def internal(submission: Submission, context: Context, why: str, program: Program | None = None) -> Graded:
    """Not final: something of ours failed."""
    grade = nothing(context.rubric, Verdict.INTERNAL, "internal", final=False, detail=why)
    return Graded(submission, context.assignment, grade, program, None, (), internal=why)
