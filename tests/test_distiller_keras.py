"""The Distiller: the class as published, read as printed where its text is at hand, and the notebook's figures.

The text is not ours, so it is not in this repository; the test reads it from beside the checkout.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from published import as_notebook, code_cells, find

from grader.pipeline import Context, grade
from grader.sandbox.pool import Zygote
from grader.types import Call, Chunk, Graded, Limits, Program, Submission, Verdict

SLUG = "distiller_keras"
TEXT, printed = find("002")

SLIP = ("self.teacher = student", "self.student = teacher")
MENDED = ("self.teacher = teacher", "self.student = student")
STEP = "loss = self.alpha * student_loss + (1 - self.alpha) * distillation_loss"


def cells(*mended: tuple[str, str]) -> list[str]:
    """The sources of the printed notebook's code cells, with these replacements."""
    assert TEXT is not None
    text = TEXT.read_text("utf-8")
    for old, new in mended:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return code_cells(text)


@pytest.fixture(scope="module")
def keras_3(context_of: Callable[[str], Context], tf_sandbox: Zygote) -> Context:
    return replace(context_of(SLUG), sandbox=tf_sandbox)


@pytest.fixture(params=["keras_3", "keras_2"])
def either(request: pytest.FixtureRequest, keras_3: Context) -> Context:
    """Grading in one Keras and in the other; what is expected was computed with Keras 3."""
    if request.param == "keras_3":
        return keras_3
    pytest.importorskip("tf_keras")
    return replace(keras_3, sandbox=request.getfixturevalue("legacy_sandbox"))


def graded(sources: list[str], context: Context) -> Graded:
    return grade(Submission("published", "published.ipynb", as_notebook(sources), "x"), context)


def verdicts(result: Graded) -> dict[str, Verdict]:
    return {r.exercise: r.verdict for r in result.results}


def mistakes(result: Graded) -> dict[str, str]:
    return {r.exercise: r.mistake for r in result.results if r.mistake}


@printed
def test_the_text_was_cut_into_its_cells() -> None:
    code = cells()
    assert len(code) == 8
    assert re.findall(r"^(?:class|def) (\w+)", "\n".join(code), re.M) == ["Distiller"]


@printed
def test_as_it_was_published_the_roles_are_swapped_and_that_costs_once(either: Context) -> None:
    result = graded(cells(), either)
    wrong = {name: v for name, v in verdicts(result).items() if v != Verdict.PASSED}
    assert wrong == {"roles": Verdict.FAILED}
    assert mistakes(result) == {"roles": "roles_swapped"}
    assert (result.grade.final, result.grade.possible - result.grade.earned) == (True, 15)


@printed
def test_mended_in_its_one_place_it_earns_everything(either: Context) -> None:
    result = graded(cells(*zip(SLIP, MENDED, strict=True)), either)
    assert set(verdicts(result).values()) == {Verdict.PASSED}
    assert (result.grade.final, result.grade.earned) == (True, result.grade.possible)


@printed
def test_a_slip_in_its_step_is_named_in_either_keras(either: Context) -> None:
    minus = (STEP, STEP.replace(" + ", " - "))
    assert mistakes(graded(cells(*zip(SLIP, MENDED, strict=True), minus), either)) == {"train_step": "minus"}


def test_the_networks_have_as_many_parameters_as_the_notebook_says(root: Path, tf_sandbox: Zygote) -> None:
    notebook = json.loads((root / "assignments" / SLUG / "notebook.ipynb").read_text("utf-8"))
    sources = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}
    counts = """
def f(x):
    return np.array([make_teacher().count_params(), make_student().count_params()], "float32")
"""
    chunks = tuple(Chunk(text, 1) for text in (sources["imports"], sources["networks"], counts))
    run = tf_sandbox.run(
        Program(chunks, {}), [Call("f/a", "f", ("x",), (), {"x": np.zeros(1, "f4")})], Limits(memory_mb=2048)
    )
    value = run.observations["f/a"].value
    assert value is not None, run.observations["f/a"].fault
    assert value.tolist() == [1_433_610, 20_490]
    assert "1,433,610" in sources["section-2"]
    assert "20,490" in sources["section-2"]
