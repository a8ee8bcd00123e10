"""grader.sameness: what counts as the same program, and where a place of one stands in the other."""

from __future__ import annotations

import ast
import io
import random
import tokenize
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from grader.context import load_template
from grader.findings import read_exercises
from grader.notebook import Unreadable, parse_notebook, read_bytes
from grader.programs import load_reference, with_marked
from grader.sameness import relocate, same_form
from grader.spec import load_assignment
from grader.types import Assignment, Chunk, Fault, Finding, Found, Observation, Place, Program, Run, Verdict

ROOT = Path(__file__).resolve().parent.parent
SLUGS = sorted(path.parent.name for path in (ROOT / "assignments").glob("*/spec.yaml"))
SAMPLES = [p for p in sorted((ROOT / "tests" / "submissions").glob("*/*/*")) if p.suffix in (".ipynb", ".py")]


@cache
def assignment_of(slug: str) -> Assignment:
    return load_assignment(ROOT / "assignments" / slug)


@cache
def program_of(path: Path) -> Program:
    """A sample's program; an empty one for what cannot be read."""
    assignment = assignment_of(path.parent.parent.name)
    try:
        notebook = parse_notebook(read_bytes(path), path.name)
    except Unreadable:
        return Program((), {})
    return read_exercises(notebook, assignment, load_template(assignment))


@cache
def written(slug: str) -> list[Program]:
    """The reference solution with each variant in turn."""
    reference = load_reference(ROOT / "reference" / slug, assignment_of(slug))
    return [reference.solution, *(with_marked(reference.solution, [one]) for one in reference.variants)]


def program(*sources: str, cells: dict[int | None, str] | None = None, **more: object) -> Program:
    """One statement to a source, all in cell 3 unless told."""
    chunks = tuple(Chunk(source, 3) for source in sources)
    text: dict[int | None, str] = {3: "\n".join(source.lstrip("\n") for source in sources)}
    return replace(Program(chunks, {}, cells or text), **more)


# ---------------------------------------------------------------- other layouts of the same code


def broken_up(source: str, chance: random.Random) -> str:
    """The same code with line breaks and comments between brackets, and comments and empty lines elsewhere."""
    lines = source.split("\n")
    inserted: list[tuple[int, int, str]] = []
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        if token.type == tokenize.OP and token.string in "([{," and depth and chance.random() < 0.4:
            inserted.append((*token.end, "  # 여기\n" + " " * chance.randrange(9)))
        elif token.type == tokenize.NEWLINE and chance.random() < 0.4:
            inserted.append((token.start[0], len(lines[token.start[0] - 1]), "  # a comment\n\n# and another\n"))
    for line, column, text in reversed(inserted):
        lines[line - 1] = lines[line - 1][:column] + text + lines[line - 1][column:]
    return "\n".join(line for text in lines for line in text.split("\n"))


def laid_out(original: Program, seed: int) -> Program:
    """`original` written otherwise, each statement in a cell of its own."""
    chance = random.Random(seed)
    chunks, cells = [], {}
    for number, chunk in enumerate(original.chunks, start=20):
        tree = ast.parse(chunk.source)
        lambdas = any(isinstance(node, ast.Lambda) for node in ast.walk(tree))
        text = chunk.source.lstrip("\n") if lambdas or "\\\n" in chunk.source else ast.unparse(tree)
        if text != chunk.source.lstrip("\n"):
            text = broken_up(text, chance)
        padding = "\n" * chance.randrange(5)
        chunks.append(Chunk(padding + text, number))
        first = len(chunk.source) - len(chunk.source.lstrip("\n"))
        lines = original.cells[chunk.cell].split("\n")[first : first + text.count("\n") + 1]  # with what follows
        cells[number] = padding + ("\n".join(lines) if lambdas else text)
    return replace(original, chunks=tuple(chunks), cells=cells)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.parent.name}-{path.parent.name}")
def test_a_sample_keeps_its_form_in_another_layout(path: Path) -> None:
    one = program_of(path)
    for seed in range(2):
        other = laid_out(one, seed)
        assert same_form(other) == same_form(one)
        assert not one.chunks or other.chunks != one.chunks


@pytest.mark.parametrize("slug", SLUGS)
def test_right_solutions_keep_their_form_in_another_layout_and_differ_from_each_other(slug: str) -> None:
    programs = written(slug)
    assert [same_form(laid_out(one, 5)) for one in programs] == [same_form(one) for one in programs]
    assert len({same_form(one) for one in programs}) == len(programs)


