"""Programs are found by name in whatever cells a notebook has; one bad cell costs only itself."""

import ast
import warnings
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits_for_tests import cpu_limit

from grader.cleaning import BLANK, clean
from grader.extract import extract
from grader.names import needs
from grader.salvage import MAX_CODE
from grader.types import Cell, Found, Notebook, Place, Program

KD = "def kd(l_t, l_s, T):\n    return l_t - l_s / T\n"
TEMPLATE_KD = "def kd(l_t, l_s, T):\n    # to do\n    loss = ?\n    return loss\n"


def notebook(*cells: str) -> Notebook:
    """Code cells numbered 2, 4, 6, ...: a text cell stands before each."""
    return Notebook(tuple(Cell(2 * index, source) for index, source in enumerate(cells, start=1)))


def program(*cells: str, names: Sequence[str] = ("kd",), **options) -> Program:
    return extract(notebook(*cells), names, **options)


def found(*cells: str, **options) -> Found:
    return program(*cells, **options).findings["kd"].found


def texts(made: Program) -> list[str]:
    return [chunk.source.lstrip("\n") for chunk in made.chunks]


def kinds(made: Program) -> list[tuple[str, Place | None]]:
    return [(remark.kind, remark.place) for remark in made.remarks]


def run(made: Program) -> dict[str, object]:
    """Execute the chunks as the worker does, each by itself, in order."""
    namespace: dict[str, object] = {}
    for chunk in made.chunks:
        exec(compile(chunk.source, f"<cell {chunk.cell}>", "exec"), namespace)
    return namespace


# ---------------------------------------------------------------- what IPython accepts


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "%%time",
        "%load_ext autoreload",
        "!pip install x",
        "!wget -q \\\n  https://example.org/a \\\n    -O b",
        "!ls {path}",
        "files = !ls *.png",
        "a, b = !ls",
        "r = %timeit -o f()",
        "pip install kaggle --upgrade",
        "conda install -y x",
        "cd /content/drive",
        "tf.norm?",
        "?tf.norm",
        "tf.nn.softmax??",
        "??tf",
        "tf.*norm*?",
        "x.data[0]?",
        "%cd /content",
        "%time !ls",
        "",
        "# what is this?",
        "s = 'why? %x !y'",
        "s = '''\n%magic\n!shell\nwhy?\n'''",
        "x = (3\n   % 2)",
        "x = [\n  5\n% 3]",
        "a = 1 != 2",
        "x = 7 % 4",
        "s = 'a\\'? ' \"it's?\"  # don't?",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_that_only_ipython_accepts_cost_nothing(line, newline):
    made = program(f"{line}\n{KD}".replace("\n", newline))
    assert made.findings["kd"].found == Found.DEFINED
    assert made.findings["kd"].place == Place(2, line.count("\n") + 2)
    assert made.remarks == ()
    assert run(made)["kd"](8, 4, 2) == 6


def test_commands_inside_blocks_leave_the_block_whole():
    blocks = f"if True:\n    !pip install x \\\n      y\n    %cd z\n{KD}try:\n\t%cd a\nexcept OSError:\n\t!b\n"
    made = program(blocks)
    assert (made.findings["kd"].found, made.remarks) == (Found.DEFINED, ())


def test_cell_magics_keep_python_and_drop_the_rest():
    assert found("%%time\n%%capture out\n" + KD) == Found.DEFINED
    assert found("# note\n\n%%timeit -n 1\n" + KD) == Found.DEFINED
    for magic in ("%%bash", "%%html", "%%writefile kd.py", "%%javascript", "%%cython", "%%!"):
        made = program(f"{magic}\n{KD}")
        assert (made.findings["kd"].found, made.remarks) == (Found.MISSING, ())


def test_timed_statements_are_kept():
    made = program("%time T = 3\n", "x = %time len('abc')", "def kd(): return T + x")
    assert run(made)["kd"]() == 6


def test_leading_indentation_of_a_whole_cell_is_dropped():
    made = program("    # note\n    def kd(a):\n        return a\n")
    assert run(made)["kd"](5) == 5


