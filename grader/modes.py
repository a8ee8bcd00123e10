"""Which TensorFlow a whole notebook was written for: the mode to run it in, and why. Reads only the syntax tree.

    keras3   TensorFlow 2 with Keras 3, what is installed today
    legacy   TensorFlow 2 with tf_keras, the Keras 2 that lives on (TF_USE_LEGACY_KERAS=1), eager
    tf1      the same with `tensorflow.compat.v1` as `tensorflow` and its graphs (disable_v2_behavior)
    torch    PyTorch, and no TensorFlow
    numpy    neither

What the author asked for in so many words wins over what their calls suggest. Which call needs which mode was
tried out: with TensorFlow 2.21, Keras 3.15 and tf_keras 2.21.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from grader.mode_signs import (
    EAGER,
    IMPORTED,
    KERAS3,
    KEYWORDS,
    LEGACY,
    METHODS,
    NUMPY,
    OLD_FILES,
    OPTIMIZERS,
    SUGGESTED,
    TF1,
    TORCH,
)
from grader.salvage import read_cells
from grader.types import Notebook, Place

__all__ = ["KERAS3", "LEGACY", "NEEDS", "NUMPY", "TF1", "TORCH", "Mode", "Reason", "detect"]

# What must be installed to run a notebook in each mode.
NEEDS: Mapping[str, tuple[str, ...]] = {
    KERAS3: ("tensorflow", "keras"), LEGACY: ("tensorflow", "tf_keras"), TF1: ("tensorflow", "tf_keras"),
    TORCH: ("torch",), NUMPY: ("numpy",),
}  # fmt: skip

VERSION_MAGIC = re.compile(r"\s*%tensorflow_version\s+(\d)")
INSTALL = re.compile(r"\b(?:pip3?|conda|mamba)\s+install\b([^\n#]*)")
REQUIREMENT = re.compile(
    r"\b(tensorflow(?:[-_](?:gpu|cpu))?|keras|tf[-_]keras)\s*(?:(==|<=|<|~=|>=|=)\s*(\d+)(?:\.(\d+))?)?"
)
SWITCH = re.compile(r"\s*%(?:set_)?env\s+TF_USE_LEGACY_KERAS[= ]\s*[\"']?(1|true)", re.IGNORECASE)


@dataclass(frozen=True)
class Reason:
    """One sign: what was found, where, and which mode it speaks for."""

    mode: str  # a mode, or "eager"
    what: str  # "fit_generator", "%tensorflow_version 1", "keras.backend.sum"
    place: Place
    asked: bool = False  # the author asked for it, rather than used something that needs it


@dataclass(frozen=True)
class Mode:
    """The mode to run a notebook in. `reasons`: the signs that speak for it, in the notebook's order."""

    name: str
    reasons: tuple[Reason, ...] = ()
    libraries: frozenset[str] = field(default_factory=frozenset)  # top-level modules that are imported anywhere


def detect(notebook: Notebook) -> Mode:
    """The mode that the notebook's imports and calls call for; Keras 3 where nothing tells. Never raises."""
    signs = [*_commands(notebook)]
    cells = [(cell.number, node) for cell in read_cells(notebook) for node in cell.nodes]
    nodes = [(number, node) for number, top in cells for node in ast.walk(top)]
    names: dict[str, str] = {}
    libraries: set[str] = set()
    for number, node in nodes:
        for name, full in _imports(node):
            libraries.add(full.partition(".")[0])
            names[name] = full
            signs += _of_import(full, number, node)
    for number, node in nodes:
        signs += _of_use(node, number, names)
    if _metric_is_acc(node for _, node in nodes):
        signs = [sign for sign in signs if not sign.what.startswith("history[")]
    signs.sort(key=lambda sign: (sign.place.cell or 0, sign.place.line))
    return _decide(signs, frozenset(libraries))