def test_samples_of_one_assignment_have_forms_of_their_own() -> None:
    forms = {path: same_form(program_of(path)) for path in SAMPLES if program_of(path).chunks}
    same = [p for p in forms if sum(form == forms[p] for form in forms.values()) > 1]
    # Two of them are the same but for a cell that does not parse and that no exercise needs.
    assert {path.parent.name for path in same} == {"right_broadcast", "unparseable_cell"}


# ---------------------------------------------------------------- what counts


def changes(tree: ast.Module) -> Iterator[None]:
    """Changes one name, number, string or operator at a time, and back again."""
    swapped: dict[type, ast.AST] = {
        ast.Add: ast.Sub(),
        ast.Sub: ast.Add(),
        ast.Mult: ast.Div(),
        ast.Div: ast.Mult(),
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            continue
        for field, value in list(ast.iter_fields(node)):
            new: object = value
            if isinstance(value, str) and field in ("id", "attr", "arg", "name", "asname"):
                new = value + "_"
            elif isinstance(node, ast.Constant) and field == "value":
                new = not value if isinstance(value, bool) else value + 1 if isinstance(value, int | float) else 7
            elif type(value) in swapped:
                new = swapped[type(value)]
            if new is not value:
                setattr(node, field, new)
                yield
                setattr(node, field, value)


@pytest.mark.parametrize("slug", SLUGS)
def test_every_name_number_and_operator_counts(slug: str) -> None:
    (solution, *_) = written(slug)
    seen = 0
    for index, chunk in enumerate(solution.chunks):
        tree = ast.parse(chunk.source)
        if any(isinstance(node, ast.JoinedStr | ast.Lambda) for node in ast.walk(tree)):
            continue  # f-strings have parts of their own; of lambdas the layout counts as well
        alone = same_form(replace(solution, chunks=(chunk,)))
        forms = [same_form(replace(solution, chunks=(Chunk(ast.unparse(tree), None),))) for _ in changes(tree)]
        assert alone not in forms, f"statement {index}"
        assert same_form(replace(solution, chunks=(Chunk(ast.unparse(tree), None),))) == alone
        seen += len(forms)
    assert seen > 50


def test_order_docstrings_findings_probes_and_mode_count() -> None:
    one = program("a = 1", "b = 2")
    others = [
        program("b = 2", "a = 1"),
        program("a = 1\nb = 2"),
        replace(one, findings={"f": Finding(Found.DEFINED, Place(3, 1), 1)}),
        replace(one, findings={"f": Finding(Found.DEFINED, Place(3, 1), 2)}),
        replace(one, findings={"f": Finding(Found.BLANK, Place(3, 1))}),
        replace(one, probes="x = 1"),
        replace(one, mode="legacy"),
    ]
    assert len({same_form(other) for other in [one, *others]}) == 8
    assert same_form(program("def f():\n    'a'")) != same_form(program("def f():\n    'b'"))
    assert same_form(program("x = 1")) != same_form(program("x = 1.0")) != same_form(program("x = True"))


def test_places_do_not_count() -> None:
    found = {"f": Finding(Found.DEFINED, Place(3, 1), 1)}
    moved = {"f": Finding(Found.DEFINED, Place(9, 44), 1)}
    one, other = program("x = 1", findings=found), program("\n\nx = 1  # one", findings=moved)
    assert same_form(one) == same_form(other)


@pytest.mark.parametrize(
    "looks",
    ["import inspect", "f.__code__.co_firstlineno", "getattr(f, '__code__')", "sys._getframe().f_lineno",
     "__file__", "import traceback as t", "from linecache import getline", "error.__traceback__.tb_lineno",
     "import dis", "caught[0].lineno", "tf.autograph.to_code(f)", "torch.jit.script(f)"],
)  # fmt: skip
def test_a_program_that_could_see_itself_counts_by_its_exact_text(looks: str) -> None:
    one = program(looks, "x = 1")
    assert same_form(one) == same_form(program(looks, "x = 1"))
    assert same_form(one) != same_form(program(looks, "\nx = 1"))  # another line
    assert same_form(one) != same_form(program(looks, "x = 1 "))
    assert same_form(one) != same_form(replace(one, chunks=tuple(Chunk(c.source, 4) for c in one.chunks)))
    assert same_form(one) != same_form(replace(one, cells={3: "# a comment that getsource would show"}))


@pytest.mark.parametrize(
    "harmless", ["dis = pairwise(x)", "tf.stack(x)", "torch.trace(x)", "m.compile(jit_compile=1)"]
)
def test_common_names_are_not_taken_for_a_look_at_oneself(harmless: str) -> None:
    assert same_form(program(harmless)) == same_form(program(f"\n\n{harmless}  # c"))


def test_no_assignment_of_ours_prevents_the_comparison() -> None:
    """The probes of cnn_transfer use `inspect.signature`, which sees no line."""
    for slug in SLUGS:
        probes = assignment_of(slug).probes
        assert same_form(program("x = 1", probes=probes)) == same_form(program("\nx = 1  # c", probes=probes))
    hidden = "import inspect\ndef p(f):\n    return inspect.getsource(f)\n"
    assert same_form(program("x = 1", probes=hidden)) != same_form(program("\nx = 1  # c", probes=hidden))


def test_layout_counts_where_autograph_reads_it() -> None:
    """It joins lines at every backslash before a line break: here it would swallow the second statement."""
    swallowing = "def f(x):\n    y = x  # see C:\\\n    y = 2 * y\n    return y"
    assert same_form(program(swallowing)) != same_form(program(swallowing.replace("C:\\", "C:")))
    assert same_form(program("f = lambda x: x")) != same_form(program("f = (\n  lambda x: x)"))
    below = {3: "\n\nf = lambda x: x"}
    assert same_form(program("f = lambda x: x")) == same_form(program("\n\nf = lambda x: x", cells=below))
    assert same_form(program("if x:\n\ty = 1")) != same_form(program("if x:\n    y = 1"))
    shared = {3: "f = lambda x: x; g = lambda x: 2"}
    assert same_form(program("f = lambda x: x")) != same_form(program("f = lambda x: x", cells=shared))


@pytest.mark.parametrize("source", ["x = " + "-" * 5000 + "1", "x = = 2", "x = '\0'", "x = '\ud800"])
def test_what_does_not_parse_counts_by_its_text(source: str) -> None:
    assert same_form(program(source)) == same_form(program(source))
    assert same_form(program(source)) != same_form(program(source + "  # a comment"))


# ---------------------------------------------------------------- relocate


def run_with(*places: Place | None, message: str = "") -> Run:
    observations = {
        f"f/{i}": Observation(f"f/{i}", Verdict.ERROR, fault=Fault("ValueError", message, place))
        for i, place in enumerate(places)
    }
    return Run(observations, tuple(Fault("NameError", message, place, "load") for place in places))


def relocated(ours: Program, theirs: Program, *places: Place) -> list[Place | None]:
    moved = relocate(run_with(*places), ours, theirs)
    found = [one.fault.place for one in moved.observations.values() if one.fault]
    assert found == [fault.place for fault in moved.load_faults]
    return found


def statements(one: Program) -> list[tuple[int | None, ast.stmt]]:
    trees = [(chunk.cell, ast.parse(chunk.source)) for chunk in one.chunks]
    return [(cell, node) for cell, tree in trees for node in ast.walk(tree) if isinstance(node, ast.stmt)]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.parent.name}-{path.parent.name}")
