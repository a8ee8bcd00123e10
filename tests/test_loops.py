"""Short trainings: both frameworks and Keras agree, nothing is left to chance, odd losses train as they should."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import linecache
import subprocess
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader import network
from grader.types import Array

pytest.importorskip("tensorflow")
pytest.importorskip("torch")
pytest.importorskip("sklearn")

import tensorflow as tf
import torch
from sklearn.datasets import load_digits

from grader.loops import tf_loop, torch_loop

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = {
    "width": 8, "teacher_width": 16, "classes": 10, "learning_rate": 5e-3,
    "checkpoints": 1, "seed": 0, "return_weights": 1,
}  # fmt: skip
LOSSES = ["scratch", "loss_with_kd", "loss_with_at", "loss_with_rkd"]
FRAMEWORKS = ["tensorflow", "torch"]


@contextlib.contextmanager
def bound(namespace: dict[str, Any], values: Mapping[str, Any]) -> Iterator[None]:
    """Names mean these values for a while, as in a worker."""
    namespace.update(values)
    try:
        yield
    finally:
        for name in values:
            del namespace[name]


class Side:
    """One framework: its loop and the reference's losses."""

    def __init__(self, name: str) -> None:
        path = ROOT / "reference" / "distillation_tf" / f"solution_{name}.py"
        spec = importlib.util.spec_from_file_location(f"loops_{name}", path)
        assert spec is not None
        assert spec.loader is not None
        self.program = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.program)
        self.module, loop = (tf, tf_loop) if name == "tensorflow" else (torch, torch_loop)
        self.Loop: Any = functools.partial(loop.Loop, self.module)
        keras = tf.keras.losses.categorical_crossentropy
        self.program.scratch = keras if name == "tensorflow" else self.program.keras_cross_entropy
        self.bind = functools.partial(bound, vars(self.program))

    def run(self, loop: Any, function: str | Callable[..., Any], inputs: Any, **settings: float) -> Any:
        called = getattr(self.program, function) if isinstance(function, str) else function
        return loop.run(called, self.bind, inputs, {**SETTINGS, **settings})


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker. TensorFlow's threads cannot be changed once an operation ran, in another file's test."""
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def sides() -> dict[str, Side]:
    return {name: Side(name) for name in FRAMEWORKS}


@pytest.fixture(scope="module")
def digits() -> dict[str, Array]:
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    images, labels = (found.images[order] / 16).astype(np.float32)[..., None], found.target[order].astype(np.int32)
    parts = {"images": images[:1000], "held_out": images[1000:]}
    return {**parts, "labels": labels[:1000], "held_out_labels": labels[1000:]}


def shared(digits: Mapping[str, Array], teacher: Array | None = None) -> dict[str, Array]:
    found = {name: digits[name] for name in ("images", "held_out")}
    return found if teacher is None else {**found, "teacher": teacher}


def student(digits: Mapping[str, Array], steps: int, seed: int = 0) -> dict[str, Array]:
    """Three labels of each class; batches of 16 labelled and 48 other images."""
    rng, labels = np.random.default_rng(seed), digits["labels"]
    few = np.concatenate([rng.choice(np.flatnonzero(labels == k), 3, replace=False) for k in range(10)])
    rows = [(rng.choice(few, 16, replace=False), rng.choice(1000, 48, replace=False)) for _ in range(steps)]
    indices = np.stack([np.concatenate(row) for row in rows]).astype(np.int32)
    known = labels[indices]
    known[:, 16:] = -1
    return {"indices": indices, "labels": known, "weights": network.initial(rng, 8, 10, 1)}


@pytest.fixture(scope="module")
def teacher(sides: dict[str, Side], digits: dict[str, Array]) -> Array:
    """A wider network, trained on all labels."""
    side, rng = sides["tensorflow"], np.random.default_rng(1)
    indices = rng.integers(0, 1000, (250, 64)).astype(np.int32)
    weights = network.initial(rng, 16, 10, 1)
    inputs = {"indices": indices, "labels": digits["labels"][indices], "weights": weights}
    found = side.run(side.Loop(shared(digits), SETTINGS), "scratch", inputs, width=16)
    assert np.mean(found["predictions"][-1] == digits["held_out_labels"]) > 0.95
    return found["weights"]


@pytest.fixture(scope="module")
def loops(sides: dict[str, Side], digits: dict[str, Array], teacher: Array) -> dict[str, Any]:
    return {name: side.Loop(shared(digits, teacher), SETTINGS) for name, side in sides.items()}


def same(actual: Mapping[str, Array], expected: Mapping[str, Array]) -> bool:
    """Equal to the bit; NaN equals NaN."""
    bits, wanted = ({name: array.tobytes() for name, array in found.items()} for found in (actual, expected))
    return bits == wanted


# ---------------------------------------------------------------- right


@pytest.mark.parametrize("loss", LOSSES)
def test_the_frameworks_agree(loss: str, sides: Any, loops: Any, digits: dict[str, Array]) -> None:
    """Only for a few steps: a training amplifies rounding."""
    one, other = (sides[name].run(loops[name], loss, student(digits, 3)) for name in FRAMEWORKS)
    np.testing.assert_allclose(one["curve"], other["curve"], rtol=1e-5)
    assert np.mean(one["predictions"] == other["predictions"]) > 0.98


@pytest.mark.parametrize("length", [7, 10])
def test_they_agree_on_other_sizes_and_channels(length: int, sides: Any) -> None:
    """An odd length is padded on both sides by TensorFlow's "same", an even one at its end."""
    rng = np.random.default_rng(2)
    given = {name: rng.random((20, length, length, 3), np.float32) for name in ("images", "held_out")}
    given["teacher"] = network.initial(rng, 6, 4, 3)
    indices, labels = rng.integers(0, 20, (2, 12)), rng.integers(-1, 4, (2, 12))
    inputs = {"indices": indices.astype(np.int32), "labels": labels.astype(np.int32)}
    inputs["weights"] = network.initial(rng, 4, 4, 3)
    settings = {**SETTINGS, "width": 4, "teacher_width": 6, "classes": 4}
    found = [side.run(side.Loop(given, settings), "loss_with_at", inputs, **settings) for side in sides.values()]
    np.testing.assert_allclose(found[0]["curve"], found[1]["curve"], rtol=1e-5)


