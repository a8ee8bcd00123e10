"""spec.yaml -> Assignment. Reports every fault at once, each with file, path and the mend."""

from __future__ import annotations

import hashlib
import keyword
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from grader.formulas import load_axes, load_formula
from grader.probed import case_probe, load_probes, read_probes, read_source
from grader.recipes import COTANGENT, Shape, check_input
from grader.rubric import load_rubric
from grader.stood_in import load_stand_ins, plain_stand_ins
from grader.types import Assignment, CaseSpec, Exercise, Limits
from grader.yamlfile import (
    ConfigError,
    Node,
    choice,
    entries,
    fault,
    fields,
    flag,
    integer,
    names,
    number,
    raise_faults,
    read_yaml,
    report_cycles,
    sentence,
    suggest,
    text,
)

__all__ = ["ConfigError", "find_root", "list_assignments", "load_assignment", "load_rubric"]

RTOL = 3e-5
FRAMEWORKS = ("tensorflow", "torch", "numpy")
RETURNS = ("loss", "array")
KINDS = ("ordinary", "robustness", "follow_through")
TOLD = ("axes", "formula")  # what learners are told, and no verdict depends on
_NEEDED = ("slug", "version", "title", "framework", "exercises")
_PLAIN = ("globals", "uses", "gradient", "rtol", "symmetric", "probabilities", "definition", "variables", *TOLD)
_CASE = ("kind", "public", "inputs", "like", "gradient", "stand_ins", "probe")
_PROBED = ("uses", "rtol", "definition", "variables", *TOLD)  # what a probed exercise may have besides
_DEFINITION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?")
_CASE_NAME = re.compile(r"[A-Za-z0-9_-]+")


def find_root(start: Path | None = None) -> Path:
    """The folder that holds assignments/: $GRADER_ROOT, else upward from `start` (or the working
    folder), else next to the package. Raises ConfigError.
    """
    named = os.environ.get("GRADER_ROOT")
    if named:
        if not (Path(named) / "assignments").is_dir():
            raise ConfigError([f"$GRADER_ROOT: {named} has no folder assignments/; correct or unset it"])
        return Path(named).resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parent.parent):
        if (folder / "assignments").is_dir():
            return folder
    raise ConfigError([f"{here}: no folder assignments/ here or above; go there or set $GRADER_ROOT"])


def list_assignments(root: Path) -> tuple[str, ...]:
    """The slugs of all assignments below a root, sorted."""
    return tuple(sorted(path.parent.name for path in (root / "assignments").glob("*/spec.yaml")))


def load_assignment(folder: Path) -> Assignment:
    """Load `folder`/spec.yaml. Raises ConfigError with every fault."""
    if not folder.is_dir():
        known = [path.parent.name for path in sorted(folder.parent.glob("*/spec.yaml"))]
        raise ConfigError([f"{folder}: no such assignment{suggest(folder.name, known)}"])
    root = read_yaml(folder / "spec.yaml")
    top = fields(root, _NEEDED, ("limits", "tolerance", "legacy_keras"))
    slug = text(top["slug"]) if "slug" in top else ""
    if slug and slug != folder.resolve().name:
        fault(top["slug"], f"is {slug!r}, but the folder is {folder.resolve().name!r}; they must agree")
    framework = choice(top["framework"], FRAMEWORKS) if "framework" in top else ""
    limits = _load_limits(top["limits"]) if "limits" in top else Limits()
    rtol = _load_rtol(fields(top["tolerance"], ("rtol",)), RTOL) if "tolerance" in top else RTOL
    try:
        source, functions = read_probes(folder)
        training, stand_ins = read_source(folder, "training.py"), read_source(folder, "stand_ins.py")
    except (SyntaxError, ValueError) as bad:
        raise ConfigError([f"{folder}: {bad}"]) from None
    exercises = _load_exercises(top["exercises"], rtol, functions) if "exercises" in top else {}
    made = Assignment(
        slug=slug,
        version=text(top["version"]) if "version" in top else "",
        title=sentence(top["title"]) if "title" in top else {},
        framework=framework,
        exercises=exercises,
        limits=limits,
        folder=str(folder),
        digest=_digest(folder),
        legacy=flag(top["legacy_keras"]) if "legacy_keras" in top else False,
        probes=source,
        stand_ins=stand_ins,
        training=f"{source}\n\n\n{training}" if training else "",
    )
    raise_faults(root)
    return made


