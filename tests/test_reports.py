"""The terminal table, feedback.md and grades.csv: right, readable, and safe with hostile text."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import Any

import made_by_hand as made
import pytest

from grader.plaintext import width
from grader.reports.feedback import MOST_CHECKS, to_markdown
from grader.reports.gradebook import COLUMNS, absent_csv, to_csv
from grader.reports.marks import mark_of
from grader.reports.selfcheck import render as self_check
from grader.reports.terminal import render, wants_color
from grader.result import to_row
from grader.types import CheckResult, Fault, Finding, Found, Graded, Learner, Place, Remark, Run, Verdict

ENVIRONMENT = {"grader": "0.1.0", "tensorflow": "2.21.0"}


def markdown(graded: Graded, lang: str = "en") -> str:
    return to_markdown(graded, made.EXPECTATIONS, lang, ENVIRONMENT)


def rows() -> list[dict[str, Any]]:
    return [to_row(graded, "en") for graded in (made.graded(), made.not_final(), made.unreadable())]


# ---------------------------------------------------------------- terminal


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_where_it_is_wanted() -> None:
    assert wants_color(Screen(), {})
    assert not wants_color(Screen(), {"NO_COLOR": "1"})
    assert wants_color(Screen(), {"NO_COLOR": ""})
    assert not wants_color(Screen(), {"TERM": "dumb"})
    assert not wants_color(io.StringIO(), {})
    assert "\x1b[" not in render(rows(), "en")
    assert "\x1b[" in render(rows(), "en", color=True)


def test_the_table() -> None:
    lines = render(rows(), "en", made.MISTAKES, width=160).splitlines()
    assert lines[0].split() == ["submission", "grade", "1", "2", "3", "note"]
    assert lines[2].split()[:7] == ["김하늘", "15", "/", "35", "✓", "✗", "~"]
    assert lines[3].split()[:6] == ["broken", "not", "final", "?", "?", "?"]
    assert lines[4].split()[:4] == ["half", "0", "/", "35"]
    rest = "\n".join(lines[5:])
    assert re.search("1 distance +2 loss +3 robustness", rest)
    assert "3 submissions, 2 final; mean 21%, median 21%, full marks 0" in rest
    assert "   1 × rkd_no_mean: distances were not divided by their mean" in rest
    assert "broken: OSError: no space left on device" in rest


def test_the_table_in_korean_lines_up() -> None:
    korean = [to_row(graded, "ko") for graded in (made.graded(), made.unreadable())]
    lines = render(korean, "ko", width=160).splitlines()
    columns = {width(line[: line.index(mark)]) for line, mark in zip(lines[2:4], "✓✗", strict=True)}
    assert len(columns) == 1
    assert lines[0].split() == ["제출물", "점수", "1", "2", "3", "비고"]


def test_a_grade_that_is_not_final_shows_no_marks() -> None:
    lines = render([{**rows()[0], "final": False}], "en", width=160).splitlines()
    assert lines[2].split()[:6] == ["김하늘", "not", "final", "?", "?", "?"]


def test_five_commonest_mistakes_and_one_vote_each() -> None:
    row = rows()[0]
    many = [{**row, "mistakes": [f"m{n}", f"m{n}"]} for n in range(7) for _ in range(n + 1)]
    counted = re.findall(r"(\d+) × (m\d)", render(many, "en"))
    assert counted == [("7", "m6"), ("6", "m5"), ("5", "m4"), ("4", "m3"), ("3", "m2")]


@pytest.mark.parametrize(
    ("verdict", "earned", "points", "kind", "expected"),
    [
        ("passed", 20, 20, "exercise", "✓"),
        ("passed", 10, 20, "exercise", "~"),
        ("failed", 10, 20, "exercise", "~"),
        ("failed", 0, 20, "exercise", "✗"),
        ("error", 0, 20, "exercise", "✗"),
        ("missing", 0, 20, "exercise", "–"),
        ("not_attempted", 0, 20, "exercise", "–"),
        ("skipped", 0, 20, "exercise", "–"),
        ("internal", None, 20, "exercise", "?"),
        ("passed", 0, 0, "robustness", "✓"),
        ("failed", 0, 0, "robustness", "~"),
        ("failed", 0, 5, "robustness", "✗"),
        ("passed", 5, 5, "training", "✓"),
        ("failed", 0, 5, "training", "✗"),
        ("failed", 0, 0, "training", "✗"),
        ("inconclusive", 5, 5, "training", "±"),
        ("skipped", 0, 5, "training", "–"),
        ("error", 0, 5, "training", "✗"),
    ],
)
def test_marks(verdict: str, earned: float | None, points: float, kind: str, expected: str) -> None:
    assert mark_of({"verdict": verdict, "earned": earned, "points": points, "kind": kind}) == expected


def test_every_verdict_has_a_mark() -> None:
    for verdict in Verdict:
        assert mark_of({"verdict": verdict.value, "earned": 0, "points": 1, "kind": "exercise"}) in "✓~✗–±?"


def test_markup_in_an_id_is_shown_and_not_obeyed() -> None:
    row = {**rows()[0], "id": "[bold]kim[/bold] \x1b[31m:smile:", "note": "[/] [link=http://x]"}
    text = render([row], "en")
    assert "[bold]kim[/bold] :smile:" in text
    assert "[/] [link=http://x]" in text
    assert "\x1b" not in text


def test_an_empty_class() -> None:
    assert "0 submissions, 0 final" in render([], "en")


# ---------------------------------------------------------------- feedback


def test_feedback() -> None:
    text = markdown(made.graded())
    assert text.startswith("# Demo\n\n**김하늘** · **15 of 35 points**\n")
    assert "| Distances | 15 / 15 | correct | All checks passed. |" in text
    assert "| The loss | 0 / 20 | not correct | It looks like this: distances were not" in text
    assert "| robustness | 0 / 0 | advice |" in text
    assert "## Your notebook" in text
    assert "(cell 12, line 3)" in text.replace("\\", "")
    assert "## Relational loss: not correct" in text
    assert '```text\nrkd · case "typical" · value differs\n' in text
    assert text.index("## Relational loss") < text.index("## Advice")
    advice = text[text.index("## Advice") :]
    assert 'pairwise_distance · case "equal_rows"' in advice
    assert text.count("distances were not divided by their mean") == 2, "in the table and above the blocks"
    assert "Sandbox: namespaces, seccomp" in text.replace("\\", "")
    assert made.HIDDEN_VALUE not in text


def test_feedback_in_korean() -> None:
    text = markdown(made.graded(), "ko")
    assert "**35점 만점에 15점**" in text
    assert "## 관계형 손실: 올바르지 않습니다" in text
    assert "거리를 평균으로 나누지 않았습니다" in text
    assert "## 조언" in text


def test_a_few_blocks_say_enough() -> None:
    first, loss = made.results()
    many = replace(loss, checks=(made.wrong(public=False), *[made.wrong(case=f"c{n}") for n in range(9)]))
    text = markdown(made.graded(results=(first, many)))
    section = text[text.index("## Relational loss") : text.index("## Advice")]
    assert section.count("```text") == MOST_CHECKS
    assert "hidden case" not in section, "public cases first: they show values"
    assert "did not pass: 7." in section


def test_one_exception_in_many_cases_is_told_once() -> None:
    first, loss = made.results()

    def raised(case: str, kind: str) -> CheckResult:
        return made.wrong(verdict=Verdict.ERROR, mismatch=None, case=case, fault=Fault(kind, "no"))

    checks = (raised("a", "KeyError"), raised("b", "KeyError"), raised("c", "TypeError"))
    text = markdown(made.graded(results=(first, replace(loss, verdict=Verdict.ERROR, checks=checks))))
    section = text[text.index("## Relational loss") : text.index("## Advice")]
    assert [section.count(kind) for kind in ("KeyError", "TypeError")] == [1, 1]
    assert 'case "a"' in section


def test_feedback_without_a_grade() -> None:
    text = markdown(made.not_final())
    assert "**no grade yet**" in text
    assert "This is not your mistake" in text
    assert not re.search(r"\d+ / \d+", text)
    assert "no space left" not in text


def test_feedback_of_an_unreadable_file() -> None:
    text = markdown(made.unreadable())
    assert "**0 of 35 points**" in text
    assert "The file is cut off" in text
    assert "(line 17)" in text.replace("\\", "")


def test_advice_is_for_what_is_right_otherwise() -> None:
    distance, loss = made.results()
    wrong = replace(distance, verdict=Verdict.FAILED)
    assert "## Advice" in markdown(made.graded())
    assert "## Advice" not in markdown(made.graded(results=(wrong, loss)))


def test_what_was_not_written_is_said_kindly_and_without_blocks() -> None:
    first, loss = made.results()
    blank = replace(loss, verdict=Verdict.NOT_ATTEMPTED, finding=Finding(Found.BLANK, Place(41, 7)), mistake=None)
    text = markdown(made.graded(results=(first, blank)))
    section = text[text.index("## Relational loss") : text.index("## Advice")]
    assert "hand in again to see how it does" in section
    assert "```" not in section


HOSTILE = "```\n# Full marks\n<script>alert(1)</script> <img src=x onerror=y> [a](javascript:b) | x | `` ` **b**"


def outside_of_code(text: str) -> str:
    """What a Markdown reader takes as markup: everything but fenced blocks."""
    kept, ticks = [], ""
    for line in text.splitlines():
        opening = re.match(r"`{3,}", line)
        if not ticks and opening:
            ticks = opening.group()
        elif ticks and set(line.strip()) == {"`"} and len(line.strip()) >= len(ticks):
            ticks = ""
        elif not ticks:
            kept.append(line)
    assert not ticks, "a code block was left open"
    return "\n".join(kept)


def test_an_exception_cannot_close_the_code_block() -> None:
    first, loss = made.results()
    checks = (made.wrong(verdict=Verdict.ERROR, mismatch=None, fault=Fault("`````", "")),)
    broken = replace(loss, verdict=Verdict.ERROR, checks=checks, mistake=None)
    text = markdown(made.graded(results=(first, broken)))
    assert "`````" in text
    assert "  looks like" in text
    assert "  looks like" not in outside_of_code(text)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_hostile_text_stays_text(lang: str) -> None:
    first, loss = made.results()
    fault = Fault(HOSTILE, HOSTILE, Place(1, 1))
    broken = replace(
        loss,
        verdict=Verdict.ERROR,
        checks=(made.wrong(verdict=Verdict.ERROR, mismatch=None, fault=fault),),
        finding=Finding(Found.DEFINED, Place(1, 1), 1),
    )
    missing = replace(first, verdict=Verdict.MISSING, finding=Finding(Found.MISSING, nearest=HOSTILE))
    plain = made.graded(results=(missing, broken), run=Run({}))
    program = replace(plain.program, remarks=(Remark("left_out", None, HOSTILE),))  # type: ignore[type-var]
    text = markdown(
        replace(
            plain,
            program=program,
            run=Run({}, load_faults=(fault,)),
            submission=replace(plain.submission, id=HOSTILE.replace("/", "_")),
        ),
        lang,
    )
    markup = outside_of_code(text)
    assert "Full marks" in markup, "it is shown, as text"
    assert not re.search(r"^\s*# Full", markup, re.MULTILINE)
    assert not re.search(r"</?(script|img)", markup)
    assert not re.search(r"(?<!\\)\]\(", markup)
    assert not re.search(r"(?<!\\)`", markup)
    assert not re.search(r"(?<!\\)\*\*b", markup)


# ---------------------------------------------------------------- training


def training_part(text: str) -> str:
    heading = "## Training\n" if "## Training\n" in text else "## 훈련\n"
    return text[text.index(heading) :].partition("\n## ")[0].partition("\n---")[0]


def test_feedback_of_a_training() -> None:
    text = markdown(made.graded_with(made.trained()))
    assert "| Relational loss: training | 5 / 5 | helps the student | A short training" in text
    part = training_part(text)
    assert text.index("## Relational loss") < text.index("## Training") < text.index("## Advice")
    assert "| part | without | with your loss | difference, in points | interval | verdict |" in part
    row = "| Relational loss | 46.0 % | 81.8 % | +35.8 | +32.5 … +38.5 (98.76 %) | helps the student |"
    assert row in part.replace("\\", "")
    assert "**Relational loss**: Trained briefly with 30 labelled images (digits); paired runs: 4" in part
    assert "learns more with your loss" in part
    assert part.count("81.8") == 1, "the table has the numbers"
    assert part.rstrip().endswith("](training.svg)")


def test_feedback_of_a_training_in_korean() -> None:
    text = markdown(made.graded_with(made.trained()), "ko")
    assert "| 관계형 손실: 훈련 | 5 / 5 | 학생 모델에 도움이 됩니다 |" in text
    part = training_part(text)
    assert "46.0 % | 81.8 %" in part
    assert "짝지은 훈련 4번, 각 100스텝" in part
    assert part.rstrip().endswith("](training.svg)")


def test_a_failed_training_is_told_once_and_not_among_the_cases() -> None:
    failed = made.trained(Verdict.FAILED, training=made.comparison((0.2, 0.45), (0.22, 0.5)))
    text = markdown(made.graded_with(failed, "training_failed", 0.0))
    assert "| 0 / 5 | does not help the student | A short training with this loss gives no better" in text
    exercise = text[text.index("## Relational loss") : text.index("## Training")]
    assert exercise.strip() == "## Relational loss: correct\n\nAll checks passed."
    assert text.count("Check the sign of the term") == 1


def test_no_picture_without_a_run() -> None:
    skipped = made.trained(Verdict.SKIPPED, training=None, detail="numeric")
    part = training_part(markdown(made.graded_with(skipped, "training_skipped", 0.0)))
    assert "| Relational loss | – | – | – | – | not judged |" in part
    assert "numeric checks did not pass" in part
    assert "training.svg" not in part


@pytest.mark.parametrize("detail", ["followed", "form"])
def test_points_kept_without_a_training_are_not_called_a_help(detail: str) -> None:
    of = made.graded_with(made.trained(Verdict.SKIPPED, training=None, detail=detail), f"training_{detail}")
    *others, last = of.grade.scores
    grade = replace(of.grade, scores=(*others, replace(last, verdict=Verdict.PASSED)))
    text = markdown(replace(of, grade=grade))
    assert "| Relational loss: training | 5 / 5 | not judged | Not trained" in text
    assert "helps the student" not in text


def test_nothing_of_training_where_nothing_was_trained() -> None:
    assert "## Training" not in markdown(made.graded())
    blank = made.trained(Verdict.NOT_ATTEMPTED, training=None)
    assert "## Training" not in markdown(made.graded_with(blank, "not_attempted", 0.0))


def test_an_exception_while_training_stays_in_a_code_block() -> None:
    fault = Fault("ValueError", HOSTILE, Place(41, 9))
    check = made.trained(Verdict.ERROR, training=None, fault=fault, place=Place(41, 9))
    text = markdown(made.graded_with(check, "training_error", 0.0))
    assert "Full marks" in training_part(text)
    assert "Full marks" not in outside_of_code(text)
    assert "(cell 41, line 9)" in training_part(text)


def test_an_unclear_training_in_the_table_of_the_class() -> None:
    unclear = made.graded_with(made.trained(Verdict.INCONCLUSIVE), "training_inconclusive", 5.0)
    for lang, words in (("en", "± not clear, a person looks"), ("ko", "± 판정 보류, 직접 확인 필요")):
        text = render([to_row(unclear, lang)], lang, width=160)
        assert text.splitlines()[2].split()[:8] == ["김하늘", "40", "/", "40", "✓", "✓", "~", "±"]
        assert words in text


def test_a_self_check_tells_of_training_apart_from_the_cases() -> None:
    failed = made.trained(Verdict.FAILED, training=made.comparison((0.2, 0.45), (0.22, 0.5)))
    first, loss = made.results()
    many = replace(loss, checks=(*loss.checks, failed))
    plain = self_check(made.graded(), made.EXPECTATIONS, "en")
    text = self_check(made.graded(results=(first, many)), made.EXPECTATIONS, "en")
    added = [line for line in text.splitlines() if line not in plain.splitlines()]
    assert set(plain.splitlines()) <= set(text.splitlines())
    assert added[0] == "    rkd · training · does not help the student  (cell 41, line 7)"
    assert "Check the sign" in added[-1]
    assert self_check(made.graded_with(failed), made.EXPECTATIONS, "en").count("Check the sign") == 1
    passed = self_check(made.graded_with(made.trained()), made.EXPECTATIONS, "ko")
    assert "rkd · 훈련 · 학생 모델에 도움이 됩니다" in passed


# ---------------------------------------------------------------- grades.csv


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_gradebook() -> None:
    data = to_csv(rows())
    assert data.startswith(b"\xef\xbb\xbf"), "Excel reads Korean only with a byte order mark"
    assert data.count(b"\r\n") == 4
    assert read(data) == [
        [*COLUMNS, "distance", "loss", "robustness"],
        ["김하늘", *[""] * 4, "false", "true", "15", "35", "15", "0", "0"],
        ["broken", *[""] * 4, "false", "false", "", "35", "", "", ""],
        ["half", *[""] * 4, "false", "true", "0", "35", "0", "0", "0"],
    ]
    assert to_csv(rows(), bom=False) == data.removeprefix(b"\xef\xbb\xbf")


def test_the_columns_of_the_gradebook_do_not_move() -> None:
    assert COLUMNS == ("id", "name", "learner", "email", "group", "late", "final", "earned", "possible")
    row = {**rows()[0], "name": "=1+2", "learner": "4321", "email": "kim@example.org", "group": "@2", "late": True}
    assert read(to_csv([row]))[1][:7] == ["김하늘", "'=1+2", "4321", "kim@example.org", "'@2", "true", "true"]


def test_who_handed_in_nothing_stands_in_a_table_without_a_grade() -> None:
    assert read(absent_csv([Learner("이영희", "77"), Learner("=cmd()", "78", email="x@example.org")])) == [
        ["name", "learner", "email", "group"],
        ["이영희", "77", "", ""],
        ["'=cmd()", "78", "x@example.org", ""],
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " ="])
def test_no_cell_opens_as_a_formula(start: str) -> None:
    row = {**rows()[0], "id": f"{start}cmd|' /C calc'!A0"}
    cell = read(to_csv([row]))[1][0]
    assert cell == "'" + row["id"]


def test_points_of_training_have_a_column() -> None:
    table = read(to_csv([to_row(made.graded_with(made.trained()), "en")]))
    assert table[0][-1] == "loss_training"
    assert table[1][-1] == "5"


def test_odd_ids_survive() -> None:
    for name in ('a,b"c', "김 하늘", "a\nb", "'quoted"):
        assert read(to_csv([{**rows()[0], "id": name}]))[1][0] == name


def test_a_number_that_slipped_into_a_grade_that_is_not_final_is_not_written() -> None:
    row = {**rows()[0], "final": False}
    assert read(to_csv([row]))[1] == ["김하늘", *[""] * 4, "false", "false", "", "35", "", "", ""]
