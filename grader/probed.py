"""The `probes:` of an exercise in spec.yaml, and probes.py beside it: read and checked, never run here."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from grader.syntax import parse
from grader.types import LANGUAGES, Observable, Probe
from grader.yamlfile import Node, choice, entries, fault, fields, names, number, suggest, text

RESERVED = ("value", "defined", "training")  # what other checks are called


def read_probes(folder: Path) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """The text of probes.py (empty where there is none) and its functions with their arguments' names.

    Raises SyntaxError, OSError and UnicodeDecodeError.
    """
    path = folder / "probes.py"
    if not path.is_file():
        return "", {}
    source = path.read_text("utf-8")
    nodes = [node for node in parse(source, str(path)).body if isinstance(node, ast.FunctionDef)]
    return source, {n.name: tuple(a.arg for a in (*n.args.args, *n.args.kwonlyargs)) for n in nodes}


def read_source(folder: Path, name: str) -> str:
    """The text of a Python file beside spec.yaml, empty where there is none. Raises as `read_probes` does."""
    path = folder / name
    source = path.read_text("utf-8") if path.is_file() else ""
    parse(source, str(path))
    return source


def load_probes(node: Node, functions: Mapping[str, tuple[str, ...]], rtol: float) -> dict[str, Probe]:
    """The probes of one exercise. `functions` stand in probes.py; `rtol` is for what names none itself."""
    found = entries(node)
    if not found:
        fault(node, "must name at least one probe: a function of probes.py")
    return {name: _load_probe(name, item, functions, rtol) for name, item in found.items()}


def case_probe(given: Mapping[str, Node], node: Node, probes: Mapping[str, Probe]) -> Probe | None:
    """The probe of a case: the exercise's only one, or the one that it names; None where it has none."""
    if not probes:
        if "probe" in given:
            fault(given["probe"], "the exercise has no `probes`")
        return None
    if "probe" in given:
        return probes[choice(given["probe"], probes)]
    if len(probes) > 1:
        fault(node, f"which probe? add `probe:`{suggest('', probes)}")
    return next(iter(probes.values()))


def _load_probe(name: str, node: Node, functions: Mapping[str, tuple[str, ...]], rtol: float) -> Probe:
    given = fields(node, ("observes",), ("inputs",))
    inputs = names(given["inputs"]) if "inputs" in given else ()
    if name not in functions:
        fault(node, f"probes.py has no function {name!r}{suggest(name, functions)}")
    elif not functions[name] or functions[name][1:] != inputs:
        wanted = ", ".join(("learner", *inputs))
        fault(
            node, f"probes.py has {name}({', '.join(functions[name])}); with these inputs it is {name}({wanted})"
        )
    observes = entries(given["observes"]) if "observes" in given else {}
    if not observes and "observes" in given:
        fault(given["observes"], "must name at least one thing that the probe returns")
    return Probe(name, inputs, {key: _load_observable(key, item, rtol) for key, item in observes.items()})


def _load_observable(name: str, node: Node, rtol: float) -> Observable:
    if not name.isidentifier() or name in RESERVED:
        fault(node, f"the name of what is observed must be a Python name and none of {', '.join(RESERVED)}")
    given = fields(node, LANGUAGES, ("rtol",))
    title = {lang: text(given[lang]) for lang in LANGUAGES if lang in given}
    return Observable(title, number(given["rtol"], above=0, high=0.1) if "rtol" in given else rtol)
