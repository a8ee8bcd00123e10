"""feedback.html: says what feedback.md says, whole and self-contained, safe with hostile text, readable."""

from __future__ import annotations

import re
from dataclasses import replace

import made_by_hand as made
import pytest
from pages import HOSTILE, Reader, check_document, squeezed

from grader.i18n import LOCALE
from grader.reports import told
from grader.reports.code import MOST_CHARACTERS, MOST_LINES, NEAR, listing, visible
from grader.reports.curves import to_svg
from grader.reports.document import TEMPLATES, policy
from grader.reports.feedback import to_markdown
from grader.reports.page import MOST_CODE, to_html
from grader.types import (
    LANGUAGES,
    Cell,
    Execution,
    Fault,
    Finding,
    Found,
    Graded,
    Learner,
    Notebook,
    Place,
    Remark,
    Run,
    Substitution,
    Verdict,
)

ENVIRONMENT = {"grader": "0.2.0", "tensorflow": "2.21.0", "platform": "secret machine"}
LOSS = "import tensorflow as tf\n\n\n# 손실\n\n\ndef rkd(l_t, l_s):\n    return tf.reduce_mean(l_t - l_s) * 0.5\n"
NOTEBOOK = Notebook(
    (Cell(1, "import wandb"), Cell(39, "\ndef pairwise_distance(z):\n    return z"), Cell(41, LOSS))
)


def graded(**changes: object) -> Graded:
    return replace(made.graded(), notebook=NOTEBOOK, **changes)  # type: ignore[arg-type]


def page(of: Graded, lang: str = "en") -> str:
    return to_html(of, made.EXPECTATIONS, lang, ENVIRONMENT, to_svg(of, lang) or "")


def read(of: Graded, lang: str = "en") -> Reader:
    return check_document(page(of, lang), lang)


def section(of: Reader, name: str) -> str:
    """The text of the section under the heading with this id."""
    return squeezed(of.one("section", aria_labelledby=name).text)


def everything() -> list[Graded]:
    failed = made.trained(Verdict.FAILED, training=made.comparison((0.2, 0.45), (0.22, 0.5)))
    stopped = Execution(
        Verdict.ERROR, "torch", 5, (1, 2), 3, 2, Fault("E", "m"), substitutions=(Substitution("output", "3"),)
    )
    return [
        graded(),
        replace(made.graded_with(made.trained()), notebook=NOTEBOOK),
        made.graded_with(failed, "training_failed", 0.0),
        graded(execution=stopped),
        made.not_final(),
        made.unreadable(),
    ]  # fmt: skip


# ---------------------------------------------------------------- what it says


def test_head() -> None:
    learner = Learner("김하늘 (A)", "4001", "", "")
    of = graded()
    found = read(replace(of, submission=replace(of.submission, id="kim", learner=learner, late=True)))
    assert found.one("title").text == "Demo · kim"
    assert found.one("h1").text == "Demo"
    assert squeezed(found.one("p", class_="who").text) == "kim 김하늘 (A) handed in late"
    assert found.one("p", class_="grade").text == "15 of 35 points"
    assert found.one("svg", class_="points").attributes["aria-hidden"] == "true"
    assert "handed in late" not in page(of)


def test_points() -> None:
    found = read(graded())
    rows = [squeezed(row.text) for row in found.all("tr")[1:]]
    assert rows[0] == "Distances 15 / 15 ✓ correct All checks passed."
    assert rows[1].startswith("The loss 0 / 20 ✗ not correct It looks like this: distances were not divided")
    assert rows[2].startswith("robustness 0 / 0 ~ advice Difficult inputs")
    links = [a.attributes["href"] for a in found.all("a") if "tr" in a.inside]
    assert links == ["#exercise-1", "#exercise-2"]


