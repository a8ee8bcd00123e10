"""The model of Moodle that the adapter is judged by: it does what the real one was seen to do, trap by trap."""

from __future__ import annotations

import pytest
from exports.made_up import zip_bytes
from importers.moodle import NOON, Assignment, DatabaseError, Person, cleaned, fgetcsv, fputcsv, shown
from moodle_samples import KINDS, entries, read, sheet, site

EVENING = 1_795_289_700  # 21 November 2026, 19:35


def one(**settings: object) -> Assignment:
    return Assignment([Person(7, "Ada Lovelace"), Person(4, "Seán O'Brien")], **settings)  # type: ignore[arg-type]


def upload(
    there: Assignment, grade: str = "", comment: str = "", identifier: str = "", **more: object
) -> tuple[int, int]:
    """Ada's row of a sheet downloaded now, with these cells."""
    header, row = fgetcsv(there.worksheet(), ",")[:2]
    at = {name: index for index, name in enumerate(header)}
    row[at["Grade"]], row[at["Feedback comments"]] = grade, comment
    row[at["Identifier"]] = identifier or row[at["Identifier"]]
    data = "\n".join(fputcsv(line) for line in (header, row)).encode()
    return there.upload_worksheet(data, NOON, **more)  # type: ignore[arg-type]


# ---------------------------------------------------------------- against the real system


@pytest.mark.parametrize("kind", KINDS)
def test_it_writes_the_real_worksheets_byte_for_byte(kind: str) -> None:
    assert site(kind).worksheet() == sheet(kind)


def test_it_makes_of_the_filled_sheet_what_the_real_one_made() -> None:
    """102 of 100 in it: dropped, its comment taken."""
    there = site("plain")
    assert there.upload_worksheet(sheet("plain-filled"), EVENING) == (7, 8)
    made, real = read(there.worksheet()), read(sheet("plain-after"))
    for row in (*made, *real):
        row["comments"] = " ".join(row["comments"].split())
    assert made == real


@pytest.mark.parametrize("kind", KINDS)
def test_it_names_folders_as_the_real_downloads_do(kind: str) -> None:
    there = site(kind)
    folders = {name.partition("_assignsubmission")[0] for name in entries(kind)}
    assert folders == {there.folder(person) for person in there.people if person.submitted}


# ---------------------------------------------------------------- traps of the worksheet


@pytest.mark.parametrize(
    ("grade", "stored", "counts"),
    [
        ("72.5", 72.5, (1, 1)),
        ("20.12345678", 20.12346, (1, 1)),
        ("100", 100, (1, 1)),
        ("102", None, (0, 1)),  # dropped, the comment kept
        ("-1", None, (0, 1)),
        ("", None, (0, 1)),
        ("n/a", 0, (1, 1)),
        ("19,5", 19, (1, 1)),
        ("1,000", 1, (1, 1)),
        ("1 0", 10, (1, 1)),
    ],
)
def test_a_grade_cell(grade: str, stored: float | None, counts: tuple[int, int]) -> None:
    there = one()
    assert upload(there, grade, "well") == counts
    assert there.people[0].grade == stored
    assert there.people[0].comment == "well"


def test_a_decimal_comma_is_one_where_the_language_has_it() -> None:
    there = one(language="de")
    data = there.worksheet().replace(b',,"100,00"', b',"19,5","100,00"')
    assert there.upload_worksheet(data, NOON) == (2, 0)
    assert {person.grade for person in there.people} == {19.5}


def test_a_number_alone_is_no_participant() -> None:
    with pytest.raises(DatabaseError):
        upload(one(), "50", identifier="7")


def test_only_the_length_of_the_word_counts() -> None:
    assert upload(one(), "50", identifier="participant 7") == (1, 0)


def test_an_id_of_another_assignment_is_skipped() -> None:
    assert upload(one(), "50", "well", identifier="Participant 99") == (0, 0)


def test_the_same_sheet_a_second_time_changes_nothing_unless_the_box_is_ticked() -> None:
    there = one()
    first = there.worksheet()
    assert there.upload_worksheet(first.replace(b",,100.00", b",50,100.00"), NOON) == (2, 0)
    again = first.replace(b",,100.00", b",60,100.00")
    assert there.upload_worksheet(again, NOON + 3600) == (0, 0)
    assert there.upload_worksheet(again, NOON + 3600, tick=True) == (2, 0)
    assert there.people[0].grade == 60


def test_within_a_minute_of_the_sheet_it_is_no_second_time() -> None:
    there = one()
    upload(there, "50")
    assert upload(there, "60") == (1, 0)
    there.people[0].stamped = NOON + 61
    late = there.worksheet().replace(b"12:01 PM", b"12:00 PM").replace(b",60.00,", b",70,")
    assert there.upload_worksheet(late, NOON + 90) == (0, 0)


def test_the_files_first_make_every_row_stale() -> None:
    there = one()
    data = there.worksheet().replace(b",,100.00", b",50,100.00")
    assert there.upload_zip(zip_bytes({"Ada Lovelace_7_assignfeedback_file/feedback.html": b"x"}), NOON) == 1
    assert there.upload_worksheet(data, NOON + 60) == (1, 0)  # Seán's, who has no file
    assert there.people[0].grade is None


