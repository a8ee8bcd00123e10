"""grader.lms.moodle: worksheets filled in and zips of feedback files, as the model of Moodle reads them.

After a wanted change: `python tests/renew_lms.py moodle`, then read what `git diff` says.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from importers.moodle import NOON, Assignment, a_site, fgetcsv, told_counts
from lms_class import KINDS, a_class, mark, with_files
from moodle_samples import sheet, site

from grader.lms import moodle
from grader.lms.comment import as_html, comment
from grader.lms.moodle_files import zipped
from grader.lms.records import Export, Mark, Marks, Refused, Request

GOLDEN_DIR = Path(__file__).parent / "golden" / "lms" / "moodle"
PRESENT = {"plain": "full partial third zero not_final extra korean attack".split(), "team": ["partial", "third"]}


def marks_for(there: Assignment, *kinds: str) -> Marks:
    """One mark of each kind for those who handed in, or for their teams; whatever they are called."""
    folders = list(dict.fromkeys(there.folder(person) for person in there.people if person.submitted))
    made = []
    for folder, kind in zip(folders, kinds, strict=False):
        number_there = folder.rpartition("_")[2] if "_" in folder else ""
        address = {"system": "moodle", "participant": number_there, "folder": folder}
        made.append(replace(mark(kind), id=f"{kind}-{folder}", address=address))
    return Marks(a_class("full").about, 100.0, tuple(made))


def filled(name: str, *kinds: str, data: bytes | None = None, **request: object) -> Export:
    there = site(name)
    given = data or sheet(name)
    return moodle.encode(marks_for(there, *kinds), Request(given, f"{name}.csv", **request))  # type: ignore[arg-type]


def the_sheet(made: Export) -> bytes:
    return next(content for name, content in made.files.items() if name.endswith(".csv"))


GOLDEN: dict[str, Callable[[], bytes]] = {
    "plain.csv": lambda: the_sheet(filled("plain", *PRESENT["plain"])),
    "team.csv": lambda: the_sheet(filled("team", *PRESENT["team"])),
    "told.txt": lambda: "\n".join(filled("plain", *PRESENT["plain"]).told).encode(),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_are_these(name: str) -> None:
    assert GOLDEN[name]() == (GOLDEN_DIR / name).read_bytes()


# ---------------------------------------------------------------- cells


@pytest.mark.parametrize("kind", ["plain", "blind", "team", "workflow"])
@pytest.mark.parametrize("form", ["as it is", "no mark", "crlf", "semicolons", "all quoted"])
def test_every_cell_that_is_not_ours_stays_byte_for_byte(kind: str, form: str) -> None:
    text = sheet(kind).decode()
    separator = ";" if form == "semicolons" else ","
    text = text.removeprefix("\ufeff") if form == "no mark" else text
    if form in ("crlf", "semicolons", "all quoted"):
        lines = [
            [quoted(cell, always=form == "all quoted") for cell in line] for line in fgetcsv(text.encode(), ",")
        ]
        text = "".join(separator.join(line) + "\r\n" for line in lines if line != [""])
    made = the_sheet(filled(kind, "partial", "not_final", "third", data=text.encode())).decode()
    before, after = cells_of(text, separator), cells_of(made, separator)
    assert len(before) == len(after)
    ours = {name for name in ("Grade", "Feedback comments") if name in cell_values(before[0])}
    columns = [cell_values(before[0]).index(name) for name in sorted(ours)]
    for old, new in zip(before, after, strict=True):
        assert [c for at, c in enumerate(old) if at not in columns] == [
            c for at, c in enumerate(new) if at not in columns
        ]
    assert made.startswith("\ufeff") == text.startswith("\ufeff")
    assert made.count("\r\n") == text.count("\r\n")


def quoted(cell: str, *, always: bool) -> str:
    return f'"{cell}"' if always or set(cell) & set(', ;"') else cell


def cells_of(text: str, separator: str) -> list[list[str]]:
    """Cells with their quotes; none of these sheets has a backslash."""
    token = re.compile(rf'("(?:[^"]|"")*"|[^"{separator}\r\n]*)({separator}|\r\n|\n)')
    lines: list[list[str]] = [[]]
    for cell, end in token.findall(text):
        lines[-1].append(cell)
        if end != separator:
            lines.append([])
    return [line for line in lines if line]


def cell_values(line: list[str]) -> list[str]:
    return [cell.strip('\ufeff"') for cell in line]


def test_a_grade_is_a_plain_number_and_a_comment_shows_its_text() -> None:
    rows = fgetcsv(the_sheet(filled("plain", *PRESENT["plain"])), ",")
    at = {name: rows[0].index(name) for name in ("Grade", "Feedback comments")}
    assert [row[at["Grade"]] for row in rows[1:]] == ["100", "72.5", "33.33333", "0", "", "100", "90", "", "80"]
    assert rows[2][at["Feedback comments"]] == as_html(comment(KINDS["partial"]))
    assert rows[5][at["Feedback comments"]] == ""  # not final


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 100) | st.none(), min_size=8, max_size=8), st.sampled_from([100.0, 10.0, 1.0, 7.5]))
def test_whatever_is_earned_the_cell_is_blank_or_a_number_that_fits(
    points: list[float | None], maximum: float
) -> None:
    there = site("plain")
    there.maximum = maximum
    marks = marks_for(there, *["full"] * 8)
    new = tuple(
        replace(one, earned=earned, final=earned is not None)
        for one, earned in zip(marks.marks, points, strict=True)
    )
    made = moodle.encode(replace(marks, marks=new), Request(there.worksheet(), "s.csv"))
    assert there.upload_worksheet(the_sheet(made), NOON) == told_counts(made.told)
    for person, earned in zip([p for p in there.people if p.submitted], points, strict=True):
        due = None if earned is None else earned * maximum / 100
        assert person.grade == (
            None if due is None else pytest.approx(due, abs=5.001e-6)
        )  # five digits; halves go either way


def test_a_decimal_comma_where_the_sheet_has_it() -> None:
    there = site("plain")
    there.language = "de"
    made = moodle.encode(marks_for(there, "partial", "third"), Request(there.worksheet(), "s.csv"))
    assert b',"72,5","100,00",' in the_sheet(made)
    assert there.upload_worksheet(the_sheet(made), NOON) == told_counts(made.told) == (2, 2)
    assert [person.grade for person in there.people[:2]] == [72.5, 33.33333]


@pytest.mark.parametrize("language", ["en", "de", "ko"])
@pytest.mark.parametrize("kind", ["plain", "blind", "team", "workflow"])
def test_sheets_in_languages_that_are_known(language: str, kind: str) -> None:
    there = site(kind)
    there.language = language
    made = moodle.encode(marks_for(there, "partial", "third"), Request(there.worksheet(), "s.csv"))
    assert there.upload_worksheet(the_sheet(made), NOON) == told_counts(made.told)
    graded = {person.grade for person in there.people if person.submitted}
    assert graded == {72.5, 33.33333, None}


def test_another_language_needs_the_column_named() -> None:
    there = site("plain")
    there.language = "cy"
    marks, data = marks_for(there, "partial", "third"), there.worksheet()
    with pytest.raises(Refused, match=r"--column names.*'Dynodydd', 'Enw llawn'.*'Gradd'"):
        moodle.encode(marks, Request(data, "s.csv"))
    with pytest.raises(Refused, match="the sheet has"):
        moodle.encode(marks, Request(data, "s.csv", "Grade"))
    with pytest.raises(Refused, match="participants"):
        moodle.encode(marks, Request(data.replace(b"Cyfranogwr 4", b"Cyfranogwr 7"), "s.csv", "Gradd"))
    made = moodle.encode(marks, Request(data, "s.csv", "Gradd"))
    assert there.upload_worksheet(the_sheet(made), NOON) == (2, 0)
    assert there.people[0].grade == 72.5
    assert any("language that is not known: grades only" in told for told in made.told)


# ---------------------------------------------------------------- points


def test_the_scale_is_the_sheets_and_said() -> None:
    made = filled("plain", "partial", data=sheet("plain").replace(b"100.00", b"10.00"))
    assert b",7.25,10.00," in the_sheet(made)
    assert "scaled from 100 to 10 points" in made.told


def test_max_scales_too_and_never_above_the_sheets() -> None:
    assert b",14.5,100.00," in the_sheet(filled("plain", "partial", maximum=20.0))
    with pytest.raises(Refused, match="maximum is 100, and Moodle drops"):
        filled("plain", "partial", maximum=120.0)
    bare = re.sub(rb',"?Maximum grade"?|,100\.00', b"", sheet("plain"))
    with pytest.raises(Refused, match="no maximum grade; --max"):
        filled("plain", "partial", data=bare)
    assert b",14.5,Yes," in the_sheet(filled("plain", "partial", data=bare, maximum=20.0))


def test_extra_credit_is_cut_and_said() -> None:
    made = filled("plain", "extra")
    assert b",100,100.00," in the_sheet(made)
    assert made.changes[0].note.startswith("112 points cut to 100")


def test_a_scale_of_words_is_refused() -> None:
    there = site("plain")
    there.scale = "poor\ngood"
    with pytest.raises(Refused, match="scale of words"):
        moodle.encode(marks_for(there, "full"), Request(there.worksheet(), "s.csv"))


def test_points_out_of_nothing_are_not_graded() -> None:
    there = site("plain")
    marks = marks_for(there, "full", "partial")
    nothing = replace(marks.marks[0], possible=0.0, earned=0.0)
    made = moodle.encode(replace(marks, marks=(nothing, marks.marks[1])), Request(sheet("plain"), "s.csv"))
    assert told_counts(made.told) == (1, 1)
    assert "cannot be scaled" in made.changes[0].note


# ---------------------------------------------------------------- who is who


@pytest.mark.parametrize(("zip_of", "sheet_of"), [("plain", "workflow"), ("blind", "plain"), ("team", "plain"),
                                                  ("plain", "blind"), ("plain", "team")])  # fmt: skip
def test_the_sheet_of_another_assignment_is_refused(zip_of: str, sheet_of: str) -> None:
    marks = marks_for(site(zip_of), *["full"] * 8)
    with pytest.raises(Refused, match="the sheet does not fit"):
        moodle.encode(marks, Request(sheet(sheet_of), "s.csv"))


def test_numbers_that_fit_by_chance_are_refused_by_their_names() -> None:
    marks = marks_for(site("plain"), *["full"] * 8)
    moved = {"1": "2", "2": "3", "3": "4", "4": "5", "5": "7", "7": "8", "8": "9", "9": "1"}
    other = tuple(
        replace(one, address={**one.address, "participant": moved[one.address["participant"]],
                              "folder": re.sub(r"\d+$", lambda n: moved[n[0]], one.address["folder"])})
        for one in marks.marks
    )  # fmt: skip
    with pytest.raises(Refused, match=r"does not fit: [01] of 8"):
        moodle.encode(replace(marks, marks=other), Request(sheet("plain"), "s.csv"))


def test_one_whose_name_disagrees_is_left_out_of_both(tmp_path: Path) -> None:
    marks = with_files(marks_for(site("plain"), "full", "partial", "third"), tmp_path)
    made = moodle.encode(marks, Request(sheet("plain").replace(b"Ada Lovelace", b"Bob Builder"), "s.csv"))
    assert [change.note for change in made.changes if change.who == "Ada Lovelace"] == [
        "no row in the sheet: nothing written"
    ]
    there = site("plain")
    assert there.upload_worksheet(the_sheet(made), NOON) == told_counts(made.told) == (2, 2)
    assert there.upload_zip(made.files[moodle.FEEDBACK], NOON) == 2
    assert (there.people[0].grade, there.people[0].files) == (None, {})


def test_without_names_everybody_must_be_in_the_sheet() -> None:
    marks = marks_for(site("blind"), *["full"] * 8)
    short = b"\n".join(line for line in sheet("blind").split(b"\n") if b"Participant 12" not in line)
    with pytest.raises(Refused, match=r"7 of 8 graded submissions are in it, and no names tell"):
        moodle.encode(marks, Request(short, "s.csv"))


def test_every_member_of_a_team_gets_a_row_and_the_default_group_too(tmp_path: Path) -> None:
    there = site("team")
    marks = with_files(marks_for(there, "full", "partial", "third"), tmp_path)
    made = moodle.encode(marks, Request(there.worksheet(), "s.csv"))
    assert there.upload_worksheet(the_sheet(made), NOON) == told_counts(made.told) == (9, 9)
    teams = {person.name: person.grade for person in there.people}
    assert teams["Ada Lovelace"] == teams["Seán O'Brien"] == 100
    assert teams["小龙 李"] == 72.5
    assert teams["Nadia Nosub"] == teams["Eve =2+5"] == 33.33333
    assert there.upload_zip(made.files[moodle.FEEDBACK], NOON) == 4
    assert 'Moodle should answer "Users with updated feedback: 4"' in made.told[-1]
    (missing,) = [change for change in made.changes if change.what == "file"]
    assert missing.who == "Default group"
    assert "no way in by zip" in missing.note


def test_groups_that_the_zip_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(Refused, match="Team A, Team_A"):
        filled("team", "full", "partial", data=sheet("team").replace(b"Team B", b"Team A"))


def test_two_submissions_of_one_participant_are_refused() -> None:
    marks = marks_for(site("plain"), "full")
    twin = replace(marks.marks[0], id="again")
    with pytest.raises(Refused, match="two graded submissions belong to 'Ada Lovelace_7'"):
        moodle.encode(replace(marks, marks=(*marks.marks, twin)), Request(sheet("plain"), "s.csv"))


def test_what_did_not_come_from_moodle_is_said_or_refused() -> None:
    marks = marks_for(site("plain"), "full")
    stray: Mark = mark("partial")
    made = moodle.encode(replace(marks, marks=(*marks.marks, stray)), Request(sheet("plain"), "s.csv"))
    assert (made.changes[0].who, made.changes[0].note) == ("sean", "not from a Moodle download")
    with pytest.raises(Refused, match="Download all submissions"):
        moodle.encode(a_class(), Request(sheet("plain"), "s.csv"))


# ---------------------------------------------------------------- rows that are not ours


def test_a_grade_that_cannot_be_changed_is_said_and_left() -> None:
    there = site("plain")
    there.people[0].locked = True
    made = moodle.encode(marks_for(there, "full", "partial"), Request(there.worksheet(), "s.csv"))
    assert "lets nobody change" in made.changes[0].note
    assert there.upload_worksheet(the_sheet(made), NOON) == told_counts(made.told) == (1, 1)
    assert there.people[0].comment == ""


def test_a_second_round_takes_nothing_from_those_who_are_not_graded() -> None:
    """Their comments keep the markup, their grades all digits; whoever is graded again gets ours."""
    there = site("plain")
    for person in there.people:
        person.grade, person.comment, person.stamped = 13.33333, "<p>by <b>hand</b></p>", NOON
    data = there.worksheet()
    there.people[3].comment = "<p>since the download</p>"
    made = moodle.encode(marks_for(there, "full", "not_final", "partial"), Request(data, "s.csv"))
    assert there.upload_worksheet(the_sheet(made), NOON + 86400, tick=True) == told_counts(made.told) == (2, 2)
    assert [person.grade for person in there.people[:4]] == [100, 13.33333, 72.5, 13.33333]
    assert there.people[1].comment == there.people[7].comment == "<p>by <b>hand</b></p>"
    assert there.people[3].comment == "<p>since the download</p>"
    assert any("rows left out: 7" in told for told in made.told)
    assert any("ticked" in told for told in made.told)
    assert any("lost its markup" in told for told in made.told)


def test_a_comment_without_a_grade_stays_as_it_is() -> None:
    there = site("plain")
    there.people[7].comment, there.people[7].stamped = "<p>by <b>hand</b></p>", NOON
    made = moodle.encode(marks_for(there, "full"), Request(there.worksheet(), "s.csv"))
    assert there.upload_worksheet(the_sheet(made), NOON + 30) == told_counts(made.told) == (1, 1)
    assert there.people[7].comment == "<p>by <b>hand</b></p>"


def test_where_the_box_is_ticked_only_rows_with_a_grade_go_up() -> None:
    """With it, an empty cell erases what somebody wrote after the download."""
    there = site("plain")
    there.people[0].grade, there.people[0].stamped = 50.0, NOON
    data = there.worksheet()
    there.people[5].comment, there.people[5].stamped = "<p>since the download</p>", NOON + 600
    made = moodle.encode(marks_for(there, "full"), Request(data, "s.csv"))
    assert there.upload_worksheet(the_sheet(made), NOON + 900, tick=True) == told_counts(made.told) == (1, 1)
    assert there.people[5].comment == "<p>since the download</p>"


def test_why_somebody_gets_nothing_is_said() -> None:
    made = filled("plain", "full", "not_final")
    notes = {change.who: change.note for change in made.changes}
    assert notes["Seán O'Brien (Participant 4)"] == "not final"
    assert notes["Nadia Nosub (Participant 6)"] == "nothing graded: row left as it is"


def test_the_same_again_is_predicted_to_change_nothing() -> None:
    there = site("plain")
    marks = marks_for(there, *PRESENT["plain"])
    there.upload_worksheet(the_sheet(moodle.encode(marks, Request(there.worksheet(), "s.csv"))), NOON)
    made = moodle.encode(marks, Request(there.worksheet(), "s.csv"))
    assert there.upload_worksheet(the_sheet(made), NOON + 30) == told_counts(made.told) == (0, 0)


# ---------------------------------------------------------------- sheets that are none


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff\xfeI\x00d\x00", "not UTF-8"),
        (b"\xef\xbb\xbf", "empty"),
        (b"Name,Points\nAda,5\n", "none of Moodle's.*'Name', 'Points'"),
        (sheet("plain").split(b"\n")[0] + b"\n", "no rows"),
        (sheet("plain") + b"Participant 10,x\n", "line 11 of the sheet has 2 cells and not 11"),
        (sheet("plain").replace(b'"my answer', b'"my \\" answer'), ""),
        (sheet("plain").replace(b'my answer   "', b'my answer \\"'), "has .* cells|nothing closes"),
        (sheet("plain").replace(b"Participant 4", b"Participant 7"), "names a participant twice"),
        (sheet("plain").replace(b"100.00", b"0.00"), "maximum grade of 0"),
        (sheet("plain").replace(b"Email address", b"Grade"), "two columns have the same name.*Grade"),
    ],
)
def test_a_sheet_that_moodle_would_misread_is_refused(data: bytes, why: str) -> None:
    if not why:  # a quote behind a backslash, as Moodle itself writes it
        assert the_sheet(filled("plain", "full", data=data)).count(b'my \\" answer') == 1
        return
    with pytest.raises(Refused, match=why):
        filled("plain", "full", data=data)


def test_comments_in_the_first_column_are_refused() -> None:
    lines = [line.split(",") for line in ("Feedback comments,Identifier,Grade,Maximum grade,Last modified (grade)",
                                          ",Participant 7,,100.00,-")]  # fmt: skip
    with pytest.raises(Refused, match="first column, where Moodle does not read it"):
        filled("plain", "full", data="\n".join(map(",".join, lines)).encode())


def test_the_column_is_moodles_own() -> None:
    with pytest.raises(Refused, match="'Grade' alone"):
        filled("plain", "full", column="Status")
    assert filled("plain", "full", column="Grade").files


def test_without_comments_in_the_sheet_there_are_grades_only() -> None:
    there = site("plain")
    there.comments = False
    made = moodle.encode(marks_for(there, "full"), Request(there.worksheet(), "s.csv"))
    assert there.upload_worksheet(the_sheet(made), NOON) == told_counts(made.told) == (1, 0)
    assert "the sheet has no feedback comments: grades only, no comments" in made.told


def test_semicolons_are_said_for_the_form() -> None:
    data = sheet("plain").replace(b",", b";").replace(b"day; ", b"day, ").replace(b" 2026; ", b" 2026, ")
    made = filled("plain", "full", data=data)
    assert any('"semicolon" as separator' in told for told in made.told)
    assert site("plain").upload_worksheet(the_sheet(made), NOON, separator=";") == (1, 1)


# ---------------------------------------------------------------- feedback files


def test_the_zip_is_the_same_bytes_every_time_and_moodle_takes_all_of_it(tmp_path: Path) -> None:
    there, marks = a_site(with_files(a_class(), tmp_path))
    files = zipped(marks.marks)
    assert files.content == zipped(tuple(reversed(marks.marks))).content
    assert there.upload_zip(files.content, NOON) == len(files.taken) == len(KINDS) - 1
    for person, one in zip(there.people, marks.marks, strict=False):
        assert person.files == ({"feedback.html": one.files["feedback.html"].read_bytes()} if one.final else {})


def test_the_zip_has_no_times_and_no_underscores_in_names(tmp_path: Path) -> None:
    """A folder that somebody renamed by hand: with an underscore too many Moodle would drop it."""
    marks = with_files(marks_for(site("plain"), "full"), tmp_path)
    renamed = replace(marks.marks[0], address={**marks.marks[0].address, "folder": "Ada_Lovelace_7"})
    content = zipped([renamed]).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert [(info.filename, info.date_time) for info in archive.infolist()] == [
            ("Ada Lovelace_7_assignfeedback_file/feedback.html", (1980, 1, 1, 0, 0, 0))
        ]
    assert site("plain").upload_zip(content, NOON) == 1


@pytest.mark.parametrize("cell", ["R & D", "R &amp; D"])
def test_a_groups_name_is_known_behind_its_markup(cell: str) -> None:
    """Moodle writes `&amp;`, of which cleaning for a file's name leaves `amp;`."""
    marks = marks_for(site("team"), "full")
    one = replace(marks.marks[0], address={"system": "moodle", "participant": "1", "folder": "R amp; D_1"})
    data = sheet("team").replace(b"Team_A", f'"{cell}"'.encode())
    made = moodle.encode(replace(marks, marks=(one,)), Request(data, "s.csv"))
    assert told_counts(made.told) == (2, 2)


def test_without_a_sheet_there_are_files_only(tmp_path: Path) -> None:
    _, marks = a_site(with_files(a_class("full", "not_final"), tmp_path))
    made = moodle.encode(marks, Request())
    assert list(made.files) == [moodle.FEEDBACK]
    assert "without --sheet there are no grades" in made.told[0]
    assert [change.note for change in made.changes] == ["", "not final"]


def test_what_is_told_names_the_order_and_a_workflow() -> None:
    told = filled("workflow", "full").told
    assert any("released" in sentence for sentence in told)
    assert told[-1].startswith("first 1-workflow.csv")
