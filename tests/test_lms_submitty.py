"""Submitty: `validation_results.json`, read by a model of its validator."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from importers import submitty as importer
from lms_class import mark
from packaged import NO_PYTHON, environment, hand_in, started, unpacked
from replies import differing, golden, unreadable, with_parts, without_anything

from grader.lms import submitty
from grader.lms.records import Mark

GOLDEN = golden("submitty")


def test_what_is_written_is_what_was_written() -> None:
    """After a change that is meant: python tests/renew_lms.py submitty"""
    assert differing("submitty", GOLDEN) == []


def checked(one: Mark) -> importer.Checked:
    return importer.packed(importer.read(submitty.reply(one).files["validation_results.json"]))


# ---------------------------------------------------------------- the model


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"data": {"score": 1}}',
        '{"status": "success"}',
        '{"status": "success", "data": {"score": "1"}}',
        '{"status": "success", "data": {"score": true}}',
        '{"status": "success", "data": {"score": NaN}}',
        '{"status": "fail", "data": {"score": 1}}',
    ],
)
def test_the_model_gives_no_points_for_what_it_cannot_read(content: str) -> None:
    read = importer.read(content.encode())
    assert read.score == 0
    assert read.messages[0][1].startswith("ERROR")


@pytest.mark.parametrize(("score", "kept"), [(1.5, 1), (-1, 0), (0.29, 0.29)])
def test_the_model_clamps(score: float, kept: float) -> None:
    read = importer.read(json.dumps({"status": "success", "data": {"score": score}}).encode())
    assert read.score == pytest.approx(kept, abs=1e-7)


@pytest.mark.parametrize(
    ("share", "points"), [(0.725, 72), (0.29, 29), (1, 100), (0.999, 99), (0, 0), (1 / 3, 33)]
)
def test_the_model_keeps_whole_points(share: float, points: int) -> None:
    read = importer.read(json.dumps({"status": "success", "data": {"score": share}}).encode())
    assert importer.points(read.score, 100) == points


def test_every_number_of_whole_points_arrives() -> None:
    for possible in (10, 100, 1000):
        for earned in range(possible + 1):
            share = importer.read(json.dumps({"status": "success", "data": {"score": earned / possible}}).encode())
            assert importer.points(share.score, possible) == earned


def test_the_model_has_room_for_so_many_messages_of_such_a_size() -> None:
    many = importer.packed(importer.Checked(1, tuple(("success", f"m{n}") for n in range(21))))
    assert (len(many.messages), many.messages[-1][1]) == (20, "WARNING: TRUNCATED ERROR MESSAGES")
    long = importer.packed(
        importer.Checked(1, (("success", "가" * 3333), ("success", "a" * 9998), ("failure", "")))
    )
    assert [text[:5] for _, text in long.messages] == ["ERROR", "aaaaa"]


# ---------------------------------------------------------------- the adapter


def test_without_a_grade_the_validator_says_that_it_failed() -> None:
    for one in (mark("not_final"), without_anything(), replace(mark("full"), earned=float("nan"))):
        content = json.loads(submitty.reply(one).files["validation_results.json"])
        assert content["status"] == "failure"
        assert "data" not in content
        assert "no grade yet" in content["message"]  # for the instructor's log
        assert checked(one).messages == (("failure", importer.SAYS_IT_FAILED),)


def test_a_hand_in_that_cannot_be_read_is_a_zero_with_the_reason() -> None:
    read = checked(unreadable())
    assert read.score == 0
    assert unreadable().remarks[0] in read.messages[0][1]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_points_that_are_cut_off_are_told(lang: str) -> None:
    partial = mark("partial")
    told = submitty.whole_points(replace(partial, about=replace(partial.about, lang=lang)))
    assert "72.5" in told
    assert told in checked(replace(partial, about=replace(partial.about, lang=lang))).messages[0][1]
    assert submitty.whole_points(mark("full")) == submitty.whole_points(mark("not_final")) == ""


def test_each_criterion_has_a_message_of_its_kind() -> None:
    assert [status for status, _ in checked(mark("partial")).messages] == ["information", "warning", "success"]
    assert [status for status, _ in checked(mark("zero")).messages] == ["information", "failure", "failure"]


def test_many_criteria_share_the_last_message() -> None:
    for count in (18, 19, 20, 40):
        read = checked(with_parts(count, "값이 다릅니다 " * 3_000, 0.5))
        text = "\n".join(told for _, told in read.messages)
        assert len(read.messages) <= importer.MOST_MESSAGES
        assert "too large" not in text
        assert "TRUNCATED" not in text
        assert f"Criterion {count - 1}" in text or "cut here" in read.messages[-1][1]
        assert "cut here" in read.messages[1][1]


# ---------------------------------------------------------------- the package, as Submitty lays it out


def config(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((unpacked("submitty", folder) / "config.json").read_text("utf-8"))
    return told


def validated(folder: Path, *kinds: str, python: str = "") -> importer.Checked:
    """The validator's code and the notebooks in one folder; its command is started there under the limits."""
    (testcase,) = config(folder / "config")["testcases"]
    (validation,) = testcase["validation"]
    work = folder / "config" / "custom_validation_code"
    for kind in kinds:
        hand_in(work, kind, f"{kind}.ipynb")
    given = {**validation, "testcase_prefix": "test01/", "username": "ada"}
    (work / "custom_validator_input.json").write_text(json.dumps(given), "utf-8")
    program, *rest = validation["command"].split()
    assert program == "python3"

    def limit() -> None:
        for name, most in testcase["resource_limits"].items():
            if name in (
                "RLIMIT_CPU",
                "RLIMIT_FSIZE",
                "RLIMIT_DATA",
                "RLIMIT_STACK",
                "RLIMIT_NOFILE",
                "RLIMIT_NPROC",
            ):
                resource.setrlimit(getattr(resource, name), (most, most))

    env = environment(python) if python else environment()
    ended = started([sys.executable, *rest], work, env, preexec_fn=limit)
    assert ended.returncode == 0
    return importer.packed(importer.read((work / "validation_results.json").read_bytes()))


