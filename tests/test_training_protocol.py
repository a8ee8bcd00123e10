"""grader.training.protocol: fair pairs, and nothing in a call that a worker must not know."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from grader import network
from grader.training import protocol as protocols
from grader.training.data import DataSet, load
from grader.training.protocol import code, digest, student_call, teacher_call
from grader.types import Array, FriendlyError, Protocol, TrainingCall

PROTOCOL = Protocol(teacher_steps=20)
TEACHER = np.zeros(network.size(16, 10, 1), np.float32)


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load("digits", PROTOCOL)


def student(data: DataSet, seed: int, steps: int = 30, function: str = "loss", **changed: int) -> TrainingCall:
    return student_call(function, replace(PROTOCOL, **changed), data, TEACHER, seed, steps)


def known(call: TrainingCall) -> Array:
    """Indices of all images that a call gives a label for."""
    return np.unique(call.inputs["indices"][call.inputs["labels"] >= 0])


# ---------------------------------------------------------------- what a call holds


def test_a_call_is_what_its_record_says(digits: DataSet) -> None:
    call = student_call("loss_with_kd", PROTOCOL, digits, TEACHER, 7, 30, checkpoints=3)
    assert (call.id, call.function) == ("loss_with_kd/seed 7", "loss_with_kd")
    described = {
        name: (array.dtype.name, array.shape) for name, array in (*call.shared.items(), *call.inputs.items())
    }
    assert described == {
        "images": ("float32", (1000, 8, 8, 1)),
        "held_out": ("float32", (797, 8, 8, 1)),
        "teacher": ("float32", TEACHER.shape),
        "indices": ("int32", (30, 64)),
        "labels": ("int32", (30, 64)),
        "weights": ("float32", (network.size(8, 10, 1),)),
    }
    assert call.settings == {
        "width": 8,
        "teacher_width": 16,
        "classes": 10,
        "learning_rate": 0.005,
        "checkpoints": 3,
        "seed": 7,
        "return_weights": 0,
    }
    assert {type(value) for value in call.settings.values()} == {int, float}


def test_labels_are_right_where_they_are_given_and_few(digits: DataSet) -> None:
    call = student(digits, 3)
    indices, labels = call.inputs["indices"], call.inputs["labels"]
    assert np.array_equal(labels[:, :16], digits.labels[indices[:, :16]])
    assert (labels[:, 16:] == -1).all()
    assert len(known(call)) == 30
    assert np.bincount(digits.labels[known(call)]).tolist() == [3] * 10


def test_no_image_comes_twice_among_the_labelled_or_the_others_of_a_batch(digits: DataSet) -> None:
    for row in student(digits, 0).inputs["indices"]:
        assert len(set(row[:16])) == 16
        assert len(set(row[16:])) == 48


def test_the_others_come_from_all_transfer_images(digits: DataSet) -> None:
    call = student(digits, 0, steps=200)
    others = call.inputs["indices"][:, 16:]
    assert len(np.unique(others)) > 990
    assert np.isin(known(call), others).all()  # also those whose label is known elsewhere


@pytest.mark.parametrize(("labels", "counts"), [(34, {3, 4}), (10, {1}), (25, {2, 3}), (1000, {100}), (7, {0, 1})])
def test_labels_that_do_not_divide_are_spread_as_evenly_as_they_can(
    digits: DataSet, labels: int, counts: set[int]
) -> None:
    found = [protocols.labelled(replace(PROTOCOL, labels=labels), digits, seed) for seed in range(3)]
    for chosen in found:
        assert len(set(chosen)) == labels
        assert set(np.bincount(digits.labels[chosen], minlength=10)) == counts
    if labels in (34, 25, 7):  # no class is the favourite
        more = [np.bincount(digits.labels[chosen], minlength=10).tolist() for chosen in found]
        assert more[0] != more[1] or more[1] != more[2]


def test_fewer_labels_than_places_are_used_several_times(digits: DataSet) -> None:
    call = student(digits, 0, labels=10)
    assert call.inputs["indices"].shape == (30, 64)
    assert len(known(call)) == 10


def test_a_batch_may_consist_of_labelled_images_alone(digits: DataSet) -> None:
    call = student(digits, 0, batch=16)
    assert (call.inputs["labels"] >= 0).all()


@pytest.mark.parametrize("wrong", [{"labels": 1001}, {"labels": 0}, {"labelled": 65}, {"labelled": 0}])
def test_a_protocol_that_cannot_be_served_is_refused(digits: DataSet, wrong: dict[str, int]) -> None:
    with pytest.raises(FriendlyError, match="training: "):
        student(digits, 0, **wrong)


def test_the_teacher_learns_all_labels_and_has_no_teacher(digits: DataSet) -> None:
    call = teacher_call("plain", PROTOCOL, digits)
    assert set(call.shared) == {"images", "held_out"}
    assert call.inputs["indices"].shape == (20, 64)
    assert np.array_equal(call.inputs["labels"], digits.labels[call.inputs["indices"]])
    assert len(known(call)) > 500
    assert call.inputs["weights"].shape == TEACHER.shape
    assert (call.settings["width"], call.settings["return_weights"]) == (16, 1)


# ---------------------------------------------------------------- pairs


def test_one_seed_gives_every_function_the_same(digits: DataSet) -> None:
    scratch = student_call("plain", PROTOCOL, digits, None, 5, 30)
    distilled = student_call("loss_with_kd", PROTOCOL, digits, TEACHER, 5, 30)
    assert all_bytes(scratch.inputs) == all_bytes(distilled.inputs)
    assert scratch.settings == distilled.settings
    assert "teacher" not in scratch.shared


def test_more_steps_begin_with_the_same_batches(digits: DataSet) -> None:
    short, long = student(digits, 5, 30), student(digits, 5, 90)
    for name in ("indices", "labels"):
        assert np.array_equal(short.inputs[name], long.inputs[name][:30])
    assert np.array_equal(short.inputs["weights"], long.inputs["weights"])


def test_another_seed_changes_everything_that_a_seed_decides(digits: DataSet) -> None:
    one, other = student(digits, 5), student(digits, 6)
    assert set(known(one)) != set(known(other))
    assert not np.array_equal(one.inputs["indices"][:, 16:], other.inputs["indices"][:, 16:])
    teacher = teacher_call("plain", replace(PROTOCOL, teacher_width=8), digits)
    calls = (one, other, student(digits, 0), teacher)
    kernels = [call.inputs["weights"][-330:-10] for call in calls]  # of the dense layer
    assert np.abs(np.corrcoef(kernels) - np.eye(4)).max() < 0.3


def test_what_a_seed_decides_does_not_hang_together(digits: DataSet) -> None:
    """More labels or wider networks leave the rest of the seed alone."""
    plain, labels, wide = student(digits, 5), student(digits, 5, labels=50), student(digits, 5, student_width=12)
    assert np.array_equal(plain.inputs["weights"], labels.inputs["weights"])
    assert np.array_equal(plain.inputs["indices"], wide.inputs["indices"])


# ---------------------------------------------------------------- what must not be known


def all_bytes(arrays: dict[str, Array]) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in arrays.items()}


def calls_of(data: DataSet) -> Iterator[TrainingCall]:
    for seed in range(3):
        yield student_call("plain", PROTOCOL, data, None, seed, 60)
        yield student_call("loss", PROTOCOL, data, TEACHER, seed, 60, 8)
    yield teacher_call("plain", PROTOCOL, data)


def test_no_array_of_a_call_holds_the_held_out_labels(digits: DataSet) -> None:
    """Whatever the type they would be sent in; 12 of them in a row are no coincidence."""
    labels = digits.held_out_labels
    kinds = (np.uint8, np.int16, np.int32, np.int64, np.float16, np.float32, np.float64)
    needles = {labels[at : at + 12].astype(kind).tobytes() for kind in kinds for at in (0, 300, 785)}
    needles |= {np.eye(10, dtype=kind)[labels[at : at + 12]].tobytes() for kind in kinds for at in (0, 300, 785)}
    for call in calls_of(digits):
        for name, array in (*call.shared.items(), *call.inputs.items()):
            raw = array.tobytes()
            assert not any(needle in raw for needle in needles), f"{call.id}: {name}"


def test_a_call_does_not_depend_on_the_held_out_labels(digits: DataSet) -> None:
    other = replace(digits, held_out_labels=(digits.held_out_labels + 1) % 10)
    for one, two in zip(calls_of(digits), calls_of(other), strict=True):
        assert (one.id, one.settings) == (two.id, two.settings)
        assert all_bytes({**one.shared, **one.inputs}) == all_bytes({**two.shared, **two.inputs})


# ---------------------------------------------------------------- the key


def test_the_key_knows_every_field_that_matters(digits: DataSet) -> None:
    before = digest(PROTOCOL, digits)
    assert digest(replace(PROTOCOL), digits) == before
    for field in fields(Protocol):
        value = getattr(PROTOCOL, field.name)
        changed = replace(PROTOCOL, **{field.name: "x" if field.name == "data" else value * 2})
        same = field.name in ("data", "transfer", "held_out")  # these are in the data's own digest
        assert (digest(changed, digits) == before) == same, field.name
    assert digest(PROTOCOL, replace(digits, digest="other")) != before


def test_the_key_knows_the_code_of_the_loop(
    digits: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "grader"
    shutil.copytree(protocols.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    before = code(package)
    assert before == code(protocols.PACKAGE)
    for number, name in enumerate(("loops/__init__.py", "network.py", "training/protocol.py", "loops/new.py")):
        copy = tmp_path / str(number)
        shutil.copytree(package, copy)
        with open(copy / name, "a", encoding="utf-8") as file:
            file.write("# changed\n")
        assert code(copy) != before, name
        monkeypatch.setattr(protocols, "code", lambda copy=copy: code(copy))
        changed = digest(PROTOCOL, digits)
        monkeypatch.undo()
        assert changed != digest(PROTOCOL, digits)
