"""Canvas's exported gradebook: found out cell by cell, so that what is written back is what was there.

Rules of the importer: https://github.com/instructure/canvas-lms, lib/gradebook_importer.rb; of the file it is
given: lib/gradebook_exporter.rb.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from grader.lms.records import Refused

BOM = "\ufeff"
# Headers before the assignments. "Section" is the last of them; an instructor's own columns come after it.
OF_STUDENTS = {"Student", "LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID", "Integration ID",
               "Root Account", "Section"}  # fmt: skip
# Canvas takes a column with one of these in its header for a total and ignores it.
TOTAL = re.compile("(?:Current|Final) (?:Score|Points|Grade)|Override (?:Score|Grade|Status)")
ASSIGNMENT = re.compile(r"(?P<title>.*)\s\((?P<id>\d+)\)", re.DOTALL)
NUMBER = re.compile(r"-?[0-9.,]+%?")
MOST_LISTED = 12

Row = tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """An assignment's column."""

    at: int
    title: str
    id: str
    header: str


@dataclass(frozen=True)
class Sheet:
    """The file, with cells as they stand in it, quotes and all."""

    name: str
    delimiter: str
    end: str  # of a line
    bom: bool
    header: Row
    points: Row  # the row "Points Possible"; empty: there is none
    hidden: Row  # the row that says which grades are posted by hand; empty: there is none
    learners: tuple[Row, ...]
    places: tuple[int, ...]  # line of each of `learners`, for messages

    @property
    def id_at(self) -> int:
        """Where Canvas's own number of a learner stands."""
        return [plain(cell) for cell in self.header].index("ID")

    @property
    def last(self) -> int:
        """Where the last column about the learner stands."""
        return [plain(cell) for cell in self.header].index("Section")

    def named(self, *headers: str) -> list[int]:
        """Where columns about the learner with these headers stand."""
        own = [plain(cell) for cell in self.header[: self.last + 1]]
        return [own.index(header) for header in headers if header in own]

    def who(self, row: Row) -> str:
        """A learner's name, as it stands in the sheet."""
        return ", ".join(plain(cell) for cell in row[: self.id_at])

    def written(self, rows: Sequence[Row]) -> bytes:
        """These rows in the form of the sheet."""
        text = "".join(self.delimiter.join(row) + self.end for row in rows)
        return ((BOM if self.bom else "") + text).encode()


def read_sheet(data: bytes, name: str = "") -> Sheet:
    """Raises Refused for what Canvas would not take, or what a spreadsheet has spoiled."""
    name = name or "the gradebook"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as bad:
        raise Refused(f"{name}: is not UTF-8; {AGAIN}") from bad
    bom, text = text.startswith(BOM), text.removeprefix(BOM)
    begin = re.match(r'"?(?:Student|LastName)"?([,;])', text)
    delimiter = begin[1] if begin else ","
    lines, end = _cells(text, delimiter, name)
    if not lines or not _starts(lines[0][1]):
        raise Refused(f"{name}, line 1: no header of a Canvas gradebook (Student, ID, …, Section); {AGAIN}")
    (_, header), *rest = lines
    points: Row = ()
    hidden: Row = ()
    learners: list[tuple[int, Row]] = []
    section = [plain(cell) for cell in header].index("Section") + 1
    for line, row in rest:
        told = [plain(cell) for cell in row]
        if not any(cell.strip() for cell in told):
            continue
        if len(row) != len(header):
            raise Refused(f"{name}, line {line}: {len(row)} cells, and the header has {len(header)}; {AGAIN}")
        if "Points Possible" in told[0]:
            points = row
        elif not any(cell.strip() for cell in told[:section]):
            hidden = row  # "Manual Posting" below each assignment that is
        else:
            learners.append((line, row))
    return Sheet(name, delimiter, end, bom, header, points, hidden, tuple(row for _, row in learners),
                 tuple(line for line, _ in learners))  # fmt: skip


AGAIN = "export it again (Grades, Export) and give the file as it came, not saved by a spreadsheet"


def find_column(sheet: Sheet, asked: str, title: str) -> Column:
    """The assignment's column: the one asked for by header, title or number, else the one called `title`, else
    the only one. Raises Refused with a list of what there is.
    """
    there = _columns(sheet)
    listed = "\n".join(f"  {column.header}" for column in there[:MOST_LISTED]) + "\n  …" * (
        len(there) > MOST_LISTED
    )
    if not there:
        raise Refused(
            f"{sheet.name}: no assignment in it; Canvas lists only published ones, with their number: "
            "`Homework 1 (12345)`. A column without one would become a new assignment"
        )
    if asked:
        found = [column for column in there if asked in (column.header, column.title, column.id)]
        if len(found) != 1:
            what = "no assignment" if not found else "several assignments"
            raise Refused(f"{sheet.name}: {what} {asked!r}; name one with --column:\n{listed}")
        return found[0]
    found = [column for column in there if _same(column.title, title)]
    if len(found) == 1 or len(there) == 1:
        return (found or there)[0]
    raise Refused(f"{sheet.name}: not clear which column is meant; name one with --column:\n{listed}")


def _columns(sheet: Sheet) -> list[Column]:
    found = []
    for at, cell in enumerate(sheet.header):
        header = plain(cell)
        match = ASSIGNMENT.fullmatch(header)
        if match and not TOTAL.search(header):
            found.append(Column(at, match["title"], match["id"], header))
    return found


def _same(one: str, other: str) -> bool:
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def _starts(header: Row) -> bool:
    """Is it a header that Canvas takes?"""
    told = [plain(cell) for cell in header]
    if "Section" not in told or "ID" not in told:
        return False
    own = told[: told.index("Section") + 1]
    first = own[:2] == ["Student", "ID"] or own[:3] == ["LastName", "FirstName", "ID"]
    return first and set(own) <= OF_STUDENTS and len(set(own)) == len(own)


def _cells(text: str, delimiter: str, name: str) -> tuple[list[tuple[int, Row]], str]:
    """Each row with its line, and how lines end."""
    one = re.compile(rf'("(?:[^"]|"")*"|[^{delimiter}"\r\n]*)({delimiter}|\r\n|\n|\r|\Z)')
    rows: list[tuple[int, Row]] = []
    own: list[str] = []
    at, line, begun, end = 0, 1, 1, "\n"
    while at < len(text):
        match = one.match(text, at)
        if match is None:
            raise Refused(f"{name}, line {line}: a quote out of place; {AGAIN}")
        own.append(match[1])
        at = match.end()
        line += match[0].count("\n")
        if match[2] != delimiter:
            rows.append((begun, tuple(own)))
            end = match[2] or end
            own, begun = [], line
        elif at == len(text):
            rows.append((begun, (*own, "")))
    return rows, end


def plain(cell: str) -> str:
    """What a cell says: without the quotes around it."""
    return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell


def number_in(cell: str) -> float | None:
    """A number as Canvas reads it: the last separator is the decimal point. None for anything else."""
    told = plain(cell).strip()
    if not NUMBER.fullmatch(told) or not any(character.isdigit() for character in told):
        return None
    *whole, last = re.split("[.,]", told.removesuffix("%"))
    return float("".join(whole) + "." + last) if whole else float(last)