def test_every_statement_of_a_sample_is_found_again(path: Path) -> None:
    theirs = program_of(path)
    for seed in range(2):
        ours = laid_out(theirs, seed)
        pairs = list(zip(statements(theirs), statements(ours), strict=True))
        moved = relocated(ours, theirs, *(Place(cell, node.lineno) for (cell, node), _ in pairs))
        wrong = [
            (place, cell, node.lineno)
            for place, (_, (cell, node)) in zip(moved, pairs, strict=True)
            if place is not None and place != Place(cell, node.lineno)
        ]
        assert not wrong
        assert sum(place is None for place in moved) <= 0.1 * len(moved)  # several on one line in theirs


def test_a_run_of_the_same_text_elsewhere_moves_line_by_line() -> None:
    source = "def f(x):\n    return g(\n        x,\n        h(x),\n    )"
    theirs, ours = program("\n\n" + source), Program((Chunk("\n" * 9 + source, 7),), {})
    assert relocated(ours, theirs, *(Place(3, line) for line in range(3, 8))) == [
        Place(7, n) for n in range(10, 15)
    ]


def test_a_line_within_a_statement_becomes_the_beginning_of_that_statement() -> None:
    theirs = program("def f(x):\n    y = g(x, h(x))\n    return y")
    ours = program("def f(x):\n\n    y = g(\n        x,\n        h(x))\n    return y")
    assert relocated(ours, theirs, Place(3, 2), Place(3, 3)) == [Place(3, 3), Place(3, 6)]
    assert relocated(theirs, ours, Place(3, 4), Place(3, 5), Place(3, 2)) == [Place(3, 2), Place(3, 2), None]


