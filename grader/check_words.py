"""One check as the lines that a learner reads. Part of explain.py, whose rules hold here too."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from grader.i18n import Translate, translator
from grader.plaintext import clean, pad, width
from grader.sentences import GRADIENT_MISMATCHES, LIMITS, MEANINGS, MISMATCHES, OBSERVED_MISMATCHES, RENDERED
from grader.training_words import explain_training, verdict_word
from grader.types import Array, Case, CheckResult, Exercise, Fault, Mismatch, Mistake, Place, Text, Verdict


def explain_check(
    check: CheckResult,
    case: Case | None,
    mistakes: Mapping[str, Mistake],
    lang: str,
    exercise: Exercise | None = None,
    *,
    values: bool = True,
    factor: bool = True,
) -> str:
    """One check as a block of lines: a headline, then what was called, expected, got and allowed, and a hint.

    `exercise` tells arguments from notebook globals; without it all inputs are shown as arguments. Without
    `values` what was expected and got is left out, without `factor` what these say about each other.
    """
    _ = translator(lang)
    shown = check.public
    rows: list[tuple[str, str]] = []
    if shown and case is not None:
        rows += _called(case, exercise, _)
    if check.mismatch is not None and shown and values:
        rows += _compared(check, exercise, _)
    lines = _aligned(rows)
    lines += list(_told(check, exercise, _, shown, factor))
    if check.kind == "training":
        lines += explain_training(check, lang)
    if check.kind == "robustness" and check.verdict != Verdict.PASSED:
        lines.append(_("This input is unusual, so take this as advice: make the function safe for it."))
    if check.case and not check.public:
        lines.append(_("This is a hidden case: its inputs and values are not shown."))
    hint = hint_of(mistakes.get(check.mistake or ""), lang)
    where = f"({explain_place(check.place, lang)})" if check.place else ""
    above = not lines or check.kind == "training"
    if hint:
        lines += _aligned([(_("looks like"), f"{hint}  {where}".rstrip())])
    elif where and not above:
        lines[-1] += f"  {where}"
    headline = _headline(check, exercise, lang, _) + (f"  {where}" if where and above and not hint else "")
    return "\n".join([headline, *(f"  {line}" for line in lines)])


def _headline(check: CheckResult, exercise: Exercise | None, lang: str, _: Translate) -> str:
    about = _("training") if check.kind == "training" else _('case "{name}"').format(name=check.case)
    case = f" · {about}" if check.case or check.kind == "training" else ""
    return f"{clean(check.exercise)}{case} · {_what(check, exercise, lang, _)}"


def _what(check: CheckResult, exercise: Exercise | None, lang: str, _: Translate) -> str:
    observed = _observed(check, exercise, lang)
    if observed and check.verdict == Verdict.FAILED and check.mismatch is not None:
        return _(OBSERVED_MISMATCHES[check.mismatch.kind]).format(name=observed)
    if check.verdict == Verdict.FAILED and check.mismatch is not None:
        if check.check.startswith("gradient:"):
            name = check.check.removeprefix("gradient:")
            return _(GRADIENT_MISMATCHES[check.mismatch.kind]).format(name=name)
        return _(MISMATCHES[check.mismatch.kind])
    return _(verdict_word(check.kind, check.verdict))


def _observed(check: CheckResult, exercise: Exercise | None, lang: str) -> str:
    """What a probe looked at, in the author's words; empty for other checks."""
    if exercise is None:
        return ""
    named = next((case.probe for case in exercise.cases if case.name == check.case), "")
    probe = exercise.probes.get(named)
    return in_language(probe.observes[check.check].title, lang) if probe and check.check in probe.observes else ""


def _called(case: Case, exercise: Exercise | None, _: Translate) -> Iterator[tuple[str, str]]:
    if case.probe:
        axes = exercise.axes if exercise else {}
        tried = ", ".join(f"{name}={_brief(value, axes.get(name))}" for name, value in case.inputs.items())
        yield _("tried with"), tried or _("nothing")
        return
    args = exercise.args if exercise else tuple(name for name in case.inputs if name != case.cotangent)
    axes = exercise.axes if exercise else {}
    given = ", ".join(f"{name}={_brief(case.inputs[name], axes.get(name))}" for name in args)
    yield _("called"), f"{case.exercise}({given})"
    if exercise and exercise.globals:
        bound = ", ".join(f"{name}={_brief(case.inputs[name], axes.get(name))}" for name in exercise.globals)
        yield _("with"), bound


def _brief(value: Array | float, axes: Sequence[str] | None = None) -> str:
    """``float32[B=8, C=10]``, ``float32[8, 10]`` where the axes have no names; a number as it is."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{value.dtype}[{_sizes(value.shape, axes)}]"
    return f"{float(value):.6g}"


def _sizes(shape: Sequence[int], axes: Sequence[str] | None) -> str:
    if not axes or len(axes) != len(shape):
        return ", ".join(map(str, shape))
    return ", ".join(f"{axis}={length}" for axis, length in zip(axes, shape, strict=True))


def _compared(check: CheckResult, exercise: Exercise | None, _: Translate) -> Iterator[tuple[str, str]]:
    assert check.mismatch is not None

    def words(text: str) -> str:
        return _(text) if text in RENDERED else clean(text, 200)

    expected = words(check.mismatch.expected)
    if exercise and check.mismatch.kind in ("shape", "none") and expected.startswith("("):
        shape = [int(length) for length in re.findall(r"\d+", expected)]
        axes = exercise.axes.get("returns" if check.check == "value" else check.check.removeprefix("gradient:"))
        expected = f"({_sizes(shape, axes)})" if axes and len(axes) == len(shape) else expected
    yield _("expected"), expected
    yield _("got"), words(check.mismatch.actual)


def _told(check: CheckResult, exercise: Exercise | None, _: Translate, shown: bool, factor: bool) -> Iterator[str]:
    if check.mismatch is not None:
        if shown and check.mismatch.total:
            yield _counted(check.mismatch, _)
        if factor and check.mismatch.kind == "none" and check.check.startswith("gradient:"):
            yield _("The gradient is lost on the way: stay in tensors, without .numpy(), variables or casts.")
        if shown and factor and check.mismatch.factor is not None:
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


def hint_of(mistake: Mistake | None, lang: str) -> str:
    """A mistake's hint; empty without one."""
    return in_language(mistake.hint, lang) if mistake else ""


def in_language(text: Text, lang: str) -> str:
    """A text of the author's in a language, else in English."""
    return text.get(lang) or text.get("en", "")


def explain_place(place: Place, lang: str) -> str:
    """``cell 41, line 7``, or ``line 7`` in a Python file."""
    _ = translator(lang)
    if place.cell is None:
        return _("line {line}").format(line=place.line)
    return _("cell {cell}, line {line}").format(cell=place.cell, line=place.line)
