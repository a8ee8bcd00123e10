"""What a learner reads, built from sentences.py and from sentences here. Korean: locale/ko/grader.po.

What comes from the learner (names, messages) passes through `clean`. A hidden case shows its verdict,
its hint and the place, and nothing that could tell its inputs or values: not even an exception's
message, which may hold them.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from grader.i18n import Translate, translator
from grader.plaintext import clean, pad, width
from grader.sentences import (
    BECAUSE,
    GRADIENT_MISMATCHES,
    LIMITS,
    MEANINGS,
    MISMATCHES,
    REMARKS,
    RENDERED,
    UNREADABLE,
    UNREADABLE_OTHERWISE,
)
from grader.training_words import explain_training, verdict_word
from grader.types import (
    Array,
    Case,
    CheckResult,
    Exercise,
    ExerciseResult,
    Expectations,
    Fault,
    Finding,
    Found,
    Mismatch,
    Mistake,
    Place,
    Remark,
    Score,
    Text,
    Verdict,
)


def explain_check(
    check: CheckResult,
    case: Case | None,
    mistakes: Mapping[str, Mistake],
    lang: str,
    exercise: Exercise | None = None,
) -> str:
    """One check as a block of lines: a headline, then what was called, expected, got and allowed, and a hint.

    `exercise` tells arguments from notebook globals; without it all inputs are shown as arguments.
    """
    _ = translator(lang)
    shown = check.public
    rows: list[tuple[str, str]] = []
    if shown and case is not None:
        rows += _called(case, exercise, _)
    if check.mismatch is not None and shown:
        rows += _compared(check.mismatch, _)
    lines = _aligned(rows)
    lines += list(_told(check, exercise, _, shown))
    if check.kind == "training":
        lines += explain_training(check, lang)
    if check.kind == "robustness" and check.verdict != Verdict.PASSED:
        lines.append(_("This input is unusual, so take this as advice: make the function safe for it."))
    if check.case and not check.public:
        lines.append(_("This is a hidden case: its inputs and values are not shown."))
    hint = _hint(mistakes.get(check.mistake or ""), lang)
    where = f"({explain_place(check.place, lang)})" if check.place else ""
    above = not lines or check.kind == "training"
    if hint:
        lines += _aligned([(_("looks like"), f"{hint}  {where}".rstrip())])
    elif where and not above:
        lines[-1] += f"  {where}"
    headline = _headline(check, _) + (f"  {where}" if where and above and not hint else "")
    return "\n".join([headline, *(f"  {line}" for line in lines)])


def _headline(check: CheckResult, _: Translate) -> str:
    about = _("training") if check.kind == "training" else _('case "{name}"').format(name=check.case)
    case = f" · {about}" if check.case or check.kind == "training" else ""
    return f"{clean(check.exercise)}{case} · {_what(check, _)}"


def _what(check: CheckResult, _: Translate) -> str:
    if check.verdict == Verdict.FAILED and check.mismatch is not None:
        if check.check.startswith("gradient:"):
            name = check.check.removeprefix("gradient:")
            return _(GRADIENT_MISMATCHES[check.mismatch.kind]).format(name=name)
        return _(MISMATCHES[check.mismatch.kind])
    return _(verdict_word(check.kind, check.verdict))


def _called(case: Case, exercise: Exercise | None, _: Translate) -> Iterator[tuple[str, str]]:
    args = exercise.args if exercise else tuple(name for name in case.inputs if name != case.cotangent)
    given = ", ".join(f"{name}={_brief(case.inputs[name])}" for name in args)
    yield _("called"), f"{case.exercise}({given})"
    if exercise and exercise.globals:
        bound = ", ".join(f"{name}={_brief(case.inputs[name])}" for name in exercise.globals)
        yield _("with"), bound


def _brief(value: Array | float) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}[{' '.join(map(str, value.shape))}]" if value.ndim else f"{float(value):.6g}"
    return f"{value:.6g}"


def _compared(mismatch: Mismatch, _: Translate) -> Iterator[tuple[str, str]]:
    def words(text: str) -> str:
        return _(text) if text in RENDERED else clean(text, 200)

    yield _("expected"), words(mismatch.expected)
    yield _("got"), words(mismatch.actual)


def _told(check: CheckResult, exercise: Exercise | None, _: Translate, shown: bool) -> Iterator[str]:
    if check.mismatch is not None:
        if shown and check.mismatch.total:
            yield _counted(check.mismatch, _)
        if check.mismatch.kind == "none":
            yield _("The gradient is lost on the way: stay in tensors, without .numpy(), variables or casts.")
        if shown and check.mismatch.factor is not None:
            yield _factor(check.mismatch.factor, _)
    if check.verdict in MEANINGS and check.kind != "training":
        limit = re.match(r"over (\d+(?:\.\d+)?) ", check.detail) if check.verdict in LIMITS else None
        reached = " " + _(LIMITS[check.verdict]).format(number=limit[1]) if limit else ""
        yield _(MEANINGS[check.verdict]) + reached
    if check.fault is not None:
        yield from _fault(check.fault, exercise, _, shown)


def _counted(mismatch: Mismatch, _: Translate) -> str:
    counts = {"wrong": mismatch.wrong, "total": mismatch.total}
    if mismatch.kind == "non_finite":
        return _("{wrong} of {total} entries are NaN or infinite").format(**counts)
    allowed = f"{mismatch.allowed:.1g}"
    return _("wrong in {wrong} of {total}; {allowed} either way was allowed").format(**counts, allowed=allowed)


def _factor(factor: float, _: Translate) -> str:
    if abs(factor + 1) < 1e-4:
        return _("Every entry has the wrong sign.")
    return _("Every entry is {factor} times the expected value.").format(factor=f"{factor:.4g}")


def _fault(fault: Fault, exercise: Exercise | None, _: Translate, shown: bool) -> Iterator[str]:
    kind = clean(fault.type, 60)
    if not shown:
        # Even the name of an exception can be made up from hidden values.
        yield kind if isinstance(getattr(builtins, kind, None), type) else _("an exception")
        return
    yield f"{kind}: {clean(fault.message)}" if fault.message.strip() else kind
    missing = re.fullmatch(r"name '([^']+)' is not defined.*", clean(fault.message))
    if kind == "NameError" and missing:
        yield _("Define or import {name} in the notebook, above the function or inside it.").format(
            name=missing[1]
        )
        if exercise and exercise.globals:
            known = ", ".join(exercise.globals)
            yield _("The grader itself provides these names for this function: {names}.").format(names=known)


def _aligned(rows: list[tuple[str, str]]) -> list[str]:
    columns = max((width(label) for label, _ in rows), default=0)
    return [f"{pad(label, columns)}  {value}" for label, value in rows]


def _hint(mistake: Mistake | None, lang: str) -> str:
    return _in(mistake.hint, lang) if mistake else ""


def _in(text: Text, lang: str) -> str:
    return text.get(lang) or text.get("en", "")


def explain_place(place: Place, lang: str) -> str:
    """``cell 41, line 7``, or ``line 7`` in a Python file."""
    _ = translator(lang)
    if place.cell is None:
        return _("line {line}").format(line=place.line)
    return _("cell {cell}, line {line}").format(cell=place.cell, line=place.line)


def located(result: ExerciseResult) -> tuple[CheckResult, ...]:
    """The checks of an exercise, each with its own place or the function's: hidden ones with the latter only."""
    at = result.finding.place  # which line an exception names is up to the learner's code
    return tuple(replace(c, place=(c.place if c.public else None) or at) for c in result.checks)


