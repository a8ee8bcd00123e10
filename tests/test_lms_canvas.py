"""Canvas: the gradebook that is filled in, the zip of feedback files, and the model that both are read with."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from exports.made_up import zip_bytes, zipped
from importers.canvas import (
    OURS,
    POINTS,
    QUIZ,
    Assignment,
    Course,
    Failed,
    HandedIn,
    Learner,
    a_course,
    addressed,
    applied,
    exported,
    imported,
    uploaded,
)
from lms_class import ABOUT, a_class, with_files
from small_class import KINDS as ANSWERS
from small_class import SLUG, notebook

from grader.cli import main
from grader.commands import OK
from grader.lms import canvas
from grader.lms.canvas_sheet import number_in, read_sheet
from grader.lms.records import Export, Marks, Refused, Request

HEADER = f"Student,ID,SIS Login ID,Section,{ABOUT.title} (501)"
POINTS_ROW = "    Points Possible,,,,100.00"


def sheet(*rows: str, header: str = HEADER, points: str = POINTS_ROW) -> bytes:
    return "\n".join(filter(None, (header, points, *rows, ""))).encode()


def row(number: int, cell: str = "", name: str = '"Doe, Jane"') -> str:
    return f"{name},{number},jane,One,{cell}"


def filled(marks: Marks, data: bytes, column: str = "", maximum: float | None = None) -> Export:
    return canvas.encode(addressed(marks), Request(data, "gradebook.csv", column, maximum))


def cells(export: Export) -> list[list[str]]:
    return list(csv.reader(io.StringIO(export.files[canvas.SHEET].decode("utf-8-sig")), strict=True))


def notes(export: Export, what: str = "grade") -> list[str]:
    return [change.note for change in export.changes if change.what == what]


def members(export: Export) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(export.files[canvas.FILES])) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# ---------------------------------------------------------------- golden


def the_class() -> Export:
    marks = addressed(a_class())
    return canvas.encode(marks, Request(exported(a_course(marks)), "gradebook.csv"))


def semicolons() -> Export:
    marks = addressed(a_class("full", "partial", "third"))
    return canvas.encode(marks, Request(exported(a_course(marks), delimiter=";", point=",", bom=True)))


# After a change that is meant: `python tests/renew_lms.py canvas`, then read the difference.
GOLDEN = {
    "gradebook.csv": lambda: the_class().files[canvas.SHEET],
    "semicolons.csv": lambda: semicolons().files[canvas.SHEET],
    "sean_1002_6002_feedback.ipynb": lambda: members(the_class())["sean_1002_6002_feedback.ipynb"],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str) -> None:
    golden = Path(__file__).parent / "golden" / "lms" / "canvas" / name
    assert GOLDEN[name]().decode() == golden.read_bytes().decode()


# ---------------------------------------------------------------- what is written


def test_nothing_else_goes_back() -> None:
    """Columns and rows that are not there cannot undo what was entered since the export."""
    marks = addressed(a_class("full", "not_final"))
    course = a_course(marks)
    course.by_hand = {OURS}
    made = canvas.encode(marks, Request(exported(course), "gradebook.csv"))
    assert cells(made) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", f"{ABOUT.title} (501)"],
        ["    Points Possible", "", "", "", "", "30.00"],
        ["Ada Lovelace", "1001", "2026.01.1", "ada@example.test", "One and Two", "30"],
    ]
    assert any("posted by hand" in sentence for sentence in made.told)
    assert notes(made) == ["", "not final: left as it is", "nothing of theirs was graded: left as it is"]


def test_a_whole_gradebook_would_undo_what_was_entered_since() -> None:
    """Why only a part of it goes back; and that the model sees it."""
    course = a_course(addressed(a_class("full")))
    whole = exported(course)
    course.assignments[QUIZ].scores[1001] = 9.0
    assert imported(course, whole).grades == {(1001, QUIZ): "7.25"}


def test_old_grades_of_those_without_a_new_one_stay() -> None:
    marks = addressed(a_class("full", "not_final", "zero"))
    course = a_course(marks)
    course.assignments[OURS].scores = {1001: 12.0, 1002: 13.0, 9999: 1.5}
    made = canvas.encode(marks, Request(exported(course), "gradebook.csv"))
    course.assignments[OURS].scores[1002] = 14.0  # meanwhile
    applied(course, imported(course, made.files[canvas.SHEET]))
    assert course.assignments[OURS].scores == {1001: 30.0, 1002: 14.0, 1003: 0.0, 9999: 1.5}
    assert [(change.before, change.after) for change in made.changes if change.what == "grade"] == [
        ("12.00", "30"),
        ("13.00", ""),
        ("", "0"),
        ("1.50", ""),
    ]


def test_excused_learners_stay_excused() -> None:
    made = filled(a_class("full", "partial"), sheet(row(1001, "ex"), row(1002)))
    assert notes(made) == ["excused there: stays so", ""]
    assert [line[1] for line in cells(made)[2:]] == ["1002"]


def test_where_canvas_takes_no_grade_none_is_written() -> None:
    made = filled(a_class("full"), sheet(row(1001, "N/A")))
    assert "not assigned" in notes(made)[0]
    assert canvas.SHEET not in made.files


def test_grades_are_scaled_to_the_points_of_the_sheet() -> None:
    made = filled(a_class("third", "extra"), sheet(row(1001), row(1002), points="    Points Possible,,,,7.50"))
    assert [line[-1] for line in cells(made)] == [f"{ABOUT.title} (501)", "7.50", "2.5", "7.5"]
    assert notes(made)[1] == "cut to the maximum, from 112 points"


def test_names_stay_as_canvas_wrote_them() -> None:
    guarded = '"=""=HYPERLINK(1)"""'
    made = filled(a_class("full"), sheet(row(1001, name=guarded)))
    assert guarded in made.files[canvas.SHEET].decode()


