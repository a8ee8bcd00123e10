"""Data sets of the training pass: images to train on, and held-out images whose labels stay on this side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.training import cifar
from grader.types import Array, FriendlyError, Protocol

# The split is part of the protocol, like its batch size: the same for every seed and every submission.
SPLIT_SEED = 20150309


@dataclass(frozen=True, eq=False)
class DataSet:
    """Real images, split once and for all. The arrays cannot be written to."""

    name: str
    images: Array  # float32 (N, H, W, C), 0..1: trained on
    labels: Array  # int32 (N,)
    held_out: Array  # float32 (M, H, W, C), 0..1: accuracy is measured on these
    held_out_labels: Array  # int32 (M,); never sent to a worker
    classes: int
    digest: str  # sha256 of all of the above


def load(name: str, protocol: Protocol, path: Path | None = None) -> DataSet:
    """`protocol.transfer` images to train on and `protocol.held_out` others, classes evenly.

    `path`: where the files of a data set that has files are; None: where the frameworks keep them.
    Raises FriendlyError for an unknown name, absent or damaged files, and too few images.
    """
    try:
        reader = READERS[name]
    except KeyError:
        raise FriendlyError(f"{name}: no such data set; there are: {', '.join(READERS)}") from None
    return reader(protocol, path)


def balanced(labels: Array, rng: np.random.Generator) -> Array:
    """Indices of all `labels` in random order such that every beginning holds its classes evenly.

    The first n hold equally many of each class, give or take one, until a class is used up.
    Their order tells the class: shuffle what you take of it before a worker sees it.
    """
    shuffled = rng.permutation(len(labels))
    rank = np.empty(len(labels), np.int64)  # the how many-th of its class
    for label in np.unique(labels):
        own = labels[shuffled] == label
        rank[own] = np.arange(own.sum())
    turn = rng.permutation(int(labels.max()) + 1)  # which class is first to get one more
    order: Array = shuffled[np.lexsort((turn[labels[shuffled]], rank))]
    return order


def _digits(protocol: Protocol, path: Path | None) -> DataSet:
    """scikit-learn's 1797 handwritten digits, 8x8 with 17 shades; they ship with it.

    UCI ML hand-written digits, https://archive.ics.uci.edu/dataset/80
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise FriendlyError(
            "the training pass with the data set 'digits' needs scikit-learn: pip install 'grader[training]'"
        ) from None
    bunch = load_digits()
    images = (bunch.images / 16).astype(np.float32)[..., np.newaxis]
    labels = bunch.target.astype(np.int32)
    rng = np.random.default_rng(SPLIT_SEED)
    order = balanced(labels, rng)
    _enough("digits", len(order), protocol.transfer + protocol.held_out)
    trained = rng.permutation(order[: protocol.transfer])
    held_out = rng.permutation(order[protocol.transfer :][: protocol.held_out])
    return _data_set("digits", images[trained], labels[trained], images[held_out], labels[held_out])


def _cifar10(protocol: Protocol, path: Path | None) -> DataSet:
    """CIFAR-10, 32x32x3: some of its training images, and some of its test images held out."""
    train, test = cifar.read(path)
    rng = np.random.default_rng(SPLIT_SEED)
    arrays: list[Array] = []
    for (images, labels), wanted in ((train, protocol.transfer), (test, protocol.held_out)):
        _enough("cifar10", len(labels), wanted)
        chosen = rng.permutation(balanced(labels, rng)[:wanted])
        arrays += [images[chosen].astype(np.float32) / np.float32(255), labels[chosen]]
    return _data_set("cifar10", *arrays)


def _enough(name: str, there: int, wanted: int) -> None:
    if there < wanted:
        raise FriendlyError(
            f"{name}: the protocol asks for {wanted} images and there are {there}; "
            "lower `transfer` or `held_out` in rubric.yaml"
        )


def _data_set(name: str, images: Array, labels: Array, held_out: Array, held_out_labels: Array) -> DataSet:
    arrays = (images, labels, held_out, held_out_labels)
    digest = hashlib.sha256(name.encode())
    for array in arrays:
        array.setflags(write=False)  # every thread reads the same ones
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return DataSet(name, *arrays, classes=10, digest=digest.hexdigest())


READERS: dict[str, Callable[[Protocol, Path | None], DataSet]] = {"digits": _digits, "cifar10": _cifar10}
