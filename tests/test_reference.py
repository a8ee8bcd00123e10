"""Numerics of reference/distillation_tf: two frameworks that agree, and what the formulas promise.

Both files are loaded as plain modules in this process: they are ours. Everything is float64 unless
said otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow")
torch = pytest.importorskip("torch")

Array = NDArray[Any]
Shapes = Mapping[str, tuple[int, ...]]
Inputs = Mapping[str, Array]
FOLDER = Path(__file__).parents[1] / "reference" / "distillation_tf"
AGREE = 1e-10  # of the largest entry
LOGITS: Shapes = {"l_t": (8, 10), "l_s": (8, 10)}
MAPS: Shapes = {
    f"x{i}_{who}": (4, s, s, c) for i, s in ((1, 8), (2, 4), (3, 2)) for who, c in (("t", 16 * i), ("s", 8 * i))
}
LABELS: Shapes = {"y_true": (4, 10), "y_pred": (4, 10), "logits_t": (4, 10), "logits_s": (4, 10)}
# exercise -> arguments, globals, inputs by which to differentiate
SIGNATURES: Mapping[str, tuple[Shapes, Shapes, tuple[str, ...]]] = {
    "knowledge_distillation": (LOGITS, {}, ("l_s", "l_t")),
    "attention_transfer": ({"x_t": (5, 3, 7, 16), "x_s": (5, 3, 7, 8)}, {}, ("x_s", "x_t")),
    "pairwise_distance": ({"z": (6, 10)}, {}, ("z",)),
    "relational_knowledge_distillation": ({"l_t": (8, 20), "l_s": (8, 10)}, {}, ("l_s", "l_t")),
    "loss_with_kd": ({}, LABELS, ("y_pred", "logits_s")),
    "loss_with_at": ({}, {**LABELS, **MAPS}, ("y_pred", "x1_s", "x2_s", "x3_s")),
    "loss_with_rkd": ({}, LABELS, ("y_pred", "logits_s")),
}


def load(name: str) -> ModuleType:
    module = ModuleType(name)
    path = FOLDER / f"{name}.py"
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    return module


@pytest.fixture(scope="module")
def solution() -> ModuleType:
    return load("solution_tensorflow")


@pytest.fixture(scope="module")
def second() -> ModuleType:
    return load("solution_torch")


def draw(shapes: Shapes, seed: int) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    inputs = {name: random.normal(0, 1 if len(shape) == 4 else 3, shape) for name, shape in shapes.items()}
    if "y_true" in inputs:
        inputs["y_true"] = np.eye(10)[random.integers(10, size=4)]
        inputs["y_pred"] = softmax(inputs["y_pred"] / 3)  # nothing so small that a step of 1e-6 is coarse
    return inputs


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    result: Array = e / e.sum(axis=1, keepdims=True)
    return result


def in_tensorflow(
    module: ModuleType, name: str, inputs: Inputs, by: tuple[str, ...] = (), *numbers: float
) -> list[Any]:
    """The value of a function and the gradients of its sum, weighted 1, 2, 3, ... entry by entry."""
    tensors = {k: tf.constant(v) for k, v in inputs.items()}
    with tf.GradientTape() as tape:
        for key in by:
            tape.watch(tensors[key])
        value = call(module, name, tensors, *numbers)
        total = tf.reduce_sum(tf.reshape(value, [-1]) * tf.range(1, tf.size(value) + 1, dtype=value.dtype))
    gradients = tape.gradient(total, [tensors[key] for key in by])
    return [value.numpy(), *(None if g is None else g.numpy() for g in gradients)]


def in_torch(
    module: ModuleType, name: str, inputs: Inputs, by: tuple[str, ...] = (), *numbers: float
) -> list[Any]:
    """The same in PyTorch."""
    tensors = {k: torch.from_numpy(v.copy()).requires_grad_(k in by) for k, v in inputs.items()}
    value = call(module, name, tensors, *numbers)
    total = (value.reshape(-1) * torch.arange(1, value.numel() + 1, dtype=value.dtype)).sum()
    gradients = torch.autograd.grad(total, [tensors[key] for key in by])
    return [value.detach().numpy(), *(g.numpy() for g in gradients)]


def call(module: ModuleType, name: str, tensors: Mapping[str, Any], *numbers: float) -> Any:
    """Call a function as the notebook does: `loss_with_*` find their tensors under global names."""
    function: Callable[..., Any] = getattr(module, name)
    if name.startswith("loss_with_"):
        vars(module).update(tensors)
        return function(tensors["y_true"], tensors["y_pred"])
    return function(*tensors.values(), *numbers)


def arrangement(name: str, seed: int) -> tuple[dict[str, Array], tuple[str, ...], tuple[float, ...]]:
    arguments, bound, by = SIGNATURES[name]
    numbers = (1.0 + seed,) if name == "knowledge_distillation" else ()
    return draw({**arguments, **bound}, seed), by, numbers


# ---------------------------------------------------------------- agreement


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", SIGNATURES)
def test_both_frameworks_agree_in_value_and_gradient(
    name: str, seed: int, solution: ModuleType, second: ModuleType
) -> None:
    inputs, by, numbers = arrangement(name, seed)
    ours = in_tensorflow(solution, name, inputs, by, *numbers)
    theirs = in_torch(second, name, inputs, by, *numbers)
    for what, a, b in zip(("value", *by), ours, theirs, strict=True):
        assert a.dtype == b.dtype == np.float64
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=0, atol=AGREE * np.abs(b).max(), err_msg=what)


@pytest.mark.parametrize("name", SIGNATURES)
def test_gradients_are_those_of_the_value(name: str, solution: ModuleType) -> None:
    """Central differences of the function itself, in a random direction of every input."""
    inputs, by, numbers = arrangement(name, 5)
    _, *gradients = in_tensorflow(solution, name, inputs, by, *numbers)
    random = np.random.default_rng(0)
    for key, gradient in zip(by, gradients, strict=True):
        direction = random.normal(size=inputs[key].shape)
        step = 1e-6
        values = []
        for sign in (1, -1):
            value = in_tensorflow(
                solution, name, {**inputs, key: inputs[key] + sign * step * direction}, (), *numbers
            )[0]
            values.append(float((value.ravel() * np.arange(1, value.size + 1)).sum()))
        measured = (values[0] - values[1]) / (2 * step)
        assert measured == pytest.approx(float((gradient * direction).sum()), rel=1e-6, abs=1e-8), key


@pytest.mark.parametrize("name", SIGNATURES)
def test_float32_stays_float32_and_near(name: str, solution: ModuleType) -> None:
    inputs, by, numbers = arrangement(name, 6)
    narrow = {k: v.astype(np.float32) for k, v in inputs.items()}
    wide = {k: v.astype(np.float64) for k, v in narrow.items()}
    for a, b in zip(
        in_tensorflow(solution, name, narrow, by, *numbers),
        in_tensorflow(solution, name, wide, by, *numbers),
        strict=True,
    ):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())


# ---------------------------------------------------------------- knowledge distillation


def kd(module: ModuleType, l_t: Array, l_s: Array, T: float) -> float:  # noqa: N803 - the notebook's name
    return float(in_tensorflow(module, "knowledge_distillation", {"l_t": l_t, "l_s": l_s}, (), T)[0])


@pytest.mark.parametrize("temperature", [1.0, 2.0, 20.0])
def test_kd_gradient_is_the_difference_of_probabilities(temperature: float, solution: ModuleType) -> None:
    """d/dl_s of the cross-entropy is (p_s - p_t) / (B T): Hinton et al. 2015, equation 2."""
    x = draw(LOGITS, 1)
    gradient = in_tensorflow(solution, "knowledge_distillation", x, ("l_s",), temperature)[1]
    expected = (softmax(x["l_s"] / temperature) - softmax(x["l_t"] / temperature)) / (8 * temperature)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-14)


def test_kd_is_least_where_the_student_agrees(solution: ModuleType) -> None:
    """Gibbs: the cross-entropy is at least the teacher's entropy, and equal to it for equal logits."""
    x = draw(LOGITS, 2)
    p = softmax(x["l_t"] / 2)
    entropy = float(-(p * np.log(p)).sum(axis=1).mean())
    assert kd(solution, x["l_t"], x["l_t"], 2.0) == pytest.approx(entropy, rel=1e-12)
    assert kd(solution, x["l_t"], x["l_s"], 2.0) > entropy + 0.1


