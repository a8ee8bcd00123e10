"""Tiny data in the place of data sets that would have to be downloaded. Kernel's side.

A notebook that takes `x_train[45000:]` for validation knows how long the real set is. So an index beyond the end
of a tiny array is taken in proportion to the real length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

TRAIN, TEST = 32, 16
REAL = {TRAIN: 50000, TEST: 10000}
SHAPES = {
    "mnist": ((28, 28), 10), "fashion_mnist": ((28, 28), 10), "cifar10": ((32, 32, 3), 10),
    "cifar100": ((32, 32, 3), 100),
}  # fmt: skip


class Tiny(np.ndarray[Any, Any]):
    """An array whose first axis stands for a longer one, `stands_for` long."""

    stands_for = 0

    def __array_finalize__(self, other: Any) -> None:
        known = getattr(other, "stands_for", 0)
        if self.ndim and known and getattr(other, "shape", ())[:1] == self.shape[:1]:
            self.stands_for = known

    def __getitem__(self, index: Any) -> Any:
        if self.stands_for and self.ndim:
            first, *rest = index if isinstance(index, tuple) else (index,)
            index = (self._inside(first), *rest) if isinstance(index, tuple) else self._inside(first)
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Any]:
        return iter(np.asarray(self))  # NumPy's own would ask for one index after the other, and find no end

    def _inside(self, index: Any) -> Any:
        length = len(self)
        if isinstance(index, slice):
            start, stop = (self._scaled(edge) for edge in (index.start, index.stop))
            if isinstance(start, int) and start == stop and index.start != index.stop:
                start, stop = (start, start + 1) if start < length else (length - 1, length)
            return slice(start, stop, index.step)
        if isinstance(index, int | np.integer):
            return int(index) % length if abs(int(index)) >= length else index
        if isinstance(index, list | np.ndarray):
            array = np.asarray(index)
            if array.dtype.kind in "iu" and array.size and int(np.abs(array).max()) >= length:
                return array % length
        return index

    def _scaled(self, edge: Any) -> Any:
        if not isinstance(edge, int | np.integer) or abs(int(edge)) <= len(self):
            return edge
        edge = int(edge)
        whole = self.stands_for + edge if edge < 0 else edge
        return max(0, min(len(self), round(whole * len(self) / self.stands_for)))


def tiny(array: Any, real: int) -> Tiny:
    """`array` as the stand-in for one `real` long."""
    view = np.asarray(array).view(Tiny)
    view.stands_for = real
    return view


def images(count: int, shape: tuple[int, ...], classes: int, seed: int = 0) -> tuple[Any, Any]:
    """uint8 images that differ by class, and int64 labels (count,) in which each of the first classes occurs."""
    draw = np.random.RandomState(seed)
    labels = np.arange(count) % classes
    pixels = draw.randint(0, 128, (count, *shape)) + (labels * 127 // max(1, classes - 1)).reshape(
        -1, *[1] * len(shape)
    )
    return pixels.astype(np.uint8), labels.astype(np.int64)


def load_data(name: str) -> Any:
    """As `keras.datasets.<name>.load_data` gives it: ((x, y), (x, y)), CIFAR's labels as a column of uint8."""
    shape, classes = SHAPES[name]
    parts = []
    for count, seed in ((TRAIN, 1), (TEST, 2)):
        x, y = images(count, shape, classes, seed)
        y = y.astype(np.uint8)
        column = y.reshape(-1, 1) if name.startswith("cifar") else y
        real = 60000 if count == TRAIN and "mnist" in name else REAL[count]
        parts.append((tiny(x, real), tiny(column, real)))
    return tuple(parts)
