"""Where an exercise's definition stands: functions, classes, methods, scripts; a class that is half written."""

from __future__ import annotations

from typing import Any

import pytest

from grader.findings import read_exercises, without_blank_methods
from grader.types import Assignment, Cell, Exercise, Found, Limits, Notebook, Place, Program


def notebook(*cells: str) -> Notebook:
    return Notebook(tuple(Cell(n, source) for n, source in enumerate(cells, start=1)))


def assignment(**definitions: Any) -> Assignment:
    """Exercises by name; a text is its definition, a tuple its variables."""
    made = {}
    for name, where in definitions.items():
        definition, variables = ("", where) if isinstance(where, tuple) else (where, ())
        made[name] = Exercise(
            name, {}, (), (), (), "loss", (), 1e-4, False, (), definition=definition, variables=variables
        )
    return Assignment("a", "1", {}, "numpy", made, Limits(), "", "", probes="# probes")


METHODS = assignment(first="Thing.first", second="Thing.second", whole="Thing")


def found(program: Program) -> dict[str, str]:
    return {name: finding.found.value for name, finding in program.findings.items()}


def text(program: Program) -> str:
    return "\n".join(chunk.source for chunk in program.chunks)


def run(program: Program) -> dict[str, Any]:
    """The chunks executed, as the worker would: here only for code that this file wrote."""
    namespace: dict[str, Any] = {}
    for chunk in program.chunks:
        exec(compile(chunk.source, f"<cell {chunk.cell}>", "exec", dont_inherit=True), namespace)
    return namespace


def fills(source: str) -> tuple[Program, dict[str, Any]]:
    program = read_exercises(notebook(source), METHODS)
    return program, run(program)


# ---------------------------------------------------------------- methods


def test_a_class_with_a_blank_method_can_be_run_and_lines_keep_their_numbers() -> None:
    source = """import math
class Thing:
    def first(self):
        x = ?
        y = x + 1
        return y

    def second(self):
        return math.pi
"""
    program, namespace = fills(source)
    assert found(program) == {"first": "blank", "second": "defined", "whole": "blank"}
    assert program.findings["first"].place == Place(1, 3)
    assert program.findings["second"].place == Place(1, 8)
    assert program.probes == "# probes"
    thing = namespace["Thing"]()
    assert thing.second() == pytest.approx(3.14159, abs=1e-4)
    assert thing.second.__code__.co_firstlineno == 8
    with pytest.raises(NotImplementedError) as raised:
        thing.first()
    assert raised.traceback[-1].lineno + 1 == 4


BODY = "\n    def second(self):\n        return 2\n"


@pytest.mark.parametrize(
    "first",
    [
        "def first(self): ?",
        "def first(self): x = ?; return x",
        "def first(self): return '한글', ?",
        "def first(self, 값='한글'): return ?",
        "def first(self,\n              x=1): return ?",
        "def first(\n        self\n    ):\n        return ?",
        "def first(self): \\\n        return ?",
        'def first(self):\n        """한글 설명"""\n        return ?',
        "def first(self):\n        # 여기를 채우세요\n        return ?",
        "@property\n    def first(self):\n        return ?",
        "@staticmethod\n    def first():\n        if True:\n            return ?\n        return 1",
        "async def first(self):\n        return ?",
        "def first(self):\n        @staticmethod\n        def inner():\n            ?\n        return inner",
        "def first(self):\n        class Inner:\n            x = ?\n        return Inner",
        "def first(self):\n        return '''\n한글\n''' + ?",
        "def first(self):\n        raise NotImplementedError('todo')",
        "def first(self):\n        pass",
        "def first(self): ...",
        "def first(self):\n        ?\n        # 끝",
    ],
)
def test_whatever_a_blank_method_looks_like_the_others_run(first: str) -> None:
    program, namespace = fills(f"class Thing:\n    {first}\n{BODY}")
    assert found(program) == {"first": "blank", "second": "defined", "whole": "blank"}
    assert namespace["Thing"]().second() == 2
    line = first.count("\n") + 4
    assert namespace["Thing"].second.__code__.co_firstlineno == line
    assert program.findings["second"].place == Place(1, line)


