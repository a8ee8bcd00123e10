"""The only file that runs learner code: loads a program, answers calls, knows no expected value.

Whatever runs here may have been rewritten by the learner, so nothing that is said from here is
believed beyond "these bytes are the value": how the run ended is for the supervisor to say.
"""

from __future__ import annotations
import __future__

import contextlib
import inspect
import itertools
import linecache
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from grader import frameworks
from grader.frameworks import Framework
from grader.sandbox import wire
from grader.types import Array

MESSAGE_LIMIT = 2000
LEARNER_FILE = re.compile(r"<cell (\d+)>|<submission>")
IN_MESSAGE = re.compile(r'File "(<cell \d+>|<submission>)", line (\d+)')  # AutoGraph's own traceback
FUTURE_FLAGS = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
MISSING = object()


class StandInMismatch(LookupError):
    """A helper was called with other arguments than the exercise describes."""


class TooLarge(ValueError):
    """A reply that does not fit into one frame."""


def prepare(name: str) -> tuple[Framework, dict[str, str]]:
    """The framework, imported and configured as every program finds it, and the versions of libraries.

    Runs no operation, so that a zygote may fork afterwards. Raises KeyError for an unknown name.
    """
    framework = frameworks.framework(name)
    versions = framework.prepare()
    if name == "tensorflow":
        from grader.sandbox import dialect

        dialect.install()  # after prepare: our own calls go to the real module
    return framework, versions


def serve(source: int, sink: int, framework: Framework, layers: Sequence[str]) -> None:
    """Read frames from `source` and answer on `sink` until the supervisor hangs up (EOFError or OSError)."""
    wire.send(sink, {"is": "hello", "layers": list(layers)})
    note, _ = wire.receive(source)
    namespace = load(sink, note)
    wire.send(sink, {"is": "loaded"})
    while True:
        note, arrays = wire.receive(source)
        try:
            reply = answer(namespace, framework, note, arrays)
        except BaseException as error:  # SystemExit and KeyboardInterrupt are answers too
            reply = {"is": "error", "id": note["id"], **describe(error)}, {}
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
        wire.send(sink, *reply)


# ---------------------------------------------------------------- loading


def load(sink: int, note: Mapping[str, Any]) -> dict[str, Any]:
    """Execute the chunks one by one; one that raises is reported and the next ones still run.

    The module has no ``__file__``: AutoGraph would drop the cached text of one that has.
    """
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    for cell, text in note["cells"]:
        name = file_name(cell)
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    flags = 0
    for index, (source, cell) in enumerate(note["chunks"]):
        wire.send(sink, {"is": "chunk", "at": index})
        try:
            code = compile(source, file_name(cell), "exec", flags, dont_inherit=True)
            flags |= code.co_flags & FUTURE_FLAGS
            exec(code, module.__dict__)
        except BaseException as error:
            wire.send(sink, {"is": "fault", "at": index, **describe(error)})
    return module.__dict__


def file_name(cell: int | None) -> str:
    """The name under which a cell's code is compiled."""
    return "<submission>" if cell is None else f"<cell {cell}>"


# ---------------------------------------------------------------- calls


