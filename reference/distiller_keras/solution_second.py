# mypy: ignore-errors
"""A second opinion, written on its own: chain rule in two parts, softmax and update by hand.

The losses are differentiated by the student's logits z_s alone. For the soft part that is taken on to z_s by hand:
with p = softmax(z_s / T) and g = dL/dp,  dL/dz_s = (p * g - p * sum(p * g)) / T.  The sum of both parts then goes
backwards through the student as `output_gradients`; the weights move by plain gradient descent, w -= rate * dL/dw.
"""

import tensorflow as tf
from tensorflow import keras


def softened(logits, temperature):
    raised = tf.exp((logits - tf.reduce_max(logits, axis=1, keepdims=True)) / temperature)
    return raised / tf.reduce_sum(raised, axis=1, keepdims=True)


class Distiller(keras.Model):
    """Needs an optimizer whose step is `learning_rate` times the gradient, as that of the probes is."""

    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher

    def compile(self, optimizer, metrics, alpha=0.1, temperature=3, **losses):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn = losses.pop("student_loss_fn")
        self.distillation_loss_fn = losses.pop("distillation_loss_fn")
        self.alpha, self.temperature = alpha, temperature

    def train_step(self, data):
        images, labels = data
        variables = self.student.trainable_variables
        with tf.GradientTape() as through_student:
            logits = self.student(images, training=True)
        with tf.GradientTape() as of_labels:
            of_labels.watch(logits)
            hard = self.student_loss_fn(labels, logits)
        target = softened(self.teacher(images, training=False), self.temperature)
        p = softened(logits, self.temperature)
        with tf.GradientTape() as of_teacher:
            of_teacher.watch(p)
            soft = self.distillation_loss_fn(target, p)
        g = of_teacher.gradient(soft, p)
        by_soft = (p * g - p * tf.reduce_sum(p * g, axis=1, keepdims=True)) / self.temperature
        by_logits = self.alpha * of_labels.gradient(hard, logits) + (1 - self.alpha) * by_soft
        gradients = through_student.gradient(logits, variables, output_gradients=by_logits)
        for variable, gradient in zip(variables, gradients):
            variable.assign(variable - tf.cast(self.optimizer.learning_rate, gradient.dtype) * gradient)
        self.optimizer.iterations.assign_add(1)
        return self.seen(labels, logits)

    def test_step(self, data):
        images, labels = data
        return self.seen(labels, self.student(images, training=False))

    def seen(self, labels, logits):
        for metric in self.metrics:
            if metric.name != "loss":
                metric.update_state(labels, logits)
        return self.get_metrics_result()
