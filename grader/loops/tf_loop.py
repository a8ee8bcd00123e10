"""Short trainings in TensorFlow: raw operations, all weights in one vector, many steps in one compiled function.

Faster than Keras' model and optimizer, with their numbers: batch normalisation with the statistics of the batch,
and Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1) with Keras' epsilon outside the bias correction.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from grader import network
from grader.loops import BETA_1, BETA_2, EPSILON, STUDENT_NAMES, TEACHER_NAMES, Bind, Loss, Settings
from grader.types import Array


class Net:
    """What `student` and `teacher` mean to a learner's loss: enough of a Keras model for what losses touch.

    `net(images)` gives probabilities; `inputs`, `outputs` are the images of the batch and their probabilities;
    `weights`, `trainable_weights`, `trainable_variables` are the parameters as tensors (`shapes`' order);
    `losses` is empty. Nothing can be assigned or trained through it.
    """

    def __init__(self, tf: Any, name: str, flat: Any, shapes: list[network.Shape], inputs: Any) -> None:
        self.name = name
        self.inputs = inputs
        self.losses: list[Any] = []
        self.trainable = name == "student"
        self.weights = split(tf, flat, shapes)
        self.trainable_weights = self.trainable_variables = self.weights if self.trainable else []
        self._tf = tf

    def __call__(self, images: Any, training: bool = True) -> Any:
        return forward(self._tf, self.weights, images)[0]

    @property
    def outputs(self) -> Any:
        return self(self.inputs)


class Training:
    """Many steps of Adam in one compiled function, which takes any number of steps.

    `train(weights, m, v, t, indices, labels)` returns the first four after these steps and the loss of each step.
    """

    def __init__(self, tf: Any, loss: Callable[..., Any], size: int, batch: int, rate: float) -> None:
        """`loss` of (weights, indices, labels). Raises whatever it raises while it is compiled."""
        self.tf = tf

        def step(flat: Any, m: Any, v: Any, t: Any, indices: Any, labels: Any) -> tuple[Any, ...]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(flat)
                value = loss(flat, indices, labels)
            gradient = tape.gradient(value, flat, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            t = t + 1.0
            m = m + (gradient - m) * (1 - BETA_1)
            v = v + (tf.square(gradient) - v) * (1 - BETA_2)
            scale = rate * tf.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
            return flat - scale * m / (tf.sqrt(v) + EPSILON), m, v, t, value

        def train(flat: Any, m: Any, v: Any, t: Any, indices: Any, labels: Any) -> tuple[Any, ...]:
            count = tf.shape(indices)[0]

            def body(k: Any, flat: Any, m: Any, v: Any, t: Any, curve: Any) -> tuple[Any, ...]:
                *state, value = step(flat, m, v, t, indices[k], labels[k])
                return k + 1, *state, curve.write(k, value)

            start = (0, flat, m, v, t, tf.TensorArray(tf.float32, count))
            _, *state, curve = tf.while_loop(lambda k, *_: k < count, body, start, parallel_iterations=1)
            return *state, curve.stack()

        vector, rows = tf.TensorSpec([size], tf.float32), tf.TensorSpec([None, batch], tf.int32)
        signature = [vector, vector, vector, tf.TensorSpec([], tf.float32), rows, rows]
        self._seed()
        self.train = tf.function(train, autograph=False, input_signature=signature)
        graph = self.train.get_concrete_function().graph
        # What a loss keeps in variables must not make a seed depend on the ones before it.
        self._variables = [(variable, variable.numpy()) for variable in graph.variables]
        definition = graph.as_graph_def()
        bodies = [definition.node, *(function.node_def for function in definition.library.function)]
        self._random = any("Random" in node.op for body in bodies for node in body)

    def reset(self) -> None:
        """Before a training: everything that a loss may have changed is as it was after compiling."""
        for variable, value in self._variables:
            variable.assign(value)
        if self._random:  # only then: it also throws away the kernels, which costs a tenth of a second
            self._seed()

    def _seed(self) -> None:
        self.tf.random.set_seed(0)
        np.random.seed(0)
        random.seed(0)


class Loop:
    """Trains students with a learner's loss. Images, the teacher's outputs and compiled functions are kept.

    Memory: all feature maps of the teacher on all transfer images (for width 16, 115 KB an image of 32 x 32).
    """

    def __init__(self, module: Any, shared: Mapping[str, Array], settings: Settings) -> None:
        self.tf = tf = module
        if settings.get("gpu", 0):
            tf.config.experimental.enable_tensor_float_32_execution(False)
            tf.random.set_seed(0)
            tf.config.experimental.enable_op_determinism()
        self.device = "/GPU:0" if settings.get("gpu", 0) else "/CPU:0"
        self.trainings: dict[tuple[Any, ...], Training] = {}
        self.classifiers: dict[tuple[int, int], Any] = {}
        self.teacher_outputs: dict[str, Any] = {}
        with tf.device(self.device):
            self.images = tf.constant(shared["images"])
            self.held_out = tf.constant(shared["held_out"])
            if "teacher" in shared:
                self._ask_teacher(shared["teacher"], settings)

    def _ask_teacher(self, flat: Array, settings: Settings) -> None:
        """Logits and feature maps of the teacher on all transfer images, by the names that losses read."""
        tf = self.tf
        self.teacher_shapes = self._shapes(settings, "teacher_width")
        self.teacher = tf.constant(flat)
        weights = split(tf, self.teacher, self.teacher_shapes)
        parts = [forward(tf, weights, self.images[part])[1:] for part in network.slices(len(self.images))]
        joined = (tf.concat(part, 0) for part in zip(*parts, strict=True))
        self.teacher_outputs = dict(zip(TEACHER_NAMES, joined, strict=True))

    def _shapes(self, settings: Settings, width: str) -> list[network.Shape]:
        return network.shapes(int(settings[width]), int(settings["classes"]), int(self.images.shape[-1]))

    def run(self, function: Loss, bind: Bind, inputs: Mapping[str, Array], settings: Settings) -> dict[str, Array]:
        """One training: "predictions" uint8 (checkpoints, M), "curve" float32 (steps,), "weights" if asked for.

        Raises whatever `function` raises while it is compiled, RuntimeError when functions are run eagerly.
        """
        tf = self.tf
        if tf.config.functions_run_eagerly():
            raise RuntimeError("training needs compiled functions: tf.config.run_functions_eagerly(False)")
        for seed in (np.random.seed, random.seed):  # TensorFlow's own numbers: Training.reset
            seed(int(settings.get("seed", 0)))
        with tf.device(self.device):
            training = self._training(function, bind, inputs, settings)
            classify = self._classifier(settings)
            training.reset()
            weights = tf.constant(inputs["weights"])
            state = (weights, tf.zeros_like(weights), tf.zeros_like(weights), tf.constant(0.0))
            curves, predictions = [], []
            for part in network.segments(len(inputs["indices"]), int(settings["checkpoints"])):
                indices, labels = tf.constant(inputs["indices"][part]), tf.constant(inputs["labels"][part])
                *state, curve = training.train(*state, indices, labels)
                curves.append(curve.numpy())
                predictions.append(classify(state[0]).numpy().argmax(1).astype(np.uint8))
        found = {"predictions": np.stack(predictions), "curve": np.concatenate(curves)}
        return found | ({"weights": state[0].numpy()} if settings.get("return_weights") else {})

    # ------------------------------------------------------------ compiling

    def _training(self, function: Loss, bind: Bind, inputs: Mapping[str, Array], settings: Settings) -> Training:
        """The compiled training; compiled once for each function and kind of network."""
        batch, rate = inputs["indices"].shape[1], float(settings["learning_rate"])
        key = (function, batch, rate, int(settings["width"]), int(settings["classes"]))
        if key not in self.trainings:
            loss = self._loss(function, bind, self._shapes(settings, "width"))
            self.trainings[key] = Training(self.tf, loss, len(inputs["weights"]), batch, rate)
        return self.trainings[key]

    def _classifier(self, settings: Settings) -> Any:
        """Logits of all held-out images, of a vector of weights."""
        tf, shapes, count = self.tf, self._shapes(settings, "width"), len(self.held_out)
        key = int(settings["width"]), int(settings["classes"])

        def classify(flat: Any) -> Any:
            weights = split(tf, flat, shapes)
            return tf.concat([forward(tf, weights, self.held_out[s])[1] for s in network.slices(count)], 0)

        if key not in self.classifiers:
            signature = [tf.TensorSpec([network.size(*key, self.held_out.shape[-1])], tf.float32)]
            self.classifiers[key] = tf.function(classify, autograph=False, input_signature=signature)
        return self.classifiers[key]

    def _loss(self, function: Loss, bind: Bind, shapes: list[network.Shape]) -> Callable[..., Any]:
        """The learner's loss of (weights, indices, labels), with the names bound that it may read."""
        tf = self.tf
        classes = shapes[-1][0]
        # As inside the notebook's own tf.function: Python's `if` and `for` on tensors are rewritten.
        rewritten = tf.__internal__.autograph.tf_convert(
            function, tf.__internal__.autograph.control_status_ctx(), user_requested=True
        )

        def loss(flat: Any, indices: Any, labels: Any) -> Any:
            images = tf.gather(self.images, indices)
            names = {name: tf.gather(array, indices) for name, array in self.teacher_outputs.items()}
            y_pred, *outputs = forward(tf, split(tf, flat, shapes), images)
            names |= zip(STUDENT_NAMES, outputs, strict=True)
            names["student"] = Net(tf, "student", flat, shapes, images)
            if self.teacher_outputs:
                names["teacher"] = Net(tf, "teacher", self.teacher, self.teacher_shapes, images)
            with bind(names):
                value = rewritten(tf.one_hot(labels, classes), y_pred)
            if value is None:
                raise TypeError(network.NOTHING)
            return tf.reduce_mean(tf.cast(value, tf.float32))

        return loss


def split(tf: Any, flat: Any, shapes: list[network.Shape]) -> list[Any]:
    """The parameters as tensors of their shapes."""
    parts = tf.split(flat, [prod(shape) for shape in shapes])
    return [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]


def forward(tf: Any, weights: list[Any], images: Any) -> tuple[Any, ...]:
    """Probabilities, logits and the feature maps of the three stages, (B, H, W, C) each."""
    x, maps, parameters = images, [], iter(weights)
    for stage in range(network.STAGES):
        if stage:
            x = tf.nn.max_pool2d(x, 3, 2, "SAME")
        for _ in range(network.BLOCKS):
            kernel, bias, gamma, beta = (next(parameters) for _ in range(4))
            x = tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias)
            x, *_ = tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=network.EPSILON)
            x = tf.nn.relu(x)
        maps.append(x)
    kernel, bias = parameters
    logits = tf.matmul(tf.reduce_mean(x, [1, 2]), kernel) + bias
    # Keras' cross-entropy looks through a Softmax operation to the logits, and its fused gradient assumes that
    # each row of labels sums to 1: it would push the rows that have no label.
    return tf.identity(tf.nn.softmax(logits)), logits, *maps
