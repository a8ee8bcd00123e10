"""Canvas: the exported gradebook with one assignment filled in, and a zip of feedback files to upload again.

Only what must change is in the file that goes back: the columns that say who a learner is, the assignment's
column, the row with its points, and the rows of learners who get a grade. Canvas leaves alone what a file does
not mention, and takes everything else as said now: a whole gradebook, exported an hour ago, would undo what
others have entered since, in every column (https://github.com/instructure/canvas-lms, lib/gradebook_importer.rb).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from grader.lms.canvas_files import feedback_zip
from grader.lms.canvas_sheet import AGAIN, Column, Row, Sheet, find_column, number_in, plain, read_sheet
from grader.lms.marks import above, earned, number, scaled
from grader.lms.records import Change, Export, Mark, Marks, Refused, Request

SHEET, FILES = "gradebook.csv", "feedback.zip"
DIGITS = 2  # Canvas compares and shows two
TOLD_SHEET = (
    "Canvas: Grades, Import, choose the file, look through what Canvas says it will change, Save Changes",
    "comments do not go this way: they are in feedback.zip, or `grader push canvas` sends both",
)
TOLD_FILES = (
    "Canvas: the assignment, SpeedGrader or its page, Upload Submissions, choose feedback.zip; once: uploading it "
    "again adds the comments a second time"
)


def encode(marks: Marks, request: Request) -> Export:
    """gradebook.csv where a sheet is given, and feedback.zip where submissions have attachments to answer.

    Raises Refused where Canvas would misread the outcome, or where nothing can be exported.
    """
    files: dict[str, bytes] = {}
    changes: list[Change] = []
    told: list[str] = []
    asked = bool(request.sheet or request.sheet_name)  # an empty file is a file
    if asked:
        sheet = read_sheet(request.sheet, request.sheet_name)
        column = find_column(sheet, request.column, marks.about.title)
        maximum = maximum_of(sheet, column, request.maximum)
        rows, own = _filled(marks, sheet, column, maximum)
        changes += own
        if rows:
            head = [_cut(sheet, column, row) for row in (sheet.header, sheet.points) if row]
            files[SHEET] = sheet.written([*head, *rows])
            told += TOLD_SHEET
        told.append(f"{column.header}: {len(rows)} grades, of {number(maximum, DIGITS)} points")
        if sheet.hidden and plain(sheet.hidden[column.at]).strip():
            told.append("its grades are posted by hand in Canvas: nobody sees them until you post them there")
    made = feedback_zip(marks)
    changes += made.changes
    if made.files:
        files[FILES] = made.content()
        told.append(TOLD_FILES)
    if not files and not asked:
        raise Refused("give the gradebook to fill in with --sheet (Canvas: Grades, Export), or grade a zip of "
                      "Canvas's \"Download submissions\", whose files can be answered")  # fmt: skip
    if not asked:
        told.append("no --sheet, so no grades: only feedback files")
    return Export(files, tuple(changes), tuple(told))


def maximum_of(sheet: Sheet, column: Column, asked: float | None) -> float:
    """What full marks are worth in Canvas. Raises Refused where that is not clear, or no points are given."""
    told = plain(sheet.points[column.at]).strip() if sheet.points else ""
    if re.search(r"read\s+only", told):
        raise Refused(f"{sheet.name}: {column.header} is read only; Canvas would take no grade there")
    letters = sorted({text for row in sheet.learners if _strange(text := plain(row[column.at]).strip())})
    if letters:
        raise Refused(
            f"{sheet.name}: {column.header} holds {', '.join(letters[:5])}: it is not graded in points, and "
            "Canvas would misread a number there; set it to points in Canvas"
        )
    if not told:
        if asked is None:
            raise Refused(
                f"{sheet.name}: does not say how many points {column.header} is worth (row Points Possible); "
                "say it with --max"
            )
        return asked
    found = number_in(told)
    if found is None or found <= 0 or re.fullmatch(r"\d+[.,]\d{3}", told):
        raise Refused(
            f"{sheet.name}: Points Possible of {column.header} is {told!r}, and Canvas would set that; write it "
            "like 100 or 12.5, or set the points in Canvas and export again"
        )
    if asked is not None and asked != found:
        raise Refused(
            f"--max {number(asked)}: {sheet.name} says that {column.header} is worth {number(found)}; change that "
            "in Canvas and export again, or leave --max out"
        )
    return found


def _strange(text: str) -> bool:
    """What stands in no column of points."""
    return text.upper() not in ("", "-", "EX", "N/A") and number_in(text) is None


def _cut(sheet: Sheet, column: Column, row: Row, grade: str | None = None) -> Row:
    return (*row[: sheet.last + 1], row[column.at] if grade is None else grade)


def _filled(marks: Marks, sheet: Sheet, column: Column, maximum: float) -> tuple[list[Row], list[Change]]:
    """The rows of learners who get a grade, in the order of the sheet, and what happens to everybody."""
    comma = any(re.search(r"\d,\d{1,2}$", plain(row[column.at])) for row in (sheet.points, *sheet.learners) if row)
    found = _matched(marks.marks, sheet)
    rows: dict[int, Row] = {}
    changes: list[Change] = []
    for mark in marks.marks:
        ats = found[mark.id]
        if len(ats) != 1:
            changes.append(Change(mark.learner.name or mark.id, "grade", "", "", _nowhere(mark, ats)))
            continue
        (at,) = ats
        row = sheet.learners[at]
        who, before = sheet.who(row), plain(row[column.at]).strip()
        twins = [other.id for other in marks.marks if found[other.id] == ats]
        if why := _not_written(mark, before, twins):
            changes.append(Change(who, "grade", before, "", why))
            continue
        value = scaled(mark, maximum)
        if value is None:
            changes.append(Change(who, "grade", before, "", "nothing to be earned in all, so no grade"))
            continue
        text = number(value, DIGITS)
        note = f"cut to the maximum, from {number(mark.earned or 0)} points" if above(mark) else ""
        changes.append(Change(who, "grade", before, text, note))
        rows[at] = _cut(sheet, column, row, _cell(text, sheet.delimiter, comma=comma))
    if not any(found.values()) and any(mark.final and "user" in mark.address for mark in marks.marks):
        raise Refused(f"{sheet.name}: none of these learners is in it; is it the gradebook of another course?")
    graded = {at for ats in found.values() for at in ats}
    for at, row in enumerate(sheet.learners):
        if at not in graded:
            note = "nothing of theirs was graded: left as it is"
            changes.append(Change(sheet.who(row), "grade", plain(row[column.at]).strip(), "", note))
    return [row for _, row in sorted(rows.items())], changes


def _matched(marks: Sequence[Mark], sheet: Sheet) -> dict[str, list[int]]:
    """Whose row is whose: by Canvas's number; without one by the ids that the institution gives. Never by name."""
    by_user: dict[str, list[int]] = defaultdict(list)
    by_id: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(sheet.learners):
        user = plain(row[sheet.id_at]).strip()
        if not re.fullmatch(r"[0-9]+", user):
            raise Refused(f"{sheet.name}, line {sheet.places[at]}: {user!r} is no ID of Canvas; {AGAIN}")
        if user in by_user:
            raise Refused(f"{sheet.name}, line {sheet.places[at]}: the ID {user} stands there a second time")
        by_user[user].append(at)
        for key in {plain(row[place]).strip().casefold() for place in sheet.named("SIS User ID", "SIS Login ID")}:
            by_id[key].append(at)
    found: dict[str, list[int]] = {}
    for mark in marks:
        if mark.address.get("system") == "canvas":
            found[mark.id] = by_user.get(mark.address.get("user", ""), [])
        else:
            keys = {key.casefold() for key in (mark.learner.id, mark.learner.email) if key}
            found[mark.id] = sorted({at for key in keys for at in by_id.get(key, ())})
    return found


def _nowhere(mark: Mark, ats: Sequence[int]) -> str:
    if "anonymous" in mark.address:
        return "anonymous: a gradebook has no row for them; `grader push canvas` can grade them"
    if ats:
        return "several rows of the sheet could be meant: none is written"
    return "no row in the sheet"


def _not_written(mark: Mark, before: str, twins: Sequence[str]) -> str:
    """Why a learner's row is not written; empty: it is."""
    if before.upper() == "EX":
        return "excused there: stays so"
    if before.upper() == "N/A":
        return "Canvas takes no grade here: not assigned to them, or anonymous and not posted yet"
    if len(twins) > 1:
        return f"several submissions of one learner ({', '.join(twins)}): none is written"
    if earned(mark) is None:
        return "not final: left as it is"
    return ""


def _cell(text: str, delimiter: str, *, comma: bool) -> str:
    """A number as the sheet writes them. Canvas reads both; the spreadsheet of whoever opens it reads its own."""
    told = text.replace(".", ",") if comma else text
    return f'"{told}"' if delimiter in told else told
