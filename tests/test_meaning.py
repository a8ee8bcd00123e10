"""What the numbers of public cases mean, in words; and the arrays as grids."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import made_by_hand as made
import numpy as np
import pytest

from grader.check_words import explain_check
from grader.checks import allowed_for, comparable, names, part
from grader.context import public_cases
from grader.evidence import Evidence
from grader.meaning import SENTENCES, meanings, told_checks
from grader.oracle import cases_digest
from grader.plaintext import width
from grader.reports.grids import FEW, MARK, MOST, grid_of, to_lines
from grader.spec import list_assignments, load_assignment
from grader.store import load
from grader.types import LANGUAGES, Case, CaseSpec, Exercise, Expectations, Mismatch, Observable, Probe

RANDOM = np.random.default_rng(5)


def spec(name: str) -> CaseSpec:
    return CaseSpec(name, "ordinary", True, {}, None, (), ())


KD = replace(
    made.LOSS,
    name="kd",
    args=("l_t", "l_s", "T"),
    globals=(),
    uses=(),
    returns="array",
    gradient=("l_t", "l_s"),
    axes={"l_t": ("B", "C"), "l_s": ("B", "C"), "returns": ("B", "C")},
    cases=(spec("typical"), spec("other")),
)


def case(name: str, rows: int, columns: int, temperature: float) -> Case:
    array = np.zeros((rows, columns), np.float32)
    inputs = {"l_t": array, "l_s": array, "T": temperature}
    return Case("kd", name, "ordinary", True, inputs, ("l_t", "l_s"), None)


CASES = (case("typical", 8, 10, 2.0), case("other", 6, 7, 1.0))


def seen(wrong: object, check: str = "value", cases: tuple[Case, ...] = CASES) -> list[Evidence]:
    found = []
    for one in cases:
        expected = RANDOM.uniform(0.5, 2, one.inputs["l_t"].shape)  # type: ignore[union-attr]
        sizes = {"B": expected.shape[0], "C": expected.shape[1], "T": one.inputs["T"]}
        actual = wrong(expected, sizes) if callable(wrong) else None
        found.append(Evidence(one, check, actual, expected, 1e-6))
    return found


def said(wrong: object, lang: str = "en", exercise: Exercise = KD, check: str = "value") -> str:
    return "\n".join(meanings(seen(wrong, check), exercise, lang))


BOTH = "(in all 2 public cases)"
EVERY = "value: a multiple of the expected value in every public case"
WORDS = {
    "sign": (lambda e, s: -e, f"value: the expected numbers with the wrong sign {BOTH}."),
    "mean": (
        lambda e, s: e / s["C"],
        f"{EVERY} (0.1, 0.1429 times). That is 1/C (C = 10, 7), "
        "as if a mean had been taken over C where the sum is meant.",
    ),
    "sum": (
        lambda e, s: e * s["B"] * s["C"],
        f"{EVERY} (80, 42 times). That is B x C (B = 8, 6; "
        "C = 10, 7), as if a sum had been taken over B x C where the mean is meant.",
    ),
    "temperature": (
        lambda e, s: e * s["T"] ** 2,
        f"{EVERY} (4, 1 times). That is T^2 (T = 2, 1), "
        "as if something had been multiplied by it.",
    ),
    "constant": (lambda e, s: 3.7 * e, f"value: 3.7 times the expected value {BOTH}."),
    "summed": (
        lambda e, s: e.sum(1),
        f"value: the expected numbers added up over axis 1 (C) {BOTH}. That axis has to stay.",
    ),
    "offset": (lambda e, s: e + 0.5, f"value: 0.5 has been added to every expected number {BOTH}."),
    "transposed": (
        lambda e, s: e.T,
        f"value: the expected numbers, but transposed: rows and columns have changed places {BOTH}.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_each_meaning_in_words(name: str) -> None:
    wrong, expected = WORDS[name]
    assert said(wrong) == expected
    korean = said(wrong, "ko")
    assert korean != expected
    assert re.findall(r"[\d.]+\d|\d", korean), "the numbers are said in Korean too" if name != "sign" else ""
    assert not re.search("[{}]", expected + korean)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_holds_in_one_case_only_is_not_said(lang: str) -> None:
    assert said(lambda e, s: -e if s["B"] == 8 else e + np.arange(7), lang) == ""
    assert said(lambda e, s: e, lang) == ""


def test_a_case_that_did_not_come_to_an_end_is_not_claimed() -> None:
    told = meanings(seen(lambda e, s: -e, cases=CASES[:1]), KD, "en")
    assert told == ['value: the expected numbers with the wrong sign (in case "typical").']


def test_checks_that_say_the_same_share_a_sentence() -> None:
    both = [*seen(lambda e, s: -e), *seen(lambda e, s: -e, "gradient:l_s")]
    assert [line.split(": ")[0] for line in meanings(both, KD, "en")] == ["value, gradient with respect to l_s"]
    assert told_checks(both, KD) == {"value", "gradient:l_s"}


@pytest.mark.parametrize("nothing", [None, lambda e, s: 0 * e])
def test_a_gradient_that_reaches_one_argument_only(nothing: object) -> None:
    one_sided = [*seen(lambda e, s: e, "gradient:l_t"), *seen(nothing, "gradient:l_s")]
    told = "\n".join(meanings(one_sided, KD, "en"))
    assert "A gradient reaches l_t, but none reaches l_s: it is not used, or cut off on the way." in told
    assert ("A small change of l_s does not change your result." in told) == (nothing is not None)
    both = [*seen(nothing, "gradient:l_t"), *seen(nothing, "gradient:l_s")]
    assert "but none reaches" not in "\n".join(meanings(both, KD, "en"))


def test_a_gradient_that_arrives_in_one_case_only_is_not_claimed_to_be_lost() -> None:
    partly = [
        *seen(lambda e, s: e, "gradient:l_t"),
        *seen(None, "gradient:l_s", CASES[:1]),
        *seen(lambda e, s: e, "gradient:l_s", CASES[1:]),
    ]
    assert meanings(partly, KD, "en") == []


def test_without_names_no_size_is_named() -> None:
    told = said(lambda e, s: e / 10, exercise=replace(KD, axes={}))
    assert told == f"value: 0.1 times the expected value {BOTH}."


@pytest.mark.parametrize(("expected", "says"), [([1, 1, 1, 1], False), ([1, 2], False), ([1, 2, 3, 4], True)])
def test_of_what_a_probe_saw_flags_say_nothing(expected: list[float], says: bool) -> None:
    probe = Probe("look", (), {"seen": Observable({"en": "what was seen", "ko": "본 것"}, 1e-4)})
    probed = replace(KD, probes={"look": probe}, axes={}, cases=())
    one = Case("kd", "typical", "ordinary", True, {}, (), None, (), "look", ("seen",))
    wanted = np.array(expected, np.float64)
    told = meanings([Evidence(one, "seen", wanted * 7, wanted, 1e-6)], probed, "en")
    assert told == (["what was seen: 7 times the expected value."] if says else [])


def test_every_sentence_is_reached() -> None:
    assert set(SENTENCES) == {
        "zero", "sign", "transposed", "factor", "factors", "summed", "averaged", "offset", "squared", "root",
    }  # fmt: skip


# ---------------------------------------------------------------- every known mistake


def stored(slug: str) -> dict[str, str]:
    """What is said of each known mistake of a shipped assignment, from the numbers in its public.npz."""
    folder = Path(__file__).parent.parent / "assignments" / slug
    assignment = load_assignment(folder)
    cases = public_cases(assignment)
    known = load(folder / "public.npz", cases, cases_digest(cases))
    own = {mistake.name: assignment.exercises[mistake.exercise] for mistake in known.mistakes.values()}
    return {
        name: " | ".join(meanings(_of(name, exercise, known), exercise, "en")) for name, exercise in own.items()
    }


def _of(mistake: str, exercise: Exercise, known: Expectations) -> list[Evidence]:
    form = "/".join(["reference"] * (1 + len(exercise.uses)))
    found = []
    for expected in known.cases.values():
        case, wrong = expected.case, expected.mistakes.get(mistake)
        if case.exercise != exercise.name or case.kind != "ordinary" or wrong is None or not wrong.given:
            continue
        for check in names(case):
            want = comparable(part(expected.families[form], check), check, exercise, case)
            got = comparable(part(wrong, check), check, exercise, case)
            if want is not None:
                found.append(Evidence(case, check, got, want, allowed_for(check, want, expected, exercise)))
    return found


NAMED = {
    "kd_class_mean": "1/C (C = 10, 7)",
    "kd_class_mean_kl": "1/C (C = 10, 7)",
    "kd_batch_sum": "B (B = 8, 6)",
    "kd_batch_sum_kl": "B (B = 8, 6)",
    "kd_times_t": "T (T = 2, 1)",
    "kd_divided_by_t2": "1/T^2 (T = 2, 1)",
    "at_batch_sum": "B (B = 4, 3)",
    "pd_root_mean_square": "1/sqrt(D) (D = 10, 2)",
}


@pytest.mark.parametrize("slug", list_assignments(Path(__file__).parent.parent))
def test_no_size_is_named_that_a_mistake_has_nothing_to_do_with(slug: str) -> None:
    """Of several hundred mistakes whose cause is known, only these are about a size."""
    told = stored(slug)
    named = {name: text.partition("That is ")[2].partition(", as if")[0] for name, text in told.items()}
    assert {name: text for name, text in named.items() if text} == (NAMED if slug == "distillation_tf" else {})
    assert not [name for name, text in told.items() if "That axis has to stay" in text and "mean_over" not in name]
    signs = [name for name, text in told.items() if "wrong sign" in text]
    assert all("minus" in name for name in signs), "and these are about the sign"


def test_what_is_said_of_some_known_mistakes() -> None:
    told = stored("distillation_tf")
    assert told["kd_mse_logits"] == "", "two single numbers have nearly the same factor, by chance"
    assert told["rkd_absolute_differences"] == ""
    assert told["kd_factor_two"].startswith("value, gradient with respect to l_s: 2 times the expected value")
    assert told["loss_with_at_no_weight"].endswith(": 10 times the expected value."), "a weight, not the classes"
    assert "none reaches y_pred" in told["loss_with_kd_no_labels"]
    assert "l_s: 0 everywhere" in told["rkd_student_twice"]


# ---------------------------------------------------------------- axes by name


def test_what_was_called_names_the_axes() -> None:
    kd_check = made.wrong(exercise="kd", mismatch=Mismatch("shape", "(8,)", "(8, 10)", 1e-6))
    lines = explain_check(kd_check, CASES[0], {}, "en", KD).splitlines()
    assert "  called    kd(l_t=float32[B=8, C=10], l_s=float32[B=8, C=10], T=2)" in lines
    assert "  expected  (B=8, C=10)" in lines
    assert "  got       (8,)" in lines, "nobody knows what the axes of a wrong shape are"
    plain = explain_check(kd_check, CASES[0], {}, "en", replace(KD, axes={}))
    assert "l_t=float32[8, 10]" in plain
    assert "expected  (8, 10)" in plain


# ---------------------------------------------------------------- grids


def lines_of(actual: np.ndarray, expected: np.ndarray, lang: str = "en") -> list[str]:
    grid = grid_of(actual, expected, 1e-6)
    assert grid is not None
    return list(to_lines(grid, ("expected", "got"), lang))


def test_entries_that_differ_are_marked_in_both_arrays() -> None:
    expected = np.arange(6.0).reshape(2, 3)
    actual = expected.copy()
    actual[1, 2] = -5
    assert lines_of(actual, expected) == [
        "expected",
        "  [0]  0   1   2",
        "  [1]  3   4   5*",
        "got",
        "  [0]  0   1   2",
        "  [1]  3   4  -5*",
        "* after a number: it differs.",
    ]


def test_as_many_digits_as_it_takes() -> None:
    told = lines_of(np.array([1.00001, 2.0]), np.array([1.0, 2.0]))
    assert [line.split() for line in told[1:4:2]] == [["1*", "2"], ["1.00001*", "2"]]
    assert width(told[1]) == width(told[3])


@pytest.mark.parametrize(
    ("shape", "rows", "columns", "hidden"),
    [((8, 8), 8, 8, 0), ((9, 2), FEW, 2, 12), ((2, 9), 2, MOST, 2), ((20,), 1, MOST, 12), ((2, 5, 4), FEW, 4, 28)],
)
def test_of_a_large_array_the_first_rows(shape: tuple[int, ...], rows: int, columns: int, hidden: int) -> None:
    expected = np.ones(shape)
    actual = expected.copy()
    actual[(0,) * len(shape)] = 2
    grid = grid_of(actual, expected, 1e-6)
    assert grid is not None
    assert (len(grid.actual), len(grid.actual[0]), grid.hidden) == (rows, columns, hidden)
    told = "\n".join(lines_of(actual, expected))
    assert (f"{hidden} more entries are not shown" in told) == (hidden > 0)


def test_an_entry_far_down_is_shown() -> None:
    expected = np.zeros((40, 30))
    actual = expected.copy()
    actual[37, 29] = 7
    told = lines_of(actual, expected)
    assert told[0] == "expected [:, 22:30]"
    assert any(line.startswith("  [37]") and line.endswith(f"7{MARK}") for line in told)


def test_where_everything_differs_a_few_rows_are_enough() -> None:
    grid = grid_of(np.ones((8, 8)), np.zeros((8, 8)), 1e-6)
    assert grid is not None
    assert len(grid.actual) == FEW


def test_no_grid_where_there_is_none() -> None:
    one = np.ones((2, 2))
    assert grid_of(None, one, 1e-6) is None
    assert grid_of(one, one, 1e-6) is None
    assert grid_of(np.ones(2), one, 1e-6) is None
    assert grid_of(np.ones(()), np.zeros(()), 1e-6) is None
    nan = grid_of(np.array([np.nan, 1.0]), np.ones(2), 1e-6)
    assert nan is not None
    assert nan.actual[0] == (("nan", True), ("1", False))


def test_grids_line_up_in_korean() -> None:
    actual = np.array([[1.5, -22.25], [3.0, 4.0]])
    told = lines_of(actual, np.zeros((2, 2)), "ko")
    assert len({width(line) for line in told if line.startswith("  [")}) == 1
    assert "다르다는 표시" in told[-1]