def test_it_is_the_notebooks_network_with_keras_adam(sides: Any, digits: dict[str, Array]) -> None:
    layers, side, inputs = tf.keras.layers, sides["tensorflow"], student(digits, 3)
    x = images = tf.keras.Input((8, 8, 1))
    for stage in range(3):
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x) if stage else x
        for _ in range(2):
            x = layers.BatchNormalization()(layers.Conv2D(8 * 2**stage, 3, padding="same")(x))
            x = layers.ReLU()(x)
    outputs = layers.Softmax()(layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
    model, adam = tf.keras.Model(images, outputs), tf.keras.optimizers.Adam(SETTINGS["learning_rate"])
    at = 0
    for variable in model.trainable_variables:
        variable.assign(inputs["weights"][at : at + np.size(variable)].reshape(variable.shape))
        at += np.size(variable)
    assert at == len(inputs["weights"]) == network.size(8, 10, 1)

    def loss(y_true: Any, y_pred: Any) -> Any:
        return -tf.reduce_sum(y_true * tf.math.log(y_pred), -1)

    expected = []
    for indices, labels in zip(inputs["indices"], inputs["labels"], strict=True):
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss(tf.one_hot(labels, 10), model(digits["images"][indices], training=True)))
        gradients = tape.gradient(value, model.trainable_variables)
        adam.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        expected.append(float(value))
    actual = side.run(side.Loop(shared(digits), SETTINGS), loss, inputs)
    np.testing.assert_allclose(actual["curve"], expected, rtol=1e-5)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_distilling_helps_where_labels_are_few(name: str, sides: Any, loops: Any, digits: Any) -> None:
    inputs, accuracy = student(digits, 60, seed=5), {}
    for loss in ("scratch", "loss_with_kd"):
        found = sides[name].run(loops[name], loss, inputs)
        accuracy[loss] = 100 * np.mean(found["predictions"][-1] == digits["held_out_labels"])
    assert accuracy["loss_with_kd"] > accuracy["scratch"] + 10


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_rows_without_a_label_teach_nothing(name: str, sides: Any, loops: Any, digits: dict[str, Array]) -> None:
    """Keras' cross-entropy must not find the logits behind y_pred: its fused gradient pushes rows of zeros."""
    inputs = student(digits, 2)
    inputs["labels"] = np.full_like(inputs["labels"], -1)
    found = sides[name].run(loops[name], "scratch", inputs)
    assert not found["curve"].any()
    assert np.array_equal(found["weights"], inputs["weights"])


