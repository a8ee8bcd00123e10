"""A second opinion on `assignments/fine_tuning_keras`, with other operations: gradients and Adam written out."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


def count_weights(layer):
    """The same counts, by the identity of the weights."""
    trained = {id(weight) for weight in layer.trainable_variables}
    flags = [id(weight) in trained for weight in layer.variables]
    return len(flags), flags.count(True), flags.count(False)


def freeze(layer):
    """Layer by layer, into models inside of models."""
    for inner in getattr(layer, "layers", []):
        freeze(inner)
    layer.trainable = False


def build_model(base_model, input_shape):
    """A Sequential model, the mean over positions as a pooling window of the size of the map."""
    height, width = base_model.output.shape[1:3]
    return keras.Sequential(
        [
            keras.Input(shape=input_shape),
            layers.Rescaling(2.0 / 255),
            layers.Rescaling(1.0, offset=-1.0),
            base_model,
            layers.AveragePooling2D((height, width)),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(1, activation="linear"),
        ]
    )


# Keras raises the decay rates to powers only after rounding them to float32, also where it computes in float64.
ROUNDED = (float(np.float32(0.9)), float(np.float32(0.999)))


class Adam(keras.optimizers.Optimizer):
    """Kingma & Ba 2015, arXiv:1412.6980, in the order of computation at the end of its section 2."""

    def build(self, variables):
        """Nothing has moved yet."""
        super().build(variables)
        self.moments = {
            variable.value.ref(): (0, np.zeros(variable.shape), np.zeros(variable.shape)) for variable in variables
        }

    def update_step(self, gradient, variable, learning_rate):
        """Move one weight."""
        t, m, v = self.moments[variable.ref()]
        g = np.array(gradient)
        t, m, v = t + 1, 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        self.moments[variable.ref()] = (t, m, v)
        rate = np.array(learning_rate) * np.sqrt(1 - ROUNDED[1] ** t) / (1 - ROUNDED[0] ** t)
        variable.assign_sub(tf.constant(rate * m / (np.sqrt(v) + 1e-7), variable.dtype))


def minimise(model, weights, dataset, epochs, learning_rate):
    """Binary cross-entropy of logits by its formula, max(z, 0) - z y + log(1 + exp(-|z|)), in inference mode."""
    optimizer = Adam(learning_rate)
    for _ in range(epochs):
        for images, labels in dataset:
            with tf.GradientTape() as tape:
                z = model(images, training=False)[:, 0]
                y = tf.cast(labels, z.dtype)
                loss = tf.reduce_mean(tf.maximum(z, 0) - z * y + tf.math.log1p(tf.exp(-tf.abs(z))))
            optimizer.apply(tape.gradient(loss, weights), weights)


def train_head(model, dataset, epochs):
    """The two weights of the head, one by one."""
    minimise(model, list(model.layers[-1].weights), dataset, epochs, 1e-3)


def fine_tune(model, base_model, dataset, epochs):
    """The head and what is no BatchNormalization in the base."""
    weights = []
    for layer in [*base_model.layers, *model.layers[2:]]:
        if not isinstance(layer, layers.BatchNormalization):
            layer.trainable = True
            weights += layer.trainable_weights
    minimise(model, weights, dataset, epochs, 1e-5)


def extract_features(base_model, images):
    """In batches of two, in NumPy."""
    scaled = (np.asarray(images) - 127.5) / 127.5
    maps = [np.array(base_model(scaled[i : i + 2], training=False)) for i in range(0, len(scaled), 2)]
    return np.concatenate(maps).mean(axis=2).mean(axis=1)
