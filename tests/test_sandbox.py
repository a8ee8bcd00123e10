"""Programs through the sandbox: loading, calls, values, gradients, stand-ins, verdicts."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from grader.types import Array, Call, Chunk, Limits, Observation, Place, Program, Run, StandIn, Verdict

if sys.platform != "linux":
    pytest.skip("the fork server needs Linux", allow_module_level=True)

from grader.sandbox import wire
from grader.sandbox.attempts import BUDGET, Follow
from grader.sandbox.dialogue import TOTAL_LIMIT, Dialogue, Forged, clean
from grader.sandbox.pool import SandboxLost, Zygote

LIMITS = Limits(wall_s=10.0, cpu_s=8)
SHORT = Limits(wall_s=1.5, cpu_s=1)
X = np.arange(6, dtype="f4").reshape(2, 3)


def program(*cells: str, first: int = 1) -> Program:
    """One chunk for every cell."""
    texts = {first + i: textwrap.dedent(cell) for i, cell in enumerate(cells)}
    return Program(tuple(Chunk(text, number) for number, text in texts.items()), {}, dict(texts))


def call(
    function: str,
    *args: str,
    id: str = "",
    bind: tuple[str, ...] = (),
    gradient: tuple[str, ...] = (),
    cotangent: str | None = None,
    stand_ins: tuple[StandIn, ...] = (),
    inputs: Mapping[str, Array | float] | None = None,
) -> Call:
    values = {"x": X} if inputs is None else inputs
    return Call(id or f"{function}/a", function, args, bind, values, gradient, cotangent, stand_ins)


@pytest.fixture(scope="module")
def plain_numpy() -> Iterator[Zygote]:
    with Zygote("numpy") as zygote:
        yield zygote


def one(run: Run) -> Observation:
    (observation,) = run.observations.values()
    return observation


def ask(zygote: Zygote, source: str, *calls: Call, limits: Limits = LIMITS) -> Run:
    return zygote.run(program(source), calls, limits)


# ---------------------------------------------------------------- plain functions


def test_a_value_comes_back_and_the_zygote_tells_about_itself(plain_numpy: Zygote) -> None:
    run = ask(plain_numpy, "def f(x):\n    print('안녕')\n    return x.sum(axis=0)", call("f", "x"))
    assert one(run).ended is Verdict.PASSED
    assert one(run).value.tolist() == [3, 5, 7]
    assert one(run).value.dtype == np.float32
    assert run.printed == "안녕\n"
    assert run.workers == 1
    assert 0 < run.cpu_s < 2
    assert min(run.wall_s, run.memory_mb) > 0
    assert run.layers == plain_numpy.layers
    assert plain_numpy.versions["numpy"] == np.__version__
    assert plain_numpy.startup_s > 0


def test_numbers_stay_python_numbers_and_arrays_without_axes_arrays(plain_numpy: Zygote) -> None:
    source = "import numpy\ndef f(*args):\n    return [float, int, numpy.ndarray].index(type(args[0]))"
    for index, value in enumerate((2.0, 3, np.ones((), "f4"))):
        assert one(ask(plain_numpy, source, call("f", "v", inputs={"v": value}))).value == index


def test_chunks_share_one_module_and_a_bad_one_does_not_stop_the_next(plain_numpy: Zygote) -> None:
    cells = ("import math\nk = 2", "\n\n1 / 0", "def f(x):\n    return k * math.pi", "x = (", "import scipyy")
    run = plain_numpy.run(program(*cells), [call("f", "x")], LIMITS)
    assert one(run).value == pytest.approx(2 * np.pi)
    told = [(f.type, f.place, f.during) for f in run.load_faults]
    assert told == [
        ("ZeroDivisionError", Place(2, 3), "load"),
        ("SyntaxError", Place(4, 1), "load"),
        ("ModuleNotFoundError", Place(5, 1), "load"),
    ]


def test_an_exception_tells_type_message_and_innermost_learner_line(plain_numpy: Zygote) -> None:
    source = "def g(x):\n    return x @ x\n\ndef f(x):\n    return g(x)"
    fault = one(ask(plain_numpy, source, call("f", "x"))).fault
    assert fault is not None
    assert (fault.type, fault.place, fault.during) == ("ValueError", Place(1, 2), "call")
    assert "matmul" in fault.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("pass", "returned None"),
        ("return [1.0, x]", "returned a list of 2 (float, ...)"),
        ("return 'text'", "returned a str, not a number or an array"),
        ("return x + 1j", "returned values of type complex64, not real numbers"),
        ("import numpy\n    return numpy.array([None])", "returned values of type object, not real numbers"),
        ("import numpy\n    return numpy.zeros(1 << 23)", "returned 64 MiB, more than 32 MiB"),
        ("return float", "returned a type, not a number or an array"),
    ],
)
def test_what_is_no_array_of_numbers_is_told_so(plain_numpy: Zygote, body: str, message: str) -> None:
    observation = one(ask(plain_numpy, f"def f(x):\n    {body}", call("f", "x")))
    assert observation.ended is Verdict.ERROR
    assert observation.fault is not None
    assert (observation.fault.type, observation.fault.message) == ("NotANumber", message)


def test_a_missing_function_is_a_name_error(plain_numpy: Zygote) -> None:
    fault = one(ask(plain_numpy, "k = 1", call("f", "x"))).fault
    assert fault is not None
    assert (fault.type, fault.message) == ("NameError", "name 'f' is not defined")


def test_bound_names_hold_for_one_call_only(plain_numpy: Zygote) -> None:
    source = "k = 1.0\ndef f(x):\n    return k + m\ndef g(x):\n    return k\ndef h(x):\n    return m"
    inputs = {"x": X, "k": 10.0, "m": 5.0}
    run = ask(plain_numpy, source, call("f", "x", bind=("k", "m"), inputs=inputs), call("g", "x"), call("h", "x"))
    f, g, h = run.observations.values()
    assert (f.value, g.value) == (15.0, 1.0)
    assert h.fault is not None
    assert h.fault.type == "NameError"


@pytest.mark.parametrize("statement", ["raise SystemExit(3)", "raise KeyboardInterrupt", "exit(1)", "input()"])
def test_leaving_politely_is_an_error(plain_numpy: Zygote, statement: str) -> None:
    cells = (statement, f"def f(x):\n    {statement}", "def g(x):\n    return 1.0")
    run = plain_numpy.run(program(*cells), [call("f", "x"), call("g", "x")], LIMITS)
    assert [o.ended for o in run.observations.values()] == [Verdict.ERROR, Verdict.PASSED]
    assert [f.place for f in run.load_faults] == [Place(1, 1)]
    assert run.workers == 1


def test_calls_that_name_inputs_they_do_not_bring_are_our_fault() -> None:
    with pytest.raises(ValueError, match="does not bring: y"):
        Dialogue(program(""), [0], [call("f", "x", "y")])


def test_two_calls_with_one_id_are_our_fault(plain_numpy: Zygote) -> None:
    with pytest.raises(ValueError, match="same id"):
        ask(plain_numpy, "", call("f", "x"), call("f", "x"))


def test_every_run_starts_from_the_same_random_state(plain_numpy: Zygote) -> None:
    source = "import random, numpy\ndef f(x):\n    return random.random() + numpy.random.rand()"
    values = {float(one(ask(plain_numpy, source, call("f", "x"))).value) for _ in range(3)}
    assert len(values) == 1


# ---------------------------------------------------------------- stand-ins

HELPER = "def helper(*a, **k):\n    raise RuntimeError('the own helper')\n"
INPUTS = {"x": X, "y": X + 1, "out": np.float32(7) * np.ones(2, "f4"), "other": np.ones(3, "f4")}


def stand(expression: str, *entries: StandIn) -> tuple[str, Call]:
    return HELPER + f"def f(x, y):\n    return {expression}", call("f", "x", "y", inputs=INPUTS, stand_ins=entries)


@pytest.mark.parametrize(
    "expression",
    ["helper(x, 2.0)", "helper(x + 0, 2)", "helper(a=x, T=2.0)", "helper(x.astype('f8'), x.dtype.type(2))"],
)
def test_a_stand_in_answers_the_described_call(plain_numpy: Zygote, expression: str) -> None:
    source, asked = stand(expression, StandIn("helper", ("x", 2.0), "out"))
    assert one(ask(plain_numpy, source, asked)).value.tolist() == [7, 7]


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("helper(x, 3.0)", "shape [2, 3], 3"),
        ("helper(x + 1, 2.0)", "shape [2, 3], 2"),
        ("helper(x[0], 2.0)", "shape [3], 2"),
        ("helper(x)", "shape [2, 3]"),
        ("helper(2.0, x)", "2, shape [2, 3]"),
        ("helper(None, 2.0)", "NoneType, 2"),
    ],
)
def test_a_stand_in_refuses_any_other_call(plain_numpy: Zygote, expression: str, shown: str) -> None:
    source, asked = stand(expression, StandIn("helper", ("x", 2.0), "out"))
    fault = one(ask(plain_numpy, source, asked)).fault
    assert fault is not None
    assert fault.type == "StandInMismatch"
    assert f"helper was called with ({shown})" in fault.message
    assert fault.place == Place(1, 4)


def test_a_symmetric_stand_in_takes_any_order(plain_numpy: Zygote) -> None:
    for symmetric in (True, False):
        source, asked = stand("helper(y, x)", StandIn("helper", ("x", "y"), "out", symmetric))
        assert one(ask(plain_numpy, source, asked)).ended is (Verdict.PASSED if symmetric else Verdict.ERROR)


def test_several_stand_ins_of_one_helper_and_its_return_afterwards(plain_numpy: Zygote) -> None:
    entries = (StandIn("helper", ("x",), "out"), StandIn("helper", ("y",), "other"))
    source, asked = stand("helper(x)[0] + helper(y)[0]", *entries)
    run = ask(plain_numpy, source, asked, call("f", "x", "y", id="f/b", inputs=INPUTS))
    first, second = run.observations.values()
    assert first.value == 8
    assert second.fault is not None
    assert second.fault.message == "the own helper"


# ---------------------------------------------------------------- frameworks

TF = """
import tensorflow as tf
def mean_of_squares(x, T):
    return tf.reduce_mean(x * x) * T
