"""Numbers about a class, from the rows of grader.result.to_row. What is not final has no numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from grader.reports.marks import mark_of
from grader.types import Verdict

Row = Mapping[str, Any]
BINS = 10
UNTOUCHED = (Verdict.MISSING, Verdict.NOT_ATTEMPTED, Verdict.SKIPPED)


@dataclass(frozen=True)
class Numbers:
    """Grades of a class; shares are 0..1 of the possible points, None where there is no grade."""

    count: int
    final: int
    mean: float | None
    median: float | None
    full: int
    empty: int


@dataclass(frozen=True)
class Success:
    """How one criterion came out over the class."""

    id: str
    title: str
    counts: Mapping[str, int]  # mark -> how many


@dataclass(frozen=True)
class Made:
    """A known mistake, and the rows of those who made it."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Trained:
    """One training of one submission: percentage points."""

    row: Row
    verdict: Verdict
    mean: float
    low: float
    high: float
    margin: float | None


def shares(rows: Sequence[Row]) -> list[float]:
    """Earned / possible of every final grade."""
    return [row["earned"] / row["possible"] for row in rows if row["final"] and row["possible"]]


def numbers(rows: Sequence[Row]) -> Numbers:
    """The class in six numbers."""
    found = shares(rows)
    return Numbers(
        count=len(rows),
        final=sum(bool(row["final"]) for row in rows),
        mean=fmean(found) if found else None,
        median=median(found) if found else None,
        full=sum(share >= 1 for share in found),
        empty=sum(is_empty(row) for row in rows),
    )


def histogram(found: Sequence[float]) -> list[int]:
    """How many lie in each tenth; full marks belong to the last, and so does what is above."""
    counts = Counter(min(max(math.floor(share * BINS), 0), BINS - 1) for share in found)
    return [counts[number] for number in range(BINS)]


def is_empty(row: Row) -> bool:
    """Whether a final grade is about nothing: an empty file, or no exercise attempted."""
    if not row["final"]:
        return False
    if row["unreadable"]:
        return row["unreadable"] in ("empty", "no_code")
    verdicts = [Verdict(c["verdict"]) for c in row["criteria"] if c["kind"] == "exercise"]
    return bool(verdicts) and all(verdict in UNTOUCHED for verdict in verdicts)


def successes(rows: Sequence[Row]) -> list[Success]:
    """Every criterion in the order of the rubric."""
    titles: dict[str, str] = {}
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        for criterion in row["criteria"]:
            titles.setdefault(criterion["id"], criterion["title"])
            if row["final"]:
                counts.setdefault(criterion["id"], Counter())[mark_of(criterion)] += 1
    return [Success(name, title, counts.get(name, Counter())) for name, title in titles.items()]


def mistakes(rows: Sequence[Row]) -> list[Made]:
    """The commonest first; each submission counts once."""
    made: dict[str, list[Row]] = {}
    for row in rows:
        for name in dict.fromkeys(row["mistakes"]):
            made.setdefault(name, []).append(row)
    found = [Made(name, tuple(who)) for name, who in made.items()]
    return sorted(found, key=lambda one: (-len(one.rows), one.name))


def trainings(rows: Sequence[Row]) -> dict[str, list[Trained]]:
    """Exercise -> its trainings that came to an interval, the largest difference first."""
    found: dict[str, list[Trained]] = {}
    for row in rows:
        for exercise, one in _measured(row):
            found.setdefault(exercise, []).append(one)
    return {name: sorted(some, key=lambda one: -one.mean) for name, some in found.items()}


def _measured(row: Row) -> Iterator[tuple[str, Trained]]:
    for one in row["training"]:
        mean, low, high = one["mean"], one["low"], one["high"]
        if all(value is not None and math.isfinite(value) for value in (mean, low, high)):
            yield one["exercise"], Trained(row, Verdict(one["verdict"]), mean, low, high, one["margin"])
