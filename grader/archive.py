"""What was observed of one submission <-> bytes, so that it can be judged again without running it again.

One .npz of two arrays, read without pickle: `meta` is JSON, `data` holds all numbers end to end. It names what
each observation depends on: the program (by its form), the call (by its digest), the versions. Whatever of it
still holds is used, whatever does not is run.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cattrs
import numpy as np

from grader.sameness import same_form
from grader.syntax import LOCK
from grader.types import (
    Array,
    Call,
    CheckResult,
    Execution,
    Fault,
    Graded,
    Limits,
    Notebook,
    Observation,
    Run,
    Submission,
    Verdict,
)

FORMAT = 1
# What reading may raise for a file that is missing, damaged or of another time.
_DAMAGED = (zipfile.BadZipFile, zlib.error, cattrs.BaseValidationError)
UNUSABLE = (OSError, ValueError, KeyError, TypeError, EOFError, *_DAMAGED)


@dataclass(frozen=True)
class Seen:
    """What is known of one submission. `run` None: it could not be read."""

    submission: Submission  # without its data
    notebook: Notebook | None
    environment: Mapping[str, str]
    form: str = ""  # of the program that ran
    run: Run | None = None
    digests: Mapping[str, str] = field(default_factory=dict)  # call id -> what was asked
    trained: tuple[CheckResult, ...] = ()
    training: str = ""  # under which plan, on which device
    execution: Execution | None = None
    executed: str = ""  # digest of all cells
    twin: str = ""  # id of the submission whose run this was


def same_versions(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether what was observed with `one` may be taken for an observation with `other`."""
    return {**one, "platform": ""} == {**other, "platform": ""}


def call_digest(call: Call, limits: Limits) -> str:
    """Names everything that one observation depends on besides the program and the versions."""
    h = hashlib.sha256(repr((replace(call, inputs={}), limits)).encode())
    for name, value in sorted(call.inputs.items()):
        h.update(name.encode())
        h.update(repr((value.dtype.str, value.shape)).encode() if isinstance(value, np.ndarray) else b"")
        h.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    return h.hexdigest()[:32]


def cells_digest(notebook: Notebook) -> str:
    """All code cells, as they were written."""
    return hashlib.sha256(repr(notebook.cells).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def seen(graded: Graded, environment: Mapping[str, str], digests: Mapping[str, str], training: str) -> Seen:
    """What to keep of a judgement. `digests`: of every call; `training`: under what it was trained."""
    return Seen(
        replace(graded.submission, data=None, problem=graded.unreadable or graded.submission.problem),
        graded.notebook,
        environment,
        same_form(graded.program) if graded.program else "",
        graded.run,
        digests,
        tuple(check for result in graded.results for check in result.checks if check.check == "training"),
        training,
        graded.execution,
        cells_digest(graded.notebook) if graded.notebook else "",
        graded.twin,
    )


def to_bytes(known: Seen) -> bytes:
    """The content of observations.npz."""
    arrays = _Arrays()
    run = known.run
    meta = {"format": FORMAT, **_plain(replace(known, run=None))}
    if run is not None:
        meta["run"] = _plain(replace(run, observations={}))
        meta["run"]["observations"] = [_observation(one, arrays) for one in run.observations.values()]
    text = np.frombuffer(json.dumps(meta, ensure_ascii=True).encode(), np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, meta=text, data=arrays.joined())
    return file.getvalue()


def from_bytes(content: bytes) -> Seen:
    """Read what `to_bytes` wrote. Raises one of UNUSABLE for anything else."""
    # NumPy reads headers with Python's parser.
    with LOCK, np.load(io.BytesIO(content), allow_pickle=False) as file:
        meta, data = json.loads(file["meta"].tobytes()), file["data"].tobytes()
    if meta.pop("format") != FORMAT:
        raise ValueError("of another format")
    if meta["run"]:
        told = meta["run"]["observations"]
        meta["run"]["observations"] = {one["id"]: _observed(one, data) for one in told}
    return _CODEC.structure(meta, Seen)


def load(path: Path) -> Seen | None:
    """What is kept in a file, None where there is nothing of use."""
    try:
        return from_bytes(path.read_bytes())
    except UNUSABLE:
        return None


class _Arrays:
    """Collects arrays into one buffer; `add` returns where one lies in it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, array: Array | None) -> list[Any] | None:
        if array is None:
            return None
        raw = np.ascontiguousarray(array).tobytes()
        at = [array.dtype.str, list(array.shape), self._size]
        self._parts.append(raw)
        self._size += len(raw)
        return at

    def joined(self) -> Array:
        return np.frombuffer(b"".join(self._parts), np.uint8)


def _array(at: Sequence[Any] | None, data: bytes) -> Array | None:
    if at is None:
        return None
    kind, shape, start = at
    return np.frombuffer(data, np.dtype(kind), math.prod(shape), start).reshape(shape)


def _observation(one: Observation, arrays: _Arrays) -> dict[str, Any]:
    return {
        **{"id": one.id, "ended": str(one.ended), "detail": one.detail},
        "fault": _plain(one.fault) if one.fault else None,
        "value": arrays.add(one.value),
        "gradients": {name: arrays.add(array) for name, array in one.gradients.items()},
        "arrays": {name: arrays.add(array) for name, array in one.arrays.items()},
    }


def _observed(told: Mapping[str, Any], data: bytes) -> Observation:
    arrays = {name: _array(at, data) for name, at in told["arrays"].items()}
    return Observation(
        told["id"],
        Verdict(told["ended"]),
        _array(told["value"], data),
        {name: _array(at, data) for name, at in told["gradients"].items()},
        _CODEC.structure(told["fault"], Fault) if told["fault"] else None,
        told["detail"],
        {name: array for name, array in arrays.items() if array is not None},
    )


def _plain(record: Any) -> dict[str, Any]:
    plain: dict[str, Any] = asdict(record, dict_factory=dict)
    return plain


_CODEC = cattrs.Converter()
_CODEC.register_structure_hook(Observation, lambda observation, _: observation)  # made by _observed
