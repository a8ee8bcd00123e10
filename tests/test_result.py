"""result.json: as the schema says, the same every time, without numbers where there must be none."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import made_by_hand as made
import pytest

import grader.result
from grader.plaintext import clean
from grader.result import to_dict, to_json, to_row
from grader.types import Graded, Verdict

ENVIRONMENT = {"tensorflow": "2.21.0", "grader": "0.1.0", "python": "3.12.3"}
SCHEMA = json.loads((Path(grader.result.__file__).parent / "result.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
KINDS = {"graded": made.graded, "not_final": made.not_final, "unreadable": made.unreadable}


def result(graded: Graded, lang: str = "en") -> dict[str, Any]:
    return to_dict(graded, made.EXPECTATIONS, lang, ENVIRONMENT)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    verdicts = SCHEMA["$defs"]["verdict"]["enum"]
    assert verdicts == [verdict.value for verdict in Verdict]


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_result_is_valid(kind: str, lang: str) -> None:
    text = to_json(result(KINDS[kind](), lang))
    VALIDATOR.validate(json.loads(text))
    assert text == to_json(result(KINDS[kind](), lang)), "the same every time"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("earned", None),
        ("earned", -1),
        ("final", "yes"),
        ("final", False),
        ("criteria.0.earned", None),
        ("criteria.0.verdict", "great"),
        ("checks.0.check", "gradient:"),
        ("checks.0.extra", 1),
        ("checks.0.line", 1.5),
        ("submission.sha256", "abc"),
        ("timing.wall_s", "1"),
    ],
)
def test_the_schema_bites(path: str, value: object) -> None:
    changed = copy.deepcopy(result(made.graded()))
    *parents, last = path.split(".")
    place: Any = changed
    for key in parents:
        place = place[int(key)] if key.isdigit() else place[key]
    place[last] = value
    assert not VALIDATOR.is_valid(changed)


def test_keys_and_their_order() -> None:
    found = result(made.graded())
    assert list(found) == SCHEMA["required"]
    assert list(found["checks"][0]) == SCHEMA["properties"]["checks"]["items"]["required"]
    assert list(found["criteria"][0]) == SCHEMA["properties"]["criteria"]["items"]["required"]
    assert list(found["environment"]) == sorted(ENVIRONMENT)
    assert found["submission"]["id"] == "김하늘"
    assert "김하늘" in to_json(found), "readable as it is"


def test_what_is_in_it() -> None:
    found = result(made.graded())
    assert (found["final"], found["earned"], found["possible"]) == (True, 15, 35)
    assert [criterion["earned"] for criterion in found["criteria"]] == [15, 0, 0]
    passed, *_, hidden = found["checks"]
    assert passed["message"] == ""
    assert (passed["cell"], passed["line"]) == (39, 2), "the function's place where a check has none"
    assert not hidden["public"]
    assert hidden["mistake"] == "rkd_no_mean"
    assert [remark["kind"] for remark in found["remarks"]] == ["cell_unparseable", "load_fault"]
    assert "No module named 'wandb'" in found["remarks"][1]["message"]
    assert found["sandbox"] == ["namespaces", "seccomp"]


def test_nothing_hidden_is_in_it() -> None:
    assert made.HIDDEN_VALUE not in to_json(result(made.graded()))


def test_not_final_has_no_number() -> None:
    found = result(made.not_final())
    assert (found["final"], found["earned"]) == (False, None)
    assert [criterion["earned"] for criterion in found["criteria"]] == [None] * 3
    assert found["remarks"][0]["kind"] == "internal"
    assert "no space left" not in to_json(found), "our own words are for instructors"
    row = to_row(made.not_final(), "en")
    assert row["earned"] is None
    assert row["note"] == "OSError: no space left on device"


def test_unreadable_says_why() -> None:
    found = result(made.unreadable())
    assert (found["final"], found["earned"]) == (True, 0)
    assert found["remarks"][0]["message"].startswith("The file is cut off")
    assert found["checks"] == []


def test_json_has_no_nan() -> None:
    odd = made.graded(timing={"wall_s": math.nan, "cpu_s": math.inf})
    found = result(odd)
    assert found["timing"] == {"cpu_s": None, "wall_s": None}
    VALIDATOR.validate(found)
    with pytest.raises(ValueError, match="JSON"):
        to_json({"x": math.nan})


def test_row_survives_the_journal() -> None:
    row = to_row(made.graded(), "ko")
    assert json.loads(json.dumps(row)) == row
    assert row["mistakes"] == ["rkd_no_mean"]
    assert [criterion["verdict"] for criterion in row["criteria"]] == ["passed", "failed", "failed"]
    assert row["note"] == clean(row["note"])


def test_points_keep_their_fraction() -> None:
    grade = made.graded().grade
    half = replace(grade, earned=17.5, scores=(replace(grade.scores[0], earned=2.5), *grade.scores[1:]))
    found = result(made.graded(grade=half))
    assert found["earned"] == 17.5
    assert found["criteria"][0]["earned"] == 2.5
    assert isinstance(found["possible"], int)