def test_kd_ignores_a_constant_added_to_a_sample(solution: ModuleType) -> None:
    x = draw(LOGITS, 3)
    shifted = kd(solution, x["l_t"] + 7.0, x["l_s"] - 3.0, 3.0)
    assert shifted == pytest.approx(kd(solution, x["l_t"], x["l_s"], 3.0), rel=1e-12)


def test_kd_survives_huge_logits(solution: ModuleType) -> None:
    x = {k: 1e4 * v for k, v in draw(LOGITS, 4).items()}
    assert all(np.isfinite(a).all() for a in in_tensorflow(solution, "knowledge_distillation", x, ("l_s",), 2.0))


# ---------------------------------------------------------------- attention transfer


def at(module: ModuleType, x_t: Array, x_s: Array) -> float:
    return float(in_tensorflow(module, "attention_transfer", {"x_t": x_t, "x_s": x_s})[0])


def test_at_ignores_scale_sign_and_order_of_channels(solution: ModuleType) -> None:
    x = draw({"x_t": (4, 6, 6, 16), "x_s": (4, 6, 6, 8)}, 1)
    plain = at(solution, x["x_t"], x["x_s"])
    assert at(solution, x["x_t"], 16 * x["x_s"]) == pytest.approx(plain, rel=1e-12)
    assert at(solution, -x["x_t"], x["x_s"][..., ::-1]) == pytest.approx(plain, rel=1e-12)


