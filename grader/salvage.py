"""A cleaned cell -> its top-level statements, also where the cell as a whole does not parse.

One half-edited line must not cost the learner the functions beside it. Every line is parsed at most
three times (cell, block, smaller block), so the work grows linearly with the cell.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from grader.cleaning import clean, logical_end
from grader.syntax import parse
from grader.types import Cell, Notebook

MAX_CODE = 2**18  # characters in a cell: some 6000 lines, more than anybody writes by hand
HEADER = re.compile(r"(?:async|def|class|if|for|while|with|try|else|elif|except|finally|match)\b|@")
FOLLOWS = re.compile(r"(?:else|elif|except|finally)\b|[)\]}#]")  # belongs to the block before it
PRINT = re.compile(r"^([ \t]*+)print\b(?=[ \t]++[^=(\s]|[ \t]*+$|[ \t]*+>>)[^\n]*+", re.MULTILINE)


@dataclass(frozen=True)
class Failure:
    """What the parser said, and at which line of the cell."""

    line: int
    message: str


@dataclass(frozen=True)
class Piece:
    """Some lines of a cell from line `start` on: their statements, or why there are none."""

    start: int
    text: str
    nodes: tuple[ast.stmt, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True)
class ParsedCell:
    """A code cell after cleaning and recovery. `nodes` carry the cell's line numbers."""

    number: int | None
    lines: tuple[str, ...]  # the text that was parsed, cut at newlines
    nodes: tuple[ast.stmt, ...]
    broken: tuple[Piece, ...] = ()
    failure: Failure | None = None  # of the cell as a whole
    python2: int | None = None  # the line of a Python 2 print statement that was taken out


def read_cells(notebook: Notebook) -> list[ParsedCell]:
    """Clean and parse every cell; past four times MAX_CODE the rest counts as broken. Never raises."""
    parsed, room = [], 4 * MAX_CODE
    for cell in notebook.cells:
        limit = min(MAX_CODE, room)
        parsed.append(read_cell(cell, limit))
        if len(cell.source) <= limit:  # a cell that is refused costs the later ones nothing
            room -= len(cell.source)
    return parsed


def read_cell(cell: Cell, limit: int = MAX_CODE) -> ParsedCell:
    """Clean and parse one cell of at most `limit` characters. Never raises."""
    number, source = cell.number, cell.source
    if len(source) > limit:
        failure = Failure(1, f"more than {MAX_CODE // 2**10} KiB of code in a cell, or in all {MAX_CODE // 2**8}")
        return ParsedCell(number, (), (), (Piece(1, source, failure=failure),), failure)
    text = clean(source)
    whole = _parse(1, text)
    if whole.failure is None:
        return ParsedCell(number, tuple(text.split("\n")), whole.nodes)
    prints = PRINT.search(text)
    if prints is not None:
        text = PRINT.sub(r"\1pass", text)
    pieces = _recover(text)
    return ParsedCell(
        number=number,
        lines=tuple(text.split("\n")),
        nodes=tuple(node for piece in pieces for node in piece.nodes),
        broken=tuple(piece for piece in pieces if piece.failure is not None),
        failure=pieces[0].failure if len(pieces) == 1 and prints else whole.failure,
        python2=None if prints is None else text.count("\n", 0, prints.start()) + 1,
    )


def _recover(text: str) -> list[Piece]:
    whole = _parse(1, text)
    if whole.failure is None:
        return [whole]
    pieces: list[Piece] = []
    for start, block, stray in _blocks(text):
        piece = _parse(start, block)
        if piece.failure is None:
            pieces.append(piece)
            continue
        torn = stray or block.startswith("return")
        if torn and pieces and pieces[-1].nodes and HEADER.match(pieces[-1].text):
            # Lines of the function above stand in the first column or behind a line that is no Python.
            above = pieces.pop()
            pieces.append(Piece(above.start, above.text, failure=piece.failure))
        pieces.extend(_parse(line, part) for line, part in _unindented(start, block))
    return pieces


def _parse(start: int, text: str) -> Piece:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a learner's string is not our warning
            tree = parse(text)
    except SyntaxError as error:
        return Piece(start, text, failure=Failure(start - 1 + (error.lineno or 1), error.msg))
    except (RecursionError, MemoryError):
        return Piece(start, text, failure=Failure(start, "nested too deeply"))
    except ValueError as error:
        return Piece(start, text, failure=Failure(start, str(error)))
    for node in tree.body:
        if isinstance(node, ast.Return):  # parses, but no cell with it ever ran
            return Piece(start, text, failure=Failure(start - 1 + node.lineno, "'return' outside function"))
    if start > 1:
        ast.increment_lineno(tree, start - 1)
    return Piece(start, text, tuple(tree.body))


def _blocks(text: str) -> Iterator[tuple[int, str, bool]]:
    """Cut at logical lines in the first column: (line, text, has it lines indented for no reason)."""
    at, line = 0, 1
    begin, begin_line, headed, stray, decorated = 0, 1, False, False, False
    while at < len(text):
        stop = logical_end(text, at)
        part = text[at:stop]
        first = part[0]
        if first not in " \t\f\n" and not FOLLOWS.match(part):
            if not decorated and at > begin:
                yield begin_line, text[begin:at], stray
                begin, begin_line, stray = at, line, False
            decorated = first == "@"
            headed = HEADER.match(part) is not None
        elif first in " \t" and not headed and part.strip() and not part.lstrip().startswith("#"):
            stray = True
        at, line = stop, line + part.count("\n")
    if begin < len(text):
        yield begin_line, text[begin:], stray


def _unindented(start: int, block: str) -> Iterator[tuple[int, str]]:
    """Cut at every line in the first column, whatever brackets or quotes are open."""
    lines = block.split("\n")
    begin, decorated = 0, False
    for index, line in enumerate(lines):
        if line[:1] in ("", " ", "\t", "\f", "#"):
            continue
        if index > begin and not decorated:
            yield start + begin, "\n".join(lines[begin:index])
            begin = index
        decorated = line.startswith("@")
    yield start + begin, "\n".join(lines[begin:])
