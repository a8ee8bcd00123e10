"""Ways to run the short trainings, compared in one process on one core: compiling, and time of a step and a seed.

`python benchmarks/step.py` first times alternatives to the loop that ships, with the reference's distillation
loss. They take turns, a few steps at a time, and the shortest turn counts, so that what else runs on the machine
hits all alike. Then it runs what a right submission costs: all its trainings, one after the other, with compiling.
All times are processor time.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from _measure import QUIET, ROOT, one_core

from grader import network
from grader.loops import tf_loop, torch_loop
from grader.training import data, protocol
from grader.types import Protocol

PLAN = Protocol()
STEPS, TURNS, COMPILED = 10, 40, 3  # steps of a turn; turns of each; how often each is compiled
TRAININGS = {"loss_with_kd": (60, 4), "loss_with_rkd": (100, 4), "loss_with_at": (200, 6)}  # steps, seeds
DIGITS = data.load(PLAN.data, PLAN)
TEACHER = network.initial(np.random.default_rng(0), PLAN.teacher_width, DIGITS.classes, 1)
SHARED = protocol.shared(DIGITS, TEACHER)
SETTINGS = protocol.settings(PLAN, DIGITS, PLAN.student_width, 0)


@contextlib.contextmanager
def bound(namespace: dict[str, Any], values: Mapping[str, Any]) -> Iterator[None]:
    """Names mean these values."""
    namespace.update(values)
    yield


def reference(framework: str) -> Any:
    """The reference answers."""
    path = ROOT / "reference" / "distillation_tf" / f"solution_{framework}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def inputs(steps: int, seed: int = 0) -> Any:
    """One seed's batches and initial weights."""
    return protocol.inputs(PLAN, DIGITS, seed, steps)


# ---------------------------------------------------------------- TensorFlow's alternatives


class Patched:
    """TensorFlow with some names replaced."""

    def __init__(self, tf: Any, **names: Any) -> None:
        self.__dict__.update(names)
        self._tf = tf

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tf, name)


Turn = Callable[[], object]


def compiled(tf: Any, losses: Any, seeds: int = 1, batch: int = PLAN.batch, one_by_one: bool = False) -> Turn:
    """The loop that ships, or one beside it: `seeds` in one program, smaller batches, a call for each step."""
    loop = tf_loop.Loop(tf, SHARED, SETTINGS)
    given = inputs(STEPS)
    size = len(given["weights"])
    one = loop._loss(losses.loss_with_kd, functools.partial(bound, vars(losses)), loop._shapes(SETTINGS, "width"))

    def loss(flat: Any, indices: Any, labels: Any) -> Any:
        # Adam treats each weight alone, so that the sum of the losses trains each as if it were alone.
        parts = zip(*(tf.split(array, seeds) for array in (flat, indices, labels)), strict=True)
        return tf.add_n([one(*part) for part in parts])

    training = tf_loop.Training(tf, loss if seeds > 1 else one, seeds * size, seeds * batch, PLAN.learning_rate)
    weights = tf.constant(np.tile(given["weights"], seeds))
    start = (weights, tf.zeros_like(weights), tf.zeros_like(weights), tf.constant(0.0))
    rows = [tf.constant(np.tile(given[name][:, -batch:], (1, seeds))) for name in ("indices", "labels")]

    def turn() -> object:
        state = start
        for part in [slice(k, k + 1) for k in range(STEPS)] if one_by_one else [slice(STEPS)]:
            *state, curve = training.train(*state, *(array[part] for array in rows))
        return curve.numpy()

    return turn


def basic_batch_norm(tf: Any) -> Any:
    """Batch normalisation of basic operations in the place of the fused one."""

    def batch_norm(x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, ...]:
        centred = x - tf.reduce_mean(x, [0, 1, 2])
        variance = tf.reduce_mean(tf.square(centred), [0, 1, 2])
        return centred * (gamma * tf.math.rsqrt(variance + epsilon)) + beta, None

    nn = SimpleNamespace(fused_batch_norm=batch_norm)
    return Patched(tf, compat=SimpleNamespace(v1=SimpleNamespace(nn=nn)))


