"""How the learner's Distiller is trained briefly, beside a student without a teacher.

Small networks for grey images of 8 x 8. Most images of a batch have no label (-1): the loss that is given to
`compile` as student_loss_fn leaves them out, so that on them only the teacher teaches (Hinton, Vinyals, Dean 2015,
https://arxiv.org/abs/1503.02531, section 3).
"""

import numpy as np
import tensorflow as tf

keras = tf.keras
ALPHA, TEMPERATURE = 0.1, 3.0
CLASS = "Distiller"


BUILT = {}  # kind -> (network, optimizer, model): compiled once in a worker, the weights set for every seed


def train(learner, function, arrays, settings):
    """One training; see the grader's documentation of TrainingCall for `arrays` and `settings`."""
    order = arrays["indices"].reshape(-1)
    images, labels = arrays["images"][order], arrays["labels"].reshape(-1)
    steps, batch = arrays["indices"].shape
    of_teacher = bool(settings["return_weights"])
    shape, classes = arrays["images"].shape[1:], int(settings["classes"])
    keras.utils.set_random_seed(int(settings["seed"]))
    kind = "teacher" if of_teacher else "distilled" if hasattr(learner, CLASS) else "alone"
    if kind not in BUILT:
        own = network(of_teacher, shape, classes)
        optimizer = keras.optimizers.Adam(float(settings["learning_rate"]))
        BUILT[kind] = own, optimizer, compiled(learner, own, optimizer, arrays, classes)
    own, optimizer, model = BUILT[kind]
    own.set_weights(initial(own, int(settings["seed"])))
    rate = getattr(optimizer, "_learning_rate", None)
    for variable in as_list(optimizer.variables):
        if variable is not rate:
            variable.assign(tf.zeros_like(variable))
    watch = Watch(own, arrays["held_out"], steps, int(settings["checkpoints"]))
    model.fit(images, labels, batch_size=batch, epochs=1, shuffle=False, verbose=0, callbacks=[watch])
    found = {"predictions": np.stack(watch.predictions), "curve": np.resize(watch.curve or [0.0], steps)}
    if of_teacher:
        found["weights"] = np.concatenate([w.ravel() for w in own.get_weights()])
    return found


def compiled(learner, own, optimizer, arrays, classes):
    """The learner's Distiller round the student `own`; the network itself where there is no Distiller."""
    metrics = [keras.metrics.SparseCategoricalAccuracy()]
    if hasattr(learner, CLASS):
        teacher = network(True, arrays["images"].shape[1:], classes)
        put(teacher, arrays["teacher"])
        model = getattr(learner, CLASS)(student=own, teacher=teacher)
        model.compile(
            optimizer=optimizer,
            metrics=metrics,
            student_loss_fn=labelled_loss,
            distillation_loss_fn=keras.losses.KLDivergence(),
            alpha=ALPHA,
            temperature=TEMPERATURE,
        )
    else:
        model = own
        model.compile(optimizer=optimizer, loss=labelled_loss, metrics=metrics)
    if hasattr(model, "jit_compile"):
        model.jit_compile = False  # compiling takes longer than these few steps
    return model


def as_list(variables):
    """A method in Keras 2, a property in Keras 3."""
    return list(variables() if callable(variables) else variables)


def network(teacher, shape, classes):
    """The teacher or a student, with initial weights; logits."""
    width = 32 if teacher else 8
    return keras.Sequential(
        [
            keras.Input(shape=shape),
            keras.layers.Conv2D(width, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(4 * width, activation="relu"),
            keras.layers.Dense(classes),
        ]
    )


def put(model, flat):
    """Set all weights from one vector."""
    sizes = [int(np.prod(w.shape)) for w in model.weights]
    parts = np.split(np.asarray(flat, np.float32), np.cumsum(sizes)[:-1])
    model.set_weights([part.reshape(tuple(w.shape)) for part, w in zip(parts, model.weights, strict=True)])


def initial(model, seed):
    """Weights before training, the same whichever Keras it is: kernels Glorot uniform, biases 0."""
    random, weights = np.random.default_rng(seed), []
    for old in model.get_weights():
        field = int(np.prod(old.shape[:-2])) if old.ndim > 2 else 1
        limit = np.sqrt(6 / (field * sum(old.shape[-2:]))) if old.ndim > 1 else 0.0
        weights.append(random.uniform(-limit, limit, old.shape).astype(old.dtype))
    return weights


def labelled_loss(y_true, y_pred):
    """The mean cross-entropy of the images that have a label; 0 where none has."""
    labels = tf.cast(tf.reshape(y_true, [-1]), tf.int32)
    known = tf.cast(labels >= 0, y_pred.dtype)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(labels, 0), y_pred)
    return tf.reduce_sum(known * entropy) / tf.maximum(tf.reduce_sum(known), 1.0)


class Watch(keras.callbacks.Callback):
    """Notes the loss of each step, and the class of each held-out image at the checkpoints."""

    def __init__(self, student, held_out, steps, checkpoints):
        super().__init__()
        self.curve, self.predictions = [], []
        self._student, self._held_out = student, tf.constant(held_out)
        self._ends = {steps * (at + 1) // checkpoints for at in range(checkpoints)}

    def on_train_batch_end(self, batch, logs=None):
        logs = logs or {}
        self.curve.append(float(np.mean(logs.get("loss", logs.get("student_loss", 0.0)))))
        if batch + 1 in self._ends:
            logits = np.asarray(self._student(self._held_out, training=False))
            self.predictions.append(logits.argmax(1).astype(np.uint8))
