"""Receipts of a self-check: whoever changes one is found out, and nothing in one is trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_class import SLUG, notebook

from grader.cli import main
from grader.commands import MEND, OK, USAGE
from grader.learner import receipt

KEY = "ab" * 32


@pytest.fixture
def signed(tmp_path: Path, small_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A receipt for a notebook that has one mistake."""
    monkeypatch.setenv("GRADER_ROOT", str(small_root))
    monkeypatch.setenv("GRADER_SECRET", "the course's own")
    (tmp_path / "mine.ipynb").write_bytes(notebook("sum"))
    written = tmp_path / "receipt.json"
    assert main(["check", str(tmp_path / "mine.ipynb"), "--receipt", str(written)]) == MEND
    return written


def test_a_receipt_says_what_was_checked_and_is_verified(signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(signed.read_text("utf-8"))
    assert told["results"] == {"squared_error": "failed", "train_step": "passed"}
    assert told["assignment"]["slug"] == SLUG
    capsys.readouterr()
    assert main(["receipt", str(signed), "--notebook", str(signed.parent / "mine.ipynb")]) == OK
    shown = capsys.readouterr().out
    assert "squared_error: failed" in shown
    assert "signed with this course's kit" in shown
    assert "do not depend" in shown


@pytest.mark.parametrize(
    ("old", "new"),
    [('"failed"', '"passed"'), ('"grader": "0', '"grader": "9'), ("T", "U"), ('"sha256": "', '"sha256": "0')],
)
def test_a_changed_receipt_is_found_out(
    old: str, new: str, signed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = signed.read_text("utf-8")
    assert old in text
    signed.write_text(text.replace(old, new, 1), "utf-8")
    assert main(["receipt", str(signed)]) == MEND
    assert "NOT verified" in capsys.readouterr().out


def test_another_notebook_another_course_and_another_version_are_said(
    signed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (signed.parent / "other.ipynb").write_bytes(notebook("right"))
    assert main(["receipt", str(signed), "--notebook", str(signed.parent / "other.ipynb")]) == MEND
    assert "not the notebook" in capsys.readouterr().out
    told = json.loads(signed.read_text("utf-8"))
    told["assignment"]["version"] = "0"
    (signed.parent / "old.json").write_text(json.dumps(told), "utf-8")
    assert main(["receipt", str(signed.parent / "old.json")]) == MEND
    assert "another version" in capsys.readouterr().out
    monkeypatch.setenv("GRADER_SECRET", "of another course")
    assert main(["receipt", str(signed)]) == MEND
    assert "signature" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b'{"receipt": 1}',
        b'{"receipt": 2}',
        b"[" * 100_000,
        b'{"receipt":1,"results":[]}',
    ],
)
def test_what_is_no_receipt_is_refused(content: bytes) -> None:
    with pytest.raises(receipt.NoReceipt):
        receipt.read(content)


def test_a_receipt_names_no_file_to_read(signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(signed.read_text("utf-8"))
    told["assignment"]["slug"] = "../../etc"
    signed.write_text(json.dumps(told), "utf-8")
    assert main(["receipt", str(signed)]) == USAGE
    assert "no assignment here" in capsys.readouterr().err


def test_what_could_not_be_checked_gets_no_receipt(
    tmp_path: Path, small_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRADER_ROOT", str(small_root))
    (tmp_path / "mine.ipynb").write_bytes(notebook("truncated"))
    arguments = ["check", str(tmp_path / "mine.ipynb"), "-a", SLUG, "--receipt", str(tmp_path / "receipt.json")]
    assert main(arguments) == USAGE
    assert "nothing could be checked" in capsys.readouterr().err
    assert not (tmp_path / "receipt.json").exists()


def test_without_a_kit_there_is_nothing_to_sign_with(
    tmp_path: Path, small_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    shutil.copytree(small_root / "assignments", tmp_path / "assignments")
    monkeypatch.setenv("GRADER_ROOT", str(tmp_path))
    monkeypatch.delenv("GRADER_SECRET", raising=False)
    (tmp_path / "mine.ipynb").write_bytes(notebook("right"))
    assert main(["check", str(tmp_path / "mine.ipynb"), "--receipt", str(tmp_path / "receipt.json")]) == USAGE
    assert "kit of your course" in capsys.readouterr().err
