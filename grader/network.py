"""The notebook's network as shapes and numbers; no framework. Used on both sides of the sandbox.

Three stages of two blocks (convolution 3x3 with bias, batch normalisation, ReLU) of width, 2 x width and 4 x width
channels; a 3x3 max pool of stride 2 between stages; the mean over positions; one dense layer to the logits.

All parameters lie in one float32 vector, in the order of `shapes`: per block the kernel (height, width, in, out),
bias, gamma and beta, at the end the dense kernel (in, out) and bias.
"""

from __future__ import annotations

from math import prod

import numpy as np

from grader.types import Array

STAGES = 3
BLOCKS = 2  # of one stage
EPSILON = 1e-3  # of batch normalisation, as in Keras
SLICE = 1000  # at most so many images at a time outside of training; batch normalisation takes their statistics
NOTHING = "the loss returned None: a return is missing"

Shape = tuple[int, ...]


def shapes(width: int, classes: int, channels: int) -> list[Shape]:
    """The shape of each parameter, in the order in which they lie in the vector."""
    found: list[Shape] = []
    before = channels
    for stage in range(STAGES):
        for _ in range(BLOCKS):
            after = width * 2**stage
            found += [(3, 3, before, after), (after,), (after,), (after,)]
            before = after
    return [*found, (before, classes), (classes,)]


def size(width: int, classes: int, channels: int) -> int:
    """How many numbers a network has."""
    return sum(map(prod, shapes(width, classes, channels)))


def initial(rng: np.random.Generator, width: int, classes: int, channels: int) -> Array:
    """Weights before training, float32 (size,): kernels Glorot uniform, gamma 1, the rest 0, as Keras starts.

    Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks",
        equation 16: U(-a, a) with a = sqrt(6 / (fan_in + fan_out)).
    """
    parts = []
    for at, shape in enumerate(shapes(width, classes, channels)):
        if len(shape) > 1:
            field = prod(shape[:-2])  # positions that a kernel covers; 1 for the dense layer
            limit = np.sqrt(6 / (field * (shape[-2] + shape[-1])))
            parts.append(rng.uniform(-limit, limit, prod(shape)))
        else:
            parts.append(np.full(shape, float(is_gamma(at))))
    return np.concatenate(parts).astype(np.float32)


def is_gamma(at: int) -> bool:
    """Whether the parameter number `at` scales a batch normalisation."""
    return at < 4 * STAGES * BLOCKS and at % 4 == 2


def slices(count: int) -> list[slice]:
    """0 .. count cut into consecutive parts of at most SLICE."""
    return [slice(start, min(start + SLICE, count)) for start in range(0, count, SLICE)]


def segments(steps: int, checkpoints: int) -> list[slice]:
    """The steps cut into `checkpoints` parts of nearly equal length; a checkpoint lies at the end of each.

    Raises ValueError when there are more checkpoints than steps.
    """
    if not 1 <= checkpoints <= steps:
        raise ValueError(f"{checkpoints} checkpoints in {steps} steps")
    ends = [steps * (at + 1) // checkpoints for at in range(checkpoints)]
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
