"""Notebook -> Program: the exercises' functions and what they need, found by name in the syntax tree.

Cell numbers, metadata and outputs play no part. What no exercise needs (data, training, plots) is
left in the notebook and never run.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from grader.blanks import Function, has_blank, is_blank
from grader.cleaning import BLANK
from grader.names import needs, touched
from grader.salvage import Failure, ParsedCell, read_cells
from grader.slicing import MAX_UNITS, Unit, chunks_of, slice_units, source_of, units_of
from grader.types import Finding, Found, Notebook, Place, Program, Remark

MAX_REMARKS = 100  # more than anybody reads
MAX_NAMES = 400  # function names looked through for a similar one
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPE = (*FUNCTION, ast.ClassDef)


@dataclass(frozen=True, eq=False)
class Definition:
    """Something that makes an exercise's name callable."""

    unit: Unit
    place: Place
    value: ast.AST  # the function, class, lambda or expression
    blank: bool
    failure: Failure | None  # rejected by the compiler although it parses


def extract(
    notebook: Notebook,
    exercises: Sequence[str],
    *,
    bound: frozenset[str] = frozenset(),
    template: Notebook | None = None,
) -> Program:
    """Find every exercise and slice out what the found ones need, in notebook order.

    `bound` are names that the grader provides; they are never taken from the notebook. `template` is
    the notebook as it was given out: functions equal to its blanks count as not attempted. Never raises.
    """
    cells = read_cells(notebook)
    units = [unit for cell in cells for node in cell.nodes for unit in units_of(cell, node)]
    functions = {unit.node.name: unit.node for unit in units if isinstance(unit.node, FUNCTION)}
    given = _functions(template) if template is not None else {}
    remarks = [remark for cell in cells for remark in _cell_remarks(cell)]
    findings: dict[str, Finding] = {}
    roots: list[tuple[str, Unit]] = []
    for name in exercises:
        definitions = _definitions(name, units, functions, given.get(name))
        sound = [one for one in definitions if not one.blank and one.failure is None]
        if sound:
            findings[name] = Finding(Found.DEFINED, sound[-1].place, len(sound))
            roots.extend((name, unit) for unit in _needed(name, sound))
        else:
            known = {*exercises, *given}
            missing = _missing(name, units, given.get(name), known)
            findings[name] = _unusable(name, definitions, cells) or missing
        if len(sound) > 1:
            remarks.append(Remark("several_definitions", sound[-1].place, str(len(sound))))
    chosen, left_out = slice_units(units, roots, bound | frozenset(exercises))
    chunks = chunks_of(chosen)
    used = {chunk.cell for chunk in chunks}
    texts = {cell.number: "\n".join(cell.lines) for cell in cells if cell.number in used}
    if len(chunks) < len(chosen):
        left_out.append(Remark("too_large", [*chosen][len(chunks)].place))
    return Program(chunks, findings, texts, tuple(dict.fromkeys([*remarks, *left_out]))[:MAX_REMARKS])


def whole(notebook: Notebook, names: Sequence[str]) -> tuple[Program, dict[str, Place]]:
    """Every statement of a notebook that is one script, and where each of `names` is bound last. No findings."""
    cells = read_cells(notebook)
    units = [Unit(cell, node, touched(node)) for cell in cells for node in cell.nodes]
    sound = {
        unit: frozenset(unit.names.binds) for unit in units if not has_blank(unit.node) and not _failure(unit)
    }
    places = {name: unit.place for unit in sound for name in names if name in unit.names.binds}
    texts = {cell.number: "\n".join(cell.lines) for cell in cells}
    return Program(chunks_of(dict(list(sound.items())[:MAX_UNITS])), {}, texts), places


# ---------------------------------------------------------------- definitions


def _definitions(
    name: str, units: Sequence[Unit], functions: Mapping[str, Function], template: Function | None
) -> list[Definition]:
    found = []
    blank: dict[int, bool] = {}  # hostile notebooks alias one long function thousands of times
    for unit in units:
        if name not in unit.names.binds:
            continue
        defining = list(_defining(name, unit.node))
        failure = _failure(unit) if any(isinstance(value, SCOPE) for _, value in defining) else None
        for node, value in defining:
            # `kd = my_kd` is blank when my_kd is
            behind = functions.get(value.id, value) if isinstance(value, ast.Name) else value
            if id(behind) not in blank:
                blank[id(behind)] = is_blank(behind, template)
            place = Place(unit.cell.number, node.lineno)
            found.append(Definition(unit, place, value, blank[id(behind)], failure))
    return found


