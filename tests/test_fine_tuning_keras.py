"""What the common tests do not cover: the shipped base, and the blog post that the assignment follows, as printed.

The post is not ours, so it is not in this repository; the tests read it from beside the checkout.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import numpy as np
import pytest
from published import find

from grader.pipeline import Context, grade
from grader.sandbox.pool import Zygote
from grader.types import Call, Chunk, ExerciseResult, Graded, Limits, Program, Submission, Verdict

SLUG = "fine_tuning_keras"
TEXT, printed = find("003")


@pytest.fixture(scope="module")
def context(context_of: Callable[[str], Context]) -> Context:
    """What judging a submission needs: Keras 3, and Keras 2 for notebooks that ask for it."""
    return context_of(SLUG)


# ---------------------------------------------------------------- the blog post


def blocks() -> list[str]:
    """The code of the post: what stands between its fences, of which some have two marks in place of three."""
    assert TEXT is not None
    inside, found = False, [""]
    for line in TEXT.read_text("utf-8").splitlines():
        if re.fullmatch(r"\s*`{2,3}\s*", line):
            inside = not inside
            found.append("")
        elif inside:
            found[-1] += line + "\n"
    return [block for block in found if block.strip()]


def submitted(tmp_path: Path, cells: list[str]) -> Path:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    path = tmp_path / "post.ipynb"
    nbformat.write(made, path)
    return path


def graded(path: Path, context: Context) -> Graded:
    return grade(Submission("post", str(path), path.read_bytes(), "x"), context)


def mended(cells: list[str]) -> list[str]:
    """As its author must have run it: imports on top, and no blank that slipped in front of a line."""
    imports = "import numpy as np\nimport tensorflow as tf\nfrom tensorflow import keras\n"
    return [imports, *(re.sub(r"^ (?=base_model = )", "", cell, flags=re.MULTILINE) for cell in cells)]


def earned(result: Graded) -> dict[str, float]:
    return {score.criterion.id: score.earned for score in result.grade.scores if score.earned}


@printed
def test_the_snippets_of_the_post_hold_what_they_print(tf_sandbox: Zygote) -> None:
    snippets = [block for block in blocks() if "결과" in block]
    claims = [int(n) for block in snippets for n in re.findall(r"^[a-z_]+: (\d+)$", block, re.MULTILINE)]
    code = "\n".join(
        ["from tensorflow import keras", *(block.split("결과")[0].replace(")\\", ")") for block in snippets)]
    )
    code += "\ndef done():\n    return 1.0\n"
    run = tf_sandbox.run(program(code), [Call("done/a", "done", (), (), {})], Limits())
    assert run.load_faults == ()
    assert [int(n) for n in re.findall(r"^[a-z_]+: (\d+)$", run.printed, re.MULTILINE)] == claims
    assert claims == [2, 2, 0, 4, 2, 2, 2, 0, 2]


@printed
def test_its_assertions_about_freezing_hold(tf_sandbox: Zygote) -> None:
    snippets = [block for block in blocks() if "assert" in block]
    assert len(snippets) == 2
    code = "\n".join(
        ["import numpy as np\nfrom tensorflow import keras", *snippets, "def done():\n    return 1.0\n"]
    )
    run = tf_sandbox.run(program(code), [Call("done/a", "done", (), (), {})], Limits())
    assert run.load_faults == ()
    assert run.observations["done/a"].ended == Verdict.PASSED


@printed
def test_handed_in_as_printed_it_is_graded_and_nothing_crashes(tmp_path: Path, context: Context) -> None:
    result = graded(submitted(tmp_path, blocks()), context)
    verdicts = {r.exercise: r.verdict for r in result.results}
    assert {verdicts[name] for name in ("count_weights", "freeze", "extract_features")} == {Verdict.MISSING}
    # The line that loads the base does not parse, so the head sits on the pixels and no base is ever trained.
    assert (verdicts["build_model"], verdicts["train_head"]) == (Verdict.FAILED, Verdict.ERROR)
    assert (result.grade.final, result.grade.earned) == (True, 0)


@printed
def test_mended_its_script_earns_all_that_a_script_can(tmp_path: Path, context: Context) -> None:
    """`layers.experimental` asks for Keras 2, where its BatchNormalization keeps the moving statistics."""
    result = graded(submitted(tmp_path, mended(blocks())), context)
    assert result.run is not None
    assert result.run.mode == "legacy"
    assert earned(result) == {"build_model": 30, "train_head": 15, "fine_tune": 20}
    assert tuned(result).family == "scales_trained"


@printed
def test_in_keras_3_its_moving_statistics_change(tmp_path: Path, context: Context, tf_sandbox: Zygote) -> None:
    result = graded(submitted(tmp_path, mended(blocks())), replace(context, sandbox=tf_sandbox))
    assert earned(result) == {"build_model": 30, "train_head": 15}
    assert tuned(result).mistake == "ft_batch_norm_training_mode"


def tuned(result: Graded) -> ExerciseResult:
    return next(r for r in result.results if r.exercise == "fine_tune")


def program(source: str) -> Program:
    return Program((Chunk(source, 1),), {}, {1: source})


# ---------------------------------------------------------------- the shipped base


@pytest.fixture(scope="module")
def make_base(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_base", root / "assignments" / SLUG / "make_base.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def base(root: Path, make_base: ModuleType) -> Any:
    """The shipped base, loaded by the notebook's own code."""
    keras = pytest.importorskip("tensorflow").keras
    folder = root / "assignments" / SLUG
    cells = nbformat.read(folder / "notebook.ipynb", 4).cells
    (source,) = (cell.source for cell in cells if cell.id == "base-load")
    tree = ast.parse(source)
    functions: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    names: dict[str, Any] = {"keras": keras, "layers": keras.layers, "np": np, "XCEPTION": Path("/nowhere")}
    exec(compile(ast.Module(functions, []), "notebook", "exec"), names)
    before = Path.cwd()
    os.chdir(folder)
    try:
        return names["load_base"]()
    finally:
        os.chdir(before)


