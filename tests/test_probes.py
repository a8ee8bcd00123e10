"""Probes inside the worker: what they are given, what they may return, whose fault what is. NumPy alone."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.context import Grading, bake, self_check
from grader.judge import judge
from grader.oracle import compute
from grader.pipeline import Context, grade
from grader.plan import plan
from grader.programs import AuthoringError, load_reference
from grader.reports.feedback import to_markdown
from grader.sandbox import questions
from grader.sandbox.attempts import SandboxLost
from grader.sandbox.plain import PlainRunner
from grader.sandbox.pool import Zygote
from grader.spec import load_assignment
from grader.types import (
    Answer,
    Assignment,
    Call,
    Case,
    Chunk,
    Exercise,
    Expectations,
    Expected,
    Family,
    Finding,
    Found,
    Graded,
    Limits,
    Mistake,
    Observable,
    Observation,
    Place,
    Probe,
    Program,
    Run,
    Submission,
    Verdict,
)
from grader.vetting.assignment import Bench, checks

LIMITS = Limits(wall_s=10.0, cpu_s=8)
X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Zygote | PlainRunner]:
    if sys.platform == "linux":
        with Zygote("numpy") as zygote:
            yield zygote
    else:
        yield PlainRunner("numpy")


def ask(
    sandbox: Any, probes: str, learner: str, *observes: str, inputs: dict[str, Any] | None = None, times: int = 1
) -> list[Observation]:
    """What the probe `look` says of a learner's cell, asked as often as `times`."""
    learner, probes = textwrap.dedent(learner), textwrap.dedent(probes)
    values = {"x": X} if inputs is None else inputs
    calls = [
        Call(f"thing/{n}", "thing", tuple(values), (), values, probe="look", observes=observes)
        for n in range(times)
    ]
    program = Program((Chunk(learner, 3),), {}, {3: learner}, probes=probes)
    return list(sandbox.run(program, calls, LIMITS).observations.values())


def looks(body: str) -> str:
    return "import numpy as np\ndef look(learner, x):\n" + textwrap.indent(textwrap.dedent(body), "    ")


# ---------------------------------------------------------------- what goes in and what comes out


def test_inputs_arrive_by_name_as_arrays_and_numbers(sandbox: Any) -> None:
    probes = """
    import numpy as np
    def look(learner, rate, x):
        x[0] = 7
        return {"kinds": [type(rate) is float, type(x) is np.ndarray, x.dtype == "float32"], "sum": x.sum() * rate}
    """
    first, second = ask(sandbox, probes, "", "kinds", "sum", inputs={"x": X, "rate": 0.5}, times=2)
    assert first.ended is Verdict.PASSED, first.fault
    assert first.arrays["kinds"].tolist() == [1, 1, 1]
    assert first.arrays["sum"] == second.arrays["sum"] == 0.5 * (21 + 12)  # each call has a fresh copy
    assert X[0, 0] == 0


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("x", X),
        ("x.astype('f8')", X.astype("f8")),
        ("2", 2.0),
        ("True", 1.0),
        ("np.float32(0.5)", np.float32(0.5)),
        ("x.shape", [2.0, 3.0]),
        ("[True, 2, 0.5, np.ones(1)]", [1.0, 2.0, 0.5, 1.0]),
        ("()", []),
        ("x > 2", (X > 2).astype("f8")),
        ("x.astype(int)", X.astype("f8")),
        ("float('nan')", np.nan),
    ],
)
def test_whatever_is_made_of_numbers_becomes_a_floating_array(sandbox: Any, value: str, seen: Any) -> None:
    (found,) = ask(sandbox, looks(f"return {{'a': {value}}}"), "", "a")
    assert found.fault is None
    assert found.arrays["a"].dtype.kind == "f"
    np.testing.assert_array_equal(found.arrays["a"], seen)
    assert (found.value, found.gradients) == (None, {})