def squares(x):
    return x * x
def cut(x):
    return (x * x).numpy()
def variable(x):
    return tf.Variable(x * 2.0)
def half(x):
    return tf.cast(x, tf.bfloat16)
def constant(x):
    return tf.constant(3)
@tf.function
def compiled(x):
    if tf.reduce_sum(x) > 0.0:
        return helper(x) * k
    return x
def graph(x):
    return tf.autograph.to_graph(compiled.python_function)(x)
def symbolic(x):
    return tf.keras.Input((3,))
def huge(x):
    return tf.zeros([1 << 18, 1 << 18])
def rows(x):
    return tf.gather(x, [0, 0])
def helper(x):
    return 0.0 * x
k = 1.0
"""
TORCH = """
import torch
def mean_of_squares(x, T):
    return (x * x).mean() * T
def squares(x):
    return x * x
def cut(x):
    return (x * x).detach().numpy()
def half(x):
    return x.to(torch.bfloat16)
def constant(x):
    return torch.tensor(3)
def inplace(x):
    x *= 2
    return x
def helper(x):
    return 0.0 * x
def compiled(x):
    return helper(x) * k
compiled = torch.compile(compiled)
def huge(x):
    return torch.zeros(1 << 18, 1 << 18)
def sparse(x):
    return x.to_sparse()
