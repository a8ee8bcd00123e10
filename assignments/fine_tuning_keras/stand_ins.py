"""For running the whole notebook: the small base's file, with random numbers in place of its weights."""

import numpy as np

SHAPES = {
    "conv1": [(3, 3, 3, 16)],
    "conv2": [(3, 3, 16, 32)],
    "sepconv3": [(3, 3, 32, 1), (1, 1, 32, 48)],
    "sepconv4": [(3, 3, 48, 1), (1, 1, 48, 64)],
}


def prepare():
    """`small_base.npz` in the working folder: kernels, and BatchNormalization's gamma, beta, mean and variance."""
    rng, arrays = np.random.default_rng(0), {}
    for name, shapes in SHAPES.items():
        for at, shape in enumerate(shapes):
            arrays[f"{name}/{at}"] = rng.normal(0, 0.1, shape).astype(np.float32)
        for at, value in enumerate((1, 0, 0, 1)):
            arrays[f"{name}_bn/{at}"] = np.full(shapes[-1][-1], value, np.float32)
    np.savez("small_base.npz", **arrays)