def test_none_means_that_there_is_none(sandbox: Any) -> None:
    (found,) = ask(sandbox, looks("return {'a': None, 'b': 1}"), "", "a", "b")
    assert found.ended is Verdict.PASSED
    assert set(found.arrays) == {"b"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("'text'", "a str is no number or array"),
        ("['a']", "a str in a sequence of numbers"),
        ("[x]", "a ndarray in a sequence of numbers"),
        ("{}", "a dict is no number or array"),
        ("1j", "returned values of type complex128, not real numbers"),
        ("np.array([None])", "returned values of type object, not real numbers"),
        ("np.zeros(1 << 23)", "returned 64 MiB, more than 32 MiB"),
        ("np.zeros((1 << 23) - 1, bool)", "returned 63 MiB, more than 32 MiB"),  # as float64
    ],
)
def test_what_is_no_number_is_told_so(sandbox: Any, value: str, told: str) -> None:
    (found,) = ask(sandbox, looks(f"return {{'a': {value}}}"), "", "a")
    assert found.ended is Verdict.ERROR
    assert found.fault is not None
    assert (found.fault.type, found.fault.message) == ("NotANumber", told)


def test_random_numbers_begin_anew_before_each_look(sandbox: Any) -> None:
    probes = looks("import random\nreturn {'a': np.random.rand() + random.random() + learner.draw()}")
    learner = "import numpy\nnumpy.random.rand(5)\ndef draw():\n    return numpy.random.rand()"
    looked = ask(sandbox, probes, learner, "a", times=3)
    assert len({float(one.arrays["a"]) for one in looked}) == 1


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("{'a': 1}", "the probe look observed ['a'], not ['a', 'b']"),
        ("{'a': 1, 'b': 1, 'c': 1}", "the probe look observed ['a', 'b', 'c'], not ['a', 'b']"),
        ("None", "the probe look observed a NoneType, not ['a', 'b']"),
        ("[1, 2]", "the probe look observed a list, not ['a', 'b']"),
    ],
)
def test_a_probe_that_observes_other_names_is_told_so(sandbox: Any, returned: str, told: str) -> None:
    (found,) = ask(sandbox, looks(f"return {returned}"), "", "a", "b")
    assert found.fault is not None
    assert (found.fault.type, found.fault.message, found.fault.place) == ("RuntimeError", told, None)


def test_observations_that_nobody_asked_for_are_forged() -> None:
    asked = Call("a/b", "a", ("x",), (), {"x": X}, probe="look", observes=("loss",))
    assert set(questions.passed(asked, {"loss": X}).arrays) == {"loss"}
    assert questions.passed(asked, {}).ended is Verdict.PASSED  # there was none
    for name in ("value", "d x", "other"):
        with pytest.raises(questions.Forged, match="nobody asked for"):
            questions.passed(asked, {"loss": X, name: X})


# ---------------------------------------------------------------- the learner's names and faults


def test_the_notebook_is_seen_as_attributes(sandbox: Any) -> None:
    probes = looks("""
    before = learner.count
    learner.increase()
    return {"a": [before, learner.count, hasattr(learner, "nothing"), hasattr(learner, "count")],
            "b": getattr(learner, "nothing", 5.0)}
    """)
    learner = "count = 1\ndef increase():\n    global count\n    count += 1"
    (found,) = ask(sandbox, probes, learner, "a", "b")
    assert found.arrays["a"].tolist() == [1, 2, 0, 1]
    assert found.arrays["b"] == 5


def test_a_name_that_the_notebook_lacks_is_a_name_error(sandbox: Any) -> None:
    (found,) = ask(sandbox, looks("return {'a': learner.Distiller(1)}"), "x = 1", "a")
    assert found.fault is not None
    assert (found.fault.type, found.fault.message) == ("NameError", "name 'Distiller' is not defined")


def test_an_exception_of_the_learners_code_has_its_line(sandbox: Any) -> None:
    learner = "class Thing:\n    def step(self):\n        return [][3]\n"
    (found,) = ask(sandbox, looks("return {'a': learner.Thing().step()}"), learner, "a")
    assert found.fault is not None
    assert (found.fault.type, found.fault.place, found.fault.during) == ("IndexError", Place(3, 3), "call")


def test_an_attribute_error_of_the_learners_own_stays_one(sandbox: Any) -> None:
    learner = "class Thing:\n    def step(self):\n        return self.wieght\n"
    (found,) = ask(sandbox, looks("return {'a': learner.Thing().step()}"), learner, "a")
    assert found.fault is not None
    assert found.fault.type == "AttributeError"
    assert "wieght" in found.fault.message
    assert found.fault.place == Place(3, 3)


# ---------------------------------------------------------------- before the notebook is loaded


