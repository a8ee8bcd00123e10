"""Notebook + assignment -> Program with a finding for every exercise, wherever its definition stands.

An exercise may be a function or class of its own name, of another name, a method of a class
(`definition: Distiller.train_step`), or, in a notebook that is one long script, some variables.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Set
from dataclasses import replace
from functools import lru_cache

from grader.blanks import has_blank, is_blank
from grader.extract import extract, whole
from grader.salvage import ParsedCell, read_cells
from grader.types import Assignment, Exercise, Finding, Found, Notebook, Place, Program

Function = ast.FunctionDef | ast.AsyncFunctionDef
Methods = dict[str, tuple[Place, bool]]  # name -> (place, still blank?)


def read_exercises(notebook: Notebook, assignment: Assignment, template: Notebook | None = None) -> Program:
    """The part of a notebook that the exercises of an assignment need. Never raises."""
    exercises = assignment.exercises
    bound = frozenset(name for e in exercises.values() for name in e.globals)
    classes = {e.root for e in exercises.values() if e.method}
    methods: dict[str, Methods] = {}
    if classes:
        notebook, methods = without_blank_methods(notebook, classes, template)
    roots = tuple(dict.fromkeys(e.root for e in exercises.values()))
    program = extract(notebook, roots, bound=bound, template=template)
    found = {e.name: finding_of(e, program.findings[e.root], methods.get(e.root, {})) for e in exercises.values()}
    script = [e for e in exercises.values() if e.variables and found[e.name].found == Found.MISSING]
    if script:
        everything, places = whole(notebook, [name for e in script for name in e.variables])
        stands = {e.name: [places[v] for v in e.variables if v in places] for e in script}
        found |= {name: Finding(Found.DEFINED, at[0], 1) for name, at in stands.items() if at}
        if any(stands.values()):
            program = replace(everything, remarks=program.remarks)
    return replace(program, findings=found, probes=assignment.probes)


def finding_of(exercise: Exercise, root: Finding, methods: Mapping[str, tuple[Place, bool]]) -> Finding:
    """The finding of an exercise that is a method of the class found as `root`, or all of it."""
    if root.found != Found.DEFINED or not methods:
        return root
    if exercise.method:
        # A class may do without: Keras 3 needs no train_step of one's own. Its behaviour decides.
        place, blank = methods.get(exercise.method, (root.place, False))
        return replace(root, found=Found.BLANK if blank else Found.DEFINED, place=place)
    if any(blank for _, blank in methods.values()):
        return replace(root, found=Found.BLANK)
    return root


def without_blank_methods(
    notebook: Notebook, classes: set[str], template: Notebook | None = None
) -> tuple[Notebook, dict[str, Methods]]:
    """The notebook with `raise NotImplementedError` in place of every method of these classes that is still blank.

    So a class of which some methods are written can be run. Lines keep their numbers. Also returns the
    methods of each class. `template` is the notebook as it was given out: see `is_blank`.
    """
    given = _given(template, frozenset(classes)) if template else {}
    methods: dict[str, Methods] = {}
    lines: dict[int | None, list[str]] = {}
    for name, (parsed, node) in _classes(notebook, classes).items():
        methods[name] = {}
        for method in _methods(node).values():
            blank = is_blank(method, given.get(name, {}).get(method.name))
            methods[name][method.name] = (Place(parsed.number, method.lineno), blank)
            if blank:
                _refuse(method, lines.setdefault(parsed.number, list(parsed.lines)))
    cells = (replace(c, source="\n".join(lines[c.number])) if c.number in lines else c for c in notebook.cells)
    return Notebook(tuple(cells)), methods


@lru_cache(maxsize=8)
def _given(template: Notebook, names: frozenset[str]) -> dict[str, dict[str, Function]]:
    """The methods of each class as it was given out; read once for a whole class of learners."""
    return {name: _methods(node) for name, (_, node) in _classes(template, names).items()}


def _classes(notebook: Notebook, names: Set[str]) -> dict[str, tuple[ParsedCell, ast.ClassDef]]:
    """The definition of each class that counts: with the fewest `?` (a cell with one never ran), then the last."""
    found: dict[str, tuple[ParsedCell, ast.ClassDef]] = {}
    for parsed in read_cells(notebook):
        for node in parsed.nodes:
            if isinstance(node, ast.ClassDef) and node.name in names:
                rival = found.get(node.name)
                if rival is None or _blanks(node) <= _blanks(rival[1]):
                    found[node.name] = parsed, node
    return found


def _blanks(node: ast.ClassDef) -> int:
    return sum(has_blank(child) for child in ast.iter_child_nodes(node))


def _methods(node: ast.ClassDef) -> dict[str, Function]:
    """By name; of two with one name the last, as in Python."""
    return {child.name: child for child in node.body if isinstance(child, Function)}


def _refuse(method: Function, lines: list[str]) -> None:
    """Replace a method's body in `lines`, from its first statement on."""
    first, last = method.body[0], method.end_lineno or method.lineno
    at = first.lineno - 1
    before = lines[at].encode()[: first.col_offset].decode()  # ast counts columns in UTF-8 bytes
    start = min([at, *(one.lineno - 1 for one in getattr(first, "decorator_list", ()))])
    lines[start:last] = [before + "raise NotImplementedError", *[""] * (last - start - 1)]
