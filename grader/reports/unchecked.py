"""What a self-check cannot check: what is left for grading, counted from the assignment itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from grader.i18n import translator
from grader.training_block import TRAINABLE
from grader.types import Assignment, Exercise


def only_when_grading(assignment: Assignment, shown: Collection[str], lang: str) -> Iterator[str]:
    """A line for each kind of check that only grading does, with how many there are for each exercise shown."""
    _ = translator(lang)
    exercises = [assignment.exercises[name] for name in shown]
    hidden = _listed((e, _count(e, robust=False)) for e in exercises)
    if hidden:
        yield _("hidden cases with other shapes and values: {counts}").format(counts=hidden)
    robust = _listed((e, _count(e, robust=True)) for e in exercises)
    if robust:
        yield _("difficult inputs, at which results have to stay finite: {counts}").format(counts=robust)
    losses = [e.name for e in exercises if e.args == TRAINABLE]
    if losses:
        yield _("a short training, if your course has one: {names}").format(names=", ".join(losses))
    elif assignment.training:
        yield _("a short training, if your course has one")
    yield _("the whole notebook from top to bottom, if your course asks for that")


def _count(exercise: Exercise, *, robust: bool) -> int:
    return sum(not case.public and (case.kind == "robustness") == robust for case in exercise.cases)


def _listed(counts: Iterator[tuple[Exercise, int]]) -> str:
    return ", ".join(f"{exercise.name} {count}" for exercise, count in counts if count)