def test_before_loading_runs_first_and_once(sandbox: Any) -> None:
    probes = """
    import sys, types
    calls = []
    def before_loading():
        calls.append("__main__" in sys.modules and hasattr(sys.modules["__main__"], "mark"))
        sys.modules["datasets"] = types.SimpleNamespace(load=lambda: 42)
        open("data.txt", "w").write("7")
    def look(learner, x):
        return {"a": [len(calls), calls[0], learner.data, learner.file]}
    """
    learner = "mark = 1\nimport datasets\ndata = datasets.load()\nfile = int(open('data.txt').read())"
    looked = ask(sandbox, probes, learner, "a", times=2)
    assert [one.arrays["a"].tolist() for one in looked] == [[1, 0, 42, 7]] * 2


@pytest.mark.parametrize(
    ("probes", "told"),
    [
        (
            "def before_loading():\n    raise OSError('the stand-in\\nis broken')",
            r"line 2: OSError: the stand-in is broken",
        ),
        ("import numpy\n\nimport nothing_of_that_name", r"line 3: ModuleNotFoundError: .*nothing_of_that_name"),
        ("def before_loading():\n    import sys\n    sys.exit(3)", r"line 3: SystemExit: 3"),
    ],
)
def test_probes_that_cannot_be_made_ready_are_never_the_learners_fault(
    sandbox: Any, probes: str, told: str
) -> None:
    with pytest.raises(SandboxLost, match=told):
        ask(sandbox, probes, "", "a")
    with pytest.raises(SandboxLost, match=told), PlainRunner("numpy") as plain:
        ask(plain, probes, "", "a")
    (well,) = ask(sandbox, looks("return {'a': 1}"), "", "a")  # the sandbox goes on
    assert well.ended is Verdict.PASSED


# ---------------------------------------------------------------- what a hostile learner gains


HOSTILE = {
    "through gc": """
        import gc
        for thing in gc.get_objects():
            if isinstance(thing, dict) and "look" in thing and "helper" in thing:
                thing["helper"] = lambda x: 100.0
        """,
    "through frames": """
        import sys
        frame = sys._getframe()
        while frame:
            for value in list(frame.f_locals.values()):
                if getattr(value, "__name__", "") == "probes":
                    value.helper = lambda x: 100.0
            frame = frame.f_back
        """,
    "through numpy": """
        import numpy
        numpy.sum = lambda x: 100.0
        """,
}


@pytest.mark.parametrize("way", HOSTILE)
def test_who_rewrites_the_probe_gains_only_another_array(sandbox: Any, way: str) -> None:
    probes = """
    import numpy as np
    def helper(x):
        return np.sum(x)
    def look(learner, x):
        return {"a": helper(x)}
    """
    (found,) = ask(sandbox, probes, HOSTILE[way], "a")
    assert found.ended is Verdict.PASSED
    assert found.arrays["a"] == 100  # it was told, and is compared like any other number
    (next_one,) = ask(sandbox, probes, "", "a")
    assert next_one.arrays["a"] == X.sum()  # the next submission finds everything as it was


def test_a_made_up_observable_is_forged(sandbox: Any) -> None:
    """The worker is the learner's to rewrite; the supervisor knows what it asked for."""
    learner = """
    import sys, numpy
    sys.modules["grader.sandbox.probing"].answer = lambda *args: {"a": numpy.ones(()), "secret": numpy.ones(())}
    """
    (found,) = ask(sandbox, looks("return {'a': 1}"), learner, "a")
    assert found.ended is Verdict.FORGED


# ---------------------------------------------------------------- a whole assignment

