"""What an assignment must fulfil before a class is graded with it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from grader.checks import allowed_for, comparable, distance, names, part
from grader.context import Grading, baked
from grader.oracle import Sandbox, family_keys
from grader.pipeline import Context, grade, run_and_judge
from grader.plan import plan
from grader.programs import Marked, with_marked
from grader.types import Assignment, Call, Graded, Limits, Program, Run, Submission, Verdict

AGREEMENT = 1e-10  # two references, float64, relative to the largest entry
ROOM_FOR_VARIANTS = 0.1  # of the tolerance
ROOM_TO_MISTAKES = 10.0  # times the tolerance
LARGEST_TOLERANCE = 1e-3  # of the largest expected entry


@dataclass(frozen=True)
class VetCheck:
    """One named check; `run` returns what is wrong, a line each."""

    name: str
    run: Callable[[], list[str]]


@dataclass(frozen=True)
class Partial:
    """A sandbox that runs only the calls of some exercises; the other observations are given."""

    sandbox: Sandbox
    exercises: frozenset[str]
    rest: Run

    @property
    def versions(self) -> Mapping[str, str]:
        return self.sandbox.versions

    def run(self, program: Program, calls: Sequence[Call], limits: Limits) -> Run:
        own = self.sandbox.run(program, [c for c in calls if c.function in self.exercises], limits)
        return replace(own, observations={**self.rest.observations, **own.observations})


class Bench:
    """Runs an author's programs as if learners had handed them in, each once."""

    def __init__(self, grading: Grading, sandbox: Sandbox, second: Sandbox | None, jobs: int = 1) -> None:
        self.grading, self.sandbox, self.second, self.jobs = grading, sandbox, second, jobs
        self.context: Context = grading.context(sandbox, jobs)
        self._graded: dict[str, Graded] = {}

    def graded(self, marked: Marked | None) -> Graded:
        """The solution, or the solution with one marked function in place of its own."""
        name = marked.name if marked else "solution"
        if name not in self._graded:
            program = with_marked(self.grading.reference.solution, [marked] if marked else [])
            context = self.context
            if marked is not None:
                wrong = marked in self.grading.reference.mistakes  # which is about one exercise
                concerned = {marked.exercise} if wrong else affected(context.assignment, marked.exercise)
                context = replace(context, sandbox=self._only(frozenset(concerned)))
            self._graded[name] = self.grade(program, context)
        return self._graded[name]

    def _only(self, exercises: frozenset[str]) -> Sandbox:
        """Runs the calls of these exercises and takes the rest from the solution."""
        solution = self.graded(None).run
        assert solution is not None
        return Partial(self.sandbox, exercises, solution)

    def grade(self, program: Program, context: Context) -> Graded:
        return run_and_judge(Submission("vet", "vet", b"", ""), program, context, time.perf_counter())

    def many(self, marked: Sequence[Marked]) -> list[Graded]:
        """`graded` of each, in parallel."""
        with ThreadPoolExecutor(self.jobs) as pool:
            return list(pool.map(self.graded, marked))

    @cached_property
    def torch_context(self) -> Context:
        assert self.second is not None
        return replace(self.context, sandbox=self.second)

    def excesses(self, graded: Graded, exercise: str) -> dict[tuple[str, str], float]:
        """(case, check) -> distance to the nearest accepted form, in units of the tolerance; ordinary cases."""
        return {key: min(d.values()) for key, d in self.distances(graded, exercise).items()}

    def distances(self, graded: Graded, exercise: str) -> dict[tuple[str, str], dict[str, float]]:
        """(case, check) -> accepted form -> distance; ordinary cases, helpers in their plain form."""
        spec = self.context.assignment.exercises[exercise]
        keys = [k for k, chosen in family_keys(spec, self.context.expectations.families) if _plain_helpers(chosen)]
        found: dict[tuple[str, str], dict[str, float]] = {}
        assert graded.run is not None
        for case_id, expected in self.context.expectations.cases.items():
            if expected.case.exercise != exercise or expected.case.kind != "ordinary":
                continue
            seen = graded.run.observations[case_id]
            for check in names(expected.case):
                found[case_id, check] = {
                    k: distance(seen, expected.families[k], check, expected, spec) for k in keys
                }
        return found