@pytest.mark.parametrize(
    "line",
    ["loss = ?", "loss = loss + ?", "loss = ??", "loss = tf.reduce_sum(?, axis=?)", "return ?",
     "return loss?",
     "loss = (?)", "loss = ? # fill", "? = a", "loss = tf.?(a)", "loss ?", "loss = a ? b", "?", "???",
     "loss = [?]",
     "loss = ?\n    x = ? + ?", "if ?: pass", "for i in ?: pass", "loss = -?", "loss = ? ? ?", "raise ?",
     "loss = 'a' ?",
     "loss = ? if ? else ?", "loss = a if ? else b", "assert ?, 'x'", "lambda x: ?", "loss = tf.f(x=?)"],
)  # fmt: skip
def test_a_question_mark_is_a_blank_and_the_cell_still_parses(line):
    cell = f"def kd(l_t, l_s, T):\n    a = b = loss = 1\n    {line}\n    return loss\n\ndef other(): return 1\n"
    ast.parse(clean(cell))
    made = program(cell, names=("kd", "other"))
    assert made.findings["kd"].found == Found.BLANK
    assert made.findings["kd"].place == Place(2, 1)
    assert made.findings["other"].found == Found.DEFINED
    assert made.remarks == ()
    assert texts(made) == ["def other(): return 1"]


def test_question_marks_in_strings_and_comments_are_no_blanks():
    assert found('def kd(a):\n    """Why?"""\n    # really?\n    return a, "?", f"{a}?"\n') == Found.DEFINED


@given(st.text(max_size=60) | st.text("?%!\\\n\r\"'()[]{}#= \tax.;:\x0c\x00", max_size=40))
@settings(max_examples=300)
def test_cleaning_keeps_the_number_of_lines(text):
    lines = text.replace("\r\n", "\n").replace("\r", "\n").count("\n")
    assert clean(text).count("\n") == lines


@pytest.mark.parametrize(
    "text",
    ["x = [1,\n 2]\n", "s = '''a?\n%b\n!c'''\n", "f(a)[b] % c\n", "if a:\n\tb = {1: '#?'}\n", "# q?\n", "\n"],
)  # fmt: skip
def test_cleaning_leaves_python_alone(text):
    assert clean(text * 3) == text * 3


# ---------------------------------------------------------------- blank or attempt


@pytest.mark.parametrize(
    "body",
    ["pass", "...", '"""Only words."""', "raise NotImplementedError", "raise NotImplementedError('todo')",
     "return None", "return", "return ...", "loss = None\n    return loss", "loss = ...\n    return loss",
     "p = l_t / T\n    raise NotImplementedError", "'''doc'''\n    a = b = None\n    return (b)"],
)  # fmt: skip
def test_placeholders_are_not_attempts(body):
    assert found(f"def kd(l_t, l_s, T):\n    {body}\n") == Found.BLANK


@pytest.mark.parametrize(
    "body", ["return 0", "loss = 0\n    return loss", "return l_t", "loss = None\n    return T"]
)
def test_anything_else_is_an_attempt(body):
    assert found(f"def kd(l_t, l_s, T):\n    {body}\n", template=notebook(TEMPLATE_KD)) == Found.DEFINED


GIVEN = "def kd(y, p):\n    w = 0.1\n    loss = ce(y, p)\n    {}\n    return loss\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [("loss = loss + ?", Found.BLANK), ("loss = loss + None", Found.BLANK),
     ("loss = loss + ...", Found.BLANK),
     ("loss = loss", Found.BLANK), ("pass", Found.BLANK), ("# nothing", Found.BLANK),
     ("'''note'''", Found.BLANK),
     ("loss = loss + 0", Found.DEFINED), ("loss = loss + w", Found.DEFINED), ("loss += w", Found.DEFINED),
     ("loss = loss - None", Found.DEFINED), ("loss = w", Found.DEFINED),
     ("w = 2\n    loss = loss", Found.DEFINED)],
)  # fmt: skip
def test_the_template_with_its_blank_taken_out_is_not_an_attempt(line, expected):
    template = notebook(GIVEN.format("loss = loss + ?"))
    assert found(GIVEN.format(line), template=template) == expected


def test_code_that_the_template_gives_whole_counts_unchanged():
    given_code = GIVEN.format("loss = loss + w")
    assert found(given_code, template=notebook(given_code)) == Found.DEFINED


def test_an_alias_of_a_blank_function_is_blank():
    assert found("def my_kd(a):\n    pass\nkd = my_kd\n") == Found.BLANK
    assert found("kd = lambda a: None") == Found.BLANK


