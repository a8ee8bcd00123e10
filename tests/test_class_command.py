"""`grader grade` on a class as a learning system exports it: what is said, written, joined, left nameless."""

import csv
import json
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from drill import _rows as recorded
from small_class import SLUG, hand_in, make_root, notebook

from grader import work
from grader.cli import main
from grader.commands import OK
from grader.sandbox.pool import Zygote

ROSTER = """Identifier,Full name,Email address,Grade
Participant 7,Ada Lovelace,ada@example.org,
Participant 8,김철수,kim@example.org,
Participant 9,No Submission,none@example.org,
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numpy_sandbox: Zygote) -> Path:
    class Shared:
        versions = numpy_sandbox.versions

        def run(self, *args: Any, **more: Any) -> Any:
            return numpy_sandbox.run(*args, **more)

        def close(self) -> None:
            pass

    monkeypatch.setattr(work, "open_for", lambda assignment, unsafe=False: Shared())
    monkeypatch.setenv("GRADER_ROOT", str(tmp_path / "root"))
    return make_root(tmp_path / "root")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """As Moodle exports it, a folder each."""
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Ada Lovelace_7_assignsubmission_file/Ada final.ipynb", notebook("right"))
        archive.writestr("Ada Lovelace_7_assignsubmission_file/notes of Ada.txt", "x")
        archive.writestr("김철수_8_assignsubmission_file/hw1.ipynb", notebook("sum"))
        archive.writestr("김철수_8_assignsubmission_file/draft.ipynb", notebook("blank"))
        archive.writestr("Quentin_10_assignsubmission_file/report.pdf", "x")
    return path


def grade(out: Path, *args: object) -> int:
    return main(["grade", *map(str, args), "-a", SLUG, "-o", str(out), "--dev-secret"])


def rows(out: Path, encoding: str = "utf-8-sig") -> dict[str, dict[str, str]]:
    with open(out / "grades.csv", encoding=encoding, newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_an_export_with_a_roster(
    root: Path, export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "roster.csv").write_text(ROSTER, "utf-8-sig")
    out = tmp_path / "out"
    assert grade(out, export, "--roster", tmp_path / "roster.csv") == OK
    told = capsys.readouterr().err
    assert re.search(r"Moodle.*3 submissions.*1 empty", told)
    found = rows(out)
    by_name = {row["name"]: row for row in found.values()}
    assert (by_name["Ada Lovelace"]["earned"], by_name["Ada Lovelace"]["email"]) == ("100", "ada@example.org")
    assert by_name["김철수"]["earned"] == "60"
    assert by_name["Quentin"]["earned"] == "0"
    assert "Quentin" in told.rpartition("not on the roster")[2]
    with open(out / "nothing_handed_in.csv", encoding="utf-8-sig", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["No Submission"]
    left = (out / "left_out.csv").read_text("utf-8-sig")
    assert "notes of Ada.txt" in left
    page = (out / "index.html").read_text("utf-8")
    assert "No Submission" in page
    assert "hw1.ipynb" in (out / by_name["김철수"]["id"] / "feedback.md").read_text("utf-8")


def test_a_roster_that_comes_later_is_joined_without_running_anything(
    root: Path, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert grade(out, export) == OK
    assert {row["email"] for row in rows(out).values()} == {""}

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was run")

    monkeypatch.setattr(Zygote, "run", refuse)
    (tmp_path / "roster.csv").write_text(ROSTER, "utf-8")
    assert grade(out, export, "--roster", tmp_path / "roster.csv") == OK
    assert {row["email"] for row in rows(out).values()} == {"ada@example.org", "kim@example.org", ""}


def test_without_names_no_name_is_left_anywhere_but_in_the_key(root: Path, export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert grade(out, export, "--anonymous") == OK
    key = out / "names.csv"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with open(key, encoding="utf-8-sig", newline="") as file:
        who = {row["name"]: row["id"] for row in csv.DictReader(file)}
    assert rows(out)[who["Ada Lovelace"]]["earned"] == "100"
    names = ("Ada", "Lovelace", "김철수", "Quentin", "download.zip")
    for path in out.rglob("*"):
        assert not any(name in path.name for name in names), path
        if path.is_file() and path != key:
            content = path.read_bytes()
            assert not any(name.encode() in content for name in names), path
    assert grade(out, export, "--anonymous", "--again") == OK
    assert sorted(rows(out)) == sorted(who.values())


def test_the_byte_order_mark_is_an_option(root: Path, tmp_path: Path) -> None:
    (tmp_path / "kim.ipynb").write_bytes(notebook("right"))
    assert grade(tmp_path / "out", tmp_path / "kim.ipynb", "--no-bom") == OK
    assert (tmp_path / "out" / "grades.csv").read_bytes().startswith(b"id,")


def test_a_report_that_fails_costs_one_grade_its_being_final_and_nobody_else_anything(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(tmp_path / "class", 4, ("right", "sum"))
    real = work.to_markdown

    def failing(graded: Any, *args: Any) -> str:
        if graded.submission.id == "0001-sum":
            raise ZeroDivisionError("ours")
        return real(graded, *args)

    monkeypatch.setattr(work, "to_markdown", failing)
    assert grade(tmp_path / "out", tmp_path / "class") == 3
    found = rows(tmp_path / "out")
    assert [found[name]["final"] for name in sorted(found)] == ["true", "false", "true", "true"]
    assert found["0001-sum"]["earned"] == ""


def test_sigterm_is_like_ctrl_c(root: Path, tmp_path: Path) -> None:
    hand_in(tmp_path / "class", 60)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "grader.cli", "grade", str(tmp_path / "class"), "-a", SLUG, "-o", str(out)]
    process = subprocess.Popen([*command, "--dev-secret", "-j", "1"], stderr=subprocess.PIPE, text=True)
    while len(recorded(out)) < 3 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from here" in told
    assert "was stopped" in (out / "index.html").read_text("utf-8")
    assert len(rows(out)) == len(recorded(out)) >= 3


def test_a_class_graded_twice_tells_no_difference_and_a_slip_is_told(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_in(tmp_path / "class", 3, ("right",))
    assert grade(tmp_path / "one", tmp_path / "class") == OK
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert main(["diff", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    (tmp_path / "class" / "0001-right.ipynb").write_bytes(notebook("sum", 1))
    assert grade(tmp_path / "two", tmp_path / "class") == OK
    capsys.readouterr()
    assert main(["diff", str(tmp_path / "one"), str(tmp_path / "two"), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert "0001-right" in json.dumps(told)
    assert "0000-right" not in json.dumps(told)
    assert main(["status", str(tmp_path / "two")]) == 0
    assert "3 of 3" in capsys.readouterr().out
