"""The block `training:` of rubric.yaml -> TrainingPlan, and the criteria that it adds to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from grader.presets import IMAGES, PRESETS
from grader.types import Assignment, Criterion, Protocol, TrainingPlan
from grader.yamlfile import Node, child, choice, entries, fault, fields, integer, number

PREFIX = "training_"  # of the criteria's names
TRAINED = ("passed", "always")
TRAINABLE = ("y_true", "y_pred")  # the arguments of a loss that a network can be trained with
SIZES = ("labels", "batch", "labelled", "student_width", "teacher_width", "teacher_steps", "transfer", "held_out")
OVERRIDES = ("data", "learning_rate", "seeds", "margin", "error", *SIZES)
MOST = 1_000_000  # steps, images, ...: whatever is beyond it is a slip


def load_training(
    node: Node, assignment: Assignment, others: Sequence[Criterion]
) -> tuple[TrainingPlan, tuple[Criterion, ...]]:
    """Read the block. `others`: the criteria that there are. Every fault is noted in the node."""
    given = fields(node, ("exercises",), ("preset", "train", *OVERRIDES))
    name = choice(given["preset"], PRESETS) if "preset" in given else "quick"
    preset = PRESETS[name]
    start, cap = preset.seeds_start, preset.seeds_cap
    if "seeds" in given:
        start, cap = _load_seeds(given["seeds"], start, cap)
    steps, criteria = _load_exercises(given["exercises"], assignment, others) if "exercises" in given else ({}, ())
    plan = TrainingPlan(
        preset=name,
        protocol=_load_protocol(node, given, preset.protocol),
        steps=steps,
        always="train" in given and choice(given["train"], TRAINED) == "always",
        margin=number(given["margin"], 0, 100) if "margin" in given else preset.margin,
        seeds_start=start,
        seeds_cap=cap,
        # Half a chance on either side, or more, would leave no interval.
        error=number(given["error"], high=0.25, above=0) if "error" in given else preset.error,
    )
    return plan, criteria


def _load_seeds(node: Node, start: int, cap: int) -> tuple[int, int]:
    given = fields(node, (), ("start", "cap"))
    if "start" in given:
        start = integer(given["start"], 2, MOST)  # one difference has no standard deviation
    if "cap" in given:
        cap = integer(given["cap"], 2, MOST)
    if cap < start:
        fault(given.get("cap", node), f"the cap, {cap}, must be at least the start, {start}")
    return start, cap


def _load_exercises(
    node: Node, assignment: Assignment, others: Sequence[Criterion]
) -> tuple[dict[str, int], tuple[Criterion, ...]]:
    found = entries(node)
    if not found and isinstance(node.value, dict):
        fault(node, "name at least one exercise to train, or leave the whole block `training` out")
    steps: dict[str, int] = {}
    criteria: list[Criterion] = []
    for name, item in found.items():
        # choice() takes the value for the name: here, the key is the name.
        exercise = choice(replace(item, value=name), assignment.exercises)
        if exercise == name and not assignment.training and assignment.exercises[name].args != TRAINABLE:
            mend = "take it out, or write training.py beside spec.yaml"
            fault(item, f"cannot be trained: it is no function of ({', '.join(TRAINABLE)}); {mend}")
        if any(other.id == PREFIX + name for other in others):
            fault(item, f"there is a criterion {PREFIX + name!r} already; give that one another name")
        given = fields(item, ("points", "steps"))
        points = number(given["points"], 0) if "points" in given else 0.0
        steps[name] = integer(given["steps"], 1, MOST) if "steps" in given else 1
        criteria.append(_criterion(name, points, [other for other in others if other.exercise == name]))
    return steps, tuple(criteria)


def _criterion(exercise: str, points: float, own: Sequence[Criterion]) -> Criterion:
    """It needs what the exercise's other criteria need: given code earns nothing by being trained."""
    needs = dict.fromkeys(need for other in own for need in other.needs)
    attempts = dict.fromkeys(need for other in own for need in other.needs_attempt)
    return Criterion(PREFIX + exercise, points, exercise, "training", tuple(needs), tuple(attempts))


def _load_protocol(node: Node, given: Mapping[str, Node], preset: Protocol) -> Protocol:
    changes: dict[str, Any] = {key: integer(given[key], 1, MOST) for key in SIZES if key in given}
    if "data" in given:
        changes["data"] = choice(given["data"], IMAGES)
    if "learning_rate" in given:
        changes["learning_rate"] = number(given["learning_rate"], high=1, above=0)
    protocol = replace(preset, **changes)
    for key, wrong, mend in _contradictions(protocol):
        if wrong:
            fault(given.get(key, child(node, key, None)), mend)
    return protocol


def _contradictions(p: Protocol) -> tuple[tuple[str, bool, str], ...]:
    """Which value, whether another one contradicts it, and what must hold."""
    there, apart = IMAGES[p.data]
    used = p.transfer if apart else p.transfer + p.held_out
    both = "" if apart else " with held_out"
    return (
        ("labelled", p.labelled > p.batch, f"must be at most batch, {p.batch}, not {p.labelled}"),
        ("labels", p.labels > p.transfer, f"must be at most transfer, {p.transfer}, not {p.labels}"),
        ("transfer", used > there, f"{p.data} has {there} images, and{both} these are {used}; take fewer"),
        (
            "held_out",
            apart is not None and p.held_out > apart,
            f"{p.data} has {apart} images to hold out, not {p.held_out}; take fewer",
        ),
    )
