"""Notebook + assignment -> Program with a finding for every exercise, wherever its definition stands.

An exercise may be a function or class of its own name, of another name, a method of a class
(`definition: Distiller.train_step`), or, in a notebook that is one long script, some variables.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

from grader.blanks import is_blank
from grader.extract import extract, whole
from grader.salvage import ParsedCell, read_cells
from grader.types import Assignment, Cell, Exercise, Finding, Found, Notebook, Place, Program

Function = ast.FunctionDef | ast.AsyncFunctionDef
Methods = dict[str, tuple[Place, bool]]  # name -> (place, still blank?)


def read_exercises(notebook: Notebook, assignment: Assignment, template: Notebook | None = None) -> Program:
    """The part of a notebook that the exercises of an assignment need. Never raises."""
    exercises = assignment.exercises
    bound = frozenset(name for e in exercises.values() for name in e.globals)
    classes = {e.root for e in exercises.values() if e.method}
    methods: dict[str, Methods] = {}
    if classes:
        notebook, methods = without_blank_methods(notebook, classes)
        template = without_blank_methods(template, classes)[0] if template else None
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


def without_blank_methods(notebook: Notebook, classes: set[str]) -> tuple[Notebook, dict[str, Methods]]:
    """The notebook with `raise NotImplementedError` in place of every method of these classes that is still blank.

    So a class of which some methods are written can be run. Lines keep their numbers. Also returns the
    methods of each class, the last definition of it.
    """
    methods: dict[str, Methods] = {}
    cells = {cell.number: cell for cell in notebook.cells}
    for parsed in read_cells(notebook):
        lines = list(parsed.lines)
        changed = False
        for node in _classes(parsed, classes):
            methods[node.name] = {}
            for method in (child for child in node.body if isinstance(child, Function)):
                blank = is_blank(method, None)
                methods[node.name][method.name] = (Place(parsed.number, method.lineno), blank)
                if blank:
                    _refuse(method, lines)
                    changed = True
        if changed:
            cells[parsed.number] = Cell(parsed.number, "\n".join(lines))
    return Notebook(tuple(cells.values())), methods


def _classes(parsed: ParsedCell, names: set[str]) -> Iterator[ast.ClassDef]:
    return (node for node in parsed.nodes if isinstance(node, ast.ClassDef) and node.name in names)


def _refuse(method: Function, lines: list[str]) -> None:
    """Replace a method's body in `lines`."""
    first, last = method.body[0], method.end_lineno or method.lineno
    start = first.lineno - 1
    if start == method.lineno - 1:  # `def f(self): ?`
        before = lines[start].encode()[: first.col_offset].decode()
        lines[start] = before + "raise NotImplementedError"
    else:
        lines[start] = " " * first.col_offset + "raise NotImplementedError"
    lines[start + 1 : last] = [""] * (last - start - 1)
