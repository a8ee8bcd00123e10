"""feedback.html: what one learner reads, as one file to open, to print, to keep. Says what feedback.md says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from grader.check_words import explain_check
from grader.execution_words import explain_execution, explain_fault, explain_substitutions
from grader.explain import explain_exercise, explain_helpers
from grader.i18n import translator
from grader.plaintext import clean
from grader.reports import charts, execution, told, training
from grader.reports.code import Listing, listing
from grader.reports.document import render
from grader.reports.marks import NOTHING as NOT_DONE
from grader.reports.marks import OURS, RIGHT, UNCLEAR, WRONG, mark_of
from grader.result import remarks
from grader.sentences import VERDICTS
from grader.training_words import SPARED, explain_training
from grader.types import (
    NOTHING,
    Cell,
    CheckResult,
    ExerciseResult,
    Expectations,
    Found,
    Graded,
    Score,
    Verdict,
)

MOST_CODE = 600_000  # characters of HTML of all listings of a page
MARKS: Mapping[Verdict, str] = {
    Verdict.PASSED: RIGHT,
    Verdict.MISSING: NOT_DONE,
    Verdict.NOT_ATTEMPTED: NOT_DONE,
    Verdict.SKIPPED: NOT_DONE,
    Verdict.INCONCLUSIVE: UNCLEAR,
    Verdict.INTERNAL: OURS,
}


@dataclass(frozen=True)
class Check:
    """One check, and the listing's line that it is about."""

    block: told.Block
    line: str  # id of that line; empty where it is not shown


@dataclass(frozen=True)
class Part:
    """One exercise."""

    id: str
    title: str
    mark: str
    verdict: str
    told: tuple[str, ...]
    checks: tuple[Check, ...]
    rest: int
    listings: tuple[Listing, ...]
    passed: bool


@dataclass(frozen=True)
class Training:
    """One training: a line of the table, its interval, what it means."""

    cells: tuple[str, ...]
    interval: Markup
    title: str
    told: str
    lines: str  # of an exception, which are shown as they are


def to_html(
    graded: Graded,
    expectations: Expectations,
    lang: str,
    environment: Mapping[str, str] = NOTHING,
    curves: str = "",
) -> str:
    """The feedback of one submission in one language. `curves`: the picture that `curves.to_svg` made."""
    room = Room(MOST_CODE)
    parts = [
        _part(f"exercise-{number}", result, graded, expectations, lang, room)
        for number, result in enumerate(graded.results, start=1)
    ]
    return render(
        "page.html",
        lang,
        title=clean(graded.assignment.title.get(lang, graded.assignment.slug), 200),
        who=told.who(graded),
        name=clean(graded.submission.learner.name, 120),
        late=graded.submission.late,
        final=graded.grade.final,
        points=told.points(graded, lang),
        bar=charts.points_bar(graded.grade.earned, graded.grade.possible),
        scores=[(line, _score_mark(line.score)) for line in told.score_lines(graded, expectations, lang)],
        sections={result.exercise: part.id for result, part in zip(graded.results, parts, strict=True)},
        remarks=[message for _remark, message in remarks(graded, lang)],
        parts=parts,
        trainings=list(_trainings(graded, lang)),
        training_heads=training.columns(lang),
        training_told=training.introduction(lang),
        curves=Markup(curves),
        execution=_execution(graded, lang),
        advice=[
            told.block(check, graded, expectations, expectations.mistakes, lang)
            for check in told.advice_checks(graded)
        ],
        cells=[shown for cell in _cells(graded) if (shown := room.take(listing(cell)))],
        cell_count=len(_cells(graded)),
        foot=told.foot(graded, environment, lang),
    )