def _decide(signs: list[Reason], libraries: frozenset[str]) -> Mode:
    if asked := [sign for sign in signs if sign.asked]:
        # The last word of two: a switch in the notebook comes after the installation above it.
        name = TF1 if any(sign.mode == TF1 for sign in asked) else asked[-1].mode
    elif not libraries & {"tensorflow", "keras", "tf_keras"}:
        if "torch" in libraries:
            return Mode(TORCH, (), libraries)
        return Mode(NUMPY if libraries else KERAS3, (), libraries)
    else:
        count = {mode: sum(sign.mode == mode for sign in signs) for mode in (TF1, LEGACY, EAGER)}
        if count[TF1] > count[EAGER]:
            name = TF1
        elif count[LEGACY]:
            name = LEGACY
        else:
            name = KERAS3
    return Mode(name, tuple(sign for sign in signs if sign.mode == name), libraries)


# ---------------------------------------------------------------- signs


def _commands(notebook: Notebook) -> Iterator[Reason]:
    """Lines that IPython runs: installations and switches."""
    for cell in notebook.cells:
        for number, line in enumerate(cell.source.split("\n"), start=1):
            if len(line) > 1000:
                continue
            place = Place(cell.number, number)
            if magic := VERSION_MAGIC.match(line):
                if magic[1] == "1":
                    yield Reason(TF1, "%tensorflow_version 1.x", place, asked=True)
            elif SWITCH.match(line):
                yield Reason(LEGACY, "TF_USE_LEGACY_KERAS", place, asked=True)
            elif install := INSTALL.search(line):
                for found in REQUIREMENT.finditer(install[1].replace('"', "").replace("'", "")):
                    if mode := _of_requirement(found):
                        yield Reason(mode, f"pip install {found[0].replace(' ', '')}", place, asked=True)


def _of_requirement(found: re.Match[str]) -> str:
    """The mode of one requirement, "" where any would do."""
    package, relation = found[1].replace("_", "-"), found[2]
    if package == "tf-keras":
        return LEGACY
    if relation is None or relation == ">=":
        return KERAS3 if package == "keras" and relation and int(found[3]) >= 3 else ""
    major, minor = int(found[3]), int(found[4] or 0)
    below = relation == "<"
    if package == "keras":
        return LEGACY if major < 3 or (below and (major, minor) <= (3, 0)) else KERAS3
    if major < 2 or (below and (major, minor) <= (2, 0)):
        return TF1
    return LEGACY if minor < 16 or (below and minor == 16) else KERAS3


def _imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(name that is bound, full name) for an import statement."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], alias.name
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _of_import(full: str, number: int | None, node: ast.AST) -> Iterator[Reason]:
    place = Place(number, getattr(node, "lineno", 1))
    if mode := IMPORTED.get(full.partition(".")[0]):
        yield Reason(mode, f"import {full.partition('.')[0]}", place, asked=True)
    elif full in ("tensorflow.compat.v1", "tensorflow.compat.v1.*"):
        yield Reason(TF1, "import tensorflow.compat.v1", place)
    elif mode := _suggested(_common(full)):
        yield Reason(mode, full, place)


def _of_use(node: ast.AST, number: int | None, names: Mapping[str, str]) -> Iterator[Reason]:
    place = Place(number, getattr(node, "lineno", 1))
    if isinstance(node, ast.Attribute):
        full = _common(_full(node, names))
        if full.endswith("compat.v1.disable_v2_behavior"):
            yield Reason(TF1, "disable_v2_behavior()", place, asked=True)
        elif mode := _suggested(full):
            yield Reason(mode, full, place)
        elif node.attr in METHODS:
            yield Reason(METHODS[node.attr], node.attr, place)
    elif isinstance(node, ast.Subscript):
        yield from _of_subscript(node, place)
    elif isinstance(node, ast.Call):
        yield from _of_call(node, place)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and _text(target.slice) == "TF_USE_LEGACY_KERAS":
                on = isinstance(node.value, ast.Constant) and str(node.value.value).lower() in ("1", "true")
                yield Reason(LEGACY if on else KERAS3, "TF_USE_LEGACY_KERAS", place, asked=True)


