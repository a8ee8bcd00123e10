"""What `grader check` says: as far up the ladder as asked and allowed, kindly, and only of public cases."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import made_by_hand as made
import numpy as np
import pytest
from pages import HOSTILE

from grader import sentences
from grader.context import Grading
from grader.learner.hints import limit
from grader.learner.kit import FILE
from grader.reports.selfcheck import render
from grader.reports.selfcheck_html import to_html
from grader.spec import load_assignment
from grader.types import (
    LANGUAGES,
    Answer,
    CaseSpec,
    Exercise,
    ExerciseResult,
    Expectations,
    Expected,
    Family,
    Fault,
    Finding,
    FormulaLine,
    Found,
    Graded,
    Mismatch,
    Mistake,
    Observation,
    Place,
    Run,
    Verdict,
)

ROOT = Path(__file__).parent.parent
SECRET = 0.7654321  # of the hidden case: made.HIDDEN_VALUE
HINT = {"en": "a mean was taken over the columns", "ko": "열에 대해 평균을 냈습니다"}
LINES = (
    FormulaLine("d = || z[i] - z[j] ||", {"en": "first the norm", "ko": "먼저 norm을 구합니다"}),
    FormulaLine("out = Σ d", {"en": "then the sum", "ko": "그다음 더합니다"}),
)


def spec(name: str, kind: str = "ordinary", *, public: bool = True) -> CaseSpec:
    return CaseSpec(name, kind, public, {}, None, (), ())


DISTANCE = replace(
    made.DISTANCE,
    gradient=(),
    axes={"z": ("B", "D"), "returns": ("B", "D")},
    formula=LINES,
    cases=(
        spec("typical"),
        spec("outlier", public=False),
        spec("huge", "robustness", public=False),
        spec("mended", "follow_through", public=False),
    ),
)
LOSS = replace(made.LOSS, args=("y_true", "y_pred"), globals=())
ASSIGNMENT = replace(made.ASSIGNMENT, exercises={"pairwise_distance": DISTANCE, "rkd": LOSS})
EXPECTED = np.array([[1.0, 2.0], [3.0, -4.0]])


def case(name: str, *, public: bool) -> Any:
    plain = made.case("pairwise_distance", name, public=public)
    inputs = {"z": np.full((2, 2), 0.0 if public else SECRET, np.float32)}
    return replace(plain, inputs=inputs, gradient=())


TYPICAL, OUTLIER = case("typical", public=True), case("outlier", public=False)
EXPECTATIONS = Expectations(
    cases={
        c.id: Expected(c, {"reference": Answer(EXPECTED if c.public else EXPECTED * SECRET, {})}, {}, {})
        for c in (TYPICAL, OUTLIER)
    },
    families={name: (Family("reference"),) for name in made.EXERCISES},
    mistakes={"halved": Mistake("halved", "pairwise_distance", HINT, 2)},
)


def checked(actual: np.ndarray = EXPECTED / 2, **changes: Any) -> Graded:
    """A notebook whose `pairwise_distance` returns `actual`, and whose `rkd` is still blank."""
    seen = {c.id: Observation(c.id, Verdict.PASSED, actual.astype(np.float32)) for c in (TYPICAL, OUTLIER)}
    differs = Mismatch("value", "[0, 0] = 0.5", "[0, 0] = 1", 1e-4, 9.0, 4, 4, 0.5)
    hidden = Mismatch("value", made.HIDDEN_VALUE, made.HIDDEN_VALUE, 1e-4, 9.0, 4, 4, 0.5)
    wrong = made.wrong(exercise="pairwise_distance", mistake="halved", mismatch=differs)
    distance = ExerciseResult(
        "pairwise_distance",
        Verdict.FAILED,
        Finding(Found.DEFINED, Place(39, 2), 1),
        (wrong, replace(wrong, case="outlier", public=False, mismatch=hidden)),
        mistake="halved",
    )
    blank = ExerciseResult(
        "rkd",
        Verdict.NOT_ATTEMPTED,
        Finding(Found.BLANK, Place(41, 7), 1),
        (made.wrong("defined", case="", verdict=Verdict.NOT_ATTEMPTED, mismatch=None, mistake=None),),
    )
    plain = made.graded(assignment=ASSIGNMENT, run=Run(seen), results=(distance, blank))
    return replace(plain, **changes)


def told(of: Graded | None = None, lang: str = "en", **how: Any) -> str:
    return render(of or checked(), EXPECTATIONS, lang, **how)


def page(of: Graded | None = None, lang: str = "en", **how: Any) -> str:
    return to_html(of or checked(), EXPECTATIONS, lang, **how)


# ---------------------------------------------------------------- the ladder


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_level_adds_to_the_one_below(lang: str) -> None:
    texts = [told(lang=lang, hints=level) for level in (1, 2, 3)]
    hint, line, other = HINT[lang], LINES[1].line, LINES[0].line
    assert [hint in text for text in texts] == [False, True, True]
    assert [line in text for text in texts] == [False, False, True]
    assert [LINES[1].means[lang] in text for text in texts] == [False, False, True]
    assert not any(other in text for text in texts), "the mistake names its line"
    assert all("[B=2, D=2]" in text and "-2" in text and "-4" in text for text in texts)
    assert told(lang=lang) == texts[1], "without asking: the likely mistake"
    assert texts[2].count(hint) == 1


def test_what_the_numbers_say_belongs_to_the_second_level() -> None:
    first, second = told(hints=1), told(hints=2)
    assert "0.5 times the expected value" not in first
    assert "value: 0.5 times the expected value." in second
    assert "0.5 times" not in told(checked(results=(replace(checked().results[0], mistake=None),)), hints=1)


def test_a_mistake_that_names_no_line_is_shown_all_of_them() -> None:
    unknown = replace(checked().results[0], mistake=None, checks=())
    text = told(checked(results=(unknown,)), hints=3)
    assert all(f"({number}) {line.line}" in text for number, line in enumerate(LINES, 1))


def test_how_to_see_more() -> None:
    assert told(hints=1).rstrip().splitlines()[-1].startswith("--hints 2 adds")
    assert told(hints=2).rstrip().splitlines()[-1].startswith("--hints 3 adds")
    assert "--hints" not in told(hints=3)
    right = replace(checked().results[0], verdict=Verdict.PASSED, mistake=None, checks=())
    assert "--hints" not in told(checked(results=(right,)), hints=1), "nothing to mend, nothing to add"
    nothing = replace(
        ASSIGNMENT, exercises={**ASSIGNMENT.exercises, "pairwise_distance": replace(DISTANCE, formula=())}
    )
    assert "--hints" not in told(checked(assignment=nothing), hints=2), "there is no formula to show"


@pytest.mark.parametrize(("hints", "most", "shows"), [(3, 2, 2), (3, 1, 1), (2, 1, 1), (1, 3, 1), (3, 3, 3)])
def test_the_course_sets_the_limit(hints: int, most: int, shows: int) -> None:
    text = told(hints=hints, limit=most)
    assert (HINT["en"] in text, LINES[1].line in text) == (shows >= 2, shows >= 3)
    assert (f"Your course shows hints up to level {most}" in text) == (hints > most)
    if hints > most:
        assert "--hints" not in text, "what is not to be had is not offered"
        assert f"{most}단계까지만" in told(lang="ko", hints=hints, limit=most)


def test_at_the_limit_nothing_more_is_offered() -> None:
    assert "--hints" not in told(hints=1, limit=1)
    assert "--hints 2" in told(hints=1, limit=2)


# ---------------------------------------------------------------- order and wording


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_not_attempted_comes_first_and_is_said_kindly(lang: str) -> None:
    text = told(lang=lang)
    assert text.index("rkd:") < text.index("pairwise_distance:")
    again = {"en": "Write it where the blank is, then check again.", "ko": "다시 확인해 보세요"}
    assert again[lang] in text
    assert not re.search("hand in|제출", text)
    assert "– rkd: " in text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("reason", [*sentences.UNREADABLE_OWN, "other"])
def test_a_file_that_cannot_be_read_is_to_be_checked_again(reason: str, lang: str) -> None:
    text = told(replace(made.unreadable(), unreadable=f"{reason}: line 17", assignment=ASSIGNMENT), lang)
    assert not re.search("hand in|제출", text)
    assert text.startswith("! ")


def test_our_own_failure_promises_no_grade() -> None:
    text = told(replace(made.not_final(), assignment=ASSIGNMENT))
    assert "The grader itself failed here. This is not your mistake. Check again" in text
    assert "points" not in text


# ---------------------------------------------------------------- honest limits


def test_what_only_grading_does_is_counted_from_the_assignment() -> None:
    lines = told().splitlines()
    at = lines.index("Only when grading, so this is not yet the grade:")
    assert lines[at + 1 : at + 5] == [
        "  hidden cases with other shapes and values: pairwise_distance 2",
        "  difficult inputs, at which results have to stay finite: pairwise_distance 1",
        "  a short training, if your course has one: rkd",
        "  the whole notebook from top to bottom, if your course asks for that",
    ]
    more = replace(DISTANCE, cases=(*DISTANCE.cases, spec("another", public=False)))
    changed = replace(ASSIGNMENT, exercises={"pairwise_distance": more})
    text = told(checked(assignment=changed, results=checked().results[:1]))
    assert "pairwise_distance 3" in text
    assert "a short training" not in text


def test_the_counts_of_a_real_assignment() -> None:
    assignment = load_assignment(ROOT / "assignments" / "distillation_tf")
    blank = [
        ExerciseResult(name, Verdict.NOT_ATTEMPTED, Finding(Found.BLANK, Place(1, 1)), ())
        for name in assignment.exercises
    ]
    text = told(checked(assignment=assignment, results=tuple(blank)))
    hidden = {
        name: sum(not c.public and c.kind != "robustness" for c in exercise.cases)
        for name, exercise in assignment.exercises.items()
    }
    assert ", ".join(f"{name} {count}" for name, count in hidden.items()) in text, "in the assignment's order"
    assert "a short training, if your course has one: loss_with_kd, loss_with_at, loss_with_rkd" in text


# ---------------------------------------------------------------- arrays, and what stays hidden


def test_the_entries_that_differ_are_marked() -> None:
    actual = EXPECTED.copy()
    actual[1, 0] = 7
    text = told(checked(actual))
    assert "        [1]  7* -4\n" in text
    assert "        [1]  3* -4\n" in text
    assert re.search("<mark>7\\*</mark>", page(checked(actual)))
    assert page(checked(actual)).count("<mark>") == 2


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("hints", [1, 2, 3])
def test_nothing_of_a_hidden_case_is_told(lang: str, hints: int) -> None:
    only_hidden = replace(checked().results[0], checks=checked().results[0].checks[1:])
    for graded in (checked(), checked(results=(only_hidden,))):
        for text in (told(graded, lang, hints=hints), page(graded, lang, hints=hints)):
            assert made.HIDDEN_VALUE not in text
            assert "0.765" not in text
            assert f"{-4 * SECRET:.4g}" not in text


def test_nothing_depends_on_colour() -> None:
    assert "\x1b" not in told(hints=3)
    assert not re.search("color|background", page(hints=3)), "what is right and wrong is said in words"
    for mark in "✗–":
        assert mark in told()


# ---------------------------------------------------------------- HTML


class Balanced(HTMLParser):
    """Every tag that is opened is closed, in order."""

    VOID = ("br",)

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _value in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(text: str) -> Balanced:
    reader = Balanced()
    reader.feed(text)
    reader.close()
    assert not reader.open
    return reader


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("hints", [1, 2, 3])
def test_the_html_says_what_the_text_says(lang: str, hints: int) -> None:
    shown = "".join(html.unescape(re.sub("<[^>]*>", "", page(lang=lang, hints=hints))).split())
    for line in told(lang=lang, hints=hints).splitlines():
        assert "".join(re.sub(r"^\s*\(\d\) ", "", line).split()) in shown, line
    parsed(page(lang=lang, hints=hints))


def test_only_tags_and_attributes_that_notebooks_leave_in() -> None:
    reader = parsed(page(hints=3))
    assert not reader.seen & {"script", "style", "link", "img", "iframe", "form", "input"}
    assert reader.attributes <= {"lang", "style", "scope", "value", "role"}


def test_what_is_right_is_folded_up() -> None:
    right = replace(checked().results[0], verdict=Verdict.PASSED, mistake=None, checks=())
    text = page(checked(results=(right, checked().results[1])))
    assert "<details><summary>✓ <code>pairwise_distance</code>: correct</summary>" in text
    assert text.count("<details>") == 1
    assert "<details open" not in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hostile_text_is_only_text(lang: str) -> None:
    fault = Fault("ValueError", HOSTILE, Place(39, 2))
    wrong = replace(made.wrong(exercise="pairwise_distance"), verdict=Verdict.ERROR, mismatch=None, fault=fault)
    result = replace(checked().results[0], verdict=Verdict.ERROR, checks=(wrong,), mistake=None)
    result = replace(result, checks=(wrong, replace(wrong, case="<b>bold</b>")))
    missing = replace(
        checked().results[1], verdict=Verdict.MISSING, finding=Finding(Found.MISSING, nearest=HOSTILE)
    )
    text = page(checked(results=(result, missing)), lang, warning=HOSTILE)
    assert not parsed(text).seen & {"script", "img", "b", "a"}
    assert "onerror" not in parsed(text).attributes


# ---------------------------------------------------------------- where the limit stands


def rooted(tmp_path: Path, rubric: str | None = None, kit: object = None) -> Path:
    if rubric is not None:
        (tmp_path / "rubric.yaml").write_text(rubric)
    if kit is not None:
        (tmp_path / FILE).write_text(json.dumps(kit))
    return tmp_path


RUBRIC = "demo:\n  policies: {{hints: {hints}}}\n  criteria: {{a: {{points: 1, exercise: rkd}}}}\n"
KIT = {"slug": "demo", "version": "1", "digest": "", "grader": "0", "hints": 1, "key": "", "format": 1}


def test_the_limit_of_the_rubric_and_of_the_kit(tmp_path: Path) -> None:
    assert limit(tmp_path, ASSIGNMENT) == 3, "neither of them"
    assert limit(rooted(tmp_path, RUBRIC.format(hints=2)), ASSIGNMENT) == 2
    assert limit(rooted(tmp_path, RUBRIC.format(hints=2).replace("rkd", "unknown")), ASSIGNMENT) == 2, "a fault"
    for other in ("other: {}\n", "demo: {}\n", "- demo\n", "demo: [", RUBRIC.format(hints=7)):
        assert limit(rooted(tmp_path, other), ASSIGNMENT) == 3
    rooted(tmp_path, RUBRIC.format(hints=3))
    assert limit(rooted(tmp_path, kit=KIT), ASSIGNMENT) == 1, "a kit has the last word"
    assert limit(rooted(tmp_path, kit={**KIT, "hints": 99}), ASSIGNMENT) == 3


def test_the_shipped_course_sets_no_limit(grading: Grading) -> None:
    assert limit(ROOT, grading.assignment) == 3


def test_an_exercise_without_axes_and_formula_is_told_as_well() -> None:
    plain: Exercise = replace(DISTANCE, axes={}, formula=())
    text = told(
        checked(assignment=replace(ASSIGNMENT, exercises={"pairwise_distance": plain, "rkd": LOSS})), hints=3
    )
    assert "float32[2, 2]" in text
    assert "In the formula" not in text
