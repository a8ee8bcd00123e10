# mypy: ignore-errors
# ruff: noqa: UP008  (super with arguments is how the class was first published)
"""Other right forms of the exercise of `assignments/distiller_keras`.

Each is a whole class. The published ones are of two kinds: with train_step and test_step of their own, and, in
Keras 3, with compute_loss and call, where Keras' own steps do the rest. The notebook leaves open whether the
distillation loss is multiplied by T^2, as Hinton, Vinyals, Dean 2015, arXiv:1503.02531, recommend in section 2.
"""

import tensorflow as tf
from tensorflow import keras

from grader.authoring import variant


def softened(logits, temperature):
    return tf.nn.softmax(logits / temperature)


class Kept(keras.Model):
    """What variants of one method have in common: the other methods, not quite as the solution has them."""

    def __init__(self, student, teacher):
        super().__init__()
        self.teacher = teacher
        self.student = student

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn = student_loss_fn
        self.distillation_loss_fn = distillation_loss_fn
        self.alpha = alpha
        self.temperature = temperature

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            predictions = self.student(x, training=True)
            loss = self.mixed(y, predictions, self.teacher(x, training=False))
        gradients = tape.gradient(loss, self.student.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.student.trainable_weights))
        self.compiled_metrics.update_state(y, predictions)
        return {m.name: m.result() for m in self.metrics}

    def mixed(self, y, z_s, z_t):
        soft = self.distillation_loss_fn(softened(z_t, self.temperature), softened(z_s, self.temperature))
        return self.alpha * self.student_loss_fn(y, z_s) + (1 - self.alpha) * soft

    def test_step(self, data):
        x, y = data
        predictions = self.student(x, training=False)
        self.compiled_metrics.update_state(y, predictions)
        return {m.name: m.result() for m in self.metrics}


# ------------------------------------------------------------------ roles


@variant("roles")
class frozen_from_the_start(Kept):
    def __init__(self, student, teacher, **options):
        super().__init__(student, teacher, **options)
        self.teacher.trainable = False


@variant("roles")
class of_2020(keras.Model):
    def __init__(self, student, teacher):
        super(of_2020, self).__init__()
        self.student = student
        self.teacher = teacher

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super(of_2020, self).compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn = student_loss_fn
        self.distillation_loss_fn = distillation_loss_fn
        self.alpha = alpha
        self.temperature = temperature

    def train_step(self, data):
        x, y = data
        teacher_predictions = self.teacher(x, training=False)
        with tf.GradientTape() as tape:
            student_predictions = self.student(x, training=True)
            hard = self.student_loss_fn(y, student_predictions)
            soft = self.distillation_loss_fn(
                tf.nn.softmax(teacher_predictions / self.temperature, axis=1),
                tf.nn.softmax(student_predictions / self.temperature, axis=1),
            )
            loss = self.alpha * hard + (1 - self.alpha) * soft
        trainable_vars = self.student.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, trainable_vars), trainable_vars))
        self.compiled_metrics.update_state(y, student_predictions)
        results = {m.name: m.result() for m in self.metrics}
        results.update({"student_loss": hard, "distillation_loss": soft})
        return results

    def test_step(self, data):
        x, y = data
        predictions = self.student(x, training=False)
        self.compiled_metrics.update_state(y, predictions)
        results = {m.name: m.result() for m in self.metrics}
        results.update({"student_loss": self.student_loss_fn(y, predictions)})
        return results


@variant("roles")
class other_attributes(keras.Model):
    """Keeps everything under names of its own."""

    def __init__(self, student, teacher):
        super().__init__()
        self.student_model, self.teacher_model = student, teacher

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer, metrics=metrics)
        self.hard_loss_fn, self.soft_loss_fn = student_loss_fn, distillation_loss_fn
        self._alpha, self.T = alpha, temperature

    def train_step(self, data):
        x, y = data
        target = softened(self.teacher_model(x), self.T)
        with tf.GradientTape() as tape:
            z = self.student_model(x, training=True)
            soft = self.soft_loss_fn(target, softened(z, self.T))
            loss = self._alpha * self.hard_loss_fn(y, z) + (1 - self._alpha) * soft
        variables = self.student_model.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return self.compute_metrics(x, y, z, None)

    def test_step(self, data):
        x, y = data
        return self.compute_metrics(x, y, self.student_model(x), None)


# ------------------------------------------------------------------ compile


@variant("compile")
class with_options(Kept):
    def compile(self, *, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3, **options):
        keras.Model.compile(self, **options)
        self.student_loss_fn, self.distillation_loss_fn = student_loss_fn, distillation_loss_fn
        self.alpha = tf.constant(alpha, keras.backend.floatx())
        self.temperature = tf.constant(temperature, keras.backend.floatx())


@variant("compile")
class hard_loss_with_keras(keras.Model):
    """Keras keeps the loss on the labels; its own compute_loss is asked for it."""

    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher
        teacher.trainable = False

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, loss=student_loss_fn, metrics=metrics)
        self.distillation_loss_fn = distillation_loss_fn
        self.alpha, self.temperature = alpha, temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        hard = super().compute_loss(x, y, y_pred, sample_weight)
        target = softened(self.teacher(x, training=False), self.temperature)
        return self.alpha * hard + (1 - self.alpha) * self.distillation_loss_fn(
            target, softened(y_pred, self.temperature)
        )

    def call(self, inputs, training=None):
        return self.student(inputs, training=training)