k = 1.0
"""
GRADIENT = {"gradient": ("x",)}


@pytest.fixture(params=["tensorflow", "torch"])
def both(request: pytest.FixtureRequest) -> tuple[Zygote, str]:
    return request.getfixturevalue(request.param), {"tensorflow": TF, "torch": TORCH}[request.param]


def test_values_and_gradients(both: tuple[Zygote, str]) -> None:
    zygote, source = both
    inputs = {"x": X, "T": 2.0, "w": X + 1, "narrow": np.ones(3, "f4")}
    asked = [
        call("mean_of_squares", "x", "T", inputs=inputs, gradient=("x",)),
        call("squares", "x", inputs=inputs, gradient=("x",)),
        call("squares", "x", id="squares/w", inputs=inputs, gradient=("x",), cotangent="w"),
        call("squares", "x", id="squares/n", inputs=inputs, gradient=("x",), cotangent="narrow"),
        call("squares", "x", id="squares/wx", inputs=inputs, gradient=("w", "x")),
        call("squares", "x", id="squares/none", inputs=inputs),
        call("squares", "x", id="squares/number", inputs={"x": 3.0}, gradient=("x",)),
        call("squares", "x", id="squares/0d", inputs={"x": np.float32(3)}, gradient=("x",)),
        call("cut", "x", gradient=("x",)),
        call("constant", "x", gradient=("x",)),
    ]
    run = ask(zygote, source, *asked)
    got = dict(run.observations)
    assert {o.ended for o in got.values()} == {Verdict.PASSED}
    assert got["mean_of_squares/a"].value == pytest.approx(2 * np.mean(X**2))
    assert np.allclose(got["mean_of_squares/a"].gradients["x"], 2 * 2 * X / 6)
    assert np.allclose(got["squares/a"].value, X**2)
    assert np.allclose(got["squares/a"].gradients["x"], 2 * X / 6)
    assert np.allclose(got["squares/w"].gradients["x"], 2 * X * (X + 1))
    assert got["squares/n"].gradients == {"x": None}
    assert got["squares/wx"].gradients["w"] is None
    assert np.allclose(got["squares/wx"].gradients["x"], 2 * X / 6)
    assert got["squares/none"].gradients == {}
    assert got["squares/number"].gradients == {"x": None}
    assert got["squares/0d"].gradients["x"] == 6
    assert np.allclose(got["cut/a"].value, X**2)
    assert got["cut/a"].gradients == got["constant/a"].gradients == {"x": None}
    assert {o.value.dtype.name for o in got.values()} == {"float32", "float64", got["constant/a"].value.dtype.name}


def test_bfloat16_arrives_as_float32(both: tuple[Zygote, str]) -> None:
    value = one(ask(*both, call("half", "x"))).value
    assert value.dtype == np.float32
    assert value.tolist() == X.tolist()


def test_compiled_functions_see_bound_names_and_stand_ins_of_each_call(both: tuple[Zygote, str]) -> None:
    asked = [
        call("compiled", "x", id=f"compiled/{k}", bind=("k",), inputs={"x": X, "k": np.float32(k), "h": X + k},
             gradient=("h", "k"), stand_ins=(StandIn("helper", ("x",), "h"),))
        for k in (2, 3)
    ]  # fmt: skip
    for k, observation in zip((2, 3), ask(*both, *asked).observations.values(), strict=True):
        assert np.allclose(observation.value, (X + k) * k)
        assert np.allclose(observation.gradients["h"], np.full((2, 3), k / 6))
        assert observation.gradients["k"] == pytest.approx(np.mean(X + k))


def test_running_out_of_memory_is_told_and_survived(both: tuple[Zygote, str]) -> None:
    run = ask(*both, call("huge", "x"), call("squares", "x"))
    huge, squares = run.observations.values()
    assert (huge.ended, squares.ended, run.workers) == (Verdict.MEMORY, Verdict.PASSED, 1)


def test_tensorflow_containers(tensorflow: Zygote) -> None:
    run = ask(
        tensorflow,
        TF,
        call("variable", "x"),
        call("graph", "x"),
        call("symbolic", "x"),
        call("rows", "x", **GRADIENT),
    )
    variable, graph, symbolic, rows = run.observations.values()
    assert np.allclose(variable.value, 2 * X)
    assert np.allclose(graph.value, 0 * X), graph.fault  # AutoGraph found the source of the cell
    assert symbolic.fault is not None
    assert "symbolic" in symbolic.fault.message
    assert np.allclose(rows.gradients["x"], np.array([[2, 2, 2], [0, 0, 0]]) / 6)  # an IndexedSlices, made dense


def test_both_dialects_of_tensorflow_are_understood(tensorflow: Zygote) -> None:
    source = "import tensorflow as tf\ndef f(x):\n    return tf.log(tf.math.reduce_sum(x, keep_dims=True))"
    observation = one(ask(tensorflow, source, call("f", "x", **GRADIENT)))
    assert np.allclose(observation.value, np.log(15)), observation.fault
    assert np.allclose(observation.gradients["x"], 1 / 15)


def test_torch_particulars(torch: Zygote) -> None:
    run = ask(torch, TORCH, call("inplace", "x", **GRADIENT), call("sparse", "x"))
    inplace, sparse = run.observations.values()
    assert np.allclose(inplace.gradients["x"], np.full((2, 3), 2 / 6))
    assert sparse.fault is not None
    assert sparse.fault.message == "returned a sparse tensor"


# ---------------------------------------------------------------- bad ends

BAD = """
import os, time, ctypes
def loop(x):
    while True:
        pass
