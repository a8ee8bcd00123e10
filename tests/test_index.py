"""index.html: right numbers, links that lead there, safe with hostile text, the same marks as everywhere."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from pages import HOSTILE, Reader, about, check_document, criterion, row, rows, squeezed, training

from grader.reports import charts, figures
from grader.reports.index import About, link_to, to_html
from grader.reports.marks import mark_of
from grader.types import LANGUAGES, Learner


def read(of: list[dict[str, Any]] | None = None, lang: str = "en", **changes: Any) -> Reader:
    return check_document(to_html(rows() if of is None else of, about(**changes), lang), lang)


def section(of: Reader, name: str) -> str:
    return squeezed(of.one("section", aria_labelledby=name).text)


def lines(of: Reader) -> list[list[str]]:
    """The table of all submissions, cell by cell."""
    found: list[list[str]] = []
    for element in of.elements:
        if "tbody" in element.inside and "section" in element.inside and "main" not in element.inside:
            if element.name == "tr":
                found.append([])
            elif element.name in ("th", "td"):
                found[-1].append(squeezed(element.text))
    return found


# ---------------------------------------------------------------- numbers


def test_the_class_in_numbers() -> None:
    assert section(read(), "glance").startswith(
        "At a glance submissions 7 final 6 mean 46 % median 50 % full marks 1 empty 1"
    )


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([], [0] * 10),
        ([0.0, 0.09999, 0.1], [2, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ([1.0, 1.2, 0.9], [0] * 9 + [3]),
        ([0.7, 7 / 10, 70 * 0.01, 0.3, 0.1 + 0.2], [0, 0, 0, 2, 0, 0, 0, 3, 0, 0]),
    ],
)
def test_tenths(shares: list[float], expected: list[int]) -> None:
    assert figures.histogram(shares) == expected


def test_the_distribution_is_a_picture_and_words() -> None:
    found = read()
    picture = found.one("svg", class_="distribution")
    assert picture.attributes["role"] == "img"
    counts = figures.histogram(figures.shares(rows()))
    assert sum(counts) == 6, "what is not final has no place in it"
    told = found.one("desc").text
    assert [int(n) for n in re.findall(r"%: (\d+)", told)] == counts
    bars = [rect for rect in found.all("rect", class_="bar") if "figure" in rect.inside]
    heights = [float(bar.attributes["height"]) for bar in bars]
    assert heights == pytest.approx([max(heights) * n / max(counts) for n in counts if n], abs=0.06)


def test_a_number_that_slipped_into_a_grade_that_is_not_final_counts_nowhere() -> None:
    slipped = row("x", criterion("first", "passed", 10), final=False)
    assert figures.shares([slipped]) == []
    assert not figures.successes([slipped])[0].counts
    found = read([slipped, row("y", criterion("first", "failed", 0))], alike=())
    assert "mean 0 %" in section(found, "glance")
    assert lines(found)[0] == ["x", "not final", "?", ""]


def test_no_distribution_without_a_grade() -> None:
    waiting = [one for one in rows() if not one["final"]]
    found = read(waiting)
    assert not found.all("svg", class_="distribution")
    assert "mean – median –" in section(found, "glance")


def test_empty() -> None:
    assert [one["id"] for one in rows() if figures.is_empty(one)] == ["choi"]
    assert figures.is_empty(row("a", unreadable="empty"))
    assert not figures.is_empty(row("a", unreadable="truncated"))
    blank = criterion("first", "missing", 0)
    assert figures.is_empty(row("a", blank, criterion("robustness", "passed", 0, kind="robustness")))
    assert not figures.is_empty(row("a", blank, final=False))


def test_how_each_part_went() -> None:
    assert section(read(), "parts") == (
        "How each part went part ✓right ~partly right ✗wrong –not done ±unclear First 3 1 1 1 0 Second 1 0 3 1 1"
    )
    # First: kim, lee, park right; half partly; cut wrong; choi not done; jung is not final.


def test_parts_are_counted_with_the_marks_of_the_terminal() -> None:
    found = {one.id: one.counts for one in figures.successes(rows())}
    final = [one for one in rows() if one["final"]]
    for name in ("first", "second"):
        marks = [mark_of(c) for one in final for c in one["criteria"] if c["id"] == name]
        assert {mark: marks.count(mark) for mark in marks} == found[name]


# ---------------------------------------------------------------- who


def test_to_look_at() -> None:
    told = section(read(), "look")
    assert "? Not final, to be graded again (1) jung: disk full" in told
    assert "± Not clear, a person decides (1) half: Second" in told
    assert "✗ The file could not be read (1) cut" in told
    assert "– Handed in empty, or nothing attempted (1) choi" in told
    assert "– Nothing handed in (1) 홍길동 · 4999 · B · hong@example.org" in told


def test_nothing_to_look_at() -> None:
    good = [row("a", criterion("first", "passed", 10))]
    found = check_document(to_html(good, About("s", {}, "1", "now"), "en"), "en")
    assert "To look at" not in found.one("body").text
    assert found.one("h1").text == "s", "the slug where there is no title"
    for name in ("mistakes", "training", "alike", "look"):
        assert not found.all("section", aria_labelledby=name)


def test_mistakes_are_ranked_and_lead_to_those_who_made_them() -> None:
    found = read()
    told = section(found, "mistakes")
    assert told == "Mistakes that were recognised 2 × not divided by the mean no_mean lee park 1 × no_t2 park"
    inside = found.one("section", aria_labelledby="mistakes")
    assert inside.text.index("no_mean") < inside.text.index("no_t2")


def test_training() -> None:
    many = [row(f"l{n}", training=[training(float(n))]) for n in range(5)]
    odd = row("odd", training=[training(None, "skipped"), {**training(1.0), "mean": float("nan")}])
    found = read([*many, odd])
    told = section(found, "training")
    assert "helps the student: 5" in told
    assert told.endswith("l0 +0.0 -2.0 … +2.0 helps the student")
    assert "odd" not in told
    strips = found.all("svg", class_="strip")
    assert len(strips) == 5
    means = [float(e.attributes["cx"]) for e in found.all("circle", class_="mean")]
    assert means == sorted(means, reverse=True), "the largest difference first, on one scale"
    zeros = {e.attributes["d"] for e in found.all("path", class_="zero")}
    assert len(zeros) == 1


def test_a_scale_holds_everything() -> None:
    over = charts.scale([-3.0, 41.0])
    assert over.low <= -3
    assert over.high >= 41
    assert over.at(-1000) == over.at(over.low) < over.at(0) < over.at(41) <= over.at(1000)


def test_alike_is_information() -> None:
    told = section(read(), "alike")
    assert "not a finding about anybody" in told
    assert "No points depend on it" in told
    assert "the same wrong numbers, bit for bit: second lee park" in told
    assert (
        "unusual pieces of code in common: first in common, of what is unusual in this class: 83 % (17/20)" in told
    )
    assert "0123456789abcdef" not in told
    alike = tuple(replace(group, detail="identical") for group in about().alike)
    assert "the same code, but for its formatting and comments" in section(read(alike=alike), "alike")


def test_the_table() -> None:
    found = read()
    table = lines(found)
    assert table[0] == ["kim", "김하늘", "A", "late", "20", "✓", "✓", ""]
    assert table[4] == ["jung", "", "", "", "not final", "?", "?", "disk full"]
    heads = [squeezed(th.text) for th in found.one("table", id="table") and found.all("th", scope="col")]
    assert heads[-8:] == ["submission", "name", "group", "late", "grade / 20", "First", "Second", "note"]
    shares = [td.attributes["data-value"] for td in found.all("td") if "data-value" in td.attributes]
    assert shares == ["1.000000", "0.500000", "0.500000", "0.000000", "-1", "0.000000", "0.750000"]
    for span in found.all("span", role="img"):
        assert span.attributes["aria-label"] == span.attributes["title"] != ""


def test_columns_that_nobody_needs_are_left_out() -> None:
    found = read([row("a"), row("b")])
    assert lines(found)[0] == ["a", "10", "✓", "✗", ""]


def test_a_submission_that_lacks_a_criterion() -> None:
    found = read([row("old", criterion("first", "passed", 10)), row("new")])
    assert lines(found)[0] == ["old", "10", "✓", "–", ""]


def test_a_run_that_was_stopped_says_so() -> None:
    assert "This run was stopped" in read(complete=False).one("body").text
    assert "This run was stopped" not in read().one("body").text


def test_an_empty_class() -> None:
    found = read([], absent=(), alike=())
    assert lines(found) == []
    assert "submissions 0" in section(found, "glance")


def test_what_intake_recognised_and_versions() -> None:
    assert squeezed(read().one("footer").text) == "an export of 7 files Graded with grader 0.2.0."


# ---------------------------------------------------------------- links, hostile text, languages

ODD = [
    "김 하늘",
    "50%",
    "a#b",
    "a?b",
    'a"b',
    "a'b",
    "a&b",
    "a;b",
    "javascript:alert(1)",
    "//evil",
    "%2e%2e",
    "a<b>",
]


@pytest.mark.parametrize("name", ODD)
def test_links_hold_any_id(name: str) -> None:
    found = read([row(name)], alike=())
    targets = {a.attributes["href"] for a in found.all("a") if not a.attributes["href"].startswith("#")}
    assert targets == {link_to(name)}
    folder, file = link_to(name).split("/")
    assert (unquote(folder), file) == (name, "feedback.html")
    assert re.fullmatch(r"[\w.~%-]+", folder, re.ASCII)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hostile_text_is_text(lang: str) -> None:
    bad = [
        row(
            HOSTILE, criterion("first", "inconclusive", 5, title=HOSTILE), name=HOSTILE, learner=HOSTILE,
            group=HOSTILE, note=HOSTILE, path=HOSTILE, mistakes=[HOSTILE], unreadable=HOSTILE,
            training=[{**training(1.0), "exercise": HOSTILE}],
        ),
        row(HOSTILE + "2", criterion("first", "internal", None, title=HOSTILE), note=HOSTILE),
    ]  # fmt: skip
    group = replace(about().alike[1], ids=(HOSTILE, "gone" + HOSTILE), exercises=(HOSTILE,), detail=HOSTILE)
    changes = {
        "absent": (Learner(HOSTILE, HOSTILE, HOSTILE, HOSTILE),), "alike": (group,), "told": (HOSTILE,),
        "environment": {HOSTILE: HOSTILE},
    }  # fmt: skip
    text = to_html(bad, about(**changes), lang)
    found = check_document(text, lang)
    assert len(found.all("script")) == 1
    shown = found.one("body").text
    assert shown.count("<script>alert(1)</script>") > 20
    assert "{{7*7}}{% raw %}" in shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_long_text_is_cut() -> None:
    long = "x" * 5_000_000
    text = to_html([row("kim", name=long, note=long, path=long, mistakes=[long])], about(told=(long,)), "en")
    assert len(text) < 40_000


def test_korean() -> None:
    text = squeezed(read(lang="ko").one("body").text)
    assert "데모 수업" in text
    assert "평균으로 나누지 않았습니다" in text


def test_english_and_korean_have_the_same_elements() -> None:
    english, korean = read(), read(lang="ko")
    assert [e.name for e in english.elements] == [e.name for e in korean.elements]
