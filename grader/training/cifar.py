"""CIFAR-10 as it is published, where the frameworks keep it: read, never extracted and never executed.

Formats: https://www.cs.toronto.edu/~kriz/cifar.html. The Python version is pickled by Python 2, as
folder or .tar.gz; the binary version is rows of 1 + 3072 bytes.
"""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zlib
from collections.abc import Mapping
from lzma import LZMAError
from pathlib import Path
from typing import Any

import numpy as np

from grader.types import Array, FriendlyError

PIXELS = 3 * 32 * 32
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = ("test_batch",)
MAX_BYTES = 64 << 20  # of one file; a real one has 31 MB
PICKLED, BINARY = "", ".bin"  # how the files of a version end

# Below the folder that a framework is told to use, or that a person names.
FOLDERS = (
    "",
    "cifar-10-batches-py-target/cifar-10-batches-py",  # Keras since 3.6
    "cifar-10-batches-py/cifar-10-batches-py",  # Keras 3.5
    "cifar-10-batches-py",  # torchvision, older Keras
    "cifar-10-batches-bin",
)
ARCHIVES = (
    "cifar-10-python.tar.gz",  # as published; torchvision
    "cifar-10-binary.tar.gz",
    "cifar-10-batches-py-target_archive",  # Keras since 3.6
    "cifar-10-batches-py_archive",
    "cifar-10-batches-py.tar.gz",
)

Batch = tuple[Array, Array]  # images uint8 (N, 32, 32, 3), labels int32 (N,)


def read(path: Path | None) -> tuple[Batch, Batch]:
    """Training and test images. `path`: a folder or an archive; None: the frameworks' own places.

    Raises FriendlyError that says where it looked, or what is wrong with what it found.
    """
    places = [path] if path is not None else usual_places()
    for place in places:
        if place.is_file():
            return _batches(_from_archive(place), place)
        for folder in (place / below for below in FOLDERS):
            for ending in (PICKLED, BINARY):
                if (folder / f"{TRAIN[0]}{ending}").is_file():
                    return _batches(_from_folder(folder, ending), folder)
        for archive in (place / name for name in ARCHIVES):
            if archive.is_file():
                return _batches(_from_archive(archive), archive)
    looked = ", ".join(str(place) for place in places)
    raise FriendlyError(
        f"CIFAR-10 not found; looked in: {looked}. Fetch cifar-10-python.tar.gz (or cifar-10-binary.tar.gz) "
        "and name it, or the folder that it is in, with --data PATH; or use the data set 'digits'"
    )


def usual_places() -> list[Path]:
    """Folders that Keras and torchvision use."""
    home = Path.home()
    keras = Path(os.environ.get("KERAS_HOME") or home / ".keras")
    caches = [home / ".cache", home / ".cache" / "torch", home / ".cache" / "torchvision"]
    return [keras / "datasets", Path("data"), Path(), home / "data", *caches]


# ---------------------------------------------------------------- files -> bytes


