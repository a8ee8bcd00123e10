"""The author's programs (reference, variants, mistakes) as Programs that go through the same sandbox.

A variant or mistake is one marked function in reference/<slug>/variants.py or mistakes.py (see
`grader.authoring`). Its program is the reference solution followed by that function, with what it
needs from its file, under the exercise's name.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grader.findings import read_exercises
from grader.notebook import parse_notebook, read_bytes
from grader.syntax import parse
from grader.types import (
    LANGUAGES,
    REFERENCE,
    Assignment,
    Chunk,
    Exercise,
    Family,
    Found,
    FriendlyError,
    Mistake,
    Program,
)

MARKED = 0  # the "cell" of a file of marked functions; the solution's file is None


class AuthoringError(FriendlyError):
    """A file in reference/ cannot be used; the message names file, line and the mend."""


@dataclass(frozen=True)
class Marked:
    """One function marked with @variant or @mistake. `chunks` end with its alias."""

    name: str
    exercise: str
    family: str  # variants only
    helpers: tuple[str, ...]  # variants only: the helpers' families that it goes with
    text: Mapping[str, str]  # the note or hint by language
    chunks: tuple[Chunk, ...]
    place: str  # "variants.py:12"
    source: str  # the whole file, for what reads a function's text (AutoGraph does)
    trains: bool = True  # variants only: whether the training pass can judge its family
    line: int | None = None  # mistakes only: of the exercise's formula, from 1


@dataclass(frozen=True)
class Reference:
    """Everything in reference/<slug>/."""

    solution: Program
    second: Program | None  # the second opinion: in the other framework, or otherwise written in the same one
    second_framework: str
    variants: tuple[Marked, ...]
    mistakes: tuple[Marked, ...]
    digest: str

    def families(self, exercise: str) -> tuple[Family, ...]:
        """The accepted forms of an exercise, the solution's own first."""
        first: dict[str, Marked] = {}
        for m in self.variants:
            if m.exercise == exercise and m.family:
                first.setdefault(m.family, m)
        return (Family(REFERENCE), *(Family(name, m.text, m.helpers, m.trains) for name, m in first.items()))

    def family(self, exercise: str, name: str) -> Marked | None:
        """The variant that defines a family; None for the solution's own."""
        return next((m for m in self.variants if m.exercise == exercise and m.family == name), None)


def load_reference(folder: Path, assignment: Assignment) -> Reference:
    """Read reference/<slug>/. Raises AuthoringError."""
    framework = assignment.framework
    other = "torch" if framework == "tensorflow" else "tensorflow"
    files = sorted(folder.glob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    second = folder / f"solution_{other}.py"
    if not second.exists():
        second, other = folder / "solution_second.py", framework
    return Reference(
        _solution(folder / f"solution_{framework}.py", assignment),
        _solution(second, assignment) if second.exists() else None,
        other,
        tuple(_marked(folder / "variants.py", "variant", assignment)),
        tuple(_marked(folder / "mistakes.py", "mistake", assignment)),
        digest.hexdigest(),
    )


def known_mistakes(reference: Reference) -> dict[str, Mistake]:
    """The mistakes by name, without their code."""
    return {m.name: Mistake(m.name, m.exercise, m.text, m.line) for m in reference.mistakes}


def with_marked(solution: Program, marked: Iterable[Marked]) -> Program:
    """The solution with the marked functions, all of one file, in place of its own."""
    extra, cells = solution.chunks, dict(solution.cells)
    for one in marked:
        extra += one.chunks
        cells[MARKED] = one.source
    return replace(solution, chunks=extra, cells=cells)


def _solution(file: Path, assignment: Assignment) -> Program:
    program = read_exercises(parse_notebook(read_bytes(file), file.name), assignment)
    for name, finding in program.findings.items():
        if finding.found != Found.DEFINED:
            raise AuthoringError(f"{file}: no usable definition of {name} ({finding.found})")
    return program


def _marked(file: Path, mark: str, assignment: Assignment) -> Iterable[Marked]:
    """Each marked function with everything in its file that is not marked (imports, helpers)."""
    source = read_bytes(file).decode()
    try:
        tree = parse(source)
    except SyntaxError as bad:
        raise AuthoringError(f"{file}:{bad.lineno}: {bad.msg}") from None
    lines = source.split("\n")
    marks = {node: call for node in tree.body if (call := _mark_on(node, mark))}
    shared = tuple(_chunk(lines, node) for node in tree.body if node not in marks and not _imports_marks(node))
    for node, call in marks.items():
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            raise AuthoringError(f"{file}:{node.lineno}: @{mark} marks functions and classes only")
        exercise, words = _arguments(call, file)
        if exercise not in assignment.exercises:
            known = ", ".join(assignment.exercises)
            raise AuthoringError(f"{file}:{node.lineno}: no exercise {exercise!r}; there are: {known}")
        line = _formula_line(words.get("line", 0), assignment.exercises[exercise], f"{file}:{node.lineno}")
        root = assignment.exercises[exercise].root
        alias = Chunk("\n" * (node.lineno - 1) + f"{root} = {node.name}", MARKED)
        text = {lang: words[lang] for lang in LANGUAGES if words.get(lang)}
        chunks = (*shared, _chunk(lines, node), alias)
        yield Marked(
            node.name,
            exercise,
            words.get("family", ""),
            tuple(words.get("helpers", ())),
            text,
            chunks,
            f"{file.name}:{node.lineno}",
            source,
            bool(words.get("trains", True)),
            line,
        )


def _formula_line(line: object, exercise: Exercise, where: str) -> int | None:
    if line == 0:
        return None
    if not isinstance(line, int) or not 1 <= line <= len(exercise.formula):
        raise AuthoringError(
            f"{where}: line={line!r}, but the formula of {exercise.name} in spec.yaml has "
            f"{len(exercise.formula)} lines; name one of them, from 1, or leave it out"
        )
    return line


def _chunk(lines: Sequence[str], node: ast.stmt) -> Chunk:
    """A statement without its decorators, at its own line."""
    source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
    return Chunk("\n" * (node.lineno - 1) + source, MARKED)


def _imports_marks(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "grader.authoring"


def _mark_on(node: ast.stmt, mark: str) -> ast.Call | None:
    for decorator in getattr(node, "decorator_list", ()):
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == mark:
            return decorator
    return None


def _arguments(call: ast.Call, file: Path) -> tuple[str, dict[str, Any]]:
    try:
        words = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
        return str(ast.literal_eval(call.args[0])), words
    except (ValueError, IndexError):
        raise AuthoringError(
            f"{file}:{call.lineno}: @variant/@mistake take an exercise name and plain strings"
        ) from None
