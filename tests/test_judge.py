"""grader.judge and grader.score on hand-made observations: families, mistakes, follow-through, points."""

from dataclasses import replace

import numpy as np
import pytest

from grader.judge import judge
from grader.score import score
from grader.types import (
    Answer,
    Assignment,
    Case,
    Criterion,
    Exercise,
    ExerciseResult,
    Expectations,
    Expected,
    Family,
    Finding,
    Found,
    Limits,
    Mistake,
    Observation,
    Policies,
    Program,
    Rubric,
    Run,
    Verdict,
)

X = np.ones((4, 3), np.float32)
GRADIENT = np.arange(12.0).reshape(4, 3)


def exercise(name: str, *uses: str) -> Exercise:
    return Exercise(name, {}, ("x",), (), uses, "loss", ("x",), 1e-4, False, ())


def case(name: str, kind: str = "ordinary") -> Case:
    owner, _, short = name.partition("/")
    return Case(owner, short, kind, True, {"x": X}, ("x",), None)


def answer(value: float, times: float = 1.0) -> Answer:
    return Answer(np.array(value), {"x": times * GRADIENT})


# helper: plain answer 1 or, in an accepted other form, 4; user: twice the helper. Two cases each.
ASSIGNMENT = Assignment(
    "toy", "1", {}, "numpy", {"user": exercise("user", "helper"), "helper": exercise("helper")}, Limits(), "", ""
)
EXPECTATIONS = Expectations(
    {
        e.case.id: e
        for e in (
            Expected(
                case("helper/a"),
                {"reference": answer(1), "times4": answer(4, 4)},
                {"halved": answer(0.5, 0.5)},
                {},
            ),
            Expected(
                case("helper/b"),
                {"reference": answer(1), "times4": answer(8, 8)},
                {"halved": answer(0.5, 0.5)},
                {},
            ),
            Expected(case("helper/odd", "robustness"), {}, {}, {}),
            Expected(
                case("user/a"),
                {"reference/reference": answer(2, 2), "reference/times4": answer(8, 8)},
                {"forgot": answer(9, 2)},
                {},
            ),
            Expected(
                case("user/alone", "follow_through"),
                {"reference/reference": answer(7, 2)},
                {"forgot": answer(70, 2)},
                {},
            ),
        )
    },
    {"helper": (Family("reference"), Family("times4", {"en": "times 4"})), "user": (Family("reference"),)},
    {"halved": Mistake("halved", "helper", {}), "forgot": Mistake("forgot", "user", {})},
)
RIGHT = {
    "helper/a": answer(1),
    "helper/b": answer(1),
    "helper/odd": answer(1),
    "user/a": answer(2, 2),
    "user/alone": answer(7, 2),
}


def judged(
    changes: dict[str, Answer | Verdict | Observation] | None = None,
    known: Expectations | None = None,
    **found: Found,
) -> dict[str, ExerciseResult]:
    observations = {}
    for name, what in {**RIGHT, **(changes or {})}.items():
        if isinstance(what, Observation):
            observations[name] = what
        elif isinstance(what, Verdict):
            observations[name] = Observation(name, what)
        else:
            value = what.value.astype(np.float32)
            gradients = {k: None if g is None else g.astype(np.float32) for k, g in what.gradients.items()}
            observations[name] = Observation(name, Verdict.PASSED, value, gradients)
    findings = {name: Finding(found.get(name, Found.DEFINED)) for name in ASSIGNMENT.exercises}
    results = judge(Program((), findings), Run(observations), ASSIGNMENT, known or EXPECTATIONS)
    assert [r.exercise for r in results] == ["user", "helper"]  # as in the notebook, not as judged
    return {r.exercise: r for r in results}


RUBRIC = Rubric(
    "toy",
    (
        Criterion("helper", 20, "helper"),
        Criterion("user", 10, "user"),
        Criterion("robustness", 0, None, "robustness"),
    ),
    Policies(),
)


def points(results: dict[str, ExerciseResult], rubric: Rubric = RUBRIC) -> dict[str, tuple[float, str]]:
    return {s.criterion.id: (s.earned, s.because) for s in score(list(results.values()), rubric).scores}


def test_right_answers_earn_exactly_everything() -> None:
    results = judged()
    grade = score(list(results.values()), RUBRIC)
    assert (grade.final, grade.earned, grade.possible) == (True, 30, 30)
    assert {r.family for r in results.values()} == {"reference"}


def test_an_accepted_form_must_hold_on_every_case() -> None:
    assert judged({"helper/a": answer(4, 4), "helper/b": answer(8, 8)})["helper"].family == "times4"
    mixed = judged({"helper/a": answer(4, 4), "helper/b": answer(1)})["helper"]
    assert mixed.verdict == Verdict.FAILED