SPEC = """
slug: small
version: "1"
title: {en: Small, ko: 작은 것}
framework: numpy
exercises:
  made:
    definition: Line.__init__
    title: {en: made, ko: 만들기}
    probes:
      fresh:
        inputs: [w]
        observes:
          kept: {en: the weights that were kept, ko: 보관된 가중치}
    cases:
      typical: {public: true, inputs: {w: {normal: [3]}}}
      hidden: {inputs: {w: {normal: [4]}}}
  step:
    definition: Line.step
    title: {en: step, ko: 한 단계}
    probes:
      once:
        inputs: [x, w, rate]
        observes:
          error: {en: the error, ko: 오차, rtol: 1.0e-4}
          moved: {en: how the weights moved, ko: 가중치의 움직임}
      twice:
        inputs: [x, w, rate]
        observes:
          error: {en: the error of the second step, ko: 두 번째 단계의 오차}
    cases:
      one: {probe: once, public: true, inputs: {x: {normal: [5, 3]}, w: {normal: [3]}, rate: 0.1}}
      one_hidden: {probe: once, inputs: {x: {normal: [6, 2]}, w: {normal: [2]}, rate: 0.2}}
      two: {probe: twice, public: true, inputs: {x: {normal: [5, 3]}, w: {normal: [3]}, rate: 0.1}}
"""
PROBES = """
import numpy as np
def fresh(learner, w):
    return {"kept": learner.Line(w).w}
def once(learner, x, w, rate):
    line = learner.Line(w)
    error = line.step(x, rate)
    return {"error": error, "moved": None if line.w is None else line.w - w}
def twice(learner, x, w, rate):
    line = learner.Line(w)
    line.step(x, rate)
    return {"error": line.step(x, rate)}
"""
LINE = """
import numpy as np
class Line:
    def __init__(self, w):
        self.w = w
    def step(self, x, rate):
        before = x @ self.w
        self.w = self.w - rate * 2 * x.T @ before / len(x)
        return (before ** 2).mean()
"""
UP = LINE.replace("self.w - rate", "self.w + rate").replace("Line", "Up")
HALF = LINE.replace("(before ** 2).mean()", "(before ** 2).mean() / 2").replace("Line", "Half")
# Right in one step; from the second one on it is the first error again.
FORGETS = LINE.replace("return (before ** 2).mean()", "self.first = getattr(self, 'first', (before ** 2).mean())")
FORGETS = FORGETS.replace("class Line", "class Forgets") + "        return self.first\n"
DOUBLE = LINE.replace("self.w = w\n", "self.w = 2 * w\n").replace("Line", "Double")
MARK = "from grader.authoring import mistake, variant\n"