class Room:
    """How much more code a page takes."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, shown: Listing) -> Listing | None:
        """The same listing, or None when the page is full."""
        if shown.size > self.left:
            self.left = 0  # not the next smaller one instead: what is shown has no gaps
            return None
        self.left -= shown.size
        return shown


def _part(
    name: str, result: ExerciseResult, graded: Graded, expectations: Expectations, lang: str, room: Room
) -> Part:
    exercise = graded.assignment.exercises[result.exercise]
    others = {other.exercise: other for other in graded.results}
    sentences = (
        explain_exercise(result, expectations, exercise, lang),
        explain_helpers(exercise, others, lang),
    )
    checks, rest = told.shown_checks(result) if result.finding.found == Found.DEFINED else ([], 0)
    listings = tuple(_listings(result, checks, graded, room))
    lines = {
        (shown.cell, line.number): f"{name}-{number}-{line.number}"
        for number, shown in enumerate(listings)
        for line in shown.lines
        if line.marked
    }
    mistakes = told.other_mistakes(result, expectations)
    return Part(
        id=name,
        title=exercise.title.get(lang, exercise.name),
        mark=MARKS.get(result.verdict, WRONG),
        verdict=translator(lang)(VERDICTS[result.verdict]),
        told=tuple(sentence for sentence in sentences if sentence),
        checks=tuple(
            Check(
                told.block(check, graded, expectations, mistakes, lang),
                lines.get((check.place.cell, check.place.line), "") if check.place else "",
            )
            for check in checks
        ),
        rest=rest,
        listings=listings,
        passed=result.verdict == Verdict.PASSED,
    )


def _listings(result: ExerciseResult, checks: list[CheckResult], graded: Graded, room: Room) -> Iterator[Listing]:
    """The cell of the exercise, and those that its exceptions come from: two at most."""
    found = result.finding.place
    if found is None:
        return
    places = [check.place for check in checks if check.place]
    by_number = {cell.number: cell for cell in _cells(graded)}
    wanted = list(dict.fromkeys([found.cell, *(place.cell for place in places)]))[:2]
    for number in wanted:
        if number in by_number:
            marked = {place.line for place in places if place.cell == number}
            near = found.line if number == found.cell else min(marked)
            shown = room.take(listing(by_number[number], marked, near))
            if shown:
                yield shown


def _cells(graded: Graded) -> tuple[Cell, ...]:
    return graded.notebook.cells if graded.notebook else ()


def _score_mark(score: Score) -> str:
    criterion = score.criterion
    if score.because in SPARED:
        return NOT_DONE  # full points, but nothing was judged
    return mark_of(
        {"verdict": score.verdict, "earned": score.earned, "points": criterion.points, "kind": criterion.kind}
    )


def _trainings(graded: Graded, lang: str) -> Iterator[Training]:
    checks = training.training_checks(graded)
    summaries = [check.training.summary for check in checks if check.training and check.training.summary]
    finite = [s for s in summaries if math.isfinite(s.low) and math.isfinite(s.high) and math.isfinite(s.mean)]
    over = charts.scale([value for s in finite for value in (s.low, s.high, s.margin)])
    for check in checks:
        summary = check.training.summary if check.training else None
        picture = Markup()
        if summary in finite and summary is not None:
            picture = charts.interval(summary.mean, summary.low, summary.high, summary.margin, over)
        lines = ""
        if check.fault is not None:
            lines = explain_check(check, None, {}, lang, graded.assignment.exercises[check.exercise])
        sentences = "" if lines or check.verdict in training.UNDONE else " ".join(
            explain_training(check, lang, numbers=False)
        )  # fmt: skip
        title = training.title(check, graded, lang)
        yield Training(training.cells(check, graded, lang), picture, title, sentences, lines)


def _execution(graded: Graded, lang: str) -> dict[str, object] | None:
    if graded.execution is None:
        return None
    return {
        "told": clean(explain_execution(graded.execution, lang), 600),
        "fault": explain_fault(graded.execution, lang),
        "substitutions": list(explain_substitutions(graded.execution, lang))[: execution.MOST],
        "passed": graded.execution.ended == Verdict.PASSED,
    }
