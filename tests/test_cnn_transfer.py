"""The CNN assignment where the common tests do not reach: the course's own script, figures, both Keras.

The course's text is not ours, so it is not in this repository; it is read from beside the checkout.
"""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
from published import find

from grader.explain import explain_exercise
from grader.pipeline import Context, grade
from grader.sandbox.pool import Zygote
from grader.types import LANGUAGES, REFERENCE, ExerciseResult, Graded, Submission, Verdict

pytest.importorskip("tf_keras")
ROOT = Path(__file__).resolve().parent.parent
TEXT, needs_text = find("004")
FUNCTIONS_ONLY = {"output_shape", "parameter_count"}  # nothing in the course's script stands for them


@pytest.fixture(scope="module")
def cnn(context_of: Callable[[str], Context]) -> Context:
    return context_of("cnn_transfer")


# ---------------------------------------------------------------- the course's script


def parses(source: str) -> bool:
    try:
        ast.parse(re.sub(r"^%.*$", "", source, flags=re.M))
    except SyntaxError:
        return False
    return True


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """(kind, source) of the cells: code is what follows its marker for as long as Python can read it."""
    for part in re.split(r"^In \[[^]]*\]:\n", text, flags=re.M)[1:]:
        paragraphs = part.split("\n\n")
        ends = (n for n in range(len(paragraphs), 0, -1) if parses("\n\n".join(paragraphs[:n])))
        code = next(ends, 0)
        yield "code", "\n\n".join(paragraphs[:code]).rstrip()
        yield "markdown", "\n\n".join(paragraphs[code:])


def course(tmp_path: Path, mend: Callable[[str], str] = lambda source: source) -> Path:
    """The course's notebook as a file, each code cell mended."""
    assert TEXT is not None
    made = nbformat.v4.new_notebook()
    for kind, source in blocks(TEXT.read_text("utf-8")):
        text = mend(source) if kind == "code" else source
        made.cells.append(getattr(nbformat.v4, f"new_{kind}_cell")(text))
    path = tmp_path / "course.ipynb"
    nbformat.write(made, path)
    return path


def graded(path: Path, context: Context) -> Graded:
    return grade(Submission("course", str(path), path.read_bytes(), "x"), context)


def by_name(result: Graded) -> dict[str, ExerciseResult]:
    return {one.exercise: one for one in result.results}


def both_slips_mended(source: str) -> str:
    """Fifteen units and the labels of the fifteen; pooling that may look beyond the rim."""
    if "load_sub_model" in source:
        return source.replace("Dense(3,", "Dense(15,").replace("tr_super_y", "tr_sub_y")
    return source.replace(
        "model_pool.add(tf.keras.layers.MaxPool2D())", "model_pool.add(tf.keras.layers.MaxPool2D(padding='same'))"
    )


@needs_text
def test_the_text_was_cut_into_the_cells_that_matter(tmp_path: Path) -> None:
    cells = nbformat.read(course(tmp_path), 4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert code.count("Conv2D(") == 5
    assert code.count(".fit(") == 5
    assert code.count("load_model('shared_model')") == 2
    assert not re.search(r"^\s*[가-힣]", code, re.M), "prose in a code cell"
    assert both_slips_mended(code) != code


@needs_text
def test_as_printed_its_two_slips_are_named_and_the_rest_is_right(tmp_path: Path, cnn: Context) -> None:
    result = graded(course(tmp_path), cnn)
    found = by_name(result)
    assert result.grade.final
    wrong = {name: one.verdict for name, one in found.items() if one.verdict != Verdict.PASSED}
    assert wrong == {
        **dict.fromkeys(FUNCTIONS_ONLY, Verdict.MISSING),
        "pooled_model": Verdict.FAILED,
        "train_subclass": Verdict.FAILED,
    }
    assert found["pooled_model"].mistake == "pm_nothing_left"
    assert found["train_subclass"].mistake == "ts_super_task_again"
    for lang in LANGUAGES:
        told = told_of(found["pooled_model"], cnn, lang)
        assert "32, 16, 8, 4, 2, 1" in told
        assert "Negative dimension size caused by subtracting 2 from 1" in told
    assert "fifteen mammals" in told_of(found["train_subclass"], cnn, "en")
    assert "포유류 15종" in told_of(found["train_subclass"], cnn, "ko")
    earned = {score.criterion.id: (score.earned, score.criterion.points) for score in result.grade.scores}
    assert earned["shared_function"] == (15, 15)
    assert result.run is not None
    assert result.run.mode == "legacy"


@needs_text
def test_with_its_slips_mended_everything_in_it_is_right(tmp_path: Path, cnn: Context) -> None:
    found = by_name(graded(course(tmp_path, both_slips_mended), cnn))
    assert {name for name, one in found.items() if one.verdict != Verdict.PASSED} == FUNCTIONS_ONLY
    assert found["pooled_model"].family == "padded_pool"


def told_of(result: ExerciseResult, context: Context, lang: str) -> str:
    exercise = context.assignment.exercises[result.exercise]
    return explain_exercise(result, context.expectations, exercise, lang)


# ---------------------------------------------------------------- figures, files, the other Keras


def test_the_figures_of_the_text(cnn: Context) -> None:
    def known(case: str, what: str) -> list[float]:
        array = cnn.expectations.cases[case].families[REFERENCE].arrays[what]
        return [float(entry) for entry in array.ravel()]

    assert known("output_shape/same", "shape") == [32, 32, 2]
    assert known("output_shape/valid", "shape") == [30, 30, 2]
    assert known("parameter_count/first", "parameters") == [56]
    assert known("conv_model/typical", "parameters") == [56, 0]
    assert known("strided_model/typical", "parameters") == [114_371 - 512, 512]
    assert known("shared_function/typical", "output_shape") == [2, 2, 128]
    assert known("shared_function/typical", "parameters") == [448_384 - 1_024, 1_024]
    assert 448_384 + known("add_head/three_classes", "head_parameters")[0] == 449_923


@pytest.mark.parametrize("name", ["right_other_forms", "right_script"])
def test_right_is_right_in_legacy_keras_too(name: str, cnn: Context, legacy_sandbox: Zygote) -> None:
    path = ROOT / "tests" / "submissions" / "cnn_transfer" / name / "submission.ipynb"
    result = graded(path, replace(cnn, sandbox=legacy_sandbox))
    assert {one.exercise: one.verdict for one in result.results if one.verdict != Verdict.PASSED} == {}


def test_the_stand_in_data_have_the_layout_of_the_real_ones(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    runpy.run_path(str(ROOT / "assignments" / "cnn_transfer" / "make_data.py"))["main"](tmp_path)
    for images, labels in (("10_train.npy", "10_tr_labels.csv"), ("10_test.npy", "10_ts_labels.csv")):
        photographs = np.load(tmp_path / images)
        table = np.loadtxt(tmp_path / labels, dtype=str, delimiter=",")
        assert photographs.dtype == np.uint8
        assert photographs.shape == (len(table) - 1, 32, 32, 3)
        assert table[0].tolist() == ["fine_labels", "coarse_labels"]
        fine, kinds = table[1:].T
        assert (len(np.unique(fine)), len(np.unique(kinds))) == (15, 3)
        counts = np.unique(fine, return_counts=True)[1]
        assert counts.min() == counts.max()
