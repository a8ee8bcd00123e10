"""Two arrays as grids of numbers, the entries that differ marked: for public cases only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from grader.i18n import translator
from grader.plaintext import pad, width
from grader.types import Array

MOST = 8  # rows and columns
FEW = 3  # rows of a larger array, or where every entry differs
MARK = "*"  # after a number that differs: never a colour alone
DIGITS = (4, 6, 9)  # significant ones: as few as show that two numbers differ

Cell = tuple[str, bool]  # a number, and whether it differs


@dataclass(frozen=True)
class Grid:
    """The part of two arrays that is shown."""

    actual: tuple[tuple[Cell, ...], ...]
    expected: tuple[tuple[Cell, ...], ...]
    rows: tuple[str, ...]  # how each row is called: "[3]"; "" for an array of one row
    where: str  # which part of a larger array: "[0, :, :]"; "" for all of it
    hidden: int  # entries that are not shown


def grid_of(actual: Array | None, expected: Array, allowed: float) -> Grid | None:
    """What to show of two arrays of the same shape that differ; None where that is no table."""
    if actual is None or actual.shape != expected.shape or not expected.ndim or not expected.size:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        wrong = ~(np.abs(np.asarray(actual, np.float64) - expected) <= allowed)  # a NaN differs
    if not wrong.any():
        return None
    first = np.argwhere(wrong)[0]
    lead = tuple(int(at) for at in first[:-2])
    a, e, w = (np.atleast_2d(array[lead]) for array in (np.asarray(actual, np.float64), expected, wrong))
    small = max(a.shape) <= MOST and not lead and not w.all()
    rows = _window(int(first[-2]) if first.size > 1 else 0, a.shape[0], MOST if small else FEW)
    columns = _window(int(first[-1]), a.shape[1], MOST)
    part = np.s_[rows.start : rows.stop, columns.start : columns.stop]
    got, want = _numbers(a[part], e[part], w[part])
    whole = columns.start == 0 and len(columns) == a.shape[1] and not lead
    return Grid(
        _cells(got, w[part]),
        _cells(want, w[part]),
        tuple(f"[{row}]" for row in rows) if expected.ndim > 1 else ("",),
        "" if whole else _where(lead, columns, expected.ndim),
        expected.size - len(rows) * len(columns),
    )


def _window(first: int, length: int, most: int) -> range:
    """The places that are shown: from the beginning, or from the first that differs where that is far off."""
    start = 0 if first < most else min(first, length - most)
    return range(start, min(start + most, length))


def _where(lead: Sequence[int], columns: range, dimensions: int) -> str:
    shown = [*map(str, lead), *[":"] * (min(dimensions, 2) - 1), f"{columns.start}:{columns.stop}"]
    return f"[{', '.join(shown)}]"


def _numbers(actual: Array, expected: Array, wrong: Array) -> tuple[list[list[str]], list[list[str]]]:
    for digits in DIGITS:
        got, want = ([[f"{x:.{digits}g}" for x in row] for row in array] for array in (actual, expected))
        if all(got[i][j] != want[i][j] for i, j in np.argwhere(wrong)):
            break
    return got, want


def _cells(numbers: Sequence[Sequence[str]], wrong: Array) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        tuple((number, bool(differs)) for number, differs in zip(row, marks, strict=True))
        for row, marks in zip(numbers, wrong, strict=True)
    )


def head(label: str, grid: Grid) -> str:
    """What stands above a grid: "got [0, :, :]"."""
    return f"{label} {grid.where}".rstrip()


def foot(grid: Grid, lang: str) -> str:
    """What is not shown, and what the mark means."""
    _ = translator(lang)
    told = [_("{mark} after a number: it differs.").format(mark=MARK)]
    if grid.hidden:
        told.append(_("{count} more entries are not shown.").format(count=grid.hidden))
    return " ".join(told)


def to_lines(grid: Grid, labels: tuple[str, str], lang: str) -> Iterator[str]:
    """Both grids as text, expected above actual; `labels` are the words for them."""
    columns = max(
        (
            width(number) + len(MARK)
            for cells in (grid.expected, grid.actual)
            for row in cells
            for number, _ in row
        ),
        default=1,
    )
    names = max(map(len, grid.rows))
    for label, cells in zip(labels, (grid.expected, grid.actual), strict=True):
        yield head(label, grid)
        for name, row in zip(grid.rows, cells, strict=True):
            shown = [
                " " * (columns - 1 - width(number)) + number + (MARK if differs else " ")
                for number, differs in row
            ]
            yield f"  {pad(name, names)} {' '.join(shown)}".rstrip()
    yield foot(grid, lang)