def without_optimiser(tf: Any, losses: Any) -> Turn:
    """TensorFlow's graph optimiser off while the function is made and first run."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        turn = compiled(tf, losses)
        turn()
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
    return turn


def as_the_notebook(tf: Any, losses: Any) -> Turn:
    """A Keras model, Keras' Adam, and a tf.function that is called for each step."""
    layers = tf.keras.layers
    x = images = tf.keras.Input(DIGITS.images.shape[1:])
    maps = []
    for stage in range(network.STAGES):
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x) if stage else x
        for _ in range(network.BLOCKS):
            x = layers.Conv2D(PLAN.student_width * 2**stage, 3, padding="same")(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        maps.append(x)
    logits = layers.Dense(DIGITS.classes)(layers.GlobalAveragePooling2D()(x))
    model = tf.keras.Model(images, [layers.Softmax()(logits), logits, *maps])
    adam = tf.keras.optimizers.Adam(PLAN.learning_rate)
    loop, given = tf_loop.Loop(tf, SHARED, SETTINGS), inputs(STEPS)

    @tf.function
    def step(indices: Any, labels: Any) -> Any:
        names = {name: tf.gather(array, indices) for name, array in loop.teacher_outputs.items()}
        with tf.GradientTape() as tape:
            y_pred, names["logits_s"], *_ = model(tf.gather(loop.images, indices), training=True)
            vars(losses).update(names)
            loss = tf.reduce_mean(losses.loss_with_kd(tf.one_hot(labels, DIGITS.classes), y_pred))
        gradients = tape.gradient(loss, model.trainable_variables)
        adam.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    rows = [tf.constant(given[name]) for name in ("indices", "labels")]

    def turn() -> object:
        return [step(rows[0][k], rows[1][k]) for k in range(STEPS)][-1].numpy()

    return turn


def tensorflow_alternatives() -> dict[str, tuple[Callable[[], Turn], int]]:
    """Name -> what makes it, and how many seeds it trains at once. The first is the one that ships."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    losses = reference("tensorflow")
    xla = Patched(tf, function=functools.partial(tf.function, jit_compile=True))
    return {
        "ships: all steps in one function": (lambda: compiled(tf, losses), 1),
        "a call for each step": (lambda: compiled(tf, losses, one_by_one=True), 1),
        "Keras model and Adam, a call for each step": (lambda: as_the_notebook(tf, losses), 1),
        "XLA": (lambda: compiled(xla, losses), 1),
        "graph optimiser off": (lambda: without_optimiser(tf, losses), 1),
        "batch norm of basic operations": (lambda: compiled(basic_batch_norm(tf), losses), 1),
        "two seeds in one function": (lambda: compiled(tf, losses, seeds=2), 2),
        "batch of 32": (lambda: compiled(tf, losses, batch=32), 1),
    }


def torch_alternatives() -> dict[str, tuple[Callable[[], Turn], int]]:
    """As above, for PyTorch."""
    import torch

    torch.set_num_threads(1)
    losses, given, seeds = reference("torch"), inputs(STEPS), 3
    bind = functools.partial(bound, vars(losses))
    loop = torch_loop.Loop(torch, SHARED, SETTINGS)
    indices, labels = loop._tensor(given["indices"]).long(), loop._one_hot(given["labels"], DIGITS.classes)

    def loss(flat: Any, indices: Any, labels: Any) -> Any:
        weights = loop._split(flat, SETTINGS, "width")
        return loop._loss(losses.loss_with_kd, bind, weights, indices, labels, SETTINGS)

    def train(count: int, gradient: Callable[..., Any]) -> None:
        flat = torch.from_numpy(np.tile(given["weights"], (count, 1)))
        m, v = torch.zeros_like(flat), torch.zeros_like(flat)
        for k in range(STEPS):
            torch_loop.update(flat, m, v, gradient(flat, indices[k], labels[k]), k + 1, PLAN.learning_rate)

    def eager(flat: Any, indices: Any, labels: Any) -> Any:
        leaf = flat[0].detach().requires_grad_(True)
        return torch.autograd.grad(loss(leaf, indices, labels), leaf)[0][None]

    together = torch.func.vmap(torch.func.grad(loss), in_dims=(0, None, None))
    return {
        "ships: eager": (lambda: lambda: train(1, eager), 1),
        "three seeds by torch.func.vmap": (lambda: lambda: train(seeds, together), seeds),
    }


# ---------------------------------------------------------------- tables


def timed(work: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    """Seconds of processor time, all threads, and what `work` returns."""
    start = time.process_time()
    result = work(*args)
    return time.process_time() - start, result


def made_and_run(make: Callable[[], Turn]) -> Turn:
    """A turn that has been taken once."""
    turn = make()
    turn()
    return turn


def compare(title: str, alternatives: Mapping[str, tuple[Callable[[], Turn], int]]) -> None:
    """Print compiling (with the first turn, less a later one) and a step of one seed, and both as ratios."""
    first: dict[str, list[float]] = {name: [] for name in alternatives}
    turns: dict[str, Turn] = {}
    for _ in range(COMPILED):
        for name, (make, _seeds) in alternatives.items():
            if name != "XLA" or not first[name]:  # seconds each time
                seconds, turns[name] = timed(made_and_run, make)
                first[name].append(seconds)
    best = dict.fromkeys(turns, float("inf"))
    for _ in range(TURNS):
        for name, turn in turns.items():
            best[name] = min(best[name], timed(turn)[0])
    print(f"{title:44} {'compile, s':>10} {'ratio':>6} {'step, ms':>9} {'ratio':>6}")
    ships = next(iter(alternatives))
    for name, (_make, seeds) in alternatives.items():
        compiling, known = min(first[name]) - best[name], min(first[ships]) - best[ships]
        step, known_step = best[name] / STEPS / seeds, best[ships] / STEPS
        ratio = f"{compiling / known:6.2f}" if known > 0.01 else f"{'':6}"
        print(f"{name:44} {max(0.0, compiling):10.2f} {ratio} {1000 * step:9.2f} {step / known_step:6.2f}")
    print(flush=True)


def whole(name: str, module: Any, loop: Any) -> None:
    """Print what the trainings of one right submission take."""
    losses = reference(name)
    seconds, ready = timed(loop, module, SHARED, SETTINGS)
    total = seconds
    print(f"{name}: images and the teacher's outputs {seconds:.2f} s", end="")
    for function, (steps, seeds) in TRAININGS.items():
        bind = functools.partial(bound, vars(losses))
        asked = [(getattr(losses, function), bind, inputs(steps, seed), SETTINGS) for seed in range(seeds)]
        runs = [timed(ready.run, *arguments)[0] for arguments in asked]
        total += sum(runs)
        print(f", {function} {steps} steps x {seeds}: {sum(runs):.2f} s (first {runs[0]:.2f})", end="")
    print(f"; together {total:.2f} s", flush=True)


def main() -> None:
    """Print the tables."""
    os.environ.update(QUIET)
    one_core()  # before a framework counts the cores
    compare("TensorFlow", tensorflow_alternatives())
    compare("PyTorch", torch_alternatives())
    import tensorflow as tf
    import torch

    whole("tensorflow", tf, tf_loop.Loop)
    whole("torch", torch, torch_loop.Loop)


if __name__ == "__main__":
    main()
