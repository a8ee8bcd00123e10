"""Program -> fingerprints of the code of each exercise, for finding code that is alike (see `grader.alike`).

Names that the learner chose count as one, so renaming changes nothing; names of libraries count in full, whatever
they were imported as. Comments, formatting, docstrings and annotations do not count. Code that was handed out does
not count.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from grader.names import touched
from grader.salvage import read_cells
from grader.syntax import parse
from grader.types import Found, Notebook, Program

K = 6  # tokens in a fingerprint: about one statement
WINDOW = 3  # of so many neighbouring ones at least one is kept: any K + WINDOW - 1 tokens in common are found
MAX_TOKENS = 20_000  # of one exercise
MAX_PRINTS = 400  # of one exercise: the smallest ones, the same ones everywhere
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
SILENT = (ast.expr_context, ast.Module, ast.arguments, ast.Expr, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare)
BUILTINS = {name: name for name in dir(builtins)}
VARIABLE = "v"
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def prints(program: Program, template: Notebook | None = None) -> dict[str, list[int]]:
    """Fingerprints of each exercise that is defined, sorted: 48 bit numbers, chosen by winnowing.

    The code of an exercise is its definition and the learner's own functions and variables that it uses; what
    two exercises use counts for the first. Exercises without any are left out. `template` is the notebook as it
    was handed out.
    """
    parts, names = _parts(program)
    given = fingerprints_given(template, frozenset(parts)) if template is not None else frozenset()
    definitions = {id(nodes[0]) for nodes in parts.values()}
    found: dict[str, list[int]] = {}
    for exercise, nodes in parts.items():
        marks = {mark for node in nodes for mark in winnow(hashes(tokens(node, names, definitions)))}
        if kept := sorted(marks - given)[:MAX_PRINTS]:
            found[exercise] = kept
    return found


@lru_cache(maxsize=8)
def fingerprints_given(template: Notebook, exercises: frozenset[str]) -> frozenset[int]:
    """Every fingerprint of a notebook, not only those that winnowing keeps: whichever it may keep elsewhere."""
    nodes = [node for cell in read_cells(template) for node in cell.nodes]
    names = _names(nodes, exercises)
    inner = [child for node in nodes for child in ast.walk(node) if isinstance(child, FUNCTION)]
    return frozenset(mark for node in [*nodes, *inner] for mark in hashes(tokens(node, names)))


# ---------------------------------------------------------------- which code belongs to which exercise


def _parts(program: Program) -> tuple[dict[str, list[ast.stmt]], dict[str, str]]:
    """Exercise -> its definition, then the statements that it uses and no exercise before it; and the names."""
    at: dict[tuple[int | None, int], ast.stmt] = {}
    binding: dict[str, list[ast.stmt]] = {}
    statements: list[ast.stmt] = []
    for chunk in program.chunks:
        try:
            body = parse(chunk.source).body
        except UNPARSABLE:
            continue
        statements += body
        for statement in body:
            for node in ast.walk(statement):
                if isinstance(node, ast.stmt):
                    at.setdefault((chunk.cell, node.lineno), node)
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                for name in touched(statement).binds:
                    binding.setdefault(name, []).append(statement)
    places = {
        name: one.place for name, one in program.findings.items() if one.found == Found.DEFINED and one.place
    }
    roots = {name: at[place.cell, place.line] for name, place in places.items() if (place.cell, place.line) in at}
    taken = {id(node) for node in roots.values()}
    parts = {name: [root, *_used(root, binding, taken)] for name, root in roots.items()}
    return parts, _names(statements, program.findings)


def _used(root: ast.stmt, binding: Mapping[str, Sequence[ast.stmt]], taken: set[int]) -> Iterator[ast.stmt]:
    todo = [root]
    while todo:
        node = todo.pop()
        for name in dict.fromkeys(child.id for child in ast.walk(node) if isinstance(child, ast.Name)):
            for statement in binding.get(name, ()):
                if id(statement) not in taken:
                    taken.add(id(statement))
                    todo.append(statement)
                    yield statement


def _names(nodes: Iterable[ast.AST], exercises: Iterable[str]) -> dict[str, str]:
    """Names that nobody here chose -> what they stand for: `tf` -> `tensorflow`, `len` -> `len`."""
    found = BUILTINS | {name: name for name in exercises}
    for node in (child for tree in nodes for child in ast.walk(tree)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module or ''}.{alias.name}" for alias in node.names}
    return found


# ---------------------------------------------------------------- tokens and fingerprints


def tokens(root: ast.AST, names: Mapping[str, str], others: Iterable[int] = ()) -> list[str]:
    """A tree in the order of reading, without the definitions in `others` (ids of nodes)."""
    skipped = set(others) - {id(root)}
    found: list[str] = []
    stack: list[ast.AST] = [root]
    while stack and len(found) < MAX_TOKENS:
        node = stack.pop()
        if id(node) in skipped or isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node):
            continue
        if isinstance(node, ast.Attribute | ast.Name):
            rest, dotted = _dotted(node, names)
            found.append(dotted)
            stack.extend([rest] if rest else [])
            continue
        if not isinstance(node, SILENT):
            found.append(_token(node))
        stack.extend(reversed(_children(node)))
    return found


def _is_text(node: ast.AST) -> bool:
    """A docstring, or a string used as a comment."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _dotted(node: ast.expr, names: Mapping[str, str]) -> tuple[ast.expr | None, str]:
    """What is left of the dots where that is no name, and the dotted name as one token."""
    path: list[str] = []
    while isinstance(node, ast.Attribute):
        path.append(node.attr)
        node = node.value
    first = names.get(node.id, VARIABLE) if isinstance(node, ast.Name) else ""
    return None if isinstance(node, ast.Name) else node, ".".join([first, *reversed(path)])


def _token(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str()):
            return "text"
        case ast.Constant(value=value):
            return repr(value)[:40]
        case ast.keyword(arg=name):
            return f"{name}="
        case ast.arg():
            return VARIABLE
        case _:
            return type(node).__name__


def _children(node: ast.AST) -> list[ast.AST]:
    """Without annotations and decorators' order of fields; an operator before its operands."""
    hidden = {"annotation", "returns", "type_comment", "type_params"}
    kept = [value for field, value in ast.iter_fields(node) if field not in hidden]
    flat = [child for value in kept for child in (value if isinstance(value, list) else [value])]
    nodes = [child for child in flat if isinstance(child, ast.AST)]
    return sorted(nodes, key=lambda child: not isinstance(child, ast.operator | ast.boolop | ast.cmpop))


def hashes(words: Sequence[str]) -> list[int]:
    """One number of 48 bits for every K neighbouring tokens."""
    grams = ("\0".join(words[at : at + K]) for at in range(len(words) - K + 1))
    return [
        int.from_bytes(hashlib.blake2b(gram.encode(errors="replace"), digest_size=6).digest()) for gram in grams
    ]


def winnow(marks: Sequence[int]) -> set[int]:
    """The smallest of every WINDOW neighbours (all of fewer): Schleimer, Wilkerson, Aiken 2003, section 3."""
    if len(marks) <= WINDOW:
        return set(marks)
    return {min(marks[at : at + WINDOW]) for at in range(len(marks) - WINDOW + 1)}
