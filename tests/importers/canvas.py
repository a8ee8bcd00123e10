"""Canvas as it reads: a gradebook that is imported, and a zip of files that is uploaded again.

A model, written down from https://github.com/instructure/canvas-lms: lib/gradebook_importer.rb,
lib/gradebook_exporter.rb and app/models/abstract_assignment.rb (`title_and_id`,
`infer_comment_context_from_filename`, `generate_comments_from_files`).
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lms_class import Taken

from grader.lms import canvas
from grader.lms.records import Marks, Request

POINTS = 30.0
PRECISION = 0.005 / POINTS + 1e-9
OURS, QUIZ = 501, 502
STUDENT_HEADERS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
TOTALS = ("Current Score", "Current Points", "Current Grade", "Final Score", "Final Points", "Final Grade",
          "Override Score", "Override Grade", "Override Status")  # fmt: skip


class Failed(AssertionError):
    """Canvas says that it could not read the file."""


@dataclass
class Assignment:
    title: str
    points: float | None
    scores: dict[int, float | str] = field(default_factory=dict)  # a number or "EX"


@dataclass
class Learner:
    name: str  # sortable: "Doe, Jane"
    sis_id: str = ""
    login: str = ""


@dataclass
class Course:
    learners: dict[int, Learner]
    assignments: dict[int, Assignment]
    notes: dict[int, str] = field(default_factory=dict)
    not_assigned: set[tuple[int, int]] = field(default_factory=set)  # learner, assignment
    by_hand: set[int] = field(default_factory=set)  # assignments posted manually


@dataclass
class Prompted:
    """What Canvas asks a person about, and changes if they go on."""

    new_assignments: list[str] = field(default_factory=list)
    new_learners: list[str] = field(default_factory=list)
    grades: dict[tuple[int, int], str] = field(default_factory=dict)  # learner, assignment -> cell
    points: dict[int, float | None] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)


# ---------------------------------------------------------------- gradebook out


def exported(course: Course, *, delimiter: str = ",", point: str = ".", bom: bool = False) -> bytes:
    """The gradebook as Canvas exports it."""

    def shown(value: float | str | None) -> str:
        if value is None or isinstance(value, str):
            return value or ""
        return f"{value:.2f}".replace(".", point)

    assignments = list(course.assignments.items())
    header = [*STUDENT_HEADERS, "Notes", *(f"{a.title} ({n})" for n, a in assignments), "Current Score",
              "Unposted Final Score"]  # fmt: skip
    blank = [""] * (len(STUDENT_HEADERS) + 1)
    rows: list[list[str]] = [header]
    if course.by_hand:
        rows.append([*blank, *("Manual Posting" * (n in course.by_hand) for n, _ in assignments), "", ""])
    rows.append(
        ["    Points Possible", *blank[1:], *(shown(a.points) for _, a in assignments), *["(read only)"] * 2]
    )
    for number, learner in course.learners.items():
        name = f'="{learner.name}"' if re.match(r"\s*=", learner.name) else learner.name
        own = [
            "N/A" if (number, n) in course.not_assigned else shown(a.scores.get(number)) for n, a in assignments
        ]
        notes = course.notes.get(number, "")
        rows.append([name, str(number), learner.sis_id, learner.login, "One and Two", notes, *own, "70", "70"])
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return (("\ufeff" if bom else "") + text.getvalue()).encode()


# ---------------------------------------------------------------- gradebook in


def imported(course: Course, data: bytes) -> Prompted:
    """What Canvas would change. `applied` changes it."""
    text = data.decode("utf-8")
    rows = [[_converted(cell) for cell in row] for row in _parsed(text)]
    if not rows:
        raise Failed("empty")
    header, *rest = rows
    first = _student_columns(header)
    notes_at = header.index("Notes") if "Notes" in header else None
    prompted = Prompted()
    columns: list[tuple[int, int]] = []  # place, assignment
    for at, told in enumerate(header):
        if at < first or at == notes_at or any(total in (told or "") for total in TOTALS):
            continue
        found = _assignment(course, told or "")
        if found is None:
            prompted.new_assignments.append(told or "")
        else:
            columns.append((header.index(told), found))  # the first of that name
    read_only: set[int] = set()
    for row in rest:
        if row and "Points Possible" in (row[0] or ""):
            for at, assignment in columns:
                if at < len(row) and row[at] is not None:
                    if re.search(r"read\s+only", row[at] or ""):
                        read_only.add(assignment)
                    prompted.points[assignment] = _float(row[at] or "")
            continue
        if all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell, re.IGNORECASE) for cell in row if cell):
            continue
        learner = _learner(course, header, row)
        if learner is None:
            prompted.new_learners.append(row[0] or "")
            continue
        for at, assignment in columns:
            cell = ((row[at] if at < len(row) else None) or "").strip()
            if (learner, assignment) in course.not_assigned:
                cell = ""
            if _differs(cell, course.assignments[assignment].scores.get(learner)) and assignment not in read_only:
                prompted.grades[learner, assignment] = cell
        if notes_at is not None and (row[notes_at] or "") != course.notes.get(learner, ""):
            prompted.notes[learner] = row[notes_at] or ""
    return prompted


def applied(course: Course, prompted: Prompted) -> None:
    """Somebody pressed "Save Changes"."""
    for assignment, points in prompted.points.items():
        course.assignments[assignment].points = points
    for (learner, assignment), cell in prompted.grades.items():
        scores = course.assignments[assignment].scores
        if cell.upper() == "EX":
            scores[learner] = "EX"
        elif cell in ("", "-"):
            scores.pop(learner, None)
        else:
            scores[learner] = _float(cell) or 0.0  # a word is worth nothing
    course.notes |= prompted.notes


def _parsed(text: str) -> list[list[str]]:
    lines = io.StringIO(text, newline="").read().splitlines(keepends=True)[:3]
    counts = {}
    for separator in ";,":
        sizes = set()
        for line in lines:
            try:
                sizes.add(len(next(csv.reader([line], delimiter=separator, strict=True), [])))
            except csv.Error:
                sizes |= {-1, -2}
        counts[separator] = sizes.pop() if len(sizes) == 1 else 0
    delimiter = ";" if counts[";"] > counts[","] else ","
    try:
        found = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as bad:
        raise Failed(str(bad)) from bad
    return [row for row in found if row and not re.fullmatch(r"[;, ]+", delimiter.join(row))]


def _converted(cell: str) -> str | None:
    """`decimal_comma_to_period`, which every cell goes through, ids as well."""
    if cell == "":
        return None  # of Ruby's CSV, for a cell without quotes
    if not re.fullmatch(r"-?[0-9.,]+%?", cell):
        return cell
    *parts, last = re.split("[,.]", cell)
    return f"{''.join(parts)}.{last}" if parts else last


def _student_columns(header: Sequence[str | None]) -> int:
    """How many columns come before the assignments."""
    told = [cell or "" for cell in header]
    if len(told) > 3 and "Student" in told[0] and "ID" in told[1]:
        names = 3
    elif len(told) > 4 and "LastName" in told[0] and "FirstName" in told[1] and "ID" in told[2]:
        names = 4 if told[:2] == ["LastName", "FirstName"] else 3
    else:
        raise Failed("Invalid header row")
    count = names
    if re.search(r"SIS\s+Login\s+ID", told[names - 1]):
        count += 1
    elif re.search(r"SIS\s+User\s+ID", told[names - 1]) and re.search(r"SIS\s+Login\s+ID", told[names]):
        integration = bool(re.search(r"Integration\s+ID", told[names + 1]))
        count += 2 + integration
        count += bool(re.search(r"Root\s+Account", told[names + 1 + integration]))
    if count > len(told) or "Section" not in told[count - 1]:
        raise Failed("Invalid header row")
    return count


def _assignment(course: Course, told: str) -> int | None:
    match = re.fullmatch(r"(.*)\s\((\d+)\)", told, re.DOTALL)
    if match and int(match[2]) in course.assignments:
        return int(match[2])
    return next((number for number, own in course.assignments.items() if own.title == told), None)


def _learner(course: Course, header: Sequence[str | None], row: Sequence[str | None]) -> int | None:
    def cell(title: str) -> str:
        return (row[header.index(title)] or "") if title in header else ""

    digits = re.match(r"\s*\d*", cell("ID"))  # String#to_i
    number = int(digits[0] or 0) if digits else 0
    if number in course.learners:
        return number
    for sis, title in (("sis_id", "SIS User ID"), ("login", "SIS Login ID")):
        for other, learner in course.learners.items():
            if cell(title) and getattr(learner, sis) == cell(title):
                return other
    return next((n for n, own in course.learners.items() if own.name == row[0]), None)


def _differs(cell: str, stored: float | str | None) -> bool:
    if stored is None or cell in ("", "-"):
        return not (stored is None and cell in ("", "-"))
    if isinstance(stored, str) or cell.upper() == "EX":
        return str(stored).upper() != cell.upper()
    found = _float(cell)
    return found is None or f"{found:.2f}" != f"{stored:.2f}"


def _float(text: str) -> float | None:
    try:
        return float(text.removesuffix("%"))
    except ValueError:
        return None


# ---------------------------------------------------------------- files in


@dataclass
class HandedIn:
    """A submission with its attachments: number -> name that people see."""

    attachments: Mapping[int, str]
    anonymous: str = ""


@dataclass
class Uploaded:
    """New comments: learner -> the files attached, under the names that people see; and what was ignored."""

    attached: dict[int, dict[str, bytes]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def uploaded(submissions: Mapping[int, HandedIn], data: bytes, groups: Sequence[str] = ()) -> Uploaded:
    """What Canvas makes of a zip of files."""
    outcome = Uploaded()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for path in archive.namelist():
            found = _whose(submissions, path.rpartition("/")[2], groups)
            if found is None:
                outcome.ignored.append(path)
            else:
                learner, shown = found
                outcome.attached.setdefault(learner, {})[shown] = archive.read(path)
    return outcome


def _whose(submissions: Mapping[int, HandedIn], name: str, groups: Sequence[str]) -> tuple[int, str] | None:
    group = next((group for group in groups if name.startswith(f"{group}_")), None)
    rest = name.removeprefix(f"{group}_") if group else name
    parts = [part for part in rest.split("_") if part != "LATE"]
    if parts[0] == "anon":
        who, number = (*parts[1:3], "", "")[:2]
        learner = next((n for n, own in submissions.items() if own.anonymous and own.anonymous == who), None)
    else:
        who, number = (*[part for part in parts if re.fullmatch(r"[0-9]+", part)], "", "")[:2]
        learner = int(who) if who and int(who) in submissions else None
    if learner is None or parts[-1].startswith("link") or rest.startswith("._"):
        return None
    shown = submissions[learner].attachments.get(int(number)) if number.isdigit() else None
    return (learner, shown) if shown else None


# ---------------------------------------------------------------- contract


def a_course(marks: Marks) -> Course:
    """A course with a learner 1001, 1002, ... for each mark, our assignment and another one that has grades."""
    learners = {
        1000 + number: Learner(mark.learner.name, f"2026.01.{number}", mark.learner.email)
        for number, mark in enumerate(marks.marks, 1)
    } | {9999: Learner("Student, Test")}
    quiz = Assignment("Quiz 1", 10, dict.fromkeys(learners, 7.25))
    ours = Assignment(marks.about.title, POINTS)
    notes = dict.fromkeys(learners, "see me")
    return Course(learners, {QUIZ: quiz, OURS: ours}, notes)


def addressed(marks: Marks) -> Marks:
    """The marks with the numbers of `a_course`, as intake finds them in a download."""
    made = []
    for number, mark in enumerate(marks.marks, 1001):
        file = f"{''.join(filter(str.isalnum, mark.id.lower()))}_{number}_{number + 5000}_hw1.ipynb"
        address = {"system": "canvas", "user": str(number), "attachment": str(number + 5000), "file": file}
        made.append(replace(mark, address=address))
    return replace(marks, marks=tuple(made))


def taken(marks: Marks) -> dict[str, Taken]:
    """Export the gradebook of a course, fill it in, let somebody else grade a quiz, import it."""
    own = addressed(marks)
    course = a_course(own)
    sheet = exported(course)
    course.assignments[QUIZ].scores[1001] = 9.0  # while the file lay on somebody's disk
    course.notes[1001] = "was here"
    made = canvas.encode(own, Request(sheet, "gradebook.csv"))
    if "gradebook.csv" in made.files:
        prompted = imported(course, made.files["gradebook.csv"])
        assert not prompted.new_assignments, prompted
        assert not prompted.new_learners, prompted
        assert not prompted.notes, prompted
        assert {assignment for _, assignment in prompted.grades} <= {OURS}, prompted
        assert prompted.points in ({OURS: POINTS}, {}), prompted
        applied(course, prompted)
    there = {number: HandedIn({number + 5000: "hw1.ipynb"}) for number in course.learners}
    files = uploaded(there, made.files["feedback.zip"]) if "feedback.zip" in made.files else Uploaded()
    assert not files.ignored, files.ignored
    found = {}
    for number, mark in enumerate(own.marks, 1001):
        score = course.assignments[OURS].scores.get(number)
        assert score is None or isinstance(score, float)
        shown = files.attached.get(number, {}).get("hw1.ipynb")
        found[mark.id] = Taken(None if score is None else score / POINTS, read(shown) if shown else None)
    return found


def read(notebook: bytes) -> str:
    """What a learner who opens a notebook reads, where that is one block of plain text."""
    (cell,) = json.loads(notebook)["cells"]
    assert cell["cell_type"] == "markdown"
    fence, _, rest = cell["source"].partition("text\n")
    assert set(fence) == {"`"}
    assert rest.endswith(f"\n{fence}")
    block: str = rest.removesuffix(f"\n{fence}")
    assert fence not in block
    return block