def test_weights_begin_as_in_keras() -> None:
    flat, at = network.initial(np.random.default_rng(0), 64, 100, 3), 0
    assert flat.dtype == np.float32
    assert flat.shape == (network.size(64, 100, 3),)
    for number, shape in enumerate(network.shapes(64, 100, 3)):
        part, at = flat[at : at + np.prod(shape)], at + int(np.prod(shape))
        if len(shape) > 1:
            expected = np.abs(tf.keras.initializers.GlorotUniform(seed=number)(shape)).max()
            np.testing.assert_allclose(np.abs(part).max(), expected, rtol=5e-3)
            np.testing.assert_allclose(part.std(), expected / 3**0.5, rtol=5e-2)  # of a uniform distribution
        else:
            assert set(part) == ({1.0} if number < 24 and number % 4 == 2 else {0.0})


def test_more_checkpoints_than_steps_are_refused() -> None:
    assert [(part.start, part.stop) for part in network.segments(7, 3)] == [(0, 2), (2, 4), (4, 7)]
    with pytest.raises(ValueError, match="8 checkpoints in 7 steps"):
        network.segments(7, 8)


# ---------------------------------------------------------------- repeatable


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_repeats_are_equal_to_the_bit(name: str, sides: Any, loops: Any, digits: Any, teacher: Array) -> None:
    side, inputs = sides[name], student(digits, 12)
    first = side.run(loops[name], "loss_with_at", inputs)
    side.run(loops[name], "loss_with_at", student(digits, 5, seed=1))
    assert same(side.run(loops[name], "loss_with_at", inputs), first)
    assert same(side.run(side.Loop(shared(digits, teacher), SETTINGS), "loss_with_at", inputs), first)


PROCESS = """
import contextlib, hashlib, sys
import numpy as np
sys.path[:0] = [{tests!r}, {root!r}]
import test_loops as t
t.tf.config.threading.set_intra_op_parallelism_threads(1)
t.torch.set_num_threads(1)
given = dict(np.load({path!r}))
for name in t.FRAMEWORKS:
    side = t.Side(name)
    found = side.run(side.Loop(given, t.SETTINGS), "loss_with_kd", given)
    print(hashlib.sha256(b"".join(found[key].tobytes() for key in sorted(found))).hexdigest())
"""


def test_two_processes_are_equal_to_the_bit(digits: dict[str, Array], teacher: Array, tmp_path: Path) -> None:
    path = tmp_path / "given.npz"
    np.savez(path, **shared(digits, teacher), **student(digits, 8))
    code = PROCESS.format(tests=str(ROOT / "tests"), root=str(ROOT), path=str(path))
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate()[0].split() for process in processes]
    assert printed[0] == printed[1]
    assert [len(digest) for digest in printed[0]] == [64, 64]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_distillation_of_weight_0_is_scratch(name: str, sides: Any, loops: Any, digits: Any) -> None:
    """The paired property: the two differ in the loss alone."""
    side, inputs = sides[name], student(digits, 12)

    def loss(y_true: Any, y_pred: Any) -> Any:
        program = vars(side.program)
        term = side.program.knowledge_distillation(program["logits_t"], program["logits_s"], 2.0)
        return side.program.scratch(y_true, y_pred) + 0.0 * term

    assert same(side.run(loops[name], loss, inputs), side.run(loops[name], "scratch", inputs))


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_checkpoints_change_nothing(name: str, sides: Any, loops: Any, digits: dict[str, Array]) -> None:
    side, inputs = sides[name], student(digits, 11)
    whole = side.run(loops[name], "loss_with_kd", inputs)
    parts = side.run(loops[name], "loss_with_kd", inputs, checkpoints=3)
    assert parts["predictions"].shape == (3, 797)
    assert same({**parts, "predictions": parts["predictions"][-1:]}, whole)
    first = {key: value[:3] if value.ndim > 1 else value for key, value in inputs.items()}
    assert np.array_equal(side.run(loops[name], "loss_with_kd", first)["predictions"][0], parts["predictions"][0])
    assert not np.array_equal(parts["predictions"][0], parts["predictions"][-1])