def test_a_user_of_an_accepted_form_is_measured_by_that_form() -> None:
    other = {"helper/a": answer(4, 4), "helper/b": answer(8, 8), "user/a": answer(8, 8)}
    assert judged(other)["user"].verdict == Verdict.PASSED
    assert judged({**other, "user/a": answer(2, 2)})["user"].verdict == Verdict.FAILED


def test_a_known_mistake_is_named_and_a_right_direction_earns_its_share() -> None:
    results = judged({"helper/a": answer(0.5, 0.5), "helper/b": answer(0.5, 0.5)})
    assert results["helper"].mistake == "halved"
    assert results["helper"].proportional
    assert points(results)["helper"] == (10, "proportional_gradient")
    strict = replace(RUBRIC, policies=Policies(proportional_gradient=0))
    assert points(results, strict)["helper"] == (0, "mistake")


def test_one_wrong_case_is_not_that_mistake() -> None:
    assert judged({"helper/a": answer(0.5, 0.5)})["helper"].mistake is None


def test_next_to_nothing_is_no_multiple_of_everything() -> None:
    wrong = Answer(np.array(1e-12), {"x": 1e-12 * GRADIENT[::-1]})
    results = judged({"helper/a": wrong, "helper/b": wrong})
    assert not results["helper"].proportional
    assert points(results)["helper"] == (0, "failed")


def test_no_gradient_is_not_taken_for_a_mistake_that_has_none() -> None:
    cut = {"none": Mistake("none", "helper", {})}
    cases = {
        name: replace(e, mistakes={"none": Answer(np.array(3.0), {"x": None})}) if name.startswith("helper") else e
        for name, e in EXPECTATIONS.cases.items()
    }
    other = replace(EXPECTATIONS, mistakes=cut, cases=cases)
    for value, named in ((3.0, "none"), (5.0, None)):
        seen = {k: Answer(np.array(value), {"x": None}) for k in ("helper/a", "helper/b")}
        assert judged(seen, other)["helper"].mistake == named


def test_a_mistake_that_raises_is_nobodys_wrong_number() -> None:
    cases = {
        name: replace(e, mistakes={"halved": Answer(None, {"x": None})}) if name.startswith("helper") else e
        for name, e in EXPECTATIONS.cases.items()
    }
    seen = {k: Answer(np.zeros(0), {"x": None}) for k in ("helper/a", "helper/b")}
    assert judged(seen, replace(EXPECTATIONS, cases=cases))["helper"].mistake is None


def test_a_wrong_direction_earns_nothing() -> None:
    results = judged({"helper/a": answer(1, -1), "helper/b": answer(1, -1)})
    assert not results["helper"].proportional
    assert points(results)["helper"] == (0, "failed")


def test_what_matches_no_form_is_shown_beside_the_plain_one() -> None:
    result = judged({"helper/a": answer(9, -1), "helper/b": answer(9, -1)})["helper"]
    shown = [c.mismatch.expected for c in result.checks if c.check == "value" and c.mismatch]
    assert shown == ["1", "1"]


def test_whole_numbers_are_no_loss() -> None:
    integer = Observation("helper/a", Verdict.PASSED, np.array(1), {"x": GRADIENT.astype(np.float32)})
    result = judged({"helper/a": integer})["helper"]
    assert [c.mismatch.kind for c in result.checks if c.mismatch] == ["dtype"]


def test_a_missing_gradient_fails_its_check() -> None:
    cut = Answer(np.array(1.0), {"x": None})
    result = judged({"helper/a": cut, "helper/b": cut})["helper"]
    assert {c.check: c.verdict for c in result.checks if c.kind == "ordinary"} == {
        "value": Verdict.PASSED,
        "gradient:x": Verdict.FAILED,
    }
    assert result.checks[1].mismatch.kind == "none"


def test_a_wrong_helper_is_not_charged_twice() -> None:
    wrong = {"helper/a": answer(3), "helper/b": answer(3), "user/a": answer(6, 2)}
    results = judged(wrong)
    assert results["user"].followed == ("helper",)
    assert points(results) == {
        "helper": (10, "right_gradient"),  # answer(3) has the right gradient
        "user": (10, "follow_through"),
        "robustness": (0, "robustness"),
    }
    half = replace(RUBRIC, policies=Policies(follow_through=0.5))
    assert points(results, half)["user"] == (5, "follow_through")


def test_follow_through_needs_a_wrong_helper_and_a_right_user() -> None:
    assert judged({"user/a": answer(6, 2)})["user"].verdict == Verdict.FAILED
    both = {"helper/a": answer(3), "helper/b": answer(3), "user/a": answer(6, 2), "user/alone": answer(8, 2)}
    assert judged(both)["user"].verdict == Verdict.FAILED


def test_a_blank_helper_is_followed_through_too() -> None:
    results = judged({"user/a": Verdict.ERROR}, helper=Found.BLANK)
    assert results["helper"].verdict == Verdict.NOT_ATTEMPTED
    assert results["user"].verdict == Verdict.PASSED
    assert points(results)["robustness"] == (0, "robustness")


