"""spec.yaml and rubric.yaml: what is read, and that every fault is reported with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from documents import REMOVE, changed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.draw import draw_cases
from grader.spec import ConfigError, find_root, list_assignments, load_assignment, load_rubric
from grader.types import Assignment, Case

ROOT = Path(__file__).parent.parent
SLUG = "distillation_tf"

TITLE = {"en": "A title", "ko": "제목"}
SPEC: dict[str, Any] = {
    "slug": "demo",
    "version": "1",
    "title": TITLE,
    "framework": "tensorflow",
    "exercises": {
        "distance": {
            "title": TITLE,
            "args": ["z"],
            "returns": "array",
            "gradient": ["z"],
            "cases": {
                "typical": {"public": True, "inputs": {"z": {"grid": [4, 3], "step": 0.25, "limit": 2}}},
                "permuted": {"like": "typical", "inputs": {"z": {"permute": True}}},
            },
        },
        "loss": {
            "title": TITLE,
            "args": ["x"],
            "globals": ["T"],
            "uses": ["distance"],
            "returns": "loss",
            "gradient": ["x"],
            "cases": {
                "typical": {"public": True, "inputs": {"x": {"normal": [4, 3]}, "T": 2}},
                "with_stand_in": {
                    "kind": "follow_through",
                    "inputs": {"x": {"normal": [4, 3]}, "T": 2, "d": {"distances": 4, "low": 1, "high": 5}},
                    "stand_ins": [{"function": "distance", "args": ["x"], "returns": "d"}],
                    "gradient": ["d"],
                },
            },
        },
    },
}
RUBRIC: dict[str, Any] = {
    "demo": {
        "policies": {"follow_through": 1.0, "proportional_gradient": 0.5, "forbid_families": []},
        "criteria": {
            "first": {"points": 2, "exercise": "distance"},
            "second": {"points": 3.5, "exercise": "loss", "needs": ["first"], "title": TITLE},
        },
    }
}
DISTANCE = "exercises.distance"
LOSS = "exercises.loss"


def write(folder: Path, text: str) -> Path:
    target = folder / "assignments" / "demo"
    target.mkdir(parents=True, exist_ok=True)
    (target / "spec.yaml").write_text(text, encoding="utf-8")
    return target


def dump(value: object) -> str:
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False)


def faults_of(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_assignment(write(folder, text))
    return caught.value.faults


@pytest.fixture
def demo(tmp_path: Path) -> Assignment:
    return load_assignment(write(tmp_path, dump(SPEC)))


def rubric_faults(folder: Path, assignment: Assignment, document: object) -> tuple[str, ...]:
    path = folder / "rubric.yaml"
    path.write_text(dump(document), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_rubric(path, assignment)
    return caught.value.faults


def test_the_shipped_assignment_loads() -> None:
    assignment = load_assignment(ROOT / "assignments" / SLUG)
    assert assignment.slug == SLUG
    assert list(assignment.exercises)[:2] == ["knowledge_distillation", "loss_with_kd"]
    at = assignment.exercises["loss_with_at"]
    stand_in_case = at.cases[-1]
    assert {"y_true", "x3_s", "at3"} <= stand_in_case.inputs.keys(), "the merge key brings the inputs along"
    assert stand_in_case.gradient == ("y_pred", "at1", "at2", "at3")
    assert at.cases[0].gradient == at.gradient
    assert (at.rtol, assignment.exercises["attention_transfer"].rtol) == (5e-4, 1e-4)
    rubric = load_rubric(ROOT / "rubric.yaml", assignment)
    assert sum(criterion.points for criterion in rubric.criteria) == 100
    assert len(rubric.digest) == len(assignment.digest) == 64


def test_defaults_and_overrides(tmp_path: Path) -> None:
    document = changed(SPEC, "tolerance", {"rtol": 1e-4})
    document["exercises"]["loss"]["rtol"] = 1e-3
    document["limits"] = {"wall_s": 2.5, "memory_mb": 100}
    assignment = load_assignment(write(tmp_path, dump(document)))
    assert assignment.exercises["distance"].rtol == 1e-4
    assert assignment.exercises["loss"].rtol == 1e-3
    assert (assignment.limits.wall_s, assignment.limits.memory_mb, assignment.limits.cpu_s) == (2.5, 100, 15)
    case = assignment.exercises["loss"].cases[0]
    assert (case.kind, case.public, case.like) == ("ordinary", True, None)
    assert assignment.exercises["distance"].cases[1].public is False


def test_scalars_are_read_as_written(tmp_path: Path) -> None:
    text = dump(SPEC).replace("step: 0.25", "step: 25e-2").replace("T: 2", "T: 010")
    assignment = load_assignment(write(tmp_path, text))
    assert assignment.exercises["distance"].cases[0].inputs["z"]["step"] == 0.25
    assert assignment.exercises["loss"].cases[0].inputs["T"] == 10
    # `on` and a date stay text: a case may be called so.
    text = text.replace("permuted:", "on:").replace("with_stand_in:", "2024-01-01:")
    assignment = load_assignment(write(tmp_path, text))
    assert assignment.exercises["distance"].cases[1].name == "on"
    assert assignment.exercises["loss"].cases[1].name == "2024-01-01"


@pytest.mark.parametrize(
    ("path", "value", "place", "words"),
    [
        ("slug", "other", "slug", "folder"),
        ("version", 1, "version", "must be text"),
        ("title", "A title", "title", "every language"),
        ("title", {"en": "A title"}, "title", "'ko' is missing"),
        ("title.ko", " ", "title.ko", "must not be empty"),
        ("framework", "tensorflw", "framework", "did you mean 'tensorflow'"),
        ("framework", REMOVE, "", "'framework' is missing"),
        ("exercise", {}, "exercise", "did you mean 'exercises'"),
        ("limits", {"cpu_s": 1.5}, "limits.cpu_s", "whole number"),
        ("limits", {"wall_s": 0}, "limits.wall_s", "more than 0"),
        ("tolerance", {"rtol": -1e-3}, "tolerance.rtol", "more than 0"),
        ("tolerance", {"rtol": float("nan")}, "tolerance.rtol", "finite"),
        ("exercises", {}, "exercises", "at least one exercise"),
        ("exercises.class", {}, "exercises.class", "no Python name"),
        (f"{DISTANCE}.args", [], f"{DISTANCE}.args", "at least one argument"),
        (f"{DISTANCE}.args", "z", f"{DISTANCE}.args", "must be a list"),
        (f"{DISTANCE}.args", ["z", "z"], f"{DISTANCE}.args[1]", "listed twice"),
        (f"{DISTANCE}.returns", "arrays", f"{DISTANCE}.returns", "did you mean 'array'"),
        (f"{DISTANCE}.gradient", ["y"], f"{DISTANCE}.gradient[0]", "unknown 'y'"),
        (f"{DISTANCE}.gradient", [["z"]], f"{DISTANCE}.gradient[0]", "must be a name"),
        (f"{DISTANCE}.symmetric", "yes", f"{DISTANCE}.symmetric", "true or false"),
        (f"{DISTANCE}.points", 3, f"{DISTANCE}.points", "unknown key"),
        (f"{DISTANCE}.uses", ["loss"], f"{DISTANCE}", "uses itself"),
        (f"{LOSS}.uses", ["distanse"], f"{LOSS}.uses[0]", "did you mean 'distance'"),
        (f"{LOSS}.globals", ["T", "x"], f"{LOSS}.globals", "already an argument"),
        (f"{LOSS}.cases", {}, f"{LOSS}.cases", "at least one case"),
        (f"{LOSS}.cases.typical.inputs", {"T": 1}, f"{LOSS}.cases.typical", "'x' is missing"),
        (f"{LOSS}.cases.typical.inputs.xx", 1, f"{LOSS}.cases.typical.inputs.xx", "did you mean 'x'"),
        (f"{LOSS}.cases.typical.inputs.cotangent", 1, f"{LOSS}.cases.typical.inputs.cotangent", "reserved"),
        (f"{LOSS}.cases.typical.inputs.x", {"norml": [3]}, ".inputs.x", "did you mean 'normal'"),
        (f"{LOSS}.cases.typical.inputs.x", {"normal": [3], "scal": 1}, ".x.scal", "did you mean 'scale'"),
        (f"{LOSS}.cases.typical.inputs.x", {"normal": [3, 0]}, ".x.normal[1]", "whole number from 1"),
        (f"{LOSS}.cases.typical.inputs.x", {"normal": [3000, 3000]}, ".x.normal", "9000000 entries"),
        (f"{LOSS}.cases.typical.inputs.x", {"normal": [3, 3], "zero_row": 3}, ".x.zero_row", "from 0 to 2"),
        (f"{LOSS}.cases.typical.inputs.x", {"softmax": [3]}, ".x.softmax", "two dimensions"),
        (f"{LOSS}.cases.typical.inputs.x", {"grid": [3, 3]}, ".inputs.x", "'step' is missing"),
        (f"{LOSS}.cases.typical.inputs.x", {"grid": [9, 1], "step": 1, "limit": 4}, ".x", "too few"),
        (f"{LOSS}.cases.typical.inputs.x", {"grid": [2, 9], "step": 2, "limit": 5}, ".x.limit", "multiple"),
        (
            f"{LOSS}.cases.typical.inputs.x",
            {"grid": [2, 9], "step": 1, "limit": 5, "equal_rows": [1, 1]},
            ".x.equal_rows",
            "two different rows",
        ),
        (f"{LOSS}.cases.typical.inputs.x", {"uniform": [3], "low": 2, "high": 1}, ".inputs.x", "less than"),
        (
            f"{LOSS}.cases.typical.inputs.x",
            {"distances": 3, "low": 0.3, "high": 0.4},
            ".x",
            "multiple of 1/4",
        ),
        (f"{LOSS}.cases.typical.inputs.x", {"times": 2}, ".inputs.x", "`like`"),
        (f"{LOSS}.cases.typical.inputs.T", float("inf"), ".inputs.T", "finite"),
        (f"{LOSS}.cases.typical.inputs.T", True, ".inputs.T", "must be a number"),
        (f"{LOSS}.cases.typical.gradient", ["T"], ".typical.gradient[0]", "unknown 'T'"),
        (f"{LOSS}.cases.typical.kind", "ordinari", ".typical.kind", "did you mean 'ordinary'"),
        (f"{LOSS}.cases.typical.kind", "follow_through", ".typical", "go together"),
        (f"{LOSS}.cases.with_stand_in.stand_ins.0.function", "loss", ".stand_ins[0].function", "unknown"),
        (f"{LOSS}.cases.with_stand_in.stand_ins.0.args", ["y"], ".stand_ins[0].args[0]", "unknown 'y'"),
        (f"{LOSS}.cases.with_stand_in.stand_ins.0.args", ["x", 2.0], ".stand_ins[0].args", "takes 1"),
        (
            f"{LOSS}.cases.with_stand_in.stand_ins.0.returns",
            "dd",
            ".stand_ins[0].returns",
            "did you mean 'd'",
        ),
        (f"{LOSS}.cases.with_stand_in.stand_ins", [], ".with_stand_in.inputs.d", "no argument"),
        (f"{DISTANCE}.cases.permuted.like", "typcal", ".permuted.like", "did you mean 'typical'"),
        (f"{DISTANCE}.cases.typical.like", "permuted", ".typical.like", "no case stands above"),
        (f"{DISTANCE}.cases.permuted.inputs.z", {"times": 0}, ".z.times", "must not be 0"),
        (f"{DISTANCE}.cases.permuted.inputs.z", {"permute": False}, ".z.permute", "leave the input out"),
        (f"{DISTANCE}.cases.typical.inputs.z", {"normal": [1, 3]}, ".permuted.inputs.z", "batch of one"),
    ],
)
def test_each_fault_names_its_place(tmp_path: Path, path: str, value: object, place: str, words: str) -> None:
    faults = faults_of(tmp_path, dump(changed(SPEC, path, value)))
    assert any(f"{place}: " in fault and words in fault and "spec.yaml" in fault for fault in faults), faults


def test_every_fault_is_reported_at_once(tmp_path: Path) -> None:
    document = changed(SPEC, "framework", "jax")
    document["exercises"]["loss"]["returns"] = "scalar"
    document["exercises"]["distance"]["cases"]["typical"]["public"] = 1
    faults = faults_of(tmp_path, dump(document))
    assert [fault.split(": ")[1] for fault in faults] == [
        "framework",
        f"{DISTANCE}.cases.typical.public",
        f"{DISTANCE}.cases",  # so that no public case is left
        f"{LOSS}.returns",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (dump(SPEC) + "slug: again\n", "line {last}: the key 'slug' is written twice"),
        (dump(SPEC).replace("T: 2", "T: 2\n          T: 3", 1), "the key 'T' is written twice"),
        ("slug: [demo\n", "not valid YAML"),
        ("slug: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
        ("? [a, b]\n: 1\n", "not valid YAML"),
        ("- a\n- b\n", "must be a mapping"),
        ("", "must be a mapping"),
        (dump(SPEC) + "7: x\n", "must be text; put it in quotes"),
    ],
)
def test_files_that_are_no_such_mapping(tmp_path: Path, text: str, words: str) -> None:
    faults = faults_of(tmp_path, text)
    assert any(words.format(last=text.count("\n")) in fault for fault in faults), faults


def test_a_file_that_is_not_utf8_or_not_there(tmp_path: Path) -> None:
    folder = write(tmp_path, "")
    (folder / "spec.yaml").write_bytes(dump(SPEC).encode("cp949"))
    with pytest.raises(ConfigError, match="UTF-8"):
        load_assignment(folder)
    (folder / "spec.yaml").unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_assignment(folder)
    write(tmp_path, dump(SPEC))
    with pytest.raises(ConfigError, match="did you mean 'demo'"):
        load_assignment(folder.parent / "dmo")


WORDS = ["normal", "grid", "step", "limit", "times_row", "equal_rows", "distances", "low", "high", "permute", "en"]
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([[4, 3], [3]]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=6,
)


def all_paths(value: object, path: str = "") -> list[str]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [f"{path}.{key}".lstrip(".") for key, _ in pairs]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [deeper for key, item in pairs for deeper in all_paths(item, f"{path}.{key}".lstrip("."))]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(all_paths(SPEC)), value=JUNK)
def test_junk_anywhere_is_a_fault_or_harmless_never_a_crash(tmp_path: Path, path: str, value: object) -> None:
    folder = write(tmp_path, dump(changed(SPEC, path, value)))
    faults: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    try:
        cases = draw_cases(load_assignment(folder), b"a secret")  # what loads can also be drawn
        loaded = bool(cases)
    except ConfigError as error:
        loaded, faults = False, error.faults
    assert loaded or faults
    assert faults or all(np.isfinite(value).all() for case in cases for value in case.inputs.values())


def test_digest_follows_the_files(tmp_path: Path) -> None:
    folder = write(tmp_path, dump(SPEC))
    first = load_assignment(folder).digest
    assert load_assignment(folder).digest == first
    (folder / "README.md").write_text("no matter")
    assert load_assignment(folder).digest == first
    (folder / "probes.py").write_text("def probe(): ...\n")
    with_probes = load_assignment(folder).digest
    (folder / "spec.yaml").write_text(dump(SPEC) + "# a comment\n")
    assert len({first, with_probes, load_assignment(folder).digest}) == 3


def test_find_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADER_ROOT", raising=False)
    write(tmp_path, dump(SPEC))
    deep = tmp_path / "assignments" / "demo"
    assert find_root(deep) == tmp_path.resolve()
    assert list_assignments(tmp_path) == ("demo",)
    monkeypatch.chdir(deep)
    assert find_root() == tmp_path.resolve()
    assert find_root(Path("/")) == ROOT.resolve(), "falls back on the folder next to the package"
    monkeypatch.setenv("GRADER_ROOT", str(ROOT))
    assert find_root(deep) == ROOT.resolve()
    monkeypatch.setenv("GRADER_ROOT", str(deep))
    with pytest.raises(ConfigError, match="GRADER_ROOT"):
        find_root()


def test_rubric(tmp_path: Path, demo: Assignment) -> None:
    path = tmp_path / "rubric.yaml"
    path.write_text(dump(RUBRIC), encoding="utf-8")
    rubric = load_rubric(path, demo)
    assert [(c.id, c.points, c.exercise, c.needs) for c in rubric.criteria] == [
        ("first", 2.0, "distance", ()),
        ("second", 3.5, "loss", ("first",)),
    ]
    # The digest is of the block's meaning: not of its layout, nor of other blocks.
    path.write_text("# comment\n" + dump({**RUBRIC, "else": {}}), encoding="utf-8")
    assert load_rubric(path, demo).digest == rubric.digest
    path.write_text(dump(changed(RUBRIC, "demo.criteria.first.points", 1)), encoding="utf-8")
    assert load_rubric(path, demo).digest != rubric.digest


CRITERIA = "demo.criteria"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(all_paths(RUBRIC)), value=JUNK)
def test_junk_in_a_rubric_is_a_fault_or_harmless(
    tmp_path: Path, demo: Assignment, path: str, value: object
) -> None:
    target = tmp_path / "rubric.yaml"
    target.write_text(dump(changed(RUBRIC, path, value)), encoding="utf-8")
    faults: tuple[str, ...] = ()
    points = 0.0
    try:
        points = sum(criterion.points for criterion in load_rubric(target, demo).criteria)
    except ConfigError as error:
        faults = error.faults
    assert faults or 0 < points < float("inf")


@pytest.mark.parametrize(
    ("path", "value", "place", "words"),
    [
        ("demo", REMOVE, "", "no block named 'demo'"),
        ("demo.criteria", REMOVE, "demo", "'criteria' is missing"),
        ("demo.policies.follow_trough", 1, "demo.policies.follow_trough", "did you mean 'follow_through'"),
        ("demo.policies.follow_through", 1.5, "demo.policies.follow_through", "at most 1"),
        ("demo.policies.proportional_gradient", float("nan"), ".proportional_gradient", "finite"),
        ("demo.policies.forbid_families", ["distance"], ".forbid_families[0]", "exercise.family"),
        ("demo.policies.forbid_families", ["dist.huber"], ".forbid_families[0]", "did you mean 'distance'"),
        (f"{CRITERIA}.first.points", -1, f"{CRITERIA}.first.points", "at least 0"),
        (f"{CRITERIA}.first.points", float("nan"), f"{CRITERIA}.first.points", "finite"),
        (f"{CRITERIA}.first.points", "2", f"{CRITERIA}.first.points", "must be a number"),
        (f"{CRITERIA}.first.points", REMOVE, f"{CRITERIA}.first", "'points' is missing"),
        (f"{CRITERIA}.first.exercise", "distanc", ".first.exercise", "did you mean 'distance'"),
        (f"{CRITERIA}.first.exercise", REMOVE, ".first", "'exercise' is missing"),
        (f"{CRITERIA}.first.kind", "extra", ".first.kind", "choose from"),
        (f"{CRITERIA}.first.needs", ["third"], ".first.needs[0]", "unknown 'third'"),
        (f"{CRITERIA}.first.needs", ["second"], ".first", "needs itself"),
        (f"{CRITERIA}.final", {"points": 1, "exercise": "loss"}, f"{CRITERIA}.final", "reserved"),
        (f"{CRITERIA}.-x", {"points": 1, "exercise": "loss"}, f"{CRITERIA}.-x", "does not begin with -"),
        (f"{CRITERIA}.first", REMOVE, CRITERIA, "'distance' has no criterion"),
        (f"{CRITERIA}.first.title", {"en": "x"}, ".first.title", "'ko' is missing"),
    ],
)
def test_each_fault_of_a_rubric(
    tmp_path: Path, demo: Assignment, path: str, value: object, place: str, words: str
) -> None:
    faults = rubric_faults(tmp_path, demo, changed(RUBRIC, path, value))
    assert any(f"{place}: " in fault and words in fault and "rubric.yaml" in fault for fault in faults), faults


def test_a_rubric_without_points(tmp_path: Path, demo: Assignment) -> None:
    document = changed(RUBRIC, f"{CRITERIA}.first.points", 0)
    document["demo"]["criteria"]["second"]["points"] = 0
    assert any("no criterion has points" in fault for fault in rubric_faults(tmp_path, demo, document))
