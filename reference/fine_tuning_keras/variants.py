# Specimens of what learners write, not our own style; what is not defined here comes from solution_tensorflow.py.
# mypy: ignore-errors
"""Other right answers to the exercises of `assignments/fine_tuning_keras`; each must get full marks.

Without `family`: the numbers of the reference, written differently. With `family`: numbers that differ by what the
notebook leaves open.
"""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from grader.authoring import variant

# ------------------------------------------------------------------ count_weights


@variant("count_weights")
def cw_variables(layer):
    n = len(layer.variables)
    trainable = len(layer.trainable_variables)
    return [n, trainable, n - trainable]


@variant("count_weights")
def cw_sum_over_list(layer):
    a = sum(1 for _ in layer.trainable_weights)
    b = sum(1 for _ in layer.non_trainable_weights)
    return np.array([a + b, a, b])


@variant("count_weights")
def cw_printed_too(layer):
    result = {}
    for name in ["weights", "trainable_weights", "non_trainable_weights"]:
        result[name] = len(getattr(layer, name))
        print(name, ":", result[name])
    return tuple(result.values())


# ------------------------------------------------------------------ freeze


@variant("freeze")
def fz_no_return(layer):
    layer.trainable = False


@variant("freeze")
def fz_loop(layer):
    if hasattr(layer, "layers"):
        for one in layer.layers:
            one.trainable = False
    else:
        layer.trainable = False
    return layer


@variant("freeze")
def fz_recursion(layer):
    for child in getattr(layer, "layers", []):
        fz_recursion(child)
    layer.trainable = False
    return layer


@variant("freeze")
def fz_stack(layer):
    todo = [layer]
    while todo:
        current = todo.pop()
        current.trainable = False
        todo.extend(getattr(current, "layers", []))
    return layer


@variant("freeze")
def fz_flatten_layers(layer):
    for inner in layer._flatten_layers():
        inner.trainable = False


# ------------------------------------------------------------------ build_model


@variant("build_model")
def bm_arithmetic(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = inputs / 127.5 - 1.0
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(1)(x)
    return keras.Model(inputs=inputs, outputs=outputs)


@variant("build_model")
def bm_sequential(base_model, input_shape):
    model = keras.Sequential()
    model.add(keras.Input(shape=input_shape))
    model.add(layers.Rescaling(scale=1.0 / 127.5, offset=-1))
    model.add(base_model)
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dropout(0.2))
    model.add(layers.Dense(1))
    return model


@variant("build_model")
def bm_normalization(base_model, input_shape):
    mean = np.array([127.5] * 3)
    inputs = keras.Input(shape=input_shape)
    x = layers.Normalization(mean=mean, variance=mean**2)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(1)(x))


@variant("build_model")
def bm_preprocess_input(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = keras.applications.xception.preprocess_input(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(1)(x))


@variant("build_model")
def bm_lambda_scaling(base_model, input_shape):
    inputs = keras.Input(shape=input_shape)
    x = layers.Lambda(lambda pixels: (pixels - 127.5) / 127.5)(inputs)
    x = base_model(x, training=False)
    x = layers.Flatten()(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Dropout(rate=0.2)(x)
    return keras.Model(inputs, layers.Dense(units=1, activation=None)(x))


@variant("build_model")
def bm_with_augmentation(base_model, input_shape):
    augmentation = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])
    inputs = keras.Input(shape=input_shape)
    x = augmentation(inputs)
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(1)(x))


@variant("build_model")
def bm_without_training_argument(base_model, input_shape):
    # The frozen base is in inference mode anyway, and the second phase keeps BatchNormalization frozen.
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    x = layers.GlobalAveragePooling2D()(base_model(x))
    return keras.Model(inputs, layers.Dense(1)(layers.Dropout(0.2)(x)))


@variant("build_model")
def bm_freezes_again(base_model, input_shape):
    for layer in base_model.layers:
        layer.trainable = False
    head = keras.Sequential([layers.GlobalAveragePooling2D(), layers.Dropout(0.2), layers.Dense(1)])
    inputs = keras.Input(shape=input_shape)
    return keras.Model(inputs, head(base_model(layers.Rescaling(1 / 127.5, offset=-1)(inputs), training=False)))


class OnTop(keras.Model):
    def __init__(self, base_model):
        super().__init__()
        self.base_model = base_model
        self.scale = layers.Rescaling(1 / 127.5, offset=-1)
        self.pool = layers.GlobalAveragePooling2D()
        self.dropout = layers.Dropout(0.2)
        self.classify = layers.Dense(1)

    def call(self, images, training=False):
        x = self.pool(self.base_model(self.scale(images), training=False))
        return self.classify(self.dropout(x, training=training))


@variant("build_model")
def bm_subclass(base_model, input_shape):
    model = OnTop(base_model)
    model(tf.zeros((1, *input_shape)))
    return model


