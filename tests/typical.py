"""Notebooks as learners hand them in: right but for one known mistake, made from reference/<slug>/mistakes.py."""

from __future__ import annotations

import ast
import json
from pathlib import Path

from grader.spec import load_assignment


def notebook(root: Path, slug: str, mistake: str) -> tuple[bytes, str]:
    """The .ipynb with this mistake in its exercise's place, and the exercise's name.

    One cell for each statement of the solution. What the mistake's file has around it goes above, under the names
    that it has there.
    """
    wrong = _read(root / "reference" / slug / "mistakes.py")
    node = next(n for n in wrong.body if getattr(n, "name", "") == mistake)
    assert isinstance(node, ast.FunctionDef)
    call = node.decorator_list[0]
    assert isinstance(call, ast.Call)
    exercise = str(ast.literal_eval(call.args[0]))
    node.decorator_list, node.name = [], exercise
    around = [n for n in wrong.body if not getattr(n, "decorator_list", []) and not _marks(n)]
    framework = load_assignment(root / "assignments" / slug).framework
    solution = _read(root / "reference" / slug / f"solution_{framework}.py")
    statements = [n for n in solution.body if getattr(n, "name", "") != exercise]
    return _ipynb([ast.unparse(n) for n in (*statements, *around, node)]), exercise


def _read(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _marks(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "grader.authoring"


def _ipynb(sources: list[str]) -> bytes:
    cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    cells = [{**cell, "id": f"c{at}", "source": text} for at, text in enumerate(sources)]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
