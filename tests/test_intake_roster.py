"""grader.intake.roster, grader.intake.joining: class lists in all their forms, and who handed in what."""

from __future__ import annotations

from pathlib import Path

import pytest
from exports.made_up import notebook, unpacked, zipped

from grader.intake import Intake, UsageError, find
from grader.intake.roster import read_roster
from grader.types import Learner

MOODLE = Path(__file__).parent / "exports" / "moodle"
WORK = notebook("x = 1")


def listed(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "roster.csv"
    path.write_bytes(text.encode(encoding))
    return path


def learners(tmp_path: Path, text: str, encoding: str = "utf-8") -> list[Learner]:
    return [person.learner for person in read_roster(listed(tmp_path, text, encoding))]


def joined(tmp_path: Path, roster: str, *names: str) -> Intake:
    """A folder for each of `names`."""
    folder = unpacked(tmp_path / "class", {f"{name}/hw.ipynb": WORK for name in names})
    return find([folder], (), listed(tmp_path, roster))


# ---------------------------------------------------------------- reading

KIM = Learner("김철수", "20260001", "", "kim@example.test")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["이름,학번,이메일", "Name,Student ID,E-mail", "성명,학생번호,email address"])
def test_lists_of_every_make(tmp_path: Path, encoding: str, delimiter: str, header: str) -> None:
    text = f"{header}\r\n김철수,20260001,kim@example.test\r\n".replace(",", delimiter)
    assert learners(tmp_path, text, encoding) == [KIM]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("First name,Last name,ID number\nJane,Doe,7\n", Learner("Jane Doe", "7")),
        ("성,이름,학번\n김,철수,7\n", Learner("김철수", "7")),
        ("username,email\njdoe,jane@example.test\n", Learner("", "jdoe", "", "jane@example.test")),
        ('sep=;\nName;SID\n"Doe, Jane";7\n', Learner("Doe, Jane", "7")),
        ("Deep Learning 101,,\nspring,,\nNo,Name,SID\n1,Jane Doe,7\n", Learner("Jane Doe", "7")),
        ('Name,Team,SID\n"Doe\nJane",A,7\n', Learner("Doe\nJane", "7", "A")),
        ("Name\n\nJane Doe\n,,,\n", Learner("Jane Doe")),
        ("Name,SID\nJane Doe,7\nJane Doe,7\n", Learner("Jane Doe", "7")),  # in two sections
        ("SID,Name\n7\n", Learner("", "7")),
        ("login,sis_login_id,id\n,jane,4321\n", Learner("", "jane")),
    ],
)
def test_columns_of_every_make(tmp_path: Path, text: str, expected: Learner) -> None:
    assert learners(tmp_path, text) == [expected]


def test_a_canvas_gradebook(tmp_path: Path) -> None:
    text = (
        "Student,ID,SIS User ID,SIS Login ID,Section,HW1 (12345)\n"
        "    Points Possible,,,,,100\n"
        '"Doe, Jane",4321,S-1,jane,DL101,\n'
        '"Student, Test",9999,,,DL101,\n'
    )
    (person,) = read_roster(listed(tmp_path, text))
    assert person.learner == Learner("Doe, Jane", "S-1")
    assert person.ids == {"4321", "s-1", "jane"}


@pytest.mark.parametrize("kind", ["plain", "workflow", "blind", "team"])
def test_real_moodle_worksheets(kind: str) -> None:
    people = read_roster(MOODLE / f"{kind}-worksheet.csv")
    assert len(people) == 9
    assert all(person.ids == {f"participant {person.learner.id}"} for person in people)
    assert all(bool(person.learner.name) == (kind != "blind") for person in people)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,c\n1,2,3\n", r"roster\.csv, line 1: no column with a name, an id or an e-mail.*there is: a, b, c"),
        ("", r"roster\.csv, line 1: no column"),
        ("Name,SID\n", r"roster\.csv, line 1: nobody"),
        ("Name,SID\nKim,7\nLee,8\nPark,7\n", r"roster\.csv, line 4: the id 7 stands on line 2 too"),
        ("Name,SID\nKim," + "x" * 200_000 + "\n", r"roster\.csv, line 2: field larger"),
    ],
)
def test_a_list_that_is_none_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_roster(listed(tmp_path, text))


