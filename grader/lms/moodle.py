"""Grades for Moodle's assignments: the teacher's own grading worksheet filled in, and a zip of feedback files.

Moodle drops what it does not like without a word: grades above the maximum, and rows that changed there since the
sheet was downloaded, which uploading feedback files does. It takes every comment cell, and an empty one erases.
So only `Grade` and `Feedback comments` of people with a grade are written, and a row that holds something which
is not ours is left out. See docs/lms/moodle.md
(https://github.com/moodle/moodle, mod/assign/feedback/offline/locallib.php).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from grader.lms.comment import as_html, comment
from grader.lms.marks import above, number, scaled
from grader.lms.moodle_files import Files, zipped
from grader.lms.moodle_names import agree, folded, handed_in_there, name_in, number_in, twice
from grader.lms.moodle_sheet import DELIMITERS, Row, Sheet, fill, read
from grader.lms.records import Change, Export, Mark, Marks, Refused, Request

FEEDBACK = "2-feedback-files.zip"
UPLOAD = "Assignment > Submissions > Actions"


@dataclass
class Filled:
    """What was decided, row by row."""

    values: dict[tuple[int, int], str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    written: set[int] = field(default_factory=set)
    grades: int = 0  # that Moodle should say it updated
    comments: int = 0
    scales: set[tuple[float, float]] = field(default_factory=set)


def encode(marks: Marks, request: Request) -> Export:
    """The filled worksheet (where one is given) and the zip of feedback files. Raises Refused, OSError."""
    own, strangers = handed_in_there(marks.marks)
    twice(own)
    changes = [Change(mark.id, "grade", "", "", "not from a Moodle download") for mark in strangers]
    if not request.sheet:
        feedback = zipped(own)
        alone = "without --sheet there are no grades, only feedback files; upload them after the grades"
        return Export(_zip_in(feedback), (*changes, *feedback.changes), (alone, *_told_of_zip(feedback, {})))
    sheet = read(request.sheet, request.column)
    rows = _joined(own, sheet)
    made = _filled(own, rows, sheet, request)
    without = _left_out(sheet, made.written)
    name = f"1-{request.sheet_name or 'worksheet.csv'}"
    graded = {mark: len(made.written & set(numbers)) for mark, numbers in rows.items()}
    feedback = zipped([mark for mark in own if graded[mark.id]])
    missing = (change for change in feedback.changes if change.note)
    return Export(
        {name: fill(sheet, made.values, without), **_zip_in(feedback)},
        (*changes, *made.changes, *_not_graded(sheet, made.written, without, rows), *missing),
        (*_told_of_sheet(sheet, made, name, len(without)), *_told_of_zip(feedback, graded)),
    )


def _zip_in(feedback: Files) -> dict[str, bytes]:
    return {FEEDBACK: feedback.content} if feedback.content else {}


def _told_of_zip(feedback: Files, members: Mapping[str, int]) -> Iterator[str]:
    if feedback.content:
        users = sum(members.get(mark.id, 1) for mark in feedback.taken)
        size = f"{len(feedback.content) / 1000:.0f} kB"
        yield (
            f"then {FEEDBACK} ({size}), {UPLOAD} > Upload multiple feedback files in a zip; Moodle should answer "
            f'"Users with updated feedback: {users}"'
        )


def _joined(marks: Sequence[Mark], sheet: Sheet) -> dict[str, list[int]]:
    """Mark.id -> numbers of its rows: one, or one for each member of a team. Raises Refused."""
    team = sheet.columns.group is not None
    by_key: dict[str, list[int]] = {}
    for at, row in enumerate(sheet.rows):
        key = folded(row.at(sheet.columns.group)) if team else sheet.number_of(row)
        by_key.setdefault(key, []).append(at)
    if team:
        _one_name_each(sheet, by_key)
    elif any(len(rows) > 1 for rows in by_key.values()):
        raise Refused("the sheet names a participant twice")
    found = {mark.id: by_key.get(folded(name_in(mark)) if team else number_in(mark), []) for mark in marks}
    right = {
        mark.id for mark in marks if found[mark.id] and (team or _fits(mark, sheet, sheet.rows[found[mark.id][0]]))
    }
    blind = not team and len({name_in(mark) for mark in marks}) == 1 and len(marks) > 1
    if 2 * len(right) < len(marks) or (blind and len(right) < len(marks)) or not right:
        why = ", and no names tell who is who" if blind else ""
        raise Refused(
            f"the sheet does not fit: {len(right)} of {len(marks)} graded submissions are in it{why}. Moodle "
            "numbers participants anew in every assignment: download the worksheet of the one that the zip came "
            "from, with no group or filter chosen"
        )
    return {name: rows if name in right else [] for name, rows in found.items()}


def _one_name_each(sheet: Sheet, by_key: Mapping[str, Sequence[int]]) -> None:
    for rows in by_key.values():
        names = {sheet.rows[at].at(sheet.columns.group) for at in rows}
        if len(names) > 1:
            raise Refused(
                f"these groups cannot be told apart in Moodle's zip: {', '.join(sorted(names))}; rename one in "
                "Moodle and download both anew"
            )


def _fits(mark: Mark, sheet: Sheet, row: Row) -> bool:
    """Whether the names agree too, where there are any."""
    prefix = row.at(sheet.columns.id).rstrip("0123456789")
    if sheet.columns.language and sheet.columns.name is None:
        return True
    names = [row.at(sheet.columns.name)] if sheet.columns.language else [cell.value for cell in row.cells]
    return agree(name_in(mark), [prefix, *names])


def _filled(marks: Sequence[Mark], rows: Mapping[str, Sequence[int]], sheet: Sheet, request: Request) -> Filled:
    made = Filled()
    for mark in marks:
        if not rows[mark.id]:
            made.changes.append(Change(name_in(mark), "grade", "", "", "no row in the sheet: nothing written"))
        for at in rows[mark.id]:
            _one(made, mark, at, sheet, request)
    return made


def _one(made: Filled, mark: Mark, at: int, sheet: Sheet, request: Request) -> None:
    row, columns = sheet.rows[at], sheet.columns
    before, who = row.at(columns.grade), _who(row, sheet)
    why = _why_not(mark, row, sheet)
    if why:
        made.changes.append(Change(who, "grade", before, "", why))
        return
    maximum = _maximum(row, sheet, request)
    value = scaled(mark, maximum)
    if value is None:
        made.changes.append(Change(who, "grade", before, "", "is worth no points in all: cannot be scaled"))
        return
    if maximum != mark.possible:
        made.scales.add((mark.possible, maximum))
    grade = number(value)
    cut = f"{number(mark.earned or 0)} points cut to {number(mark.possible)}: Moodle drops what is above"
    made.written.add(at)
    made.values[at, columns.grade] = grade.replace(".", sheet.decimal)
    made.changes.append(Change(who, "grade", before, made.values[at, columns.grade], cut if above(mark) else ""))
    made.grades += not _same_number(sheet.points(before), value, before)
    if columns.comments is not None:
        _comment(made, mark, at, who, sheet)


def _who(row: Row, sheet: Sheet) -> str:
    """Two may have the same name."""
    name, participant = row.at(sheet.columns.name), row.at(sheet.columns.id)
    return f"{name} ({participant})" if name else participant


def _comment(made: Filled, mark: Mark, at: int, who: str, sheet: Sheet) -> None:
    assert sheet.columns.comments is not None
    text, before = comment(mark), sheet.rows[at].at(sheet.columns.comments)
    made.values[at, sheet.columns.comments] = as_html(text)
    same = before.split() == text.split()  # Moodle told it without its markup
    made.comments += not same
    if before and not same:
        made.changes.append(Change(who, "comment", before, text, "replaces what stands there"))


def _why_not(mark: Mark, row: Row, sheet: Sheet) -> str:
    if not mark.final:
        return "not final"
    changeable = row.at(sheet.columns.changeable)
    if sheet.columns.language and changeable and changeable not in sheet.columns.yes:
        return "Moodle lets nobody change this grade (locked or overridden in the gradebook)"
    return ""


def _maximum(row: Row, sheet: Sheet, request: Request) -> float:
    there = sheet.maximum_of(row)
    if sheet.columns.scale is not None and there is None:
        raise Refused(
            "this assignment is graded with a scale of words, which points do not fit; set its grade type to "
            "points in Moodle"
        )
    if there is None and request.maximum is None:
        raise Refused(f"line {row.line} of the sheet says no maximum grade; --max says what full marks are worth")
    if there is not None and request.maximum is not None and request.maximum > there:
        raise Refused(
            f"--max {number(request.maximum)}: the assignment's maximum is {number(there)}, and Moodle drops "
            "every grade above it"
        )
    maximum = there if request.maximum is None else request.maximum
    assert maximum is not None
    if maximum <= 0:
        raise Refused(f"line {row.line} of the sheet: a maximum grade of {number(maximum)}")
    return maximum


def _same_number(there: float | None, value: float, text: str) -> bool:
    """Whether Moodle has this grade: it shows fewer digits than it keeps."""
    if there is None:
        return False
    digits = len(text.replace(",", ".").partition(".")[2])
    return abs(there - value) <= 0.5 / float(10**digits) + 1e-9


def _left_out(sheet: Sheet, written: set[int]) -> set[int]:
    """Rows without a mark that would change something: taken back, Moodle rounds the grade, flattens the comment.

    Where a box must be ticked for others, an empty comment cell also erases what was written in the meantime.
    """
    columns = sheet.columns
    ticked = bool(_graded_before(sheet, written))
    rest = set(range(len(sheet.rows))) - written
    return {at for at in rest if ticked or sheet.rows[at].at(columns.grade) or sheet.rows[at].at(columns.comments)}


def _graded_before(sheet: Sheet, written: set[int]) -> list[int]:
    return [at for at in written if sheet.rows[at].at(sheet.columns.modified).strip("-")]


def _not_graded(
    sheet: Sheet, written: set[int], without: set[int], rows: Mapping[str, Sequence[int]]
) -> Iterator[Change]:
    """Of people who handed in nothing that was graded."""
    marked = {at for numbers in rows.values() for at in numbers}
    for at, row in enumerate(sheet.rows):
        if at not in written | marked:
            who = _who(row, sheet)
            note = "nothing graded: row left out" if at in without else "nothing graded: row left as it is"
            yield Change(who, "grade", row.at(sheet.columns.grade), "", note)


def _told_of_sheet(sheet: Sheet, made: Filled, name: str, left_out: int) -> Iterator[str]:
    columns = sheet.columns
    for own, there in sorted(made.scales):
        yield f"scaled from {number(own)} to {number(there)} points"
    if columns.comments is None:
        known = "has no feedback comments" if columns.language else "is in a language that is not known"
        yield f"the sheet {known}: grades only, no comments"
    if columns.workflow is not None:
        yield "this assignment has a marking workflow: grades stay hidden until they are released in Moodle"
    again = _graded_before(sheet, made.written)
    if again:
        yield (
            f"{len(again)} of them had a grade, comment or file when this sheet was downloaded: ours replace "
            "them, and what a sheet shows of comments has lost its markup, so never upload it as it is"
        )
    if left_out:
        yield f"rows left out: {left_out}, so that these people keep what they have: an empty comment cell erases"
    separator = f' with "{DELIMITERS[sheet.delimiter]}" as separator' if sheet.delimiter != "," else ""
    tick = ' with "Allow updating records that have been modified more recently" ticked' if again else ""
    yield (
        f"first {name}, {UPLOAD} > Upload grading worksheet{separator}{tick}; Moodle should answer "
        f'"Updated {made.grades} grades and {made.comments} feedback instances"; fewer: something changed there '
        "since the sheet was downloaded, so begin with a new one"
    )
