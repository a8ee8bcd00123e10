"""Artemis: JUnit XML as its build agents read it. https://github.com/ls1intum/Artemis

Artemis knows passed and failed, no points: a grade there is the weight of the passed tests. So that partial credit
arrives all the same, each criterion is several tests of one worth: 15 points in steps of 2.5 are six tests, of
which as many pass as were earned in full. All weights stay at 1, as Artemis sets them. What lies between two steps
is lost to the learner, never given. Tests that are not in a report count as failed there: there is no report at
all for what is not final, which Artemis shows as a failed build, to be built again.
"""

from __future__ import annotations

import base64
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from fractions import Fraction

from grader.i18n import translator
from grader.lms.comment import cut, part_line
from grader.lms.junit import case, count, document, legal, passed, suite_of
from grader.lms.marks import number, share
from grader.lms.packaging import PROGRAMS, Payload, below, template, to_zip
from grader.lms.packed import answers_told, filled, image, packed
from grader.lms.records import NOT_FINAL, About, Bundle, Mark, Part, Refused, Reply, Request

FILE = "results.xml"
MOST_TEXT = 20_000  # UTF-16 units of a message; Artemis cuts the rest off without saying so
TOLD = (
    "tests/ goes into the tests repository of the exercise and nowhere else: the answers and the secret are in it",
    "image/ makes the Docker image of the exercise; there is nothing secret in it",
    "leave all test cases at weight 1 and visible; timeout, result path and more: docs/lms/artemis.md",
)
ENOUGH_TESTS = 32  # more than so many are fine enough
MOST_TESTS = 200
ROUNDING = 1e-6  # points; what is earned is a sum of binary fractions


def reply(mark: Mark) -> Reply:
    """One report; none for what is not final. Raises Refused for points without a common step."""
    if share(mark) is None:
        return Reply(exit_code=NOT_FINAL)
    return Reply({FILE: document(_suite(mark))})


def step_of(points: Sequence[float]) -> Fraction:
    """The points that one test stands for: the largest number that all criteria are multiples of, halved until
    there are more than ENOUGH_TESTS tests. Raises Refused where there would be too many.
    """
    exact = [Fraction(number(one)) for one in points if one > 0]
    if not exact:
        raise Refused("Artemis: no criterion has points, so there is nothing to test")
    shared = math.lcm(*(one.denominator for one in exact))
    step = Fraction(math.gcd(*(int(one * shared) for one in exact)), shared)
    while sum(exact) / step <= ENOUGH_TESTS:
        step /= 2
    if sum(exact) / step > MOST_TESTS:
        told = ", ".join(number(one) for one in points)
        raise Refused(f"Artemis: criteria of {told} points have no common step of which there are at most "
                      f"{MOST_TESTS}; give them points such as 5, 10, 15 in rubric.yaml")  # fmt: skip
    return step


def _suite(mark: Mark) -> ET.Element:
    # One suite alone: with several, Artemis puts the suite's name before the names of its tests.
    suite = suite_of(mark, mark.about.slug)
    step = step_of([part.points for part in mark.parts])
    failures: list[tuple[ET.Element, str]] = []
    for part in mark.parts:
        failures += _failures(suite, part, step, mark.about)
    for nth, (element, text) in enumerate(failures):
        told = "\n\n".join([text, *_beside(mark)]) if nth == 0 else text
        ET.SubElement(element, "failure", message=_short(legal(told), mark.about.lang), type="points")
    count(suite)
    return suite


def _failures(suite: ET.Element, part: Part, step: Fraction, about: About) -> Iterator[tuple[ET.Element, str]]:
    """Add the tests of one criterion. Yields those that fail, the first with all that there is to say."""
    _ = translator(about.lang)
    first = True
    for nth in range(1, round(Fraction(number(part.points)) / step) + 1):
        element = case(suite, f"{part.id}_{nth}", about.slug)
        worth = float(step * nth)
        if (part.earned or 0.0) + ROUNDING >= worth:
            continue
        if first:
            yield element, "\n\n".join([part_line(part, about.lang), *part.details])
        else:
            told = _("{title}: this test needs {worth} of {points} points")
            yield element, told.format(title=part.title, worth=number(worth), points=number(part.points))
        first = False


def _beside(mark: Mark) -> Iterator[str]:
    """What no test stands for: criteria without points, and remarks. Told with the first failure, if any."""
    yield from (part_line(p, mark.about.lang) for p in mark.parts if p.points <= 0 and not passed(p))
    yield from mark.remarks


def _short(text: str, lang: str) -> str:
    beyond = any(ord(character) > 0xFFFF for character in text)  # each is two units in Java
    return cut(text, MOST_TEXT // 2 if beyond else MOST_TEXT, lang, whole_elsewhere=False)


def package(payload: Payload, request: Request) -> Bundle:
    """The content of an exercise's tests repository, its build script, and what its image is built from."""
    inner = to_zip(Bundle(below(payload), PROGRAMS))
    files = {
        "tests/grade.sh": template("artemis/grade.sh"),
        "tests/grader.zip.b64": base64.encodebytes(inner),
        "build_script.sh": template("artemis/build_script.sh"),
        **{f"image/{name}": content for name, content in image(payload).items()},
        "image/Dockerfile": filled("image/Dockerfile", {"PYTHON": packed(payload).python}),
    }
    return Bundle(files, frozenset({"tests/grade.sh"}), (*TOLD, *answers_told(payload)))
