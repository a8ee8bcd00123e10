"""training.svg: how the first pair of runs of each trained exercise went, as a picture.

Written by hand: polylines and a few words need no plotting library, and the usual one costs 60 MB
and half a second of import in every grading process.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from grader.i18n import Translate, translator
from grader.plaintext import clean
from grader.result import checkpoints, thinned
from grader.training_words import percent, stopped_being_finite, verdict_word
from grader.types import CheckResult, Comparison, Graded, TrainingRun

FILE = "training.svg"
WIDTH, TOP, ROW = 760, 44, 216  # of the picture, above the first row, of one row
LEFT, RIGHT, PANEL_WIDTH, PANEL_HEIGHT = 52, 442, 290, 130  # where the two panels begin, and their size
MOST_POINTS = 60  # of a loss curve
INK, QUIET, GRID = "#1f2933", "#5b6875", "#e3e8ee"
# A dark blue and a dark orange that differ for every kind of colour vision; the dash says the same.
DISTILLED = 'stroke="#0b5cad" stroke-width="2.2"'
SCRATCH = 'stroke="#c2530a" stroke-width="1.8" stroke-dasharray="6 4"'
FONTS = "system-ui, 'Noto Sans KR', 'Noto Sans CJK KR', 'Apple SD Gothic Neo', 'Malgun Gothic', sans-serif"

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """One pair of axes: its upper left corner, and the values at its edges."""

    x: float
    y: float
    last: float  # step at the right edge; 0 at the left
    low: float
    high: float

    def across(self, step: float) -> float:
        """Horizontal position of a step."""
        return self.x + PANEL_WIDTH * step / self.last

    def down(self, value: float) -> float:
        """Vertical position of a value; values outside lie on the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.y + PANEL_HEIGHT * (1 - share)


def drawn(graded: Graded) -> list[tuple[CheckResult, Comparison]]:
    """The trainings that have something to draw."""
    checks = (check for result in graded.results for check in result.checks)
    return [(check, check.training) for check in checks if check.training and check.training.distilled]


def to_svg(graded: Graded, lang: str) -> str | None:
    """The picture, or None where no training got as far as one pair of runs. The same every time."""
    found = drawn(graded)
    if not found:
        return None
    _ = translator(lang)
    height = TOP + ROW * len(found)
    name = _("Training curves, with your loss and without the distillation term")
    told = "; ".join(_described(check, compared, graded, lang, _) for check, compared in found)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' role="img" aria-labelledby="title desc" font-family="{FONTS}" font-size="12" fill="{INK}">',
        f'<title id="title">{escape(name)}</title>',
        f'<desc id="desc">{escape(told)}</desc>',
        # White also where the page is dark: the colours are chosen for it.
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
        *_legend(_),
    ]
    for number, (check, compared) in enumerate(found):
        lines += _row(TOP + ROW * number, check, compared, graded, lang, _)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _title(check: CheckResult, graded: Graded, lang: str) -> str:
    exercise = graded.assignment.exercises[check.exercise]
    return clean(exercise.title.get(lang, exercise.name), 60)


def _described(check: CheckResult, compared: Comparison, graded: Graded, lang: str, _: Translate) -> str:
    return _("{exercise}: {distilled} with your loss, {scratch} without").format(
        exercise=_title(check, graded, lang),
        distilled=percent(compared.distilled),
        scratch=percent(compared.scratch),
    )


def _legend(_: Translate) -> Iterator[str]:
    for x, style, words in (
        (LEFT, DISTILLED, _("with your loss")),
        (LEFT + 190, SCRATCH, _("without the distillation term")),
    ):
        yield f'<path d="M{x} 26h34" fill="none" {style}/>'
        yield _text(x + 42, 30, words)


def _row(
    top: int, check: CheckResult, compared: Comparison, graded: Graded, lang: str, _: Translate
) -> Iterator[str]:
    ours, without = compared.distilled[0], compared.scratch[0]
    verdict = _(verdict_word(check.kind, check.verdict))
    yield f'<path d="M0 {top}H{WIDTH}" stroke="{GRID}"/>'
    yield _text(LEFT, top + 22, f"{_title(check, graded, lang)}: {verdict}", 'font-size="14" font-weight="600"')
    shares = Panel(LEFT, top + 50, compared.steps, 0, 100)
    words = _("held-out images right, in %; first of {n} paired runs").format(n=len(compared.distilled))
    yield _text(LEFT, top + 41, words, f'fill="{QUIET}"')
    yield from _axes(shares, [0, 25, 50, 75, 100], _)
    ends = []
    # Dashes over the solid line: both are seen where they are the same.
    for run, style in ((ours, DISTILLED), (without, SCRATCH)):
        steps = checkpoints(run, compared.steps)
        points = [(float(step), 100 * share) for step, share in zip(steps, run.accuracies, strict=True)]
        yield from _line(shares, points, style)
        yield from _dots(shares, points, style)
        ends.append((points[-1][1], style))
    yield from _end_labels(shares, ends)
    lost = stopped_being_finite(ours)
    words = _("loss of each step") if lost is None else _("loss of each step: NaN or infinite at step {step}")
    yield _text(RIGHT, top + 41, words.format(step=lost), f'fill="{QUIET}"')
    yield from _losses(top + 50, compared.steps, ours, without, lost, _)