@pytest.mark.parametrize("bom", [True, False])
@pytest.mark.parametrize(("delimiter", "point"), [(",", "."), (";", ","), (";", "."), (",", ",")])
def test_delimiters_and_decimal_points_are_those_of_the_sheet(delimiter: str, point: str, bom: bool) -> None:
    marks = addressed(a_class("partial", "full"))
    course = a_course(marks)
    data = exported(course, delimiter=delimiter, point=point, bom=bom)
    made = canvas.encode(marks, Request(data, "gradebook.csv")).files[canvas.SHEET]
    assert made.startswith(b"\xef\xbb\xbf") is bom
    assert f"21{point}75".encode() in made
    applied(course, imported(course, made))
    assert course.assignments[OURS] == Assignment(ABOUT.title, POINTS, {1001: 21.75, 1002: 30.0})


def test_a_delimiter_within_quotes_is_none() -> None:
    header = f'Student;ID;SIS Login ID;Section;"{ABOUT.title} (501)"'
    data = f'{header}\n    Points Possible;;;;100\n"Doe, Jane";1001;"a;""b""";"One; two, three";\n'.encode()
    made = filled(a_class("full"), data)
    assert made.files[canvas.SHEET].decode().splitlines()[2] == '"Doe, Jane";1001;"a;""b""";"One; two, three";100'


def test_a_title_with_quotes_is_found() -> None:
    title = 'Homework "A", first "try"'
    quoted = title.replace('"', '""')
    header = f'Student,ID,SIS Login ID,Section,Quiz (7),"{quoted} (501)"'
    data = f"{header}\n    Points Possible,,,,5,100\nDoe,1001,,One,,\n"
    marks = replace(a_class("full"), about=replace(ABOUT, title=title))
    made = filled(marks, data.encode())
    assert cells(made)[0][-1] == f"{title} (501)"
    assert made.files[canvas.SHEET].decode().splitlines()[0].endswith(f'"{quoted} (501)"')


def test_first_and_last_names_in_two_columns() -> None:
    header = f"LastName,FirstName,ID,SIS Login ID,Section,{ABOUT.title} (501)"
    data = f"{header}\n    Points Possible,,,,,100\nDoe,Jane,1001,jane,One,\n".encode()
    made = filled(a_class("full"), data)
    assert cells(made)[2] == ["Doe", "Jane", "1001", "jane", "One", "100"]
    assert made.changes[0].who == "Doe, Jane"


