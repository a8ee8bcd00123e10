"""Protocol + data + seed -> the call for the worker. Pure numpy; no held-out label ever gets in here.

Few labels, many images without one (Hinton, Vinyals, Dean 2015, https://arxiv.org/abs/1503.02531: distilling
on an unlabelled transfer set): a batch mixes both, and only what a teacher says teaches from the latter.

One seed decides labelled images, batches, their order and the initial weights, and nothing else does: so
a student with a teacher and one without differ in the loss alone, whatever the function and its steps.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np

from grader import network
from grader.training.data import DataSet, balanced
from grader.types import Array, FriendlyError, Protocol, TrainingCall

PACKAGE = Path(__file__).resolve().parent.parent
FORMAT = 1  # raise it when the meaning of a stored run changes
# Streams of random numbers that do not depend on each other.
LABELLED, BATCHES, WEIGHTS, TEACHER_BATCHES, TEACHER_WEIGHTS = range(1, 6)
# Fields of the protocol that only choose the data, whose digest is in the key itself.
NO_WEIGHTS = {"weights": np.zeros(0, np.float32)}
IN_THE_DATA = ("data", "transfer", "held_out")


def student_call(
    function: str,
    protocol: Protocol,
    data: DataSet,
    teacher: Array | None,
    seed: int,
    steps: int,
    checkpoints: int = 1,
    probed: bool = False,
) -> TrainingCall:
    """Train a student with the loss `function`. `teacher`: its weights, float32 (P,).

    `probed`: by the assignment's training.py, whose networks draw their own initial weights from the seed.

    Raises FriendlyError for a protocol that these data cannot serve.
    """
    return TrainingCall(
        id=f"{function}/seed {seed}",
        function=function,
        shared=shared(data, teacher),
        inputs=inputs(protocol, data, seed, steps) | (NO_WEIGHTS if probed else {}),
        settings=settings(protocol, data, protocol.student_width, seed, checkpoints),
        probed=probed,
    )


def teacher_call(function: str, protocol: Protocol, data: DataSet, probed: bool = False) -> TrainingCall:
    """Train the teacher: the wider network, all labels of the transfer images, its weights returned."""
    rng, everything = _rng(TEACHER_BATCHES, 0), np.arange(len(data.labels))
    indices = np.stack([_draw(rng, everything, protocol.batch) for _ in range(protocol.teacher_steps)])
    return TrainingCall(
        id=f"{function}/teacher",
        function=function,
        shared=shared(data, None),
        inputs={
            "indices": indices.astype(np.int32),
            "labels": data.labels[indices].astype(np.int32),
            "weights": _weights(TEACHER_WEIGHTS, 0, protocol.teacher_width, data),
        }
        | (NO_WEIGHTS if probed else {}),
        settings=settings(protocol, data, protocol.teacher_width, 0, return_weights=1),
        probed=probed,
    )


def shared(data: DataSet, teacher: Array | None) -> dict[str, Array]:
    """What all trainings of a worker have in common; see TrainingCall."""
    images = {"images": data.images, "held_out": data.held_out}
    return images if teacher is None else {**images, "teacher": np.asarray(teacher, np.float32)}


def inputs(protocol: Protocol, data: DataSet, seed: int, steps: int) -> dict[str, Array]:
    """indices int32 (steps, batch), labels int32 (steps, batch) with -1 for none, weights float32 (Q,).

    The first `labelled` of a batch have their label, the others are drawn from all transfer images. With
    more steps the same batches come first.
    """
    if not 0 < protocol.labelled <= protocol.batch:
        raise FriendlyError(f"training: {protocol.labelled} labelled images in a batch of {protocol.batch}")
    rng, everything = _rng(BATCHES, seed), np.arange(len(data.labels))
    pool, without = labelled(protocol, data, seed), protocol.batch - protocol.labelled
    rows = [(_draw(rng, pool, protocol.labelled), _draw(rng, everything, without)) for _ in range(steps)]
    indices = np.stack([np.concatenate(row) for row in rows])
    labels = data.labels[indices]
    labels[:, protocol.labelled :] = -1
    return {
        "indices": indices.astype(np.int32),
        "labels": labels.astype(np.int32),
        "weights": _weights(WEIGHTS, seed, protocol.student_width, data),
    }


def labelled(protocol: Protocol, data: DataSet, seed: int) -> Array:
    """Indices of the images whose label is known: equally many of each class, give or take one."""
    if not 0 < protocol.labels <= len(data.labels):
        raise FriendlyError(f"training: {protocol.labels} labels of {len(data.labels)} images; mend `labels`")
    return balanced(data.labels, _rng(LABELLED, seed))[: protocol.labels]


def settings(
    protocol: Protocol, data: DataSet, width: int, seed: int, checkpoints: int = 1, return_weights: int = 0
) -> dict[str, float | int]:
    """Numbers that go with a training; see TrainingCall."""
    return {
        "width": width,
        "teacher_width": protocol.teacher_width,
        "classes": data.classes,
        "learning_rate": float(protocol.learning_rate),
        "checkpoints": checkpoints,
        "seed": seed,
        "return_weights": return_weights,
    }


def digest(protocol: Protocol, data: DataSet) -> str:
    """Key of everything that decides a run but its program, function, seed, steps, device and versions.

    The code of the loop is part of it: a changed loop never meets a run of the old one.
    """
    fields = {name: value for name, value in asdict(protocol).items() if name not in IN_THE_DATA}
    decisive = {"format": FORMAT, "protocol": fields, "data": data.digest, "code": code()}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


@cache
def code(package: Path = PACKAGE) -> dict[str, str]:
    """Path -> sha256 of the files that make and run a call: read, because loops/ imports frameworks."""
    files = [*sorted((package / "loops").glob("*.py")), package / "network.py", package / "training/protocol.py"]
    return {str(file.relative_to(package)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _rng(stream: int, seed: int) -> np.random.Generator:
    return np.random.default_rng([stream, seed])


def _draw(rng: np.random.Generator, pool: Array, count: int) -> Array:
    """`count` of the pool, none twice unless the pool is smaller than that."""
    return rng.choice(pool, count, replace=count > len(pool))


def _weights(stream: int, seed: int, width: int, data: DataSet) -> Array:
    return network.initial(_rng(stream, seed), width, data.classes, data.images.shape[-1])
