"""Expectations on disk: one .npz with all numbers end to end and a JSON table, read without pickle.

Two files use it: `assignments/<slug>/public.npz`, which is all that the self-check knows, and the
cache of the hidden cases, so that references run once and not for every class.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grader.syntax import LOCK
from grader.types import Answer, Array, Case, Expectations, Expected, Family, Mistake


class StaleError(Exception):
    """Stored expectations that do not belong to these cases."""


# What `load` may raise for a file that is missing, damaged or of another time.
UNUSABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, StaleError)


def save(path: Path, expectations: Expectations, cases_digest: str, *, float32: bool = False) -> None:
    """Write atomically. `float32` halves the size, for the copy that ships with an assignment."""
    table: list[tuple[str, str, str, str, list[int]]] = []
    parts: list[Array] = []
    for case_id, expected in expectations.cases.items():
        for kind, answers in (("family", expected.families), ("mistake", expected.mistakes)):
            for name, answer in answers.items():
                for check, array in _parts(answer):
                    table.append((case_id, kind, name, check, list(array.shape)))
                    parts.append(array.ravel())
    numbers = np.concatenate(parts, dtype=np.float32 if float32 else np.float64, casting="same_kind")
    meta = {**_meta(expectations, cases_digest), "table": table}
    text = np.frombuffer(json.dumps(meta, ensure_ascii=False).encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    with os.fdopen(handle, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, meta=text, numbers=numbers)
    os.chmod(name, 0o644 if float32 else 0o600)
    os.replace(name, path)


def load(path: Path, cases: Sequence[Case], cases_digest: str) -> Expectations:
    """Read what `save` wrote. Raises StaleError where it belongs to other cases, OSError where absent."""
    with LOCK, np.load(path, allow_pickle=False) as file:  # NumPy reads headers with Python's parser
        meta, numbers = json.loads(file["meta"].tobytes()), file["numbers"]
    if meta["cases"] != cases_digest:
        raise StaleError(f"{path} was made for other cases")
    answers: dict[str, dict[str, dict[str, dict[str, Array]]]] = {}
    at = 0
    for case_id, kind, name, check, shape in meta["table"]:
        array = numbers[at : at + math.prod(shape)].reshape(shape)
        at += array.size
        answers.setdefault(case_id, {}).setdefault(kind, {}).setdefault(name, {})[check] = array
    for mistake in meta["mistakes"]:  # one that raised left no array
        for case in cases:
            if case.exercise == mistake["exercise"]:
                answers.setdefault(case.id, {}).setdefault("mistake", {}).setdefault(mistake["name"], {})
    return Expectations(
        {case.id: _expected(case, answers.get(case.id, {}), meta["rounding"]) for case in cases},
        {
            e: tuple(Family(f["name"], f["note"], tuple(f["helpers"]), f["trains"]) for f in forms)
            for e, forms in meta["families"].items()
        },
        {m["name"]: Mistake(**m) for m in meta["mistakes"]},
        meta["digest"],
    )


def _parts(answer: Answer) -> Iterator[tuple[str, Array]]:
    if answer.value is not None:
        yield "value", answer.value
    for name, gradient in answer.gradients.items():
        if gradient is not None:
            yield f"gradient:{name}", gradient
    yield from answer.arrays.items()


def _expected(case: Case, answers: Mapping[str, Mapping[str, Mapping[str, Array]]], rounding: Any) -> Expected:
    def read(kind: str) -> dict[str, Answer]:
        return {
            name: Answer(
                checks.get("value"),
                {g: checks.get(f"gradient:{g}") for g in case.gradient},
                {o: checks[o] for o in case.observes if o in checks},
            )
            for name, checks in answers.get(kind, {}).items()
        }

    return Expected(case, read("family"), read("mistake"), rounding.get(case.id, {}))


def _meta(expectations: Expectations, cases_digest: str) -> dict[str, Any]:
    return {
        "cases": cases_digest,
        "digest": expectations.digest,
        "rounding": {name: dict(e.rounding) for name, e in expectations.cases.items()},
        "families": {
            e: [{"name": f.name, "note": dict(f.note), "helpers": f.helpers, "trains": f.trains} for f in forms]
            for e, forms in expectations.families.items()
        },
        "mistakes": [
            {"name": m.name, "exercise": m.exercise, "hint": dict(m.hint), "line": m.line}
            for m in expectations.mistakes.values()
        ],
    }
