"""What wrong numbers mean, in words: a constant factor and what it is, a transposed result, a lost gradient.

Said only of public cases, and only what holds in every entry of all of them; see relations.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from grader.check_words import in_language
from grader.evidence import Evidence, axes_of, sizes
from grader.i18n import Translate, mark, translator
from grader.relations import NOTHING, Pair, Relation, relate
from grader.types import Array, Exercise

ENTRIES = 4  # that a probe has to see before they are said to mean something
SENTENCES: Mapping[str, str] = {
    "zero": mark("{what}: 0 everywhere{cases}."),
    "sign": mark("{what}: the expected numbers with the wrong sign{cases}."),
    "transposed": mark(
        "{what}: the expected numbers, but transposed: rows and columns have changed places{cases}."
    ),
    "factor": mark("{what}: {factor} times the expected value{cases}."),
    "factors": mark("{what}: a multiple of the expected value in every public case ({factor} times)."),
    "summed": mark("{what}: the expected numbers added up over {axis}{cases}. That axis has to stay."),
    "averaged": mark("{what}: the expected numbers averaged over {axis}{cases}. That axis has to stay."),
    "offset": mark("{what}: {offset} has been added to every expected number{cases}."),
    "squared": mark(
        "{what}: the squares of the expected numbers{cases}. A root is missing, or a square is one too many."
    ),
    "root": mark("{what}: the square roots of the expected numbers{cases}."),
}
UNUSED = mark("{what}: 0 everywhere{cases}. A small change of {name} does not change your result.")
# What a factor stands for.
NAMED = mark("That is {name} ({values}).")
SUM = mark("That is {name} ({values}), as if a sum had been taken over {axes} where the mean is meant.")
MEAN = mark("That is {name} ({values}), as if a mean had been taken over {axes} where the sum is meant.")
ROOT_SUM = mark(
    "That is {name} ({values}), as if, under a root, a sum had been taken over {axes} where the mean is meant."
)
ROOT_MEAN = mark(
    "That is {name} ({values}), as if, under a root, a mean had been taken over {axes} where the sum is meant."
)
TIMES = mark("That is {name} ({values}), as if something had been multiplied by it.")
DIVIDED = mark("That is 1/{name} ({values}), as if something had been divided by it.")


def meanings(seen: Sequence[Evidence], exercise: Exercise, lang: str) -> list[str]:
    """A sentence for each relation that was found, over all checks that it holds for."""
    _ = translator(lang)
    told: dict[str, list[str]] = {}
    checks = dict.fromkeys(one.check for one in seen)
    for check in checks:
        own = [one for one in seen if one.check == check]
        sentence = _sentence(own, exercise, _)
        if sentence:
            told.setdefault(sentence, []).append(_name(own[0], exercise, lang, _))
    lines = [_filled(sentence, what) for sentence, what in told.items()]
    return [*lines, *_reached(seen, _)]


def told_checks(seen: Sequence[Evidence], exercise: Exercise) -> frozenset[str]:
    """The checks that `meanings` says something about."""
    checks = dict.fromkeys(one.check for one in seen)
    related = {c for c in checks if _relation([one for one in seen if one.check == c], exercise)}
    return frozenset(related | {f"gradient:{name}" for name in _lost(seen)[1]})


def _filled(sentence: str, what: Sequence[str]) -> str:
    return sentence.replace("{what}", ", ".join(what), 1)


def _relation(own: Sequence[Evidence], exercise: Exercise) -> Relation | None:
    if any(one.actual is None for one in own) or (exercise.probes and not _telling(own)):
        return None
    return relate(
        [
            Pair(one.actual, one.expected, one.allowed, sizes(one.case, exercise))
            for one in own
            if one.actual is not None and one.actual.dtype.kind == "f"
        ]
    )


def _telling(own: Sequence[Evidence]) -> bool:
    """Whether what a probe saw is more than a flag or two, of which anything is some multiple."""
    expected = np.concatenate([one.expected.ravel() for one in own])
    return expected.size >= ENTRIES and np.ptp(expected) > 0


def _sentence(own: Sequence[Evidence], exercise: Exercise, _: Translate) -> str:
    """What is to be said, with `{what}` still to be filled in: several checks may share it."""
    relation = _relation(own, exercise)
    if relation is None:
        return ""
    gradient = own[0].check.removeprefix("gradient:") if own[0].check.startswith("gradient:") else ""
    kind = "factors" if relation.kind == "factor" and len(relation.numbers) > 1 else relation.kind
    pattern = _(UNUSED if gradient and relation.kind == "zero" else SENTENCES[kind])
    told = pattern.format(
        what="{what}",
        name=gradient,
        cases=_cases(own, exercise, _),
        factor=", ".join(f"{number:.4g}" for number in relation.numbers),
        offset=", ".join(f"{number:.4g}" for number in relation.numbers),
        axis=_axis(relation, own[0], exercise, _),
    )
    if relation.powers:
        told += " " + _stands_for(relation.powers, own, exercise, _)
    return told


def _cases(own: Sequence[Evidence], exercise: Exercise, _: Translate) -> str:
    """Where it holds: in all public cases, or in those that came to an end."""
    public = [case for case in exercise.cases if case.public and case.kind == "ordinary"]
    having = [c for c in public if not c.probe or own[0].check in exercise.probes[c.probe].observes]
    if len(own) < len(having):
        listed = ", ".join(f'"{one.case.name}"' for one in own)
        return " " + _("(in case {cases})").format(cases=listed)
    return " " + _("(in all {count} public cases)").format(count=len(own)) if len(own) > 1 else ""


def _axis(relation: Relation, one: Evidence, exercise: Exercise, _: Translate) -> str:
    if relation.kind not in ("summed", "averaged"):
        return ""
    if relation.axis < 0:
        return _("everything")
    named = axes_of(one.check, exercise)
    if len(named) == one.expected.ndim:
        return _("axis {axis} ({name})").format(axis=relation.axis, name=named[relation.axis])
    return _("axis {axis}").format(axis=relation.axis)


def _stands_for(powers: Mapping[str, float], own: Sequence[Evidence], exercise: Exercise, _: Translate) -> str:
    known = [sizes(one.case, exercise) for one in own]
    values = "; ".join(
        f"{name} = " + ", ".join(dict.fromkeys(f"{size[name]:g}" for size in known)) for name in powers
    )
    axes = {axis for own_axes in exercise.axes.values() for axis in own_axes}
    all_axes, signs = set(powers) <= axes, set(powers.values())
    name = _product({symbol: abs(power) for symbol, power in powers.items()})
    over = " x ".join(symbol for symbol, power in powers.items() for _again in range(int(max(abs(power), 1))))
    if signs <= {1.0, 2.0}:
        return _(SUM if all_axes else TIMES).format(name=name, values=values, axes=over)
    if signs <= {-1.0, -2.0}:
        under = f"1/({name})" if len(powers) > 1 else f"1/{name}"
        if all_axes:
            return _(MEAN).format(name=under, values=values, axes=over)
        return _(DIVIDED).format(name=name if len(powers) == 1 else f"({name})", values=values)
    if all_axes and signs in ({0.5}, {-0.5}):
        half = ROOT_SUM if signs == {0.5} else ROOT_MEAN
        return _(half).format(name=name if signs == {0.5} else f"1/{name}", values=values, axes=over)
    return _(NAMED).format(name=_quotient(powers), values=values)


def _product(powers: Mapping[str, float]) -> str:
    forms = {1.0: "{}", 2.0: "{}^2", 0.5: "sqrt({})"}
    return " x ".join(forms[power].format(name) for name, power in powers.items())


def _quotient(powers: Mapping[str, float]) -> str:
    above = _product({name: power for name, power in powers.items() if power > 0})
    below = _product({name: -power for name, power in powers.items() if power < 0})
    return f"{above or 1}/{below}" if below else above


def _name(one: Evidence, exercise: Exercise, lang: str, _: Translate) -> str:
    if one.check == "value":
        return _("value")
    if one.check.startswith("gradient:"):
        return _("gradient with respect to {name}").format(name=one.check.removeprefix("gradient:"))
    return in_language(exercise.probes[one.case.probe].observes[one.check].title, lang)


def _reached(seen: Sequence[Evidence], _: Translate) -> Iterator[str]:
    there, lost = _lost(seen)
    if lost:
        told = _("A gradient reaches {there}, but none reaches {lost}: it is not used, or cut off on the way.")
        yield told.format(there=", ".join(there), lost=", ".join(lost))


def _lost(seen: Sequence[Evidence]) -> tuple[list[str], list[str]]:
    """The arguments that a gradient reaches and those that it does not, each in every case; else nothing."""
    by_name: dict[str, list[bool]] = {}
    for one in seen:
        if one.check.startswith("gradient:") and one.expected.any():
            name = one.check.removeprefix("gradient:")
            by_name.setdefault(name, []).append(_arrives(one.actual, one.expected))
    there = [name for name, arrived in by_name.items() if all(arrived)]
    lost = [name for name, arrived in by_name.items() if not any(arrived)]
    return (there, lost) if there and len(there) + len(lost) == len(by_name) else ([], [])


def _arrives(actual: Array | None, expected: Array) -> bool:
    return actual is not None and float(abs(actual).max(initial=0.0)) > NOTHING * float(abs(expected).max())
