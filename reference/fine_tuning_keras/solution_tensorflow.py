"""Reference answers of the exercises in `assignments/fine_tuning_keras`.

The recipe is that of the Keras guide "Transfer learning & fine-tuning", https://keras.io/guides/transfer_learning/;
layers are made with Keras' current precision, so that the same code runs in float64.
"""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


def count_weights(layer: keras.layers.Layer) -> tuple[int, int, int]:
    """How many weight arrays a layer or model has: (all, trainable, not trainable).

    The first is the sum of the others. Dense has 2, both trainable; BatchNormalization 4, of which the two
    moving statistics are never trained by a gradient (Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.1).
    """
    return len(layer.weights), len(layer.trainable_weights), len(layer.non_trainable_weights)


def freeze(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Make a layer or model, and whatever is inside it, untrainable; returns it.

    A frozen BatchNormalization runs in inference mode, whatever `training` says.
    """
    layer.trainable = False
    return layer


def build_model(base_model: keras.Model, input_shape: tuple[int, int, int]) -> keras.Model:
    """A model of raw images, float in 0..255, (B, *input_shape) -> logits (B, 1), on top of a frozen base.

    x / 127.5 - 1, the base in inference mode, mean over positions, dropout 0.2, Dense(1).
    """
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(1)(x))


def train_head(model: keras.Model, dataset: tf.data.Dataset, epochs: int) -> keras.callbacks.History:
    """Phase 1: Adam (learning rate 1e-3) and binary cross-entropy of logits, for `epochs` epochs."""
    model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
    )
    return model.fit(dataset, epochs=epochs, verbose=0)


def fine_tune(
    model: keras.Model, base_model: keras.Model, dataset: tf.data.Dataset, epochs: int
) -> keras.callbacks.History:
    """Phase 2: the base trainable but for its BatchNormalization, compiled anew with Adam (1e-5), the same loss.

    The guide of 2020 trusts in `training=False` where the base is called. `fit` of Keras 3 overrides that
    (https://github.com/keras-team/keras/issues/20285); a frozen BatchNormalization keeps its statistics in both.
    """
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    model.compile(
        optimizer=keras.optimizers.Adam(1e-5),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
    )
    return model.fit(dataset, epochs=epochs, verbose=0)


def extract_features(base_model: keras.Model, images: tf.Tensor) -> tf.Tensor:
    """The base's features of raw images, float in 0..255: (N, H, W, 3) -> (N, C), the mean over positions."""
    maps = base_model(images / 127.5 - 1, training=False)
    return tf.reduce_mean(maps, axis=(1, 2))