# ---------------------------------------------------------------- which definition


def test_the_last_definition_wins():
    made = program("def kd(): return 1", "def kd(): return 2\n\ndef kd(): return 3")
    assert run(made)["kd"]() == 3
    assert (made.findings["kd"].definitions, made.findings["kd"].place) == (3, Place(4, 3))
    assert [(r.kind, r.place, r.detail) for r in made.remarks] == [("several_definitions", Place(4, 3), "3")]
    assert len(made.chunks) == 1


@pytest.mark.parametrize(
    "later", [TEMPLATE_KD, "def kd(a):\n    return (\n", "def kd(a):\n    pass", "def kd(a, a): return 1"]
)
def test_an_attempt_is_not_undone_by_a_later_blank_or_broken_one(later):
    for cells in ((KD, later), (later, KD)):
        made = program(*cells)
        assert made.findings["kd"].found == Found.DEFINED
        assert run(made)["kd"](8, 4, 2) == 6


@pytest.mark.parametrize(
    "cell",
    ["def my(a): return a\nkd = my", "kd = lambda a: a", "kd: object = lambda a: a",
     "import functools\n@functools.lru_cache\ndef kd(a): return a",
     "import functools\ndef kd(a): return a\nkd = functools.lru_cache(kd)",
     "if True:\n    def kd(a): return a", "try:\n    def kd(a): return a\nexcept ImportError:\n    pass",
     "import contextlib\nwith contextlib.suppress(OSError):\n    def kd(a):\n        return a\n",
     "from operator import pos as kd", "class kd(int): pass\n", "x = 1; kd = lambda a: a; y = 2",
     "if True: kd = lambda a: a", "for i in range(2):\n    def kd(a): return a + i - 1",
     "def kd(a): return a;"],
)  # fmt: skip
def test_every_way_to_define_counts(cell):
    if cell.startswith("class"):
        cell = "class kd(int):\n    def method(self): return 1\n"
    made = program(cell)
    assert made.findings["kd"].found == Found.DEFINED
    assert run(made)["kd"](5) == 5


def test_a_result_stored_under_the_functions_name_is_no_definition():
    made = program(KD, "kd = kd(1, 2, 3)", "kd = 3", "kd.x = 1")
    assert run(made)["kd"](8, 4, 2) == 6
    assert made.findings["kd"].definitions == 1


def test_methods_and_inner_functions_do_not_count_but_are_named():
    for cell, name in (
        ("class Net:\n    def kd(self): return 1\n", "Net.kd"),
        ("def f():\n  def kd(): return 1\n", "f.kd"),
    ):
        finding = program(cell).findings["kd"]
        assert (finding.found, finding.nearest, finding.detail) == (Found.MISSING, name, "nested")


@pytest.mark.parametrize(
    ("name", "cell", "nearest"),
    [("knowledge_distillation", "def knowledge_distilation(a): return a", "knowledge_distilation"),
     ("knowledge_distillation", "def Knowledge_Distillation(a): return a", "Knowledge_Distillation"),
     ("knowledge_distillation", "def f(l_t, l_s, T): return 1\ndef g(x): return x", "f"),
     ("knowledge_distillation", "def g(x): return x", None),
     ("loss_with_kd", "def loss_with_at(y_true, y_pred): return 1", None)],
)  # fmt: skip
def test_a_missing_function_comes_with_the_nearest_name(name, cell, nearest):
    template = notebook("def knowledge_distillation(l_t, l_s, T):\n    loss = ?\n",
                        "def loss_with_at(y_true, y_pred): return ?",
                        "def loss_with_kd(y_true, y_pred): return 2")  # fmt: skip
    finding = program(cell, names=(name, "loss_with_at"), template=template).findings[name]
    assert (finding.found, finding.nearest) == (Found.MISSING, nearest)


# ---------------------------------------------------------------- cells that do not parse


