"""Graded -> result.json (see docs/result.md) and the row that grades.csv and the tables need."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grader.alike import behaviour
from grader.check_words import explain_check
from grader.execution_words import explain_execution, explain_fault, explain_substitutions
from grader.explain import (
    explain_remark,
    explain_score,
    explain_unreadable,
    located,
)
from grader.fingerprints import prints
from grader.i18n import translator
from grader.network import segments
from grader.types import (
    NOTHING,
    Assignment,
    CheckResult,
    Comparison,
    Criterion,
    Execution,
    Expectations,
    Fault,
    Graded,
    Notebook,
    Place,
    Remark,
    Score,
    TrainingRun,
    Verdict,
)

SCHEMA_VERSION = 1
MOST_POINTS = 50  # of a loss curve


def to_dict(
    graded: Graded, expectations: Expectations, lang: str, environment: Mapping[str, str] = NOTHING
) -> dict[str, Any]:
    """Everything about one submission as plain values, keys always in this order.

    A grade that is not final has no numbers: `earned` is None, of the whole and of every criterion.
    """
    grade = graded.grade
    return {
        "schema_version": SCHEMA_VERSION,
        "submission": {
            "id": graded.submission.id,
            "path": graded.submission.path,
            "sha256": graded.submission.sha256,
        },
        "assignment": {"slug": graded.assignment.slug, "version": graded.assignment.version},
        "final": grade.final,
        "earned": _number(grade.earned) if grade.final else None,
        "possible": _number(grade.possible),
        "criteria": [_criterion(score, graded, expectations, lang) for score in grade.scores],
        "checks": [
            _check(check, graded, expectations, lang) for result in graded.results for check in located(result)
        ],
        "remarks": [
            {"kind": remark.kind, "message": message, **_place(remark.place)}
            for remark, message in remarks(graded, lang)
        ],
        "execution": _execution(graded.execution, lang),
        "sandbox": list(graded.run.layers) if graded.run else [],
        "environment": dict(sorted(environment.items())),
        "timing": {name: _number(value) for name, value in sorted(graded.timing.items())},
    }


def to_json(result: Mapping[str, Any]) -> str:
    """The text of result.json. Raises ValueError where JSON has no such number (NaN, infinity)."""
    return json.dumps(result, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def to_row(graded: Graded, lang: str, template: Notebook | None = None) -> dict[str, Any]:
    """What the tables and pages of a class need of one submission, as plain values: kept in the journal.

    `template` is the notebook as it was handed out; its code is nobody's own.
    """
    grade, submission = graded.grade, graded.submission
    return {
        "id": submission.id,
        "name": submission.learner.name,
        "learner": submission.learner.id,
        "email": submission.learner.email,
        "group": submission.learner.group,
        "late": submission.late,
        "path": submission.path,
        "sha256": submission.sha256,
        "final": grade.final,
        "earned": _number(grade.earned) if grade.final else None,
        "possible": _number(grade.possible),
        "criteria": [
            {
                "id": score.criterion.id,
                "title": criterion_title(score.criterion, graded.assignment, lang),
                "kind": score.criterion.kind,
                "exercise": score.criterion.exercise or "",
                "points": _number(score.criterion.points),
                "earned": _number(score.earned) if grade.final else None,
                "verdict": score.verdict.value,
            }
            for score in grade.scores
        ],
        "mistakes": [result.mistake for result in graded.results if result.mistake],
        "unreadable": graded.unreadable.partition(":")[0],
        "note": _note(graded, lang),
        "twin": graded.twin,
        "seconds": _number(graded.timing.get("wall_s", 0.0)),
        "training": [_trained(check) for result in graded.results for check in result.checks if check.training],
        "wrong": behaviour(graded),
        "prints": prints(graded.program, template) if graded.program else {},
    }


def criterion_title(criterion: Criterion, assignment: Assignment, lang: str) -> str:
    """What people read for a criterion."""
    if criterion.title:
        return criterion.title.get(lang, criterion.id)
    _ = translator(lang)
    exercise = assignment.exercises.get(criterion.exercise or "")
    if exercise is not None:
        title = exercise.title.get(lang, exercise.name)
        return _("{exercise}: training").format(exercise=title) if criterion.kind == "training" else title
    titles = {"robustness": _("robustness"), "runs_clean": _("the whole notebook runs")}
    return titles.get(criterion.kind, criterion.id)


def _trained(check: CheckResult) -> dict[str, Any]:
    summary = check.training.summary if check.training else None
    return {
        "exercise": check.exercise,
        "verdict": check.verdict.value,
        "mean": _rounded(summary.mean, 3) if summary else None,
        "low": _rounded(summary.low, 3) if summary else None,
        "high": _rounded(summary.high, 3) if summary else None,
        "margin": _number(summary.margin) if summary else None,
    }


def remarks(graded: Graded, lang: str) -> Iterator[tuple[Remark, str]]:
    """Everything to be said about the notebook as a whole, with its sentence."""
    if graded.unreadable:
        reason, _, detail = graded.unreadable.partition(": ")
        yield Remark("unreadable"), explain_unreadable(reason, detail, lang)
    if not graded.grade.final:
        yield Remark("internal"), explain_remark(Remark("internal"), lang)
    noted = (*graded.submission.remarks, *(graded.program.remarks if graded.program else ()))
    faults = graded.run.load_faults if graded.run else ()
    for remark in (*noted, *(_load_fault(fault) for fault in faults)):
        yield remark, explain_remark(remark, lang)


def _execution(execution: Execution | None, lang: str) -> dict[str, Any] | None:
    if execution is None:
        return None
    return {
        "verdict": str(execution.ended),
        "mode": execution.mode,
        "cells": execution.cells,
        "ran": len(execution.ran),
        "cell": execution.cell,
        "line": execution.line,
        "message": explain_execution(execution, lang),
        "error": explain_fault(execution, lang),
        "substitutions": list(explain_substitutions(execution, lang)),
        "seconds": _number(execution.seconds),
    }


def _load_fault(fault: Fault) -> Remark:
    return Remark("load_fault", fault.place, f"{fault.type}: {fault.message}")


def _criterion(score: Score, graded: Graded, expectations: Expectations, lang: str) -> dict[str, Any]:
    return {
        "id": score.criterion.id,
        "points": _number(score.criterion.points),
        "earned": _number(score.earned) if graded.grade.final else None,
        "verdict": score.verdict.value,
        "because": explain_score(score, lang, expectations.mistakes),
    }


def _check(check: CheckResult, graded: Graded, expectations: Expectations, lang: str) -> dict[str, Any]:
    expected = expectations.cases.get(f"{check.exercise}/{check.case}")
    exercise = graded.assignment.exercises.get(check.exercise)
    message = ""
    if check.verdict != Verdict.PASSED:
        case = expected.case if expected else None
        message = explain_check(check, case, expectations.mistakes, lang, exercise)
    return {
        "exercise": check.exercise,
        "case": check.case,
        "check": check.check,
        "verdict": check.verdict.value,
        "mistake": check.mistake,
        "message": message,
        **_place(check.place),
        "public": check.public,
        "training": _training(check.training) if check.training else None,
    }


def _training(compared: Comparison) -> dict[str, Any]:
    """The runs of both sides; curves are those of the first seed. Numbers are rounded, None where not finite."""
    summary = compared.summary
    ours, without = compared.distilled[:1], compared.scratch[:1]
    kept = thinned(len(ours[0].curve), MOST_POINTS) if ours else []
    return {
        "data": compared.data,
        "labels": compared.labels,
        "steps": compared.steps,
        "device": compared.device,
        "margin": _number(summary.margin) if summary else None,
        "mean": _rounded(summary.mean, 3) if summary else None,
        "low": _rounded(summary.low, 3) if summary else None,
        "high": _rounded(summary.high, 3) if summary else None,
        "confidence": _rounded(summary.confidence, 5) if summary else None,
        "seeds": [run.seed for run in compared.distilled],
        "distilled": [_rounded(run.accuracy, 4) for run in compared.distilled],
        "scratch": [_rounded(run.accuracy, 4) for run in compared.scratch],
        "seconds": _rounded(compared.seconds, 2),
        "cached": sum(run.cached for run in compared.distilled),
        "curve": {
            "step": checkpoints(ours[0], compared.steps) if ours else [],
            "distilled": _accuracies(ours),
            "scratch": _accuracies(without),
        },
        "loss": {
            "step": [at + 1 for at in kept],
            "distilled": _losses(ours, kept),
            "scratch": _losses(without, kept),
        },
    }


def checkpoints(run: TrainingRun, steps: int) -> list[int]:
    """After how many steps each of the run's accuracies was measured."""
    return [part.stop for part in segments(steps, len(run.accuracies))]


