"""What spec.yaml tells learners about an exercise: the names of its axes, and its formula line by line.

No verdict depends on it. The formula is the notebook's own, in words and symbols; never the code of an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from grader.types import Exercise, FormulaLine
from grader.yamlfile import Node, entries, fault, fields, items, sentence, suggest, text

Shape = tuple[int, ...]
RETURNS = "returns"  # stands for what the function gives back
LONGEST = 100  # characters of a line of a formula, which terminals show as it is


def load_formula(node: Node) -> tuple[FormulaLine, ...]:
    """`formula:`, a list of `{line: "p = softmax(l / T)", means: {en: ..., ko: ...}}`."""
    found = items(node)
    if isinstance(node.value, list) and not found:
        fault(node, "must have at least one line; remove it where there is none")
    return tuple(_load_line(item) for item in found)


def _load_line(node: Node) -> FormulaLine:
    given = fields(node, ("line", "means"))
    line = text(given["line"]) if "line" in given else ""
    if "\n" in line or len(line) > LONGEST:
        fault(given["line"], f"must be one line of at most {LONGEST} characters; make two of it")
    return FormulaLine(line, sentence(given["means"]) if "means" in given else {})


def load_axes(
    node: Node, exercise: Exercise, shapes: Mapping[str, Mapping[str, Shape | None]]
) -> dict[str, tuple[str, ...]]:
    """`axes:`, such as `{l_t: [B, C], returns: [B, B]}`; `shapes` are those of the inputs of each case.

    One name stands for one length in every case.
    """
    known = tuple(_nameable(exercise))
    found = {}
    for name, item in entries(node).items():
        if name not in known:
            fault(item, f"has no axes to name{suggest(name, known)}")
            continue
        found[name] = tuple(_load_axis(axis) for axis in items(item))
        for case, inputs in shapes.items():
            shape = inputs.get(name)
            if shape is not None and len(shape) != len(found[name]):
                fault(item, f"names {len(found[name])} axes, but in case {case} there are {len(shape)}")
    for case, inputs in shapes.items():
        _check_lengths(node, case, inputs, found)
    return found


def _nameable(exercise: Exercise) -> Iterator[str]:
    if not exercise.probes:
        yield from (*exercise.args, *exercise.globals, RETURNS)
    for probe in exercise.probes.values():
        yield from (*probe.inputs, *probe.observes)


def _load_axis(node: Node) -> str:
    if not isinstance(node.value, str) or not node.value.isidentifier():
        fault(node, f"must be a short name such as B, not {node.value!r}")
        return ""
    return node.value


def _check_lengths(
    node: Node, case: str, inputs: Mapping[str, Shape | None], axes: Mapping[str, tuple[str, ...]]
) -> None:
    lengths: dict[str, int] = {}
    for name, own in axes.items():
        shape = inputs.get(name)
        for axis, length in zip(own, shape or (), strict=False):  # another count is a fault of its own
            if lengths.setdefault(axis, length) != length:
                told = f"{axis} is {lengths[axis]} and {length} in case {case}; use two names"
                fault(node, told)
