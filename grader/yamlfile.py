"""YAML that people wrote -> checked values. Every fault is collected, with its path and the mend."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from grader.types import LANGUAGES, FriendlyError, Text


class ConfigError(FriendlyError):
    """What is wrong with files that an author or instructor wrote: every fault, each with its place."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads scalars as YAML 1.2 does and notes keys that are written twice."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.twice: list[str] = []

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if (key.tag, key.value) in seen:
                line = key.start_mark.line + 1
                self.twice.append(f"line {line}: the key {key.value!r} is written twice; keep one of them")
            seen.add((key.tag, key.value))
        return node


# YAML 1.1, PyYAML's dialect, reads `on` as true, `1:30` as 90, 2024-01-01 as a date and `1e-3` as text.
_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)))  # SafeLoader would read 010 as eight


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


@dataclass(frozen=True)
class Node:
    """A value from the file, its path ("exercises.kd.args"), and the list that its faults go to."""

    value: Any
    path: str
    faults: list[str]
    file: str


def read_yaml(path: Path) -> Node:
    """Read one YAML file. Raises ConfigError when it cannot be read or parsed at all."""
    faults: list[str] = []
    try:
        text = path.read_bytes().decode("utf-8-sig")
        loader = _Loader(text)
        value = loader.get_single_data()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8"]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError([f"{path}: {place}not valid YAML: {error.problem}"]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([f"{path}: not valid YAML: {error}"]) from None
    faults.extend(f"{path}: {twice}" for twice in loader.twice)
    return Node(value, "", faults, str(path))


def raise_faults(node: Node) -> None:
    """Raise ConfigError with everything noted so far, if anything was."""
    if node.faults:
        raise ConfigError(dict.fromkeys(node.faults))  # an anchor's fault is met once per use


def fault(node: Node, message: str) -> None:
    """Note what is wrong with this value and how to mend it."""
    place = f"{node.file}: {node.path}" if node.path else node.file
    node.faults.append(f"{place}: {message}")


def child(node: Node, key: str | int, value: Any) -> Node:
    """The value under `key`, which knows its path."""
    path = f"{node.path}[{key}]" if isinstance(key, int) else f"{node.path}.{key}" if node.path else key
    return Node(value, path, node.faults, node.file)


def suggest(name: object, known: Collection[str]) -> str:
    """`; did you mean 'x'?`, or what there is to choose from."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; choose from: {', '.join(known)}" if known else "; there is none to choose"


def entries(node: Node) -> dict[str, Node]:
    """A mapping whose keys are the author's own names."""
    if not isinstance(node.value, dict):
        fault(node, f"must be a mapping (name: value), not {_kind(node.value)}")
        return {}
    for key in node.value:
        if not isinstance(key, str):
            fault(node, f"the key {key!r} must be text; put it in quotes")
    return {key: child(node, key, value) for key, value in node.value.items() if isinstance(key, str)}


def fields(node: Node, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Node]:
    """A mapping whose keys are given. Unknown and missing ones are faults."""
    found = entries(node)
    known = [*required, *optional]
    for key in [key for key in found if key not in known]:
        fault(found.pop(key), f"unknown key{suggest(key, known)}")
    if isinstance(node.value, dict):
        for key in required:
            if key not in found:
                fault(node, f"the key {key!r} is missing")
    return found


def items(node: Node) -> list[Node]:
    """A list."""
    if not isinstance(node.value, list):
        fault(node, f"must be a list [a, b], not {_kind(node.value)}")
        return []
    return [child(node, index, value) for index, value in enumerate(node.value)]


def text(node: Node) -> str:
    """Text that is not blank."""
    if not isinstance(node.value, str):
        fault(node, f"must be text (in quotes), not {_kind(node.value)}")
        return ""
    if not node.value.strip():
        fault(node, "must not be empty")
    return node.value


def flag(node: Node) -> bool:
    """true or false."""
    if not isinstance(node.value, bool):
        fault(node, f"must be true or false, not {_kind(node.value)}")
    return node.value is True


def number(node: Node, low: float = -math.inf, high: float = math.inf, *, above: float = -math.inf) -> float:
    """A finite number with low <= it <= high and above < it. Returns NaN with a fault otherwise."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        fault(node, f"must be a number, not {_kind(value)}")
        return math.nan
    if not math.isfinite(value):
        fault(node, f"must be a finite number, not {value}")
    elif not (low <= value <= high and value > above):
        bounds = [f"at least {low:g}"] * (low > -math.inf) + [f"at most {high:g}"] * (high < math.inf)
        bounds += [f"more than {above:g}"] * (above > -math.inf)
        fault(node, f"must be {' and '.join(bounds)}, not {value}")
    else:
        return float(value)
    return math.nan


def integer(node: Node, low: int, high: int = 2**31 - 1) -> int:
    """A whole number, low <= it <= high. Returns `low` with a fault otherwise."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        fault(node, f"must be a whole number from {low} to {high}, not {value!r}")
        return low
    return value


def choice(node: Node, known: Collection[str]) -> str:
    """One of the known names."""
    if not isinstance(node.value, str) or node.value not in known:
        fault(node, f"unknown {node.value!r}{suggest(node.value, known)}")
        return next(iter(known), "")
    return node.value


def names(node: Node, known: Collection[str] | None = None) -> tuple[str, ...]:
    """A list of different names; of Python names where nothing is known of them."""
    found: list[str] = []
    for item in items(node):
        if not isinstance(item.value, str) or (known is None and not item.value.isidentifier()):
            fault(item, f"must be a name, not {item.value!r}")
        elif known is not None and item.value not in known:
            fault(item, f"unknown {item.value!r}{suggest(item.value, known)}")
        elif item.value in found:
            fault(item, f"{item.value!r} is listed twice")
        else:
            found.append(item.value)
    return tuple(found)


def sentence(node: Node) -> Text:
    """The same sentence in every language: {en: ..., ko: ...}."""
    if not isinstance(node.value, dict):
        fault(node, f"must give every language: {{{', '.join(f'{code}: ...' for code in LANGUAGES)}}}")
        return {}
    return {code: text(item) for code, item in fields(node, LANGUAGES).items()}


def report_cycles(node: Node, edges: Mapping[str, Collection[str]], what: str) -> None:
    """A fault for each name that comes back to itself by following `edges`."""
    for start in edges:
        seen: set[str] = set()
        ahead = list(edges[start])
        while ahead:
            name = ahead.pop()
            if name not in seen:
                seen.add(name)
                ahead.extend(edges.get(name, ()))
        if start in seen:
            fault(child(node, start, None), f"{what} itself, directly or through others; break the circle")


def _kind(value: object) -> str:
    names = {type(None): "nothing", bool: "true/false", str: "text", dict: "a mapping", list: "a list"}
    return names.get(type(value), f"{value!r}")