def test_without_canvas_numbers_the_ids_of_the_institution_are_used_and_never_names() -> None:
    marks = a_class("full", "partial", "zero")
    header = f"Student,ID,SIS User ID,SIS Login ID,Section,{ABOUT.title} (501)"
    rows = ("Somebody Else,71,1,x,One,", "Seán O'Brien,72,none,SEAN@example.test,One,", "John Smith,4,5,y,One,")
    made = canvas.encode(marks, Request(sheet(*rows, header=header, points="    Points Possible,,,,,100")))
    assert [(line[1], line[-1]) for line in cells(made)[2:]] == [("71", "100"), ("72", "72.5")]
    assert notes(made)[2:] == ["no row in the sheet", "nothing of theirs was graded: left as it is"]


def test_two_submissions_of_one_learner_are_nobodys_grade() -> None:
    marks = addressed(a_class("full", "zero", "partial"))
    first, second, third = marks.marks
    twice = replace(marks, marks=(first, replace(second, address=first.address), third))
    made = canvas.encode(twice, Request(sheet(row(1001), row(1003)), "gradebook.csv"))
    assert [line[1] for line in cells(made)[2:]] == ["1003"]
    assert notes(made)[0] == "several submissions of one learner (ada, zero): none is written"


def test_anonymous_submissions_have_no_row_and_that_is_said() -> None:
    marks = a_class("full", "partial")
    first, second = marks.marks
    secret = {"system": "canvas", "anonymous": "aB3xY", "attachment": "77", "file": "LATE_anon_aB3xY_77_hw.ipynb"}
    known = {"system": "canvas", "user": "1002", "attachment": "78", "file": "sean_1002_78_hw.ipynb"}
    both = replace(marks, marks=(replace(first, address=secret), replace(second, address=known)))
    made = canvas.encode(both, Request(sheet(row(1001), row(1002)), "gradebook.csv"))
    assert "anonymous" in notes(made)[0]
    assert [line[1] for line in cells(made)[2:]] == ["1002"]
    assert sorted(members(made)) == ["LATE_anon_aB3xY_77_feedback.ipynb", "sean_1002_78_feedback.ipynb"]
    submissions = {1001: HandedIn({77: "hw.ipynb"}, "aB3xY"), 1002: HandedIn({78: "hw.ipynb"})}
    assert sorted(uploaded(submissions, made.files[canvas.FILES]).attached) == [1001, 1002]


# ---------------------------------------------------------------- what is refused


COLUMNS = f"Student,ID,SIS Login ID,Section,Notes,Quiz (7),{ABOUT.title} (501),Homework (8),Homework (9)"
WIDE = sheet("Doe,1001,jane,One,,1,,,", header=COLUMNS, points="    Points Possible,,,,,10,100,20,20")


@pytest.mark.parametrize(
    ("asked", "title", "found"),
    [
        ("", ABOUT.title, "(501)"),
        ("", f"  {ABOUT.title.upper()} ", "(501)"),
        ("7", "whatever", "(7)"),
        ("Quiz", "whatever", "(7)"),
        ("Quiz (7)", "whatever", "(7)"),
        ("9", ABOUT.title, "(9)"),
    ],
)
def test_the_column_is_found_by_title_header_or_number(asked: str, title: str, found: str) -> None:
    marks = replace(a_class("full"), about=replace(ABOUT, title=title))
    assert cells(filled(marks, WIDE, asked))[0][-1].endswith(found)


