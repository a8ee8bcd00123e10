"""Every assignment fulfils its contract, and the contract notices when it does not."""

import ast
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader.context import Grading
from grader.oracle import Sandbox
from grader.spec import list_assignments
from grader.types import Assignment, Call, Limits, Program, Run
from grader.vetting.assignment import Bench, VetCheck, checks

ROOT = Path(__file__).resolve().parent.parent
NAMES = [
    "the notebook as handed out earns 0, every blank not attempted",
    "the solution earns everything",
    "the second solution earns everything",
    "both solutions agree in float64 to 1e-10 on every case",
    "every variant earns everything",
    "every variant stays below a tenth of the tolerance",
    "every mistake is caught by ten times the tolerance",
    "every mistake is named as itself",
    "every mistake has a hint in English and Korean",
    "every check is failed by some mistake",
    "two runs are identical to the bit",
    "tolerances are in proportion",
    "public.npz is up to date",
]


class Once:
    """A sandbox that keeps what the oracle ran and hands each of these runs out once, in place of the same again.

    So a known mistake, which the oracle has just run, is not run a second time to be vetted. What is asked
    twice afterwards ("two runs are identical") is run.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.computing = sandbox, True
        self.kept: dict[object, Run] = {}

    @property
    def versions(self) -> Mapping[str, str]:
        return self.sandbox.versions

    def run(self, program: Program, calls: Sequence[Call], limits: Limits) -> Run:
        key = (program.chunks, program.probes, program.mode, tuple(map(asked, calls)), limits)
        if self.computing:
            self.kept[key] = run = self.sandbox.run(program, calls, limits)
            return run
        return self.kept.pop(key, None) or self.sandbox.run(program, calls, limits)


def asked(call: Call) -> object:
    """All of a call, to be compared."""
    inputs = tuple((name, np.asarray(v).dtype.str, np.asarray(v).tobytes()) for name, v in call.inputs.items())
    return replace(call, inputs={}).__repr__(), inputs


@pytest.fixture(scope="module", params=list_assignments(ROOT))
def bench(
    request: pytest.FixtureRequest,
    sandbox_for: Callable[[Assignment], Sandbox],
    dev_secret: bytes,
    alone: Callable[[str], AbstractContextManager[None]],
) -> Bench:
    grading = Grading(ROOT, request.param, dev_secret)
    second = sandbox_for(grading.assignment)
    first = Once(second)
    if grading.reference.second_framework != grading.assignment.framework:
        second = sandbox_for(replace(grading.assignment, framework=grading.reference.second_framework))
    with alone(request.param):
        bench = Bench(grading, first, second, jobs=2)
    first.computing = False
    return bench


one = pytest.mark.parametrize("bench", ["distillation_tf"], indirect=True)  # the contract itself: once is enough
# What programs in reference/ may import: nothing that knows the time or the system's randomness, so that a run of
# one stands for all its runs.
REPEATABLE = {"collections", "grader", "math", "numpy", "tensorflow", "torch", "tqdm"}


@pytest.mark.parametrize("name", NAMES)
def test_an_assignment_fulfils_its_contract(bench: Bench, name: str) -> None:
    assert named(bench)[name].run() == []


def test_the_contract_is_the_one_tested_here(bench: Bench) -> None:
    assert list(named(bench)) == NAMES


@pytest.mark.parametrize("path", sorted(ROOT.glob("reference/*/*.py")), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_reference_program_imports_nothing_that_differs_from_run_to_run(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in found} <= REPEATABLE


def named(bench: Bench) -> dict[str, VetCheck]:
    return {check.name: check for check in checks(bench)}


def broken(bench: Bench, **reference: object) -> Bench:
    """The bench of an author who made a slip."""
    other = Bench.__new__(Bench)
    other.__dict__.update(bench.__dict__)
    other._graded = {}
    grading = Grading.__new__(Grading)
    grading.__dict__.update(bench.grading.__dict__)
    grading.reference = replace(bench.grading.reference, **reference)
    other.grading = grading
    return other


@one
def test_a_mistake_that_is_right_is_noticed(bench: Bench) -> None:
    reference = bench.grading.reference
    harmless = replace(reference.variants[0], name="harmless", text={"en": "x"})
    slips = named(broken(bench, mistakes=(harmless,)))
    assert "harmless" in slips["every mistake is caught by ten times the tolerance"].run()[0]
    assert "harmless" in slips["every mistake is named as itself"].run()[0]
    assert "no hint in ko" in slips["every mistake has a hint in English and Korean"].run()[0]
    assert len(slips["every check is failed by some mistake"].run()) > 10


@one
def test_a_variant_that_is_wrong_is_noticed(bench: Bench) -> None:
    wrong = replace(bench.grading.reference.mistakes[0], family="")
    slips = named(broken(bench, variants=(wrong,), mistakes=()))
    assert wrong.name in slips["every variant earns everything"].run()[0]
    assert wrong.name in slips["every variant stays below a tenth of the tolerance"].run()[0]


@one
def test_a_wrong_solution_is_noticed(bench: Bench) -> None:
    from grader.programs import with_marked

    reference = bench.grading.reference
    slip = with_marked(reference.solution, [reference.mistakes[0]])
    slips = named(broken(bench, solution=slip))
    assert "solution" in slips["the solution earns everything"].run()[0]
    assert slips["both solutions agree in float64 to 1e-10 on every case"].run()


@one
def test_a_loose_tolerance_is_noticed(bench: Bench) -> None:
    loose = broken(bench)
    bench.many(bench.grading.reference.mistakes)
    loose._graded = dict(bench._graded)  # the same runs: only the measure is another
    exercises = {n: replace(e, rtol=0.5) for n, e in bench.context.assignment.exercises.items()}
    loose.context = replace(bench.context, assignment=replace(bench.context.assignment, exercises=exercises))
    assert named(loose)["tolerances are in proportion"].run()
    assert named(loose)["every mistake is caught by ten times the tolerance"].run()