def _from_folder(folder: Path, ending: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name in (f"{batch}{ending}" for batch in (*TRAIN, *TEST)):
        path = folder / name
        if path.is_file():
            _check_size(path, path.stat().st_size)
            files[name] = path.read_bytes()
    return files


def _from_archive(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    wanted = {f"{batch}{ending}" for batch in (*TRAIN, *TEST) for ending in (PICKLED, BINARY)}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name in wanted and member.isreg():
                    _check_size(f"{path}, {name}", member.size)
                    content = archive.extractfile(member)
                    assert content is not None  # of a regular file
                    files[name] = content.read()
                if len(files) == len(TRAIN) + len(TEST):
                    break
    except (tarfile.TarError, EOFError, OSError, zlib.error, LZMAError) as damaged:
        raise FriendlyError(f"{path}: no archive that can be read ({damaged}); fetch it again") from damaged
    return files


def _check_size(what: object, size: int) -> None:
    if size > MAX_BYTES:
        raise FriendlyError(f"{what}: {size} bytes are too many for a file of CIFAR-10")


# ---------------------------------------------------------------- bytes -> images


def _batches(files: Mapping[str, bytes], where: Path) -> tuple[Batch, Batch]:
    ending = BINARY if any(name.endswith(BINARY) for name in files) else PICKLED
    missing = [name + ending for name in (*TRAIN, *TEST) if name + ending not in files]
    if missing:
        raise FriendlyError(f"{where}: lacks {', '.join(missing)}; fetch the whole of CIFAR-10 again")

    def join(names: tuple[str, ...]) -> Batch:
        parts = [_batch(files[name + ending], ending, f"{where}/{name}{ending}") for name in names]
        images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels.astype(np.int32)

    return join(TRAIN), join(TEST)


def _batch(data: bytes, ending: str, where: str) -> tuple[Array, Array]:
    """Images uint8 (N, 3072), channel by channel, and labels (N,)."""
    try:
        images, labels = _unpack(data) if ending == BINARY else _unpickle(data)
    except _Odd as odd:
        raise FriendlyError(f"{where}: {odd}; fetch it again") from odd
    if not len(labels) or labels.min() < 0 or labels.max() > 9:
        raise FriendlyError(f"{where}: no images, or labels that are not between 0 and 9; fetch it again")
    return images, labels


class _Odd(Exception):
    """Not what a file of CIFAR-10 holds."""


def _unpack(data: bytes) -> tuple[Array, Array]:
    if len(data) % (1 + PIXELS):
        raise _Odd(f"{len(data)} bytes are no whole number of images; cut off?")
    rows = np.frombuffer(data, np.uint8).reshape(-1, 1 + PIXELS)
    return rows[:, 1:], rows[:, 0].astype(np.int64)


def _unpickle(data: bytes) -> tuple[Array, Array]:
    try:
        found = _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except _Odd:
        raise
    except Exception as damaged:  # a pickle that is none raises whatever it runs into
        raise _Odd(f"not a readable batch ({type(damaged).__name__}); cut off?") from damaged
    if not isinstance(found, dict):
        raise _Odd("holds no dictionary")
    images = found.get(b"data", found.get("data"))
    labels = found.get(b"labels", found.get("labels"))
    if not isinstance(images, _Array) or not isinstance(labels, list):
        raise _Odd("lacks `data` (an array) or `labels` (a list)")
    if not all(type(label) is int and 0 <= label <= 255 for label in labels):
        raise _Odd("its labels are no small numbers")
    return images.read(len(labels)), np.array(labels, np.int64)


class _Unpickler(pickle.Unpickler):
    """Builds dictionaries, lists, strings and numbers, and notes arrays down; calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for the three names that a pickled array is made of."""
        match module, name:
            case (("numpy.core.multiarray" | "numpy._core.multiarray"), "_reconstruct"):
                return _Array
            case "numpy", "dtype":
                return _DType
            case "numpy", "ndarray":
                return "ndarray"
        called = ascii(f"{module}.{name}"[:80])  # a stranger's text, for a terminal
        raise _Odd(f"refused: it would call {called}, which no file of CIFAR-10 does")


class _DType:
    __slots__ = ("name",)

    def __init__(self, name: object = None, *_: object) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None:
        """Byte order and the like: bytes have none."""


class _Array:
    """What a pickle says about an array. NumPy sees it only once it is known to be plain bytes."""

    __slots__ = ("state",)

    def __init__(self, *_: object) -> None:
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def read(self, rows: int) -> Array:
        """As uint8 (rows, 3072). Raises _Odd when it is anything else."""
        match self.state:
            case (_, (int() as n, int() as width), _DType(name=b"u1" | "u1"), False | 0, bytes() as raw):
                if (n, width) != (rows, PIXELS) or len(raw) != n * width:
                    raise _Odd(f"holds {n} x {width} numbers for {rows} labels instead of {rows} x {PIXELS}")
                return np.frombuffer(raw, np.uint8).reshape(n, width)
        raise _Odd(f"`data` is no table of bytes with {PIXELS} columns")
