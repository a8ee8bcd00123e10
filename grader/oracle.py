"""Reference programs through the sandbox -> Expectations: every accepted answer, as numbers.

The accepted forms run in float64 on the same (float32) inputs as the learner's code; the float32
run of the reference shows how much rounding a case causes. Mistakes run in float32 as the learner's
code does: some of them only exist there (TF 1's losses cast to float32).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from grader.checks import comparable, goes_with, names, part
from grader.plan import plan
from grader.programs import AuthoringError, Marked, Reference, known_mistakes, with_marked
from grader.types import (
    REFERENCE,
    Answer,
    Assignment,
    Call,
    Case,
    Exercise,
    Expectations,
    Expected,
    Family,
    Limits,
    Observation,
    Program,
    Run,
    Verdict,
)

FORMAT = "6"  # changes when what is stored changes


class Sandbox(Protocol):
    """What runs a program: grader.sandbox.pool.Zygote or its plain stand-in."""

    @property
    def versions(self) -> Mapping[str, str]: ...

    def run(self, program: Program, calls: Sequence[Call], limits: Limits) -> Run: ...


@dataclass(frozen=True)
class Job:
    """One trusted program to run, and where its answers belong."""

    marked: tuple[Marked, ...]
    cases: tuple[Case, ...]
    key: str  # family key or mistake name
    float64: bool


def digest(assignment: Assignment, reference: Reference, cases: Sequence[Case]) -> str:
    """Names everything that decides the expectations; the cache's key."""
    h = hashlib.sha256(f"{FORMAT}\0{assignment.digest}\0{reference.digest}\0".encode())
    h.update(cases_digest(cases).encode())
    return h.hexdigest()


def cases_digest(cases: Sequence[Case]) -> str:
    """Content of the drawn inputs, so that a changed draw or secret is noticed."""
    h = hashlib.sha256()
    for case in cases:
        h.update(case.id.encode())
        for name, value in sorted(case.inputs.items()):
            h.update(name.encode())
            h.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    return h.hexdigest()


def compute(
    assignment: Assignment,
    reference: Reference,
    cases: Sequence[Case],
    sandbox: Sandbox,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Expectations:
    """Run every accepted form and every known mistake on the cases. Raises AuthoringError."""
    families = {name: reference.families(name) for name in assignment.exercises}
    judged = [case for case in cases if case.kind != "robustness"]
    work = [Job((), tuple(judged), "", False), *_family_jobs(assignment, reference, families, judged)]
    work += [
        Job((m,), tuple(c for c in judged if c.exercise == m.exercise), m.name, False) for m in reference.mistakes
    ]
    runs = _run_all(work, assignment, reference, sandbox, jobs, progress)
    right: dict[str, dict[str, Answer]] = {case.id: {} for case in cases}
    wrong: dict[str, dict[str, Answer]] = {case.id: {} for case in cases}
    for job, run in zip(work[1:], runs[1:], strict=True):
        target = right if job.float64 else wrong
        for case in job.cases:
            observation = run.observations[case.id]
            if job.float64:
                _demand(observation, job, case, run)
            target[case.id][job.key] = Answer(observation.value, observation.gradients, observation.arrays)
    float32 = runs[0].observations
    expected = {
        case.id: Expected(
            case,
            right[case.id],
            wrong[case.id],
            _rounding(float32.get(case.id), right[case.id], case, assignment.exercises[case.exercise]),
        )
        for case in cases
    }
    return Expectations(expected, families, known_mistakes(reference), digest(assignment, reference, cases))


def family_keys(
    exercise: Exercise, families: Mapping[str, tuple[Family, ...]]
) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """All combinations of an exercise's own form with the forms of the helpers it uses.

    Yields the key under which the answers are stored ("own/helper's") and the (exercise, family)
    pairs that make it.
    """
    members = (exercise.name, *exercise.uses)
    for combination in itertools.product(*(families[m] for m in members)):
        if not goes_with(combination[0], [f.name for f in combination[1:]]):
            continue
        chosen = tuple((m, f.name) for m, f in zip(members, combination, strict=True))
        yield "/".join(name for _, name in chosen), chosen


def _family_jobs(
    assignment: Assignment,
    reference: Reference,
    families: Mapping[str, tuple[Family, ...]],
    cases: Sequence[Case],
) -> Iterator[Job]:
    for exercise in assignment.exercises.values():
        own = [c for c in cases if c.exercise == exercise.name]
        for key, chosen in family_keys(exercise, families):
            marked = [reference.family(*pair) for pair in chosen]
            plain_helpers = all(m is None for m in marked[1:])
            wanted = tuple(c for c in own if plain_helpers or c.kind != "follow_through")
            yield Job(tuple(m for m in marked if m), wanted, key, True)


def _run_all(
    work: Sequence[Job],
    assignment: Assignment,
    reference: Reference,
    sandbox: Sandbox,
    jobs: int,
    progress: Callable[[int, int], None],
) -> list[Run]:
    def one(job: Job) -> Run:
        program = with_marked(reference.solution, job.marked)
        return sandbox.run(program, plan(assignment, job.cases, float64=job.float64), assignment.limits)

    runs = []
    with ThreadPoolExecutor(jobs) as pool:
        for run in pool.map(one, work):
            runs.append(run)
            progress(len(runs), len(work))
    return runs


def _demand(observation: Observation, job: Job, case: Case, run: Run) -> None:
    """An accepted form that gives no finite answer on a judged case is the author's fault."""
    where = job.marked[0].place if job.marked else "solution"
    if observation.ended != Verdict.PASSED:
        fault = observation.fault or next(iter(run.load_faults), None)
        told = f"{fault.type}: {fault.message}" if fault else observation.detail
        raise AuthoringError(f"{where}: {job.key} on case {case.id} ended with {observation.ended} ({told})")
    for check in names(case):
        array = part(observation, check)
        if array is None or not np.isfinite(array).all():
            raise AuthoringError(f"{where}: {job.key} on case {case.id} gives no finite {check}")


def _rounding(
    float32: Observation | None, answers: Mapping[str, Answer], case: Case, exercise: Exercise
) -> dict[str, float]:
    """Absolute float32 error of the reference on each check of a case."""
    key = "/".join([REFERENCE] * (1 + len(exercise.uses)))
    if float32 is None or key not in answers:
        return {}
    errors = {}
    for check in names(case):
        a = comparable(part(float32, check), check, exercise, case)
        e = comparable(part(answers[key], check), check, exercise, case)
        if a is None or e is None or a.shape != e.shape:
            raise AuthoringError(f"the reference has no {check} in float32 on case {case.id}: {float32.fault}")
        errors[check] = float(np.abs(a.astype(np.float64) - e).max(initial=0.0))
    return errors
