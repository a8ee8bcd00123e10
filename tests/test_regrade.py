"""`grader regrade`, and the same from `grader grade` after a change: what is known is not run again."""

import csv
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from small_class import KINDS, SLUG, cells, hand_in, make_root, notebook

from grader import work
from grader.cli import main
from grader.commands import OK, USAGE
from grader.sandbox.pool import Zygote

CLASS = ("right", "sum", "raises", "half", "truncated")


class Room:
    """A graded class, with a note of every call that a sandbox was asked for since."""

    def __init__(self, folder: Path, asked: list[str]) -> None:
        self.folder, self.out, self.asked = folder, folder / "out", asked

    def grade(self, *args: str) -> int:
        paths = [str(self.folder / "class"), "-a", SLUG, "-o", str(self.out), "--dev-secret"]
        return main(["grade", *paths, *args])

    def regrade(self) -> int:
        return main(["regrade", str(self.out)])

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / "root" / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    @property
    def earned(self) -> dict[str, float]:
        with open(self.out / "grades.csv", encoding="utf-8-sig", newline="") as file:
            return {row["id"].partition("-")[2]: float(row["earned"]) for row in csv.DictReader(file)}


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numpy_sandbox: Zygote) -> Room:
    asked: list[str] = []

    class Noting:
        versions = numpy_sandbox.versions

        def run(self, program: Any, calls: Any, limits: Any, follow: Any = None) -> Any:
            if any(cell is not None for cell in program.cells):  # the references come from files
                asked.extend(call.id for call in calls)
            return numpy_sandbox.run(program, calls, limits)

        def close(self) -> None:
            pass

    make_root(tmp_path / "root")
    hand_in(tmp_path / "class", len(CLASS), CLASS)
    monkeypatch.setenv("GRADER_ROOT", str(tmp_path / "root"))
    monkeypatch.setattr(work, "open_for", lambda assignment, unsafe=False: Noting())
    room = Room(tmp_path, asked)
    assert room.grade() == OK
    assert room.earned == {kind: KINDS[kind].earned for kind in CLASS}
    assert asked
    asked.clear()
    return room


def test_new_points_are_applied_without_running_anybodys_code(room: Room) -> None:
    room.edit("rubric.yaml", "points: 40", "points: 30")
    assert room.regrade() == OK
    assert room.asked == []
    assert room.earned == {"right": 90, "sum": 60, "raises": 60, "half": 60, "truncated": 0}
    result = json.loads((room.out / "0000-right" / "result.json").read_text("utf-8"))
    assert (result["earned"], result["possible"]) == (90, 90)


def test_after_a_regrade_the_first_command_has_nothing_left_to_do(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    room.edit("rubric.yaml", "points: 40", "points: 30")
    assert room.regrade() == OK
    assert room.grade() == OK
    assert "5 of 5 already graded" in capsys.readouterr().err
    assert room.asked == []


def test_the_first_command_uses_what_is_known_as_well(room: Room) -> None:
    room.edit("rubric.yaml", "points: 40", "points: 30")
    assert room.grade() == OK
    assert room.asked == []
    assert room.earned["right"] == 90


def test_again_runs_everything(room: Room) -> None:
    assert room.grade("--again") == OK
    assert len(room.asked) > 5


def test_a_new_case_runs_and_nothing_else(room: Room) -> None:
    case = "      hidden: {inputs: {y: {normal: [5, 4]}"
    more = "      more: {inputs: {y: {normal: [2, 2]}, p: {normal: [2, 2]}}}\n"
    room.edit(f"assignments/{SLUG}/spec.yaml", case, more + case)
    assert room.regrade() == OK
    assert room.asked == ["squared_error/more"] * 3  # right, sum, raises
    assert room.earned["right"] == 100


def test_other_limits_run_everything(room: Room) -> None:
    room.edit(f"assignments/{SLUG}/spec.yaml", "wall_s: 2", "wall_s: 3")
    assert room.regrade() == OK
    assert "squared_error/typical" in room.asked


def test_a_twin_is_told_and_its_places_are_its_own(room: Room, capsys: pytest.CaptureFixture[str]) -> None:
    source = json.loads(notebook("raises", 7))["cells"]
    first, second, third = ("".join(cell["source"]) for cell in source)
    (room.folder / "class" / "one.ipynb").write_bytes(cells(first, second, third))
    (room.folder / "class" / "two.ipynb").write_bytes(cells("# mine", first, "\n\n# \n" + second, third))
    assert room.grade() == OK
    assert "1 programs were identical" in capsys.readouterr().err
    found = {}
    for name in ("one", "two"):
        checks = json.loads((room.out / name / "result.json").read_text("utf-8"))["checks"]
        found[name] = {(c["cell"], c["line"]) for c in checks if c["verdict"] == "error"}
    assert found == {"one": {(2, 1), (2, 3)}, "two": {(3, 4), (3, 6)}}
    with sqlite3.connect(room.out / "journal.sqlite") as journal:
        rows = {name: json.loads(row) for name, row in journal.execute("SELECT id, row FROM graded")}
    assert (rows["one"]["twin"], rows["two"]["twin"]) == ("", "one")
    room.edit("rubric.yaml", "points: 40", "points: 30")
    assert room.regrade() == OK
    with sqlite3.connect(room.out / "journal.sqlite") as journal:
        (row,) = journal.execute("SELECT row FROM graded WHERE id = 'two'").fetchone()
    assert json.loads(row)["twin"] == "one"
    text = (room.out / "two" / "feedback.md").read_text("utf-8") + (room.out / "two" / "feedback.html").read_text()
    assert not re.search(r"\bone\b\.ipynb|identical", text)  # whose program it was is nobody else's business


def test_what_was_never_graded_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regrade", str(tmp_path)]) == USAGE
    assert "no graded class here" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