def test_tabs_stay_tabs() -> None:
    source = "class Thing:\n\tdef first(self):\n\t\tx = ?\n\t\treturn x\n\tdef second(self):\n\t\treturn 2\n"
    program, namespace = fills(source)
    assert found(program)["first"] == "blank"
    assert namespace["Thing"]().second() == 2


def test_a_blank_init_keeps_its_class_from_nothing_else() -> None:
    source = "class Thing:\n    def __init__(self): ?\n    def first(self):\n        return 1\n" + BODY
    program, namespace = fills(source)
    assert found(program) == {"first": "defined", "second": "defined", "whole": "blank"}
    with pytest.raises(NotImplementedError):
        namespace["Thing"]()


def test_a_nested_class_is_a_part_of_its_class() -> None:
    written = (
        "class Thing:\n    class Inner:\n        def first(self): return 1\n    def first(self): return 1\n" + BODY
    )
    assert found(fills(written)[0]) == dict.fromkeys(("first", "second", "whole"), "defined")
    blank = written.replace("class Inner:\n        def first(self): return 1", "class Inner:\n        x = ?")
    assert found(read_exercises(notebook(blank), METHODS)) == dict.fromkeys(("first", "second", "whole"), "blank")


def test_a_method_that_is_absent_is_left_to_its_behaviour() -> None:
    program, _ = fills("class Base:\n    def first(self): return 1\nclass Thing(Base):\n" + BODY)
    assert found(program) == dict.fromkeys(("first", "second", "whole"), "defined")
    assert program.findings["first"].place == Place(1, 3)  # the class


def test_everything_written_is_left_as_it_is() -> None:
    cell = "class Thing:\n    def first(self): return '?'\n" + BODY
    assert without_blank_methods(notebook(cell), {"Thing"})[0] == notebook(cell)


def test_other_classes_keep_their_blanks() -> None:
    source = "class Other:\n    def first(self): ?\n"
    assert without_blank_methods(notebook(source), {"Thing"}) == (notebook(source), {})


WRITTEN = "class Thing:\n    def first(self): return 1\n" + BODY
HALF = WRITTEN.replace("return 1", "?")
UNTOUCHED = HALF.replace("return 2", "?")


@pytest.mark.parametrize(
    ("cells", "first", "second", "at"),
    [
        ((WRITTEN, UNTOUCHED), "defined", "defined", 1),  # the cell with `?` never ran
        ((UNTOUCHED, WRITTEN), "defined", "defined", 2),
        ((HALF, UNTOUCHED), "blank", "defined", 1),
        ((UNTOUCHED, HALF), "blank", "defined", 2),
        ((UNTOUCHED, UNTOUCHED), "blank", "blank", 2),
        ((WRITTEN, WRITTEN), "defined", "defined", 2),
        (
            (WRITTEN, WRITTEN.replace("return 1", "raise NotImplementedError")),
            "blank",
            "defined",
            2,
        ),  # this one ran
    ],
)
def test_of_two_definitions_the_one_that_ran_counts(
    cells: tuple[str, str], first: str, second: str, at: int
) -> None:
    program = read_exercises(notebook(*cells), METHODS)
    assert (found(program)["first"], found(program)["second"]) == (first, second)
    place = program.findings["second"].place
    assert place is not None
    assert place.cell == at


def test_the_template_with_its_blanks_emptied_is_no_attempt() -> None:
    template = notebook("class Thing:\n    def first(self, x):\n        y = ?\n        return y + x\n" + BODY)
    for body in ("y = None\n        return y + x", "return y + x", "y = ...\n        return y + x"):
        source = f"class Thing:\n    def first(self, x):\n        {body}\n{BODY}"
        assert found(read_exercises(notebook(source), METHODS, template))["first"] == "blank"
        assert found(read_exercises(notebook(source), METHODS))["first"] == "defined"
    tried = notebook("class Thing:\n    def first(self, x):\n        y = 0\n        return y + x\n" + BODY)
    assert found(read_exercises(tried, METHODS, template))["first"] == "defined"


