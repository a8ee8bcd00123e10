"""Has the learner begun? Tells an untouched blank from an attempt, however wrong."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import zip_longest

from grader.cleaning import BLANK

Function = ast.FunctionDef | ast.AsyncFunctionDef


def has_blank(node: ast.AST) -> bool:
    """Is a `?` left anywhere in the tree, be it as a name, an attribute or a keyword?"""
    nodes = (child for child in ast.walk(node) if not isinstance(child, ast.Constant))
    return any(value == BLANK for child in nodes for value in vars(child).values())


def is_blank(node: ast.AST, template: Function | None) -> bool:
    """Is this definition of an exercise still to be written?

    It is when a `?` is left, when nothing but placeholders (`pass`, `...`, None, NotImplementedError)
    stands in it, or when it is the template's function with its blanks set to None or taken out.
    A number in place of the blank is an attempt. A template without a blank is code that is given.
    """
    if has_blank(node):
        return True
    if isinstance(node, ast.Lambda):
        return _is_nothing(node.body)
    if not isinstance(node, Function | ast.ClassDef):
        return False
    if _only_placeholders(node.body) or any(_is_refusal(statement) for statement in node.body):
        return True
    if isinstance(node, ast.ClassDef) or template is None or not has_blank(template):
        return False
    try:
        return _same(node.args, template.args) and _same_body(node.body, template.body)
    except RecursionError:
        return False


def _is_mark(node: object) -> bool:
    return isinstance(node, ast.Name) and node.id == BLANK


def _is_nothing(node: ast.AST | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and (node.value is None or node.value is ...))


def _only_placeholders(body: Sequence[ast.stmt]) -> bool:
    empty: set[str] = set()  # names set to None or ... and to nothing else
    for statement in body:
        match statement:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case ast.Assign(targets=targets, value=value) if _is_nothing(value):
                empty.update(target.id for target in targets if isinstance(target, ast.Name))
            case ast.Return(value=value) if _is_nothing(value):
                pass
            case ast.Return(value=ast.Name(id=name)) if name in empty:
                pass
            case _:
                return False
    return True


def _is_refusal(statement: ast.stmt) -> bool:
    """`raise NotImplementedError` on every path: whatever is given above it is never returned."""
    raised = statement.exc if isinstance(statement, ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id in ("NotImplementedError", "NotImplemented")


def _same(actual: object, expected: object) -> bool:
    """Equal trees, where the template's blank also equals None, `...` or its own absence."""
    if _is_mark(expected):
        return isinstance(actual, ast.AST) and _is_nothing(actual)
    if isinstance(expected, ast.BinOp) and _is_mark(expected.right) and not isinstance(actual, ast.BinOp):
        return _same(actual, expected.left)  # `loss + ?` became `loss`
    if type(actual) is not type(expected):
        return False
    if isinstance(actual, list) and isinstance(expected, list):
        return all(_same(a, e) for a, e in zip_longest(actual, expected))
    if not isinstance(actual, ast.AST) or not isinstance(expected, ast.AST):
        return actual == expected
    skipped = ("ctx", "type_comment", "kind")
    names = [name for name in expected._fields if name not in skipped]
    return all(_same(getattr(actual, name, None), getattr(expected, name, None)) for name in names)


def _same_body(actual: Sequence[ast.stmt], expected: Sequence[ast.stmt]) -> bool:
    """Same statements in order; one with a blank may be gone, or `pass`. Plain texts do not count."""
    left = [statement for statement in actual if not _is_text(statement)]
    for statement in (statement for statement in expected if not _is_text(statement)):
        if left and _same(left[0], statement):
            left.pop(0)
        elif not has_blank(statement):
            return False
        elif left and isinstance(left[0], ast.Pass):
            left.pop(0)
    return not left


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
