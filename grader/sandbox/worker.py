"""The only file that runs learner code: loads a program, answers calls, knows no expected value.

Whatever runs here may have been rewritten by the learner, so nothing that is said from here is
believed beyond "these bytes are the value": how the run ended is for the supervisor to say.
"""

from __future__ import annotations
import __future__

import contextlib
import functools
import itertools
import linecache
import re
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from grader import frameworks
from grader.frameworks import Framework
from grader.sandbox import probing, wire
from grader.sandbox.stand_ins import first, stand_in
from grader.types import Array

MESSAGE_LIMIT = 2000
LEARNER_FILE = re.compile(r"<cell (\d+)>|<submission>")
IN_MESSAGE = re.compile(r'File "(<cell \d+>|<submission>)", line (\d+)')  # AutoGraph's own traceback
# Of the drivers and libraries of a GPU, which say it in their own words.
OUT_OF_MEMORY = ("allocate memory", "CUDA out of memory", "CUDA error: out of memory", "CUDA_ERROR_OUT_OF_MEMORY",
                 "STATUS_ALLOC_FAILED")  # fmt: skip
PER_RUN = {"seed", "checkpoints", "return_weights"}  # settings that one loop takes in any value
FUTURE_FLAGS = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
MISSING = object()


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
    if name != "numpy":
        loop_module(name)  # a worker cannot read it any more
    return framework, versions


def sees_gpu(framework: Framework) -> bool:
    """Does the framework find a GPU? Initialises CUDA: for a worker, never for a process that will fork."""
    if tf := getattr(framework, "tf", None):
        return bool(tf.config.list_physical_devices("GPU"))
    torch = getattr(framework, "torch", None)
    return bool(torch and torch.cuda.is_available())


def serve(source: int, sink: int, framework: Framework, layers: Sequence[str], gpu: bool = False) -> None:
    """Read frames from `source` and answer on `sink` until the supervisor hangs up (EOFError or OSError).

    `gpu`: trainings go there.
    """
    wire.send(sink, {"is": "hello", "layers": list(layers)})
    note, _ = wire.receive(source)
    probes = probing.load(note["probes"])  # before any code of the learner's
    namespace = load(sink, note)
    wire.send(sink, {"is": "loaded"})
    trainings = Trainings(namespace, probes, framework, gpu)
    while True:
        note, arrays = wire.receive(source)
        try:
            if "train" in note:
                reply = trainings.answer(note, arrays)
            else:
                reply = answer(namespace, probes, framework, note, arrays)
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
    namespace: dict[str, Any],
    probes: types.ModuleType | None,
    framework: Framework,
    note: Mapping[str, Any],
    arrays: dict[str, Array],
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Make one call, or let a probe look: what came of it, as a frame. Raises whatever the call raises."""
    inputs: dict[str, Any] = {name: arrays.pop(name).item() for name in note["numbers"]}
    if note["probe"]:
        seen = probing.answer(probes, namespace, framework, note, {**inputs, **arrays})
        return {"is": "value", "id": note["id"]}, fitting(seen)
    sources: dict[str, Any] = {}
    for name, array in arrays.items():
        inputs[name], sources[name] = framework.tensor(array, name in note["gradient"])
    known = {**arrays, **{name: np.asarray(inputs[name]) for name in note["numbers"]}}
    globals_ = {name: inputs[name] for name in note["bind"]}
    for function, entries in itertools.groupby(sorted(note["stand_ins"], key=first), key=first):
        globals_[function] = stand_in(
            namespace.get(function), function, list(entries), inputs, known, framework.array
        )
    called = defined(namespace, note["function"])
    watched = [name for name in note["gradient"] if sources.get(name) is not None]
    with bound(namespace, globals_):
        value, found = framework.observe(
            lambda: called(*[inputs[name] for name in note["args"]]),
            [sources[name] for name in watched],
            known.get(note["cotangent"]),
        )
    reply = {"value": value}
    reply |= {f"d {name}": g for name, g in zip(watched, found, strict=True) if g is not None}
    return {"is": "value", "id": note["id"]}, fitting(reply)


def fitting(reply: dict[str, Array]) -> dict[str, Array]:
    """`reply` if it fits into one frame. Raises TooLarge."""
    if sum(array.nbytes for array in reply.values()) > wire.FRAME_LIMIT:
        raise TooLarge(f"value and gradients are larger than {wire.FRAME_LIMIT >> 20} MiB")
    return reply


def defined(namespace: Mapping[str, Any], name: str) -> Any:
    """What a global name means. Raises NameError."""
    if name not in namespace:
        raise NameError(f"name {name!r} is not defined")
    return namespace[name]


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


# ---------------------------------------------------------------- trainings


class Trainings:
    """The short trainings of one worker: images and teacher arrive once, a loss is compiled once."""

    def __init__(
        self, namespace: dict[str, Any], probes: types.ModuleType | None, framework: Framework, gpu: bool
    ) -> None:
        self._namespace, self._probes, self._framework, self._gpu = namespace, probes, framework, gpu
        self._shared: dict[str, Array] = {}
        self._loops: dict[tuple[tuple[str, float], ...], Any] = {}

    def answer(self, note: Mapping[str, Any], arrays: dict[str, Array]) -> tuple[dict[str, Any], dict[str, Array]]:
        """Train one student: what the loop returns, as a frame. Raises whatever the loss raises."""
        if note["shared"]:
            self._shared = {name: arrays.pop(name) for name in note["shared"]}
            self._loops.clear()
        settings = {**note["settings"], "gpu": int(self._gpu)}
        if note["probed"]:
            with trainable(self._framework):
                inputs = {**self._shared, **arrays}
                trained = probing.train(self._probes, self._namespace, self._framework, note, inputs, settings)
            return {"is": "trained", "id": note["id"]}, trained
        function = defined(self._namespace, note["train"])
        with trainable(self._framework) as (loop, module):
            key = tuple(sorted((k, v) for k, v in settings.items() if k not in PER_RUN))
            if key not in self._loops:
                self._loops[key] = loop.Loop(module, self._shared, settings)
            bind = functools.partial(bound, self._namespace)
            trained = self._loops[key].run(function, bind, arrays, settings)
        return {"is": "trained", "id": note["id"]}, trained


def loop_module(name: str) -> Any:
    """The training loop of a framework. Raises KeyError for one that has none."""
    if name == "tensorflow":
        from grader.loops import tf_loop

        return tf_loop
    if name == "torch":
        from grader.loops import torch_loop

        return torch_loop
    raise KeyError(name)


@contextlib.contextmanager
def trainable(framework: Framework) -> Iterator[tuple[Any, Any]]:
    """The loop's module, which seeds each training, and the framework's real module, compiling for a while.

    Raises TypeError for NumPy, which trains nothing.
    """
    if isinstance(framework, frameworks.Torch):
        yield loop_module("torch"), framework.torch
    elif isinstance(framework, frameworks.TensorFlow):
        tf = framework.tf
        eager = tf.config.functions_run_eagerly()
        tf.config.run_functions_eagerly(False)
        try:
            yield loop_module("tensorflow"), tf
        finally:
            tf.config.run_functions_eagerly(eager)
    else:
        raise TypeError("NumPy has no gradients to train with")


# ---------------------------------------------------------------- exceptions


def describe(error: BaseException) -> dict[str, Any]:
    """Type, message and place of an exception that may be hostile itself."""
    try:
        text = str(error)[:MESSAGE_LIMIT]
    except BaseException as worse:
        text = f"(its message could not be shown: {type(worse).__name__})"
    memory = isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY)
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
