"""How the exercises are tried: each is called with small inputs, and what it made is looked at.

A notebook that is written as one script has no functions to call. Then it has been run from top to bottom on a few
stand-in images with shortened training, and its variables (`model`, `model_pool`, `super_model`,
`load_shared_model`, `load_super_model`, `load_sub_model`, `tr_sub_y` ...) are looked at instead.
"""

import contextlib
import glob
import importlib.util
import inspect
import itertools
import os
import shutil
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import tensorflow as tf

KINDS = np.array(["aquatic_mammals", "medium_mammals", "small_mammals"])
MAMMALS = np.array(  # five of each kind
    "beaver dolphin otter seal whale "
    "fox porcupine possum raccoon skunk "
    "hamster mouse rabbit shrew squirrel".split()
)
DRAWING = {
    "plotly": ("plotly.express", "plotly.graph_objs", "plotly.graph_objects", "plotly.offline"),
    "matplotlib": ("matplotlib.pyplot",),
}
PATH = "by_the_probe.keras"
NUMBERS_A_FIT = 2**14  # pixels times channels: one step on this is enough to see what moves
# What Keras was asked for: calls of `fit`, (model, largest pixel) of `predict`, weights of models when they were
# saved, sequential models in order, those that could not be built.
SEEN = SimpleNamespace(fits=[], predicted=[], saved=[], models=[], refused=[])


# ---------------------------------------------------------------- before the notebook's code is loaded


def before_loading():
    """Stand-ins for the data set and for libraries that show and read tables and pictures; listeners on Keras."""
    write_data("10_train.npy", "10_tr_labels.csv", each=2, seed=1)
    write_data("10_test.npy", "10_ts_labels.csv", each=1, seed=2)
    for library, parts in DRAWING.items():
        if importlib.util.find_spec(library) is None:
            sys.modules.update({name: Anything(name) for name in (library, *parts)})
    if importlib.util.find_spec("pandas") is None:
        sys.modules["pandas"] = ModuleType("pandas")
        sys.modules["pandas"].read_csv = Table.read
    listen()


def write_data(images, labels, each, seed):
    """Noise in place of photographs, in the files that the notebook reads: `each` of every mammal."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.repeat(np.arange(len(MAMMALS)), each))
    np.save(images, noise(rng, len(order)))
    rows = [f"{MAMMALS[number]},{KINDS[number // 5]}" for number in order]
    with open(labels, "w", encoding="utf-8") as file:
        file.write("\n".join(["fine_labels,coarse_labels", *rows, ""]))


def noise(rng, count):
    """uint8 (count, 32, 32, 3), each with a white pixel: all have the same largest value."""
    images = rng.integers(0, 256, (count, 32, 32, 3), np.uint8)
    images[:, 0, 0] = 255
    return images


class Anything(ModuleType):
    """A module that holds whatever one asks it for; all of it may be called and does nothing."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name)

    def __call__(self, *args, **kwargs):
        return Anything("result")

    def __iter__(self):
        return iter((Anything("first"), Anything("second")))

    def __getitem__(self, key):
        return Anything("item")


class Column(np.ndarray):
    """The little of a pandas.Series that labels need."""

    values = property(np.asarray)

    def unique(self):
        return np.asarray(list(dict.fromkeys(self.tolist())))

    def map(self, change):
        return np.array([change[i] if isinstance(change, dict) else change(i) for i in self.tolist()]).view(Column)

    apply = replace = map

    def to_numpy(self):
        return np.asarray(self)


class Table:
    """The little of a pandas.DataFrame that labels need."""

    def __init__(self, columns):
        self.columns = columns
        self.shape = (len(next(iter(columns.values()))), len(columns))
        self.iloc = self

    @classmethod
    def read(cls, path, *args, **kwargs):
        rows = np.loadtxt(path, dtype=str, delimiter=",", encoding="utf-8")
        return cls({str(name): column.view(Column) for name, column in zip(rows[0], rows[1:].T, strict=True)})

    def __getattr__(self, name):
        if name in self.__dict__.get("columns", {}):
            return self.columns[name]
        raise AttributeError(f"the stand-in for a table of labels has no {name!r}")

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.columns[key]
        row, column = key if isinstance(key, tuple) else (key, slice(None))
        return np.stack([values[row] for values in self.columns.values()], -1)[..., column]

    def head(self, n=5):
        return Table({name: column[:n] for name, column in self.columns.items()})