def _defining(name: str, statement: ast.stmt) -> Iterator[tuple[ast.stmt, ast.AST]]:
    """(statement, value) of every definition of `name`, not inside functions or classes."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if node.name == name:
                    yield node, node
                continue
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                if any((alias.asname or alias.name) == name for alias in names):
                    yield node, node
            case ast.Assign(targets=targets, value=value) if _makes_function(name, value):
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    yield node, value
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value):
                if target == name and _makes_function(name, value):
                    yield node, value
        stack.extend(reversed(list(_statements_in(node))))


def _statements_in(node: ast.AST) -> Iterator[ast.AST]:
    kinds = ast.stmt | ast.ExceptHandler | ast.match_case
    return (child for child in ast.iter_child_nodes(node) if isinstance(child, kinds))


def _makes_function(name: str, value: ast.expr) -> bool:
    """`f = g`, a lambda, `f = tf.function(f)`; but `f = f(x)` is a result stored under the same name."""
    if isinstance(value, ast.Call):
        return not (isinstance(value.func, ast.Name) and value.func.id == name)
    return isinstance(value, ast.Lambda | ast.Name | ast.Attribute)


def _failure(unit: Unit) -> Failure | None:
    """What the compiler rejects after parsing, such as two arguments of one name."""
    first, source = source_of(unit)
    try:
        needs(source)
    except SyntaxError as error:
        return Failure(first - 1 + (error.lineno or 1), error.msg)
    return None


def _needed(name: str, sound: Sequence[Definition]) -> Iterator[Unit]:
    """The winner, after the definitions that it wraps: `f = tf.function(f)`."""
    winner = sound[-1]
    wraps = not isinstance(winner.value, (*SCOPE, ast.Lambda)) and _failure(winner.unit) is None
    if wraps and name in needs(source_of(winner.unit)[1]):
        yield from (one.unit for one in sound[:-1])
    yield winner.unit


@lru_cache(maxsize=8)
def _functions(notebook: Notebook) -> dict[str, Function]:
    nodes = (node for cell in read_cells(notebook) for node in cell.nodes)
    return {node.name: node for node in nodes if isinstance(node, FUNCTION)}


# ---------------------------------------------------------------- what is not defined


def _unusable(name: str, definitions: Sequence[Definition], cells: Sequence[ParsedCell]) -> Finding | None:
    """BROKEN where the learner wrote something that Python rejects, BLANK where nothing was written."""
    header = re.compile(rf"^[ \t]*+(?:(?:async[ \t]++)?def|class)[ \t]++{re.escape(name)}\b", re.MULTILINE)
    blank = [one.place for one in definitions if one.blank]
    broken = [(one.place, one.failure) for one in definitions if one.failure is not None]
    for cell in cells:
        for piece in cell.broken:
            if piece.failure is None or (found := header.search(piece.text)) is None:
                continue
            place = Place(cell.number, piece.start + piece.text.count("\n", 0, found.end()))
            if BLANK in piece.text:
                blank.append(place)
            else:
                broken.append((place, piece.failure))
    if broken:
        place, failure = broken[-1]
        return Finding(Found.BROKEN, place, detail=f"line {failure.line}: {failure.message}")
    return Finding(Found.BLANK, blank[-1]) if blank else None


def _missing(name: str, units: Iterable[Unit], template: Function | None, known: set[str]) -> Finding:
    """MISSING with the function that may have been meant; the `known` ones have a purpose of their own."""
    functions = [found for unit in units for found in _all_functions(unit)]
    for qualified, node, place in functions:
        if node.name == name:
            return Finding(Found.MISSING, place, nearest=qualified, detail="nested")
    outer = {name: (node, place) for name, node, place in functions if "." not in name and name not in known}
    similar = difflib.get_close_matches(name, [other for other in outer if len(other) < 100][:MAX_NAMES], n=1)
    wanted = [argument.arg for argument in template.args.args] if template is not None else None
    similar += [other for other, (node, _) in outer.items() if [a.arg for a in node.args.args] == wanted]
    if similar:
        return Finding(Found.MISSING, outer[similar[0]][1], nearest=similar[0])
    return Finding(Found.MISSING)


def _all_functions(unit: Unit) -> Iterator[tuple[str, Function, Place]]:
    """Every function in a statement with its qualified name, `Model.loss`."""
    stack: list[tuple[str, ast.AST]] = [("", unit.node)]
    while stack:
        prefix, node = stack.pop()
        if isinstance(node, FUNCTION):
            yield prefix + node.name, node, Place(unit.cell.number, node.lineno)
        if isinstance(node, SCOPE):
            prefix = f"{prefix}{node.name}."[-200:]
        stack.extend((prefix, child) for child in _statements_in(node))


def _cell_remarks(cell: ParsedCell) -> Iterator[Remark]:
    if cell.failure is not None:
        yield Remark("cell_unparseable", Place(cell.number, cell.failure.line), cell.failure.message)
    if cell.python2 is not None:
        yield Remark("python2_print", Place(cell.number, cell.python2))