def test_a_list_in_no_known_encoding_says_where(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(b"Name,SID\nJane,7\n\xff\xff\xff,8\n")
    with pytest.raises(UsageError, match=r"line 3: neither UTF-8 nor CP949"):
        read_roster(path)
    with pytest.raises(UsageError, match=r"absent\.csv: No such file"):
        read_roster(tmp_path / "absent.csv")
    with pytest.raises(UsageError, match="is a folder"):
        read_roster(tmp_path)
    (tmp_path / "link.csv").symlink_to(listed(tmp_path, "Name\nJane\n"))
    assert len(read_roster(tmp_path / "link.csv")) == 1


# ---------------------------------------------------------------- joining

ADA = Learner("Ada Lovelace", "7", "", "s1@example.test")


@pytest.mark.parametrize("folders", [0, 1])
@pytest.mark.parametrize("kind", ["plain", "workflow", "blind"])
def test_a_moodle_worksheet_knows_everybody(kind: str, folders: int) -> None:
    found = find([MOODLE / f"{kind}-folders{folders}.zip"], (), MOODLE / f"{kind}-worksheet.csv")
    people = {p.learner.id: p.learner for p in read_roster(MOODLE / f"{kind}-worksheet.csv")}
    assert len(found.entries) == 8
    for entry in found.entries:  # also the two John Smiths, each with an own number and e-mail
        assert entry.learner == people[entry.address["participant"]]
    assert found.strangers == ()
    (absent,) = found.absent
    assert absent.name == ("" if kind == "blind" else "Nadia Nosub")
    if kind == "plain":
        by_id = {e.id: e.learner for e in found.entries}
        assert by_id["Ada Lovelace_7"] == ADA
        assert by_id["Anne Marie de la Cruz_2"].name == "Anne_Marie de la Cruz"
        assert by_id["Seán OBrien_4"].name == "Seán O'Brien"


def test_a_moodle_team_is_present_as_a_whole() -> None:
    found = find([MOODLE / "team-folders1.zip"], (), MOODLE / "team-worksheet.csv")
    assert {e.id: e.learner.group for e in found.entries} == {
        "Default group": "Default group",
        "Team A_1": "Team A",
        "Team B_2": "Team B",
    }
    assert (found.absent, found.strangers) == ((), ())


def test_the_worksheet_of_another_assignment_mixes_nobody_up(tmp_path: Path) -> None:
    """Its numbers belong to other people: names decide then, and two of one name are left open."""
    found = find([MOODLE / "plain-folders1.zip"], (), MOODLE / "workflow-worksheet.csv")
    by_id = {e.id: e.learner for e in found.entries}
    assert by_id["Ada Lovelace_7"].email == "s1@example.test"
    assert by_id["John Smith_3"].email == by_id["John Smith_8"].email == ""
    assert found.strangers == ("John Smith_3", "John Smith_8")
    assert [learner.name for learner in found.absent] == ["Nadia Nosub"]
    assert "not clear which is whose: John Smith" in found.told[-1]
    # Participant 7 is somebody else here:
    sheet = "Identifier,Full name\nParticipant 7,Bob Babbage\nParticipant 99,Ada Lovelace\n"
    found = find([MOODLE / "plain-folders1.zip"], (), listed(tmp_path, sheet))
    assert {e.id: e.learner.name for e in found.entries}["Ada Lovelace_7"] == "Ada Lovelace"
    assert {e.id: e.learner.id for e in found.entries}["Ada Lovelace_7"] == "99"
    assert [learner.name for learner in found.absent] == ["Bob Babbage"]


def test_a_participants_number_is_no_students_number(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"Participant_7_assignsubmission_file/hw.ipynb": WORK})
    found = find([path], (), listed(tmp_path, "Name,Student ID\nJane Doe,7\n"))
    assert found.strangers == ("Participant_7",)
    assert found.absent == (Learner("Jane Doe", "7"),)