# ---------------------------------------------------------------- what comes back


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_what_comes_back(name: str, sides: Any, loops: Any, digits: dict[str, Array]) -> None:
    side, inputs = sides[name], student(digits, 4)
    kept = {key: value.copy() for key, value in inputs.items()}
    found = side.run(loops[name], "scratch", inputs)
    shapes = {key: (value.dtype.name, value.shape) for key, value in found.items()}
    size = len(inputs["weights"])
    expected = {"predictions": ("uint8", (1, 797)), "curve": ("float32", (4,)), "weights": ("float32", (size,))}
    assert shapes == expected
    assert np.abs(found["weights"] - inputs["weights"]).max() > 1e-3
    assert side.run(loops[name], "scratch", inputs, return_weights=0).keys() == {"predictions", "curve"}
    assert same(inputs, kept)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_nan_is_told(name: str, sides: Any, loops: Any, digits: dict[str, Array]) -> None:
    found = sides[name].run(loops[name], lambda t, p: p / 0.0 - p / 0.0, student(digits, 3))
    assert np.isnan(found["curve"]).all()
    assert np.isnan(found["weights"]).all()
    assert not found["predictions"].any()  # the arg max of NaN


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_without_a_teacher_its_names_mean_nothing(name: str, sides: Any, digits: dict[str, Array]) -> None:
    side = sides[name]
    with pytest.raises(NameError, match="logits_t"):
        side.run(side.Loop(shared(digits), SETTINGS), "loss_with_kd", student(digits, 1))


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_missing_return_is_named(name: str, sides: Any, loops: Any, digits: dict[str, Array]) -> None:
    with pytest.raises(TypeError, match="returned None"):
        sides[name].run(loops[name], lambda t, p: None, student(digits, 1))


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_constant_trains_nothing(name: str, sides: Any, loops: Any, digits: dict[str, Array]) -> None:
    inputs = student(digits, 2)
    found = sides[name].run(loops[name], lambda t, p: 1.5, inputs)
    assert found["curve"].tolist() == [1.5, 1.5]
    assert np.array_equal(found["weights"], inputs["weights"])


def test_maps_are_laid_out_as_in_the_notebook_or_as_in_torch(sides: Any, loops: Any, digits: Any) -> None:
    side, seen = sides["torch"], []

    def loss(y_true: Any, y_pred: Any) -> Any:
        program = vars(side.program)
        seen.append([tuple(program[name].shape) for name in ("x1_s", "x3_s", "x3_t")])
        assert torch.allclose(program["student"](program["student"].inputs), y_pred)
        return y_pred

    for last in (1, 0):
        side.run(loops["torch"], loss, student(digits, 1), channels_last=last)
    assert seen[0] == [(64, 8, 8, 8), (64, 2, 2, 32), (64, 2, 2, 64)]
    assert seen[1] == [(64, 8, 8, 8), (64, 32, 2, 2), (64, 64, 2, 2)]


# ---------------------------------------------------------------- losses as people write them

CCE = "tf.keras.losses.categorical_crossentropy(t, p)"
STYLES = {
    "loop": """
total = 0.0
for i in range(t.shape[0]):
    total += tf.reduce_sum((t[i] - p[i]) ** 2)
return total""",
    "tensor_loop": """
total = 0.0
for i in tf.range(tf.shape(t)[0]):
    total += tf.reduce_sum((t[i] - p[i]) ** 2)
return total""",
    "append": """
rows = []
for i in range(64):
    rows.append(tf.reduce_sum((t[i] - p[i]) ** 2))
return tf.add_n(rows)""",
    "branch": """
total = tf.reduce_sum((t - p) ** 2)
if total < 0.0:
    total = -5.0 * total
return total""",
    "helper": """
@tf.function
def helper(a):
    return tf.reduce_sum((t - a) ** 2)
return helper(p)""",
    "keras": "return 640.0 * tf.keras.losses.MeanSquaredError()(t, p)",
    "models": """
assert student.losses == [] and not teacher.trainable_variables
assert len(student.trainable_variables) == len(student.weights) == len(teacher.weights) == 26
assert teacher(teacher.inputs).shape == teacher.outputs.shape == (64, 10)
return tf.reduce_sum((t - student(student.inputs, training=True)) ** 2)""",
}


