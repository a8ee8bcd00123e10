"""How the exercises are tried: on tiny networks, by what is trained in them and what reaches the base. No answers.

Written for both flavours of Keras (`tf.keras` is Keras 3 or tf_keras). The networks take the precision of the
images that they are tried with. Images are mosaics of 2 x 2 patches, enlarged to the size that a model asks for.

A notebook that is one script is tried as well: `before_loading` gives it a tiny base in place of the large ones
and a few images in place of a data set, and notes how it trains; the probes then train in the same way.
"""

import contextlib
import sys
import types
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

keras = tf.keras
layers = keras.layers
PROBABILITY = 1 / (1 + np.exp(3.0))  # what a sigmoid makes of -3


# ---------------------------------------------------------------- networks


class Eye(layers.Layer):
    """Lets everything through and keeps the last batch that it saw."""

    @tf.autograph.experimental.do_not_convert
    def call(self, inputs, training=None):
        if hasattr(inputs, "numpy"):
            self.seen = inputs.numpy()
        return inputs


@dataclass
class Base:
    """A base of two 1 x 1 convolutions, each followed by BatchNormalization and ReLU."""

    model: object
    eye: object
    convolutions: list
    norms: list

    def fill(self, seed):
        """Give it the weights that belong to a seed."""
        rng = np.random.default_rng(int(seed))
        for layer, norm, beta in zip(self.convolutions, self.norms, (0.2, 2.0), strict=True):
            rows, columns = layer.kernel.shape[2:]
            layer.set_weights([rng.normal(size=(1, 1, rows, columns)) / np.sqrt(rows)])
            gamma, shift, mean, variance = rng.uniform(-0.5, 0.5, (4, columns))
            norm.set_weights([1 + gamma, beta + shift, mean, 1 + variance])
        return self

    @property
    def kernels(self):
        return [layer.kernel for layer in self.convolutions]

    @property
    def scales(self):
        return [weight for norm in self.norms for weight in (norm.gamma, norm.beta)]

    @property
    def statistics(self):
        return [weight for norm in self.norms for weight in (norm.moving_mean, norm.moving_variance)]

    @property
    def weights(self):
        return [*self.kernels, *self.scales, *self.statistics]