def test_a_check_is_taken_apart() -> None:
    found = read(graded())
    first, hidden, *_advice = found.all("div", class_="check")
    assert squeezed(first.text) == (
        'rkd · case "typical" · value differs cell 41, line 7 called rkd(l_t=float32[8, 10], l_s=float32[8, 10]) '
        "with T=2 expected 0.30217 got 0.07554 wrong in 1 of 1; 9e-06 either way was allowed "
        "Every entry is 0.25 times the expected value."
    )
    assert "hidden case" in hidden.text
    assert "expected" not in hidden.text
    labels = [dt.text for dt in found.all("dt")]
    assert labels == ["called", "with", "expected", "got"]
    assert made.HIDDEN_VALUE not in page(graded())


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("number", range(6))
def test_nothing_of_the_markdown_is_missing(number: int, lang: str) -> None:
    """Word for word, in the same order, but for marks, the heads of the tables, and what only the page has."""
    of = everything()[number]
    plain = re.sub(r"!\[.*\]\(training.svg\)|^```(text)?$|^-{3}$|^#+ |^- |\| *-[-:| ]*|\\(?=[\W_])", "",
                   to_markdown(of, made.EXPECTATIONS, lang, ENVIRONMENT), flags=re.MULTILINE)  # fmt: skip
    plain = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    words = re.findall(r"[\w.%+…]+", plain)
    shown = re.findall(r"[\w.%+…]+", Reader(page(of, lang)).one("body").text)
    # A place stands beside its check's headline here, and below it there: so words are counted, not ordered.
    assert not {word for word in words if words.count(word) > shown.count(word)}


def test_a_place_leads_to_the_line() -> None:
    found = read(graded())
    assert [a.attributes["href"] for a in found.all("a") if "h3" in a.inside] == ["#exercise-2-0-7"] * 2
    line = found.one("span", id="exercise-2-0-7")
    assert line.attributes["class"] == "line marked"
    assert line.attributes["data-line"] == "7"
    assert line.text == "This line: def rkd(l_t, l_s):\n"


def test_code_is_as_they_wrote_it() -> None:
    found = read(graded())
    shown = found.all("pre", class_="code")
    assert [pre.text.replace("This line: ", "").rstrip("\n") for pre in shown] == [
        NOTEBOOK.cells[at].source.rstrip("\n") for at in (1, 2, 0, 1, 2)
    ]
    folds = ["open" in fold.attributes for fold in found.all("details")]
    assert folds == [False, True, False], "what is right is folded, and so is the whole notebook"
    assert found.all("span", class_="k")
    assert found.all("span", class_="c")[0].text == "# 손실"


def test_an_exception_in_another_cell_shows_that_cell_too() -> None:
    first, loss = made.results()
    fault = Fault("ValueError", "no", Place(39, 3))
    check = made.wrong(verdict=Verdict.ERROR, mismatch=None, fault=fault, place=Place(39, 3))
    found = read(graded(results=(first, replace(loss, verdict=Verdict.ERROR, checks=(check,)))))
    assert [a.text for a in found.all("a") if "h3" in a.inside] == ["cell 39, line 3"]
    assert found.one("span", class_="line marked").text == "This line:     return z\n"


def test_without_a_notebook_there_is_no_code() -> None:
    found = read(made.graded())
    assert not found.all("pre")
    assert not found.all("details")
    assert "cell 41, line 7" in found.one("body").text


def test_training() -> None:
    found = read(everything()[1])
    told_there = section(found, "training")
    assert "Relational loss 46.0 % 81.8 % +35.8 +32.5 … +38.5 (98.76 %) helps the student" in told_there
    assert "learns more with your loss" in told_there
    strip = found.one("svg", class_="strip")
    assert strip.attributes["aria-hidden"] == "true", "the numbers stand beside it"
    assert found.one("svg", role="img").attributes["aria-labelledby"] == "title desc"
    assert 'aria-labelledby="training"' not in page(graded())


def test_points_that_nobody_judged_have_no_tick() -> None:
    of = made.graded_with(made.trained(Verdict.SKIPPED, training=None, detail="followed"), "training_followed")
    *others, last = of.grade.scores
    grade = replace(of.grade, scores=(*others, replace(last, verdict=Verdict.PASSED)))
    row = next(squeezed(tr.text) for tr in read(replace(of, grade=grade)).all("tr") if "training" in tr.text)
    assert row.startswith("Relational loss: training 5 / 5 – not judged Not trained")


