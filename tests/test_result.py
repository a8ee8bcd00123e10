"""result.json: as the schema says, the same every time, without numbers where there must be none."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import made_by_hand as made
import pytest

import grader.result
from grader.plaintext import clean
from grader.result import thinned, to_dict, to_json, to_row
from grader.types import Comparison, Graded, Learner, Verdict

ENVIRONMENT = {"tensorflow": "2.21.0", "grader": "0.1.0", "python": "3.12.3"}
SCHEMA = json.loads((Path(grader.result.__file__).parent / "result.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
KINDS = {
    "graded": made.graded,
    "not_final": made.not_final,
    "unreadable": made.unreadable,
    "trained": lambda: made.graded_with(made.trained()),
}


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


def test_who_handed_in_stands_in_the_row() -> None:
    graded = made.graded()
    who = Learner("김하늘", "4321", "2조", "kim@example.org")
    row = to_row(replace(graded, submission=replace(graded.submission, learner=who, late=True), twin="lee"), "en")
    assert [row[k] for k in ("name", "learner", "group", "email", "late", "twin")] == [
        *("김하늘", "4321", "2조", "kim@example.org"),
        *(True, "lee"),
    ]


def test_points_keep_their_fraction() -> None:
    grade = made.graded().grade
    half = replace(grade, earned=17.5, scores=(replace(grade.scores[0], earned=2.5), *grade.scores[1:]))
    found = result(made.graded(grade=half))
    assert found["earned"] == 17.5
    assert found["criteria"][0]["earned"] == 2.5
    assert isinstance(found["possible"], int)


# ---------------------------------------------------------------- training


def training(compared: Comparison | None, verdict: Verdict = Verdict.PASSED, **changes: Any) -> dict[str, Any]:
    """The row of a training check, valid by the schema."""
    found = result(made.graded_with(made.trained(verdict, training=compared, **changes)))
    VALIDATOR.validate(json.loads(to_json(found)))
    (row,) = [check for check in found["checks"] if check["check"] == "training"]
    return row


def test_a_training_in_numbers() -> None:
    row = training(made.comparison())
    assert (row["case"], row["verdict"], row["message"], row["public"]) == ("", "passed", "", True)
    numbers = row["training"]
    assert list(numbers) == SCHEMA["$defs"]["training"]["required"]
    assert {key: numbers[key] for key in ("data", "labels", "steps", "device", "margin", "seconds", "cached")} == {
        "data": "digits", "labels": 30, "steps": 100, "device": "cpu", "margin": 3, "seconds": 3.22, "cached": 1,
    }  # fmt: skip
    assert [numbers[key] for key in ("mean", "low", "high", "confidence")] == [35.75, 32.5, 38.5, 0.98765]
    assert numbers["seeds"] == [0, 1, 2, 3]
    assert numbers["distilled"] == [0.81, 0.84, 0.79, 0.83]
    assert numbers["scratch"] == [0.45, 0.5, 0.42, 0.47]
    curve, loss = numbers["curve"], numbers["loss"]
    assert curve["step"] == [12, 25, 37, 50, 62, 75, 87, 100]
    assert curve["distilled"][-1] == 0.81, "the first seed's"
    assert (len(loss["step"]), loss["step"][0], loss["step"][-1]) == (50, 1, 100)
    assert {len(loss["distilled"]), len(loss["scratch"])} == {50}
    assert loss["distilled"][0] == 2.3


def test_a_training_that_ended_early_or_never_began() -> None:
    assert training(None, Verdict.SKIPPED, detail="numeric")["training"] is None
    numbers = training(made.comparison((0.5, 0.4), summary=None), Verdict.INCONCLUSIVE)["training"]
    assert [numbers[key] for key in ("margin", "mean", "low", "high", "confidence")] == [None] * 5
    assert numbers["distilled"] == [0.5]
    none = made.comparison((0.5, 0.4), distilled=(), scratch=(), summary=None)
    assert training(none, Verdict.INCONCLUSIVE)["training"]["curve"] == {
        "step": [], "distilled": [], "scratch": [],
    }  # fmt: skip


def test_a_loss_that_is_no_number_is_null() -> None:
    plain = made.comparison((0.1, 0.4))
    compared = replace(plain, distilled=(made.training_run(0, 0.1, nan_from=51),))
    row = training(compared, Verdict.FAILED)
    losses = row["training"]["loss"]["distilled"]
    known = [step <= 50 for step in row["training"]["loss"]["step"]]
    assert [loss is not None for loss in losses] == known
    assert "at step 51" in row["message"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("check", "value"),
        ("case", "typical"),
        ("public", False),
        ("training.mean", "35"),
        ("training.distilled", [1.2]),
        ("training.seeds", [0.5]),
        ("training.extra", 1),
        ("training.loss.step", list(range(1, 52))),
        ("training.curve.scratch", [None]),
    ],
)
def test_the_schema_bites_for_training(key: str, value: object) -> None:
    found = result(made.graded_with(made.trained()))
    place = found["checks"][-1]
    *parents, last = key.split(".")
    for parent in parents:
        place = place[parent]
    place[last] = value
    assert not VALIDATOR.is_valid(found)


@pytest.mark.parametrize(("count", "most"), [(0, 5), (1, 5), (5, 5), (6, 5), (60, 50), (1000, 50)])
def test_thinned(count: int, most: int) -> None:
    kept = thinned(count, most)
    assert len(kept) == min(count, most)
    assert kept == sorted(set(kept))
    assert not kept or (kept[0], kept[-1]) == (0, count - 1)
    assert not kept or max(b - a for a, b in pairwise([*kept, count])) <= -(-count // most) + 1


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_an_inconclusive_training_is_noted_for_instructors(lang: str) -> None:
    def note(verdict: Verdict, **changes: Any) -> str:
        return to_row(replace(made.graded_with(made.trained(verdict)), **changes), lang)["note"]

    unclear = note(Verdict.INCONCLUSIVE)
    assert "rkd" in unclear
    assert unclear != note(Verdict.FAILED)
    if lang == "en":
        assert unclear == "training inconclusive: rkd, a person should look"
    assert note(Verdict.INCONCLUSIVE, internal="OSError") == "OSError", "our own faults come first"


def test_criteria_of_training_stand_in_the_row() -> None:
    row = to_row(made.graded_with(made.trained()), "en")
    assert row["criteria"][-1] == {
        "id": "loss_training",
        "title": "Relational loss: training",
        "kind": "training",
        "exercise": "rkd",
        "points": 5,
        "earned": 5,
        "verdict": "passed",
    }
    (told,) = row["training"]
    assert (told["exercise"], told["verdict"]) == ("rkd", "passed")
    assert told["low"] <= told["mean"] <= told["high"]
