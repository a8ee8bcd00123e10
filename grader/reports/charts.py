"""Small pictures as inline SVG. Colours come from the page's style, so they follow light, dark and print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from grader.reports.curves import nice_ticks

WIDTH, HEIGHT = 420, 150  # of the bars of a distribution
BASE, TOP, SIDE = 126, 18, 8  # where they stand, where the highest ends, room at both sides
STRIP, THIN = 200, 16  # of one interval
EDGE = 4


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` over the width of a strip."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Horizontal position; values outside lie on the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return EDGE + (STRIP - 2 * EDGE) * share


def scale(values: Iterable[float]) -> Scale:
    """Round ends that hold all values, and 0."""
    found = list(values)
    ticks = nice_ticks(min(found, default=0.0), max(found, default=1.0))
    return Scale(ticks[0], ticks[-1])


def distribution(counts: Sequence[int], name: str, told: str) -> Markup:
    """Bars from 0 to 100 %, each with its count above. `told` says the same in words."""
    step = (WIDTH - 2 * SIDE) / len(counts)
    most = max(*counts, 1)
    parts = []
    for number, count in enumerate(counts):
        x, height = SIDE + number * step, (BASE - TOP) * count / most
        if count:
            parts.append(
                Markup('<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1.5"/>').format(
                    x + 1.5, BASE - height, step - 3, height
                )
            )
            parts.append(_text(x + step / 2, BASE - height - 4, str(count)))
    parts.append(Markup('<path class="axis" d="M{} {}H{}"/>').format(SIDE, BASE + 0.5, WIDTH - SIDE))
    for number in range(0, len(counts) + 1, 2):
        anchor = "start" if not number else "end" if number == len(counts) else "middle"
        words = f"{100 * number // len(counts)}" + (" %" if number == len(counts) else "")
        edge = SIDE + number * step + (SIDE if number == len(counts) else 0) - (SIDE if not number else 0)
        parts.append(_text(edge, BASE + 16, words, "tick", anchor))
    return _picture(f"0 0 {WIDTH} {HEIGHT}", "distribution", name, told, parts)


def shares(counts: Sequence[tuple[str, int]]) -> Markup:
    """One bar divided into parts, each of a class; the numbers stand beside it, so it is hidden from a reader."""
    total = sum(count for _name, count in counts)
    parts, x = [], 0.0
    for name, count in counts:
        width = 100 * count / total if total else 0
        if count:
            # A gap between the parts, also between those that look alike to somebody.
            parts.append(
                Markup('<rect class="{}" x="{:.2f}" width="{:.2f}" height="6"/>').format(
                    name, x, max(width - 0.4, 0.3)
                )
            )
        x += width
    return Markup(
        '<svg class="shares" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(Markup("").join(parts))


def interval(mean: float, low: float, high: float, margin: float | None, over: Scale) -> Markup:
    """A mean with its interval; a full line at 0, a dashed one at the margin. The numbers stand beside it."""
    parts = [Markup('<path class="zero" d="M{:.1f} 0V{}"/>').format(over.at(0), THIN)]
    if margin:
        parts.append(Markup('<path class="margin" d="M{:.1f} 0V{}"/>').format(over.at(margin), THIN))
    parts.append(
        Markup('<path class="range" d="M{0:.1f} {3}H{1:.1f}M{0:.1f} 5V11M{1:.1f} 5V11"/>'
               '<circle class="mean" cx="{2:.1f}" cy="{3}" r="3"/>').format(
            over.at(low), over.at(high), over.at(mean), THIN // 2
        )
    )  # fmt: skip
    return Markup('<svg class="strip" viewBox="0 0 {} {}" aria-hidden="true">{}</svg>').format(
        STRIP, THIN, Markup("").join(parts)
    )


def points_bar(earned: float, possible: float) -> Markup:
    """How much of the points; the words stand beside it."""
    share = min(max(earned / possible, 0.0), 1.0) if possible else 0.0
    return Markup(
        '<svg class="points" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="rail" width="100" height="2"/><rect class="bar" width="{:.1f}" height="2"/></svg>'
    ).format(100 * share)


def _text(x: float, y: float, words: str, name: str = "count", anchor: str = "middle") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        name, x, y, anchor, words
    )


def _picture(box: str, kind: str, name: str, told: str, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="{kind}" viewBox="{box}" role="img" aria-labelledby="{kind}-name {kind}-told">'
        '<title id="{kind}-name">{name}</title><desc id="{kind}-told">{told}</desc>{parts}</svg>'
    ).format(kind=kind, box=box, name=name, told=told, parts=Markup("").join(parts))
