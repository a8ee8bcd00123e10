"""Coursera: feedback.json, against the check of Coursera's own tool."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from importers.coursera import read
from lms_class import KINDS
from packaged import NO_PYTHON, environment, hand_in, small_payload, started, unpacked
from stub_python import stub

from grader.lms import coursera
from grader.lms.comment import comment
from grader.lms.records import Reply, Request

GOLDEN = {
    "feedback.json": lambda: coursera.reply(KINDS["partial"]).files["feedback.json"],
    "htmlFeedback.html": lambda: coursera.reply(KINDS["korean"]).files["htmlFeedback.html"],
}  # renew: python tests/renew_lms.py coursera
FILES = Path(__file__).parent / "golden" / "lms" / "coursera"


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_are_these(name: str) -> None:
    assert GOLDEN[name]() == (FILES / name).read_bytes()


def test_what_is_not_final_leaves_no_grade_and_fails() -> None:
    told = coursera.reply(KINDS["not_final"])
    assert (told.files, told.stdout, told.exit_code) == ({}, b"", 3)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "not_final"])
def test_the_score_is_a_number_even_where_it_is_whole(kind: str) -> None:
    told = coursera.reply(KINDS[kind])
    score = json.loads(told.files["feedback.json"])["fractionalScore"]
    assert type(score) in (int, float)
    assert 0 <= score <= 1
    assert told.exit_code == 0


def test_the_last_line_of_the_output_is_the_same() -> None:
    told = coursera.reply(KINDS["korean"])
    (line,) = told.stdout.decode().splitlines()
    assert json.loads(line) == json.loads(told.files["feedback.json"])


def test_page_and_feedback_say_the_same() -> None:
    mark = KINDS["attack"]
    told = coursera.reply(mark)
    assert json.loads(told.files["feedback.json"])["feedback"] == comment(mark)
    assert comment(mark) in (read(told).comment or "")


def test_marks_that_are_worth_nothing_are_no_grade() -> None:
    assert coursera.reply(replace(KINDS["full"], possible=0.0)).exit_code == 3


@pytest.mark.parametrize(
    ("told", "why"),
    [({"fractionalScore": True, "feedback": ""}, "decimal"), ({"fractionalScore": "1", "feedback": ""}, "decimal"),
     ({"fractionalScore": 72.5, "feedback": ""}, "from 0 to 1"), ({"fractionalScore": 0.5}, "feedback")],
)  # fmt: skip
def test_the_model_refuses_what_coursera_refuses(told: dict[str, object], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        read(Reply({"feedback.json": json.dumps(told).encode()}))


def test_the_model_takes_a_missing_file_for_a_broken_grader_and_a_failure_for_no_grade() -> None:
    with pytest.raises(AssertionError, match=r"no feedback\.json"):
        read(Reply())
    assert read(Reply(exit_code=1)).share is None


# ---------------------------------------------------------------- the package, as the image lays it out


def container(folder: Path, *kinds: str, seconds: str = "100", python: str = "") -> Reply:
    """The entry point of the image, with a submission in /shared. What is left there, and the exit status."""
    grader, shared = unpacked("coursera", folder / "grader"), folder / "shared"
    (shared / "submission").mkdir(parents=True)
    for kind in kinds:
        hand_in(shared / "submission", kind)
    told = dict(environment(python) if python else environment(), SHARED_FOLDER=str(shared))
    ended = started(["bash", str(grader / "grade.sh")], Path("/"), told | {"GRADER_SECONDS": seconds})
    files = {path.name: path.read_bytes() for path in shared.iterdir() if path.is_file()}
    return Reply(files, ended.stdout, ended.returncode)


@pytest.mark.parametrize(("kind", "share"), [("right", 1.0), ("sum", 0.6), ("truncated", 0.0), ("exits", 0.6)])
def test_a_container_grades_a_submission(kind: str, share: float, tmp_path: Path) -> None:
    told = container(tmp_path, kind)
    assert read(told).share == share
    assert json.loads(told.stdout.splitlines()[-1])["fractionalScore"] == share


def test_a_submission_without_a_notebook_gets_zero_and_is_told(tmp_path: Path) -> None:
    recorded = read(container(tmp_path))
    assert recorded.share == 0.0
    assert "notebook" in (recorded.comment or "")


@pytest.mark.parametrize("more", [{"seconds": "0.1"}, {"python": NO_PYTHON}])
def test_a_container_that_does_not_come_to_an_end_leaves_no_grade(more: dict[str, str], tmp_path: Path) -> None:
    told = container(tmp_path, "right", **more)
    assert told.exit_code != 0
    assert told.files == {}


@pytest.mark.parametrize(("status", "name"), [(3, "feedback.json"), (0, "")])
def test_an_earlier_reply_or_none_is_no_grade(status: int, name: str, tmp_path: Path) -> None:
    python = stub(tmp_path / "stub", status, name, '{"fractionalScore": 1, "feedback": ""}')
    told = container(tmp_path, "right", python=str(python))
    assert told.exit_code == (status or 1)
    assert told.files == {}


def test_the_image_is_built_from_what_is_in_the_zip(tmp_path: Path) -> None:
    folder = unpacked("coursera", tmp_path)
    text = (folder / "Dockerfile").read_text()
    assert "FROM python:3." in text
    copied = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ")]
    assert all((folder / name).exists() for names in copied for name in names)


def test_the_tool_is_told_numbers_that_coursera_has() -> None:
    told = " ".join(coursera.package(small_payload(), Request()).told)
    assert "--grader-memory-limit 8192 --grading-timeout 1200" in told
    assert "expected answers of the hidden cases are not in it" in told
    warm = {**small_payload(), ".grader/cache/small-0.npz": b""}
    assert "expected answers" not in " ".join(coursera.package(warm, Request()).told)