def thinned(count: int, most: int) -> list[int]:
    """At most `most` of the indices below `count`, evenly spaced, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [at * (count - 1) // (most - 1) for at in range(most)]


def _accuracies(runs: Sequence[TrainingRun]) -> list[int | float | None]:
    return [_rounded(share, 4) for run in runs for share in run.accuracies]


def _losses(runs: Sequence[TrainingRun], kept: Sequence[int]) -> list[int | float | None]:
    return [_number(float(f"{run.curve[at]:.5g}")) for run in runs for at in kept]


def _rounded(value: float, digits: int) -> int | float | None:
    return _number(round(value, digits)) if math.isfinite(value) else None


def _place(place: Place | None) -> dict[str, int | None]:
    return {"cell": place.cell if place else None, "line": place.line if place else None}


def _number(value: float) -> int | float | None:
    """Whole numbers without a decimal point; None for what JSON cannot say."""
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) else value


def _note(graded: Graded, lang: str) -> str:
    """For instructors: the one thing to know that the marks do not say."""
    if graded.internal:
        return graded.internal
    checks = [check for result in graded.results for check in result.checks if check.kind == "training"]
    unclear = [check.exercise for check in checks if check.verdict == Verdict.INCONCLUSIVE]
    if unclear:
        _ = translator(lang)
        return _("training inconclusive: {names}, a person should look").format(names=", ".join(unclear))
    return next((message for remark, message in remarks(graded, lang)), "")