def affected(assignment: Assignment, exercise: str) -> set[str]:
    """The exercises that another form of `exercise` can change: of the same definition, and built on it."""
    found = {e.name for e in assignment.exercises.values() if e.root == assignment.exercises[exercise].root}
    while more := {e.name for e in assignment.exercises.values() if found & set(e.uses)} - found:
        found |= more
    return found


def _plain_helpers(chosen: tuple[tuple[str, str], ...]) -> bool:
    return all(family == "reference" for _, family in chosen[1:])


def checks(bench: Bench) -> Iterator[VetCheck]:
    """The contract of an assignment, in the order in which an author mends things."""
    reference = bench.grading.reference
    yield VetCheck("the notebook as handed out earns 0, every blank not attempted", lambda: _template(bench))
    yield VetCheck("the solution earns everything", lambda: _full(bench.graded(None), "solution"))
    if bench.second is not None and reference.second is not None:
        yield VetCheck("the second solution earns everything", lambda: _second_full(bench))
        yield VetCheck("both solutions agree in float64 to 1e-10 on every case", lambda: _agree(bench))
    yield VetCheck("every variant earns everything", lambda: _variants_full(bench))
    yield VetCheck("every variant stays below a tenth of the tolerance", lambda: _variants_near(bench))
    yield VetCheck("every mistake is caught by ten times the tolerance", lambda: _mistakes_far(bench))
    yield VetCheck("every mistake is named as itself", lambda: _mistakes_named(bench))
    yield VetCheck("every mistake has a hint in English and Korean", lambda: _hints(bench))
    yield VetCheck("every check is failed by some mistake", lambda: _checks_bite(bench))
    yield VetCheck("two runs are identical to the bit", lambda: _identical(bench))
    yield VetCheck("tolerances are in proportion", lambda: _tolerances(bench))
    yield VetCheck("public.npz is up to date", lambda: _baked(bench))


def _template(bench: Bench) -> list[str]:

    path = f"{bench.context.assignment.folder}/notebook.ipynb"
    with open(path, "rb") as file:
        graded = grade(Submission("template", path, file.read(), ""), bench.context)
    wrong = [f"{path}: earns {graded.grade.earned:g} as handed out"] if graded.grade.earned else []
    states = {r.exercise: r.verdict for r in graded.results}
    if Verdict.NOT_ATTEMPTED not in states.values():
        wrong.append(f"{path}: no exercise is recognised as not attempted: {states}")
    allowed = (Verdict.NOT_ATTEMPTED, Verdict.PASSED)  # passed: code that is given
    return wrong + [f"{path}: {name} is {v}" for name, v in states.items() if v not in allowed]


def _full(graded: Graded, what: str) -> list[str]:
    if graded.grade.final and graded.grade.earned == graded.grade.possible:
        return []
    because = "; ".join(
        f"{s.criterion.id}: {s.because} {s.detail}" for s in graded.grade.scores if s.earned < s.criterion.points
    )
    return [f"{what}: {graded.grade.earned:g} of {graded.grade.possible:g} ({because}){_first_fault(graded)}"]


def _first_fault(graded: Graded) -> str:
    for result in graded.results:
        for check in result.checks:
            if check.fault and check.kind != "robustness":
                return f"; {check.case}: {check.fault.type}: {check.fault.message[:200]}"
    return ""


def _second_full(bench: Bench) -> list[str]:
    program = bench.grading.reference.second
    assert program is not None
    return _full(bench.grade(program, bench.torch_context), "second solution")


def _agree(bench: Bench) -> list[str]:
    reference, assignment = bench.grading.reference, bench.context.assignment
    assert reference.second is not None
    assert bench.second is not None
    calls = plan(assignment, bench.grading.cases, float64=True)
    one = bench.sandbox.run(reference.solution, calls, assignment.limits)
    two = bench.second.run(reference.second, calls, assignment.limits)
    wrong = []
    for case in bench.grading.cases:
        exercise = assignment.exercises[case.exercise]
        for check in names(case):
            a = comparable(part(one.observations[case.id], check), check, exercise, case)
            b = comparable(part(two.observations[case.id], check), check, exercise, case)
            if a is None or b is None or a.shape != b.shape:
                wrong.append(f"{case.id} {check}: {a if a is None else a.shape} and {b if b is None else b.shape}")
            elif case.kind == "robustness" and not (np.isfinite(a).all() and np.isfinite(b).all()):
                continue  # undefined points: told to learners, judged by finiteness alone
            elif np.abs(a - b).max(initial=0) > AGREEMENT * max(1e-2, np.abs(a).max(initial=0)):
                wrong.append(f"{case.id} {check}: differ by {np.abs(a - b).max():.3g}")
    return wrong


