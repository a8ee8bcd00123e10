"""A grading worksheet of Moodle: its cells where they stand in the text, so that all others stay as they are.

Cells are read as PHP's `fgetcsv` reads them, because Moodle does: after a backslash a quote is only a quote
(https://www.php.net/manual/en/function.fgetcsv.php). Learners write some of these cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from grader.lms.moodle_words import Columns, count, recognised
from grader.lms.records import Refused

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", ":": "colon"}  # as Moodle's form calls them
BOM = "\ufeff"
NUMBER = re.compile(r"\d+([.,]\d+)?")
IDENTIFIER = re.compile(r"\D*(\d+)")


@dataclass(frozen=True)
class Cell:
    """What a cell says, and where it stands in the text."""

    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Row:
    """One line of cells, and where it stands; `end` is behind its line break."""

    cells: tuple[Cell, ...]
    start: int
    end: int
    line: int  # counting from 1

    def at(self, column: int | None) -> str:
        """What stands in a column; empty where there is no such column."""
        return "" if column is None else self.cells[column].value


@dataclass(frozen=True)
class Sheet:
    """A worksheet that can be filled in."""

    text: str
    delimiter: str
    columns: Columns
    rows: tuple[Row, ...]  # without the headers
    decimal: str  # "." or ","

    def number_of(self, row: Row) -> str:
        """The 7 of "Participant 7"."""
        found = IDENTIFIER.fullmatch(row.at(self.columns.id))
        return found[1] if found else ""

    def points(self, text: str) -> float | None:
        """A number as this sheet writes them; None for anything else."""
        return float(text.replace(",", ".")) if NUMBER.fullmatch(text) else None

    def maximum_of(self, row: Row) -> float | None:
        """What full marks are worth; None where the sheet does not say."""
        return self.points(row.at(self.columns.maximum))


def read(data: bytes, column: str) -> Sheet:
    """`column` names the grades' one where the language is not known. Raises Refused."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused('the sheet is not UTF-8; take it as Moodle gave it, or save it as "CSV UTF-8"') from None
    headers, delimiter = _headers(text)
    names = [cell.value for cell in headers.cells]
    columns = _columns(names, column)
    rows = tuple(row for row in _rows(text, delimiter) if row.start > headers.start)
    for row in rows:
        if len(row.cells) != len(names):
            raise Refused(
                f"line {row.line} of the sheet has {len(row.cells)} cells and not {len(names)}, as Moodle reads "
                "it: it would refuse the file"
            )
    if not rows:
        raise Refused("the sheet has no rows")
    if not columns.language:
        columns = _by_their_cells(columns, rows)
    commas = any("," in row.at(at) for row in rows for at in (columns.maximum, columns.grade) if at is not None)
    return Sheet(text, delimiter, columns, rows, "," if commas else ".")


def fill(sheet: Sheet, values: Mapping[tuple[int, int], str], without: Set[int]) -> bytes:
    """The same text with other values in some cells, by (row, column), and without some rows."""
    pieces, done = [], 0
    for number, row in enumerate(sheet.rows):
        if number in without:
            pieces.append(sheet.text[done : row.start])
            done = row.end
            continue
        for column, cell in enumerate(row.cells):
            if (number, column) in values:
                pieces += [sheet.text[done : cell.start], _quoted(values[number, column], sheet.delimiter)]
                done = cell.end
    return "".join([*pieces, sheet.text[done:]]).encode()


def _quoted(value: str, delimiter: str) -> str:
    """What `fgetcsv` reads as `value`, which holds no quote behind a backslash: comments write `&quot;`."""
    return '"' + value.replace('"', '""') + '"' if set(value) & {delimiter, *'" \t\n'} else value


def _headers(text: str) -> tuple[Row, str]:
    found = []
    for delimiter in DELIMITERS:
        first = next(_rows(text, delimiter), None)
        if first:
            found.append((count([cell.value for cell in first.cells]), len(first.cells), first, delimiter))
    if not found:
        raise Refused("the sheet is empty")
    _, _, headers, delimiter = max(found, key=lambda one: one[:2])
    return headers, delimiter


def _columns(names: Sequence[str], column: str) -> Columns:
    seen = ", ".join(repr(name) for name in names)
    columns = recognised(names)
    if columns and column and column != names[columns.grade]:
        raise Refused(f"--column {column}: Moodle reads grades from {names[columns.grade]!r} alone")
    if not columns and not column:
        raise Refused(
            "the sheet is none of Moodle's grading worksheets, or in a language that is not known; --column "
            f"names the column of the grades, the first must be the participants'. It has: {seen}"
        )
    if not columns and column not in names:
        raise Refused(f"--column {column}: the sheet has: {seen}")
    used = [name for name in names if names.count(name) > 1]
    columns = columns or Columns(id=0, grade=names.index(column))
    if {names[at] for at in (columns.id, columns.grade, columns.comments) if at is not None} & set(used):
        raise Refused(
            f"two columns have the same name, Moodle would read the last: {', '.join(sorted(set(used)))}"
        )
    if columns.comments == 0:
        raise Refused(f"{names[0]!r} is the first column, where Moodle does not read it; take the sheet as Moodle "
                      "gave it")  # fmt: skip
    return columns


def _by_their_cells(columns: Columns, rows: Sequence[Row]) -> Columns:
    """Of a language that is not known: participants first, and the maximum behind the grade."""
    numbers = [IDENTIFIER.fullmatch(row.at(columns.id)) for row in rows]
    if columns.grade == columns.id or not all(numbers) or len({row.at(columns.id) for row in rows}) < len(rows):
        raise Refused(
            "the first column does not hold participants and their numbers, as it does in Moodle's sheets"
        )
    after = columns.grade + 1
    maximum = (
        after if after < len(rows[0].cells) and all(NUMBER.fullmatch(row.at(after)) for row in rows) else None
    )
    return Columns(id=columns.id, grade=columns.grade, maximum=maximum)


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    at, line = (1 if text.startswith(BOM) else 0), 1
    while at < len(text):
        start, cells = at, []
        while True:
            cell = _cell(text, at, delimiter)
            cells.append(cell)
            at = cell.end
            if text[at : at + 1] != delimiter:
                break
            at += 1
        at += 2 if text.startswith("\r\n", at) else 1
        if len(cells) > 1 or cells[0].value:  # Moodle skips empty lines too
            yield Row(tuple(cells), start, min(at, len(text)), line)
        line += len(re.findall(r"\r\n?|\n", text[start:at]))


def _cell(text: str, start: int, delimiter: str) -> Cell:
    at, value = start, ""
    if text.startswith('"', at):
        at += 1
        while not text.startswith('"', at) or text.startswith('"', at + 1):
            if at >= len(text):
                line = len(re.findall(r"\r\n?|\n", text[:start])) + 1
                raise Refused(f"line {line} of the sheet: a quote that nothing closes, as Moodle reads it")
            if text[at] == "\\":
                value += text[at : at + 2]
                at += 2
            else:
                value += text[at]
                at += 2 if text[at] == '"' else 1
        at += 1
    rest = at
    while at < len(text) and text[at] not in (delimiter, "\n", "\r"):
        at += 1
    return Cell(value + text[rest:at], start, at)
