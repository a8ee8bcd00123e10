# Specimens of what learners write, not our own style.
# mypy: ignore-errors
"""Other right answers to the exercises of `assignments/cnn_transfer`; each must get full marks.

Without `family`: the numbers of the reference, written differently. With `family`: other numbers that the
notebook's text leaves open.
"""

import math

import numpy as np
import tensorflow as tf

from grader.authoring import variant

# ------------------------------------------------------------------ output_shape, parameter_count


@variant("output_shape")
def os_rounded_up(side, kernel_size, strides, padding, filters):
    if padding == "valid":
        side = side - kernel_size + 1
    return (math.ceil(side / strides), math.ceil(side / strides), filters)


@variant("output_shape")
def os_padding_in_pixels(side, kernel_size, strides, padding, filters):
    pad = 0
    if padding == "same":
        rest = side % strides
        pad = max(kernel_size - (rest if rest else strides), 0)
    out = (side + pad - kernel_size) // strides + 1
    return [out, out, filters]


@variant("output_shape")
def os_asks_keras(side, kernel_size, strides, padding, filters):
    layer = tf.keras.layers.Conv2D(filters, kernel_size, strides=strides, padding=padding)
    return tuple(layer.compute_output_shape((1, side, side, 3)))[1:]


@variant("output_shape")
def os_numpy_int(side, kernel_size, strides, padding, filters):
    size = np.ceil((side if padding.lower() == "same" else side - kernel_size + 1) / strides)
    return np.array([size, size, filters])


@variant("parameter_count")
def pc_weights_and_biases(kernel_size, channels, filters):
    weights = kernel_size * kernel_size * channels * filters
    biases = filters
    return weights + biases


@variant("parameter_count")
def pc_asks_keras(kernel_size, channels, filters):
    model = tf.keras.Sequential([tf.keras.Input((32, 32, channels)), tf.keras.layers.Conv2D(filters, kernel_size)])
    return model.count_params()


# ------------------------------------------------------------------ encode_labels


@variant("encode_labels")
def el_first_seen(train_names, test_names):
    number_of = {}
    for name in train_names:
        if name not in number_of:
            number_of[name] = len(number_of)
    return [number_of[name] for name in train_names], [number_of[name] for name in test_names]


@variant("encode_labels")
def el_sorted(train_names, test_names):
    number_of = {name: n for n, name in enumerate(sorted(set(train_names)))}
    encode = np.vectorize(number_of.get)
    return encode(train_names), encode(test_names)


@variant("encode_labels")
def el_unique_inverse(train_names, test_names):
    names, train_y = np.unique(train_names, return_inverse=True)
    test_y = np.array([list(names).index(name) for name in test_names])
    return train_y, test_y


@variant("encode_labels")
def el_one_hot(train_names, test_names):
    names = list(dict.fromkeys(train_names))
    encode = lambda ns: tf.keras.utils.to_categorical([names.index(n) for n in ns], len(names))  # noqa: E731
    return encode(train_names), encode(test_names)


# ------------------------------------------------------------------ conv_model, strided_model


@variant("conv_model")
def cm_functional(padding="same"):
    image = tf.keras.Input(shape=(32, 32, 3))
    return tf.keras.Model(inputs=image, outputs=tf.keras.layers.Conv2D(2, (3, 3), (1, 1), padding)(image))


@variant("conv_model")
def cm_input_shape():
    model = tf.keras.Sequential()
    model.add(tf.keras.layers.Conv2D(2, 3, padding="SAME", activation=None, input_shape=(32, 32, 3)))
    return model


@variant("conv_model")
def cm_zero_padding():
    model = tf.keras.models.Sequential()
    model.add(tf.keras.Input((32, 32, 3)))
    model.add(tf.keras.layers.ZeroPadding2D(1))
    model.add(tf.keras.layers.Conv2D(filters=2, kernel_size=3, padding="valid"))
    return model


@variant("strided_model")
def sm_functional():
    x = inp = tf.keras.layers.Input((32, 32, 3))
    for _ in range(4):
        x = tf.keras.layers.Conv2D(2**6, 3, strides=(2, 2), padding="same")(x)
        x = tf.keras.layers.BatchNormalization()(x)
        x = tf.keras.layers.ReLU()(x)
    x = tf.keras.layers.Flatten()(x)
    return tf.keras.Model(inp, tf.keras.layers.Softmax()(tf.keras.layers.Dense(3)(x)))


@variant("strided_model")
def sm_list_of_layers():
    L = tf.keras.layers
    blocks = []
    for _ in range(4):
        blocks += [L.Conv2D(64, 3, 2, "same"), L.BatchNormalization(axis=-1), L.Activation(tf.nn.relu)]
    return tf.keras.Sequential([*blocks, L.Flatten(), L.Dense(3, tf.nn.softmax)])


