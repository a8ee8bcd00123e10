"""What one learner is told, before it is Markdown or HTML: which parts, which checks, in which words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from grader.check_words import explain_check, explain_place
from grader.explain import explain_score, located
from grader.i18n import translator
from grader.plaintext import clean
from grader.result import criterion_title
from grader.training_words import score_word
from grader.types import CheckResult, ExerciseResult, Expectations, Graded, Mistake, Score, Verdict

MOST_CHECKS = 3  # shown per exercise; one slip shows in every case


@dataclass(frozen=True)
class ScoreLine:
    """One criterion as a line of a table."""

    score: Score
    title: str
    points: str  # "15 / 20"
    verdict: str
    because: str


@dataclass(frozen=True)
class Block:
    """One check, taken apart: what `explain_check` says in lines."""

    headline: str
    rows: tuple[tuple[str, str], ...]  # label, value: called, expected, got, looks like
    lines: tuple[str, ...]
    place: str  # "cell 41, line 7"; empty without one


def who(graded: Graded) -> str:
    """How the submission is called."""
    return clean(graded.submission.id, 120)


def points(graded: Graded, lang: str) -> str:
    """The grade in words, or that there is none yet."""
    _ = translator(lang)
    grade = graded.grade
    if not grade.final:
        return _("no grade yet")
    return _("{earned:g} of {possible:g} points").format(earned=grade.earned, possible=grade.possible)


def score_lines(graded: Graded, expectations: Expectations, lang: str) -> Iterator[ScoreLine]:
    """Every criterion; none where there is no grade, or nothing that could have been judged."""
    if not graded.grade.final or graded.unreadable:
        return
    _ = translator(lang)
    for score in graded.grade.scores:
        advice = score.criterion.kind == "robustness" and not score.criterion.points
        yield ScoreLine(
            score,
            criterion_title(score.criterion, graded.assignment, lang),
            f"{score.earned:g} / {score.criterion.points:g}",
            _("advice") if advice and score.verdict != Verdict.PASSED else _(score_word(score)),
            explain_score(score, lang, expectations.mistakes),
        )


def shown_checks(result: ExerciseResult) -> tuple[list[CheckResult], int]:
    """The checks that show what is wrong, public ones first, and how many more did not pass."""
    own = [c for c in located(result) if c.kind not in ("robustness", "training")]
    wrong = [c for c in own if c.verdict != Verdict.PASSED]
    different = list({_key(check): check for check in reversed(wrong)}.values())[::-1]
    shown = sorted(different, key=lambda check: not check.public)[:MOST_CHECKS]
    return shown, len(wrong) - len(shown)


def _key(check: CheckResult) -> object:
    """The same for checks that would tell the same: of one case, or of one exception in many cases."""
    if check.verdict == Verdict.FAILED:
        return check.case
    return check.verdict, check.fault.type if check.fault else "", check.place


def other_mistakes(result: ExerciseResult, expectations: Expectations) -> Mapping[str, Mistake]:
    """The known mistakes whose hint does not stand above the checks already."""
    return {name: known for name, known in expectations.mistakes.items() if name != result.mistake}


def advice_checks(graded: Graded) -> list[CheckResult]:
    """Robustness of what is right otherwise: one check per case, the value before its gradients."""
    kept: dict[tuple[str, str], CheckResult] = {}
    for result in graded.results:
        if result.verdict == Verdict.PASSED:
            for check in located(result):
                if check.kind == "robustness" and check.verdict != Verdict.PASSED:
                    kept.setdefault((check.exercise, check.case), check)
    return list(kept.values())


def block_text(
    check: CheckResult,
    graded: Graded,
    expectations: Expectations,
    mistakes: Mapping[str, Mistake],
    lang: str,
    *,
    values: bool = True,
    factor: bool = True,
) -> str:
    """One check as lines of plain text; `values` and `factor` as in `explain_check`."""
    expected = expectations.cases.get(f"{check.exercise}/{check.case}")
    exercise = graded.assignment.exercises[check.exercise]
    case = expected.case if expected else None
    return explain_check(check, case, mistakes, lang, exercise, values=values, factor=factor)


def block(
    check: CheckResult,
    graded: Graded,
    expectations: Expectations,
    mistakes: Mapping[str, Mistake],
    lang: str,
    *,
    values: bool = True,
    factor: bool = True,
) -> Block:
    """One check, taken apart.

    Two spaces side by side stand only where `explain_check` puts a label before its value, or a place after a
    sentence: `clean` leaves none in what a learner wrote.
    """
    _ = translator(lang)
    labels = {_("called"), _("with"), _("tried with"), _("expected"), _("got"), _("looks like")}
    place = explain_place(check.place, lang) if check.place else ""
    text = block_text(check, graded, expectations, mistakes, lang, values=values, factor=factor)
    headline, *told = [line.strip().removesuffix(f"({place})").rstrip() for line in text.splitlines()]
    rows, lines = [], []
    for line in told:
        label, gap, value = line.partition("  ")
        if gap and label in labels:
            rows.append((label, value.strip()))
        elif line:
            lines.append(line)
    return Block(headline, tuple(rows), tuple(lines), place)


def foot(graded: Graded, environment: Mapping[str, str], lang: str) -> list[str]:
    """What graded it and what shut it in."""
    _ = translator(lang)
    told = []
    if environment:
        versions = ", ".join(
            f"{name} {clean(version, 60)}" for name, version in sorted(environment.items()) if name != "platform"
        )
        told.append(_("Graded with {versions}.").format(versions=versions))
    if graded.run is not None:
        layers = ", ".join(graded.run.layers) or _("none")
        told.append(_("Sandbox: {layers}.").format(layers=layers))
    return told