def test_canvas_by_user_id_and_by_name(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip",
        {"doejane_43_8_hw.ipynb": WORK, "kimminsu_44_9_hw.ipynb": WORK, "leejin_45_10_hw.ipynb": WORK},
    )
    book = 'Student,ID,Section\n"Doe, Jane",43,A\n"Kim, Min-Su",,A\n"Park, Jin",45,A\n'
    found = find([path], (), listed(tmp_path, book))
    assert {e.id: e.learner.name for e in found.entries} == {
        "doejane_43": "Doe, Jane",
        "kimminsu_44": "Kim, Min-Su",
        "leejin_45": "leejin",  # the number is Jin Park's, the name is not
    }
    assert found.strangers == ("leejin_45",)
    assert found.absent == (Learner("Park, Jin", "45"),)


def test_gradescope_by_sid_and_the_whole_team_is_present(tmp_path: Path) -> None:
    metadata = (
        "submission_1:\n  :submitters:\n  - :name: Jane Doe\n    :sid: '2026001'\n"
        "  - :name: Bob Babbage\n    :sid: '2026002'\n    :email: bob@example.test\n"
        "  - :name: Cy Young\n    :sid: '2026003'\n"
    )
    members = {"submission_metadata.yml": metadata.encode(), "submission_1/hw.ipynb": WORK}
    book = (
        "Name,SID,Email\nJane Doe,2026001,jane@example.test\nB. Babbage,,BOB@example.test\n"
        "Cy Young,2026003,\nDi,2026004,\n"
    )
    found = find([zipped(tmp_path / "a.zip", members)], (), listed(tmp_path, book))
    (entry,) = found.entries
    assert entry.learner == Learner("Jane Doe", "2026001", "Jane Doe, Bob Babbage, Cy Young", "jane@example.test")
    assert [learner.name for learner in found.absent] == ["B. Babbage", "Di"]  # another name: not taken for Bob


ROSTER = (
    "Name,Student ID,Email\n김철수,20260001,kim@example.test\nJane Doe,20260002,jane@example.test\n"
    "John Smith,20260003,\nJohn Smith,20260004,\nBob Babbage,20260005,\n"
)


@pytest.mark.parametrize(
    ("folder", "id_"),
    [
        ("20260001", "20260001"),
        ("hw1_20260001_final", "20260001"),
        ("김철수", "20260001"),
        ("과제1-김 철수", "20260001"),
        ("jane@example.test", "20260002"),
        ("Jane_Doe", "20260002"),
        ("hw1 doe jane (2)", "20260002"),
        ("janedoe", "20260002"),
        ("John Smith", ""),
        ("20260003 John Smith", "20260003"),
        ("jane", ""),
        ("20260001 and 20260002", ""),
        ("2026000", ""),
    ],
)
def test_a_folders_name_tells_whose_it_is_only_when_it_is_clear(tmp_path: Path, folder: str, id_: str) -> None:
    found = joined(tmp_path, ROSTER, folder, "nobody")
    told = {e.path.rpartition("class/")[2].partition("/")[0]: e.learner.id for e in found.entries}
    assert told == {folder: id_, "nobody": ""}
    assert "nobody" in found.strangers
    absent = {learner.id for learner in found.absent}
    assert id_ not in absent
    if not id_ and folder not in ("jane", "2026000"):
        assert len(absent) == 3  # of two who may have handed it in, neither is said to have not
        assert "not clear" in found.told[-1]


def test_two_submissions_of_one_number_are_both_theirs(tmp_path: Path) -> None:
    found = joined(tmp_path, ROSTER, "20260001_v1", "20260001_v2", "Jane Doe v1", "Jane Doe v2")
    assert {e.id: e.learner.id for e in found.entries} == {
        "20260001_v1": "20260001",
        "20260001_v2": "20260001",
        "Jane Doe v1": "",
        "Jane Doe v2": "",
    }
    assert found.strangers == ("Jane Doe v1", "Jane Doe v2")


def test_a_large_class_is_joined_quickly(tmp_path: Path) -> None:
    people = [f"Person{n:04} Family{n % 97},2026{n:05}" for n in range(3000)]
    folder = unpacked(tmp_path / "class", {f"2026{n:05}.ipynb": b"{}" for n in range(0, 3000, 2)})
    found = find([folder], (), listed(tmp_path, "Name,SID\n" + "\n".join(people)))
    assert len(found.entries) == len(found.absent) == 1500
    assert found.strangers == ()
    assert found.told[-1].endswith("3000 learners, 1500 handed in nothing")