def _losses(
    y: int, steps: int, ours: TrainingRun, without: TrainingRun, lost: int | None, _: Translate
) -> Iterator[str]:
    curves = [(_points(ours), DISTILLED), (_points(without), SCRATCH)]
    finite = [value for points, _style in curves for _step, value in points if math.isfinite(value)]
    ticks = nice_ticks(min(finite, default=0.0), max(finite, default=1.0))
    panel = Panel(RIGHT, y, steps, ticks[0], ticks[-1])
    yield from _axes(panel, ticks, _)
    for points, style in curves:
        yield from _line(panel, points, style)
    if lost is not None:
        yield f'<path d="M{panel.across(lost):.1f} {y}v{PANEL_HEIGHT}" stroke="{INK}" stroke-dasharray="2 3"/>'


def _points(run: TrainingRun) -> Points:
    return [(at + 1.0, run.curve[at]) for at in thinned(len(run.curve), MOST_POINTS)]


def nice_ticks(low: float, high: float) -> list[float]:
    """Round numbers, evenly spaced, 0 among them: from at most `low` to at least `high`."""
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-12:
        high = low + 1.0
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    size = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / size + 1e-9), math.ceil(high / size - 1e-9)
    return [size * count for count in range(first, last + 1)]


def _axes(panel: Panel, ticks: Sequence[float], _: Translate) -> Iterator[str]:
    for tick in ticks:
        y = panel.down(tick)
        yield f'<path d="M{panel.x:.1f} {y:.1f}h{PANEL_WIDTH}" stroke="{GRID}"/>'
        yield _text(panel.x - 6, y + 4, f"{tick:.4g}", f'text-anchor="end" fill="{QUIET}"')
    below = panel.y + PANEL_HEIGHT + 16
    yield _text(panel.x, below, "0", f'fill="{QUIET}"')
    words = _("step {step}").format(step=f"{panel.last:g}")
    yield _text(panel.across(panel.last), below, words, f'text-anchor="end" fill="{QUIET}"')


def _line(panel: Panel, points: Points, style: str) -> Iterator[str]:
    """A line with gaps where a value is NaN or infinite."""
    path, pen = "", "M"
    for step, value in points:
        if math.isfinite(value):
            path += f"{pen}{panel.across(step):.1f} {panel.down(value):.1f}"
            pen = "L"
        else:
            pen = "M"
    if path:
        yield f'<path d="{path}" fill="none" stroke-linejoin="round" {style}/>'


def _dots(panel: Panel, points: Points, style: str) -> Iterator[str]:
    """Where it was measured: full or, for the dashed line, hollow."""
    color = style.split('"')[1]
    fill = color if style is DISTILLED else "#ffffff"
    for step, value in points:
        yield (
            f'<circle cx="{panel.across(step):.1f}" cy="{panel.down(value):.1f}" r="3" fill="{fill}"'
            f' stroke="{color}" stroke-width="1.5"/>'
        )


def _end_labels(panel: Panel, ends: Sequence[tuple[float, str]]) -> Iterator[str]:
    """The last values beside their lines, pushed apart where they would overlap."""
    heights = [panel.down(value) for value, _style in ends]
    gap = 14 - abs(heights[0] - heights[1])
    if gap > 0:
        up = 1 if heights[0] > heights[1] else -1
        heights = [heights[0] + up * gap / 2, heights[1] - up * gap / 2]
    for (value, style), y in zip(ends, heights, strict=True):
        color = style.split('"')[1]
        yield _text(panel.x + PANEL_WIDTH + 8, y + 4, f"{value:.0f} %", f'fill="{color}" font-weight="600"')


def _text(x: float, y: float, words: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{" " + attributes if attributes else ""}>{escape(words)}</text>'
