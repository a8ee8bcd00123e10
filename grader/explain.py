"""What a learner reads, built from sentences.py and from sentences here. Korean: locale/ko/grader.po.

What comes from the learner (names, messages) passes through `clean`. A hidden case shows its verdict,
its hint and the place, and nothing that could tell its inputs or values: not even an exception's
message, which may hold them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from grader.check_words import explain_place, hint_of, in_language
from grader.i18n import translator
from grader.plaintext import clean
from grader.sentences import (
    BECAUSE,
    MEANINGS,
    REMARKS,
    UNREADABLE,
    UNREADABLE_OTHERWISE,
    UNREADABLE_OWN,
    UNREADABLE_OWN_OTHERWISE,
)
from grader.training_words import verdict_word
from grader.types import (
    CheckResult,
    Exercise,
    ExerciseResult,
    Expectations,
    Finding,
    Found,
    Mistake,
    Place,
    Remark,
    Score,
    Verdict,
)


def located(result: ExerciseResult) -> tuple[CheckResult, ...]:
    """The checks of an exercise, each with its own place or the function's: hidden ones with the latter only."""
    at = result.finding.place  # which line an exception names is up to the learner's code
    return tuple(replace(c, place=(c.place if c.public else None) or at) for c in result.checks)


def explain_exercise(
    result: ExerciseResult, expectations: Expectations, exercise: Exercise, lang: str, *, hint: bool = True
) -> str:
    """What an exercise came to, as sentences in one paragraph, with or without the hint of a known mistake."""
    known = expectations if hint else replace(expectations, mistakes={})
    return " ".join(_exercise_sentences(result, known, exercise, lang))


def _exercise_sentences(
    result: ExerciseResult, expectations: Expectations, exercise: Exercise, lang: str
) -> Iterator[str]:
    _ = translator(lang)
    finding = explain_finding(result.finding, exercise, lang)
    if finding:
        yield finding
    if result.finding.found != Found.DEFINED:
        return
    if result.verdict == Verdict.PASSED:
        yield _(BECAUSE["follow_through" if result.followed else "passed"]).format(
            detail=", ".join(result.followed)
        )
        families = {family.name: family for family in expectations.families.get(exercise.name, ())}
        if result.family in families and families[result.family].note:
            yield in_language(families[result.family].note, lang)
        return
    counted = {check.case: True for check in result.checks if check.kind == "ordinary"}
    counted.update({c.case: False for c in result.checks if c.kind == "ordinary" and c.verdict != Verdict.PASSED})
    if result.verdict == Verdict.FAILED:
        wrong = sum(not right for right in counted.values())
        yield _("{wrong} of {total} cases are not correct.").format(wrong=wrong, total=len(counted))
    else:
        yield _(BECAUSE["error"]) if result.verdict == Verdict.ERROR else _(MEANINGS[result.verdict])
    if result.proportional:
        yield _(BECAUSE["proportional_gradient"])
    hint = hint_of(expectations.mistakes.get(result.mistake or ""), lang)
    if hint:
        yield _("It looks like this: {hint}").format(hint=hint)


def explain_helpers(exercise: Exercise, results: Mapping[str, ExerciseResult], lang: str) -> str:
    """Which of the functions that an exercise uses to mend first; empty if none."""
    _ = translator(lang)
    wrong = [name for name in exercise.uses if name in results and results[name].verdict != Verdict.PASSED]
    if not wrong or results[exercise.name].verdict in (Verdict.PASSED, Verdict.NOT_ATTEMPTED, Verdict.MISSING):
        return ""
    return _("It uses {helpers}, which is not correct yet: start there.").format(helpers=", ".join(wrong))


def explain_finding(finding: Finding, exercise: Exercise, lang: str, *, again: bool = False) -> str:
    """Where the function stands in the notebook, if there is something to say about it; else empty.

    `again`: to somebody who checks their own work, not to somebody who has handed it in.
    """
    _ = translator(lang)
    where = f" ({explain_place(finding.place, lang)})" if finding.place else ""
    if finding.found == Found.MISSING:
        near = clean(finding.nearest or "", 80)
        if finding.detail == "nested":
            told = _("{name} stands inside {near}{where}. Define it at the top level of a cell.")
            return told.format(name=exercise.root, near=near.rpartition(".")[0], where=where)
        told = _("No function named {name} was found in the notebook.")
        if exercise.probes:
            told = _("No function or class named {name} was found in the notebook.")
        told = told.format(name=exercise.root)
        if near:
            told += " " + _("The most similar name is {near}{where}: was that meant?").format(
                near=near, where=where
            )
        return told
    if finding.found == Found.BLANK:
        told = _("{name} is not filled in yet{where}. Once you have written it, hand in again to see how it does.")
        if again:
            told = _("{name} is not filled in yet{where}. Write it where the blank is, then check again.")
        return told.format(name=exercise.definition or exercise.name, where=where)
    if finding.found == Found.BROKEN:
        line = re.match(r"line (\d+): ", finding.detail)
        if line and finding.place:
            where = f" ({explain_place(replace(finding.place, line=int(line[1])), lang)})"
        told = _("The cell of {name} is not valid Python{where}, so it could not be run: {detail}")
        detail = finding.detail[line.end() :] if line else finding.detail
        return told.format(name=exercise.definition or exercise.name, where=where, detail=clean(detail, 200))
    return ""


def explain_score(score: Score, lang: str, mistakes: Mapping[str, Mistake] | None = None) -> str:
    """Why a criterion earned what it earned, in one sentence or two."""
    _ = translator(lang)
    meaning = {verdict.value: meaning for verdict, meaning in MEANINGS.items()}.get(score.because)
    told = _(BECAUSE.get(score.because) or meaning or verdict_word(score.criterion.kind, score.verdict))
    told = told.format(detail=clean(score.detail))
    hint = hint_of((mistakes or {}).get(score.detail), lang)
    if not hint:
        return told
    likely = _("It looks like this: {hint}").format(hint=hint)
    return likely if score.because == "mistake" else f"{told} {likely}"


def explain_unreadable(reason: str, detail: str, lang: str, *, again: bool = False) -> str:
    """Why nothing could be read, and what to do; `again` as in `explain_finding`."""
    _ = translator(lang)
    told = _(UNREADABLE.get(reason, UNREADABLE_OTHERWISE))
    if again:
        told = _(UNREADABLE_OWN.get(reason, UNREADABLE_OWN_OTHERWISE))
    if reason == "no_notebook":  # what there is in its place
        return f"{told} ({clean(detail, 200)})" if detail else told
    line = re.search(r"\bline (\d+)", detail)
    return f"{told} ({explain_place(Place(None, int(line[1])), lang)})" if line else told


def explain_remark(remark: Remark, lang: str) -> str:
    """Something about the notebook that the learner should know."""
    _ = translator(lang)
    told = _(REMARKS.get(remark.kind, "{detail}")).format(detail=clean(remark.detail, 200))
    return f"{told} ({explain_place(remark.place, lang)})" if remark.place else told
