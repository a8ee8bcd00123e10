"""training.svg: shows what was trained, in words and dashes too, safe and the same every time."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import made_by_hand as made
import pytest

from grader.reports.curves import DISTILLED, PANEL_HEIGHT, SCRATCH, WIDTH, nice_ticks, to_svg
from grader.types import LANGUAGES, CheckResult, Comparison, ExerciseResult, Graded, Verdict

SVG = "{http://www.w3.org/2000/svg}"
DASH = SCRATCH.split('stroke-dasharray="')[1].rstrip('"')


def graded(*trainings: Comparison | None, title: str = "Relational loss", **changes: object) -> Graded:
    """A submission whose exercises were trained like that; all have the same title."""
    titles = {"en": title, "ko": title}
    exercises = {f"loss_{n}": replace(made.LOSS, name=f"loss_{n}", title=titles) for n in range(len(trainings))}
    results = tuple(
        replace(made.results()[1], exercise=name, checks=(made.trained(exercise=name, training=one, **changes),))
        for name, one in zip(exercises, trainings, strict=True)
    )
    return made.graded(assignment=replace(made.ASSIGNMENT, exercises=exercises), results=results)


def drawn(of: Graded, lang: str = "en") -> ET.Element:
    text = to_svg(of, lang)
    assert text is not None
    return ET.fromstring(text)


def words(picture: ET.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


def lines(picture: ET.Element, *, dashed: bool) -> list[list[tuple[float, float]]]:
    """The curves of one kind, as points; of those in the panels, not of the legend."""
    color = (SCRATCH if dashed else DISTILLED).split('"')[1]
    paths = [path.attrib for path in picture.iter(f"{SVG}path") if path.get("stroke") == color]
    assert all((path.get("stroke-dasharray") == DASH) == dashed for path in paths)
    curves = [path["d"] for path in paths if path.get("stroke-linejoin")]
    assert len(paths) == len(curves) + 1, "and one in the legend"
    return [[(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", d)] for d in curves]


def numbers(text: str) -> list[float]:
    geometry = re.findall(r' (?:d|x|y|cx|cy|width|height)="([^"]+)"', text)
    return [float(n) for part in geometry for n in re.split(r"[^\d.eE+-]+", part) if n]


def test_no_picture_without_a_run() -> None:
    assert to_svg(made.graded(), "en") is None
    none = made.comparison((0.5, 0.4), distilled=(), scratch=(), summary=None)
    assert to_svg(graded(None, none), "en") is None


def test_what_is_in_it() -> None:
    picture = drawn(graded(made.comparison()))
    assert {"with your loss", "without the distillation term", "Relational loss: helps the student"} <= {
        *words(picture)
    }
    accuracy, loss = lines(picture, dashed=False)
    scratch_accuracy, scratch_loss = lines(picture, dashed=True)
    assert len(accuracy) == len(scratch_accuracy) == 8, "one point for each checkpoint"
    assert len(loss) == 60
    assert [y for _, y in accuracy] == sorted((y for _, y in accuracy), reverse=True), "it rises: y points down"
    assert accuracy[-1][1] < scratch_accuracy[-1][1], "and ends above"
    assert accuracy[-1][0] == scratch_accuracy[-1][0]
    assert loss[0][1] < scratch_loss[0][1], "a larger loss lies higher"
    assert {"81 %", "45 %", "0", "100", "step 100"} <= {*words(picture)}
    circles = [circle.get("fill") for circle in picture.iter(f"{SVG}circle")]
    assert (circles.count("#ffffff"), len(circles)) == (8, 16), "hollow for the dashed line"


def test_the_scale_of_accuracies_is_whole() -> None:
    """0 % and 100 % lie on the first and the last line of the grid, whatever the values are."""
    ends = replace(made.training_run(0, 0.5), accuracies=(0.0, 1.0))
    plain = made.comparison((0.5, 0.4))
    picture = drawn(graded(replace(plain, distilled=(ends,))))
    texts = [text for text in picture.iter(f"{SVG}text") if text.get("text-anchor") == "end"]
    labels = {text.text: float(text.get("y", "0")) - 4 for text in reversed(texts)}
    accuracy = lines(picture, dashed=False)[0]
    assert [y for _, y in accuracy] == [labels["0"], labels["100"]]
    assert labels["0"] - labels["100"] == PANEL_HEIGHT


def test_each_exercise_has_a_row() -> None:
    one, three = (drawn(graded(*[made.comparison()] * count)) for count in (1, 3))
    rows = [line for line in words(three) if line.startswith("Relational loss:")]
    assert len(rows) == 3
    heights = [float(picture.get("height", "0")) for picture in (one, three)]
    assert heights[1] - heights[0] == 2 * 216
    assert max(y for curve in lines(three, dashed=False) for _, y in curve) < heights[1]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_can_be_read_aloud(lang: str) -> None:
    picture = drawn(graded(made.comparison()), lang)
    assert picture.get("role") == "img"
    title, desc = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
    assert title is not None
    assert desc is not None
    assert picture.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert re.findall(r"[\d.]+ %", desc.text or "") == ["81.8 %", "46.0 %"]
    if lang == "ko":
        assert "작성하신 손실 사용" in words(picture)
        assert not {"with your loss", "loss of each step"} & {*words(picture)}


def test_white_below_everything() -> None:
    picture = drawn(graded(made.comparison()))
    first = next(element for element in picture if element.tag not in (f"{SVG}title", f"{SVG}desc"))
    assert first.tag == f"{SVG}rect"
    assert (first.get("fill"), first.get("width"), first.get("height")) == (
        "#ffffff", str(WIDTH), picture.get("height"),
    )  # fmt: skip


def odd(*losses: float) -> Comparison:
    """A learner's loss that goes like that."""
    plain = made.comparison((0.1, 0.4))
    (ours,), (without,) = plain.distilled, plain.scratch
    cut = replace(without, curve=without.curve[: len(losses)])
    return replace(plain, steps=len(losses), distilled=(replace(ours, curve=losses),), scratch=(cut,))


