"""Schedules cut short without touching the learner's text: loops over epochs and steps end early. Kernel's side.

`for epoch in range(num_epochs)` is compiled as if it ran over the first epoch only. The number itself stays what
it is, so that a decay computed from it stays right.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from grader.execute.inside.telling import Telling

EPOCHS = re.compile(r"(?:(?:max|num|n|total|nb|no)_?)?(?:of_)?epochs?(?:_\w+)?|ep|\w+_epochs?", re.IGNORECASE)
STEPS = re.compile(
    r"(?:(?:max|num|n|total|nb)_)?(?:steps?|iters?|iterations?)(?:_per_epoch)?|n_iter|train_steps|steps_\w+",
    re.IGNORECASE,
)
MOST_EPOCHS, MOST_STEPS = 1, 1
NAME = "__shortened__"


class Shorten(ast.NodeTransformer):
    """Puts a call round what a loop over epochs or steps runs over. Places stay what they are."""

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        kind = kind_of(node)
        if kind:
            call = ast.Call(ast.Name(NAME, ast.Load()), [node.iter, ast.Constant(kind)], [])
            node.iter = ast.fix_missing_locations(ast.copy_location(call, node.iter))
        return node


def kind_of(node: ast.For) -> str:
    """What the loop counts, "epochs" or "steps", by its variable or by what `range` is given; "" for neither."""
    counted = _range(node.iter)
    if counted is None:
        return ""
    names = [n.id for n in ast.walk(counted) if isinstance(n, ast.Name)]
    names += [n.attr for n in ast.walk(counted) if isinstance(n, ast.Attribute)]
    variable = node.target.id if isinstance(node.target, ast.Name) else ""
    for kind, pattern in (("epochs", EPOCHS), ("steps", STEPS)):
        if pattern.fullmatch(variable) or any(pattern.fullmatch(name) for name in names):
            return kind
    return ""


def _range(node: ast.expr) -> ast.Call | None:
    """`range(...)`, also inside of tqdm(...) and its kind."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in ("range", "trange"):
            return node
        if node.args:
            return _range(node.args[0])
    return None


def install(shell: Any, telling: Telling) -> None:
    """From the next cell on, loops are cut short."""

    def shortened(values: Iterable[Any], kind: str) -> Iterator[Any]:
        most = MOST_EPOCHS if kind == "epochs" else MOST_STEPS
        found = iter(values)
        yield from itertools.islice(found, most)
        rest = sum(1 for _ in itertools.islice(found, 1)) if not isinstance(values, range) else len(values) - most
        if rest > 0:
            count = len(values) if isinstance(values, range) else "more"
            telling.substitution(kind, f"for ... in range: {count} -> {most}")

    setattr(builtins, NAME, shortened)
    shell.ast_transformers.append(Shorten())