@variant("build_model")
def bm_sigmoid(base_model, input_shape):
    # Right together with from_logits=False: the probes of training end their model in the same way.
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = base_model(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


@variant("build_model")
def bm_base_in_sequence(base_model, input_shape):
    # Every layer of the base is called anew on the scaled images; its weights are the base's own.
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for layer in base_model.layers[1:]:
        x = layer(x)
    x = layers.Dropout(0.2)(layers.GlobalAvgPool2D()(x))
    return keras.Model(inputs, layers.Dense(1)(x))


# ------------------------------------------------------------------ train_head


@variant("train_head")
def th_string(model, dataset, epochs):
    model.compile(optimizer="adam", loss=keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    history = model.fit(dataset, epochs=epochs)
    return history


@variant("train_head")
def th_no_return(model, dataset, epochs):
    model.compile(
        loss=tf.keras.losses.BinaryCrossentropy(from_logits=True),
        optimizer=tf.keras.optimizers.Adam(learning_rate=0.001),
    )
    model.fit(dataset, epochs=epochs, verbose=0)


@variant("train_head")
def th_epoch_by_epoch(model, dataset, epochs):
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    for _ in range(epochs):
        model.fit(dataset, verbose=0)


@variant("train_head")
def th_batch_by_batch(model, dataset, epochs):
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    for _ in range(epochs):
        for images, labels in dataset:
            model.train_on_batch(images, labels)


@variant("train_head")
def th_own_loop(model, dataset, epochs):
    optimizer = keras.optimizers.Adam()
    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
    for _ in range(epochs):
        for images, labels in dataset:
            with tf.GradientTape() as tape:
                loss = loss_fn(tf.reshape(labels, (-1, 1)), model(images, training=True))
            gradients = tape.gradient(loss, model.trainable_weights)
            optimizer.apply_gradients(zip(gradients, model.trainable_weights))


@variant("train_head")
def th_loss_function(model, dataset, epochs):
    def loss(y_true, y_pred):
        y_true = tf.reshape(tf.cast(y_true, y_pred.dtype), tf.shape(y_pred))
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred)

    model.compile(optimizer=keras.optimizers.Adam(), loss=loss)
    return model.fit(dataset, epochs=epochs, callbacks=[keras.callbacks.TerminateOnNaN()], verbose=2)


# ------------------------------------------------------------------ fine_tune


@variant("fine_tune")
def ft_one_loop(model, base_model, dataset, epochs):
    for layer in base_model.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=1e-5), loss=keras.losses.BinaryCrossentropy(from_logits=True)
    )
    return model.fit(dataset, epochs=epochs)


@variant("fine_tune")
def ft_by_class_name(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if "BatchNormalization" in type(layer).__name__:
            layer.trainable = False
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True), optimizer=keras.optimizers.Adam(1e-5))
    model.fit(dataset, epochs=epochs, verbose=0)


@variant("fine_tune")
def ft_all_layers_inside(model, base_model, dataset, epochs):
    def unfreeze(layer):
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
        for inner in getattr(layer, "layers", []):
            unfreeze(inner)

    unfreeze(model)
    model.compile(keras.optimizers.Adam(0.00001), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(dataset, epochs=epochs)


@variant("fine_tune")
def ft_own_loop(model, base_model, dataset, epochs):
    base_model.trainable = True
    for layer in base_model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    optimizer = keras.optimizers.Adam(1e-5)
    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
    for _ in range(epochs):
        for images, labels in dataset:
            with tf.GradientTape() as tape:
                loss = loss_fn(labels[:, None], model(images, training=True))
            gradients = tape.gradient(loss, model.trainable_weights)
            optimizer.apply_gradients(zip(gradients, model.trainable_weights))


@variant(
    "fine_tune",
    family="scales_trained",
    en="The scales and shifts of BatchNormalization are trained along, and its moving statistics stay as they "
    "were: what counts is that they do, so this is accepted.",
    ko="BatchNormalization의 gamma와 beta도 함께 학습했고 이동 통계는 그대로입니다. 중요한 것은 이동 통계가 "
    "바뀌지 않는 것이므로 정답으로 인정합니다.",
)
def ft_inference_mode(model, base_model, dataset, epochs):
    base_model.trainable = True
    optimizer = keras.optimizers.Adam(1e-5)
    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
    for _ in range(epochs):
        for images, labels in dataset:
            with tf.GradientTape() as tape:
                loss = loss_fn(labels[:, None], model(images, training=False))
            gradients = tape.gradient(loss, model.trainable_weights)
            optimizer.apply_gradients(zip(gradients, model.trainable_weights))


class InInferenceMode(keras.Model):
    def call(self, images, training=None):
        return super().call(images, training=False)


@variant("fine_tune", family="scales_trained")
def ft_model_in_inference_mode(model, base_model, dataset, epochs):
    base_model.trainable = True
    tuned = InInferenceMode(model.inputs, model.outputs)
    tuned.compile(keras.optimizers.Adam(1e-5), keras.losses.BinaryCrossentropy(from_logits=True))
    tuned.fit(dataset, epochs=epochs, verbose=0)


# ------------------------------------------------------------------ extract_features


@variant("extract_features")
def ef_predict(base_model, images):
    maps = base_model.predict(images / 127.5 - 1, verbose=0)
    return maps.mean(axis=(1, 2))


@variant("extract_features")
def ef_model_with_pooling(base_model, images):
    inputs = keras.Input(shape=images.shape[1:])
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.GlobalAveragePooling2D()(base_model(x, training=False))
    return keras.Model(inputs, x)(images)


@variant("extract_features")
def ef_preprocess_input(base_model, images):
    x = keras.applications.xception.preprocess_input(tf.identity(images))
    return layers.GlobalAveragePooling2D()(base_model(x))


@variant("extract_features")
def ef_frozen_first(base_model, images):
    base_model.trainable = False
    x = (tf.cast(images, tf.float32) - 127.5) / 127.5
    return tf.reduce_mean(tf.reduce_mean(base_model(x), axis=1), axis=1)


@variant("extract_features")
def ef_in_batches(base_model, images):
    parts = []
    for batch in tf.data.Dataset.from_tensor_slices(images).batch(2):
        parts.append(keras.layers.GlobalAveragePooling2D()(base_model(batch / 127.5 - 1, training=False)))
    return tf.concat(parts, axis=0)


@variant("extract_features")
def ef_list_of_rows(base_model, images):
    maps = np.array(base_model(np.asarray(images) * 2 / 255 - 1, training=False))
    return np.stack([m.reshape(-1, m.shape[-1]).mean(axis=0) for m in maps])
