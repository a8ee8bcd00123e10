"""How an author may describe a drawn input: `{normal: [8, 10], scale: 3}`. Checking only; see draw.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from grader.yamlfile import Node, child, fault, fields, flag, integer, items, number, suggest

OPTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "normal": ("scale", "shift", "zero_row"),
        "grid": ("step", "limit", "times_row", "equal_rows", "zero_row"),
        "onehot": (),
        "softmax": ("scale",),
        "uniform": ("low", "high"),
        "distances": ("low", "high"),
    }
)
NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"grid": ("step", "limit"), "uniform": ("low", "high"), "distances": ("low", "high")}
)
COTANGENT = "cotangent"  # reserved: the input that weights an array's entries when its gradient is taken
CHANGES = ("permute", "times")  # what a case that is `like` another may do to an input
LARGEST = 4_000_000  # entries in one input
SMALLEST, LARGEST_NUMBER = 1e-9, 1e9  # what a recipe may scale by: float32 stays finite

Shape = tuple[int, ...]


def recipe_name(recipe: Any) -> str | None:
    """Which recipe or change a value from spec.yaml names; None for a plain number or anything else."""
    if not isinstance(recipe, dict):
        return None
    return next((name for name in (*OPTIONS, *CHANGES) if name in recipe), None)


def check_input(node: Node, base: Shape | None) -> Shape | None:
    """Check one input of a case; note its faults. Returns the array's shape, None for a plain number.

    `base` is the shape of the same input in the case that this one is `like`, None if there is none.
    """
    name = recipe_name(node.value)
    if not isinstance(node.value, dict):
        number(node)
        return None
    if name is None:
        word = next(iter(node.value), "")
        fault(node, f"unknown recipe {word!r}{suggest(word, (*OPTIONS, *CHANGES))}")
        return ()
    if name in CHANGES:
        return _check_change(node, name, base)
    needed = (name, *NEEDED.get(name, ()))
    given = fields(node, needed, [option for option in OPTIONS[name] if option not in needed])
    shape = _side(given[name]) if name == "distances" else _shape(given[name], name)
    for option, value in given.items():
        if option in _CHECKS:
            _CHECKS[option](value, shape)
    if {"low", "high"} <= given.keys() and _number(given["low"]) >= _number(given["high"]):
        fault(node, "low must be less than high")
    if name == "distances" and not _has_quarter(_number(given.get("low")), _number(given.get("high"))):
        fault(node, "no multiple of 1/4 lies between low and high; widen them")
    if name == "grid":
        _check_grid(node, given, shape)
    return shape


def _check_change(node: Node, name: str, base: Shape | None) -> Shape | None:
    given = fields(node, (name,))
    if base is None:
        fault(node, f"{name!r} changes an array of the case named by `like`; there is none of this name")
    elif name == "times":
        if number(given[name], -LARGEST_NUMBER, LARGEST_NUMBER) == 0:
            fault(given[name], "must not be 0; use a recipe with zero_row for that")
    elif not flag(given[name]):
        fault(given[name], "leave the input out instead: then it is the same as in the other case")
    elif not base or base[0] < 2:
        fault(node, "a batch of one cannot be permuted; choose a case with two rows or more")
    return base


def _shape(node: Node, name: str) -> Shape:
    shape = tuple(integer(item, 1) for item in items(node))
    if math.prod(shape) > LARGEST:
        fault(node, f"has {math.prod(shape)} entries; at most {LARGEST} are allowed")
    if name in ("onehot", "softmax", "grid") and len(shape) != 2:
        if isinstance(node.value, list):
            fault(node, f"{name} needs a shape of two dimensions, [rows, columns]")
        return (1, 1)
    return shape


def _side(node: Node) -> Shape:
    side = integer(node, 1, math.isqrt(LARGEST))
    return (side, side)


def _check_row(node: Node, shape: Shape) -> None:
    if not shape:
        fault(node, "the input has no rows")
    else:
        integer(node, 0, shape[0] - 1)


def _check_times_row(node: Node, shape: Shape) -> None:
    pair = items(node)
    if len(pair) != 2:
        fault(node, "must be [row, factor]")
        return
    _check_row(pair[0], shape)
    _check_any(pair[1], shape)


def _check_equal_rows(node: Node, shape: Shape) -> None:
    pair = items(node)
    if len(pair) != 2 or pair[0].value == pair[1].value:
        fault(node, "must be two different rows, [i, j]; row i is copied onto row j")
    for item in pair:
        _check_row(item, shape)


def _check_grid(node: Node, given: dict[str, Node], shape: Shape) -> None:
    """Rows must be able to differ: two equal rows by accident would have a distance of zero."""
    if not {"step", "limit"} <= given.keys():
        return
    step, limit = _number(given["step"]), _number(given["limit"])
    if not (SMALLEST <= step <= LARGEST_NUMBER and 0 < limit <= LARGEST_NUMBER):
        return
    if not math.isclose(round(limit / step) * step, limit):
        fault(child(node, "limit", limit), f"must be a multiple of step ({step:g})")
    elif (2 * round(limit / step) + 1) ** min(shape[1], 64) < 2 * shape[0]:
        fault(node, "too few different rows can be drawn; lower step or raise limit")


def _number(node: Node | None) -> float:
    """The number in a node that has been checked elsewhere; NaN if it is none."""
    value = node.value if node is not None else None
    return float(value) if isinstance(value, int | float) else math.nan


def _has_quarter(low: float, high: float) -> bool:
    return not (math.isfinite(low) and math.isfinite(high)) or math.ceil(low * 4) <= math.floor(high * 4)


def _check_any(node: Node, shape: Shape) -> None:
    number(node, -LARGEST_NUMBER, LARGEST_NUMBER)


def _check_positive(node: Node, shape: Shape) -> None:
    number(node, SMALLEST, LARGEST_NUMBER)


_CHECKS: Mapping[str, Callable[[Node, Shape], None]] = MappingProxyType(
    {
        "scale": _check_positive,
        "shift": _check_any,
        "step": _check_positive,
        "limit": _check_positive,
        "low": _check_any,
        "high": _check_any,
        "zero_row": _check_row,
        "times_row": _check_times_row,
        "equal_rows": _check_equal_rows,
    }
)