def test_a_place_that_is_not_certain_is_none() -> None:
    theirs = program("def f(x):\n    a = g(x); b = h(x)\n    return a")
    ours = program("def f(x):\n    a = g(x)\n    b = h(x)\n    return a")
    assert relocated(ours, theirs, Place(3, 2), Place(3, 3)) == [None, Place(3, 4)]
    assert relocated(theirs, ours, Place(3, 2), Place(3, 3)) == [Place(3, 2), Place(3, 2)]
    two = program("a = 1", "b = 2")
    assert relocated(Program((Chunk("a = 1", 3), Chunk("\nb = 2", 3)), {}), two, Place(3, 1)) == [None]
    assert relocated(ours, theirs, Place(3, 90), Place(9, 1), Place(None, 1)) == [None, None, None]


RAISING = """
def f(x, values=(1, 2)):
    # a comment
    try:
        total = sum(value for value in values)
        if total > 2:
            for value in values:
                total += {}[value] if value == x else 0
    except ValueError:
        pass
    return [total / one for one in range(x, 3)]
"""


@pytest.mark.parametrize("argument", [0, 1, 2])
def test_real_exceptions_are_told_of_the_statement_that_raised(argument: int) -> None:
    theirs = program(RAISING.strip("\n"))
    for seed in range(30):
        ours = laid_out(theirs, seed)
        lines = []
        for one in (theirs, ours):
            namespace: dict[str, object] = {}
            exec(compile(one.chunks[0].source, "<cell>", "exec"), namespace)
            try:
                namespace["f"](argument)  # type: ignore[operator]
            except (KeyError, ZeroDivisionError) as error:
                trace = error.__traceback__
                while trace is not None:
                    line, trace = trace.tb_lineno, trace.tb_next
                lines.append(line)
        (place,) = relocated(ours, theirs, Place(3, lines[0]))
        assert place is not None
        inner = [s for _, s in statements(ours) if s.lineno <= lines[1] <= (s.end_lineno or 0)][-1]
        assert place.line in (lines[1], inner.lineno)


AUTOGRAPH = """in user code:

    File "<cell 3>", line 3, in f  *
        return tf.cast(x, y)  # what kim thinks

    ValueError: no (<cell 3>, line 2), <cell 3>:3: UserWarning"""


def test_lines_and_text_in_a_message_become_ours() -> None:
    theirs = program("def f(x):\n    y = 1\n    return tf.cast(x, y)  # what kim thinks")
    ours = Program(
        (Chunk("\n\ndef f(x):\n    y = 1\n\n    return tf.cast(x, y)", 8),),
        {},
        {8: "\n\ndef f(x):\n    y = 1\n\n    return tf.cast(x, y)  # mine"},
    )
    fault = relocate(run_with(Place(3, 3), message=AUTOGRAPH), ours, theirs).load_faults[0]
    assert fault.place == Place(8, 6)
    assert 'File "<cell 8>", line 6, in f' in fault.message
    assert "return tf.cast(x, y)  # mine" in fault.message
    assert "kim" not in fault.message
    assert "no (<cell 8>, line 4), <cell 8>:6: UserWarning" in fault.message
    lost = relocate(run_with(None, message=AUTOGRAPH.replace("line 3", "line 7")), ours, theirs).load_faults[0]
    assert 'File "<cell ?>", line ?, in f' in lost.message
    assert "kim" not in lost.message


def test_what_has_no_place_stays_as_it_is() -> None:
    one = program("x = 1")
    plain = Run({"f/1": Observation("f/1", Verdict.TIMEOUT, detail="over 20 s")}, printed="<cell> 3, line 4")
    assert relocate(plain, program("\nx = 1"), one) == plain


def test_programs_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="not the same program"):
        relocate(run_with(None), program("x = 1"), program("x = 1", "y = 2"))


def test_a_notebook_with_more_comments_and_other_cells_has_the_same_form(tmp_path: Path) -> None:
    """From the file on: as it will be when two learners hand in the same code."""
    path = ROOT / "tests" / "submissions" / "distillation_tf" / "right_loops"
    (file,) = [p for p in sorted(path.iterdir()) if p.suffix == ".ipynb"]
    notebook = parse_notebook(read_bytes(file), file.name)
    cells = [replace(c, number=(c.number or 0) + 4, source="# 과제\n\n" + c.source) for c in notebook.cells]
    assignment = assignment_of("distillation_tf")
    one = read_exercises(notebook, assignment, load_template(assignment))
    other = read_exercises(replace(notebook, cells=tuple(cells)), assignment, load_template(assignment))
    assert one.chunks != other.chunks
    assert same_form(one) == same_form(other)
