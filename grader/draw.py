"""spec + secret -> the arrays of every case.

Each array depends only on who may know it (everybody, or the holder of the secret) and on its own
name: assignment, exercise, case, input. So a new case changes no other, and the public cases are the
same everywhere.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator

from grader.recipes import COTANGENT, recipe_name
from grader.types import Array, Assignment, Case, CaseSpec, Exercise

_ATTEMPTS = 1000

Inputs = dict[str, Array | float]


def draw_cases(assignment: Assignment, secret: bytes) -> tuple[Case, ...]:
    """Every case of the assignment, in the order of spec.yaml. Arrays are float32 and read-only."""
    return tuple(
        case for exercise in assignment.exercises.values() for case in _draw_exercise(assignment, exercise, secret)
    )


def generator(secret: bytes | None, *names: str) -> Generator:
    """The random numbers that belong to these names: PCG64 seeded by SHA-256. No secret: public."""
    digest = hashlib.sha256()
    owner = b"public" if secret is None else b"secret " + secret
    for part in (owner, *(name.encode() for name in names)):
        digest.update(len(part).to_bytes(8, "big") + part)  # so that ("ab", "c") is not ("a", "bc")
    return Generator(PCG64(int.from_bytes(digest.digest(), "big")))


def _draw_exercise(assignment: Assignment, exercise: Exercise, secret: bytes) -> list[Case]:
    cases: dict[str, Case] = {}
    symmetric = {name: other.symmetric for name, other in assignment.exercises.items()}
    for spec in exercise.cases:
        names = (assignment.slug, exercise.name, spec.name)
        owner = None if spec.public else secret
        inputs = _draw_inputs(spec, cases[spec.like].inputs if spec.like else {}, owner, names)
        cotangent = None
        if exercise.returns == "array" and spec.gradient and not spec.probe:
            inputs[COTANGENT] = _draw_cotangent(inputs[exercise.args[0]], generator(owner, *names, COTANGENT))
            cotangent = COTANGENT
        cases[spec.name] = Case(
            exercise=exercise.name,
            name=spec.name,
            kind=spec.kind,
            public=spec.public,
            inputs=inputs,
            gradient=spec.gradient,
            cotangent=cotangent,
            stand_ins=tuple(
                replace(stand_in, symmetric=symmetric[stand_in.function]) for stand_in in spec.stand_ins
            ),
            probe=spec.probe,
            observes=tuple(exercise.probes[spec.probe].observes) if spec.probe else (),
        )
    return list(cases.values())


def _draw_inputs(
    spec: CaseSpec, base: Mapping[str, Array | float], secret: bytes | None, names: tuple[str, ...]
) -> Inputs:
    inputs: Inputs = {name: value for name, value in base.items() if name != COTANGENT}
    for name, recipe in spec.inputs.items():
        if not isinstance(recipe, Mapping):
            inputs[name] = float(recipe)
        elif "permute" in recipe:
            inputs[name] = _frozen(_permuted(np.asarray(inputs[name])))
        elif "times" in recipe:
            inputs[name] = _frozen(np.asarray(inputs[name]) * float(recipe["times"]))
        else:
            inputs[name] = draw_array(recipe, generator(secret, *names, name))
    return inputs


def draw_array(recipe: Mapping[str, Any], random: Generator) -> Array:
    """One float32 array by a recipe of spec.yaml that has been checked."""
    name = recipe_name(recipe)
    if name == "normal":
        array = random.normal(recipe.get("shift", 0.0), recipe.get("scale", 1.0), recipe["normal"])
    elif name == "grid":
        array = _draw_grid(recipe, random)
    elif name == "onehot":
        rows, classes = recipe["onehot"]
        array = np.eye(classes)[random.integers(classes, size=rows)]
    elif name == "softmax":
        array = _softmax(random.normal(0.0, recipe.get("scale", 1.0), recipe["softmax"]))
    elif name == "uniform":
        array = random.uniform(recipe["low"], recipe["high"], recipe["uniform"])
    elif name == "distances":
        array = _draw_distances(recipe["distances"], recipe["low"], recipe["high"], random)
    else:
        raise ValueError(f"no such recipe: {recipe}")
    if "zero_row" in recipe:
        array[recipe["zero_row"]] = 0.0
    return _frozen(array)


def _draw_grid(recipe: Mapping[str, Any], random: Generator) -> Array:
    """Multiples of `step` within `limit`; no two rows alike but those of `equal_rows`."""
    most = round(recipe["limit"] / recipe["step"])
    for _ in range(_ATTEMPTS):
        steps = random.integers(-most, most, size=recipe["grid"], endpoint=True)
        array: Array = steps * float(recipe["step"])
        if "times_row" in recipe:
            row, factor = recipe["times_row"]
            array[row] *= factor
        if len(np.unique(array, axis=0)) == len(array):
            break
    else:
        raise ValueError(f"no grid with different rows in {_ATTEMPTS} attempts: {recipe}")
    if "equal_rows" in recipe:
        source, target = recipe["equal_rows"]
        array[target] = array[source]
    return array


def _softmax(logits: Array) -> Array:
    """Rows of positive multiples of 2**-20 that sum to exactly 1, in float32 and in any order."""
    unit = 2.0**-20
    exponential = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = exponential / exponential.sum(axis=1, keepdims=True)
    counts: Array = np.maximum(np.round(shares / unit), 1.0)
    rest = 1 / unit - counts.sum(axis=1)
    counts[np.arange(len(counts)), counts.argmax(axis=1)] += rest
    return counts * unit


def _draw_distances(side: int, low: float, high: float, random: Generator) -> Array:
    """A symmetric matrix with zeros on its diagonal and multiples of 1/4 elsewhere: exact in float32."""
    lowest, highest = math.ceil(low * 4), math.floor(high * 4)
    quarters = random.integers(lowest, highest, size=(side, side), endpoint=True)
    upper: Array = np.triu(quarters / 4.0, k=1)
    return upper + upper.T


def _draw_cotangent(first: Array | float, random: Generator) -> Array:
    """Normal weights for an output of shape [B, B], B being the rows of the first argument."""
    rows = np.asarray(first).shape[0]
    return _frozen(random.normal(size=(rows, rows)))


def _permuted(array: Array) -> Array:
    """Rows 1, 3, 5, ..., then 0, 2, 4, ...: not a rotation, and never the identity for two rows or more."""
    rows = np.arange(len(array))
    permuted: Array = array[np.concatenate([rows[1::2], rows[0::2]])]
    return permuted


def _frozen(array: Any) -> Array:
    result = np.array(array, dtype=np.float32)
    result.flags.writeable = False
    return result