def _of_subscript(node: ast.Subscript, place: Place) -> Iterator[Reason]:
    key = _text(node.slice)
    if isinstance(node.value, ast.Attribute) and node.value.attr == "history":
        if key in ("acc", "val_acc"):
            yield Reason(TF1, f"history['{key}']", place)
        elif key in ("accuracy", "val_accuracy"):
            yield Reason(EAGER, f"history['{key}']", place)


def _of_call(node: ast.Call, place: Place) -> Iterator[Reason]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    keywords = {word.arg: word.value for word in node.keywords if word.arg}
    for name in keywords:
        mode, of = KEYWORDS.get(name, ("", ""))
        if mode and of in ("", called):
            yield Reason(mode, f"{called}({name}=)", place)
    first = _text(node.args[0]) if node.args else _text(keywords.get("filepath"))
    if called in OPTIMIZERS and "lr" in keywords and "params" not in keywords and not _of_torch(node):
        yield Reason(LEGACY, f"{called}(lr=)", place)
    elif called == "compile" and (len(node.args) >= 3 or _text(keywords.get("metrics"))):
        yield Reason(LEGACY, "compile(optimizer, loss, metrics) with the metric as plain text", place)
    elif called in ("save_weights", "ModelCheckpoint") and first:
        if first.endswith(OLD_FILES) and not first.endswith(".weights.h5"):
            yield Reason(LEGACY, f"{called}('{first[-40:]}')", place)
    elif called == "load_model" and first and "." not in first.rpartition("/")[2]:
        yield Reason(LEGACY, f"load_model('{first[-40:]}')", place)
    elif called == "save" and len(node.args) == 1 and first and "." not in first.rpartition("/")[2]:
        yield Reason(LEGACY, f"save('{first[-40:]}')", place)
    elif called == "setdefault" and first == "TF_USE_LEGACY_KERAS":
        yield Reason(LEGACY, "TF_USE_LEGACY_KERAS", place, asked=True)


def _of_torch(node: ast.Call) -> bool:
    """PyTorch's optimizers take the parameters first: `optim.Adam(model.parameters(), lr=...)`."""
    return bool(node.args)


def _metric_is_acc(nodes: Iterable[ast.AST]) -> bool:
    """`metrics=['acc']` puts "acc" into the history in every mode."""
    words: Callable[[ast.AST], bool] = lambda node: any(_text(item) == "acc" for item in ast.walk(node))  # noqa: E731
    return any(
        word.arg == "metrics" and words(word.value)
        for n in nodes
        if isinstance(n, ast.Call)
        for word in n.keywords
    )


# ---------------------------------------------------------------- names


def _full(node: ast.Attribute, names: Mapping[str, str]) -> str:
    """`K.sum` -> "tensorflow.keras.backend.sum", by the notebook's imports; "" for what is no module's."""
    parts: list[str] = []
    value: ast.AST = node
    while isinstance(value, ast.Attribute):
        parts.append(value.attr)
        value = value.value
    if not isinstance(value, ast.Name) or value.id not in names:
        return ""
    # `import a.b` binds `a`.
    start = names[value.id] if value.id != names[value.id].partition(".")[0] else value.id
    return ".".join([start, *reversed(parts)])


def _common(full: str) -> str:
    """One spelling for the roads to the same module."""
    for old, new in (("tensorflow.python.keras.", "keras."), ("tensorflow.keras.", "keras.")):
        if full.startswith(old):
            return new + full.removeprefix(old)
    return full


def _suggested(full: str) -> str:
    if full in SUGGESTED:
        return SUGGESTED[full]
    parts = full.split(".")
    return next((SUGGESTED[p] for i in range(1, len(parts)) if (p := ".".join(parts[:i]) + ".") in SUGGESTED), "")


def _text(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