def test_the_shipped_base_is_the_network_that_the_script_trains(
    root: Path, base: Any, make_base: ModuleType
) -> None:
    stored = root / "assignments" / SLUG / "small_base.npz"
    assert stored.stat().st_size < 200_000
    made = make_base.small_base()
    assert [(w.path, w.shape) for w in base.weights] == [(w.path, w.shape) for w in made.weights]
    assert base.count_params() == 11_008
    with np.load(stored) as arrays:
        assert {name.split("/")[0] for name in arrays} == {layer.name for layer in made.layers if layer.weights}
        trained = arrays["conv1_bn/2"]  # moving means: 0 before a network has seen an image
    assert np.abs(trained).min() > 0


def test_its_features_tell_digits_apart_that_it_has_never_seen(base: Any, make_base: ModuleType) -> None:
    pytest.importorskip("sklearn")
    strokes, labels = make_base.digits()
    strokes, signs = strokes[labels >= 8], np.where(labels[labels >= 8] == 9, 1.0, -1.0)
    half = len(signs) // 2

    def accuracy(features: Any) -> float:
        """Of a ridge regression on the first half (in four colours each), on the second half."""
        seen = np.concatenate([features(make_base.coloured(strokes[:half], seed)) for seed in range(4)])
        rows = np.c_[seen, np.ones(len(seen))]
        weights = np.linalg.solve(rows.T @ rows + np.eye(rows.shape[1]), rows.T @ np.tile(signs[:half], 4))
        new = features(make_base.coloured(strokes[half:], 9))
        return float(np.mean(np.sign(np.c_[new, np.ones(len(new))] @ weights) == signs[half:]))

    assert accuracy(lambda images: np.array(base(images / 127.5 - 1)).mean(axis=(1, 2))) > 0.75
    assert accuracy(lambda images: images[:, 2::4, 2::4].reshape(len(images), -1) / 127.5 - 1) < 0.65


def test_the_figures_of_xception(root: Path, make_base: ModuleType) -> None:
    keras = pytest.importorskip("tensorflow").keras
    xception = keras.applications.Xception(weights=None, include_top=False, input_shape=(150, 150, 3))
    assert xception.count_params() == 20_861_480
    assert xception.output_shape == (None, 5, 5, 2048)
    names: dict[str, Any] = {}
    exec((root / "reference" / SLUG / "solution_tensorflow.py").read_text("utf-8"), names)
    model = names["build_model"](names["freeze"](xception), (150, 150, 3))
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == 2_049
    assert f"{xception.count_params():,}" in (root / "assignments" / SLUG / "README.md").read_text("utf-8")
