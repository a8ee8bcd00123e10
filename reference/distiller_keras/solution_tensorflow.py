# mypy: ignore-errors
"""The exercise of `assignments/distiller_keras` in TensorFlow, as the notebook asks for it."""

import tensorflow as tf
from tensorflow import keras


class Distiller(keras.Model):
    """Trains `student` (images -> logits) on labels and on what `teacher` says, which stays as it is.

    loss = alpha * student_loss_fn(y, z_s) + (1 - alpha) * distillation_loss_fn(softmax(z_t / T), softmax(z_s / T))
    with logits z_t of the teacher and z_s of the student, both [batch, classes], and T the temperature:
    Hinton, Vinyals, Dean 2015, arXiv:1503.02531, section 2, and https://keras.io/examples/vision/knowledge_distillation/
    """

    def __init__(self, student, teacher):
        super().__init__()
        self.teacher = teacher
        self.student = student

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        """`alpha` weights the loss on the labels, 1 - alpha the distillation loss at `temperature`."""
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn = student_loss_fn
        self.distillation_loss_fn = distillation_loss_fn
        self.alpha = alpha
        self.temperature = temperature

    def train_step(self, data):
        """One update of the student's weights; returns metrics and losses by name."""
        x, y = data
        teacher_predictions = self.teacher(x, training=False)
        with tf.GradientTape() as tape:
            student_predictions = self.student(x, training=True)
            student_loss = self.student_loss_fn(y, student_predictions)
            distillation_loss = self.distillation_loss_fn(
                tf.nn.softmax(teacher_predictions / self.temperature, axis=1),
                tf.nn.softmax(student_predictions / self.temperature, axis=1),
            )
            loss = self.alpha * student_loss + (1 - self.alpha) * distillation_loss
        variables = self.student.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        results = self.compute_metrics(x, y, student_predictions, None)
        return {**results, "loss": loss, "student_loss": student_loss, "distillation_loss": distillation_loss}

    def test_step(self, data):
        """The student on its own, in inference mode; returns metrics and its loss on the labels by name."""
        x, y = data
        predictions = self.student(x, training=False)
        results = self.compute_metrics(x, y, predictions, None)
        return {**results, "loss": self.student_loss_fn(y, predictions)}