@pytest.mark.parametrize(("kind", "points"), [("right", 100), ("sum", 60), ("truncated", 0), ("kills", 60)])
def test_the_validator_judges_the_notebook(kind: str, points: int, tmp_path: Path) -> None:
    read = validated(tmp_path, kind)
    assert importer.points(read.score, 100) == points
    assert read.messages[0][0] == "information"


def test_a_submission_without_a_notebook_is_a_zero_with_the_reason(tmp_path: Path) -> None:
    read = validated(tmp_path)
    assert read.score == 0
    assert "ERROR" not in read.messages[0][1]
    found = (tmp_path / "config" / "custom_validation_code" / "hand_in").rglob("*.ipynb")
    assert [*found] == []  # the template that comes along is not the learner's


def test_a_worker_that_cannot_start_the_grader_is_told_to_the_instructor(tmp_path: Path) -> None:
    assert validated(tmp_path, "right", python=NO_PYTHON).messages == (("failure", importer.SAYS_IT_FAILED),)
    work = tmp_path / "config" / "custom_validation_code"
    assert "could not start" in json.loads((work / "validation_results.json").read_text())["message"]
    assert (work / "validation_logfile.txt").is_file()


def test_the_configuration_counts_the_points_of_the_rubric(tmp_path: Path) -> None:
    told = config(tmp_path)
    (testcase,) = told["testcases"]
    assert told["grading_parameters"]["AUTO_POINTS"] == testcase["points"] == 100
    assert testcase["resource_limits"]["RLIMIT_CPU"] > testcase["validation"][0]["seconds"]
    assert testcase["validation"][0]["show_message"] == "always"  # else nobody reads it
    assert "**/*.ipynb" in told["autograding"]["submission_to_validation"]  # else there is no notebook to judge
