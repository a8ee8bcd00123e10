"""nbgrader: the file that `nbgrader export` would write, and the model that it is read with."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from importers.nbgrader import read, score
from lms_class import KINDS, a_class
from small_class import SLUG, notebook

from grader.cli import main
from grader.commands import OK
from grader.lms import nbgrader
from grader.lms.records import Mark, Refused, Request
from grader.types import Learner

HERE = Path(__file__).parent
SAMPLES = HERE / "samples_lms" / "nbgrader"  # written by nbgrader 0.9.6


def the_class() -> bytes:
    return nbgrader.encode(a_class(), Request()).files[nbgrader.FILE]


# After a change that is meant: `python tests/renew_lms.py nbgrader`, then read the difference.
GOLDEN: dict[str, Callable[[], bytes]] = {"grades.csv": the_class}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str) -> None:
    golden = HERE / "golden" / "lms" / "nbgrader" / name
    assert GOLDEN[name]().decode() == golden.read_bytes().decode()


def row(mark: Mark, maximum: float | None = None) -> dict[str, str]:
    made = nbgrader.encode(replace(a_class("full"), marks=(mark,)), Request(maximum=maximum))
    (found,) = read(made.files[nbgrader.FILE]).values()
    return dict(found)


def test_it_is_what_nbgrader_itself_writes() -> None:
    """The same grade, out of the real one."""
    learner = Learner("Ada Lovelace", "s1")
    mark = replace(KINDS["full"], earned=11.5, possible=15.0, learner=learner, address={"assignment": "hw1"})
    made = nbgrader.encode(replace(a_class("full"), marks=(mark,)), Request())
    assert made.files[nbgrader.FILE] == (SAMPLES / "grades.csv").read_bytes()


def test_a_comma_in_a_name_shifts_no_column() -> None:
    """nbgrader itself does not quote; its own file cannot be read back."""
    with pytest.raises(AssertionError, match="more cells than columns"):
        read((SAMPLES / "grades-with-a-comma.csv").read_bytes())
    found = row(replace(KINDS["full"], learner=Learner('Doe "D", Jr., Jane', "s2", "", "jane@example.test")))
    assert (found["last_name"], found["first_name"]) == ('Doe "D"', "Jr., Jane")
    assert (found["student_id"], found["score"]) == ("s2", "100.0")


@pytest.mark.parametrize(
    ("name", "last", "first"),
    [
        ("Doe, Jane", "Doe", "Jane"),
        ("Jane Doe", "Doe", "Jane"),
        ("김하늘", "김", "하늘"),
        ("김 하늘", "김", "하늘"),
        ("남궁민수", "남궁", "민수"),
        ("하늘 김", "김", "하늘"),
        ("남궁 민수", "남궁", "민수"),
        ("하늘 바다", "", ""),
        ("小龙 李", "李", "小龙"),
        ("Anne Marie de la Cruz", "", ""),
        ("doejane", "", ""),
        ("", "", ""),
    ],
)
def test_names_are_split_where_that_is_clear(name: str, last: str, first: str) -> None:
    found = row(replace(KINDS["full"], learner=Learner(name, "s1")))
    assert (found["last_name"], found["first_name"]) == (last, first)


@pytest.mark.parametrize(
    ("address", "learner", "student"),
    [
        ({"system": "nbgrader", "student": "kim", "assignment": "hw1"}, Learner("", "20260001"), "kim"),
        ({}, Learner("", "20260001"), "20260001"),
        ({}, Learner(), "ada"),
    ],
)
def test_the_student_id_is_nbgraders_then_the_rosters_then_ours(
    address: dict[str, str], learner: Learner, student: str
) -> None:
    found = row(replace(KINDS["full"], learner=learner, address=address))
    assert found["student_id"] == student
    assert found["assignment"] == address.get("assignment", "distillation_tf")


def test_scores_are_scaled_and_cut_to_the_maximum() -> None:
    assert [row(KINDS["third"], 10)[name] for name in ("raw_score", "score", "max_score")] == [
        "3.33333", "3.33333", "10.0",
    ]  # fmt: skip
    assert row(KINDS["extra"])["score"] == "100.0"
    made = nbgrader.encode(a_class("extra"), Request())
    assert made.changes[0].note == "cut to the maximum, from 112 points"


def test_not_final_has_no_row() -> None:
    made = nbgrader.encode(a_class("not_final", "full"), Request())
    assert list(read(made.files[nbgrader.FILE])) == ["1"]
    assert made.changes[0].note == "not final: no row"
    assert KINDS["not_final"].id not in made.files[nbgrader.FILE].decode()


def test_nothing_opens_as_a_formula() -> None:
    learner = Learner("=cmd()", "-1+1", "", "@x")
    found = row(replace(KINDS["full"], learner=learner))
    assert (found["student_id"], found["email"]) == ("'-1+1", "'@x")
    made = nbgrader.encode(a_class("formula", "full"), Request())
    names = [line["last_name"] for line in read(made.files[nbgrader.FILE]).values()]
    assert not any(name.startswith("=") for name in names)
    spaced = replace(KINDS["full"], learner=Learner("=1, +2", "s1"))
    assert row(spaced)["last_name"] == "'=1"
    assert row(spaced)["first_name"] == "'+2"
    told = nbgrader.encode(replace(a_class("full"), marks=(spaced,)), Request()).told
    assert told[-1].endswith("of: ada")


def test_there_is_no_sheet_to_fill_in() -> None:
    for request in (Request(b"x"), Request(sheet_name="x.csv"), Request(column="hw1")):
        with pytest.raises(Refused, match="leave out"):
            nbgrader.encode(a_class("full"), request)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("student_id,score\n1,2\n", "first line is not nbgrader's"),
        ("hw1,,,s1,A,B,,1.0,0.0,1.0\n", "fewer cells"),
        ("hw1,,,s1,A,B,,1.0,0.0,1.0,2.0,x\n", "more cells"),
        ("hw1,,,s1,A,B,,1.0,0.0,1.0,2.0\nhw1,,,s1,A,B,,1.0,0.0,1.0,2.0\n", "two rows of s1"),
    ],
)
def test_model_what_a_reader_would_garble(text: str, complaint: str) -> None:
    header = "" if text.startswith("student_id") else ",".join(nbgrader.COLUMNS) + "\n"
    with pytest.raises(AssertionError, match=complaint):
        read((header + text).encode())


def test_model_a_score_above_the_maximum_is_noticed() -> None:
    good = {"score": "2.0", "raw_score": "2.0", "late_submission_penalty": "0.0", "max_score": "4.0"}
    assert score(good) == 0.5
    for wrong in ({"score": "5.0", "raw_score": "5.0"}, {"raw_score": "3.0"}):
        with pytest.raises(AssertionError):
            score(good | wrong)


def test_round_trip(small_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """nbgrader's submitted folder is graded and exported: everybody has the mark of grades.csv."""
    monkeypatch.setenv("GRADER_ROOT", str(small_root))
    kinds = {"kim": "right", "lee": "sum", "park": "half", "choi": "blank"}
    for student, kind in kinds.items():
        folder = tmp_path / "submitted" / student / "hw1"
        folder.mkdir(parents=True)
        (folder / "p1.ipynb").write_bytes(notebook(kind, student))
        (folder / "timestamp.txt").write_text("2026-02-02 14:58:23.948203 America/Los_Angeles")
    out = tmp_path / "out"
    assert main(["grade", str(tmp_path / "submitted"), "-a", SLUG, "-o", str(out), "--dev-secret"]) == OK
    assert main(["export", str(out), "--format", "nbgrader", "--max", "20"]) == OK
    found = read((out / "export" / "nbgrader" / nbgrader.FILE).read_bytes())
    rows = list(csv.DictReader((out / "grades.csv").read_text("utf-8-sig").splitlines()))
    assert {row["learner"]: float(row["earned"]) / 5 for row in rows} == {
        student: float(own["score"]) for student, own in found.items()
    }
    assert {own["assignment"] for own in found.values()} == {"hw1"}
    assert {student: score(own) for student, own in found.items()} == {
        "kim": 1,
        "lee": 0.6,
        "park": 0.6,
        "choi": 0,
    }
