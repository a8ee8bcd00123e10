"""The author's programs (reference, variants, mistakes) as Programs that go through the same sandbox.

A variant or mistake is one marked function in reference/<slug>/variants.py or mistakes.py (see
`grader.authoring`). Its program is the reference solution followed by that function, with what it
needs from its file, under the exercise's name.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from grader.extract import extract
from grader.notebook import parse_notebook, read_bytes
from grader.types import REFERENCE, Assignment, Chunk, Family, Found, FriendlyError, Mistake, Program


class AuthoringError(FriendlyError):
    """A file in reference/ cannot be used; the message names file, line and the mend."""


@dataclass(frozen=True)
class Marked:
    """One function marked with @variant or @mistake. `chunks` end with its alias."""

    name: str
    exercise: str
    family: str  # variants only
    text: Mapping[str, str]  # the note or hint by language
    chunks: tuple[Chunk, ...]
    place: str  # "variants.py:12"


@dataclass(frozen=True)
class Reference:
    """Everything in reference/<slug>/."""

    solution: Program
    second: Program | None  # the second opinion, in the other framework
    second_framework: str
    variants: tuple[Marked, ...]
    mistakes: tuple[Marked, ...]
    digest: str

    def families(self, exercise: str) -> tuple[Family, ...]:
        """The accepted forms of an exercise, the solution's own first."""
        named = {m.family: m.text for m in reversed(self.variants) if m.exercise == exercise and m.family}
        order = dict.fromkeys(m.family for m in self.variants if m.exercise == exercise and m.family)
        return (Family(REFERENCE), *(Family(name, named[name]) for name in order))

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
    return {m.name: Mistake(m.name, m.exercise, m.text) for m in reference.mistakes}


def with_marked(solution: Program, marked: Iterable[Marked]) -> Program:
    """The solution with the marked functions in place of its own."""
    extra = tuple(chunk for one in marked for chunk in one.chunks)
    return replace(solution, chunks=solution.chunks + extra)


def _solution(file: Path, assignment: Assignment) -> Program:
    exercises = tuple(assignment.exercises)
    bound = frozenset(name for e in assignment.exercises.values() for name in e.globals)
    program = extract(parse_notebook(read_bytes(file), file.name), exercises, bound=bound)
    for name, finding in program.findings.items():
        if finding.found != Found.DEFINED:
            raise AuthoringError(f"{file}: no usable definition of {name} ({finding.found})")
    return program


def _marked(file: Path, mark: str, assignment: Assignment) -> Iterable[Marked]:
    source = read_bytes(file).decode()
    tree = ast.parse(source, str(file))
    bound = frozenset(assignment.exercises) | {g for e in assignment.exercises.values() for g in e.globals}
    found = [(node, call) for node in tree.body if (call := _mark_on(node, mark))]
    marks_removed = _without_lines(source, [call for _, call in found])
    notebook = parse_notebook(marks_removed.encode(), file.name)
    for node, call in found:
        assert isinstance(node, ast.FunctionDef)
        exercise, words = _arguments(call, file)
        if exercise not in assignment.exercises:
            raise AuthoringError(
                f"{file}:{node.lineno}: no exercise {exercise!r}; there are {[*assignment.exercises]}"
            )
        program = extract(notebook, [node.name], bound=bound - {node.name})
        alias = Chunk("\n" * (node.lineno - 1) + f"{exercise} = {node.name}", None)
        text = {lang: words[lang] for lang in ("en", "ko") if words.get(lang)}
        yield Marked(
            node.name,
            exercise,
            words.get("family", ""),
            text,
            (*program.chunks, alias),
            f"{file.name}:{node.lineno}",
        )


def _mark_on(node: ast.stmt, mark: str) -> ast.Call | None:
    for decorator in getattr(node, "decorator_list", ()):
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == mark:
            return decorator
    return None


def _arguments(call: ast.Call, file: Path) -> tuple[str, dict[str, str]]:
    try:
        words = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
        return str(ast.literal_eval(call.args[0])), words
    except (ValueError, IndexError):
        raise AuthoringError(
            f"{file}:{call.lineno}: @variant/@mistake take an exercise name and plain strings"
        ) from None


def _without_lines(source: str, nodes: list[ast.Call]) -> str:
    """`source` with the lines of these decorators emptied, so that line numbers stay."""
    lines = source.split("\n")
    for node in nodes:
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            lines[number - 1] = ""
    return "\n".join(lines)