@pytest.mark.parametrize(
    ("data", "asked", "told"),
    [
        (WIDE, "Homework", "several assignments 'Homework'; name one with --column:\n  Quiz (7)"),
        (WIDE, "Essay", "no assignment 'Essay'"),
        (WIDE, "Notes", "no assignment 'Notes'"),
        (WIDE.replace(ABOUT.title.encode(), b"Other"), "", "not clear which column is meant"),
        (sheet(row(1001), header=HEADER.replace(" (501)", "")), "", "would become a new assignment"),
        (sheet(row(1001), header=HEADER.replace(ABOUT.title, "Final Score")), "", "no assignment in it"),
    ],
)
def test_a_column_that_is_not_clear_is_refused(data: bytes, asked: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        filled(a_class("full"), data, asked)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"Name,Grade\nDoe,1\n", "no header of a Canvas gradebook"),
        (HEADER.replace("Section", "Group").encode(), "no header of a Canvas gradebook"),
        (HEADER.replace(",", "\t").encode(), "no header of a Canvas gradebook"),
        (b"", "no header of a Canvas gradebook"),
        ((HEADER + "\n").encode("utf-16"), "is not UTF-8"),
        (sheet(row(1001), "Doe,1002"), "line 4: 2 cells, and the header has 5"),
        (sheet('Doe "x,1001,jane,One,'), "line 3: a quote out of place"),
        (sheet(row(1001), '"Doe\nJane",1002,jane,One,', row(1001)), "line 6: the ID 1001 stands there a second"),
        (sheet("Doe,1.00E+03,jane,One,"), "line 3: '1.00E+03' is no ID of Canvas"),
        (sheet("Doe,,jane,One,"), "'' is no ID of Canvas"),
        (sheet(row(1001), header=HEADER.replace("Login", "Login ID,SIS Login")), "no header of a Canvas"),
        (sheet(row(1001), points="    Points Possible,,,,(read only)"), "is read only"),
        (sheet(row(1001), points="    Points Possible,,,,0"), "Points Possible of"),
        (sheet(row(1001), points='    Points Possible,,,,"1,000"'), "'1,000', and Canvas would set that"),
        (sheet(row(1001), points="    Points Possible,,,,ten"), "'ten', and Canvas would set that"),
        (sheet(row(1001), points="    Points Possible,,,,"), "say it with --max"),
        (sheet(row(1001), points=""), "say it with --max"),
        (
            sheet(row(1001), row(1002, "complete"), row(1003, "A-")),
            "holds A-, complete: it is not graded in points",
        ),
        (sheet(row(2001)), "is it the gradebook of another course?"),
    ],
)
def test_what_canvas_would_misread_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(Refused) as refused:
        filled(a_class("full"), data)
    assert told in str(refused.value)


def test_the_maximum_is_said_only_where_the_sheet_does_not() -> None:
    assert cells(filled(a_class("partial"), sheet(row(1001), points=""), maximum=10))[1][-1] == "7.25"
    assert cells(filled(a_class("partial"), sheet(row(1001)), maximum=100))[2][-1] == "72.5"
    with pytest.raises(Refused, match=r"--max 10: .* is worth 100"):
        filled(a_class("partial"), sheet(row(1001)), maximum=10)


def test_without_a_sheet_there_is_only_feedback() -> None:
    made = canvas.encode(addressed(a_class("full")), Request())
    assert list(made.files) == [canvas.FILES]
    assert "no --sheet, so no grades: only feedback files" in made.told
    with pytest.raises(Refused, match="--sheet"):
        canvas.encode(a_class("full"), Request())


# ---------------------------------------------------------------- feedback files


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("doejane_1001_77_hw1.ipynb", "doejane_1001_77_feedback.ipynb"),
        ("doejane_LATE_1001_77_my_1_link.ipynb", "doejane_LATE_1001_77_feedback.ipynb"),
        ("12345_1001_77_hw1.ipynb", "1001_77_feedback.ipynb"),  # a name of digits
        ("anon_1001_77_hw1.ipynb", "1001_77_feedback.ipynb"),  # somebody called Anon
        ("_1001_77_hw1.ipynb", "_1001_77_feedback.ipynb"),  # a name with no letters
        ("김하늘_1001_77_작업1.ipynb", "김하늘_1001_77_feedback.ipynb"),
        ("doejane_1001_77_hw1.py", "doejane_1001_77_feedback.txt"),
        ("doejane_1001_77_all.zip", "doejane_1001_77_feedback.zip"),
        ("doejane_1001_77_page.html", "doejane_1001_77_feedback.html"),
    ],
)
def test_canvas_finds_whose_every_file_is(file: str, name: str, tmp_path: Path) -> None:
    (mark,) = with_files(a_class("full"), tmp_path).marks
    address = {"system": "canvas", "user": "1001", "attachment": "77", "file": file}
    made = canvas.encode(Marks(ABOUT, 100, (replace(mark, address=address),)), Request())
    assert list(members(made)) == [name]
    shown = file.partition("_77_")[2]
    outcome = uploaded({1001: HandedIn({77: shown}), 12345: HandedIn({})}, made.files[canvas.FILES])
    (content,) = outcome.attached[1001].values()
    assert list(outcome.attached[1001]) == [shown]
    match shown.rpartition(".")[2]:
        case "ipynb":
            assert json.loads(content)["cells"][0]["source"] == mark.files["feedback.md"].read_text("utf-8")
        case "zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                assert archive.namelist() == ["feedback.html", "feedback.md"]
        case "html":
            assert content == mark.files["feedback.html"].read_bytes()
        case _:
            assert content.decode().startswith(f"{ABOUT.title}: 100 of 100 points")