def sleep(x):
    time.sleep(100)
def leave(x):
    os._exit(0)
def segfault(x):
    ctypes.string_at(0)
def hang_up(x):
    os.close(3)
    time.sleep(100)
def good(x):
    return x.sum()
"""


@pytest.mark.parametrize(
    ("name", "verdict", "detail"),
    [
        ("loop", Verdict.CPU, "over 1 s of processor time"),
        ("sleep", Verdict.TIMEOUT, "over 1.5 s"),
        ("leave", Verdict.EXITED, "exit status 0"),
        ("segfault", Verdict.CRASHED, "signal 11"),
        ("hang_up", Verdict.EXITED, "closed its connection"),
    ],
)
def test_a_bad_end_costs_its_exercise_and_no_other(
    plain_numpy: Zygote, name: str, verdict: Verdict, detail: str
) -> None:
    limits = Limits(wall_s=4, cpu_s=1) if name == "loop" else SHORT
    names = {f"{name}/first": "good", f"{name}/a": name, f"{name}/b": "good", "good/a": "good"}
    asked = [call(function, "x", id=id) for id, function in names.items()]
    run = ask(plain_numpy, BAD, *asked, limits=limits)
    first, bad, skipped, good = (run.observations[c.id] for c in asked)
    assert (first.ended, good.ended) == (Verdict.PASSED, Verdict.PASSED)
    assert (bad.ended, bad.detail) == (verdict, detail)
    assert skipped.ended is verdict
    assert run.workers == 2


def test_a_chunk_that_ends_the_worker_is_left_out(plain_numpy: Zygote) -> None:
    cells = ("import os", "\nos._exit(0)", "def good(x):\n    return 1.0", "import ctypes; ctypes.string_at(0)")
    run = plain_numpy.run(program(*cells), [call("good", "x")], LIMITS)
    assert one(run).ended is Verdict.PASSED
    assert [(f.type, f.place, f.message) for f in run.load_faults] == [
        ("Exit", Place(2, 2), "exit status 0"),
        ("Crash", Place(4, 1), "signal 11"),
    ]
    assert run.workers == 3


def test_loading_is_tried_a_few_times_only(plain_numpy: Zygote) -> None:
    run = plain_numpy.run(program(*["import os; os._exit(0)"] * 8), [call("f", "x")], LIMITS)
    assert one(run).ended is Verdict.EXITED
    assert run.workers == 6


def test_the_whole_run_has_a_budget(plain_numpy: Zygote) -> None:
    asked = [call("sleep", "x", id=f"e{i}/a") for i in range(6)]
    run = ask(plain_numpy, BAD, *asked, limits=Limits(wall_s=0.5))
    assert {o.ended for o in run.observations.values()} == {Verdict.TIMEOUT}
    assert len(run.observations) == 6
    assert run.workers <= 6
    # Two sleepers get their half second, the others an eighth.
    assert 1.4 < run.wall_s < BUDGET * 0.5


def test_no_question_is_sent_before_the_one_before_is_answered() -> None:
    dialogue = Dialogue(program("f = abs"), [0], [call("f", "x", id="f/a"), call("f", "x", id="f/b")])
    assert b"f = abs" in dialogue.due()
    assert dialogue.due() == b""
    dialogue.feed(wire.encode({"is": "hello", "layers": []}) + wire.encode({"is": "chunk", "at": 0}))
    assert dialogue.due() == b""
    dialogue.feed(wire.encode({"is": "loaded"}))
    assert b"f/a" in dialogue.due()
    assert dialogue.due() == b""
    dialogue.feed(wire.encode({"is": "value", "id": "f/a"}, {"value": np.zeros(())}))
    assert b"f/b" in dialogue.due()
    dialogue.feed(wire.encode({"is": "value", "id": "f/b"}, {"value": np.zeros(())}))
    assert dialogue.due() == b""
    assert dialogue.finished


# ---------------------------------------------------------------- the dialogue alone


def test_untrusted_text_is_cleaned() -> None:
    assert clean("a\x1b[31mb\u202ec\ud800d\n") == "a\ufffd[31mb\ufffdc\ufffdd\n"
    assert len(clean("x" * 10_000)) == 2000


ERROR = {"is": "error", "id": "f/a", "type": "E", "message": ""}


@pytest.mark.parametrize(
    "notes",
    [
        [{"is": "value"}],
        [{"is": "hello"}, {"is": "loaded"}],
        [{"is": "hello"}, {"is": "chunk", "at": 1}],
        [{"is": "hello"}, {"is": "fault", "at": 0, "type": "E", "message": ""}],
        [{"is": "hello"}, {"is": "chunk", "at": 0}, {"is": "fault", "at": 0, "type": 3, "message": ""}],
        [{"is": "hello"}, {"is": "chunk", "at": 0}, {"is": "loaded"}, {"is": "value", "id": "other/a"}],
        [{"is": "hello"}, {"is": "chunk", "at": 0}, {"is": "loaded"}, {"is": "value", "id": "f/a"}],
        [{"is": "hello"}, {"is": "chunk", "at": 0}, {"is": "loaded"}, {"is": "error", "id": "f/a"}],
        [{"is": "hello"}, {"is": "chunk", "at": 0}, {"is": "loaded"}, {"is": "x", "id": "f/a"}],
        [{"is": "hello"}, {"is": "chunk", "at": 0}, {"is": "loaded"}, *[ERROR] * 2],
    ],
)  # fmt: skip
def test_anything_out_of_order_is_forged(notes: list[dict[str, object]]) -> None:
    dialogue = Dialogue(program("1"), [0], [call("f", "x")])
    *fine, last = [wire.encode(note) for note in notes]
    for frame in fine:
        dialogue.due()
        dialogue.feed(frame)
    dialogue.due()
    with pytest.raises(Forged):
        dialogue.feed(last)


@pytest.mark.parametrize("answered", [0, 1, 2])
def test_a_reply_ahead_of_its_question_is_forged_by_the_call_before(answered: int) -> None:
    asked = [call("f", "x", id=f"{name}/a") for name in ("e", "f", "g")]
    dialogue = Dialogue(program("1"), [], asked)
    dialogue.due()
    dialogue.feed(wire.encode({"is": "hello"}) + wire.encode({"is": "loaded"}))
    for one in asked[:answered]:
        dialogue.due()
        dialogue.feed(wire.encode({"is": "value", "id": one.id}, {"value": np.zeros(())}))
    with pytest.raises(Forged, match="before the question"):
        dialogue.feed(wire.encode({"is": "value", "id": asked[answered].id}, {"value": np.zeros(())}))
    assert dialogue.call is asked[max(0, answered - 1)]


@pytest.mark.parametrize(
    ("helper", "called"),
    [
        ("def helper(a, T=2.0): return 0", "helper(x)"),  # its own default
        ("def helper(a, T, squared=True): return 0", "helper(x, 2.0, False)"),  # a flag of its own
        ("def helper(a, T): return 0", "helper(T=2.0, a=x)"),  # by name, in another order
    ],
)
def test_a_stand_in_takes_the_arguments_that_the_helper_took(
    plain_numpy: Zygote, helper: str, called: str
) -> None:
    wanted = StandIn("helper", ("x", 2.0), "h")
    asked = Call("f/a", "f", ("x",), (), {"x": np.ones(3), "h": np.full((), 7.0)}, stand_ins=(wanted,))
    source = f"{helper}\ndef f(x):\n    return {called}"
    assert one(ask(plain_numpy, source, asked)).value == 7.0
    other = f"{helper}\ndef f(x):\n    return helper(x + 1, 2.0)"
    assert one(ask(plain_numpy, other, asked)).ended is Verdict.ERROR


@pytest.mark.parametrize(("line", "known"), [(1, True), (2, True), (3, False), (91356, False), (0, False)])
def test_a_place_is_a_line_of_the_cell_and_no_number_smuggled_out(line: int, known: bool) -> None:
    two_lines = Program((Chunk("def f(x):\n    return x", 7),), {}, {7: "def f(x):\n    return x"})
    dialogue = Dialogue(two_lines, [0], [call("f", "x", id="f/a")])
    for note in ({"is": "hello"}, {"is": "chunk", "at": 0}, {"is": "loaded"}, {**ERROR, "place": [7, line]}):
        dialogue.due()
        dialogue.feed(wire.encode(note))
    told = dialogue.observations["f/a"].fault
    assert told is not None
    assert told.place == (Place(7, line) if known else None)


def test_replies_are_bounded_in_all() -> None:
    asked = [call("f", "x", id=f"f/{i}") for i in range(5)]
    dialogue = Dialogue(program(), [], asked)
    dialogue.due()
    dialogue.feed(wire.encode({"is": "hello"}) + wire.encode({"is": "loaded"}))
    value = {"value": np.zeros(TOTAL_LIMIT // 4 // 8)}
    dialogue.due()
    for i in range(3):
        dialogue.feed(wire.encode({"is": "value", "id": f"f/{i}"}, value))
        dialogue.due()
    with pytest.raises(Forged, match="128 MiB"):
        dialogue.feed(wire.encode({"is": "value", "id": "f/3"}, value))


# ---------------------------------------------------------------- further calls because of an answer


def chain(*ids: str) -> tuple[list[str], Follow]:
    """What is told, in order; each observation asks for the next of `ids` (a function, "/" and anything)."""
    told: list[str] = []
    left = list(ids)

    def follow(observation: Observation) -> list[Call]:
        told.append(f"{observation.id} {observation.ended}")
        return [call(id.partition("/")[0], "x", id=id) for id in left[:1] if left.pop(0)]

    return told, follow


def test_further_calls_go_to_the_same_worker_in_the_order_given(plain_numpy: Zygote) -> None:
    source = "n = 0\ndef good(x):\n    global n\n    n += 1\n    return float(n)"
    told, follow = chain("good/3", "good/4", "good/5")
    run = plain_numpy.run(program(source), [call("good", "x", id=f"good/{i}") for i in (1, 2)], LIMITS, follow)
    assert run.workers == 1
    assert {id: float(o.value) for id, o in run.observations.items()} == {f"good/{i}": i for i in range(1, 6)}
    assert told == [f"good/{i} passed" for i in range(1, 6)]


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("sleep", "timeout"), ("leave", "exited"), ("segfault", "crashed"), ("forge", "forged"), ("loop", "cpu")],
)
def test_a_further_call_that_ends_its_worker_has_its_verdict_and_the_rest_go_on(
    plain_numpy: Zygote, name: str, verdict: str
) -> None:
    limits = Limits(wall_s=4, cpu_s=1) if name == "loop" else SHORT
    told, follow = chain(f"{name}/1", "good/3", "good/4")
    asked = [call("good", "x", id="good/1"), call("good", "x", id="good/2")]
    run = plain_numpy.run(program(BAD + FORGE), asked, limits, follow)
    # good/1 asks for the bad one, which stands after good/2; its end asks for nothing that was asked before.
    wanted = ["good/1 passed", "good/2 passed", f"{name}/1 {verdict}", "good/3 passed", "good/4 passed"]
    assert told == wanted
    assert [f"{id} {o.ended}" for id, o in run.observations.items()] == wanted
    assert run.workers == 2


FORGE = "def forge(x):\n    os.write(3, bytes(64))\n    time.sleep(100)\n"


def test_every_call_that_goes_down_with_a_worker_is_told_once(plain_numpy: Zygote) -> None:
    told, follow = chain()
    asked = [call(f, "x", id=f"e/{f}") for f in ("good", "leave", "loop")] + [call("good", "x", id="f/a")]
    run = plain_numpy.run(program(BAD), asked, LIMITS, follow)
    assert told == ["e/good passed", "e/leave exited", "e/loop exited", "f/a passed"]
    assert run.workers == 2


def test_an_answer_that_turns_out_forged_is_not_told_again(plain_numpy: Zygote) -> None:
    told, follow = chain()
    asked = [call("good", "x", id="e/a"), call("forge", "x", id="e/b"), call("good", "x", id="f/a")]
    run = plain_numpy.run(program(BAD + FORGE), asked, SHORT, follow)
    assert told == ["e/a passed", "e/b forged", "f/a passed"]
    assert run.observations["e/a"].ended is Verdict.FORGED


def test_a_further_call_with_a_known_id_is_our_fault(plain_numpy: Zygote) -> None:
    with pytest.raises(ValueError, match="same id: good/1"):
        plain_numpy.run(program(BAD), [call("good", "x", id="good/1")], LIMITS, chain("good/1")[1])
    with pytest.raises(ValueError, match="does not bring: y"):
        plain_numpy.run(program(BAD), [call("good", "x")], LIMITS, lambda _: [call("good", "y", id="good/2")])
    assert one(ask(plain_numpy, BAD, call("good", "x"))).value == 15


def test_a_run_without_end_is_given_up_once(plain_numpy: Zygote) -> None:
    asked: list[str] = []

    def follow(observation: Observation) -> list[Call]:
        asked.append(observation.id)
        return [call("sleep", "x", id=f"e/{len(asked)}")]

    run = plain_numpy.run(program(BAD), [call("sleep", "x", id="e/0")], Limits(wall_s=0.3), follow)
    assert {o.ended for o in run.observations.values()} == {Verdict.TIMEOUT}
    assert set(run.observations) == {f"e/{i}" for i in range(len(asked) + 1)}
    assert run.wall_s < 2 * BUDGET * 0.3


def test_a_program_that_cannot_be_loaded_asks_for_no_more(plain_numpy: Zygote) -> None:
    told, follow = chain("f/b")
    cells = program(*["import os; os._exit(0)"] * 8)
    run = plain_numpy.run(cells, [call("f", "x")], LIMITS, follow)
    assert [o.ended for o in run.observations.values()] == [Verdict.EXITED]
    assert told == []


def test_a_lost_zygote_repeats_no_answer_and_tells_none_twice() -> None:
    with Zygote("numpy") as zygote:
        told: list[str] = []

        def follow(observation: Observation) -> list[Call]:
            told.append(observation.id)
            if len(told) == 2:
                zygote._process.kill()
                zygote._process.wait()  # its workers die with it, before they are asked anything more
            return [call("f", "x", id=f"f/{len(told)}")] if len(told) < 4 else []

        source = "n = 0\ndef f(x):\n    global n\n    n += 1\n    return float(n)"
        run = zygote.run(program(source), [call("f", "x", id="f/0")], LIMITS, follow)
        assert told == ["f/0", "f/1", "f/2", "f/3"]
        assert [float(o.value) for o in run.observations.values()] == [1, 2, 1, 2]


# ---------------------------------------------------------------- the zygote


def test_threads_share_a_zygote(plain_numpy: Zygote) -> None:
    runs: dict[int, Run] = {}

    def work(i: int) -> None:
        source = f"import os\ndef f(x):\n    return {i}.0\ndef g(x):\n    os._exit({i})"
        runs[i] = ask(plain_numpy, source, call("g", "x"), call("f", "x"))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        assert runs[i].observations["f/a"].value == i
        assert runs[i].observations["g/a"].detail == f"exit status {i}"


def test_a_killed_zygote_is_replaced_and_the_job_repeated() -> None:
    with Zygote("numpy") as zygote:
        killer = threading.Timer(0.5, os.kill, (zygote._process.pid, signal.SIGKILL))
        killer.start()
        run = ask(zygote, "import time\ntime.sleep(1.0)\ndef f(x):\n    return 1.0", call("f", "x"))
        assert one(run).value == 1.0
        assert not killer.is_alive()
        os.kill(zygote._process.pid, signal.SIGKILL)
        assert one(ask(zygote, "def f(x):\n    return 2.0", call("f", "x"))).value == 2.0


def test_a_zygote_that_cannot_start_says_why() -> None:
    with pytest.raises(SandboxLost, match="KeyError"):
        Zygote("jax")
