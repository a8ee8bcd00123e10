"""Gradescope: results.json, byte for byte, and what of it a learner sees. Golden: renew_lms.py gradescope."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from importers import gradescope as system
from lms_class import KINDS, a_class

from grader.lms import gradescope
from grader.lms.records import Mark, Part

HERE = Path(__file__).parent
SAMPLE = json.loads((HERE / "samples_lms/gradescope/python-sample.json").read_text("utf-8"))


def content(mark: Mark) -> bytes:
    return gradescope.reply(mark).files["results.json"]


def results(mark: Mark) -> dict[str, Any]:
    return system.read(content(mark))


def _golden(kind: str) -> Callable[[], bytes]:
    return lambda: content(KINDS[kind])


GOLDEN = {f"{kind}.json": _golden(kind) for kind in ("full", "partial", "third", "not_final", "extra", "korean")}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_are_those_that_were_looked_at(name: str) -> None:
    assert GOLDEN[name]() == (HERE / "golden/lms/gradescope" / name).read_bytes()


# ---------------------------------------------------------------- the model of the system


def test_the_system_reads_its_own_sample() -> None:
    jsonschema.validate(SAMPLE, system.SCHEMA)
    assert system.recorded(SAMPLE) == 22


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"{",
        b'{"score": NaN}',
        b'{"score": "72.5"}',
        b'{"score": 1, "tests": [{"points": 1}]}',
        b'{"tests": []}',
    ],
)
def test_what_it_cannot_read_is_a_failed_autograder(wrong: bytes) -> None:
    with pytest.raises(AssertionError, match="failed to execute"):
        system.read(wrong)


def test_a_single_hidden_test_hides_the_total() -> None:
    told = {"tests": [{"score": 5}, {"score": 0, "visibility": "hidden"}]}
    assert system.recorded(told) == 5
    assert system.shown(told) is None
    assert system.shown({"score": 72.5, "tests": [{"visibility": "after_published"}]}) is None


def test_markup_is_the_default_above_the_tests() -> None:
    with pytest.raises(AssertionError, match="markup"):
        system.page({"score": 1, "output": "a<b"})
    assert system.page({"score": 1, "tests": [{"output": "a<b"}], "output_format": "text"}).endswith("a<b")


# ---------------------------------------------------------------- what it gets


def test_every_criterion_is_a_test_with_its_points() -> None:
    told = results(KINDS["partial"])
    assert told["score"] == 72.5
    assert [(t["number"], t["score"], t["max_score"], t["status"]) for t in told["tests"]] == [
        ("1", 12.5, 40, "failed"),
        ("2", 60, 60, "passed"),
    ]
    assert told["extra_data"] == {"assignment": "distillation_tf", "version": "3", "final": True}
    assert told["execution_time"] == 3.5


def test_the_total_is_not_the_sum_where_more_than_the_maximum_was_earned() -> None:
    told = results(KINDS["extra"])
    assert sum(test["score"] for test in told["tests"]) == 112
    assert told["score"] == 100
    assert "counts as the maximum" in told["output"]
    assert "counts as the maximum" not in results(KINDS["full"])["output"]


def test_without_a_grade_what_is_done_shows_and_no_total() -> None:
    told = results(KINDS["not_final"])
    assert "score" not in told
    done, waiting = told["tests"]
    assert (done["score"], done["visibility"]) == (40, "visible")
    assert (waiting["score"], waiting["visibility"]) == (0, "hidden")
    assert "Rerun Autograder" in waiting["output"]
    assert system.shown(told) is None
    assert "no grade yet" in told["output"]
    assert told["extra_data"]["final"] is False


def test_a_grade_that_is_not_final_is_hidden_though_every_part_has_its_points() -> None:
    mark = replace(KINDS["full"], final=False, earned=None)
    told = results(mark)
    assert system.shown(told) is None
    assert [test["name"] for test in told["tests"] if test["visibility"] == "hidden"] == ["not final"]


def test_without_any_criterion_there_is_a_valid_answer_all_the_same() -> None:
    assert system.shown(results(replace(KINDS["not_final"], parts=()))) is None
    assert system.shown(results(replace(KINDS["full"], parts=()))) == 100


def test_what_is_worth_no_points_passes_by_its_verdict() -> None:
    parts = tuple(Part(verdict, verdict, 0, 0.0, verdict) for verdict in ("passed", "failed"))
    assert [t["status"] for t in results(replace(KINDS["full"], parts=parts))["tests"]] == ["passed", "failed"]


def test_a_very_long_text_says_that_it_was_cut() -> None:
    part = replace(KINDS["full"].parts[0], details=("x" * 300_000,))
    (test,) = results(replace(KINDS["full"], parts=(part,)))["tests"]
    assert len(test["output"]) <= gradescope.MOST
    assert "cut here" in test["output"]


def test_remarks_stand_above_the_tests() -> None:
    mark = replace(KINDS["zero"], remarks=("There is no notebook (.ipynb) in what was handed in.",))
    assert results(mark)["output"].endswith("- There is no notebook (.ipynb) in what was handed in.")


def test_every_kind_of_mark_is_valid() -> None:
    for mark in a_class().marks:
        system.read(content(mark))
