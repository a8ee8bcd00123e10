"""Looks at a `Distiller` from outside: builds two tiny networks, hands them to it, trains, evaluates.

Runs where the notebook's code runs, before that is loaded. No answers here: only what is done with the
class and which numbers are read off afterwards. Everything goes through `tf.keras`, whichever Keras that is.

The networks have what the notebook's do not: batch normalisation and a dropout. They behave otherwise in
training than in inference, so that it shows in which mode each of them was called.
"""

import contextlib
import warnings

import numpy as np
import tensorflow as tf

NAMES = {  # under which names a class may keep what it was given
    "alpha": ("alpha", "_alpha", "alpha_"),
    "temperature": ("temperature", "_temperature", "temp", "T", "tau"),
    "student_loss": ("student_loss_fn", "student_loss", "hard_loss_fn", "loss_fn", "loss"),
    "distillation_loss": (
        "distillation_loss_fn",
        "distillation_loss",
        "distill_loss_fn",
        "soft_loss_fn",
        "kd_loss_fn",
    ),
}


def before_loading():
    """What Keras and TensorFlow say about old names and eager functions is not about the learner's work."""
    for words in (".*compiled_metrics.*", ".*run_functions_eagerly.*"):
        warnings.filterwarnings("ignore", message=words)


class Unit(tf.keras.layers.Layer):
    """tanh, and in training a dropout whose choice is fixed: every other unit goes, the others are doubled."""

    def call(self, x, training=None):
        x = tf.tanh(x)
        if not training:
            return x
        kept = tf.range(tf.shape(x)[-1]) % 2
        return 2 * x * tf.cast(kept, x.dtype)


