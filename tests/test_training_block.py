"""The block `training` of rubric.yaml: plan, criteria, and that every fault is reported with its place."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import documents
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.presets import PRESETS
from grader.rubric import ConfigError, load_rubric
from grader.spec import load_assignment
from grader.types import Assignment, Criterion, Exercise, Limits, Protocol, TrainingPlan

ROOT = Path(__file__).parent.parent


def exercise(name: str, *args: str) -> Exercise:
    return Exercise(name, {}, args, (), (), "loss", (), 1e-4, False, ())


ASSIGNMENT = Assignment(
    "demo",
    "1",
    {},
    "tensorflow",
    {"distance": exercise("distance", "z"), "loss": exercise("loss", "y_true", "y_pred")},
    Limits(),
    "",
    "",
)
RUBRIC: dict[str, Any] = {
    "demo": {
        "criteria": {
            "distance": {"points": 2, "exercise": "distance"},
            "loss": {"points": 3, "exercise": "loss"},
        },
        "training": {
            "preset": "quick",
            "train": "passed",
            "exercises": {"loss": {"points": 5, "steps": 60}},
            "labels": 30,
            "batch": 64,
            "labelled": 16,
            "transfer": 1000,
            "held_out": 797,
            "learning_rate": 0.005,
            "seeds": {"start": 3, "cap": 16},
            "margin": 1,
            "error": 0.02,
        },
    }
}
PLAIN = {"preset": "quick", "exercises": {"loss": {"points": 5, "steps": 60}}}


def changed(path: str, value: object) -> dict[str, Any]:
    """A copy of the rubric with one value below its training block put at "a.b" (or removed)."""
    return documents.changed(RUBRIC, f"demo.training.{path}", value)


def write(folder: Path, document: object) -> Path:
    path = folder / "rubric.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def block(training: object) -> dict[str, Any]:
    return {"demo": {**RUBRIC["demo"], "training": training}}


def test_the_shipped_rubric_gives_15_of_100_points_to_training() -> None:
    assignment = load_assignment(ROOT / "assignments" / "distillation_tf")
    rubric = load_rubric(ROOT / "rubric.yaml", assignment)
    trained = [c for c in rubric.criteria if c.kind == "training"]
    assert [(c.id, c.points, c.exercise) for c in trained] == [
        (f"training_loss_with_{kind}", 5, f"loss_with_{kind}") for kind in ("kd", "at", "rkd")
    ]
    assert trained[0].needs_attempt == ("knowledge_distillation",), "given code earns nothing alone"
    assert sum(c.points for c in rubric.criteria) == 100
    assert rubric.training is not None
    assert rubric.training.steps == {"loss_with_kd": 60, "loss_with_at": 200, "loss_with_rkd": 100}
    alone = load_rubric(ROOT / "rubric.yaml", assignment, train=False)
    assert alone.training is None
    assert sum(c.points for c in alone.criteria) == 85
    assert alone.criteria == tuple(c for c in rubric.criteria if c.kind != "training")


def test_what_the_block_leaves_out_comes_from_the_preset(tmp_path: Path) -> None:
    plan = load_rubric(write(tmp_path, block(PLAIN)), ASSIGNMENT).training
    assert plan == TrainingPlan("quick", Protocol(), {"loss": 60}, False, 1.0, 3, 16, 0.02)
    unnamed = {"exercises": PLAIN["exercises"]}
    assert load_rubric(write(tmp_path, block(unnamed)), ASSIGNMENT).training == plan
    other = load_rubric(write(tmp_path, block({**PLAIN, "preset": "cifar10"})), ASSIGNMENT).training
    assert other is not None
    assert (other.preset, other.protocol) == ("cifar10", PRESETS["cifar10"].protocol)


def test_what_the_block_says_goes_before_the_preset(tmp_path: Path) -> None:
    said = {
        "train": "always",
        "data": "cifar10",
        "labels": 40,
        "batch": 32,
        "labelled": 8,
        "learning_rate": 1e-3,
        "student_width": 4,
        "teacher_width": 12,
        "teacher_steps": 9,
        "transfer": 5000,
        "held_out": 500,
        "seeds": {"start": 4, "cap": 5},
        "margin": 0,
        "error": 0.1,
    }
    plan = load_rubric(write(tmp_path, block({**PLAIN, **said})), ASSIGNMENT).training
    protocol = Protocol("cifar10", 40, 32, 8, 1e-3, 4, 12, 9, 5000, 500)
    assert plan == TrainingPlan("quick", protocol, {"loss": 60}, True, 0.0, 4, 5, 0.1)
    only_cap = load_rubric(write(tmp_path, block({**PLAIN, "seeds": {"cap": 7}})), ASSIGNMENT).training
    assert only_cap is not None
    assert (only_cap.seeds_start, only_cap.seeds_cap) == (3, 7)


def test_training_criteria_stand_after_the_others(tmp_path: Path) -> None:
    criteria = load_rubric(write(tmp_path, RUBRIC), ASSIGNMENT).criteria
    assert criteria[2:] == (Criterion("training_loss", 5, "loss", "training"),)
    assert [c.id for c in load_rubric(write(tmp_path, RUBRIC), ASSIGNMENT, train=False).criteria] == [
        "distance",
        "loss",
    ]


def test_a_training_needs_what_the_exercise_needs(tmp_path: Path) -> None:
    document = copy.deepcopy(RUBRIC)
    criteria = document["demo"]["criteria"]
    criteria["loss"]["needs_attempt"] = ["distance"]
    criteria["again"] = {"points": 0, "exercise": "loss", "needs": ["distance"], "needs_attempt": ["distance"]}
    *_, trained = load_rubric(write(tmp_path, document), ASSIGNMENT).criteria
    assert (trained.id, trained.needs, trained.needs_attempt) == ("training_loss", ("distance",), ("distance",))


def test_the_digest_covers_the_block_and_whether_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digests(document: object) -> list[str]:
        path = write(tmp_path, document)
        return [load_rubric(path, ASSIGNMENT, train=train).digest for train in (True, False)]

    found = {*digests(block(PLAIN)), *digests(block({**PLAIN, "margin": 2}))}
    assert len(found) == 4
    with_it = digests(block(PLAIN))
    changed_preset = replace(PRESETS["quick"], margin=3.0)
    monkeypatch.setattr("grader.training_block.PRESETS", {**PRESETS, "quick": changed_preset})
    assert digests(block(PLAIN))[0] != with_it[0], "values that come from the preset count as well"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_does_not_contradict_itself(name: str, tmp_path: Path) -> None:
    assert load_rubric(write(tmp_path, block({**PLAIN, "preset": name})), ASSIGNMENT).training


@pytest.mark.parametrize(
    ("key", "most", "words"), [("transfer", 50_000, "50000 images"), ("held_out", 10_000, "to hold out")]
)
def test_a_data_set_has_only_so_many_images(key: str, most: int, words: str, tmp_path: Path) -> None:
    large = {**PLAIN, "preset": "cifar10"}
    assert load_rubric(write(tmp_path, block({**large, key: most})), ASSIGNMENT).training
    with pytest.raises(ConfigError, match=rf"training\.{key}: .*{words}"):
        load_rubric(write(tmp_path, block({**large, key: most + 1})), ASSIGNMENT)


@pytest.mark.parametrize(
    ("path", "value", "place", "words"),
    [
        ("preset", "quik", ".preset", "did you mean 'quick'"),
        ("preset", ["quick"], ".preset", "unknown"),
        ("train", "pased", ".train", "did you mean 'passed'"),
        ("train", True, ".train", "choose from: passed, always"),
        ("exercises", documents.REMOVE, "demo.training", "'exercises' is missing"),
        ("exercises", {}, ".exercises", "at least one exercise"),
        ("exercises", ["loss"], ".exercises", "must be a mapping"),
        ("exercises.los", {"points": 1, "steps": 1}, ".exercises.los", "did you mean 'loss'"),
        ("exercises.distance", {"points": 1, "steps": 1}, ".exercises.distance", "(y_true, y_pred)"),
        ("exercises.loss.steps", 0, ".loss.steps", "whole number from 1"),
        ("exercises.loss.steps", 2.5, ".loss.steps", "whole number"),
        ("exercises.loss.steps", documents.REMOVE, ".exercises.loss", "'steps' is missing"),
        ("exercises.loss.points", documents.REMOVE, ".exercises.loss", "'points' is missing"),
        ("exercises.loss.points", -1, ".loss.points", "at least 0"),
        ("exercises.loss.points", float("nan"), ".loss.points", "finite"),
        ("exercises.loss.step", 1, ".loss.step", "did you mean 'steps'"),
        ("seeds", 3, ".seeds", "must be a mapping"),
        ("seeds", {"first": 3}, ".seeds.first", "unknown key"),
        ("seeds.start", 1, ".seeds.start", "from 2"),
        ("seeds.cap", 2, ".seeds.cap", "at least the start, 3"),
        ("seeds", {"start": 17}, ".seeds", "the cap, 16, must be at least the start, 17"),
        ("margin", -1, ".margin", "at least 0"),
        ("error", 0, ".error", "more than 0"),
        ("error", 0.5, ".error", "at most 0.25"),
        ("learning_rate", 0, ".learning_rate", "more than 0"),
        ("learning_rate", "fast", ".learning_rate", "must be a number"),
        ("data", "cifar", ".data", "did you mean 'cifar10'"),
        ("labels", 2000, ".labels", "at most transfer, 1000"),
        ("labelled", 65, ".labelled", "at most batch, 64"),
        ("held_out", 798, ".transfer", "1797 images, and with held_out these are 1798"),
        ("transfer", 1001, ".transfer", "1797 images, and with held_out these are 1798"),
        ("student_width", 0, ".student_width", "from 1"),
        ("teacher_steps", "400", ".teacher_steps", "whole number"),
        ("marging", 1, ".marging", "did you mean 'margin'"),
    ],
)
@pytest.mark.parametrize("train", [True, False])
def test_each_fault_names_its_place(
    tmp_path: Path, path: str, value: object, place: str, words: str, train: bool
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rubric(write(tmp_path, changed(path, value)), ASSIGNMENT, train=train)
    found = caught.value.faults
    assert any(f"{place}: " in fault and words in fault and "rubric.yaml" in fault for fault in found), found
    assert all("demo.training" in fault for fault in found)


def test_a_name_is_given_once(tmp_path: Path) -> None:
    document = copy.deepcopy(RUBRIC)
    document["demo"]["criteria"]["training_loss"] = {"points": 1, "exercise": "loss"}
    with pytest.raises(ConfigError, match=r"training\.exercises\.loss: .*'training_loss' already"):
        load_rubric(write(tmp_path, document), ASSIGNMENT)


def test_what_is_not_in_the_block_cannot_be_a_training_criterion(tmp_path: Path) -> None:
    document = copy.deepcopy(RUBRIC)
    document["demo"]["criteria"]["more"] = {"points": 1, "exercise": "loss", "kind": "training"}
    with pytest.raises(ConfigError, match=r"criteria\.more\.kind"):
        load_rubric(write(tmp_path, document), ASSIGNMENT)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3000) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["start", "loss"]), inner),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from([*RUBRIC["demo"]["training"], "exercises.loss", "seeds.cap"]), value=JUNK)
def test_junk_is_a_fault_or_harmless(tmp_path: Path, path: str, value: object) -> None:
    plan: TrainingPlan | None = None
    faults: tuple[str, ...] = ()
    try:
        plan = load_rubric(write(tmp_path, changed(path, value)), ASSIGNMENT).training
    except ConfigError as error:
        faults = error.faults
    assert faults or plan
    if plan:
        assert 2 <= plan.seeds_start <= plan.seeds_cap
        assert 0 < plan.error <= 0.25
        assert plan.margin >= 0
        assert 1 <= plan.protocol.labelled <= plan.protocol.batch
        assert all(steps >= 1 for steps in plan.steps.values())
