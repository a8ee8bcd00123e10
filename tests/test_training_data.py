"""grader.training.data and .cifar: the split, and files from somewhere that are read and never run."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader.training.data import DataSet, balanced, load
from grader.types import Array, FriendlyError, Protocol

SMALL = Protocol(data="cifar10", transfer=40, held_out=20)
NAMES = [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]


# ---------------------------------------------------------------- digits


def test_digits_are_split_once_and_evenly() -> None:
    digits = load("digits", Protocol())
    assert digits.images.shape == (1000, 8, 8, 1)
    assert digits.held_out.shape == (797, 8, 8, 1)
    assert digits.images.dtype == digits.held_out.dtype == np.float32
    assert (digits.images.min(), digits.images.max()) == (0, 1)
    assert np.bincount(digits.labels).tolist() == [100] * 10
    assert len(digits.held_out_labels) == 797
    assert np.bincount(digits.held_out_labels).min() >= 70
    trained = {image.tobytes() for image in digits.images}
    assert not trained & {image.tobytes() for image in digits.held_out}


def test_the_split_is_the_same_whatever_else_happened() -> None:
    first = load("digits", Protocol())
    np.random.seed(5)  # what a library may do
    again = load("digits", Protocol(labels=50, batch=32))
    assert again.digest == first.digest
    assert again.held_out_labels.tobytes() == first.held_out_labels.tobytes()


def test_the_digest_knows_the_content(tmp_path: Path) -> None:
    """Names, types and shapes alone would mix up runs on different images."""
    path = write_folder(tmp_path / "x", python_files())
    whole = load("cifar10", SMALL, path).digest
    pixels, labels = images_of("test_batch")
    for changed in (python2_pickle(pixels ^ 1, labels.tolist()), python2_pickle(pixels, labels[::-1].tolist())):
        (path / "test_batch").write_bytes(changed)
        assert load("cifar10", SMALL, path).digest != whole
    (path / "test_batch").write_bytes(python2_pickle(pixels, labels.tolist()))
    assert load("cifar10", SMALL, path).digest == whole


@pytest.mark.parametrize("part", ["labels", "held_out_labels"])
def test_the_order_of_images_does_not_tell_their_class(part: str) -> None:
    """Taken class by class in turn, every ten images would hold ten classes: an answer sheet."""
    labels = getattr(load("digits", Protocol()), part)
    tens = labels[: len(labels) // 10 * 10].reshape(-1, 10)
    assert sum(len(set(ten)) == 10 for ten in tens) <= 2
    for step in (1, 2, 10, 20):
        assert np.mean(labels[step:] == labels[:-step]) < 0.2


def test_nobody_changes_the_images_of_others() -> None:
    digits = load("digits", Protocol())
    for array in (digits.images, digits.labels, digits.held_out, digits.held_out_labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_every_beginning_of_a_balanced_order_is_balanced() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 7])
    np.random.default_rng(0).shuffle(labels)
    order = balanced(labels, np.random.default_rng(1))
    assert sorted(order) == list(range(87))
    for n in range(1, 22):
        counts = np.bincount(labels[order[:n]], minlength=3)
        assert counts.max() - counts.min() <= 1
    assert balanced(labels, np.random.default_rng(2)).tolist() != order.tolist()


def test_without_scikit_learn_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(FriendlyError, match=r"pip install 'grader\[training\]'"):
        load("digits", Protocol())


def test_what_there_is_not_is_named() -> None:
    with pytest.raises(FriendlyError, match="there are: digits, cifar10"):
        load("mnist", Protocol())
    with pytest.raises(FriendlyError, match="asks for 1798 images and there are 1797"):
        load("digits", Protocol(transfer=1001))


# ---------------------------------------------------------------- CIFAR-10: made-up files in the real formats


def images_of(name: str, count: int = 20) -> tuple[Array, Array]:
    """uint8 (count, 3072) and labels; `count` is a multiple of ten."""
    rng = np.random.default_rng(NAMES.index(name))
    return rng.integers(0, 256, (count, 3072), np.uint8), rng.permutation(np.arange(count) % 10)


def python2_pickle(
    pixels: Array, labels: list[int], dtype: bytes = b"u1", shape: tuple[int, int] | None = None
) -> bytes:
    """Opcode by opcode what Python 2 and its NumPy wrote: byte strings, and `numpy.core`."""

    def text(content: bytes) -> bytes:
        return b"U" + bytes([len(content)]) + content

    def number(value: int) -> bytes:
        return b"M" + struct.pack("<H", value)

    rows, columns = shape or pixels.shape
    raw = pixels.tobytes()
    kind = b"cnumpy\ndtype\n" + text(dtype) + b"K\x00K\x01\x87R"
    kind += b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    array += b"(K\x01" + number(rows) + number(columns) + b"\x86" + kind + b"\x89"
    array += b"T" + struct.pack("<i", len(raw)) + raw + b"tb"
    items = text(b"batch_label") + text(b"training batch 1 of 5")
    items += text(b"labels") + b"](" + b"".join(map(number, labels)) + b"e"
    items += text(b"data") + array
    return b"\x80\x02}(" + items + text(b"filenames") + b"](" + text(b"a.png") + b"eu."


def python_files() -> dict[str, bytes]:
    return {name: python2_pickle(images_of(name)[0], images_of(name)[1].tolist()) for name in NAMES}


def python3_files() -> dict[str, bytes]:
    """As somebody would write them again today."""
    return {
        name: pickle.dumps({"data": images_of(name)[0], "labels": images_of(name)[1].tolist()}, 4)
        for name in NAMES
    }


def binary_files() -> dict[str, bytes]:
    return {
        f"{name}.bin": np.column_stack([images_of(name)[1].astype(np.uint8), images_of(name)[0]]).tobytes()
        for name in NAMES
    }


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(path: Path, files: dict[str, bytes], folder: str = "cifar-10-batches-py") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_the_made_up_files_are_what_a_plain_reader_understands() -> None:
    found = pickle.loads(python_files()["data_batch_1"].replace(b"numpy.core.", b"numpy._core."), encoding="bytes")
    pixels, labels = images_of("data_batch_1")
    assert np.array_equal(found[b"data"], pixels)
    assert found[b"labels"] == labels.tolist()


@pytest.mark.parametrize("made", [python_files, python3_files, binary_files])
@pytest.mark.parametrize("archive", [False, True])
def test_every_format_gives_the_same_images(
    made: Callable[[], dict[str, bytes]], archive: bool, tmp_path: Path
) -> None:
    path = write_archive(tmp_path / "x.tar.gz", made()) if archive else write_folder(tmp_path / "x", made())
    cifar = load("cifar10", SMALL, path)
    assert cifar.images.shape == (40, 32, 32, 3)
    assert cifar.held_out.shape == (20, 32, 32, 3)
    assert np.bincount(cifar.labels).tolist() == [4] * 10
    assert np.bincount(cifar.held_out_labels).tolist() == [2] * 10
    expect_pixels(cifar)


def expect_pixels(cifar: DataSet) -> None:
    """Each image is one of the file's, with its own label, red first and row by row."""
    parts = [images_of(name) for name in NAMES[:5]]
    for images, labels, sources in (
        (cifar.images, cifar.labels, parts),
        (cifar.held_out, cifar.held_out_labels, [images_of("test_batch")]),
    ):
        known = {
            tuple(row[[0, 1, 32, 1024, 3071]]): label for part in sources for row, label in zip(*part, strict=True)
        }
        for image, label in zip(np.rint(images * 255).astype(int), labels, strict=True):
            pixels = (image[0, 0, 0], image[0, 1, 0], image[1, 0, 0], image[0, 0, 1], image[31, 31, 2])
            assert known[tuple(map(int, pixels))] == label


