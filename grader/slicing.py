"""Takes along what the exercises need, transitively, and turns it into chunks of source.

Data loading, training and plotting are needed by no loss function, so they simply stay behind; where
a needed name is bound by such a call, the statement is left out and a remark says so.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from grader.blanks import has_blank
from grader.names import Touched, heavy_call, needs, touched
from grader.salvage import ParsedCell
from grader.types import Chunk, Place, Remark

MAX_UNITS = 2000  # statements taken along
MAX_SOURCE = 8 * 2**20  # characters in all chunks, padding included
KNOWN_LIBRARIES = frozenset({
    "tensorflow", "keras", "tf_keras", "torch", "torchvision", "numpy", "scipy", "math", "functools",
    "itertools", "collections", "typing", "random", "operator",
})  # fmt: skip
BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}


@dataclass(frozen=True, eq=False)
class Unit:
    """One statement that runs on its own, at its place in the notebook."""

    cell: ParsedCell
    node: ast.stmt
    names: Touched

    @property
    def place(self) -> Place:
        """Where the statement begins; for a function its `def`."""
        return Place(self.cell.number, self.node.lineno)


@dataclass
class Slice:
    """What has been decided so far: statements with the names wanted from each, and remarks."""

    units: dict[Unit, set[str]] = field(default_factory=dict)
    refused: set[Unit] = field(default_factory=set)
    remarks: list[Remark] = field(default_factory=list)
    full: bool = False


def units_of(cell: ParsedCell, node: ast.stmt) -> Iterator[Unit]:
    """The statement itself; or the parts of an `if`, `with` or `try` that would also train or load."""
    if isinstance(node, ast.If | ast.With | ast.Try) and heavy_call(node):
        for child in node.body:
            yield from units_of(cell, child)
    else:
        yield Unit(cell, node, touched(node))


def slice_units(
    units: Sequence[Unit], roots: Iterable[tuple[str, Unit]], provided: frozenset[str]
) -> tuple[dict[Unit, frozenset[str]], list[Remark]]:
    """The roots (name, statement) and all that they need, in notebook order, with the names wanted.

    Names in `provided` come from elsewhere and are never looked for.
    """
    touching: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        for name in unit.names.binds | unit.names.changes:
            touching[name].append(unit)
    made = Slice()
    todo = [name for root, unit in roots for name in _take(made, unit, root)]
    seen = set(provided)
    unresolved = False
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        unresolved |= name not in touching and name not in BUILTINS
        for unit in touching.get(name, ()):
            todo.extend(_take(made, unit, name))
    if unresolved:
        _take_star_imports(made, touching.get("*", ()))
    return {unit: frozenset(made.units[unit]) for unit in units if unit in made.units}, made.remarks


def _take(made: Slice, unit: Unit, name: str) -> list[str]:
    """Take a statement along for `name`; the names that it needs in its turn."""
    if unit in made.units:
        made.units[unit].add(name)
        return []
    if unit in made.refused:
        return []
    made.refused.add(unit)  # unless it turns out to be fit
    if len(made.units) >= MAX_UNITS:
        if not made.full:
            made.remarks.append(Remark("too_large", unit.place, name))
        made.full = True
    elif heavy_call(unit.node) is not None:
        made.remarks.append(Remark("left_out", unit.place, name))
    elif not has_blank(unit.node):
        with contextlib.suppress(SyntaxError):  # what the compiler rejects cannot run in the notebook either
            needed = needs(source_of(unit)[1])
            made.units[unit] = {name}
            return sorted(needed)
    return []


def _take_star_imports(made: Slice, units: Iterable[Unit]) -> None:
    for unit in units:
        module = unit.node.module or "" if isinstance(unit.node, ast.ImportFrom) else ""
        if module.partition(".")[0] in KNOWN_LIBRARIES:
            _take(made, unit, "*")
        else:
            made.remarks.append(Remark("left_out", unit.place, f"{module}.*"))


# ---------------------------------------------------------------- source text


def chunks_of(chosen: dict[Unit, frozenset[str]]) -> tuple[Chunk, ...]:
    """One chunk for each statement, padded so that its line numbers are the cell's."""
    chunks: list[Chunk] = []
    total = 0
    for unit, names in chosen.items():
        first, text = source_of(unit)
        text = _narrowed(unit.node, names) or text
        total += first + len(text)
        if total > MAX_SOURCE:
            break
        chunks.append(Chunk("\n" * (first - 1) + text, unit.cell.number))
    return tuple(chunks)


def source_of(unit: Unit) -> tuple[int, str]:
    """(line of the cell where the text begins, text) of a statement with its decorators."""
    node = unit.node
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    lines = list(unit.cell.lines[first - 1 : node.end_lineno])
    lines[-1] = lines[-1].encode()[: node.end_col_offset].decode()  # ast counts columns in UTF-8 bytes
    before = lines[0].encode()[: node.col_offset].decode()
    if before.strip():  # after a semicolon, or behind `if x:` on the same line
        lines[0] = lines[0][len(before) :]
    elif before:  # indented: a part of another statement
        return first - 1, "if True:\n" + "\n".join(lines)
    return first, "\n".join(lines)


def _narrowed(node: ast.stmt, names: frozenset[str]) -> str | None:
    """An import of several names, cut down to the wanted ones: the others may not be installed."""
    if not isinstance(node, ast.Import | ast.ImportFrom) or len(node.names) == 1:
        return None
    kept = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in names]
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(names=kept))
    return ast.unparse(ast.ImportFrom(module=node.module, names=kept, level=node.level))
