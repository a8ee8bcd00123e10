"""What a self-check says, before it is text or HTML: as far up the ladder of hints as was asked and is allowed.

Level 1 shows what was called, expected and got. Level 2 adds what the numbers mean and the likely mistake, level 3
the formula and the operation that it stands for. Never the answer, and nothing of a hidden case.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from grader.check_words import hint_of, in_language
from grader.evidence import Evidence, evidence
from grader.explain import explain_exercise, explain_finding, explain_helpers, explain_unreadable, located
from grader.i18n import translator
from grader.meaning import meanings, told_checks
from grader.reports import told
from grader.reports.grids import Grid, grid_of
from grader.reports.unchecked import only_when_grading
from grader.result import remarks
from grader.sentences import OUR_FAULT_OWN, VERDICTS
from grader.types import (
    CheckResult,
    ExerciseResult,
    Expectations,
    FormulaLine,
    Found,
    Graded,
    Verdict,
)

SEEN, CAUSE, FORMULA = 1, 2, 3  # the levels of hints
DEFAULT = CAUSE
MOST_CHECKS = 2  # per exercise; one slip shows in every case
NOT_DONE = (Verdict.NOT_ATTEMPTED, Verdict.MISSING)


@dataclass(frozen=True)
class Shown:
    """One check: what `explain_check` says, and the two arrays where they are worth a table."""

    block: told.Block
    grid: Grid | None


@dataclass(frozen=True)
class Lesson:
    """One exercise."""

    exercise: str
    mark: str  # ✓ ✗ –
    verdict: str
    passed: bool
    told: tuple[str, ...]
    checks: tuple[Shown, ...]
    meanings: tuple[str, ...]
    cause: str  # the hint of the recognised mistake
    formula: tuple[tuple[int, str, str], ...]  # number, line, what it means


@dataclass(frozen=True)
class Sheet:
    """The whole answer."""

    warnings: tuple[str, ...]
    lessons: tuple[Lesson, ...]  # what is not attempted first
    summary: str
    unchecked: tuple[str, ...]  # what only grading does
    ladder: str  # how to see more, or why there is no more


def sheet(
    graded: Graded,
    expectations: Expectations,
    lang: str,
    only: Collection[str],
    warning: str,
    hints: int,
    limit: int,
) -> Sheet:
    """`only` shows some exercises; `hints` is what was asked for, `limit` what the course allows."""
    _ = translator(lang)
    shown = [r for r in graded.results if not only or r.exercise in only]
    in_order = [result.exercise for result in shown]
    shown.sort(key=lambda result: result.verdict != Verdict.NOT_ATTEMPTED)
    level = max(SEEN, min(hints, limit))
    lessons = [_lesson(result, graded, expectations, lang, level) for result in shown]
    passed = sum(r.verdict == Verdict.PASSED for r in shown)
    summary = _("{passed} of {total} exercises are right on the public cases.")
    return Sheet(
        tuple(_warnings(graded, lang, bool(only), warning)),
        tuple(lessons),
        summary.format(passed=passed, total=len(shown)) if shown else "",
        tuple(only_when_grading(graded.assignment, in_order, lang)) if shown else (),
        _ladder(shown, graded, expectations, lang, hints, limit),
    )


def _warnings(graded: Graded, lang: str, some: bool, warning: str) -> Iterator[str]:
    """About the kit, the notebook as a whole, and ourselves; with `some` exercises nothing about single cells."""
    if warning:
        yield warning
    for remark, message in remarks(graded, lang):
        if remark.kind == "unreadable":
            reason, _colon, detail = graded.unreadable.partition(": ")
            yield explain_unreadable(reason, detail, lang, again=True)
        elif remark.kind == "internal":
            yield translator(lang)(OUR_FAULT_OWN)
        elif not some or graded.unreadable or graded.internal:
            yield message
    if graded.internal:
        yield graded.internal


def _lesson(result: ExerciseResult, graded: Graded, expectations: Expectations, lang: str, level: int) -> Lesson:
    exercise = graded.assignment.exercises[result.exercise]
    _ = translator(lang)
    seen = evidence(result, graded, expectations)
    wrong = result.verdict not in (Verdict.PASSED, *NOT_DONE) and result.finding.found == Found.DEFINED
    deep = wrong and level >= CAUSE
    cause = hint_of(expectations.mistakes.get(result.mistake or ""), lang) if deep else ""
    formula = _formula(result, graded, expectations) if wrong and level >= FORMULA else ()
    return Lesson(
        result.exercise,
        "✓" if result.verdict == Verdict.PASSED else "–" if result.verdict in NOT_DONE else "✗",
        _(VERDICTS[result.verdict]),
        result.verdict == Verdict.PASSED,
        tuple(_sentences(result, graded, expectations, lang, level)),
        tuple(_checks(result, graded, expectations, lang, level, seen)),
        tuple(meanings(seen, exercise, lang)) if deep else (),
        cause,
        tuple((n, line.line, in_language(line.means, lang)) for n, line in formula),
    )


def _sentences(
    result: ExerciseResult, graded: Graded, expectations: Expectations, lang: str, level: int
) -> Iterator[str]:
    exercise = graded.assignment.exercises[result.exercise]
    if result.finding.found == Found.BLANK:
        yield explain_finding(result.finding, exercise, lang, again=True)
    else:
        plain = result if level >= CAUSE else replace(result, proportional=False)
        yield explain_exercise(plain, expectations, exercise, lang, hint=False)
    helpers = explain_helpers(exercise, {r.exercise: r for r in graded.results}, lang)
    if helpers:
        yield helpers


def _checks(
    result: ExerciseResult,
    graded: Graded,
    expectations: Expectations,
    lang: str,
    level: int,
    seen: tuple[Evidence, ...],
) -> Iterator[Shown]:
    """The first wrong checks, a training, one piece of advice."""
    trained = [c for c in located(result) if c.kind == "training" and c.verdict not in NOT_DONE]
    checks = [c for c in located(result) if c.verdict != Verdict.PASSED and c.check != "defined"]
    wrong = [c for c in checks if c.kind not in ("robustness", "training")]
    advice = [c for c in checks if c.kind == "robustness"]
    said = told_checks(seen, graded.assignment.exercises[result.exercise])
    mistakes = told.other_mistakes(result, expectations) if level >= CAUSE else {}
    for check in [*wrong[:MOST_CHECKS], *trained, *advice[:1]]:
        grid = _grid(check, seen)
        factor = level >= CAUSE and check.check not in said and not _known_loss(check, result)
        block = told.block(
            check, graded, expectations, mistakes, lang, values=grid is None, factor=factor or check in trained
        )
        yield Shown(block, grid)


def _known_loss(check: CheckResult, result: ExerciseResult) -> bool:
    """Whether a gradient is missing for a reason that is told anyway."""
    return check.mismatch is not None and check.mismatch.kind == "none" and result.mistake is not None


def _grid(check: CheckResult, seen: tuple[Evidence, ...]) -> Grid | None:
    if not check.public or check.kind != "ordinary" or check.mismatch is None:
        return None
    own = [one for one in seen if (one.case.name, one.check) == (check.case, check.check)]
    return grid_of(own[0].actual, own[0].expected, own[0].allowed) if own else None


def _formula(
    result: ExerciseResult, graded: Graded, expectations: Expectations
) -> tuple[tuple[int, FormulaLine], ...]:
    """The line that the recognised mistake gets wrong, else all of them."""
    lines = tuple(enumerate(graded.assignment.exercises[result.exercise].formula, start=1))
    mistake = expectations.mistakes.get(result.mistake or "")
    if mistake and mistake.line and mistake.line <= len(lines):
        return (lines[mistake.line - 1],)
    return lines


def _ladder(
    shown: list[ExerciseResult], graded: Graded, expectations: Expectations, lang: str, hints: int, limit: int
) -> str:
    _ = translator(lang)
    if hints > limit:
        told = _("Your course shows hints up to level {limit}, so it ends there. If you are stuck, ask there.")
        return told.format(limit=limit)
    wrong = [r for r in shown if r.verdict not in (Verdict.PASSED, *NOT_DONE) and r.finding.found == Found.DEFINED]
    if hints >= limit or not wrong:
        return ""
    if hints < CAUSE:
        return _("--hints 2 adds what the numbers mean and, where it is known, the likely mistake.")
    if any(_formula(result, graded, expectations) for result in wrong):
        return _("--hints 3 adds the line of the formula and the operation that it stands for.")
    return ""