class Predicted(tf.keras.metrics.Metric):
    """Which class was predicted for which sample, as one number; logits and probabilities give the same."""

    def __init__(self, name="sparse_categorical_accuracy", **options):  # the name of the notebook's own
        super().__init__(name=name, **options)
        self.total = self.add_weight(name="total", shape=(), initializer="zeros")
        self.batches = self.add_weight(name="batches", shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        right = tf.cast(tf.reshape(y_true, [-1]), self.dtype)
        predicted = tf.cast(tf.argmax(y_pred, axis=-1), self.dtype)
        place = tf.sqrt(tf.cast(tf.range(tf.shape(predicted)[0]) + 1, self.dtype))
        self.total.assign_add(tf.reduce_sum(place * (3 * predicted + right)))
        self.batches.assign_add(1.0)

    def result(self):
        return self.total / tf.maximum(tf.cast(self.batches, self.dtype), 1)


@contextlib.contextmanager
def precision(like):
    """Keras computes in the precision of `like` meanwhile: networks, losses, optimizers, metrics."""
    before = tf.keras.backend.floatx()
    tf.keras.backend.set_floatx(like.dtype.name)
    try:
        yield
    finally:
        tf.keras.backend.set_floatx(before)


def network(name, images, classes, width, random):
    """A small network that ends in logits, with drawn weights and drawn moving statistics."""
    layers = tf.keras.layers
    inside = layers.Dense(width, use_bias=False, kernel_initializer="zeros")  # all weights are set below
    norm = layers.BatchNormalization()
    last = layers.Dense(classes, kernel_initializer="zeros")
    parts = [layers.Flatten(), inside, norm, Unit(), last]
    made = tf.keras.Sequential([tf.keras.Input(images.shape[1:]), *parts], name=name)
    size = int(np.prod(images.shape[1:]))
    inside.set_weights([random.normal(size=(size, width)) / np.sqrt(size)])
    norm.set_weights(
        [
            random.uniform(0.6, 1.4, width),
            random.normal(0, 0.3, width),
            random.normal(0, 0.3, width),
            random.uniform(0.6, 1.4, width),
        ]
    )
    last.set_weights([random.normal(0, 4 / np.sqrt(width), (width, classes)), random.normal(0, 0.5, classes)])
    return made


def networks(images, classes, seed):
    """A student and a larger teacher."""
    random = np.random.default_rng(int(seed))
    student = network("student", images, classes, 6, random)
    return student, network("teacher", images, classes, 10, random)


def batches(images, labels, size):
    """The samples in batches of `size`, in their order; the last one may be smaller."""
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(int(size))


def weights(model):
    """All weights of a network in a row, moving statistics included."""
    return np.concatenate([np.ravel(w) for w in model.get_weights()])


def row(variables):
    """The values of these variables in a row."""
    return np.concatenate([np.ravel(v.numpy()) for v in variables])


def held(distiller, role):
    """The network that a distiller keeps as "student" or "teacher"; None without one."""
    own = [name for name in vars(distiller) if role in name.lower()]
    for name in (role, *own):
        found = getattr(distiller, name, None)
        if isinstance(found, tf.keras.layers.Layer):
            return found
    return None


def kept(distiller, what):
    """What a distiller keeps of compile's arguments; None where there is nothing."""
    return next((v for n in NAMES[what] if (v := getattr(distiller, n, None)) is not None), None)


def given(soft_loss=None, **settings):
    """What the notebook hands to compile, by name; `metrics` and `optimizer` apart."""
    return {
        "student_loss_fn": tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "distillation_loss_fn": soft_loss or tf.keras.losses.KLDivergence(),
        **settings,
    }


def ready(learner, student, teacher, optimizer, metric, labels, settings):
    """A compiled distiller. What the exercises before ask for is put right in it, so that a slip costs once."""
    distiller = learner.Distiller(student=student, teacher=teacher)
    if getattr(distiller, "student", None) is teacher and getattr(distiller, "teacher", None) is student:
        teacher.trainable, student.trainable = student.trainable, True
        distiller.student, distiller.teacher = student, teacher
    distiller.compile(optimizer=optimizer, metrics=[metric], **settings)
    if not told(distiller, metric, labels):
        tf.keras.Model.compile(distiller, optimizer=optimizer, metrics=[metric])
        told(distiller, metric, labels)
    for name, value in settings.items():
        if name in vars(distiller):
            setattr(distiller, name, value)
    return distiller


def told(distiller, metric, labels):
    """Does Keras hand predictions on to the metric? It is empty again afterwards.

    Keras 3 makes metrics at the first batch; one that is never updated then says 0 instead of raising.
    """
    with contextlib.suppress(Exception):
        same = tf.one_hot(labels, int(labels.max()) + 1, dtype=metric.dtype)
        distiller.compiled_metrics.update_state(tf.constant(labels), same)
    updated = float(metric.batches) > 0 or any(one is metric for one in distiller.metrics)
    with contextlib.suppress(Exception):
        distiller.reset_metrics()
    metric.reset_state()
    return updated


def reported(logs, metric):
    """The metric's value if it is among the reported numbers, under whatever name; else None."""
    value = float(metric.result())
    numbers = [np.ravel(np.asarray(v, np.float64)) for v in logs.values()]
    return value if any(n.size == 1 and np.isclose(n[0], value, rtol=1e-6) for n in numbers) else None


# ---------------------------------------------------------------- roles


def by_keyword(learner, images, seed):
    """`Distiller(student=..., teacher=...)`: what the networks that it keeps compute."""
    with precision(images):
        student, teacher = networks(images, 10, seed)
        return roles(learner.Distiller(student=student, teacher=teacher), images)


def in_order(learner, images, seed):
    """`Distiller(student, teacher)`, without the arguments' names."""
    with precision(images):
        return roles(learner.Distiller(*networks(images, 10, seed)), images)


def roles(distiller, images):
    found = {role: held(distiller, role) for role in ("student", "teacher")}
    return {role: None if net is None else net(images, training=False) for role, net in found.items()}


# ---------------------------------------------------------------- compile


def settings(learner, labels, p, q, alpha, temperature, rate):
    """What is left of compile's arguments afterwards. p, q: probabilities for the loss functions."""
    with precision(p):
        distiller = learner.Distiller(student=smallest(), teacher=smallest())
        metric = Predicted()
        optimizer = tf.keras.optimizers.SGD(float(rate))
        handed = given(alpha=alpha, temperature=temperature)
        distiller.compile(optimizer=optimizer, metrics=[metric], **handed)
        right = labels.argmax(1)
        return {
            "optimizer": number(lambda: distiller.optimizer.learning_rate),
            "metric": float(told(distiller, metric, right)),
            "student_loss": number(lambda: kept(distiller, "student_loss")(right, 4 * q)),
            "distillation_loss": number(lambda: kept(distiller, "distillation_loss")(p, q)),
            "alpha": number(lambda: kept(distiller, "alpha")),
            "temperature": number(lambda: kept(distiller, "temperature")),
        }


def defaults(learner):
    """alpha and temperature after a compile that names neither."""
    distiller = learner.Distiller(student=smallest(), teacher=smallest())
    distiller.compile(optimizer=tf.keras.optimizers.SGD(), metrics=[Predicted()], **given())
    return {name: number(lambda n=name: kept(distiller, n)) for name in ("alpha", "temperature")}


def smallest():
    """A network for a distiller that is never run."""
    return tf.keras.Sequential([tf.keras.layers.Dense(2)])


def number(read):
    """A number that is there to be read; None where there is none."""
    try:
        return float(read())
    except Exception:
        return None


# ---------------------------------------------------------------- train_step


def fitted(learner, images, labels, alpha, temperature, rate, batch, seed, soft_loss=None):
    student, teacher = networks(images, labels.shape[1], seed)
    optimizer, metric = tf.keras.optimizers.SGD(float(rate)), Predicted()
    learned, right = list(student.trainable_variables), labels.argmax(1)
    before = row(learned), weights(teacher)
    handed = given(soft_loss, alpha=alpha, temperature=temperature)
    distiller = ready(learner, student, teacher, optimizer, metric, right, handed)
    history = distiller.fit(batches(images, right, batch), epochs=1, shuffle=False, verbose=0).history
    return {
        "student_change": row(learned) - before[0],
        "teacher_change": weights(teacher) - before[1],
        "updates": int(optimizer.iterations),
        "metric": reported({name: values[-1] for name, values in history.items()}, metric),
    }


def one_epoch(learner, images, labels, alpha, temperature, rate, batch, seed):
    """An epoch of `fit` with plain gradient descent: what has changed, and what fit reports."""
    with precision(images):
        return fitted(learner, images, labels, alpha, temperature, rate, batch, seed)


def other_loss(learner, images, labels, alpha, temperature, rate, batch, seed):
    """The same with another distillation_loss_fn than the notebook's."""
    with precision(images):
        return fitted(learner, images, labels, alpha, temperature, rate, batch, seed, tf.keras.losses.Poisson())


# ---------------------------------------------------------------- test_step


def evaluated(learner, images, labels, alpha, temperature, batch, seed):
    """`evaluate`: what it reports, and whether anything has moved."""
    with precision(images):
        student, teacher = networks(images, labels.shape[1], seed)
        before = weights(student), weights(teacher)
        optimizer, metric = tf.keras.optimizers.SGD(1.0), Predicted()
        handed, right = given(alpha=alpha, temperature=temperature), labels.argmax(1)
        distiller = ready(learner, student, teacher, optimizer, metric, right, handed)
        logs = distiller.evaluate(batches(images, right, batch), verbose=0, return_dict=True)
        return {
            "metric": reported(logs, metric),
            "student_change": weights(student) - before[0],
            "teacher_change": weights(teacher) - before[1],
        }