def learner(body: str, begin: str = "") -> tuple[Callable[..., Any], dict[str, Any]]:
    """`loss(t, p)` of a notebook's cell, and its namespace. AutoGraph reads the source from `linecache`."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    text = f"import tensorflow as tf\n{begin}\ndef loss(t, p):\n{lines}"
    name = f"<cell {hash(text)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    module = types.ModuleType("learner")
    exec(compile(text, name, "exec"), vars(module))
    return module.loss, vars(module)


@pytest.fixture(scope="module")
def plain_curve(sides: Any, loops: Any, digits: dict[str, Array]) -> Array:
    def loss(t: Any, p: Any) -> Any:
        return tf.reduce_sum((t - p) ** 2)

    found: Array = sides["tensorflow"].run(loops["tensorflow"], loss, student(digits, 2))["curve"]
    return found


@pytest.mark.parametrize("style", STYLES)
def test_losses_train_however_they_are_written(style: str, loops: Any, digits: Any, plain_curve: Array) -> None:
    function, namespace = learner(STYLES[style])
    before = set(namespace)
    found = loops["tensorflow"].run(function, functools.partial(bound, namespace), student(digits, 2), SETTINGS)
    np.testing.assert_allclose(found["curve"], plain_curve, rtol=1e-5)
    assert set(namespace) == before


@pytest.mark.parametrize(
    ("body", "begin"),
    [
        (f"global v\nif v is None:\n    v = tf.Variable(1.0)\nv.assign_add(1.0)\nreturn v * {CCE}", "v = None"),
        (f"return {CCE} + tf.random.normal([]) * tf.reduce_sum(p ** 2)", ""),
        (f"return {CCE} + float(np.random.rand()) * tf.reduce_sum(p ** 2)", "import numpy as np"),
        (f"return {CCE} + random.random() * tf.reduce_sum(p ** 2)", "import random"),
    ],
    ids=["variable", "noise", "numpy", "random"],
)
def test_a_seed_does_not_depend_on_the_ones_before(body: str, begin: str, loops: Any, digits: Any) -> None:
    function, namespace = learner(body, begin)
    run = functools.partial(loops["tensorflow"].run, function, functools.partial(bound, namespace))
    first = run(student(digits, 3), SETTINGS)
    run(student(digits, 3, seed=1), {**SETTINGS, "seed": 1})
    assert same(run(student(digits, 3), SETTINGS), first)
    again, namespace = learner(body, begin)
    found = loops["tensorflow"].run(again, functools.partial(bound, namespace), student(digits, 3), SETTINGS)
    assert same(found, first)


def test_a_loss_is_compiled_once(loops: Any, digits: dict[str, Array]) -> None:
    function, namespace = learner(f"global calls\ncalls += 1\nreturn {CCE}", "calls = 0")
    for seed in range(3):
        inputs = student(digits, 5 + seed, seed)
        settings = {**SETTINGS, "seed": seed, "checkpoints": 2}
        loops["tensorflow"].run(function, functools.partial(bound, namespace), inputs, settings)
    assert namespace["calls"] == 1


def test_an_exception_tells_the_learners_line(loops: Any, digits: dict[str, Array]) -> None:
    function, namespace = learner("x = t\nreturn tf.matmul(x, p)")
    with pytest.raises(ValueError, match=r'in user code:\n\n    File "<cell -?\d+>", line 5'):
        loops["tensorflow"].run(function, functools.partial(bound, namespace), student(digits, 1), SETTINGS)


def test_compiled_functions_are_asked_for(sides: Any, loops: Any, digits: dict[str, Array]) -> None:
    tf.config.run_functions_eagerly(True)
    try:
        with pytest.raises(RuntimeError, match="run_functions_eagerly"):
            sides["tensorflow"].run(loops["tensorflow"], "scratch", student(digits, 1))
    finally:
        tf.config.run_functions_eagerly(False)
