"""Makes small_base.npz: a small convolutional network trained on coloured digits, without its last layer.

    python make_base.py [small_base.npz]

It stands in for Xception where that cannot be downloaded. The images are the 1,797 real ones of scikit-learn's
`load_digits` (Alpaydin & Kaynak 1998, https://doi.org/10.24432/C50P49, CC BY 4.0), 8 x 8 pixels, enlarged to
32 x 32 and coloured. It learns the digits 0 to 7; 8 and 9 are left for the notebook: the base has never seen them.
About a minute on two cores.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SIZE = 32
KNOWN = range(8)  # the digits that the base is trained on
EPOCHS = 25
HERE = Path(__file__).resolve().parent


def coloured(strokes: Array, seed: int) -> Array:
    """Digits (N, 8, 8), 0..16, as float32 images (N, 32, 32, 3), 0..255, in a random colour on another."""
    rng = np.random.default_rng(seed)
    ink, paper = rng.uniform(0, 255, (2, len(strokes), 1, 1, 3))
    near = np.abs(ink - paper).max(axis=(1, 2, 3)) < 100  # too alike to be read
    ink[near] = 255 - np.round(paper[near] / 255) * 255
    share = np.kron(strokes / 16, np.ones((1, 4, 4)))[..., None]
    return (paper + (ink - paper) * share).astype(np.float32)


def digits() -> tuple[Array, Array]:
    """Strokes (N, 8, 8), 0..16, and labels (N,) of all digits, in scikit-learn's order."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.images, data.target


def small_base() -> Any:
    """The network without weights of its own: images (B, 32, 32, 3), -1..1 -> maps (B, 4, 4, 64).

    Four convolutions, the last two depthwise separable as in Xception, each with BatchNormalization.
    """
    from tensorflow import keras
    from tensorflow.keras import layers

    inputs = keras.Input((SIZE, SIZE, 3))
    x = inputs
    for name, filters, strides in (("conv1", 16, 2), ("conv2", 32, 2), ("sepconv3", 48, 1), ("sepconv4", 64, 2)):
        kind = layers.Conv2D if name.startswith("conv") else layers.SeparableConv2D
        x = kind(filters, 3, strides=strides, padding="same", use_bias=False, name=name)(x)
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        x = layers.ReLU(name=f"{name}_relu")(x)
    return keras.Model(inputs, x, name="small_base")


def train(seed: int = 0) -> tuple[Any, float]:
    """The base trained on four fifths of the digits 0 to 7, and its accuracy (0..1) on the other fifth."""
    from tensorflow import keras
    from tensorflow.keras import layers

    keras.utils.set_random_seed(seed)
    strokes, labels = digits()
    strokes, labels = strokes[labels < len(KNOWN)], labels[labels < len(KNOWN)]
    held_out = np.arange(len(labels)) % 5 == 0
    base = small_base()
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.RandomTranslation(0.06, 0.06)(inputs)
    x = base(layers.Rescaling(1 / 127.5, offset=-1)(x))
    model = keras.Model(inputs, layers.Dense(len(KNOWN))(layers.GlobalAveragePooling2D()(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=loss, metrics=["accuracy"])
    for epoch in range(EPOCHS):  # in new colours each time
        images = np.concatenate([coloured(strokes[~held_out], 1000 * epoch + i) for i in range(4)])
        model.fit(images, np.tile(labels[~held_out], 4), batch_size=64, verbose=0)
        model.optimizer.learning_rate = 3e-3 * (1 - (epoch + 1) / EPOCHS) + 1e-5
    _, accuracy = model.evaluate(coloured(strokes[held_out], 1), labels[held_out], verbose=0)
    return base, float(accuracy)


def save(base: Any, path: Path) -> None:
    """Every weight under its layer's name and its number there: `conv1/0`, `conv1_bn/0` ... `conv1_bn/3`."""
    weights = {f"{layer.name}/{i}": w for layer in base.layers for i, w in enumerate(layer.get_weights())}
    np.savez_compressed(path, **weights)


def main() -> None:
    """Train, tell how well it does, store."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "small_base.npz"
    base, accuracy = train()
    save(base, path)
    size = f"{path.stat().st_size / 1024:.0f} kB, {base.count_params():,} weights"
    print(f"{path}: {size}, accuracy on held-out digits {accuracy:.3f}")


if __name__ == "__main__":
    main()