@pytest.mark.parametrize(
    "garbage",
    ["아래 함수를 구현하세요.", "Module = C #@param [\"A\", \"B\"", "Module =  #@param {type:\"string\"}",
     "print 'a', x",
     "x = os.path.join(,f'a')", "y = model.cuda(async=True)", "loss = a +", "x = foo(", "s = '''open",
     "else: pass",
     "  indented = 1", ")", "I don't know", "data = [1, 2", "if x:", "three 3 4", "\t", "x = \\",
     "Great work!", "왜?",
     "무엇을 해야 하나요? 모르겠다"],
)  # fmt: skip
@pytest.mark.parametrize("after", [False, True])
def test_functions_beside_garbage_survive(garbage, after):
    if garbage.startswith("  ") and after:
        pytest.skip("belongs to the function above, which is then broken")
    cell = f"{KD}\n\n{garbage}\n" if after else f"{garbage}\n\n{KD}\n\nx = 1\n"
    made = program(cell)
    finding = made.findings["kd"]
    assert finding.found == Found.DEFINED
    assert finding.place == Place(2, 1 if after else 3)
    assert run(made)["kd"](8, 4, 2) == 6


@pytest.mark.parametrize("before", ["x = foo(", ")", "x = [1, (2"])
def test_commands_are_seen_again_after_unbalanced_brackets(before):
    made = program(f"{before}\ndef kd(a):\n    !ls\n    %time b = a\n    return b\n")
    assert run(made)["kd"](3) == 3


def test_a_stray_bracket_hides_no_command():
    assert run(program(")\n%time kd = abs\n"))["kd"](-3) == 3


def test_a_header_over_several_lines_survives_an_open_bracket_above():
    assert run(program("x = (\ndef kd(\n    a,\n):\n    return a\n"))["kd"](3) == 3


def test_a_blank_in_a_function_that_does_not_parse_is_a_blank():
    assert found("def kd(a):\n    loss = ? ? : b c\n") == Found.BLANK


def test_python_warnings_about_the_learners_code_stay_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found("def kd(a): return '\\d', 1 is 1, a\n") == Found.DEFINED


def test_a_cell_that_does_not_parse_is_told_with_its_line():
    made = program(KD, "x = 1\nModule = #@param\n")
    assert [(r.kind, r.place, r.detail) for r in made.remarks] == [
        ("cell_unparseable", Place(4, 2), "invalid syntax")
    ]


@pytest.mark.parametrize(
    ("cell", "line"),
    [("x = 1\n\ndef kd(a):\n    b = (a\n    return b\n", 3), ("def kd(a)\n    return a\n", 1),
     ("def kd(a):\nreturn a", 1),
     ("@tf.function\ndef kd(a):\n    return a b\n", 2), ("def kd(a):\n    return a\n  b = 1\n", 1),
     ("def kd(a):\n    b = a\n설명을 적은 줄\n    return b\n", 1), ("def kd(a, a):\n    return a\n", 1),
     ("def kd(a):\n    b = a\nreturn b\n", 1),
     ("def kd(a):\n    global a\n    return a", 1), ("    x = 1\ndef kd(a):\n      return a a", 2)],
)  # fmt: skip
def test_a_function_that_does_not_parse_is_broken_and_its_neighbour_is_not(cell, line):
    made = program(cell + "\n\ndef other(a):\n    return a\n", names=("kd", "other"))
    finding = made.findings["kd"]
    assert (finding.found, finding.place) == (Found.BROKEN, Place(2, line))
    assert finding.detail.startswith("line ")
    assert made.findings["other"].found == Found.DEFINED
    assert run(made)["other"](3) == 3


def test_python_2_prints_are_taken_out():
    made = program("def kd(a):\n    print 'loss', a\n    if a:\n        print\n    return a\n")
    assert run(made)["kd"](3) == 3
    assert kinds(made) == [("python2_print", Place(2, 2))]


def test_tabs_form_feeds_nul_bytes_and_lone_surrogates():
    made = program("\x0cdef kd(a):\n\tb = a\n\treturn b, '\x00\ud800'\n", "x = \ud83d\n")
    assert run(made)["kd"](3) == (3, " \ufffd")


@pytest.mark.parametrize(
    "bomb",
    ["(" * 100_000, "-" * 100_000 + "1", "a" + ".b" * 50_000, "1" + "+1" * 50_000, "a" + "[0]" * 50_000,
     "if a: pass\n" + "elif a: pass\n" * 5000, "lambda:" * 5000 + "1", "f'{" * 200, "9" * 10_000,
     "x = " + "not " * 50_000 + "x", "a = " * 50_000 + "1", "\n".join(" " * i + "if x:" for i in range(150)),
     "x = " + "{1:" * 90 + "1" + "}" * 90, "x = a" + ".b" * 2500, "if a: pass\n" + "elif a: pass\n" * 900,
     "def f(): return " + "1+" * 2500 + "1"],
)  # fmt: skip
def test_deeply_nested_code_costs_only_itself(bomb):
    made = program(
        f"{KD}\n{bomb}\n", KD.replace("kd", "kd2"), f"def kd3(a):\n    return {bomb}\n", names=("kd", "kd2", "kd3")
    )
    assert [made.findings[name].found for name in ("kd", "kd2")] == [Found.DEFINED] * 2


