"""rubric.yaml -> Rubric: the only place where points come from."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from grader.training_block import load_training
from grader.types import Assignment, Criterion, Policies, Rubric
from grader.yamlfile import (
    ConfigError,
    Node,
    choice,
    entries,
    fault,
    fields,
    items,
    names,
    number,
    raise_faults,
    read_yaml,
    report_cycles,
    sentence,
    suggest,
)

KINDS = ("exercise", "robustness", "runs_clean")
EXECUTE = Criterion("runs_clean", 0.0, None, "runs_clean")
# Columns of grades.csv.
_RESERVED = ("id", "final", "earned", "possible")
MOST_HINTS = 3
_CRITERION_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def load_rubric(path: Path, assignment: Assignment, train: bool = True, execute: bool | None = None) -> Rubric:
    """Load the block of rubric.yaml named after the assignment. Raises ConfigError with every fault.

    Without `train`, its block `training` is checked and left out, with the points that it gives.
    `execute`: with or without running whole notebooks; None: as the rubric says.
    """
    root = read_yaml(path)
    blocks = entries(root)
    if assignment.slug not in blocks:
        near = suggest(assignment.slug, blocks)
        raise ConfigError([*root.faults, f"{path}: no block named {assignment.slug!r}{near}"])
    block = blocks[assignment.slug]
    given = fields(block, ("criteria",), ("policies", "training"))
    policies = _load_policies(given["policies"], assignment) if "policies" in given else Policies()
    criteria = _load_criteria(given["criteria"], assignment) if "criteria" in given else ()
    plan, trained = load_training(given["training"], assignment, criteria) if "training" in given else (None, ())
    raise_faults(root)
    if not train:
        plan, trained = None, ()
    if execute is False:
        criteria = tuple(criterion for criterion in criteria if criterion.kind != "runs_clean")
    elif execute and not any(criterion.kind == "runs_clean" for criterion in criteria):
        criteria = (*criteria, EXECUTE)
    # The plan as well: it has what the block took from a preset.
    meaning = [block.value, asdict(plan) if plan else None, execute]
    canonical = json.dumps(meaning, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return Rubric(
        assignment=assignment.slug,
        criteria=criteria + trained,
        policies=policies,
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
        training=plan,
    )


def _load_policies(node: Node, assignment: Assignment) -> Policies:
    given = fields(node, (), ("follow_through", "proportional_gradient", "forbid_families", "hints"))
    shares = {key: number(value, 0, 1) for key, value in given.items() if key not in ("forbid_families", "hints")}
    forbidden = items(given["forbid_families"]) if "forbid_families" in given else []
    return Policies(
        **shares,
        forbid_families=tuple(_load_family(item, assignment.exercises) for item in forbidden),
        hints=_load_hints(given["hints"]) if "hints" in given else MOST_HINTS,
    )


def _load_hints(node: Node) -> int:
    value = number(node, 0, MOST_HINTS)
    if math.isfinite(value) and value != int(value):
        fault(node, "must be a whole number")
    return int(value) if math.isfinite(value) else MOST_HINTS


def _load_family(node: Node, exercises: Mapping[str, object]) -> str:
    name = node.value if isinstance(node.value, str) else ""
    exercise, _, family = name.partition(".")
    if not exercise or not family:
        fault(node, f"must be 'exercise.family', not {node.value!r}")
    elif exercise not in exercises:
        fault(node, f"unknown exercise {exercise!r}{suggest(exercise, exercises)}")
    return name


def _load_criteria(node: Node, assignment: Assignment) -> tuple[Criterion, ...]:
    found = entries(node)
    criteria = tuple(_load_criterion(name, item, found, assignment) for name, item in found.items())
    report_cycles(node, {c.id: c.needs + c.needs_attempt for c in criteria}, "needs")
    covered = {criterion.exercise for criterion in criteria if criterion.kind == "exercise"}
    for exercise in assignment.exercises:
        if exercise not in covered:
            fault(node, f"the exercise {exercise!r} has no criterion; add one, with 0 points if it is free")
    if criteria and not sum(criterion.points for criterion in criteria):
        fault(node, "no criterion has points; at least one must")
    return criteria


def _load_criterion(name: str, node: Node, known: Mapping[str, Node], assignment: Assignment) -> Criterion:
    if not _CRITERION_NAME.fullmatch(name):
        fault(node, "a criterion's name consists of letters, digits, _ and -, and does not begin with -")
    if name in _RESERVED:
        fault(node, "this name is reserved for a column of grades.csv; choose another")
    given = fields(node, ("points",), ("exercise", "kind", "needs", "needs_attempt", "title"))
    kind = choice(given["kind"], KINDS) if "kind" in given else "exercise"
    exercise = choice(given["exercise"], assignment.exercises) if "exercise" in given else None
    if kind == "exercise" and exercise is None:
        fault(node, "the key 'exercise' is missing; only `kind: robustness` and `kind: runs_clean` do without")
    points = number(given["points"], 0) if "points" in given else math.nan
    return Criterion(
        id=name,
        points=points,
        exercise=exercise,
        kind=kind,
        needs=names(given["needs"], known) if "needs" in given else (),
        needs_attempt=names(given["needs_attempt"], known) if "needs_attempt" in given else (),
        title=sentence(given["title"]) if "title" in given else {},
    )


__all__ = ["ConfigError", "load_rubric"]
