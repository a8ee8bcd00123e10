"""The `stand_ins:` of a case in spec.yaml: what a helper returns in place of its own result. Checking only."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from grader.types import StandIn
from grader.yamlfile import Node, choice, fault, fields, items, number


def load_stand_ins(
    node: Node,
    uses: Collection[str],
    args: Mapping[str, tuple[str, ...]],
    inputs: Collection[str],
) -> tuple[StandIn, ...]:
    """The stand-ins of one case, each for one of the exercises that it uses; `args` are those of all exercises."""
    found = []
    for item in items(node):
        given = fields(item, ("function", "args", "returns"))
        if len(given) < 3:
            continue
        function = choice(given["function"], uses)
        found.append(
            StandIn(
                function=function,
                args=tuple(_argument(arg, inputs) for arg in items(given["args"])),
                returns=choice(given["returns"], inputs),
            )
        )
        count = len(args.get(function, ()))
        if count != len(found[-1].args):
            fault(given["args"], f"{function} takes {count} arguments, not {len(found[-1].args)}")
    return tuple(found)


def _argument(node: Node, inputs: Collection[str]) -> str | float:
    return choice(node, inputs) if isinstance(node.value, str) else number(node)


def plain_stand_ins(node: Node | None) -> list[dict[str, str]]:
    """The stand-ins that are at least well formed."""
    value = node.value if node is not None and isinstance(node.value, list) else []
    return [item for item in value if isinstance(item, dict) and isinstance(item.get("returns"), str)]