@pytest.mark.parametrize(
    "place",
    [
        "keras/datasets/cifar-10-batches-py-target/cifar-10-batches-py",
        "keras/datasets/cifar-10-batches-py/cifar-10-batches-py",
        "keras/datasets/cifar-10-batches-py",
        "here/data/cifar-10-batches-py",
        "here/cifar-10-batches-py",
        "home/.cache/cifar-10-batches-py",
        "keras/datasets/cifar-10-batches-py-target_archive",
        "keras/datasets/cifar-10-batches-py.tar.gz",
        "here/data/cifar-10-python.tar.gz",
        "home/data/cifar-10-binary.tar.gz",
    ],
)
def test_it_is_found_where_frameworks_keep_it(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual(tmp_path, monkeypatch)
    if place.endswith("batches-py"):
        write_folder(tmp_path / place, python_files())
    else:
        write_archive(tmp_path / place, python_files())
    expect_pixels(load("cifar10", SMALL))


def usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where nobody has ever fetched anything."""
    for name in ("here", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def test_keras_keeps_it_in_the_home_folder_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual(tmp_path, monkeypatch)
    monkeypatch.delenv("KERAS_HOME")
    write_folder(tmp_path / "home/.keras/datasets/cifar-10-batches-py", python_files())
    expect_pixels(load("cifar10", SMALL))


def test_where_it_is_absent_is_said_with_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual(tmp_path, monkeypatch)
    with pytest.raises(FriendlyError, match="not found") as absent:
        load("cifar10", SMALL)
    for told in (str(tmp_path / "keras/datasets"), "--data PATH", "cifar-10-python.tar.gz", "digits"):
        assert told in str(absent.value)


def test_a_named_path_is_the_only_one_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual(tmp_path, monkeypatch)
    write_folder(tmp_path / "keras/datasets/cifar-10-batches-py", python_files())
    with pytest.raises(FriendlyError, match="nowhere"):
        load("cifar10", SMALL, tmp_path / "nowhere")


# ---------------------------------------------------------------- CIFAR-10: files that are not


class Gadget:
    """Pickled, it is a call of `function`."""

    def __init__(self, function: object, *args: object) -> None:
        self.call = (function, args)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("archive", [False, True])
def test_a_pickle_that_would_run_code_is_refused_and_does_not(archive: bool, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    content = pickle.dumps({"data": Gadget(os.system, f"touch {marker}"), "labels": [1]}, 2)
    pickle.loads(content)
    assert marker.exists(), "the gadget must be one that works"
    marker.unlink()
    files = {**python_files(), "data_batch_3": content}
    path = write_archive(tmp_path / "x.tar.gz", files) if archive else write_folder(tmp_path / "x", files)
    with pytest.raises(FriendlyError, match=r"data_batch_3: refused: it would call 'posix\.system'") as refused:
        load("cifar10", SMALL, path)
    assert not marker.exists()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        "builtins\neval",
        "os\nsystem",
        "numpy\nload",
        "numpy.core.multiarray\nfromfile",
        "numpy._core.multiarray\n_reconstruct.__globals__",
        "copyreg\n_reconstructor",
        "_codecs\nencode",
    ],
)
def test_nothing_but_arrays_is_built(name: str, tmp_path: Path) -> None:
    files = {**python_files(), "data_batch_1": b"\x80\x02c" + name.encode() + b"\n(tR."}
    with pytest.raises(FriendlyError, match="refused"):
        load("cifar10", SMALL, write_folder(tmp_path / "x", files))


PIXELS, LABELS = images_of("data_batch_2")
GOOD = python2_pickle(PIXELS, LABELS.tolist())
ODD = {
    "cut off": (GOOD[: len(GOOD) // 2], "cut off"),
    "empty": (b"", "cut off"),
    "no pickle": (b"<html>not found</html>", "cut off"),
    "a list": (pickle.dumps([1, 2], 2), "no dictionary"),
    "no data": (pickle.dumps({"labels": [1]}, 2), "lacks `data`"),
    "data is a list": (pickle.dumps({"data": [[1]], "labels": [1]}, 2), "lacks `data`"),
    "too narrow": (python2_pickle(PIXELS[:, :-1].copy(), LABELS.tolist()), "20 x 3071"),
    "too few bytes": (python2_pickle(PIXELS[:-1], LABELS.tolist(), shape=(20, 3072)), "20 x 3072"),
    "more labels": (python2_pickle(PIXELS, [*LABELS.tolist(), 1]), "for 21 labels"),
    "floats": (python2_pickle(PIXELS, LABELS.tolist(), dtype=b"f4"), "no table of bytes"),
    "objects": (python2_pickle(PIXELS, LABELS.tolist(), dtype=b"O8"), "no table of bytes"),
    "class 10": (python2_pickle(PIXELS, [10, *LABELS.tolist()[1:]]), "between 0 and 9"),
    "labels as text": (pickle.dumps({"data": PIXELS, "labels": ["cat"] * 20}, 4), "no small numbers"),
    "no images": (python2_pickle(PIXELS[:0], []), "no images"),
    "three dimensions": (
        pickle.dumps({"data": PIXELS.reshape(20, 3, 1024), "labels": LABELS.tolist()}, 4),
        "no table of bytes",
    ),
    "column by column": (
        pickle.dumps({"data": np.asfortranarray(PIXELS), "labels": LABELS.tolist()}, 4),
        "no table of bytes",
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_batch_is_named_and_refused(kind: str, tmp_path: Path) -> None:
    content, told = ODD[kind]
    path = write_folder(tmp_path / "x", {**python_files(), "data_batch_2": content})
    with pytest.raises(FriendlyError, match=r"x/data_batch_2: ") as odd:
        load("cifar10", SMALL, path)
    assert told in str(odd.value)


def test_an_odd_binary_batch_is_named_and_refused(tmp_path: Path) -> None:
    files = binary_files()
    path = write_folder(tmp_path / "x", files)
    (path / "test_batch.bin").write_bytes(files["test_batch.bin"][:-1])
    with pytest.raises(FriendlyError, match=r"test_batch\.bin: 61459 bytes are no whole number of images"):
        load("cifar10", SMALL, path)
    (path / "test_batch.bin").write_bytes(b"\x0a" + files["test_batch.bin"][1:])
    with pytest.raises(FriendlyError, match="between 0 and 9"):
        load("cifar10", SMALL, path)


def test_an_archive_that_was_cut_off_or_is_none(tmp_path: Path) -> None:
    whole = write_archive(tmp_path / "x.tar.gz", python_files())
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:200_000])
    other = tmp_path / "other.tar.gz"
    other.write_bytes(gzip.compress(b"no archive"))
    for path in (cut, other):
        with pytest.raises(FriendlyError, match="no archive that can be read"):
            load("cifar10", SMALL, path)


def test_what_is_missing_and_what_is_too_large(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "x", python_files())
    (path / "data_batch_4").unlink()
    with pytest.raises(FriendlyError, match=r"lacks data_batch_4;"):
        load("cifar10", SMALL, path)
    with open(path / "data_batch_4", "wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(FriendlyError, match="too many for a file of CIFAR-10"):
        load("cifar10", SMALL, path)
    archive = tmp_path / "x.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        info.size = 65 << 20
        with open(path / "data_batch_4", "rb") as file:
            tar.addfile(info, file)
    with pytest.raises(FriendlyError, match="too many for a file of CIFAR-10"):
        load("cifar10", SMALL, archive)
    with pytest.raises(FriendlyError, match="asks for 101 images and there are 100"):
        load("cifar10", replace(SMALL, transfer=101), write_folder(tmp_path / "y", python_files()))


def test_an_archive_is_not_extracted_and_its_links_are_not_followed(tmp_path: Path) -> None:
    """A member that points to a file of the machine is not that file's content."""
    elsewhere = tmp_path / "secret"
    elsewhere.write_bytes(GOOD)
    path = tmp_path / "in" / "x.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        for name, content in python_files().items():
            info = tarfile.TarInfo(f"../{name}")
            if name == "data_batch_2":
                info.type, info.linkname = tarfile.SYMTYPE, str(elsewhere)
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FriendlyError, match=r"lacks data_batch_2;"):
        load("cifar10", SMALL, path)
    assert sorted(tmp_path.rglob("*")) == before