def test_the_whole_notebook() -> None:
    told_there = section(read(everything()[3]), "whole")
    assert told_there.startswith("✗ The whole notebook The run stopped in cell 3 with an error.")
    assert "E: m cell 3, line 2" in told_there
    assert "output cut off: cell 3" in told_there


def test_no_number_without_a_grade() -> None:
    found = read(made.not_final())
    assert found.one("p", class_="grade").text == "no grade yet"
    assert not found.all("table")
    assert not found.all("svg")
    assert "no space left" not in found.one("body").text
    assert "This is not your mistake" in section(found, "notebook")


def test_foot() -> None:
    foot = squeezed(read(graded()).one("footer").text)
    assert foot == "Graded with grader 0.2.0, tensorflow 2.21.0. Sandbox: namespaces, seccomp."


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_kind_of_page_is_whole(lang: str) -> None:
    for of in everything():
        found = read(of, lang)
        assert not found.all("script"), "a learner's page runs nothing"
        assert found.all("main", id="main")
        assert found.all("a", class_="skip")


# ---------------------------------------------------------------- hostile text


def hostile() -> Graded:
    first, loss = made.results()
    fault = Fault(HOSTILE, HOSTILE, Place(41, 7))
    checks = (
        made.wrong(verdict=Verdict.ERROR, mismatch=None, fault=fault, place=Place(41, 7)),
        made.wrong(mismatch=replace(made.VALUE_DIFFERS, actual=HOSTILE), case="other"),
    )
    broken = replace(loss, verdict=Verdict.ERROR, checks=checks, finding=Finding(Found.DEFINED, Place(41, 7), 1))
    missing = replace(first, verdict=Verdict.MISSING, finding=Finding(Found.MISSING, nearest=HOSTILE))
    plain = made.graded(results=(missing, broken))
    assert plain.program is not None
    return replace(
        plain,
        notebook=Notebook((Cell(41, "\n".join([HOSTILE] * 9)),)),
        program=replace(plain.program, remarks=(Remark("left_out", None, HOSTILE),)),
        run=Run({}, load_faults=(fault,)),
        submission=replace(plain.submission, id=HOSTILE, learner=Learner(HOSTILE, HOSTILE)),
        execution=Execution(
            Verdict.ERROR, HOSTILE, 5, (), 3, 2, fault, substitutions=(Substitution("shell", HOSTILE),)
        ),
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hostile_text_is_text(lang: str) -> None:
    text = page(hostile(), lang)
    found = check_document(text, lang)
    shown = found.one("body").text
    assert shown.count("<script>alert(1)</script>") > 20
    assert "{{7*7}}{% raw %}" in shown
    assert not found.all("script")
    assert "49" not in shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "⟨U+202E⟩gnp.exe" in shown, "in code what is invisible is shown"
    assert "⟨U+001B⟩[31mred" in shown


def test_a_name_cannot_end_the_title() -> None:
    assert read(hostile()).one("title").text.startswith("Demo · <script>alert(1)</script>")


def test_five_megabytes_do_not_make_a_long_page() -> None:
    endless = "x = 1 # \n" * 600_000
    one_line = "y = '" + "'+'" * 1_700_000
    fault = Fault("E" * 5_000_000, "m" * 5_000_000, Place(41, 7))
    first, loss = made.results()
    checks = (made.wrong(verdict=Verdict.ERROR, mismatch=None, fault=fault),)
    dense = ("x=1;" * 90 + "\n") * 14_000
    cells = (Cell(1, endless), Cell(2, one_line), *(Cell(number, dense) for number in range(30, 60)))
    text = page(
        graded(
            results=(first, replace(loss, verdict=Verdict.ERROR, checks=checks)),
            run=Run({}, load_faults=(fault,), printed="p" * 5_000_000),
        )
    )
    assert len(text) < 50_000
    long = page(replace(graded(), notebook=Notebook(cells)))
    assert len(long) < MOST_CODE + 100_000
    assert "5099605 characters more" in long
    assert "Lines below that are not shown: 599700" in long
    assert "Further cells that are not shown" in long


def test_what_is_cut_is_counted() -> None:
    of = listing(Cell(1, "a" * (MOST_CHARACTERS + 7) + "\n" + "b\n" * (MOST_LINES + 4)))
    assert of.lines[0].cut == 7
    assert (len(of.lines), of.above, of.below) == (MOST_LINES, 0, 5)
    near = listing(Cell(1, "b\n" * 500), {203}, 200)
    assert (len(near.lines), near.above, near.below) == (NEAR, 193, 500 - 193 - NEAR)
    assert [line.number for line in near.lines if line.marked] == [203]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_are_numbered_as_python_counts_them(ending: str) -> None:
    of = listing(Cell(1, ending.join(["", "'''a", "b''' \x0c c", "d\u2028e", "f"])), {5})
    assert [line.number for line in of.lines if line.marked] == [5]
    assert [Reader(f"<p>{line.html}</p>").one("p").text for line in of.lines] == [
        "", "'''a", "b''' ⟨U+000C⟩ c", "d⟨U+2028⟩e", "f",
    ]  # fmt: skip


def test_a_tower_of_marks_is_taken_down() -> None:
    assert visible("e" + "\u0301" * 50) == "e" + "\u0301" * 4
    assert visible("\tx\ud800") == "\tx⟨U+D800⟩"


def test_a_learner_cannot_make_up_a_row() -> None:
    """Two spaces and a label look like one of ours; `clean` leaves no two spaces."""
    fault = Fault("E", "no\n  expected  1.0\n  got  1.0")
    check = made.wrong(verdict=Verdict.ERROR, mismatch=None, fault=fault)
    block = told.block(check, made.graded(), made.EXPECTATIONS, {}, "en")
    assert [label for label, _value in block.rows] == ["called", "with"]
    assert block.lines[0] == "E: no expected 1.0 got 1.0"


def test_the_policy_names_what_is_there_and_nothing_else() -> None:
    assert policy("a") != policy("b")
    assert "script-src" not in policy("a")
    assert "unsafe" not in policy("a", "b")


# ---------------------------------------------------------------- colours, words, style

LIGHT, DARK, PRINT = 0, 1, 2


def palettes() -> list[dict[str, str]]:
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\n *\}", style, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]


