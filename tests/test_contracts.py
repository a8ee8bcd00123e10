"""Every assignment fulfils its contract, and the contract notices when it does not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader.context import Grading
from grader.oracle import Sandbox
from grader.spec import list_assignments
from grader.types import Assignment
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


@pytest.fixture(scope="module", params=list_assignments(ROOT))
def bench(
    request: pytest.FixtureRequest, sandbox_for: Callable[[Assignment], Sandbox], dev_secret: bytes
) -> Bench:
    grading = Grading(ROOT, request.param, dev_secret)
    first = second = sandbox_for(grading.assignment)
    if grading.reference.second_framework != grading.assignment.framework:
        second = sandbox_for(replace(grading.assignment, framework=grading.reference.second_framework))
    return Bench(grading, first, second, jobs=2)


one = pytest.mark.parametrize("bench", ["distillation_tf"], indirect=True)  # the contract itself: once is enough


@pytest.mark.parametrize("name", NAMES)
def test_an_assignment_fulfils_its_contract(bench: Bench, name: str) -> None:
    assert named(bench)[name].run() == []


def test_the_contract_is_the_one_tested_here(bench: Bench) -> None:
    assert list(named(bench)) == NAMES


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
    exercises = {n: replace(e, rtol=0.5) for n, e in bench.context.assignment.exercises.items()}
    loose.context = replace(bench.context, assignment=replace(bench.context.assignment, exercises=exercises))
    assert named(loose)["tolerances are in proportion"].run()
    assert named(loose)["every mistake is caught by ten times the tolerance"].run()