def _digest(folder: Path) -> str:
    """SHA-256 of what can change a verdict: spec.yaml and, where there is one, probes.py."""
    digest = hashlib.sha256()
    for name in ("spec.yaml", "probes.py"):
        if (folder / name).is_file():
            data = (folder / name).read_bytes()
            digest.update(f"{name} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def _load_limits(node: Node) -> Limits:
    given = fields(node, (), ("wall_s", "cpu_s", "memory_mb", "scratch_mb", "open_files"))
    whole = {key: integer(value, 1) for key, value in given.items() if key != "wall_s"}
    wall_s = number(given["wall_s"], above=0) if "wall_s" in given else Limits.wall_s
    return Limits(wall_s=wall_s, **whole)


def _load_rtol(given: Mapping[str, Node], default: float) -> float:
    return number(given["rtol"], above=0, high=0.1) if "rtol" in given else default


@dataclass(frozen=True)
class Known:
    """What the exercises of one assignment may refer to."""

    args: Mapping[str, tuple[str, ...]]  # of every exercise: stand-ins name the exercises that they replace
    functions: Mapping[str, tuple[str, ...]]  # of probes.py, with their arguments
    rtol: float


def _load_exercises(node: Node, rtol: float, functions: Mapping[str, tuple[str, ...]]) -> dict[str, Exercise]:
    found = entries(node)
    if not found:
        fault(node, "must name at least one exercise")
    known = Known({name: _args_of(item) for name, item in found.items()}, functions, rtol)
    exercises = {name: _load_exercise(name, item, known) for name, item in found.items()}
    report_cycles(node, {name: exercise.uses for name, exercise in exercises.items()}, "uses")
    return exercises


def _args_of(node: Node) -> tuple[str, ...]:
    args = node.value.get("args") if isinstance(node.value, dict) else None
    return tuple(args) if isinstance(args, list) else ()


def _load_exercise(name: str, node: Node, known: Known) -> Exercise:
    if not name.isidentifier() or keyword.iskeyword(name):
        fault(node, "an exercise is named after a Python function; this is no Python name")
    probed = isinstance(node.value, dict) and "probes" in node.value
    needed = ("title", "probes", "cases") if probed else ("title", "args", "returns", "cases")
    given = fields(node, needed, _PROBED if probed else _PLAIN)
    for key in () if probed else sorted(given.keys() & {"definition", "variables"}):
        fault(given[key], "goes with `probes`; without them the function has the exercise's name: remove it")
    rtol = _load_rtol(given, known.rtol)
    lists = {key: names(given[key]) for key in ("args", "globals") if key in given}
    own = (*lists.get("args", ()), *lists.get("globals", ()))
    if not lists.get("args") and "args" in given:
        fault(given["args"], "an exercise needs at least one argument")
    for both in sorted(set(lists.get("args", ())) & set(lists.get("globals", ()))):
        fault(given["globals"], f"{both!r} is already an argument; remove it here or there")
    uses = names(given["uses"], known.args) if "uses" in given else ()
    gradient = names(given["gradient"], own) if "gradient" in given else ()
    exercise = Exercise(
        name=name,
        title=sentence(given["title"]) if "title" in given else {},
        args=lists.get("args", ()),
        globals=lists.get("globals", ()),
        uses=uses,
        returns=choice(given["returns"], RETURNS) if "returns" in given else "loss",
        gradient=gradient,
        rtol=rtol,
        symmetric=flag(given["symmetric"]) if "symmetric" in given else False,
        cases=(),
        probabilities=names(given["probabilities"], own) if "probabilities" in given else (),
        probes=load_probes(given["probes"], known.functions, rtol) if "probes" in given else {},
        definition=text(given["definition"]) if "definition" in given else "",
        variables=names(given["variables"]) if "variables" in given else (),
        formula=load_formula(given["formula"]) if "formula" in given else (),
    )
    if exercise.definition and not _DEFINITION.fullmatch(exercise.definition):
        fault(given["definition"], "must be the name of a function or class, or Class.method")
    cases, shapes = _load_cases(given["cases"], exercise, known.args) if "cases" in given else ((), {})
    axes = load_axes(given["axes"], exercise, shapes) if "axes" in given else {}
    return replace(exercise, cases=cases, axes=axes)


def _load_cases(
    node: Node, exercise: Exercise, args: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[CaseSpec, ...], Mapping[str, Mapping[str, Shape | None]]]:
    """The cases, and of each the shapes of its inputs."""
    found = entries(node)
    if not found:
        fault(node, "must name at least one case")
    shapes: dict[str, Mapping[str, Shape | None]] = {}  # case -> input -> shape; None for a plain number
    cases = []
    for name, item in found.items():
        if not _CASE_NAME.fullmatch(name):
            fault(item, "a case's name consists of letters, digits, _ and -")
        case, shapes[name] = _load_case(name, item, exercise, args, shapes)
        cases.append(case)
    if found and not any(case.public and case.kind == "ordinary" for case in cases):
        fault(node, "one ordinary case must be public; without it the self-check has nothing to check")
    return tuple(cases), shapes


def _load_case(
    name: str,
    node: Node,
    exercise: Exercise,
    args: Mapping[str, tuple[str, ...]],
    above: Mapping[str, Mapping[str, Shape | None]],
) -> tuple[CaseSpec, Mapping[str, Shape | None]]:
    given = fields(node, (), _CASE)
    like = choice(given["like"], above) if "like" in given else None
    if "like" in given and not above:
        fault(given["like"], "no case stands above this one; put it below the case that it is like")
    shapes: dict[str, Shape | None] = dict(above.get(like or "", {}))
    recipes = entries(given["inputs"]) if "inputs" in given else {}
    probe = case_probe(given, node, exercise.probes)
    own = probe.inputs if probe else (*exercise.args, *exercise.globals)
    returned = {item["returns"] for item in plain_stand_ins(given.get("stand_ins"))}
    wanted = dict.fromkeys((*own, *returned))
    for key, recipe in recipes.items():
        if key == COTANGENT:
            fault(recipe, "this name is reserved for the weights of an array's entries; choose another")
        elif key not in wanted:
            fault(recipe, f"is no argument, global or stand-in{suggest(key, wanted)}")
        shapes[key] = check_input(recipe, shapes.get(key))
    for key in own:
        if key not in shapes:
            fault(node, f"the input {key!r} is missing; add it to `inputs`")
    first = shapes.get(exercise.args[0], (1,)) if exercise.args else (1,)
    gradient = _load_gradient(given, exercise, shapes)
    if exercise.returns == "array" and gradient and not first:
        fault(node, "with `returns: array` the first argument must be an array with rows")
    case = CaseSpec(
        name=name,
        kind=choice(given["kind"], KINDS) if "kind" in given else "ordinary",
        public=flag(given["public"]) if "public" in given else False,
        inputs={key: recipe.value for key, recipe in recipes.items()},
        like=like or None,
        gradient=gradient,
        stand_ins=load_stand_ins(given["stand_ins"], exercise.uses, args, shapes) if "stand_ins" in given else (),
        probe=probe.name if probe else "",
    )
    if probe and (case.kind != "ordinary" or case.gradient):
        fault(node, "a case with a probe is an ordinary one without `gradient`: the probe says what is compared")
    if (case.kind == "follow_through") != bool(case.stand_ins):
        fault(node, "`kind: follow_through` and `stand_ins` go together; add the other or remove this one")
    return case, shapes


def _load_gradient(
    given: Mapping[str, Node], exercise: Exercise, shapes: Mapping[str, Shape | None]
) -> tuple[str, ...]:
    if "gradient" not in given:
        return exercise.gradient
    arrays = [key for key, shape in shapes.items() if shape is not None]
    return names(given["gradient"], arrays)
