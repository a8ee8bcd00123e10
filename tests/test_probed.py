"""The `probes:` of spec.yaml and probes.py beside it: what is read, and that every fault names its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import REMOVE, changed

from grader.spec import ConfigError, load_assignment
from grader.types import Assignment

TITLE = {"en": "A title", "ko": "제목"}
PROBES = '''"""Looks."""
import numpy as np


def look(learner, x, rate):
    return {"loss": 1}


def other(learner, *, x):
    return {"loss": 1}


def bare():
    return {}


class Helper:
    def method(self):
        pass
'''
SPEC: dict[str, Any] = {
    "slug": "demo",
    "version": "1",
    "title": TITLE,
    "framework": "numpy",
    "exercises": {
        "step": {
            "definition": "Thing.step",
            "variables": ["model"],
            "title": TITLE,
            "rtol": 1e-3,
            "probes": {
                "look": {"inputs": ["x", "rate"], "observes": {"loss": TITLE, "moved": {**TITLE, "rtol": 1e-4}}},
                "other": {"inputs": ["x"], "observes": {"loss": TITLE}},
            },
            "cases": {
                "typical": {"probe": "look", "public": True, "inputs": {"x": {"normal": [4, 3]}, "rate": 2}},
                "hidden": {"probe": "other", "inputs": {"x": {"normal": [4, 3]}}},
            },
        },
        "plain": {
            "title": TITLE,
            "args": ["x"],
            "returns": "array",
            "cases": {"typical": {"public": True, "inputs": {"x": {"normal": [4, 3]}}}},
        },
    },
}
STEP = "exercises.step"
LOOK = f"{STEP}.probes.look"


def load(folder: Path, document: dict[str, Any], probes: str | bytes | None = PROBES) -> Assignment:
    target = folder / "demo"
    target.mkdir()
    (target / "spec.yaml").write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), "utf-8")
    if probes is not None:
        (target / "probes.py").write_bytes(probes if isinstance(probes, bytes) else probes.encode())
    return load_assignment(target)


def faults(folder: Path, document: dict[str, Any], probes: str | bytes | None = PROBES) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(folder, document, probes)
    return caught.value.faults


def test_a_probed_exercise_is_read(tmp_path: Path) -> None:
    assignment = load(tmp_path, SPEC)
    step = assignment.exercises["step"]
    assert (step.root, step.method, step.variables) == ("Thing", "step", ("model",))
    assert assignment.probes == PROBES
    look = step.probes["look"]
    assert (look.inputs, list(look.observes)) == (("x", "rate"), ["loss", "moved"])
    assert (look.observes["loss"].rtol, look.observes["moved"].rtol) == (1e-3, 1e-4)
    assert look.observes["moved"].title == TITLE
    assert [case.probe for case in step.cases] == ["look", "other"]
    plain = assignment.exercises["plain"]
    assert (plain.root, plain.method, plain.probes, plain.cases[0].probe) == ("plain", "", {}, "")


def test_the_only_probe_need_not_be_named(tmp_path: Path) -> None:
    document = changed(changed(SPEC, f"{STEP}.probes.other", REMOVE), f"{STEP}.cases.hidden", REMOVE)
    document = changed(document, f"{STEP}.cases.typical.probe", REMOVE)
    assert load(tmp_path, document).exercises["step"].cases[0].probe == "look"


def test_probes_decide_the_digest(tmp_path: Path) -> None:
    first = load(tmp_path, SPEC).digest
    (tmp_path / "demo" / "probes.py").write_text(PROBES + "# changed\n", "utf-8")
    assert load_assignment(tmp_path / "demo").digest != first


@pytest.mark.parametrize(
    ("path", "value", "place", "words"),
    [
        (f"{STEP}.probes", {}, f"{STEP}.probes", "at least one probe"),
        (
            f"{STEP}.probes.lok",
            {"observes": {"a": TITLE}},
            f"{STEP}.probes.lok",
            "no function 'lok'; did you mean 'look'?",
        ),
        (f"{STEP}.probes.Helper", {"observes": {"a": TITLE}}, f"{STEP}.probes.Helper", "no function 'Helper'"),
        (
            f"{LOOK}.inputs",
            ["rate", "x"],
            LOOK,
            "look(learner, x, rate); with these inputs it is look(learner, rate, x)",
        ),
        (f"{LOOK}.inputs", REMOVE, LOOK, "with these inputs it is look(learner)"),
        (f"{STEP}.probes.bare", {"observes": {"a": TITLE}}, f"{STEP}.probes.bare", "it is bare(learner)"),
        (f"{LOOK}.observes", REMOVE, LOOK, "'observes' is missing"),
        (f"{LOOK}.observes", {}, f"{LOOK}.observes", "at least one thing"),
        (f"{LOOK}.observes.value", TITLE, f"{LOOK}.observes.value", "none of value, defined, training"),
        (f"{LOOK}.observes.defined", TITLE, f"{LOOK}.observes.defined", "none of value"),
        (f"{LOOK}.observes.training", TITLE, f"{LOOK}.observes.training", "none of value"),
        (f"{LOOK}.observes.a-b", TITLE, f"{LOOK}.observes.a-b", "a Python name"),
        (f"{LOOK}.observes.loss", {"en": "x"}, f"{LOOK}.observes.loss", "'ko' is missing"),
        (f"{LOOK}.observes.loss.rtol", 0, f"{LOOK}.observes.loss.rtol", "more than 0"),
        (f"{LOOK}.observes.loss.rtol", 1, f"{LOOK}.observes.loss.rtol", "at most 0.1"),
        (f"{STEP}.cases.typical.probe", REMOVE, f"{STEP}.cases.typical", "which probe? add `probe:`"),
        (f"{STEP}.cases.typical.probe", "loko", f"{STEP}.cases.typical.probe", "did you mean 'look'?"),
        (f"{STEP}.cases.hidden.inputs.rate", 1, f"{STEP}.cases.hidden.inputs.rate", "is no argument"),
        (f"{STEP}.cases.typical.inputs.rate", REMOVE, f"{STEP}.cases.typical", "the input 'rate' is missing"),
        (
            f"{STEP}.cases.hidden.kind",
            "robustness",
            f"{STEP}.cases.hidden",
            "a case with a probe is an ordinary one",
        ),
        (f"{STEP}.args", ["x"], f"{STEP}.args", "unknown key"),
        (f"{STEP}.gradient", ["x"], f"{STEP}.gradient", "unknown key"),
        (f"{STEP}.definition", "Thing.step.more", f"{STEP}.definition", "a function or class, or Class.method"),
        (f"{STEP}.definition", "a thing", f"{STEP}.definition", "a function or class, or Class.method"),
        (f"{STEP}.variables", ["a b"], f"{STEP}.variables[0]", "must be a name"),
        ("exercises.plain.cases.typical.probe", "look", "exercises.plain.cases.typical.probe", "has no `probes`"),
        ("exercises.plain.definition", "Thing", "exercises.plain.definition", "goes with `probes`"),
        ("exercises.plain.variables", ["x"], "exercises.plain.variables", "goes with `probes`"),
    ],
)
def test_each_fault(tmp_path: Path, path: str, value: object, place: str, words: str) -> None:
    found = faults(tmp_path, changed(SPEC, path, value))
    assert any(f"spec.yaml: {place}: " in fault and words in fault for fault in found), found


def test_probes_without_probes_py_have_nothing_to_choose_from(tmp_path: Path) -> None:
    found = faults(tmp_path, SPEC, None)
    assert any(f"{LOOK}: probes.py has no function 'look'; there is none to choose" in fault for fault in found)


@pytest.mark.parametrize(
    ("probes", "told"),
    [
        ("import numpy\n\ndef look(learner, x, rate:\n    pass\n", "probes.py, line 3"),
        ("def look(learner, x, rate):\nreturn {}\n", "probes.py, line 2"),
        (b"# \xff\xfe", "utf-8"),
    ],
)
def test_probes_that_are_no_python_are_named_with_their_line(
    tmp_path: Path, probes: str | bytes, told: str
) -> None:
    (found,) = faults(tmp_path, SPEC, probes)
    assert str(tmp_path / "demo") in found
    assert told in found


def test_probes_are_read_and_never_run_here(tmp_path: Path) -> None:
    load(tmp_path, SPEC, PROBES + "\nraise SystemExit('run')\n")