# ---------------------------------------------------------------- slicing


def test_takes_along_what_is_needed_in_notebook_order_and_nothing_else():
    made = program(
        "import os, math as m\nimport numpy as np\nprint('hello')",
        "params = {'T': 1}\nbatch = 128\nunused = [1]",
        "class Helper:\n    scale = m.sqrt(16)\n\ndef at(a):\n    return inner(a) + Helper.scale\n",
        "def inner(a):\n    loss = a\n    return loss * WEIGHTS[0]\n",
        "WEIGHTS = []\nWEIGHTS.append(10)\nloss = 1 / 0\nparams['T'] = 2\nhistory = student.fit(1)\n",
        "def kd(a, batch=batch):\n    return at(a) + params['T'] + batch\n",
        "params['T'] += 5\nkd(1)\n",
    )
    assert texts(made) == [
        "import math as m",
        "params = {'T': 1}",
        "batch = 128",
        "class Helper:\n    scale = m.sqrt(16)",
        "def at(a):\n    return inner(a) + Helper.scale",
        "def inner(a):\n    loss = a\n    return loss * WEIGHTS[0]",
        "WEIGHTS = []",
        "WEIGHTS.append(10)",
        "params['T'] = 2",
        "def kd(a, batch=batch):\n    return at(a) + params['T'] + batch",
        "params['T'] += 5",
    ]
    assert run(made)["kd"](1) == 10 + 4 + 7 + 128
    assert made.remarks == ()
    assert set(made.cells) == {2, 4, 6, 8, 10, 12, 14}


@pytest.mark.parametrize(
    ("binder", "value"),
    [("if True:\n    T = 1\nelse:\n    T = 2", 1),
     ("try:\n    T = 1 / 0\nexcept ZeroDivisionError:\n    T = 3", 3),
     ("for T in range(5): pass", 4), ("with open('/dev/null') as T: pass\nT = 6", 6), ("T, U = 7, 8", 7),
     ("(a, [T, *b]) = 1, [9, 2]", 9), ("T: int = 5", 5), ("T = 1\nT += 1", 2), ("x = (T := 4)", 4),
     ("import math\nT = math.floor(2.5)", 2), ("from math import floor\nT = floor(2.5)", 2),
     ("match [1, 2]:\n    case [T, *rest]: pass", 1), ("def f(): return 5\nT = f()", 5),
     ("a = 3; T = a; b = 1 / 0", 3),
     ("if True: T = 2", 2), ("while True:\n    T = 8\n    break", 8)],
)  # fmt: skip
def test_every_binding_of_a_needed_name_is_found(binder, value):
    assert run(program(binder, "def kd(): return T"))["kd"]() == value


def test_names_that_the_grader_provides_are_not_taken():
    made = program("logits_t = build()", "def kd(y): return y + logits_t", bound=frozenset({"logits_t"}))
    assert texts(made) == ["def kd(y): return y + logits_t"]


def test_assignments_to_attributes_of_needed_modules_come_along():
    made = program("import types\ntf = types.SimpleNamespace(losses=types.SimpleNamespace())",
                   "tf.losses.huber = lambda a: 2 * a", "def kd(a): return tf.losses.huber(a)")  # fmt: skip
    assert run(made)["kd"](4) == 8


@pytest.mark.parametrize(
    "statement",
    ["x = cifar10.load_data()", "(x, w), z = tf.keras.datasets.cifar10.load_data()",
     "x = model.fit_generator(a)",
     "x, _ = urlretrieve('http://example.org')", "x = [model.predict(b) for b in c]",
     "x = CIFAR10('.', download=True)",
     "for x in range(3):\n    model.train_on_batch(x)", "x = datagen.flow(a, b)", "x = input()",
     "x = np.load('x.npy')"],
)  # fmt: skip
def test_loading_and_training_are_left_out_with_a_remark(statement):
    made = program("y = 1", statement, "def kd(a): return a + x + y")
    assert texts(made) == ["y = 1", "def kd(a): return a + x + y"]
    assert [(r.kind, r.place, r.detail) for r in made.remarks] == [("left_out", Place(4, 1), "x")]