def mark(kind: str, exercise: str, source: str, **words: str) -> str:
    told = ", ".join(f"{key}={value!r}" for key, value in words.items())
    return source.replace("class ", f'@{kind}("{exercise}", {told})\nclass ', 1).replace(
        "import numpy as np\n", ""
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An assignment whose two exercises are methods of one class, with a family and four mistakes."""
    folder, reference = tmp_path / "assignments" / "small", tmp_path / "reference" / "small"
    folder.mkdir(parents=True)
    reference.mkdir(parents=True)
    (folder / "spec.yaml").write_text(SPEC, "utf-8")
    (folder / "probes.py").write_text(PROBES, "utf-8")
    blank = LINE.replace("self.w = w", "self.w = ?").replace("(before ** 2).mean()", "?")
    (folder / "notebook.ipynb").write_bytes(notebook(blank))
    (reference / "solution_numpy.py").write_text(LINE, "utf-8")
    (reference / "variants.py").write_text(
        "import numpy as np\n"
        + MARK
        + mark("variant", "step", HALF, family="half", en="Halved; that is fine.", ko="반입니다."),
        "utf-8",
    )
    mistakes = [
        mark("mistake", "step", UP, en="Uphill.", ko="위로 갑니다."),
        mark("mistake", "step", FORGETS, en="Forgets.", ko="잊어버립니다."),
        mark("mistake", "made", DOUBLE, en="Doubled.", ko="두 배입니다."),
    ]
    (reference / "mistakes.py").write_text("import numpy as np\n" + MARK + "\n".join(mistakes), "utf-8")
    points = (
        "small:\n  criteria:\n    made: {points: 40, exercise: made}\n    step: {points: 60, exercise: step}\n"
    )
    (tmp_path / "rubric.yaml").write_text(points, "utf-8")
    return tmp_path


def notebook(*cells: str) -> bytes:
    found = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell.strip("\n")}
        for cell in cells
    ]
    return json.dumps({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.fixture
def context(root: Path, sandbox: Any) -> Context:
    return Grading(root, "small", b"a secret").context(sandbox)


def submit(context: Context, *cells: str) -> Graded:
    return grade(Submission("kim", "kim.ipynb", notebook(*cells), ""), context)


def verdicts(graded: Graded) -> dict[str, str]:
    return {result.exercise: result.verdict.value for result in graded.results}


def named(graded: Graded) -> dict[str, str | None]:
    return {result.exercise: result.mistake for result in graded.results}


def test_two_exercises_of_one_class_are_judged_apart(context: Context) -> None:
    right = submit(context, LINE)
    assert (right.grade.earned, right.grade.possible) == (100, 100)
    # A step from doubled weights shows other numbers, so both are wrong; the class is one.
    doubled = submit(context, DOUBLE.replace("Double", "Line"))
    assert verdicts(doubled) == {"made": "failed", "step": "failed"}
    assert named(doubled) == {"made": "Double", "step": None}
    up = submit(context, UP.replace("Up", "Line"))
    assert verdicts(up) == {"made": "passed", "step": "failed"}
    assert (up.grade.earned, named(up)["step"]) == (40, "Up")


def test_a_blank_method_costs_only_its_own_exercise(context: Context) -> None:
    half_done = LINE.replace("(before ** 2).mean()", "?")
    assert verdicts(submit(context, half_done)) == {"made": "passed", "step": "not_attempted"}
    untouched = submit(context, half_done.replace("self.w = w", "self.w = ?"))
    assert verdicts(untouched) == {"made": "not_attempted", "step": "not_attempted"}
    assert untouched.grade.earned == 0


def test_a_family_of_a_probed_exercise_is_told(context: Context) -> None:
    graded = submit(context, HALF.replace("Half", "Line"))
    assert verdicts(graded) == {"made": "passed", "step": "passed"}
    assert graded.results[1].family == "half"
    assert "Halved; that is fine." in to_markdown(graded, context.expectations, "en", {})


def test_a_family_must_hold_in_every_probe(context: Context) -> None:
    """The halved error in the first step, the whole one in the second."""
    mixed = LINE.replace("return", "self.n = getattr(self, 'n', 0) + 1\n        return (self.n / 2) *")
    assert verdicts(submit(context, mixed))["step"] == "failed"


def test_a_mistake_seen_in_one_probe_only_is_recognised_by_it(context: Context) -> None:
    graded = submit(context, FORGETS.replace("Forgets", "Line"))
    assert named(graded)["step"] == "Forgets"
    # Uphill and thrice the error: neither probe shows all that is known of it.
    assert named(submit(context, UP.replace("Up", "Line").replace(".mean()", ".mean() * 3")))["step"] is None


def test_an_exception_and_a_missing_class_are_told(context: Context) -> None:
    raising = LINE.replace("before = x @ self.w", "before = x @ self.weights")
    graded = submit(context, "import math", raising)
    assert verdicts(graded) == {"made": "passed", "step": "error"}
    told = to_markdown(graded, context.expectations, "en", {})
    assert "AttributeError: 'Line' object has no attribute 'weights'" in told
    assert "cell 2, line 6" in told
    missing = submit(context, LINE.replace("class Line", "class Linear"))
    assert verdicts(missing) == {"made": "missing", "step": "missing"}
    english = to_markdown(missing, context.expectations, "en", {})
    assert "No function or class named Line was found in the notebook." in english
    korean = to_markdown(missing, context.expectations, "ko", {})
    assert "이름이 Line인 함수나 클래스를 찾지 못했습니다" in korean


def test_a_class_that_is_no_python_is_an_error_with_its_line(context: Context) -> None:
    graded = submit(context, LINE.replace("before = x @ self.w", "before = = x"))
    assert verdicts(graded) == {"made": "error", "step": "error"}
    assert "(cell 1, line 6)" in to_markdown(graded, context.expectations, "en", {})


def test_hidden_cases_keep_what_was_observed_hidden(context: Context) -> None:
    graded = submit(context, UP.replace("Up", "Line"))
    wrong = {c.case: c for c in graded.results[1].checks if c.check == "moved"}
    assert wrong["one"].mismatch is not None
    assert wrong["one_hidden"].mismatch is not None
    assert not wrong["one_hidden"].public
    for lang in ("en", "ko"):
        told = to_markdown(graded, context.expectations, lang, {})
        assert wrong["one"].mismatch.actual in told
        assert wrong["one_hidden"].mismatch.actual not in told
        assert wrong["one_hidden"].mismatch.expected not in told
    assert "how the weights moved: value differs" in to_markdown(graded, context.expectations, "en", {})


def test_a_hidden_exception_keeps_its_message(context: Context) -> None:
    leaking = LINE.replace("before =", "assert len(x) != 6, f'leak {x}'\n        before =")
    graded = submit(context, leaking)
    assert verdicts(graded)["step"] == "error"
    told = to_markdown(graded, context.expectations, "en", {})
    assert "AssertionError" in told
    assert "leak" not in told


def test_each_probe_has_its_own_words_for_an_observable_of_one_name(context: Context) -> None:
    graded = submit(context, FORGETS.replace("Forgets", "Line"))
    told = to_markdown(graded, context.expectations, "en", {})
    assert "the error of the second step: value differs" in told
    assert "the error: value differs" not in told


def test_nothing_where_something_is_expected_is_wrong(context: Context) -> None:
    empty = LINE.replace("self.w = self.w - rate", "self.w = None; rate")
    graded = submit(context, empty)
    (moved,) = [c for c in graded.results[1].checks if c.check == "moved" and c.case == "one"]
    assert moved.verdict == Verdict.FAILED
    assert moved.mismatch is not None
    assert moved.mismatch.kind == "none"
    assert "how the weights moved: there is none" in to_markdown(graded, context.expectations, "en", {})


def test_references_run_in_float64_and_learners_in_float32(context: Context, root: Path, sandbox: Any) -> None:
    for expected in context.expectations.cases.values():
        arrays = expected.families["reference"].arrays
        assert set(arrays) == set(expected.case.observes)
        assert {array.dtype.name for array in arrays.values()} == {"float64"}
    told = LINE.replace("self.w = w\n", "self.w = w.itemsize * np.ones(len(w), w.dtype)\n")
    graded = submit(context, told)
    assert graded.run is not None
    assert graded.run.observations["made/typical"].arrays["kept"].tolist() == [4, 4, 4]
    edited = root / "reference" / "small" / "solution_numpy.py"
    edited.write_text(told, "utf-8")
    grading = Grading(root, "small", b"a secret")
    computed = compute(grading.assignment, grading.reference, grading.cases, sandbox)
    assert computed.cases["made/typical"].families["reference"].arrays["kept"].tolist() == [8, 8, 8]


def test_the_tolerance_of_an_observable_is_its_own(context: Context) -> None:
    def seen(old: str, new: str) -> dict[str, str]:
        checks = submit(context, LINE.replace(old, new)).results[1].checks
        return {check.check: check.verdict.value for check in checks if check.case == "one"}

    assert seen(".mean()", ".mean() * (1 + 7e-5)") == {"error": "passed", "moved": "passed"}  # its rtol: 1e-4
    assert seen(".mean()", ".mean() * (1 + 1.5e-4)") == {"error": "failed", "moved": "passed"}
    assert seen("rate * 2", "rate * (2 + 1.4e-4)") == {"error": "passed", "moved": "failed"}  # the default: 3e-5


def test_an_observable_that_the_reference_has_none_of_is_the_authors_fault(root: Path, sandbox: Any) -> None:
    file = root / "assignments" / "small" / "probes.py"
    file.write_text(PROBES.replace('"moved": None if line.w is None else line.w - w', '"moved": None'), "utf-8")
    with pytest.raises(AuthoringError, match="solution: reference on case step/one gives no finite moved"):
        Grading(root, "small", b"a secret").context(sandbox)


def test_a_probe_that_observes_other_names_is_the_authors_fault(root: Path, sandbox: Any) -> None:
    file = root / "assignments" / "small" / "probes.py"
    file.write_text(PROBES.replace('{"kept":', '{"keep":'), "utf-8")
    with pytest.raises(
        AuthoringError, match=r"made/typical .*the probe fresh observed \['keep'\], not \['kept'\]"
    ):
        Grading(root, "small", b"a secret").context(sandbox)


def test_a_failure_of_before_loading_makes_a_grade_not_final(context: Context) -> None:
    broken = PROBES + "\ndef before_loading():\n    raise OSError('no space for the stand-in')\n"
    graded = submit(replace(context, assignment=replace(context.assignment, probes=broken)), LINE)
    assert not graded.grade.final
    assert all(score.verdict == Verdict.INTERNAL for score in graded.grade.scores)
    assert "line 15: OSError: no space for the stand-in" in graded.internal
    assert submit(context, LINE).grade.final


def test_the_self_check_works_without_a_sandbox(root: Path, sandbox: Any) -> None:
    folder = root / "assignments" / "small"
    bake(folder, load_reference(root / "reference" / "small", load_assignment(folder)), sandbox)
    with PlainRunner("numpy") as plain:
        own = self_check(folder, plain)
        assert set(own.expectations.cases) == {"made/typical", "step/one", "step/two"}
        assert verdicts(submit(own, LINE)) == {"made": "passed", "step": "passed"}
        assert named(submit(own, UP.replace("Up", "Line"))) == {"made": None, "step": "Up"}
        assert named(submit(own, FORGETS.replace("Forgets", "Line")))["step"] == "Forgets"


def test_vetting_notices_what_differs_from_run_to_run(root: Path, sandbox: Any) -> None:
    file = root / "assignments" / "small" / "probes.py"
    noise = "    np.random.seed()\n    return {'error': float(line.step(x, rate)) + 1e-12 * np.random.rand()}\n"
    text = PROBES.replace('    return {"error": line.step(x, rate)}\n', noise)
    assert text != PROBES
    for probes, wrong in ((PROBES, []), (text, ["step/two: two runs differ"])):
        file.write_text(probes, "utf-8")
        bench = Bench(Grading(root, "small", b"a secret"), sandbox, None)
        (check,) = [check for check in checks(bench) if check.name == "two runs are identical to the bit"]
        assert check.run() == wrong


def test_public_cases_are_asked_first(context: Context) -> None:
    calls = plan(context.assignment, [e.case for e in context.expectations.cases.values()])
    assert [c.id for c in calls] == ["made/typical", "step/one", "step/two", "made/hidden", "step/one_hidden"]
    assert [c.probe for c in calls] == ["fresh", "once", "twice", "fresh", "once"]


# ---------------------------------------------------------------- recognising, on records alone


def recognised(seen: dict[str, dict[str, float]], mistakes: dict[str, dict[str, dict[str, float]]]) -> str | None:
    """Two probes with one case each, where everything right is 1: which mistake do these numbers look like?"""
    probes = {p: Probe(p, (), {c: Observable({}, 1e-4) for c in seen[p]}) for p in seen}
    exercise = Exercise("e", {}, (), (), (), "loss", (), 1e-4, False, (), probes=probes)
    cases = {p: Case("e", p, "ordinary", True, {}, (), None, (), p, tuple(seen[p])) for p in seen}

    def arrays(numbers: dict[str, float]) -> dict[str, Any]:
        return {name: np.asarray(value, np.float64) for name, value in numbers.items()}

    def answer(numbers: dict[str, float]) -> Answer:
        return Answer(None, {}, arrays(numbers))

    expected = {
        cases[p].id: Expected(
            cases[p],
            {"reference": answer(dict.fromkeys(seen[p], 1.0))},
            {name: answer(numbers.get(p, {})) for name, numbers in mistakes.items()},
            {},
        )
        for p in seen
    }
    known = {name: Mistake(name, "e", {}) for name in mistakes}
    run = Run({cases[p].id: Observation(cases[p].id, Verdict.PASSED, arrays=arrays(seen[p])) for p in seen})
    assignment = Assignment("a", "1", {}, "numpy", {"e": exercise}, LIMITS, "", "")
    program = Program((), {"e": Finding(Found.DEFINED)})
    (result,) = judge(program, run, assignment, Expectations(expected, {"e": (Family("reference"),)}, known))
    return result.mistake


def test_a_mistake_is_named_when_all_probes_agree() -> None:
    mistakes = {"other": {"p": {"a": 2, "b": 2}, "q": {"a": 1}}, "this": {"p": {"a": 2, "b": 1}, "q": {"a": 5}}}
    assert recognised({"p": {"a": 2, "b": 1}, "q": {"a": 5}}, mistakes) == "this"


def test_a_mistake_on_one_probe_is_named_by_it() -> None:
    mistakes = {"this": {"p": {"a": 2, "b": 1}, "q": {"a": 5}}}
    assert recognised({"p": {"a": 2, "b": 1}, "q": {"a": 7}}, mistakes) == "this"
    assert recognised({"p": {"a": 9, "b": 1}, "q": {"a": 5}}, mistakes) == "this"


def test_every_observable_of_a_probe_must_look_alike() -> None:
    mistakes = {"this": {"p": {"a": 2, "b": 3}, "q": {"a": 5}}}
    assert recognised({"p": {"a": 2, "b": 1}, "q": {"a": 1}}, mistakes) is None


def test_a_probe_without_a_fault_names_nothing() -> None:
    """What is right looks like every mistake that this probe cannot see."""
    mistakes = {"blind": {"p": {"a": 1, "b": 1}, "q": {"a": 5}}}
    assert recognised({"p": {"a": 1, "b": 1}, "q": {"a": 7}}, mistakes) is None


def test_a_mistake_that_raised_names_nothing() -> None:
    assert recognised({"p": {"a": 2}, "q": {"a": 1}}, {"raises": {}}) is None