# ------------------------------------------------------------------ train_step


@variant("train_step")
class of_keras_3(keras.Model):
    """No steps of its own: what Keras' train_step and test_step need is `call` and `compute_loss`."""

    def __init__(self, student, teacher):
        super().__init__()
        self.teacher = teacher
        self.teacher.trainable = False
        self.student = student

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn = student_loss_fn
        self.distillation_loss_fn = distillation_loss_fn
        self.alpha = alpha
        self.temperature = temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
        teacher_predictions = self.teacher(x, training=False)
        soft = self.distillation_loss_fn(
            softened(teacher_predictions, self.temperature), softened(y_pred, self.temperature)
        )
        return self.alpha * self.student_loss_fn(y, y_pred) + (1 - self.alpha) * soft

    def call(self, x, training=False):
        return self.student(x, training=training)


@variant(
    "train_step",
    family="t_squared",
    en="You multiplied the distillation loss by T^2, as the paper recommends; that is fine.",
    ko="논문에서 권하는 대로 distillation loss에 T^2을 곱하셨습니다. 괜찮습니다.",
)
class with_t_squared(Kept):
    def mixed(self, y, z_s, z_t):
        soft = self.distillation_loss_fn(softened(z_t, self.temperature), softened(z_s, self.temperature))
        return self.alpha * self.student_loss_fn(y, z_s) + (1 - self.alpha) * soft * self.temperature**2


@variant("train_step", family="t_squared")
class of_keras_3_with_t_squared(Kept):
    train_step = keras.Model.train_step
    test_step = keras.Model.test_step

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
        self.teacher.trainable = False
        soft = self.temperature**2 * self.distillation_loss_fn(
            softened(self.teacher(x), self.temperature), softened(y_pred, self.temperature)
        )
        return (1 - self.alpha) * soft + self.alpha * self.student_loss_fn(y, y_pred)

    def call(self, x, training=False):
        return self.student(x, training=training)


@variant("train_step", family="t_squared")
class of_2020_with_t_squared(Kept):
    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        z_t = self.teacher(x, training=False)
        with tf.GradientTape() as tape:
            z_s = self.student(x, training=True)
            hard = self.student_loss_fn(y, z_s)
            soft = self.distillation_loss_fn(
                tf.nn.softmax(z_t / self.temperature, axis=1), tf.nn.softmax(z_s / self.temperature, axis=1)
            )
            scaled = self.temperature * self.temperature * soft
            loss = scaled + self.alpha * (hard - scaled)
        gradients = tape.gradient(loss, self.student.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.student.trainable_variables))
        self.compiled_metrics.update_state(y, z_s)
        return {**{m.name: m.result() for m in self.metrics}, "kd": soft, "ce": hard}


@variant("train_step")
class two_gradients(Kept):
    """The gradients of both losses, mixed; probabilities as exp(log_softmax); metrics one by one."""

    def train_step(self, data):
        x, y = data
        variables = self.student.trainable_variables
        target = tf.stop_gradient(tf.exp(tf.nn.log_softmax(self.teacher(x) / self.temperature)))
        with tf.GradientTape(persistent=True) as tape:
            z = self.student(x, training=True)
            hard = self.student_loss_fn(y, z)
            soft = self.distillation_loss_fn(target, tf.exp(tf.nn.log_softmax(z / self.temperature)))
        pairs = zip(tape.gradient(hard, variables), tape.gradient(soft, variables))
        mixed = [self.alpha * h + (1 - self.alpha) * s for h, s in pairs]
        self.optimizer.apply_gradients(zip(mixed, variables))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(self.alpha * hard + (1 - self.alpha) * soft)
            else:
                metric.update_state(y, z)
        return self.get_metrics_result()


@variant("train_step")
class probabilities_for_the_metric(Kept):
    """The metric gets softmax(z): the same classes are predicted. The temperature enters as 1 / T."""

    def train_step(self, data):
        x, y = data[0], data[1]
        with tf.GradientTape() as tape:
            z = self.student(x, training=True)
            target = tf.nn.softmax(self.teacher(x, training=False) * (1 / self.temperature), axis=-1)
            soft = self.distillation_loss_fn(target, tf.nn.softmax(z * (1 / self.temperature), axis=-1))
            loss = tf.add_n([self.alpha * self.student_loss_fn(y, z), (1 - self.alpha) * soft])
        variables = self.student.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        results = self.compute_metrics(x, y, tf.nn.softmax(z), None)
        results["total"] = loss
        return results


# ------------------------------------------------------------------ test_step


@variant("test_step")
class by_call(Kept):
    """Keras' own test_step, with a call and a loss for it."""

    test_step = keras.Model.test_step

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
        return self.student_loss_fn(y, y_pred)

    def call(self, x, training=False):
        return self.student(x, training=training)


@variant("test_step")
class metric_by_metric(Kept):
    def test_step(self, data):
        x, y = data
        probabilities = tf.nn.softmax(self.student(x))
        for metric in self.metrics:
            if metric.name != "loss":
                metric.update_state(y, probabilities)
        results = dict(self.get_metrics_result())
        results.pop("loss", None)
        return results
