"""Programs that are the same but for formatting and comments, and the run of one told as the run of the other.

The form of a program is that of its syntax trees. Code could see more of itself than that: its line numbers
(`inspect`, tracebacks, code objects) and, through AutoGraph, its text. So

- a program that uses a name by which code sees where or how it is written counts by its exact text;
- a statement counts by its lines as well where their layout can change what AutoGraph makes of it. It finds
  the text of a lambda by its lines, refuses tabs mixed with spaces, and joins lines at every backslash before a
  line break, also at the end of a comment (`dedent_block` and `_parse_lambda` in TensorFlow 2.21,
  tensorflow/python/autograph/pyct/parser.py).
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

from grader.syntax import parse
from grader.types import Chunk, Fault, Place, Program, Run

# Identifiers, or words in a string, by which a program reads its own text or position. torch.jit reads types
# out of comments; warnings that are caught carry a `lineno`. (`dis` by itself is also short for a distance.)
SEES_ITSELF = re.compile(
    r"\b(?:inspect|linecache|traceback|faulthandler|marshal|dill|cloudpickle|jit|to_code|getsource\w*|findsource"
    r"|_getframe|currentframe|exc_info|format_exc|format_stack|extract_stack|settrace|setprofile|findCaller"
    r"|[a-z]*_?lineno|co_\w+|f_back|f_code|gi_frame|tb_frame|__code__|__traceback__|__file__|__line__)\b"
    r"|(?:alias\(name|module)='dis'"
)
HARMLESS = re.compile(r"\bimport inspect\b|\binspect\.signature\b")  # in the assignment's own probes
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
# `File "<cell 3>", line 5` of AutoGraph, `(<cell 3>, line 5)` of a SyntaxError, `<cell 3>:5:` of a warning.
MENTION = re.compile(r'<(?:cell (?P<cell>\d+)|submission)>(?P<between>"?, line |:)(?P<line>\d+)')
Moved = Callable[[Place], Place | None]


def same_form(program: Program) -> str:
    """Hex digest that is equal for programs that differ in comments, formatting and places only.

    Names, docstrings and every constant count, so do the order of the statements, what was found of each
    exercise, the probes and the mode. Remarks do not: no judgement reads them, and a statement that was left
    out is missing from the chunks.
    """
    forms = [_form(chunk, program) for chunk in program.chunks]
    written: object = forms
    looking = (*(tree for tree, _ in forms), HARMLESS.sub("", program.probes))
    if any(SEES_ITSELF.search(text) for text in looking):
        written = program.chunks, sorted(program.cells.items(), key=repr)
    found = sorted((name, str(one.found), one.definitions) for name, one in program.findings.items())
    return hashlib.sha256(repr((written, found, program.probes, program.mode)).encode()).hexdigest()


def _form(chunk: Chunk, program: Program) -> tuple[str, str]:
    """The syntax tree of a chunk, and its lines where their layout counts; the text of what does not parse."""
    try:
        tree = parse(chunk.source)
        dumped = ast.dump(tree)
    except UNPARSABLE:
        return chunk.source, ""
    layout = any(sign in chunk.source for sign in ("\t", "\f", "\\\n"))
    if layout or any(isinstance(node, ast.Lambda) for node in ast.walk(tree)):
        first, last = _span(chunk)
        return dumped, "\n".join([chunk.source.lstrip("\n"), *_lines(program, chunk.cell)[first - 1 : last]])
    return dumped, ""


def _span(chunk: Chunk) -> tuple[int, int]:
    """The first and last line of a chunk, counted in its cell."""
    text = chunk.source.lstrip("\n")
    first = len(chunk.source) - len(text) + 1
    return first, first + text.count("\n")


def _lines(program: Program, cell: int | None) -> list[str]:
    return program.cells.get(cell, "").split("\n")


# ---------------------------------------------------------------- the run of one as the run of the other


def relocate(run: Run, ours: Program, theirs: Program) -> Run:
    """`run`, which was observed of `theirs`, with every place where the same code stands in `ours`.

    Both must have the same form. A place becomes None where it cannot be told for certain (several statements
    on one line in theirs and on several in ours). Lines that a message names are moved as well, and the text of
    such a line is ours. Raises ValueError when the programs do not have the same number of statements.
    """
    moves: dict[Place, set[Place]] | None = None

    def moved(place: Place) -> Place | None:
        nonlocal moves
        moves = _moves(ours, theirs) if moves is None else moves
        found = moves.get(place, set())
        return next(iter(found)) if len(found) == 1 else None

    def told(fault: Fault) -> Fault:
        place = moved(fault.place) if fault.place else None
        return replace(fault, place=place, message=_retold(fault.message, moved, ours))

    if len(ours.chunks) != len(theirs.chunks):
        raise ValueError(f"not the same program: {len(ours.chunks)} statements and {len(theirs.chunks)}")
    observations = {
        name: replace(one, fault=told(one.fault)) if one.fault else one for name, one in run.observations.items()
    }
    return replace(
        run,
        observations=observations,
        load_faults=tuple(told(fault) for fault in run.load_faults),
        printed=_retold(run.printed, moved, ours),
    )


def _moves(ours: Program, theirs: Program) -> dict[Place, set[Place]]:
    """Where each line of theirs may stand in ours: one place where that is certain."""
    exact: dict[Place, set[Place]] = defaultdict(set)
    around: dict[Place, set[Place]] = defaultdict(set)
    for own, other in zip(ours.chunks, theirs.chunks, strict=True):
        for line, lines in _exact(own, other).items():
            exact[Place(other.cell, line)] |= {Place(own.cell, new) for new in lines}
        for line, lines in _around(own, other).items():
            around[Place(other.cell, line)] |= {Place(own.cell, new) for new in lines}
    return {place: found if len(found) == 1 else around[place] for place, found in exact.items()}


def _exact(own: Chunk, other: Chunk) -> dict[int, set[int]]:
    """Line of `other` -> lines of `own` on which the code that begins or ends there begins or ends."""
    found: dict[int, set[int]] = defaultdict(set)
    if own.source.lstrip("\n") == other.source.lstrip("\n"):
        (first, last), shift = _span(other), _span(own)[0] - _span(other)[0]
        return {line: {line + shift} for line in range(first, last + 1)}
    for ours, theirs in _pairs(own, other):
        found[theirs.lineno].add(ours.lineno)
        found[theirs.end_lineno or theirs.lineno].add(ours.end_lineno or ours.lineno)
    return found


def _around(own: Chunk, other: Chunk) -> dict[int, set[int]]:
    """Line of `other` -> first lines in `own` of the innermost statements that cover it; several on one line."""
    size: dict[int, int] = {}
    found: dict[int, set[int]] = {}
    for ours, theirs in _pairs(own, other):
        if not isinstance(theirs, ast.stmt):
            continue
        last = theirs.end_lineno or theirs.lineno
        lines = last - theirs.lineno
        for line in range(theirs.lineno, last + 1):
            if lines < size.get(line, lines + 1):
                size[line], found[line] = lines, {ours.lineno}
            elif lines == size[line]:
                found[line].add(ours.lineno)
    return found


def _pairs(own: Chunk, other: Chunk) -> Iterator[tuple[ast.stmt | ast.expr, ast.stmt | ast.expr]]:
    """The nodes of two equal trees side by side, those that have a line."""
    try:
        trees = parse(own.source), parse(other.source)
    except UNPARSABLE:
        return
    for ours, theirs in zip(ast.walk(trees[0]), ast.walk(trees[1]), strict=True):
        if isinstance(ours, ast.stmt | ast.expr) and isinstance(theirs, ast.stmt | ast.expr):
            yield ours, theirs


def _retold(text: str, moved: Moved, ours: Program) -> str:
    """`text` with our line numbers, and our own text below a `File "<cell 3>", line 5`."""
    if not MENTION.search(text):
        return text
    lines = text.split("\n")
    kept: list[str] = []
    place, quoting = None, ""
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        if quoting and len(indent) > len(quoting) - 1 and line.strip():
            if place is not None:
                kept.append(indent + _line_of(ours, place).strip())
            quoting = ""
            continue
        quoting = ""
        mentions = [_place(found) for found in MENTION.finditer(line)]
        if mentions and line.lstrip().startswith('File "'):
            place, quoting = moved(mentions[0]), indent + "|"
        kept.append(MENTION.sub(lambda found: _mention(found, moved), line))
    return "\n".join(kept)


def _line_of(program: Program, place: Place) -> str:
    lines = _lines(program, place.cell)
    return lines[place.line - 1] if place.line <= len(lines) else ""


def _place(found: re.Match[str]) -> Place:
    return Place(int(found["cell"]) if found["cell"] else None, int(found["line"]))


def _mention(found: re.Match[str], moved: Moved) -> str:
    place = moved(_place(found))
    if place is None:
        return f"<cell ?>{found['between']}?"
    name = "<submission>" if place.cell is None else f"<cell {place.cell}>"
    return f"{name}{found['between']}{place.line}"
