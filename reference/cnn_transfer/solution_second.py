# mypy: ignore-errors
"""A second opinion on `solution_tensorflow.py`.

It counts where that calculates, has TensorFlow's own operations where that has Keras' layers, and is functional
where that is sequential and the other way round.
"""

import numpy as np
import tensorflow as tf

keras = tf.keras


def output_shape(side, kernel_size, strides, padding, filters):
    starts = range(0, side, strides)
    if padding == "valid":
        starts = [start for start in starts if start + kernel_size <= side]
    return [len(starts), len(starts), filters]


def parameter_count(kernel_size, channels, filters):
    return np.zeros((kernel_size, kernel_size, channels, filters)).size + np.zeros(filters).size


def encode_labels(train_names, test_names):
    names = np.unique(train_names)
    return np.searchsorted(names, train_names), np.searchsorted(names, test_names)


class Convolution(keras.layers.Layer):
    """A convolution by patches and a matrix product."""

    def __init__(self, filters, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.strides = filters, strides

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(3, 3, shape[-1], self.filters))
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, images):
        n = self.strides
        patches = tf.image.extract_patches(images, [1, 3, 3, 1], [1, n, n, 1], [1, 1, 1, 1], "SAME")
        kernel = tf.reshape(self.kernel, (-1, self.filters))
        return tf.tensordot(patches, tf.cast(kernel, patches.dtype), 1) + tf.cast(self.bias, patches.dtype)

    def compute_output_shape(self, shape):
        return (*[shape[0]], *(-(-side // self.strides) for side in shape[1:3]), self.filters)


class Normalise(keras.layers.Layer):
    """Batch normalisation as it is when it is not trained."""

    def build(self, shape):
        for name, trainable, initial in (
            ("gamma", True, "ones"),
            ("beta", True, "zeros"),
            ("moving_mean", False, "zeros"),
            ("moving_variance", False, "ones"),
        ):
            weight = self.add_weight(name=name, shape=(shape[-1],), initializer=initial, trainable=trainable)
            setattr(self, name, weight)

    def call(self, maps):
        gamma, beta, mean, variance = (
            tf.cast(w, maps.dtype) for w in (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        )
        return gamma * (maps - mean) / tf.sqrt(variance + 1e-3) + beta

    def compute_output_shape(self, shape):
        return shape


class Halve(keras.layers.Layer):
    """The largest of each 2x2 pixels."""

    def call(self, maps):
        return tf.reduce_max([maps[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], axis=0)

    def compute_output_shape(self, shape):
        return (shape[0], shape[1] // 2, shape[2] // 2, shape[3])


class Rectify(keras.layers.Layer):
    def call(self, maps):
        return tf.maximum(maps, tf.zeros_like(maps))

    def compute_output_shape(self, shape):
        return shape


class Softmax(keras.layers.Layer):
    def call(self, logits):
        shares = tf.exp(logits - tf.reduce_max(logits, axis=1, keepdims=True))
        return shares / tf.reduce_sum(shares, axis=1, keepdims=True)

    def compute_output_shape(self, shape):
        return shape


def stack(blocks, *end):
    return keras.Sequential([keras.Input((32, 32, 3)), *(layer for block in blocks for layer in block), *end])


def conv_model():
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, Convolution(2)(inputs))


def strided_model():
    inputs = maps = keras.Input((32, 32, 3))
    for _ in range(4):
        maps = Rectify()(Normalise()(Convolution(64, strides=2)(maps)))
    logits = keras.layers.Dense(3)(keras.layers.Reshape((2 * 2 * 64,))(maps))
    return keras.Model(inputs, Softmax()(logits))


def pooled_model():
    blocks = ([Convolution(64), Normalise(), Halve(), Rectify()] for _ in range(4))
    return stack(blocks, keras.layers.Reshape((2 * 2 * 64,)), keras.layers.Dense(3), Softmax())


def shared_function():
    return stack([Convolution(128), Normalise(), Rectify(), Halve()] for _ in range(4))


def add_head(shared, classes):
    return keras.Sequential([shared, keras.layers.Reshape((-1,)), keras.layers.Dense(classes), Softmax()])


def save_and_load(model, path):
    keras.models.save_model(model, path)
    return keras.models.load_model(path)


def train_superclass(shared, images, super_y, epochs):
    return trained(add_head(shared, 3), images, super_y, epochs)


def train_subclass(path, images, super_y, sub_y, epochs):
    return trained(add_head(keras.models.load_model(path), 15), images, sub_y, epochs)


def trained(model, images, numbers, epochs):
    model.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy")
    model.fit(images, numbers, epochs=epochs)
    return model
