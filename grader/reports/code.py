"""A learner's code as they wrote it, as HTML: numbered, coloured, with the lines in question marked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType

from grader.types import Cell

MOST_LINES = 300  # of one cell
NEAR = 80  # lines of an excerpt
MOST_CHARACTERS = 400  # of one line
MOST_TOGETHER = 16_000  # characters of a listing: each can take fifteen of HTML
SHORT = 4_000  # characters; longer texts are not remembered
MOST_MARKS = 4  # combining marks on one character; more is a tower that covers other lines
BEFORE = 6  # lines kept above the one that an excerpt is about
# Kinds of token -> class in style.css; the first that fits.
CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "c"),
    (String, "s"),
    (Number, "m"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (Name.Function, "d"),
    (Name.Class, "d"),
    (Name.Decorator, "d"),
)


@dataclass(frozen=True)
class Line:
    """One line of code, harmless and coloured."""

    number: int
    html: Markup
    marked: bool
    cut: int  # characters at its end that are not shown


@dataclass(frozen=True)
class Listing:
    """A cell, or the part of a long one around the marked lines."""

    cell: int | None
    lines: tuple[Line, ...]
    above: int  # lines that are not shown
    below: int

    @property
    def size(self) -> int:
        """Characters of HTML."""
        return sum(len(line.html) for line in self.lines)


def listing(cell: Cell, marked: Set[int] = frozenset(), near: int | None = None) -> Listing:
    """The lines of a cell, numbered from 1 as Python counts them.

    With `near` a long cell is cut to what follows that line, or the first marked one.
    """
    every = re.split(r"\r\n|\r|\n", cell.source)
    while len(every) > 1 and not every[-1].strip():
        every.pop()
    inside = {number for number in marked if 1 <= number <= len(every)}
    start, most = 0, MOST_LINES
    if near is not None and len(every) > NEAR:
        start, most = max(min(inside | {near, len(every)}) - 1 - BEFORE, 0), NEAR
    kept = list(_within(every[start : start + most]))
    coloured = _coloured("\n".join(visible(line[:MOST_CHARACTERS]) for line in kept))
    lines = tuple(
        Line(number, html, number in inside, max(len(source) - MOST_CHARACTERS, 0))
        for number, (source, html) in enumerate(zip(kept, coloured, strict=True), start=start + 1)
    )
    return Listing(cell.number, lines, start, len(every) - start - len(kept))


def _within(lines: Sequence[str]) -> Iterator[str]:
    """As many lines as MOST_TOGETHER allows, one at least."""
    room = MOST_TOGETHER
    for number, line in enumerate(lines):
        room -= min(len(line), MOST_CHARACTERS)
        if room < 0 and number:
            return
        yield line


def visible(line: str) -> str:
    """A line in which nothing is invisible: controls and marks of direction show as ⟨U+202E⟩, tabs stay."""
    kept: list[str] = []
    marks = 0
    for character in line:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if character != "\t" and (category.startswith("C") or category in ("Zl", "Zp")):
            kept.append(f"⟨U+{ord(character):04X}⟩")
        elif marks <= MOST_MARKS:
            kept.append(character)
    return "".join(kept)


def _coloured(text: str) -> Sequence[Markup]:
    """The lines of a text, each with its spans closed. Most cells of a class are those that were handed out."""
    return _remembered(text) if len(text) <= SHORT else _colour(text)


@lru_cache(maxsize=256)
def _remembered(text: str) -> Sequence[Markup]:
    return _colour(text)


def _colour(text: str) -> Sequence[Markup]:
    lines: list[list[str]] = [[]]
    # Neither strips nor adds lines, so that the numbers stay those of the cell.
    for kind, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
        name = next((css for token, css in CLASSES if kind in token), "")
        for number, part in enumerate(value.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append(_span(part, name))
    return [Markup("".join(parts)) for parts in lines]


def _span(text: str, name: str) -> str:
    return f'<span class="{name}">{escape(text)}</span>' if name else str(escape(text))
