"""Stand-ins for a learner's helpers during one call (worker side): functions that know a few answers."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from grader.types import Array

MISSING = object()


class StandInMismatch(LookupError):
    """A helper was called with other arguments than the exercise describes."""


def first(entry: Sequence[Any]) -> str:
    return str(entry[0])


def stand_in(
    original: object,
    name: str,
    entries: Sequence[Sequence[Any]],
    inputs: Mapping[str, Any],
    known: Mapping[str, Array],
    as_array: Callable[[object], Array | None],
) -> Callable[..., Any]:
    """A function that knows the answers to the calls in `entries` and refuses every other.

    An entry is [function, arguments (input names or numbers), input to return, symmetric]. `inputs` are the
    tensors of the case, `known` its arrays; `as_array` is the array of a tensor, None for what is none.
    """
    answers: list[tuple[list[Array], Any]] = []
    for _, arguments, returns, symmetric in entries:
        wanted = [known[a] if isinstance(a, str) else np.asarray(a) for a in arguments]
        orders = itertools.permutations(wanted) if symmetric else [wanted]
        answers += [(list(order), inputs[returns]) for order in orders]

    def look_up(values: Sequence[object]) -> Any:
        given = [as_array(value) for value in values]
        return next((returned for wanted, returned in answers if fits(given, wanted)), MISSING)

    def call(*args: object, **named: object) -> Any:
        values = (*args, *named.values())
        found = look_up(values)
        if found is MISSING:
            found = look_up(filled_in(original, args, named))
        if found is not MISSING:
            return found
        listed = ", ".join(map(render, map(as_array, values), values))
        raise StandInMismatch(f"{name} was called with ({listed}), not with what the exercise describes")

    call.__name__ = call.__qualname__ = name
    return call


def filled_in(original: object, args: Sequence[object], named: Mapping[str, object]) -> tuple[object, ...]:
    """The arguments in the order of the learner's own helper, with its defaults; none where they do not fit."""
    try:
        bound = inspect.signature(original).bind(*args, **named)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ()
    bound.apply_defaults()
    return tuple(bound.arguments.values())


def fits(given: Sequence[Array | None], wanted: Sequence[Array]) -> bool:
    """The wanted arguments come first; after them only flags and numbers, as a learner's own helper may take."""
    extra = given[len(wanted) :]
    if len(given) < len(wanted) or any(e is not None and e.ndim for e in extra):
        return False
    return all(map(same, given, wanted))


def same(given: Array | None, wanted: Array) -> bool:
    """Equal arrays of one shape; numbers may differ by rounding (0.1 as float32)."""
    if given is None or given.shape != wanted.shape:
        return False
    if wanted.ndim == 0 and given.dtype.kind in "fiub":
        return bool(np.isclose(float(given), float(wanted), rtol=1e-6, atol=0.0))
    return np.array_equal(given, wanted)


def render(array: Array | None, value: object) -> str:
    """An argument in a message: a number as it is, an array by its shape."""
    if array is None:
        return type(value).__name__
    return f"{array.item():g}" if array.ndim == 0 and array.dtype.kind in "fiu" else f"shape {list(array.shape)}"