def test_the_learners_own_notebook_name_holds_a_notebook() -> None:
    """Canvas shows the answer as `hw1.ipynb`: a page of that name would open nowhere."""
    import nbformat

    made = members(canvas.encode(addressed(a_class("attack")), Request()))
    notebook = nbformat.reads(made["attack_1001_6001_feedback.ipynb"].decode(), as_version=4)
    nbformat.validate(notebook)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown"]


def test_who_gets_no_file_is_said() -> None:
    marks = addressed(a_class("full", "not_final"))
    first, second = marks.marks
    text = {"system": "canvas", "user": "1001", "attachment": "", "file": "doejane_1001_text.html"}
    made = canvas.encode(replace(marks, marks=(replace(first, address=text), second)), Request(sheet(row(1001))))
    assert canvas.FILES not in made.files
    assert notes(made, "file") == ["handed in no file that could be answered", "not final: no feedback yet"]


# ---------------------------------------------------------------- the model's own traps


def course(**scores: float | str) -> Course:
    own = {int(number.removeprefix("n")): score for number, score in scores.items()}
    return Course({1: Learner("Doe, Jane", "2020.01.5", "jane")}, {5: Assignment("Homework", 10, own)})


def book(cell: str, header: str = "Homework (5)", who: str = "x,1,,One", points: str = "10") -> bytes:
    return f"Student,ID,SIS Login ID,Section,{header}\n    Points Possible,,,,{points}\n{who},{cell}\n".encode()


@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("7.5", 7.5),
        ('"7,5"', 7.5),
        ('"1,000"', 1.0),
        ('"1,000.5"', 1000.5),
        ("n/a", 0.0),
        ("EX", "EX"),
        ("eX", "EX"),
    ],
)
def test_model_how_cells_are_read(cell: str, stored: float | str) -> None:
    into = course()
    applied(into, imported(into, book(cell)))
    assert into.assignments[5].scores == {1: stored}


@pytest.mark.parametrize("cell", ["", "-"])
def test_model_a_blank_clears_a_grade(cell: str) -> None:
    into = course(n1=8.0)
    applied(into, imported(into, book(cell)))
    assert into.assignments[5].scores == {}


def test_model_the_third_decimal_is_no_change() -> None:
    assert not imported(course(n1=7.123), book("7.12")).grades
    assert imported(course(n1=7.123), book("7.13")).grades


def test_model_headers() -> None:
    assert imported(course(), book("7", "Homework")).grades  # by title
    assert imported(course(), book("7", "Renamed (5)")).grades  # the number wins
    assert imported(course(), book("7", "Homework (6)")).new_assignments == ["Homework (6)"]
    assert not imported(course(), book("7", "Homework Final Score (5)")).grades
    for broken in ("Student,ID,Homework (5)\nx,1,7\n", "Student,ID,Homework (5),Section\nx,1,7,One\n"):
        with pytest.raises(Failed, match="Invalid header row"):
            imported(course(), broken.encode())


def test_model_points_possible_are_set_and_read_only_is_kept() -> None:
    into = course()
    applied(into, imported(into, book("", points='"1,000"')))
    assert into.assignments[5].points == 1.0
    assert not imported(course(), book("7", points="(read only)")).grades


def test_model_learners() -> None:
    assert imported(course(), book("7", who="x,1,,One")).grades
    assert imported(course(), book("7", who="x,,jane,One")).grades
    assert imported(course(), book("7", who='"Doe, Jane",,,One')).grades
    assert imported(course(), book("7", who="x,99,joe,One")).new_learners == ["x"]
    header = "Student,ID,SIS User ID,SIS Login ID,Section,Homework (5)\n"
    spoiled = imported(course(), f"{header}x,,2020.01.5,,One,7\n".encode())
    assert spoiled.new_learners == ["x"]  # read as 202001.5