def test_an_empty_comment_cell_erases_and_a_downloaded_one_flattens() -> None:
    there = one()
    upload(there, "50", "<p>all <b>well</b></p>")
    assert there.upload_worksheet(there.worksheet(), NOON) == (0, 1)
    assert there.people[0].comment == "all well"
    assert upload(there, "50", "") == (0, 1)
    assert there.people[0].comment == ""


def test_a_downloaded_grade_comes_back_rounded() -> None:
    there = one()
    upload(there, "13.33333")
    there.upload_worksheet(there.worksheet(), NOON)
    assert there.people[0].grade == 13.33


def test_a_locked_grade_stays_and_its_comment_goes_in() -> None:
    there = one()
    there.people[0].locked = True
    assert upload(there, "50", "well") == (0, 1)


def test_the_first_column_is_never_a_comment() -> None:
    there = one()
    lines = fgetcsv(there.worksheet(), ",")
    data = "\n".join(fputcsv([*line[-1:], *line[:-1]]) for line in lines).replace("\n,", "\nwell,")
    assert there.upload_worksheet(data.encode(), NOON) == (0, 0)


@pytest.mark.parametrize("gone", ["Identifier", "Grade", "Last modified (grade)"])
def test_without_one_of_three_headers_nothing_is_read(gone: str) -> None:
    data = one().worksheet().decode().replace(gone, f"{gone}!", 1)
    with pytest.raises(AssertionError, match="could not read"):
        one().upload_worksheet(data.encode(), NOON)


def test_other_line_ends_and_separators() -> None:
    data = one().worksheet().replace(b",,100.00", b",50,100.00")
    assert one().upload_worksheet(data.replace(b"\n", b"\r\n").removeprefix(b"\xef\xbb\xbf"), NOON) == (2, 0)
    with pytest.raises(AssertionError):
        one().upload_worksheet(data.replace(b",", b";"), NOON)


def test_a_row_that_is_too_short_refuses_the_file() -> None:
    with pytest.raises(AssertionError, match="csvweirdcolumns"):
        one().upload_worksheet(one().worksheet() + b"Participant 9,\n", NOON)


def test_a_scale_takes_its_words_only() -> None:
    there = one(scale="poor\ngood", maximum=2)
    upload(there, "72")
    assert there.people[0].grade is None
    upload(there, "good")
    assert there.people[0].grade == 2


def test_cells_are_read_as_php_does() -> None:
    assert fgetcsv(b'"a\\"b",c', ",") == [['a\\"b', "c"]]
    assert fgetcsv(b'"a""b";c', ";") == [['a"b', "c"]]
    assert fputcsv(['a\\"b', "c d", "e"]) == '"a\\"b","c d",e'
    assert fputcsv(['a"b']) == '"a""b"'


def test_a_comment_is_markup() -> None:
    assert shown("fresh <b>x</b> & <script>alert(1)</script> a<b lost") == "fresh x &  a"
    assert shown("<pre>a&lt;b &amp;</pre>") == "a<b &"


# ---------------------------------------------------------------- traps of the zip


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Ada Lovelace_7_assignfeedback_file/report.html", "report.html"),
        ("Ada Lovelace_7_assignsubmission_file/report.html", "report.html"),
        ("Ada Lovelace_7_assignfeedback_file/graded/hw1.ipynb", "graded/hw1.ipynb"),
        ("Ada Lovelace_7_assignsubmission_file_report.html", "report.html"),
        ("wrapper/Ada Lovelace_7_assignfeedback_file/report.html", "report.html"),
        ("anybody_7_assignfeedback_file/r.html", "r.html"),
        ("7/report.html", ""),
        ("Ada_Lovelace_7_assignfeedback_file/report.html", ""),
        ("Ada Lovelace_99_assignfeedback_file/report.html", ""),
        ("Ada Lovelace_7_assignfeedback_magic/report.html", ""),
        ("Default group_assignfeedback_file/report.html", ""),
        ("Ada Lovelace_7_assignfeedback_file/.report.html", ""),
        ("Ada Lovelace_7_assignfeedback_file/~report.html", ""),
    ],
)
def test_an_entry_of_the_zip(path: str, name: str) -> None:
    there = one()
    assert there.upload_zip(zip_bytes({path: b"told"}), NOON) == bool(name)
    assert there.people[0].files == ({name: b"told"} if name else {})


def test_a_file_that_was_handed_in_like_this_is_skipped() -> None:
    there = one()
    there.people[0].handed_in = {"hw1.ipynb": b"mine"}
    path = "Ada Lovelace_7_assignsubmission_file/hw1.ipynb"
    assert there.upload_zip(zip_bytes({path: b"mine"}), NOON) == 0
    assert there.upload_zip(zip_bytes({path: b"graded"}), NOON) == 1


def test_a_team_is_named_by_its_number_and_everybody_gets_the_file() -> None:
    there = site("team")
    assert there.upload_zip(zip_bytes({"Team A_1_assignfeedback_file/r.html": b"told"}), NOON) == 2
    assert (
        there.upload_zip(zip_bytes({"x_26_assignfeedback_file/r.html": b"told"}), NOON) == 0
    )  # a member's number


def test_names_are_cleaned_for_files() -> None:
    assert cleaned('Seán O\'Brien: a/b & <c> "d" | `e..f`') == "Seán OBrien ab  c d  ef"
