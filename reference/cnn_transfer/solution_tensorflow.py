"""Reference answers of the exercises in `assignments/cnn_transfer`, in TensorFlow with either Keras (2 or 3).

Names and arguments are those of the notebook. Models are built in the dtype that Keras is set to.
"""

import numpy as np
import tensorflow as tf

layers = tf.keras.layers


def output_shape(side: int, kernel_size: int, strides: int, padding: str, filters: int) -> tuple[int, int, int]:
    """Shape of one convolution's output, without the batch.

        same:  ceil(side / strides)        valid:  floor((side - kernel_size) / strides) + 1

    Args:
        side: height and width of the input, in pixels.
        padding: "same" or "valid".

    Returns:
        (height, width, channels).

    Source: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285,
        relationship 5 with p = 0 for "valid"; tf.nn.convolution's documentation for "same".
    """
    length = -(-side // strides) if padding == "same" else (side - kernel_size) // strides + 1
    return length, length, filters


def parameter_count(kernel_size: int, channels: int, filters: int) -> int:
    """Parameters of one convolution: (kernel_size^2 * channels + 1) * filters, the 1 being each filter's bias."""
    return (kernel_size**2 * channels + 1) * filters


def encode_labels(train_names: np.ndarray, test_names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Names -> numbers 0, 1, ... in the order of first appearance in the training set, the same for both sets.

    Args:
        train_names, test_names: [N], [M] str.

    Returns:
        [N], [M] int64.
    """
    number_of = {name: number for number, name in enumerate(dict.fromkeys(train_names))}
    return np.array([number_of[name] for name in train_names]), np.array([number_of[name] for name in test_names])


def conv_model() -> tf.keras.Model:
    """One convolution of two 3x3 filters with padding: (32, 32, 3) -> (32, 32, 2), 56 parameters."""
    return tf.keras.Sequential([tf.keras.Input((32, 32, 3)), layers.Conv2D(2, 3, padding="same")])


def strided_model() -> tf.keras.Model:
    """Four times convolution with stride 2, batch normalisation, ReLU; then a softmax over three classes.

    (32, 32, 3) -> (3,), 114,371 parameters, 512 of them not trainable.
    """
    parts = [tf.keras.Input((32, 32, 3))]
    for _ in range(4):
        parts += [layers.Conv2D(64, 3, strides=2, padding="same"), layers.BatchNormalization()]
        parts += [layers.Activation("relu")]
    return tf.keras.Sequential([*parts, layers.Flatten(), layers.Dense(3, activation="softmax")])


def pooled_model() -> tf.keras.Model:
    """The same with max pooling in place of the strides: 32 -> 16 -> 8 -> 4 -> 2."""
    parts = [tf.keras.Input((32, 32, 3))]
    for _ in range(4):
        parts += [layers.Conv2D(64, 3, padding="same"), layers.BatchNormalization()]
        parts += [layers.Activation("relu"), layers.MaxPooling2D()]
    return tf.keras.Sequential([*parts, layers.Flatten(), layers.Dense(3, activation="softmax")])


def shared_function() -> tf.keras.Model:
    """The extractor: four times convolution of 128 filters, batch normalisation, ReLU, pooling.

    (32, 32, 3) -> (2, 2, 128), 448,384 parameters, 1,024 of them not trainable.
    """
    inputs = tf.keras.Input((32, 32, 3))
    maps = inputs
    for _ in range(4):
        maps = layers.Conv2D(128, 3, padding="same")(maps)
        maps = layers.BatchNormalization()(maps)
        maps = layers.Activation("relu")(maps)
        maps = layers.MaxPooling2D()(maps)
    return tf.keras.Model(inputs, maps)


def add_head(shared: tf.keras.Model, classes: int) -> tf.keras.Model:
    """`shared` itself, flattened, and a softmax over `classes`.

    With `shared_function()` and 3 classes: 449,923 parameters, 1,024 of them not trainable.
    """
    inputs = tf.keras.Input((32, 32, 3))
    outputs = layers.Dense(classes, activation="softmax")(layers.Flatten()(shared(inputs)))
    return tf.keras.Model(inputs, outputs)


def save_and_load(model: tf.keras.Model, path: str) -> tf.keras.Model:
    """The model that was saved at `path`, which ends in `.keras`."""
    model.save(path)
    return tf.keras.models.load_model(path)


def train_superclass(
    shared: tf.keras.Model, images: np.ndarray, super_y: np.ndarray, epochs: int
) -> tf.keras.Model:
    """`shared` with a head of three classes, trained together.

    Args:
        images: uint8 [N, 32, 32, 3].
        super_y: int [N], 0 to 2.
    """
    model = add_head(shared, 3)
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, tf.keras.utils.to_categorical(super_y, 3), batch_size=200, epochs=epochs)
    return model


def train_subclass(
    path: str, images: np.ndarray, super_y: np.ndarray, sub_y: np.ndarray, epochs: int
) -> tf.keras.Model:
    """The extractor saved at `path` with a head of fifteen classes, trained together.

    Args:
        images: uint8 [N, 32, 32, 3].
        super_y: int [N], 0 to 2; not used here.
        sub_y: int [N], 0 to 14.
    """
    model = add_head(tf.keras.models.load_model(path), 15)
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, tf.keras.utils.to_categorical(sub_y, 15), batch_size=200, epochs=epochs)
    return model
