"""`grader export`: what of a class is exported, what is said, and what is never written."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from small_class import SLUG, hand_in

from grader.cli import main
from grader.commands import NOT_FINAL, OK, USAGE
from grader.commands.export import marks_in
from grader.journal import FILE


@pytest.fixture(scope="module")
def graded(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graded class of four."""
    folder = tmp_path_factory.mktemp("class")
    hand_in(folder / "hand", 4, ("right", "sum", "blank", "empty"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_ROOT", str(small_root))
        assert main(["grade", str(folder / "hand"), "-a", SLUG, "-o", str(folder / "out"), "--dev-secret"]) == OK
    return folder / "out"


def changed(graded: Path, tmp_path: Path, *statements: str) -> Path:
    """A copy of the journal with these changes."""
    out = tmp_path / "out"
    out.mkdir()
    (out / FILE).write_bytes((graded / FILE).read_bytes())
    with sqlite3.connect(out / FILE) as db:
        for statement in statements:
            db.execute(statement)
    db.close()
    return out


def test_marks_are_those_of_the_class(graded: Path) -> None:
    marks = marks_in(graded)
    assert [(mark.id, mark.earned) for mark in marks.marks] == [
        ("0000-right", 100),
        ("0001-sum", 60),
        ("0002-blank", 0),
        ("0003-empty", 0),
    ]
    assert marks.about.slug == SLUG
    wrong = marks.marks[1].parts[0]
    assert "value differs" in wrong.details[0]
    assert marks.marks[1].files["feedback.html"].is_file()
    assert marks.marks[3].remarks  # why it could not be read
    assert all(mark.graded_at > 1.7e9 for mark in marks.marks)


def test_every_submission_gets_a_reply(graded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(graded), "--format", "gradescope", "-t", str(tmp_path / "to")]) == OK
    written = sorted(path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*.json"))
    assert written == [f"{mark.id}/results.json" for mark in marks_in(graded).marks]
    assert "results.json" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(graded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["export", str(graded), "--format", "junit", "-t", str(tmp_path / "to"), "--dry-run"]
    assert main(arguments) == OK
    assert "nothing was written" in capsys.readouterr().err
    assert main([*arguments, "--json"]) == OK
    assert json.loads(capsys.readouterr().out)["written"] is False
    assert not (tmp_path / "to").exists()


def test_what_is_not_final_is_named_and_has_no_number(
    graded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = changed(
        graded,
        tmp_path,
        "UPDATE graded SET final = 0, row = json_set(row, '$.final', json('false')) WHERE id LIKE '%sum'",
    )
    assert main(["export", str(out), "--format", "nbgrader"]) == NOT_FINAL
    assert "not final, so not exported as a grade: 0001-sum" in capsys.readouterr().err
    assert "60" not in "".join(path.read_text("utf-8-sig") for path in (out / "export").rglob("*.csv"))
    assert marks_in(out).marks[1].earned is None


def test_only_the_class_of_the_last_run_is_exported(graded: Path, tmp_path: Path) -> None:
    out = changed(
        graded,
        tmp_path,
        "UPDATE run SET value = json_remove(value, '$.\"0001-sum\"') WHERE key = 'addresses'",
    )
    assert [mark.id for mark in marks_in(out).marks] == ["0000-right", "0002-blank", "0003-empty"]


def test_a_run_that_did_not_finish_is_said(
    graded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marks_in(changed(graded, tmp_path, "UPDATE run SET value = 'null' WHERE key = 'finished'"))
    assert "did not finish" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM run WHERE key = 'addresses'", "grade it again"),
        ("DELETE FROM graded", "nothing has been graded"),
    ],
)
def test_what_cannot_be_exported_is_said(
    statement: str, told: str, graded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = changed(graded, tmp_path, statement)
    assert main(["export", str(out), "--format", "junit"]) == USAGE
    assert told in capsys.readouterr().err


def test_a_damaged_result_is_said_with_the_mend(
    graded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = changed(graded, tmp_path)
    (out / "0000-right").mkdir()
    (out / "0000-right" / "result.json").write_text("{", "utf-8")
    assert main(["export", str(out), "--format", "junit"]) == USAGE
    assert "--again" in capsys.readouterr().err


def test_a_folder_that_holds_no_class_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path), "--format", "junit"]) == USAGE
    assert "grader grade -o" in capsys.readouterr().err