def test_model_files() -> None:
    there = {1: HandedIn({7: "hw.ipynb"}, "aB3xY"), 2: HandedIn({8: "hw.ipynb"})}

    def whose(name: str) -> list[int]:
        return list(uploaded(there, zip_bytes({name: b""}), ["Team 7"]).attached)

    assert whose("doe_1_7_x.html") == [1]
    assert whose("doe_LATE_1_7_x.html") == [1]
    assert whose("anon_aB3xY_7_x.html") == [1]
    assert whose("LATE_anon_aB3xY_7_x.html") == [1]
    assert whose("Team 7_2_8_x.html") == [2]
    for ignored in (
        "doe_1_8_x.html",
        "doe_1_link.html",
        "doe_1_7_link.html",
        "._doe_1_7_x",
        "2026_1_7_x",
        "x.html",
    ):
        assert whose(ignored) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [("12.5", 12.5), ("12,5", 12.5), ("1.234,50", 1234.5), ("-", None), (".", None), ("EX", None)],
)
def test_numbers_are_read_as_canvas_reads_them(text: str, value: float | None) -> None:
    assert number_in(text) == value


def test_line_ends_are_those_of_the_sheet() -> None:
    data = sheet(row(1001)).replace(b"\n", b"\r\n")
    assert filled(a_class("full"), data).files[canvas.SHEET].count(b"\r\n") == 3
    assert read_sheet(data.rstrip()).learners == read_sheet(data).learners


# ---------------------------------------------------------------- from the download to the gradebook


def test_round_trip(small_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download is graded, the gradebook filled in and imported: everybody has the mark of grades.csv."""
    monkeypatch.setenv("GRADER_ROOT", str(small_root))
    kinds = {4001: "right", 4002: "sum", 4003: "half", 4004: "blank", 4005: "truncated", 4006: "absolute"}
    names = {number: f"learner{number}" for number in kinds} | {4003: "12345", 4006: "anon"}
    late = {4002: "LATE_"}
    download = zipped(
        tmp_path / "submissions.zip",
        {
            f"{names[number]}_{late.get(number, '')}{number}_{number + 100}_hw1.ipynb": notebook(kind, number)
            for number, kind in kinds.items()
        }
        | {"learner4007_4007_text.html": b"<p>forgot the file</p>"},
    )
    out = tmp_path / "out"
    assert main(["grade", str(download), "-a", SLUG, "-o", str(out), "--dev-secret"]) == OK
    learners = {number: Learner(f"Doe, {number}") for number in (*kinds, 4007, 4008)}
    there = Course(learners, {11: Assignment("Small", 25), 12: Assignment("Quiz", 5, {4001: 3.0})})
    (tmp_path / "gradebook.csv").write_bytes(exported(there))
    asked = ["export", str(out), "--format", "canvas", "--sheet", str(tmp_path / "gradebook.csv")]
    assert main([*asked, "--column", "11"]) == OK
    applied(there, imported(there, (out / "export" / "canvas" / canvas.SHEET).read_bytes()))

    rows = list(csv.DictReader((out / "grades.csv").read_text("utf-8-sig").splitlines()))
    due = {int(line["learner"]): 25 * float(line["earned"]) / float(line["possible"]) for line in rows}
    assert due == {number: ANSWERS[kind].earned / 4 for number, kind in kinds.items()} | {4007: 0}
    assert there.assignments[11].scores == due
    assert there.assignments[11].points == 25
    assert there.assignments[12].scores == {4001: 3.0}

    submissions = {number: HandedIn({number + 100: "hw1.ipynb"}) for number in kinds} | {4007: HandedIn({})}
    files = uploaded(submissions, (out / "export" / "canvas" / canvas.FILES).read_bytes())
    assert not files.ignored
    assert {number: list(own) for number, own in files.attached.items()} == {
        number: ["hw1.ipynb"] for number in kinds
    }
    for number, own in files.attached.items():
        assert f"{number}" in json.loads(own["hw1.ipynb"])["cells"][0]["source"].split("\n")[2]  # whose it is