def test_a_class_that_is_no_python_is_broken_for_all_its_exercises() -> None:
    program = read_exercises(
        notebook("x = 1", "class Thing:\n    def first(self):\n        return = 1\n" + BODY), METHODS
    )
    assert found(program) == dict.fromkeys(("first", "second", "whole"), "broken")
    assert program.findings["first"].place == Place(2, 1)
    assert "line 3" in program.findings["first"].detail


def test_a_class_that_is_not_there_is_missing() -> None:
    program = read_exercises(notebook("class Other:\n    pass"), METHODS)
    assert found(program) == dict.fromkeys(("first", "second", "whole"), "missing")
    assert found(program)["first"] == Found.MISSING


def test_exercises_may_stand_under_other_names() -> None:
    program = read_exercises(notebook("def load(x):\n    return x", "def unused(): pass"), assignment(q1="load"))
    assert found(program) == {"q1": "defined"}
    assert "unused" not in text(program)


# ---------------------------------------------------------------- scripts

SCRIPTS = assignment(build=("model", "network"), train=("history",))
SCRIPT = ("import math\nmodel = [1]", "print('x')\nhistory = model + [2]\n1 / 0", "after = 3\nmodel.append(4)")


def test_a_notebook_that_is_one_script_is_run_whole() -> None:
    program = read_exercises(notebook(*SCRIPT), SCRIPTS)
    assert found(program) == {"build": "defined", "train": "defined"}
    assert (program.findings["build"].place, program.findings["train"].place) == (Place(1, 2), Place(2, 2))
    assert [chunk.source.strip() for chunk in program.chunks] == [
        "import math",
        "model = [1]",
        "print('x')",
        "history = model + [2]",
        "1 / 0",
        "after = 3",
        "model.append(4)",
    ]
    assert program.probes == "# probes"


def test_a_variable_is_where_it_is_bound_last() -> None:
    program = read_exercises(notebook("network = 1", "network = 2"), SCRIPTS)
    assert program.findings["build"].place == Place(2, 1)
    assert found(program) == {"build": "defined", "train": "missing"}


def test_functions_are_preferred_to_variables() -> None:
    cells = (
        "def build():\n    return 1",
        "def train():\n    return 2",
        "history = train()\nmodel = build()\nprint(7)",
    )
    program = read_exercises(notebook(*cells), SCRIPTS)
    assert found(program) == {"build": "defined", "train": "defined"}
    assert program.findings["train"].place == Place(2, 1)
    assert "print" not in text(program)


def test_a_blank_function_is_no_reason_to_run_the_script() -> None:
    cells = ("def build(): ?", "def train(): ?", "model = build()\nhistory = train()")
    assert found(read_exercises(notebook(*cells), SCRIPTS)) == {"build": "blank", "train": "blank"}


def test_a_statement_with_a_blank_or_that_is_no_python_is_left_out_of_a_script() -> None:
    program = read_exercises(
        notebook("a = 1\nmodel = ?\nb = a", "history = = 3", "def f(x, x): pass\nc = 2"), SCRIPTS
    )
    assert found(program) == {"build": "missing", "train": "missing"}
    program = read_exercises(notebook("a = 1\nother = ?\nmodel = a", "def f(x, x): pass\nc = 2"), SCRIPTS)
    assert [chunk.source.strip() for chunk in program.chunks] == ["a = 1", "model = a", "c = 2"]


def test_without_any_of_its_names_nothing_is_run() -> None:
    program = read_exercises(notebook("x = 1\nprint(x)"), SCRIPTS)
    assert found(program) == {"build": "missing", "train": "missing"}
    assert program.chunks == ()


def test_findings_never_raise_for_odd_notebooks() -> None:
    for source in (
        "",
        "class Thing",
        "class Thing: ?",
        "class Thing(:\n  def first",
        "\x00",
        "class Thing:\n" + " " * 9,
    ):
        for finding in read_exercises(notebook(source), METHODS).findings.values():
            assert finding.found in (Found.MISSING, Found.BLANK, Found.BROKEN, Found.DEFINED)