def test_at_is_the_mean_over_samples_of_their_own_losses(solution: ModuleType) -> None:
    x = draw({"x_t": (3, 4, 4, 16), "x_s": (3, 4, 4, 8)}, 2)
    alone = [at(solution, x["x_t"][i : i + 1], x["x_s"][i : i + 1]) for i in range(3)]
    assert at(solution, x["x_t"], x["x_s"]) == pytest.approx(np.mean(alone), rel=1e-12)


def test_at_of_disjoint_attention_is_the_square_root_of_two(solution: ModuleType) -> None:
    x_t, x_s = np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 5))
    x_t[0, 0, 0, 1], x_s[0, 1, 1, 4] = -4.0, 9.0
    assert at(solution, x_t, x_s) == pytest.approx(np.sqrt(2), rel=1e-12)


# ---------------------------------------------------------------- distances and relations


def distances(module: ModuleType, z: Array) -> Array:
    result: Array = in_tensorflow(module, "pairwise_distance", {"z": z})[0]
    return result


def test_distances_of_a_right_triangle(solution: ModuleType) -> None:
    expected = [[1e-6, 3, 4], [3, 1e-6, 5], [4, 5, 1e-6]]
    np.testing.assert_allclose(distances(solution, np.array([[0.0, 0], [3, 0], [0, 4]])), expected, rtol=1e-15)


def test_distances_are_a_metric(solution: ModuleType) -> None:
    d = distances(solution, draw({"z": (9, 10)}, 3)["z"])
    np.testing.assert_array_equal(d, d.T)
    assert (d[:, None, :] <= d[:, :, None] + d.T[None, :, :] + 1e-12).all()


def test_distances_are_clipped(solution: ModuleType) -> None:
    np.testing.assert_array_equal(distances(solution, np.array([[0.0], [1e4]])), [[1e-6, 100], [100, 1e-6]])


def test_equal_rows_have_a_finite_gradient(solution: ModuleType) -> None:
    z = draw({"z": (5, 10)}, 4)["z"]
    z[3] = z[1]
    assert np.isfinite(in_tensorflow(solution, "pairwise_distance", {"z": z}, ("z",))[1]).all()


def rkd(module: ModuleType, l_t: Array, l_s: Array) -> float:
    return float(in_tensorflow(module, "relational_knowledge_distillation", {"l_t": l_t, "l_s": l_s})[0])


def test_rkd_ignores_scale_shift_and_rotation(solution: ModuleType) -> None:
    """All that counts are relative distances; the diagonal's 1e-6 is what is left of the scale."""
    x = draw(LOGITS, 5)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0]
    assert rkd(solution, x["l_t"], 2.0 * x["l_t"] @ rotation + 3.0) == pytest.approx(0, abs=1e-12)
    plain = rkd(solution, x["l_t"], x["l_s"])
    assert rkd(solution, x["l_t"] @ rotation, 0.5 * x["l_s"]) == pytest.approx(plain, rel=1e-5)


def test_rkd_by_hand_where_huber_is_linear(solution: ModuleType) -> None:
    """Three points on a line: d_t = 1, 1, 2 and d_s = 1, 9, 10, each pair twice among nine entries."""
    psi_t = np.array([1, 1, 2]) / (2 * 4 / 9)
    psi_s = np.array([1, 9, 10]) / (2 * 20 / 9)
    error = np.abs(psi_t - psi_s)
    assert (error < 1).any()
    huber = np.where(error <= 1, error**2 / 2, error - 0.5)
    value = rkd(solution, np.array([[0.0], [1], [2]]), np.array([[0.0], [1], [10]]))
    assert value == pytest.approx(2 * huber.sum() / 9, rel=1e-5)


# ---------------------------------------------------------------- losses with labels


@pytest.mark.parametrize(
    ("name", "weight"), [("loss_with_kd", 0.5), ("loss_with_at", 0.1), ("loss_with_rkd", 0.1)]
)
def test_losses_are_label_loss_plus_weighted_term(name: str, weight: float, solution: ModuleType) -> None:
    inputs, _, _ = arrangement(name, 7)
    value = in_tensorflow(solution, name, inputs)[0]
    label_loss = -np.log((inputs["y_true"] * inputs["y_pred"]).sum(axis=1))
    terms: dict[str, Callable[[], float]] = {
        "loss_with_kd": lambda: kd(solution, inputs["logits_t"], inputs["logits_s"], 2.0),
        "loss_with_at": lambda: sum(at(solution, inputs[f"x{i}_t"], inputs[f"x{i}_s"]) for i in (1, 2, 3)),
        "loss_with_rkd": lambda: rkd(solution, inputs["logits_t"], inputs["logits_s"]),
    }
    np.testing.assert_allclose(value, label_loss + weight * terms[name](), rtol=1e-12)
