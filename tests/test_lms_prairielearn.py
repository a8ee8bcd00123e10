"""PrairieLearn: `results.json`, read by a model of its server. The model agrees with what the real one did."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from importers import prairielearn as importer
from lms_class import mark
from packaged import NO_PYTHON, answers, environment, hand_in, started, unpacked
from replies import SAMPLES, differing, golden, unreadable, with_parts, without_anything

from grader.i18n import translator
from grader.lms import prairielearn

GOLDEN = golden("prairielearn")


def test_what_is_written_is_what_was_written() -> None:
    """After a change that is meant: python tests/renew_lms.py prairielearn"""
    assert differing("prairielearn", GOLDEN) == []


def processed(content: bytes) -> importer.Recorded:
    return importer.processed(importer.host(content))


# ---------------------------------------------------------------- the model, by files that the real server read


@pytest.mark.parametrize(
    ("name", "gradable", "score"),
    [
        ("good", True, 0.725),
        ("percent", True, 72.5),  # taken as it is by this step: shown as 7250 %
        ("nan", False, 0.0),
        ("score-string", False, 0.0),
    ],
)
def test_the_model_reads_samples_as_the_server_did(name: str, gradable: bool, score: float) -> None:
    made = importer.made(importer.host((SAMPLES / "prairielearn" / f"{name}.json").read_bytes()))
    assert (made.gradable, made.score) == (gradable, score)


def test_the_model_knows_the_steps_after() -> None:
    percent = processed((SAMPLES / "prairielearn" / "percent.json").read_bytes())
    assert (percent.gradable, percent.why) == (False, "score is out of range")
    refused = processed((SAMPLES / "prairielearn" / "ungradable.json").read_bytes())
    assert (refused.gradable, refused.why, refused.format_errors) == (False, "", ("no notebook found",))
    assert "�" in importer.page(processed((SAMPLES / "prairielearn" / "good.json").read_bytes()))


@pytest.mark.parametrize("content", [b"{", b'{"score": true}', b"x" * (1024 * 1024 + 1), b'{"score": -0.1}'])
def test_the_model_refuses(content: bytes) -> None:
    assert not processed(content).gradable


def test_nothing_is_read_after_another_exit_status() -> None:
    assert not importer.processed(importer.host(b'{"score": 1}', exit_code=1)).gradable
    assert importer.processed(importer.host(b"{}")).score == 0


def test_the_model_tells_a_box_without_points() -> None:
    bare = b'{"score": 1, "tests": [{"name": "a", "points": 1, "max_points": 1}, {"name": "b", "points": 1}]}'
    with pytest.raises(AssertionError, match="takes them from all"):
        importer.page(processed(bare))


# ---------------------------------------------------------------- the adapter


def results(one: prairielearn.Mark) -> dict[str, object]:
    answer = prairielearn.reply(one)
    assert (answer.exit_code, answer.stdout) == (0, b"")
    told: dict[str, object] = json.loads(answer.files["results.json"])
    return told


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_without_a_grade_no_attempt_is_counted(lang: str) -> None:
    for one in (mark("not_final"), without_anything(), replace(mark("full"), earned=float("nan"))):
        told = results(replace(one, about=replace(one.about, lang=lang)))
        assert told["gradable"] is False
        assert "score" not in told
        assert "tests" not in told
        assert told["format_errors"] == [prairielearn.no_grade(lang)]
    assert translator("ko")(prairielearn.no_grade("en")) != prairielearn.no_grade("en")


def test_a_hand_in_that_cannot_be_read_costs_no_attempt_and_is_told_why() -> None:
    told = results(unreadable())
    assert told["gradable"] is False
    assert told["format_errors"] == [*unreadable().remarks]


def test_an_exercise_left_blank_is_a_zero_like_any_other() -> None:
    told = results(mark("zero"))
    assert (told["gradable"], told["score"]) == (True, 0.0)


def test_every_box_has_both_numbers_and_never_too_many() -> None:
    for kind in ("full", "partial", "third", "extra", "long", "attack"):
        tests = results(mark(kind))["tests"]
        assert isinstance(tests, list)
        assert [test["max_points"] for test in tests] == [40, 60]
        assert all(0 <= test["points"] <= test["max_points"] for test in tests)
    boxes = results(mark("extra"))["tests"]
    assert isinstance(boxes, list)
    assert "52 / 40" in boxes[0]["description"]  # cut to the maximum, and said
    assert "description" not in boxes[1]


def test_a_file_that_would_be_refused_for_its_size_is_cut_and_says_so() -> None:
    content = prairielearn.reply(with_parts(40, "값이 다릅니다 " * 5_000, 0.5)).files["results.json"]
    assert 100_000 < len(content) <= importer.MOST_BYTES
    recorded = processed(content)
    assert (recorded.gradable, recorded.score) == (True, 0.5)
    assert importer.page(recorded).count("cut here") == 40


# ---------------------------------------------------------------- the package, as PrairieLearn lays it out


def graded(folder: Path, *kinds: str, python: str = "") -> importer.Recorded:
    """The question's tests/ and the hand-in below one folder; the entry point is made executable and started."""
    course = unpacked("prairielearn", folder / "course")
    grade = folder / "grade"
    (grade / "student").mkdir(parents=True)
    (course / "questions" / "small" / "tests").rename(grade / "tests")
    for kind in kinds:
        hand_in(grade / "student", kind)
    entry = grade / "tests" / "entrypoint.sh"
    entry.chmod(entry.stat().st_mode | 0o111)
    ended = started([str(entry)], Path("/"), environment(python) if python else environment())
    results = grade / "results" / "results.json"
    return importer.processed(importer.host(results.read_bytes() if results.is_file() else None, ended.returncode))


@pytest.mark.parametrize(("kind", "share"), [("right", 1.0), ("sum", 0.6), ("blank", 0.0), ("exits", 0.6)])
def test_a_question_grades_what_is_uploaded(kind: str, share: float, tmp_path: Path) -> None:
    recorded = graded(tmp_path, kind)
    assert (recorded.gradable, recorded.score) == (True, share)
    assert "Q1" in importer.page(recorded)


def test_an_upload_without_a_notebook_is_not_gradable(tmp_path: Path) -> None:
    recorded = graded(tmp_path)
    assert (recorded.gradable, recorded.why) == (False, "")
    assert recorded.format_errors


def test_a_container_that_cannot_start_the_grader_is_not_gradable(tmp_path: Path) -> None:
    recorded = graded(tmp_path, "right", python=NO_PYTHON)
    assert (recorded.gradable, recorded.why) == (False, "the container failed")


def test_the_image_holds_no_answers_and_the_question_says_what_it_needs(tmp_path: Path) -> None:
    course = unpacked("prairielearn", tmp_path)
    assert answers(course / "image") == []
    assert answers(course / "questions")  # so the check above can fail
    assert (course / "image" / "Dockerfile").read_text().splitlines()[1].startswith("FROM python:3.")
    info = json.loads((course / "questions" / "small" / "info.json").read_text("utf-8"))
    options = info["externalGradingOptions"]
    assert uuid.UUID(info["uuid"])
    assert info["gradingMethod"] == "External"
    assert (options["timeout"], options["enableNetworking"]) == (600, False)
    entry = (course / "questions" / "small" / "tests" / Path(options["entrypoint"]).name).read_text()
    assert "GRADER_SECONDS:-560" in entry  # told before it is stopped
    page = (course / "questions" / "small" / "question.html").read_text("utf-8")
    assert 'file-names="small.ipynb"' in page
