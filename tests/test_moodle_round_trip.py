"""A download of Moodle -> `grader grade` -> `grader export` -> Moodle: everybody gets the mark of grades.csv."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from importers.moodle import NOON, shown, told_counts
from moodle_class import downloaded, the_root
from moodle_samples import KINDS, sheet, site
from small_class import SLUG, make_root

from grader.cli import main


@pytest.fixture(scope="module", autouse=True)
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The root of the small assignment, named for this module's commands."""
    with the_root(make_root(tmp_path_factory.mktemp("class") / "root")):
        yield


@pytest.mark.parametrize(
    ("kind", "folders", "more"),
    [
        *((kind, 1, ()) for kind in KINDS),
        ("plain", 0, ("--anonymous",)),
        ("workflow", 0, ("--roster", "SHEET")),
        ("team", 0, ("--lang", "ko")),
    ],
)
def test_everybody_gets_their_mark(
    kind: str, folders: int, more: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, due = downloaded(kind, folders, tmp_path)
    given = tmp_path / f"Grades-{kind}.csv"
    given.write_bytes(sheet(kind))
    out = tmp_path / "out"
    more = tuple(str(given) if word == "SHEET" else word for word in more)
    assert main(["grade", str(path), "-a", SLUG, "-o", str(out), "--dev-secret", *more]) == 0
    capsys.readouterr()
    assert main(["export", str(out), "--format", "moodle", "--sheet", str(given), "--dry-run", "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    assert not (out / "export").exists()
    assert main(["export", str(out), "--format", "moodle", "--sheet", str(given)]) == 0

    there = site(kind)
    filled, files = (
        out / "export" / "moodle" / f"1-Grades-{kind}.csv",
        out / "export" / "moodle" / "2-feedback-files.zip",
    )
    assert there.upload_worksheet(filled.read_bytes(), NOON) == told_counts(tuple(before["told"]))
    users = there.upload_zip(files.read_bytes(), NOON + 60)
    assert f'"Users with updated feedback: {users}"' in before["told"][-1]

    grades = {
        row["id"]: float(row["earned"]) for row in csv.DictReader((out / "grades.csv").open(encoding="utf-8-sig"))
    }
    if "--anonymous" in more:
        masked = csv.DictReader((out / "names.csv").open(encoding="utf-8-sig"))
        grades = {row["submission"]: grades[row["id"]] for row in masked}
    assert grades == due
    graded = 0
    for person in there.people:
        folder = there.folder(person)
        if folder not in due or not (person.submitted or kind == "team"):
            assert (person.grade, person.comment, person.files) == (None, "", {})
            continue
        graded += 1
        assert person.grade == due[folder], person
        first = shown(person.comment).split("\n")[0]
        assert f": {person.grade:g} of 100 points" in first or "100점" in first
        assert list(person.files) == ([] if folder == "Default group" else ["feedback.html"])
    assert graded == (9 if kind == "team" else 8)