def test_what_stands_inside_functions_is_neither_run_nor_bound():
    made = program(
        "def helper(m):\n    T = 5\n    return m.predict(T)\n",
        "T = 2\ndef other():\n    T = 3\n    params.update(T=1)\n",
        "def kd(a): return helper, a + T",
    )
    assert len(made.chunks) == 3
    assert run(made)["kd"](1)[1] == 3
    assert made.remarks == ()


def test_functions_inside_a_block_that_also_trains_are_taken_alone():
    cell = "if True:\n    T = 2\n\n    @staticmethod\n    def kd(a):\n        return a + T\n    model.fit()\n"
    made = program(cell)
    assert run(made)["kd"](3) == 5
    assert "fit" not in "".join(texts(made))


def test_a_whole_program_in_one_cell_is_not_run():
    cell = f"import tensorflow as tf\n{KD}\nif __name__ == '__main__':\n    model.fit()\n    kd(1, 2, 3)\n"
    assert texts(program(cell)) == [KD.rstrip()]


@pytest.mark.parametrize(("library", "taken"), [("math", True), ("my_utils", False)])
def test_star_imports_come_along_when_a_name_is_unresolved(library, taken):
    made = program(f"from {library} import *", "def kd(a): return sqrt(a)")
    assert (f"from {library} import *" in texts(made)) is taken
    assert (made.remarks == ()) is taken
    assert program(f"from {library} import *", KD).remarks == ()
    assert texts(program(f"from {library} import *", KD)) == [KD.rstrip()]


def test_local_names_pull_nothing():
    function = "def kd(x):\n    T = [p for p in x]\n    loss = lambda e: e\n    return loss(T)"
    made = program("loss = T = x = p = e = 1 / 0", function)
    assert len(made.chunks) == 1


@pytest.mark.parametrize(
    "function",
    ["def kd(): return N", "def kd(a=N): return a", "def kd(a: N): return 1", "@N\ndef kd(a): return a",
     "def kd():\n    def f():\n        return [N for i in ()]\n    return f", "kd = lambda: N",
     "def kd(): return f'{N}'",
     "class C:\n    def f(self): return N\ndef kd(): return C", "def kd():\n    global N\n    N = 3"],
)  # fmt: skip
def test_names_are_needed_wherever_they_stand(function):
    assert "N = 1" in texts(program("N = 1", function))


def test_an_exercise_that_another_one_uses_is_taken_once():
    cells = ("def kd(): return 1", "def kd(): return 2\nkd = kd()", "def loss(): return kd()")
    made = program(*cells, names=("kd", "loss"))
    assert texts(made) == ["def kd(): return 2", "def loss(): return kd()"]


def test_blank_helpers_and_other_exercises_are_no_error():
    made = program(
        "def helper(a):\n    return ?\n",
        TEMPLATE_KD,
        "def loss(y): return kd(y, y, 1) + helper(y)",
        names=("kd", "loss"),
    )
    assert texts(made) == ["def loss(y): return kd(y, y, 1) + helper(y)"]
    assert [made.findings[name].found for name in ("kd", "loss")] == [Found.BLANK, Found.DEFINED]


# ---------------------------------------------------------------- lines


def test_line_numbers_are_the_cells():
    cell = "%matplotlib inline\nx = 1; y = (\n  2)\n\n@(lambda f: f)\n@(lambda f:\n   f)\n"
    cell += "def kd(a):\n    '''two\n    lines'''\n\n    return 1 / 0\n"
    made = program(cell, "def other(a): return y")
    assert made.findings["kd"].place == Place(2, 8)
    with pytest.raises(ZeroDivisionError) as caught:
        run(made)["kd"](1)
    assert caught.traceback[-1].lineno + 1 == 12
    assert made.cells[2].split("\n")[11] == "    return 1 / 0"
    assert made.cells[2].split("\n")[0] == "pass"


def test_a_python_file_has_no_cells():
    made = extract(Notebook((Cell(None, f"# kim\n{KD}"),)), ["kd"])
    assert made.findings["kd"].place == Place(None, 2)
    assert [chunk.cell for chunk in made.chunks] == [None]
    assert set(made.cells) == {None}