# ---------------------------------------------------------------- listeners on Keras


def listen():
    """From now on training takes one step on a few images, and what Keras is asked for is noted in SEEN."""
    keras = tf.keras
    fit, predict, save, add = keras.Model.fit, keras.Model.predict, keras.Model.save, keras.Sequential.add
    save_model = keras.models.save_model

    def short_fit(self, *args, **kwargs):
        return shortened(fit, inspect.signature(fit).bind(self, *args, **kwargs).arguments)

    def heard_predict(self, x, *args, **kwargs):
        SEEN.predicted.append((self, float(np.max(x)) if hasattr(x, "shape") else None))
        return predict(self, floating(x), *args, **{**kwargs, "verbose": 0})

    def heard_save(self, *args, **kwargs):
        SEEN.saved.append(arrays(self.weights))
        return save(self, *args, **kwargs)

    def heard_save_model(model, *args, **kwargs):
        SEEN.saved.append(arrays(model.weights))
        return save_model(model, *args, **kwargs)

    def heard_add(self, *args, **kwargs):
        if not holds(SEEN.models, self):
            SEEN.models.append(self)
        try:
            return add(self, *args, **kwargs)
        except ValueError as error:
            if nothing_left(error):
                SEEN.refused.append(self)
            raise

    keras.Model.fit, keras.Model.predict, keras.Model.save = short_fit, heard_predict, heard_save
    keras.Sequential.add, keras.models.save_model = heard_add, heard_save_model


def shortened(fit, given):
    """One step of `fit` on the first images. Notes what the model was to be fitted to, and what became of it."""
    model, x, y = given["self"], given.get("x"), given.get("y")
    if y is None and x is not None:  # a tf.data.Dataset or the like
        batches = [batch[:2] for batch in itertools.islice(x, 50)]
        x, y = (np.concatenate([np.asarray(part) for part in parts]) for parts in zip(*batches, strict=True))
    x, y = floating(np.asarray(x)), np.asarray(y)
    few = max(2, NUMBERS_A_FIT // x[0].size)
    units = model(x[:1]).shape[-1]  # also builds what was not built yet
    one_hot = y.ndim > 1 and y.shape[-1] > 1
    noted = SimpleNamespace(
        model=model, weights=list(model.weights), start=arrays(model.weights), end=[], refused=False,
        units=units, one_hot=one_hot, classes=len(np.unique(y.argmax(-1) if one_hot else y)),
        pixels=float(x.max()), epochs=given.get("epochs", 1),
    )  # fmt: skip
    SEEN.fits.append(noted)
    held_out = (x[:few], y[:few]) if {"validation_data", "validation_split"} & set(given) else None
    try:
        return fit(model, x[:few], y[:few], epochs=1, verbose=0, validation_data=held_out)
    except Exception:
        noted.refused = mean_loss(model, y[:few], model(x[:few])) is None
        raise
    finally:
        noted.end = arrays(noted.weights)


def floating(x):
    """An array in the dtype of Keras' own numbers. A model of Keras 2 that first sees uint8 casts all to uint8."""
    return x.astype(tf.keras.backend.floatx()) if isinstance(x, np.ndarray) else x


def mean_loss(model, y, outputs):
    """The loss that a model was compiled with; None where labels of this form do not go with it."""
    try:
        return tf.reduce_mean(tf.keras.losses.get(model.loss)(tf.constant(y), tf.constant(outputs)))
    except Exception:
        return None


def arrays(weights):
    return [np.array(weight) for weight in weights]


def holds(items, wanted):
    """Is `wanted` itself, not only something equal, among `items`?"""
    return any(item is wanted for item in items)


def nothing_left(error):
    """Is this Keras' complaint that a layer would leave no pixel? In the words of Keras 2 and 3."""
    return "Negative dimension size" in str(error) or "Computed output size would be" in str(error)


# ---------------------------------------------------------------- looking at models


@contextlib.contextmanager
def precision(of):
    """Keras computes in the dtype of the array `of`."""
    floatx, policy = tf.keras.backend.floatx(), tf.keras.mixed_precision.global_policy()
    tf.keras.backend.set_floatx(of.dtype.name)
    tf.keras.mixed_precision.set_global_policy(of.dtype.name)
    try:
        yield
    finally:
        tf.keras.backend.set_floatx(floatx)
        tf.keras.mixed_precision.set_global_policy(policy)


def draw(weights, seed):
    """Give all `weights` new numbers. The n-th kernel, the n-th bias ... of equal models get the same ones."""
    seen = {}
    for weight in weights:
        kind = weight.name.split("/")[-1].split(":")[0]  # kernel, bias, gamma, moving_mean ...
        seen[kind] = seen.get(kind, 0) + 1
        rng = np.random.default_rng([int(seed), *kind.encode(), seen[kind]])
        normal = rng.standard_normal(weight.shape)
        if len(weight.shape) > 1:
            wide = np.sqrt(2) if len(weight.shape) > 2 else 0.3  # so that no softmax is certain of its class
            weight.assign(normal * wide / np.sqrt(np.prod(weight.shape[:-1])))
        elif kind == "moving_variance":
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        else:
            weight.assign(0.2 * normal + (kind == "gamma"))


@contextlib.contextmanager
def kept(weights):
    """Afterwards `weights` are what they were."""
    before = arrays(weights)
    try:
        yield
    finally:
        for weight, old in zip(weights, before, strict=True):
            weight.assign(old)


def look(model, images, seed):
    """Shape of the output, [trainable, other] parameters, and the output itself with drawn weights."""
    if isinstance(model, tf.keras.Sequential) and not model.built:
        model.build((None, *images.shape[1:]))
    if not model.weights:
        model(images)
    with kept(model.weights):
        draw(model.weights, seed)
        output = np.asarray(model(images, training=False))
    counts = [size(model.trainable_weights), size(model.non_trainable_weights)]
    return {"output_shape": list(output.shape[1:]), "parameters": counts, "outputs": output}


def size(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


def extractor_of_the_probe(filters, seed):
    """Another network in place of the notebook's extractor: (32, 32, 3) -> (2, 2, filters), weights drawn."""
    inputs = tf.keras.Input((32, 32, 3))
    maps = tf.keras.layers.Conv2D(int(filters), 3, strides=16, padding="same", activation="tanh")(inputs)
    model = tf.keras.Model(inputs, tf.keras.layers.BatchNormalization()(maps))
    draw(model.weights, seed)
    return model


def share(flags):
    flags = list(flags)
    return sum(flags) / len(flags) if flags else 0.0


def same(a, b):
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-5, atol=1e-6))