class Strided(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.convolutions = [tf.keras.layers.Conv2D(64, 3, strides=2, padding="same") for _ in range(4)]
        self.normalisations = [tf.keras.layers.BatchNormalization() for _ in range(4)]
        self.flatten = tf.keras.layers.Flatten()
        self.dense = tf.keras.layers.Dense(3, activation="softmax")

    def call(self, x, training=False):
        for conv, norm in zip(self.convolutions, self.normalisations):
            x = tf.nn.relu(norm(conv(x), training=training))
        return self.dense(self.flatten(x))


@variant("strided_model")
def sm_subclass():
    return Strided()


# ------------------------------------------------------------------ pooled_model, shared_function


@variant("pooled_model")
def pm_pool_before_relu():
    model = tf.keras.Sequential([tf.keras.Input((32, 32, 3))])
    for _ in range(4):
        model.add(tf.keras.layers.Conv2D(64, (3, 3), padding="same"))
        model.add(tf.keras.layers.BatchNormalization())
        model.add(tf.keras.layers.MaxPool2D((2, 2), strides=2))
        model.add(tf.keras.layers.ReLU())
    model.add(tf.keras.layers.Flatten())
    model.add(tf.keras.layers.Dense(3))
    model.add(tf.keras.layers.Activation("softmax"))
    return model


@variant("pooled_model")
def pm_functional():
    def block(x):
        x = tf.keras.layers.Conv2D(filters=64, kernel_size=3, strides=1, padding="same")(x)
        x = tf.keras.layers.Activation("relu")(tf.keras.layers.BatchNormalization()(x))
        return tf.keras.layers.MaxPooling2D(pool_size=2)(x)

    image = tf.keras.Input((32, 32, 3))
    features = block(block(block(block(image))))
    return tf.keras.Model(image, tf.keras.layers.Dense(3, "softmax")(tf.keras.layers.Flatten()(features)))


@variant(
    "pooled_model",
    family="padded_pool",
    en="You kept stride 2 and gave the pooling padding instead. That builds, and it is accepted. Note that the "
    "maps shrink 32, 16, 8, 4, 2, 1: from then on stride and pooling see a single pixel and have nothing left "
    "to do.",
    ko="stride 2를 그대로 두고 pooling에 padding을 주셨네요. 모델이 만들어지므로 정답으로 인정합니다. 다만 "
    "크기가 32, 16, 8, 4, 2, 1로 줄어들어, 그 뒤의 stride와 pooling은 픽셀 하나만 보게 되어 하는 일이 없습니다.",
)
def pm_padded_pool():
    model = tf.keras.Sequential([tf.keras.Input((32, 32, 3))])
    for _ in range(4):
        model.add(tf.keras.layers.Conv2D(64, 3, strides=2, padding="same"))
        model.add(tf.keras.layers.BatchNormalization())
        model.add(tf.keras.layers.Activation("relu"))
        model.add(tf.keras.layers.MaxPool2D(padding="same"))
    model.add(tf.keras.layers.Flatten())
    model.add(tf.keras.layers.Dense(3, "softmax"))
    return model


@variant("pooled_model", family="padded_pool")
def pm_padded_pool_functional():
    x = image = tf.keras.Input((32, 32, 3))
    for _ in range(4):
        x = tf.keras.layers.Conv2D(64, 3, strides=2, padding="same")(x)
        x = tf.keras.layers.ReLU()(tf.keras.layers.BatchNormalization()(x))
        x = tf.keras.layers.MaxPool2D(2, 2, padding="same")(x)
    return tf.keras.Model(image, tf.keras.layers.Dense(3, "softmax")(tf.keras.layers.Flatten()(x)))


@variant("shared_function")
def sf_first_apart():
    input_layer = tf.keras.Input((32, 32, 3))
    for n in range(4):
        before = input_layer if n == 0 else pool
        conv = tf.keras.layers.Conv2D(filters=2**7, kernel_size=3, padding="same")(before)
        batch = tf.keras.layers.BatchNormalization()(conv)
        activ = tf.keras.layers.Activation("relu")(batch)
        pool = tf.keras.layers.MaxPool2D()(activ)
    return tf.keras.models.Model(input_layer, pool)


@variant("shared_function")
def sf_sequential():
    model = tf.keras.Sequential(name="shared")
    model.add(tf.keras.layers.InputLayer((32, 32, 3)))
    for _ in range(4):
        for layer in (
            tf.keras.layers.Conv2D(128, 3, padding="same"),
            tf.keras.layers.BatchNormalization(),
            tf.keras.layers.MaxPooling2D(),
            tf.keras.layers.ReLU(),
        ):
            model.add(layer)
    return model


@variant("shared_function")
def sf_named_inputs():
    image = tf.keras.Input(shape=(32, 32, 3), name="image")
    x = image
    for width in [128] * 4:
        x = tf.keras.layers.Conv2D(width, (3, 3), padding="same", kernel_initializer="he_normal")(x)
        x = tf.keras.layers.BatchNormalization(momentum=0.9)(x)
        x = tf.keras.layers.Activation("relu")(x)
        x = tf.keras.layers.MaxPooling2D((2, 2))(x)
    return tf.keras.Model(inputs=image, outputs=x, name="extractor")


# ------------------------------------------------------------------ add_head, save_and_load


@variant("add_head")
def ah_sequential(shared, classes):
    model = tf.keras.Sequential([tf.keras.Input((32, 32, 3)), shared, tf.keras.layers.Flatten()])
    model.add(tf.keras.layers.Dense(classes, activation="softmax"))
    return model


@variant("add_head")
def ah_on_its_output(shared, classes):
    flat = tf.keras.layers.Flatten()(shared.output)
    return tf.keras.Model(shared.input, tf.keras.layers.Dense(classes, activation="softmax")(flat))


@variant("add_head")
def ah_softmax_apart(shared, classes):
    image = tf.keras.Input(shape=shared.input_shape[1:])
    logits = tf.keras.layers.Dense(classes)(tf.keras.layers.Reshape((-1,))(shared(image)))
    return tf.keras.Model(image, tf.keras.layers.Activation("softmax")(logits))


@variant("save_and_load")
def sl_functions(model, path):
    tf.keras.models.save_model(model, path)
    loaded = tf.keras.models.load_model(path, compile=False)
    return loaded


@variant("save_and_load")
def sl_weights_into_a_clone(model, path):
    file = path.replace(".keras", ".weights.h5")
    model.save_weights(file)
    loaded = tf.keras.models.clone_model(model)
    loaded.load_weights(file)
    return loaded


@variant("save_and_load")
def sl_h5(model, path):
    path = path.split(".")[0] + ".h5"
    model.save(path)
    return tf.keras.models.load_model(path)


# ------------------------------------------------------------------ train_superclass, train_subclass


@variant("train_superclass")
def tp_sparse(shared, images, super_y, epochs):
    model = add_head(shared, classes=3)
    model.compile(
        optimizer=tf.keras.optimizers.Adam(1e-3),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    model.fit(x=images, y=super_y, epochs=epochs, batch_size=200, validation_split=0.1)
    return model


@variant("train_superclass")
def tp_data_set(shared, images, super_y, epochs):
    data = tf.data.Dataset.from_tensor_slices((images, tf.one_hot(super_y, 3))).shuffle(1000).batch(20)
    model = add_head(shared, 3)
    model.compile("adam", "categorical_crossentropy")
    model.fit(data, epochs=epochs)
    return model


@variant("train_superclass")
def tp_own_head(shared, images, super_y, epochs):
    image = tf.keras.Input((32, 32, 3))
    out = tf.keras.layers.Dense(3, activation="softmax")(tf.keras.layers.Flatten()(shared(image)))
    model = tf.keras.models.Model(image, out)
    model.compile("Adam", tf.keras.losses.categorical_crossentropy, metrics=["accuracy"])
    history = model.fit(images, np.eye(3)[super_y], batch_size=200, epochs=epochs)
    return model, history


@variant("train_subclass")
def ts_sparse(path, images, super_y, sub_y, epochs):
    load_shared_model = tf.keras.models.load_model(path)
    load_sub_model = add_head(load_shared_model, len(np.unique(sub_y)))
    load_sub_model.compile(tf.keras.optimizers.Adam(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    load_sub_model.fit(images, sub_y, 200, epochs)
    return load_sub_model


@variant("train_subclass")
def ts_own_head(path, images, super_y, sub_y, epochs):
    base = tf.keras.models.load_model(path)
    base.trainable = True
    features = tf.keras.layers.Flatten()(base.output)
    model = tf.keras.Model(base.input, tf.keras.layers.Dense(15, activation="softmax")(features))
    model.compile(loss=tf.keras.losses.CategoricalCrossentropy(), optimizer="adam")
    model.fit(images, tf.one_hot(sub_y, 15), epochs=epochs, shuffle=True)


@variant("train_subclass")
def ts_column_of_labels(path, images, super_y, sub_y, epochs):
    model = add_head(tf.keras.models.load_model(path), 15)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images.astype("float32"), sub_y.reshape(-1, 1), batch_size=32, epochs=epochs)
    return model