ODD = {
    "nan": odd(*[2.0] * 20, *[math.nan] * 20),
    "nan from the start": odd(*[math.nan] * 20),
    "infinite": odd(*[1.0] * 20, math.inf, -math.inf, *[1.0] * 20),
    "huge": odd(1.0, 3.4e38, -3.4e38, *[0.0] * 20),
    "tiny": odd(*[1e-30] * 20),
    "zero": odd(*[0.0] * 20),
    "negative": odd(*[-float(step) for step in range(30)]),
    "eight steps": odd(*[1.0] * 8),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_losses(kind: str) -> None:
    text = to_svg(graded(ODD[kind]), "en")
    assert text is not None
    ET.fromstring(text)
    assert not re.search(r'="[^"]*(nan|inf)[^"]*"', text, re.IGNORECASE)
    assert all(0 <= number <= WIDTH for number in numbers(text))
    lost = {"nan": 21, "nan from the start": 1, "infinite": 21}.get(kind)
    assert ("NaN or infinite at step" in text) == (lost is not None)
    assert lost is None or f"NaN or infinite at step {lost}<" in text
    assert ('stroke-dasharray="2 3"' in text) == (lost is not None)


def test_a_gap_where_there_is_no_number() -> None:
    plain, infinite = (lines(drawn(graded(ODD[kind])), dashed=False)[-1] for kind in ("zero", "infinite"))
    assert len(plain) == 20
    assert len(infinite) == 40
    text = to_svg(graded(ODD["infinite"]), "en") or ""
    (path,) = [d for d in re.findall(r' d="(M[^"]*L[^"]*)"', text) if d.count("M") > 1]
    assert path.count("M") == 2


def test_equal_runs_show_both_lines_and_both_numbers() -> None:
    same = made.comparison((0.45, 0.45))
    picture = drawn(graded(same))
    places = [float(text.get("y", "0")) for text in picture.iter(f"{SVG}text") if text.text == "45 %"]
    assert len(places) == 2
    assert abs(places[0] - places[1]) >= 14
    curves = [path for path in picture.iter(f"{SVG}path") if path.get("stroke-linejoin")]
    dashed = [path.get("stroke-dasharray") == DASH for path in curves]
    assert dashed == [False, True, False, True], "dashes lie over the solid line"


def test_titles_are_text() -> None:
    hostile = '<script>alert(1)</script> & "x" \x1b[31m\x00]]>'
    text = to_svg(graded(made.comparison(), title=hostile), "en") or ""
    picture = ET.fromstring(text)
    assert [element for element in picture.iter() if "script" in element.tag] == []
    assert any('<script>alert(1)</script> & "x"' in line for line in words(picture))
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', ""), "nothing is loaded from outside"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_small_and_the_same_every_time(lang: str) -> None:
    long = replace(made.comparison(), steps=5000)
    curve = tuple(math.sin(step) + 1000 for step in range(5000))
    long = replace(long, distilled=tuple(replace(run, curve=curve) for run in long.distilled))
    text = to_svg(graded(*[long] * 5), lang) or ""
    assert len(text.encode()) < 30_000
    assert text == to_svg(graded(*[long] * 5), lang)


def test_a_failed_training_is_drawn_and_called_so() -> None:
    picture = drawn(graded(made.comparison((0.2, 0.4)), verdict=Verdict.FAILED))
    assert "Relational loss: does not help the student" in words(picture)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.3, 2.3, [0, 1, 2, 3]),
        (0.0, 1.0, [0, 0.25, 0.5, 0.75, 1]),
        (-48.5, 1.0, [-60, -40, -20, 0, 20]),
        (2.0, 2.0, [0, 0.5, 1, 1.5, 2]),
        (0.0, 0.0, [0, 0.25, 0.5, 0.75, 1]),
        (-3.0, -2.0, [-3, -2, -1, 0]),
        (0.0, 0.004, [0, 0.001, 0.002, 0.003, 0.004]),
    ],
)
def test_ticks(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(ticks)


def test_records_are_of_one_kind() -> None:
    """What this file builds is what the grader builds: one check per exercise."""
    (result,) = graded(made.comparison()).results
    assert isinstance(result, ExerciseResult)
    assert isinstance(result.checks[0], CheckResult)