# ---------------------------------------------------------------- anything at all

REAL = [
    "%matplotlib inline\nimport tensorflow as tf\nfrom tensorflow.keras.layers import *\n",
    "def kd(l_t, l_s, T):\n    # Q2: 구현\n    p = tf.nn.softmax(l_t / T)\n    loss = ?\n    return loss\n",
    "class Net(tf.keras.Model):\n    '''doc?'''\n    def call(self, x):\n        return f\"{x!r} {x:>{3}}\"\n",
    "!wget a \\\n  b\nx = %time f()\nif a:\n\ty = [i for i in range(3)]\nelse:\n\tprint 'x'\n",
    "def loss(y_true, y_pred):\n    w = {'a': 0.1, **b}\n    return kd(y_true, y_pred, w['a']) \\\n        + 1\n",
]  # fmt: skip


INSERTED = ["", "\n", "(", "'''", "?", "\t", "\\", ":", "def ", "가", "\x0c", "\r", ";"]


@st.composite
def mutated(draw) -> str:
    text = "".join(draw(st.lists(st.sampled_from(REAL), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 12)))
        text = text[:at] + draw(st.sampled_from(INSERTED)) + text[end:]
    return text


@given(st.lists(mutated() | st.text(max_size=30), max_size=3))
@settings(max_examples=400, deadline=None)
def test_any_cells_give_a_program_that_compiles(cells):
    made = program(*cells, names=("kd", "loss"), template=notebook(*REAL))
    assert made == program(*cells, names=("kd", "loss"), template=notebook(*REAL))
    for chunk in made.chunks:
        needs(chunk.source)
        assert BLANK not in chunk.source or "'" in chunk.source
        lines = notebook(*cells).cells[(chunk.cell or 0) // 2 - 1].source
        assert chunk.source.count("\n") <= lines.count("\n") + lines.count("\r")
    for finding in made.findings.values():
        assert (finding.found == Found.MISSING) or finding.place is not None


@pytest.mark.parametrize(
    "piece",
    ["x = 1\n", "x=1;", "?", "? ", "'", "'''", '"""\\', "(", "[\n", "!a\\\n", "a" * 50 + "?\n",
     "x=" * 3, "#", "%a\n", "x = !a\n", " ", "\t\n",
     "def kd():\n", "@a\n", "kd = f\n", "kd = kd;", "def kd(): pass\n", "print x\n", "\\\n", "a.", "{'a':",
     "가 ", "else:\n", "if kd:\n ",
     "lambda:", "tf.norm", "a[", "=", "-", "class A:\n", "'\\", "pip install\n", "kd=kd\n", "kd.x=1\n"],
)  # fmt: skip
def test_long_cells_do_not_hang_the_reader(piece):
    """A quadratic scan of such a cell takes minutes; how the time really grows is in benchmarks/reading.py."""
    with cpu_limit(60):
        for size in (MAX_CODE - 100, 5_000_000):
            made = program(f"def kd(f): return f\n{piece * (size // len(piece))}", KD)
            assert made.findings["kd"].place is not None


def test_needed_statements_are_limited_in_number_and_size():
    made = program("T = 1\n" + "T = T + 1\n" * 20_000, "def kd(): return T")
    assert len(made.chunks) == 2000
    assert [remark.kind for remark in made.remarks] == ["too_large"]
    assert sum(len(chunk.source) for chunk in made.chunks) < 10_000_000
    padded = program("x = 1\n" * 40_000 + "T = 1\n" + "T = T + 1\n" * 1000, "def kd(): return T")
    assert 7 * 2**20 < sum(len(chunk.source) for chunk in padded.chunks) <= 8 * 2**20
    assert "too_large" in [remark.kind for remark in padded.remarks]


def test_remarks_are_limited_in_number():
    made = program("x = input()\n" * 3000, *["a b"] * 300, "def kd(): return x")
    assert len(made.remarks) == 100
    assert made.findings["kd"].found == Found.DEFINED


def test_a_cell_beyond_all_measure_is_broken():
    made = program(KD + "x = 1\n" * 300_000)
    assert made.findings["kd"].found == Found.BROKEN
    assert kinds(made) == [("cell_unparseable", Place(2, 1))]
