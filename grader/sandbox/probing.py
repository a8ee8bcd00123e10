"""Inside a worker: the assignment's probes, which look at what is not one plain call."""

from __future__ import annotations

import linecache
import random
import traceback
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from grader.frameworks import Framework, NotANumber, numeric
from grader.types import Array

FILE = "<probes>"


class Broken(RuntimeError):
    """probes.py (or training.py) itself failed, before any code of the learner's ran: the author's fault."""


class Lacks(AttributeError):
    """The notebook has no such name."""


class Learner:
    """The notebook's names as attributes. Raises Lacks, an AttributeError, so that `hasattr` works."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self.__dict__ = namespace  # type: ignore[assignment]  # the learner's own: what they bind later shows too

    def __getattr__(self, name: str) -> Any:
        raise Lacks(f"name {name!r} is not defined")


def load(source: str) -> ModuleType | None:
    """The module of probes.py, made ready for the learner's code; None without one. Raises Broken."""
    if not source:
        return None
    linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
    module = ModuleType("probes")
    try:
        exec(compile(source, FILE, "exec", dont_inherit=True), module.__dict__)
        if hasattr(module, "before_loading"):
            module.before_loading()
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == FILE), None)
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise Broken(f"probes.py or training.py, line {line}: {told}") from error
    return module


def answer(
    probes: ModuleType | None,
    namespace: Mapping[str, Any],
    framework: Framework,
    note: Mapping[str, Any],
    inputs: Mapping[str, Any],
) -> dict[str, Array]:
    """What the probe `note["probe"]` observes, by name; what it found none of is left out.

    Raises NameError for a name that the notebook lacks, NotANumber, and what the learner's code raises.
    """
    random.seed(0)
    framework.seed()
    probe = getattr(probes, note["probe"])
    try:
        seen = probe(Learner(namespace), **{name: inputs[name] for name in note["args"]})
    except Lacks as missing:
        raise NameError(str(missing)) from None
    if not isinstance(seen, dict) or set(seen) != set(note["observes"]):
        told = sorted(map(str, seen)) if isinstance(seen, dict) else f"a {type(seen).__name__}"
        raise RuntimeError(f"the probe {note['probe']} observed {told}, not {sorted(note['observes'])}")
    return {name: numbers(framework, value) for name, value in seen.items() if value is not None}


def train(
    probes: ModuleType | None,
    namespace: Mapping[str, Any],
    framework: Framework,
    note: Mapping[str, Any],
    inputs: Mapping[str, Array],
    settings: Mapping[str, float],
) -> dict[str, Array]:
    """One training by the assignment's training.py: the arrays that a training returns (see TrainingCall)."""
    random.seed(0)
    framework.seed()
    trained = vars(probes)["train"](Learner(namespace), note["train"], inputs, settings)
    kinds = {"predictions": np.uint8, "curve": np.float32, "weights": np.float32}
    return {name: np.asarray(trained[name], kind) for name, kind in kinds.items() if name in trained}


def numbers(framework: Framework, value: object) -> Array:
    """A tensor, array, number or flat sequence of numbers, as floating. Raises NotANumber."""
    if isinstance(value, list | tuple):
        value = np.asarray([_entry(framework, item) for item in value], np.float64)
    array = framework.array(value)
    if array is None:
        raise NotANumber(f"a {type(value).__name__} is no number or array")
    array = numeric(array)
    return numeric(np.array(array, np.float64 if array.dtype.kind in "biu" else None))


def _entry(framework: Framework, item: object) -> float:
    array = framework.array(item)
    if array is None or array.size != 1:
        raise NotANumber(f"a {type(item).__name__} in a sequence of numbers")
    return float(array.item())