def _variants_full(bench: Bench) -> list[str]:
    variants = bench.grading.reference.variants
    graded = bench.many(variants)
    return [line for v, g in zip(variants, graded, strict=True) for line in _full(g, f"{v.place} {v.name}")]


def _variants_near(bench: Bench) -> list[str]:
    wrong = []
    for v in bench.grading.reference.variants:
        family = v.family or "reference"
        for (case, check), by_form in bench.distances(bench.graded(v), v.exercise).items():
            excess = next(d for key, d in by_form.items() if key.split("/")[0] == family)
            if not excess < ROOM_FOR_VARIANTS:
                wrong.append(f"{v.place} {v.name}: {excess:.3g} of the tolerance in {case} {check}")
    return wrong


def _mistakes_far(bench: Bench) -> list[str]:
    wrong = []
    bench.many(bench.grading.reference.mistakes)
    for m in bench.grading.reference.mistakes:
        by_check = list(bench.distances(bench.graded(m), m.exercise).values())
        worst = min(max(d[form] for d in by_check) for form in by_check[0])
        if not worst >= ROOM_TO_MISTAKES:
            wrong.append(f"{m.place} {m.name}: only {worst:.3g} times the tolerance on its most telling case")
    return wrong


def _mistakes_named(bench: Bench) -> list[str]:
    wrong = []
    for m in bench.grading.reference.mistakes:
        result = next(r for r in bench.graded(m).results if r.exercise == m.exercise)
        if result.mistake != m.name:
            wrong.append(f"{m.place} {m.name}: {result.verdict}, named {result.mistake}")
    return wrong


def _hints(bench: Bench) -> list[str]:
    mistakes = bench.grading.reference.mistakes
    return [
        f"{m.place} {m.name}: no hint in {lang}" for m in mistakes for lang in ("en", "ko") if not m.text.get(lang)
    ]


def _checks_bite(bench: Bench) -> list[str]:
    bitten: dict[tuple[str, str], int] = defaultdict(int)
    for m in bench.grading.reference.mistakes:
        for key, excess in bench.excesses(bench.graded(m), m.exercise).items():
            bitten[key] += excess > 1.0
    judged = [(case.id, check) for case in bench.grading.cases if case.kind == "ordinary" for check in names(case)]
    return [f"{case} {check}: no mistake fails it" for case, check in judged if not bitten[case, check]]


def _identical(bench: Bench) -> list[str]:
    calls = plan(bench.context.assignment, bench.grading.cases)
    runs = [
        bench.sandbox.run(bench.grading.reference.solution, calls, bench.context.assignment.limits)
        for _ in range(2)
    ]
    return [
        f"{call.id}: two runs differ" for call in calls if _bytes(runs[0], call.id) != _bytes(runs[1], call.id)
    ]


def _bytes(run: Run, case_id: str) -> list[bytes | None]:
    seen = run.observations[case_id]
    arrays = (seen.value, *seen.gradients.values(), *seen.arrays.values())
    return [None if a is None else a.tobytes() for a in arrays]


def _tolerances(bench: Bench) -> list[str]:

    wrong = []
    for case_id, expected in bench.context.expectations.cases.items():
        spec = bench.context.assignment.exercises[expected.case.exercise]
        for key, answer in expected.families.items():
            for check in names(expected.case):
                want = comparable(part(answer, check), check, spec, expected.case)
                if want is None:
                    continue
                largest = max(float(np.abs(want).max(initial=0)), 1e-2)
                if allowed_for(check, want, expected, spec) > LARGEST_TOLERANCE * largest:
                    wrong.append(
                        f"{case_id} {check} ({key}): the tolerance is above {LARGEST_TOLERANCE:g} of the value"
                    )
    return wrong


def _baked(bench: Bench) -> list[str]:

    folder = Path(bench.context.assignment.folder)
    return [] if baked(folder, bench.grading.reference) else [f"{folder}/public.npz: stale; run `grader bake`"]