# ---------------------------------------------------------------- probes: numbers, labels, models


def convolution_shape(learner, side, kernel_size, strides, same_padding, filters):
    padding = "same" if same_padding else "valid"
    shape = learner.output_shape(int(side), int(kernel_size), int(strides), padding, int(filters))
    return {"shape": [float(length) for length in shape]}  # a tuple, a list, an array, a tf.TensorShape


def convolution_parameters(learner, kernel_size, channels, filters):
    return {"parameters": learner.parameter_count(int(kernel_size), int(channels), int(filters))}


def labels_as_numbers(learner, classes, each, seed):
    """`classes` is 15 or 3. A script's own arrays are compared with the files that it has read."""
    if hasattr(learner, "encode_labels"):
        names = MAMMALS if classes > 3 else KINDS
        train = np.random.default_rng(int(seed)).permutation(np.repeat(names, int(each)))
        test = np.repeat(list(dict.fromkeys(train.tolist()))[::-1], 2)  # the name that came last comes first
        numbers = learner.encode_labels(train, test)
    else:
        files = ("10_tr_labels.csv", "10_ts_labels.csv")
        column = 0 if classes > 3 else 1
        train, test = (np.loadtxt(file, str, delimiter=",", skiprows=1)[:, column] for file in files)
        arrays_of_it = ("tr_sub_y", "ts_sub_y") if classes > 3 else ("tr_super_y", "ts_super_y")
        numbers = [getattr(learner, name) for name in arrays_of_it]
    train_y, test_y = (np.asarray(y).argmax(-1) if np.ndim(y) > 1 else np.asarray(y) for y in numbers)
    number_of = dict(zip(train.tolist(), train_y.tolist(), strict=True))
    return {
        "classes": len(np.unique(train_y)),
        "largest": train_y.max(),
        "test_as_train": share(number_of[n] == y for n, y in zip(test.tolist(), test_y.tolist(), strict=True)),
    }