def test_a_mistake_shows_through_a_wrong_helper() -> None:
    wrong = {"helper/a": answer(3), "helper/b": answer(3), "user/a": answer(99, 2), "user/alone": answer(70, 2)}
    assert judged(wrong)["user"].mistake == "forgot"


@pytest.mark.parametrize(
    "verdict", [Verdict.TIMEOUT, Verdict.CRASHED, Verdict.FORGED, Verdict.MEMORY, Verdict.ERROR]
)
def test_how_a_run_ended_is_the_verdict(verdict: Verdict) -> None:
    result = judged({"helper/b": verdict})["helper"]
    assert result.verdict == verdict
    assert points(judged({"helper/b": verdict}))["helper"][0] == 0


def test_an_internal_fault_is_never_a_number() -> None:
    grade = score(list(judged({"helper/b": Verdict.INTERNAL}).values()), RUBRIC)
    assert not grade.final


def test_an_internal_fault_behind_an_unmet_need_is_one_as_well() -> None:
    needing = replace(
        RUBRIC, criteria=(Criterion("helper", 20, "helper"), Criterion("user", 10, "user", needs=("helper",)))
    )
    wrong = {"helper/a": answer(3), "helper/b": answer(3)}
    results = judged({**wrong, "user/a": Verdict.INTERNAL, "user/alone": Verdict.INTERNAL})
    assert points(results, needing)["user"] == (0, "needs")
    assert not score(list(results.values()), needing).final


def test_robustness_is_not_earned_by_a_wrong_function() -> None:
    nothing = Answer(np.array(0.0), {"x": 0 * GRADIENT})
    results = judged(dict.fromkeys(("helper/a", "helper/b", "helper/odd"), nothing))
    weighty = replace(RUBRIC, criteria=(Criterion("robustness", 10, None, "robustness"),))
    assert points(results, weighty)["robustness"] == (0, "robustness")
    assert points(judged(), weighty)["robustness"] == (10, "passed")


def test_robustness_is_told_and_not_charged() -> None:
    bad = Answer(np.array(np.nan), {"x": GRADIENT})
    results = judged({"helper/odd": bad})
    assert results["helper"].verdict == Verdict.PASSED
    assert [c.verdict for c in results["helper"].checks if c.kind == "robustness"] == [
        Verdict.FAILED,
        Verdict.PASSED,
    ]
    assert score(list(results.values()), RUBRIC).earned == 30
    assert points(results)["robustness"] == (0, "robustness")


def test_a_needed_criterion_comes_first_wherever_it_stands() -> None:
    needing = replace(
        RUBRIC, criteria=(Criterion("user", 10, "user", needs=("helper",)), Criterion("helper", 20, "helper"))
    )
    assert points(judged(), needing) == {"user": (10, "passed"), "helper": (20, "passed")}
    wrong = judged({"helper/a": answer(3), "helper/b": answer(3)})
    assert points(wrong, needing)["user"] == (0, "needs")


def test_given_code_counts_once_what_it_uses_was_tried() -> None:
    given = Criterion("user", 10, "user", needs_attempt=("helper",))
    rubric = replace(RUBRIC, criteria=(given, Criterion("helper", 20, "helper")))
    blank = judged({"user/a": Verdict.ERROR}, helper=Found.BLANK)
    assert points(blank, rubric)["user"] == (0, "needs_attempt")
    wrong = judged({"helper/a": answer(3, -1), "helper/b": answer(3, -1), "user/a": answer(6, 2)})
    assert points(wrong, rubric) == {"helper": (0, "failed"), "user": (10, "follow_through")}


def test_a_form_may_be_bound_to_forms_of_its_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = {**EXPECTATIONS.families, "user": (Family("reference"), Family("other", {}, ("reference",)))}
    cases = dict(EXPECTATIONS.cases)
    old = cases["user/a"]
    cases["user/a"] = replace(old, families={**old.families, "other/reference": answer(5, 5)})
    alone = cases["user/alone"]
    cases["user/alone"] = replace(alone, families={**alone.families, "other/reference": answer(5, 5)})
    monkeypatch.setitem(globals(), "EXPECTATIONS", replace(EXPECTATIONS, families=narrow, cases=cases))
    assert judged({"user/a": answer(5, 5)})["user"].family == "other"
    times4 = {"helper/a": answer(4, 4), "helper/b": answer(8, 8), "user/a": answer(5, 5)}
    assert judged(times4)["user"].verdict == Verdict.FAILED


def test_a_form_can_be_forbidden_by_the_rubric() -> None:
    other = judged({"helper/a": answer(4, 4), "helper/b": answer(8, 8), "user/a": answer(8, 8)})
    strict = replace(RUBRIC, policies=Policies(forbid_families=("helper.times4",)))
    assert points(other)["helper"] == (20, "passed")
    assert points(other, strict)["helper"] == (10, "forbidden_family")