def luminance(color: str) -> float:
    """https://www.w3.org/TR/WCAG21/#dfn-relative-luminance"""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio"""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("which", [LIGHT, DARK, PRINT])
def test_every_text_can_be_read(which: int) -> None:
    colors = palettes()[which]
    marks = ("right", "partly", "wrong", "none", "unclear", "ours")
    on_paper = ("ink", "quiet", "link", "accent", *marks)
    code = [f"code-{name}" for name in "csmkd"]
    pairs = [(name, ground) for name in on_paper for ground in ("paper", "soft")]
    pairs += [(name, ground) for name in ("ink", "quiet", *code) for ground in ("soft", "here")]
    too_weak = {pair: contrast(colors[pair[0]], colors[pair[1]]) for pair in pairs}
    assert not {pair: ratio for pair, ratio in too_weak.items() if ratio < 4.5}
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_every_palette_has_every_colour_and_nothing_else_has_one() -> None:
    light, dark, printed = palettes()
    assert light.keys() == dark.keys() == printed.keys()
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    assert len(re.findall(r"#[0-9a-f]{3,8}\b", style)) == 3 * len(light)
    assert "url(" not in style
    assert "@import" not in style


def test_every_class_of_the_code_has_a_colour() -> None:
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    for name in "csmkd":
        assert f".{name} {{ color: var(--code-{name})" in style


def sentences() -> set[str]:
    texts = [path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.html")]
    found = {sentence for text in texts for sentence in re.findall(r'\b_\("([^"]+)"\)', text)}
    # What is looked up in a table of Python's is marked there.
    others = {argument for text in texts for argument in re.findall(r"\b_\(([^\")]*)\)", text)}
    assert others <= {"marks[mark]", "words"}
    return found


def test_every_sentence_of_the_templates_is_translated() -> None:
    catalogue = (LOCALE / "ko" / "grader.po").read_text(encoding="utf-8")
    joined = re.sub(r'"\n"', "", catalogue)
    missing = [sentence for sentence in sentences() if f'msgid "{sentence}"' not in joined]
    assert len(sentences()) > 40
    assert not missing