def answer(
    namespace: dict[str, Any], framework: Framework, note: Mapping[str, Any], arrays: dict[str, Array]
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Make one call: its value and gradients as a frame. Raises whatever the call raises."""
    inputs: dict[str, Any] = {name: arrays.pop(name).item() for name in note["numbers"]}
    sources: dict[str, Any] = {}
    for name, array in arrays.items():
        inputs[name], sources[name] = framework.tensor(array, name in note["gradient"])
    known = {**arrays, **{name: np.asarray(inputs[name]) for name in note["numbers"]}}
    globals_ = {name: inputs[name] for name in note["bind"]}
    for function, entries in itertools.groupby(sorted(note["stand_ins"], key=first), key=first):
        globals_[function] = stand_in(namespace.get(function), function, list(entries), inputs, known, framework)
    called = namespace.get(note["function"], MISSING)
    if called is MISSING:
        raise NameError(f"name {note['function']!r} is not defined")
    watched = [name for name in note["gradient"] if sources.get(name) is not None]
    with bound(namespace, globals_):
        value, found = framework.observe(
            lambda: called(*[inputs[name] for name in note["args"]]),
            [sources[name] for name in watched],
            known.get(note["cotangent"]),
        )
    reply = {"value": value}
    reply |= {f"d {name}": g for name, g in zip(watched, found, strict=True) if g is not None}
    if sum(array.nbytes for array in reply.values()) > wire.FRAME_LIMIT:
        raise TooLarge(f"value and gradients are larger than {wire.FRAME_LIMIT >> 20} MiB")
    return {"is": "value", "id": note["id"]}, reply


@contextlib.contextmanager
def bound(namespace: dict[str, Any], values: Mapping[str, Any]) -> Iterator[None]:
    """Let global names mean `values` for a while."""
    before = {name: namespace.get(name, MISSING) for name in values}
    namespace.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is MISSING:
                namespace.pop(name, None)
            else:
                namespace[name] = value


# ---------------------------------------------------------------- stand-ins


def first(entry: Sequence[Any]) -> str:
    return str(entry[0])


def stand_in(
    original: object,
    name: str,
    entries: Sequence[Sequence[Any]],
    inputs: Mapping[str, Any],
    known: Mapping[str, Array],
    framework: Framework,
) -> Callable[..., Any]:
    """A function that knows the answers to the calls in `entries` and refuses every other.

    An entry is [function, arguments (input names or numbers), input to return, symmetric].
    """
    answers: list[tuple[list[Array], Any]] = []
    for _, arguments, returns, symmetric in entries:
        wanted = [known[a] if isinstance(a, str) else np.asarray(a) for a in arguments]
        orders = itertools.permutations(wanted) if symmetric else [wanted]
        answers += [(list(order), inputs[returns]) for order in orders]

    def look_up(values: Sequence[object]) -> Any:
        given = [framework.array(value) for value in values]
        return next((returned for wanted, returned in answers if fits(given, wanted)), MISSING)

    def call(*args: object, **named: object) -> Any:
        values = (*args, *named.values())
        found = look_up(values)
        if found is MISSING:
            found = look_up(filled_in(original, args, named))
        if found is not MISSING:
            return found
        listed = ", ".join(map(render, map(framework.array, values), values))
        raise StandInMismatch(f"{name} was called with ({listed}), not with what the exercise describes")

    call.__name__ = call.__qualname__ = name
    return call


def filled_in(original: object, args: Sequence[object], named: Mapping[str, object]) -> tuple[object, ...]:
    """The arguments in the order of the learner's own helper, with its defaults; none where they do not fit."""
    try:
        bound = inspect.signature(original).bind(*args, **named)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ()
    bound.apply_defaults()
    return tuple(bound.arguments.values())


def fits(given: Sequence[Array | None], wanted: Sequence[Array]) -> bool:
    """The wanted arguments come first; after them only flags and numbers, as a learner's own helper may take."""
    extra = given[len(wanted) :]
    if len(given) < len(wanted) or any(e is not None and e.ndim for e in extra):
        return False
    return all(map(same, given, wanted))


def same(given: Array | None, wanted: Array) -> bool:
    """Equal arrays of one shape; numbers may differ by rounding (0.1 as float32)."""
    if given is None or given.shape != wanted.shape:
        return False
    if wanted.ndim == 0 and given.dtype.kind in "fiub":
        return bool(np.isclose(float(given), float(wanted), rtol=1e-6, atol=0.0))
    return np.array_equal(given, wanted)


def render(array: Array | None, value: object) -> str:
    """An argument in a message: a number as it is, an array by its shape."""
    if array is None:
        return type(value).__name__
    return f"{array.item():g}" if array.ndim == 0 and array.dtype.kind in "fiu" else f"shape {list(array.shape)}"


# ---------------------------------------------------------------- exceptions


def describe(error: BaseException) -> dict[str, Any]:
    """Type, message and place of an exception that may be hostile itself."""
    try:
        text = str(error)[:MESSAGE_LIMIT]
    except BaseException as worse:
        text = f"(its message could not be shown: {type(worse).__name__})"
    memory = isinstance(error, MemoryError) or "allocate memory" in text
    name = str(type(error).__name__)[:100]
    return {"type": name, "message": text, "place": place(error, text), "memory": memory}


def place(error: BaseException, text: str) -> list[Any] | None:
    """[cell, line] of the innermost frame in the learner's code; None without one."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        found = cell_and_line(trace.tb_frame.f_code.co_filename, trace.tb_lineno) or found
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        found = cell_and_line(error.filename, error.lineno) or found
    if text.startswith("in user code:"):
        for name, line in IN_MESSAGE.findall(text):
            found = cell_and_line(name, int(line)) or found
    return found


def cell_and_line(name: str, line: int) -> list[Any] | None:
    match = LEARNER_FILE.fullmatch(name)
    return [int(match[1]) if match[1] else None, line] if match else None