def one_convolution(learner, images, seed):
    with precision(images):
        model = learner.conv_model() if hasattr(learner, "conv_model") else [*SEEN.models, learner.model][0]
        return look(model, images, seed)


def strided(learner, images, seed):
    with precision(images):
        return look(learner.strided_model() if hasattr(learner, "strided_model") else learner.model, images, seed)


def pooled(learner, images, seed):
    return built(lambda: getattr(learner, "pooled_model", None) or learner.model_pool, images, seed)


def extractor(learner, images, seed):
    return built(lambda: learner.shared_function, images, seed)


def built(find, images, seed):
    """`look` at a model, or at what a function makes. That it cannot be built, since no pixel would be left, is an
    observation and no error."""
    try:
        with precision(images):
            found = find()
            model = found if isinstance(found, tf.keras.Model) else found()
            if not holds(SEEN.refused, model):
                return {"builds": 1.0, **look(model, images, seed)}
    except ValueError as error:
        if not nothing_left(error):
            raise
    return {"builds": 0.0, "output_shape": [0.0], "parameters": [0.0, 0.0], "outputs": np.zeros(len(images))}


def head(learner, features, images, seed):
    """The head alone on given `features`; and whether the model is this head on the given extractor."""
    with precision(features):
        if hasattr(learner, "add_head"):
            shared = extractor_of_the_probe(features.shape[-1], seed)
            model = learner.add_head(shared, 3)
        else:
            model = learner.super_model
            shared = next((layer for layer in model.layers if isinstance(layer, tf.keras.Model)), None)
            shared = shared or learner.shared_model
        body = [i for i, layer in enumerate(model.layers) if is_body(layer, shared)]
        layers = model.layers[max(body, default=0) + 1 :]
        with kept(model.weights):
            draw(model.weights, seed)
            draw([weight for layer in layers for weight in layer.weights], seed)  # whatever is in front of it
            outputs = through(layers, tf.constant(features))
            alike = same(np.asarray(model(images)), np.asarray(through(layers, shared(images))))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(images)[:, 0])
        kernels = [tf_variable(w) for w in shared.weights if len(w.shape) > 2]
        trainable = [tf_variable(w) for w in model.trainable_weights]
        gradients = tape.gradient(loss, kernels)
        return {
            "outputs": outputs,
            "head_parameters": sum(size(layer.weights) for layer in layers),
            "extractor_kept": share(holds(model.weights, weight) for weight in shared.weights),
            "extractor_trains": share(
                holds(trainable, k) and g is not None for k, g in zip(kernels, gradients, strict=True)
            ),
            "connected": alike,
        }


def is_body(layer, shared):
    """Does a layer of the model belong to the extractor?"""
    return holds([shared, *shared.layers], layer) or isinstance(layer, tf.keras.Model)


def through(layers, maps):
    for layer in layers:
        maps = layer(maps)
    return maps


def tf_variable(weight):
    """TensorFlow's own variable of a weight: Keras 3 wraps it."""
    return weight if isinstance(weight, tf.Variable) else weight.value


def head_width(learner, classes, filters, seed):
    if not hasattr(learner, "add_head"):
        return {"units_a_class": learner.super_model.output_shape[-1] / 3}
    model = learner.add_head(extractor_of_the_probe(filters, seed), int(classes))
    return {"units_a_class": model.output_shape[-1] / classes}


# ---------------------------------------------------------------- probes: saving and training


def saved_and_loaded(learner, filters, images, seed):
    """`save_and_load` on a small model; of a script, its `load_shared_model` as it was when it had been loaded."""
    if hasattr(learner, "save_and_load"):
        original = extractor_of_the_probe(filters, seed)
        remove_saved()
        loaded = learner.save_and_load(original, PATH)
        saved, now = [arrays(original.weights)], arrays(loaded.weights)
        stored = bool(remove_saved())
    else:
        original, loaded = learner.shared_model, learner.load_shared_model
        saved, now = SEEN.saved, [at_first(weight) for weight in loaded.weights]
        stored = bool(SEEN.saved)
    kept_by = max((share(same(a, b) for a, b in zip(one, now, strict=False)) for one in saved), default=0.0)
    with kept(original.weights), kept(loaded.weights):
        fits = len(now) == len(original.weights)
        for a, b, value in zip(original.weights, loaded.weights, now, strict=False):
            fits = fits and a.shape == b.shape == value.shape
            if fits:
                a.assign(value)
                b.assign(value)
        alike = fits and same(np.asarray(original(images)), np.asarray(loaded(images)))
    return {
        "weights_kept": kept_by,
        "same_network": alike,
        "own_weights": not any(holds(original.weights, weight) for weight in loaded.weights),
        "stored": stored,
    }