def tiny_base(shape, nested=False):
    """A Base with random weights: images (B, *shape) -> maps (B, 2, 2, 5), by one pixel of every quarter.

    `nested`: its second half is a model inside the model.
    """
    eye = Eye()
    strides = tuple((n + 1) // 2 for n in shape[:2])
    convolutions = [
        layers.Conv2D(4, 1, strides=strides, use_bias=False),
        layers.Conv2D(5, 1, use_bias=False),
    ]
    norms = [layers.BatchNormalization() for _ in range(2)]
    inputs = keras.Input(shape)
    x = layers.ReLU()(norms[0](convolutions[0](eye(inputs))))
    if nested:
        x = keras.Sequential([keras.Input((2, 2, 4)), convolutions[1], norms[1]])(x)
    else:
        x = norms[1](convolutions[1](x))
    return Base(keras.Model(inputs, layers.ReLU()(x)), eye, convolutions, norms)


def network(images, seed, probabilities):
    """A frozen base with a head that is easy to follow, as it is before the first phase: model, base, head."""
    base = tiny_base(images.shape[1:]).fill(seed)
    base.model.trainable = False
    head = layers.Dense(1, activation="sigmoid" if probabilities else None)
    inputs = keras.Input(images.shape[1:])
    maps = base.model(inputs, training=False)
    model = keras.Model(inputs, head(layers.GlobalAveragePooling2D()(maps)))
    # Small, so that float32 can tell a step of a low learning rate.
    head.set_weights([0.01 * np.random.default_rng(int(seed) + 1).normal(size=(5, 1)), np.zeros(1)])
    return model, base, head


def dataset_of(images, labels, batch=4):
    """Batches of images and of labels 0 or 1, always in the same order."""
    return tf.data.Dataset.from_tensor_slices((images, np.argmax(labels, axis=1))).batch(batch)


def enlarged(mosaics, height, width):
    """Images of the given size, whose quarters are the patches of 2 x 2 mosaics."""
    rows, columns = (np.arange(n) * 2 // n for n in (height, width))
    return mosaics[:, rows][:, :, columns]


@contextlib.contextmanager
def precision(dtype):
    """New layers, losses and optimizers compute in `dtype` for a while."""
    before = keras.backend.floatx(), keras.mixed_precision.global_policy().name
    keras.backend.set_floatx(np.dtype(dtype).name)
    keras.mixed_precision.set_global_policy(np.dtype(dtype).name)
    try:
        yield
    finally:
        keras.backend.set_floatx(before[0])
        keras.mixed_precision.set_global_policy(before[1])


# ---------------------------------------------------------------- what training does


@dataclass
class Update:
    """One step of an optimizer: its learning rate and the gradients by the identity of the weight."""

    learning_rate: float
    gradients: dict


@contextlib.contextmanager
def recorded():
    """A list that every step of every optimizer is added to, for a while."""
    steps = []
    legacy = getattr(keras.optimizers, "legacy", None)
    owners = [keras.optimizers.Optimizer, *([legacy.Optimizer] if hasattr(legacy, "apply_gradients") else [])]
    with contextlib.ExitStack() as stack:
        for owner in owners:
            stack.enter_context(_watched(owner, steps))
        yield steps


@contextlib.contextmanager
def _watched(owner, steps):
    name = "apply" if hasattr(owner, "apply") else "apply_gradients"
    real, own = getattr(owner, name), name in vars(owner)

    def step(self, first, second=None, *args, **kwargs):
        if name == "apply":  # gradients, weights
            weights = (
                second if second is not None else kwargs.get("trainable_variables") or self._trainable_variables
            )
            pairs = list(zip(first, weights, strict=False))
            rest = (first,) if second is None else (first, second)
        else:  # pairs of both
            pairs = first = list(first)
            rest = (first,) if second is None else (first, second)
        gradients = {id(w): np.array(tf.convert_to_tensor(g)) for g, w in pairs if g is not None}
        steps.append(Update(float(np.array(self.learning_rate)), gradients))
        return real(self, *rest, *args, **kwargs)

    setattr(owner, name, step)
    try:
        yield
    finally:
        setattr(owner, name, real) if own else delattr(owner, name)


def values(weights):
    return [np.array(tf.convert_to_tensor(weight)) for weight in weights]


def moved(before, after):
    """The share of the arrays in which anything changed."""
    return float(np.mean([bool((a != b).any()) for a, b in zip(after, before, strict=True)]))


def flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


def gradient(steps, weights):
    """The gradients of the first step by `weights`, in a row; 0 for those left out. None without a step."""
    if not steps:
        return None
    found = steps[0].gradients
    return flat([found.get(id(w), np.zeros(w.shape)) for w in weights])


# ---------------------------------------------------------------- the learner's networks


def assembled_by(learner, size):
    """(model, base): the learner's model on top of a frozen tiny base."""
    if hasattr(learner, "build_model"):
        base = tiny_base((size, size, 3)).fill(0)
        base.model.trainable = False
        return learner.build_model(base.model, (size, size, 3)), base
    base = next((b for b in stand_ins.bases if is_inside(b, learner.model)), None)
    if base is None:  # the head sits on something else
        base = stand_ins.bases[-1] if stand_ins.bases else tiny_base((size, size, 3))
    base.model.trainable = False
    return learner.model, base.fill(0)


def is_inside(base, model):
    known = {id(weight) for weight in model.weights}
    return any(id(weight) in known for weight in base.weights)


def own_weights(model, base):
    """The weights that are not the base's, in the order of the layers: of a head, kernel and bias.

    Only those that are trained, where there are any.
    """
    known = {id(weight) for weight in base.weights}
    trained = [weight for weight in model.trainable_weights if id(weight) not in known]
    return trained or [weight for weight in model.weights if id(weight) not in known]


def ends_in_sigmoid(model, base):
    """Whether its outputs are probabilities rather than logits: what does it make of a logit of -3?"""
    for weight in own_weights(model, base):
        weight.assign(np.full(weight.shape, -3.0 if len(weight.shape) == 1 else 0.0))
    height, width = size_of(model, base)
    output = np.array(model(np.zeros((1, height, width, 3)), training=False))
    return bool(output.size and abs(np.ravel(output)[-1] - PROBABILITY) < 1e-4)


def size_of(model, base):
    """Height and width of its images; 4 where any will do."""
    shape = getattr(model, "input_shape", None)  # a model that is a class of its own has none
    shape = shape if isinstance(shape, tuple) and len(shape) == 4 else base.model.input_shape
    return tuple(n or 4 for n in shape[1:3])


known_ends = {}


def gives_probabilities(learner):
    """Whether the learner's model ends in a sigmoid; what their training is tried on then does too."""
    key = id(getattr(learner, "build_model", getattr(learner, "model", None)))
    if key not in known_ends:
        try:
            known_ends[key] = ends_in_sigmoid(*assembled_by(learner, 4))
        except Exception:  # judged by the probe `assembled`
            known_ends[key] = False
    return known_ends[key]


# ---------------------------------------------------------------- probes


def counted(learner, units, features):
    """The three numbers for a Dense layer, a frozen one, a BatchNormalization and a model with a frozen part."""
    stand_ins.done_loading()
    dense, frozen = layers.Dense(int(units)), layers.Dense(int(units))
    norm = layers.BatchNormalization()
    for layer in (dense, frozen, norm):
        layer.build((None, int(features)))
    frozen.trainable = False
    base = tiny_base((2, 2, 3), nested=True)
    base.convolutions[0].trainable = False
    seen = {"dense": dense, "frozen_dense": frozen, "batch_norm": norm, "model": base.model}
    return {name: list(learner.count_weights(layer)) for name, layer in seen.items()}


def frozen(learner, images):
    """What can still be trained in a layer and in a model with a model inside, after `freeze`."""
    stand_ins.done_loading()
    with precision(images.dtype):
        layer = layers.Dense(3)
        layer.build((None, 4))
        base = tiny_base(images.shape[1:], nested=True).fill(0)
        learner.freeze(layer)
        learner.freeze(base.model)
        parts = (*base.convolutions, *base.norms)
        before = values(base.statistics)
        base.model(images, training=True)
        return {
            "layer_left": len(layer.trainable_weights),
            "model_left": len(base.model.trainable_weights),
            "flags": [bool(part.trainable) for part in parts],
            "statistics_moved": moved(before, values(base.statistics)),
        }


def assembled(learner, images, size, seed):
    """The model on top of a base: what reaches the base, what comes out, what can be trained."""
    stand_ins.done_loading()
    with precision(images.dtype):
        model, base = assembled_by(learner, int(size))
        head = own_weights(model, base)
        trainable = len(model.trainable_weights)
        known = {id(weight) for weight in model.weights}
        sigmoid = ends_in_sigmoid(model, base)
        base.fill(seed)
        rng = np.random.default_rng(int(seed) + 1)
        for weight in head:
            weight.assign(rng.normal(size=weight.shape) * 0.5)
        height, width = size_of(model, base)
        large = enlarged(images, height, width)
        base.eye.seen = None
        output = model(large, training=False)
        entered = getattr(base.eye, "seen", None)
        logits = as_logits(output, sigmoid)
        dropped = dropout_seen(model, head, sigmoid, np.full((24, height, width, 3), 96, images.dtype))
        return {
            "base_share": float(np.mean([id(weight) in known for weight in base.weights])),
            "trainable": trainable,
            "base_input": None
            if entered is None
            else entered[:, height // 4 :: height // 2, width // 4 :: width // 2],
            "output_shape": list(output.shape[1:]),
            "logits": logits,
            "dropout": dropped,
        }


def as_logits(output, sigmoid):
    output = np.array(output)
    return np.log(output / (1 - output)) if sigmoid else output


def dropout_seen(model, head, sigmoid, images):
    """For equal images: by how much the answer that hangs on one feature grows at most, in use and in training;
    and whether the features are dropped one by one."""

    def outputs(first, **mode):
        for weight, value in zip(head, (first, *[0.0] * len(head)), strict=False):
            weight.assign(np.broadcast_to(value, weight.shape))
        return np.abs(np.ravel(as_logits(model(images, **mode), sigmoid)))

    one = np.zeros(head[0].shape) if head else 0.0
    if head:
        one[0] = 1.0
    quiet = np.max(outputs(one, training=False)) or np.inf
    used, trained = np.max(outputs(one)) / quiet, np.max(outputs(one, training=True)) / quiet
    return [used, trained, len(np.unique(np.round(outputs(0.2, training=True), 4))) > 2]


def head_trained(learner, images, labels, epochs, seed):
    """The first phase, on a model whose base is frozen."""
    with trained(learner, images, seed) as (steps, model, base, head):
        before = values([*head.weights]), values(base.weights)
        stand_ins.train_head(learner)(model, dataset_of(images, labels), int(epochs))
        after = values([*head.weights]), values(base.weights)
        return {
            "learning_rate": steps[0].learning_rate if steps else None,
            "updates": len(steps),
            "moved": [moved(before[0], after[0]), moved(before[1], after[1])],
            "gradient": gradient(steps, head.weights),
            "head_change": flat(after[0]) - flat(before[0]),
        }


def fine_tuned(learner, images, labels, epochs, seed):
    """The second phase, on a model that has been compiled for the first."""
    with trained(learner, images, seed) as (steps, model, base, head):
        loss = keras.losses.BinaryCrossentropy(from_logits=not gives_probabilities(learner))
        model.compile(optimizer=keras.optimizers.Adam(), loss=loss)
        model.optimizer.build(model.trainable_variables)
        first = model.optimizer
        groups = (list(head.weights), base.kernels, base.scales, base.statistics)
        before = [values(group) for group in groups]
        try:
            stand_ins.fine_tune(learner)(model, base.model, dataset_of(images, labels), int(epochs))
        except (ValueError, KeyError):  # the optimizer of the first phase does not know the base's weights
            if model.optimizer is not first or not steps:
                raise
        after = [values(group) for group in groups]
        return {
            "learning_rate": steps[0].learning_rate if steps else None,
            "updates": len(steps),
            "trained": len(steps[0].gradients) if steps else 0,
            "moved": [moved(*pair) for pair in zip(before, after, strict=True)],
            "gradient": gradient(steps, head.weights),
            "base_gradient": gradient(steps, [*base.kernels, *base.scales]),
            "head_change": flat(after[0]) - flat(before[0]),
        }


@contextlib.contextmanager
def trained(learner, images, seed):
    """Steps that are recorded, and a model, base and head to train."""
    stand_ins.done_loading()
    with precision(images.dtype):
        probabilities = gives_probabilities(learner)
        model, base, head = network(images, seed, probabilities)
        with recorded() as steps:
            yield steps, model, base, head


def features_extracted(learner, images, size, seed):
    """The features of raw images from a base that is not frozen."""
    stand_ins.done_loading()
    with precision(images.dtype):
        base = tiny_base((int(size), int(size), 3)).fill(seed)
        before = values(base.statistics)
        features = learner.extract_features(base.model, enlarged(images, int(size), int(size)))
        return {"features": features, "statistics_moved": moved(before, values(base.statistics))}


# ---------------------------------------------------------------- notebooks that are one script


@dataclass
class Fit:
    """How a script trained: optimizer, loss, and which layers of the base were trainable."""

    optimizer: object
    loss: object
    flags: list

    def repeat(self, model, base_model, dataset, epochs):
        """Train another model in the same way."""
        base_model.trainable = True  # in Keras 2 no layer is trained in a model that is not
        for layer, flag in zip(parts_of(base_model), self.flags, strict=True):
            layer.trainable = flag
        optimizer = type(self.optimizer).from_config(self.optimizer.get_config())
        model.compile(optimizer=optimizer, loss=self.loss)
        model.fit(dataset, epochs=epochs, verbose=0)


def parts_of(model):
    """All layers inside of a model that are no models themselves."""
    found = []
    for layer in model.layers:
        found += parts_of(layer) if hasattr(layer, "layers") else [layer]
    return found


@dataclass
class StandIns:
    """What a script gets instead of what cannot be had here, and what it did with it."""

    bases: list = field(default_factory=list)
    fits: list = field(default_factory=list)
    undo: list = field(default_factory=list)

    def install(self):
        for name in dir(keras.applications):
            if name[0].isupper() and callable(getattr(keras.applications, name)):
                self._replace(keras.applications, name, self._application)
        self._replace(keras.Model, "fit", self._fit(keras.Model.fit))
        sys.modules["tensorflow_datasets"] = _datasets()
        if not hasattr(layers, "experimental"):
            names = {name: getattr(layers, name) for name in dir(layers) if not name.startswith("_")}
            layers.experimental = types.SimpleNamespace(preprocessing=types.SimpleNamespace(**names))
        layers.experimental.preprocessing.Normalization = _Normalization

    def _replace(self, owner, name, new):
        self.undo.append((owner, name, getattr(owner, name)))
        setattr(owner, name, new)

    def _application(self, *args, input_shape=None, **kwargs):
        """A tiny base, whatever network was asked for. Of its arguments only the shape of the images counts."""
        self.bases.append(tiny_base(tuple(input_shape or (150, 150, 3))).fill(0))
        return self.bases[-1].model

    def _fit(self, real):
        def fit(model, x=None, *args, **kwargs):
            for base in self.bases:
                if is_inside(base, model):
                    flags = [bool(layer.trainable) for layer in parts_of(base.model)]
                    self.fits.append(Fit(model.optimizer, model.loss, flags))
            if isinstance(x, tf.data.Dataset):
                return real(model, x.take(1), epochs=1, verbose=0)
            return real(model, x, *args, **{**kwargs, "epochs": 1, "verbose": 0})

        return fit

    def done_loading(self):
        """From here on `fit` trains as it is told."""
        for owner, name, real in self.undo:
            setattr(owner, name, real)
        self.undo.clear()

    def train_head(self, learner):
        """The learner's function, or one that trains as the script did first."""
        if hasattr(learner, "train_head"):
            return learner.train_head
        if not self.fits:
            raise RuntimeError("the notebook never trains a model on top of a base")
        return lambda model, dataset, epochs: self.fits[0].repeat(model, _base_in(model), dataset, epochs)

    def fine_tune(self, learner):
        """The learner's function, or one that trains as the script did last."""
        if hasattr(learner, "fine_tune"):
            return learner.fine_tune
        if len(self.fits) < 2:
            raise RuntimeError("the notebook trains once, so there is no second phase")
        return self.fits[-1].repeat


def _base_in(model):
    return next(layer for layer in model.layers if hasattr(layer, "layers"))


def _datasets():
    """A module `tensorflow_datasets` whose data sets are a few random images of two classes."""

    def load(name, split=None, with_info=False, **kwargs):
        def one(part):
            rng = np.random.default_rng(len(str(part)))
            images = rng.integers(0, 256, (4, 20, 24, 3)).astype(np.uint8)
            return tf.data.Dataset.from_tensor_slices((images, np.arange(4) % 2))

        parts = [one(part) for part in split] if isinstance(split, list | tuple) else one(split)
        return (parts, types.SimpleNamespace(splits={})) if with_info else parts

    module = types.ModuleType("tensorflow_datasets")
    module.load, module.disable_progress_bar = load, lambda: None
    return module


class _Normalization(layers.Normalization):
    """The layer of 2021, which took its mean and variance by `set_weights`."""

    def set_weights(self, weights):
        if len(weights) == 2:
            weights = [*weights, np.zeros_like(self.get_weights()[2])]
        super().set_weights(weights)
        self.finalize_state()


stand_ins = StandIns()


def before_loading():
    """Called once, before the learner's code is loaded."""
    stand_ins.install()