def explain_exercise(result: ExerciseResult, expectations: Expectations, exercise: Exercise, lang: str) -> str:
    """What an exercise came to, as sentences in one paragraph."""
    return " ".join(_exercise_sentences(result, expectations, exercise, lang))


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
            yield _in(families[result.family].note, lang)
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
    hint = _hint(expectations.mistakes.get(result.mistake or ""), lang)
    if hint:
        yield _("It looks like this: {hint}").format(hint=hint)


def explain_helpers(exercise: Exercise, results: Mapping[str, ExerciseResult], lang: str) -> str:
    """Which of the functions that an exercise uses to mend first; empty if none."""
    _ = translator(lang)
    wrong = [name for name in exercise.uses if name in results and results[name].verdict != Verdict.PASSED]
    if not wrong or results[exercise.name].verdict in (Verdict.PASSED, Verdict.NOT_ATTEMPTED, Verdict.MISSING):
        return ""
    return _("It uses {helpers}, which is not correct yet: start there.").format(helpers=", ".join(wrong))


def explain_finding(finding: Finding, exercise: Exercise, lang: str) -> str:
    """Where the function stands in the notebook, if there is something to say about it; else empty."""
    _ = translator(lang)
    where = f" ({explain_place(finding.place, lang)})" if finding.place else ""
    if finding.found == Found.MISSING:
        near = clean(finding.nearest or "", 80)
        if finding.detail == "nested":
            told = _("{name} stands inside {near}{where}. Define it at the top level of a cell.")
            return told.format(name=exercise.name, near=near.rpartition(".")[0], where=where)
        told = _("No function named {name} was found in the notebook.").format(name=exercise.name)
        if near:
            told += " " + _("The most similar name is {near}{where}: was that meant?").format(
                near=near, where=where
            )
        return told
    if finding.found == Found.BLANK:
        told = _("{name} is not filled in yet{where}. Once you have written it, hand in again to see how it does.")
        return told.format(name=exercise.name, where=where)
    if finding.found == Found.BROKEN:
        line = re.match(r"line (\d+): ", finding.detail)
        if line and finding.place:
            where = f" ({explain_place(replace(finding.place, line=int(line[1])), lang)})"
        told = _("The cell of {name} is not valid Python{where}, so it could not be run: {detail}")
        detail = finding.detail[line.end() :] if line else finding.detail
        return told.format(name=exercise.name, where=where, detail=clean(detail, 200))
    return ""


def explain_score(score: Score, lang: str, mistakes: Mapping[str, Mistake] | None = None) -> str:
    """Why a criterion earned what it earned, in one sentence or two."""
    _ = translator(lang)
    meaning = {verdict.value: meaning for verdict, meaning in MEANINGS.items()}.get(score.because)
    told = _(BECAUSE.get(score.because) or meaning or verdict_word(score.criterion.kind, score.verdict))
    told = told.format(detail=clean(score.detail))
    hint = _hint((mistakes or {}).get(score.detail), lang)
    if not hint:
        return told
    likely = _("It looks like this: {hint}").format(hint=hint)
    return likely if score.because == "mistake" else f"{told} {likely}"


def explain_unreadable(reason: str, detail: str, lang: str) -> str:
    """Why nothing could be read, and what to do."""
    _ = translator(lang)
    told = _(UNREADABLE.get(reason, UNREADABLE_OTHERWISE))
    line = re.search(r"\bline (\d+)", detail)
    return f"{told} ({explain_place(Place(None, int(line[1])), lang)})" if line else told


def explain_remark(remark: Remark, lang: str) -> str:
    """Something about the notebook that the learner should know."""
    _ = translator(lang)
    told = _(REMARKS.get(remark.kind, "{detail}")).format(detail=clean(remark.detail, 200))
    return f"{told} ({explain_place(remark.place, lang)})" if remark.place else told