def at_first(weight):
    """A weight before it was trained."""
    pairs = (pair for fit in SEEN.fits for pair in zip(fit.weights, fit.start, strict=True))
    return next((start for own, start in pairs if own is weight), np.array(weight))


def remove_saved():
    """What was saved at PATH, or there with another ending."""
    found = glob.glob(PATH.removesuffix(".keras") + "*")
    for path in found:
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.remove(path)
    return found


def superclass(learner, each, epochs, filters, seed, labels, probabilities):
    if not hasattr(learner, "train_superclass"):
        return training_of_script(learner.load_super_model, labels, probabilities)
    images, _, super_y = photographs(seed, each)
    with precision(probabilities):
        shared = extractor_of_the_probe(filters, seed)
        before = arrays(shared.weights)
        fit = fitted(lambda: learner.train_superclass(shared, images, super_y, int(epochs)))
        seen = training(fit, before, labels, probabilities, epochs, 255)
    pairs = zip(before, arrays(shared.weights), strict=True)
    moved = share(not np.array_equal(old, now) for old, now in pairs if old.ndim > 2)
    return {**seen, "extractor_trained": moved}  # the one that it was given, not a copy of it


def subclass(learner, each, epochs, filters, seed, labels, probabilities):
    if not hasattr(learner, "train_subclass"):
        return training_of_script(learner.load_sub_model, labels, probabilities)
    images, sub_y, super_y = photographs(seed, each)
    with precision(probabilities):
        saved = extractor_of_the_probe(filters, seed)
        saved.save(PATH)
        fit = fitted(lambda: learner.train_subclass(PATH, images, super_y, sub_y, int(epochs)))
        remove_saved()
        return training(fit, arrays(saved.weights), labels, probabilities, epochs, 255)


def photographs(seed, each):
    """Images, their mammals (0 to 14) and their kinds (0 to 2)."""
    rng = np.random.default_rng(int(seed))
    sub_y = rng.permutation(np.repeat(np.arange(15), int(each)))
    return noise(rng, len(sub_y)), sub_y, sub_y // 5


def fitted(call):
    """What is noted of the last `fit` during a call; None where there was none.

    A `fit` that was refused because head and labels do not go together is no error here: its numbers say what
    is wrong.
    """
    before = len(SEEN.fits)
    try:
        call()
    except Exception:
        if not (SEEN.fits[before:] and SEEN.fits[-1].refused):
            raise
    return SEEN.fits[-1] if SEEN.fits[before:] else None


def training_of_script(model, labels, probabilities):
    """`training` of a script's model; the extractor is the saved one that it resembles most."""
    fit = next((fit for fit in reversed(SEEN.fits) if fit.model is model), None)
    epochs = fit.epochs if fit else 1
    predicted = (largest for of, largest in reversed(SEEN.predicted) if of is model and largest)
    pixels = next(predicted, fit.pixels if fit else 1)
    found = [training(fit, one, labels, probabilities, epochs, pixels) for one in SEEN.saved or [[]]]
    return max(found, key=lambda seen: seen["extractor_kept"])


def training(fit, extractor, labels, probabilities, epochs, pixels):
    """What a training was. `extractor`: the arrays that it should start from, of which kernels are compared."""
    if fit is None:
        names = ("units", "classes", "loss", "extractor_kept", "extractor_trained", "epochs", "pixels")
        return dict.fromkeys(names, 0.0)
    kernels = [old for old in extractor if old.ndim > 2]
    found = [next((i for i, start in enumerate(fit.start) if same(start, old)), None) for old in kernels]
    loss = mean_loss(fit.model, labels if fit.one_hot else labels.argmax(-1), probabilities)
    return {
        "units": fit.units,
        "classes": fit.classes,
        "loss": 0.0 if loss is None else loss,
        "extractor_kept": share(i is not None for i in found),
        "extractor_trained": share(i is not None and not np.array_equal(fit.start[i], fit.end[i]) for i in found),
        "epochs": fit.epochs / epochs,
        "pixels": fit.pixels / pixels,
    }
