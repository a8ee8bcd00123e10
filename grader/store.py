"""Expectations on disk: one .npz of plain arrays and a JSON table, read without pickle.

Two files use it: `assignments/<slug>/public.npz`, which is all that the self-check knows, and the
cache of the hidden cases, so that references run once and not for every class.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grader.types import Answer, Array, Case, Expectations, Expected, Family, Mistake


class StaleError(Exception):
    """Stored expectations that do not belong to these cases."""


def save(path: Path, expectations: Expectations, cases_digest: str, *, float32: bool = False) -> None:
    """Write atomically. `float32` halves the size, for the copy that ships with an assignment."""
    arrays: dict[str, Array] = {}
    for case_id, expected in expectations.cases.items():
        for kind, answers in (("family", expected.families), ("mistake", expected.mistakes)):
            for name, answer in answers.items():
                for check, array in _parts(answer):
                    arrays["|".join((case_id, kind, name, check))] = array.astype(np.float32) if float32 else array
    arrays["meta"] = np.frombuffer(
        json.dumps(_meta(expectations, cases_digest), ensure_ascii=False).encode(), np.uint8
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    with os.fdopen(handle, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    os.chmod(name, 0o644 if float32 else 0o600)
    os.replace(name, path)


def load(path: Path, cases: Sequence[Case], cases_digest: str) -> Expectations:
    """Read what `save` wrote. Raises StaleError where it belongs to other cases, OSError where absent."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    meta = json.loads(arrays.pop("meta").tobytes())
    if meta["cases"] != cases_digest:
        raise StaleError(f"{path} was made for other cases")
    answers: dict[str, dict[str, dict[str, dict[str, Array]]]] = {}
    for key, array in arrays.items():
        case_id, kind, name, check = key.split("|")
        answers.setdefault(case_id, {}).setdefault(kind, {}).setdefault(name, {})[check] = array
    for mistake in meta["mistakes"]:  # one that raised left no array
        for case in cases:
            if case.exercise == mistake["exercise"]:
                answers.setdefault(case.id, {}).setdefault("mistake", {}).setdefault(mistake["name"], {})
    return Expectations(
        {case.id: _expected(case, answers.get(case.id, {}), meta["rounding"]) for case in cases},
        {e: tuple(Family(f["name"], f["note"]) for f in forms) for e, forms in meta["families"].items()},
        {m["name"]: Mistake(**m) for m in meta["mistakes"]},
        meta["digest"],
    )


def public_part(expectations: Expectations) -> Expectations:
    """Without the hidden cases."""
    cases = {name: e for name, e in expectations.cases.items() if e.case.public}
    return Expectations(cases, expectations.families, expectations.mistakes, expectations.digest)


def _parts(answer: Answer) -> Iterator[tuple[str, Array]]:
    if answer.value is not None:
        yield "value", answer.value
    for name, gradient in answer.gradients.items():
        if gradient is not None:
            yield f"gradient:{name}", gradient


def _expected(case: Case, answers: Mapping[str, Mapping[str, Mapping[str, Array]]], rounding: Any) -> Expected:
    def read(kind: str) -> dict[str, Answer]:
        return {
            name: Answer(checks.get("value"), {g: checks.get(f"gradient:{g}") for g in case.gradient})
            for name, checks in answers.get(kind, {}).items()
        }

    return Expected(case, read("family"), read("mistake"), rounding.get(case.id, {}))


def _meta(expectations: Expectations, cases_digest: str) -> dict[str, Any]:
    return {
        "cases": cases_digest,
        "digest": expectations.digest,
        "rounding": {name: dict(e.rounding) for name, e in expectations.cases.items()},
        "families": {
            e: [{"name": f.name, "note": dict(f.note)} for f in forms]
            for e, forms in expectations.families.items()
        },
        "mistakes": [
            {"name": m.name, "exercise": m.exercise, "hint": dict(m.hint)} for m in expectations.mistakes.values()
        ],
    }
