"""How far up the ladder of hints a learner may go: what the course says, through its kit or its rubric."""

from __future__ import annotations

from pathlib import Path

from grader.learner import kit
from grader.types import Assignment, Policies
from grader.yamlfile import ConfigError, read_yaml

LEVELS = (1, 2, 3)  # called, expected, got | what that means, the likely mistake | the formula


def limit(root: Path, assignment: Assignment) -> int:
    """The `hints` of the kit that this is, else of rubric.yaml; all of them where there is neither.

    Raises NoKit where kit.json cannot be read. Of the rubric no more is read: a fault elsewhere in it is no
    learner's affair, and must not lift the limit.
    """
    own = kit.read(root)
    if own is not None:
        return min(max(own.hints, LEVELS[0]), LEVELS[-1])
    try:
        value = read_yaml(root / "rubric.yaml").value
    except ConfigError:
        value = None
    for key in (assignment.slug, "policies", "hints"):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int) and value in LEVELS else Policies().hints
