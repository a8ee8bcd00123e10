"""How Artemis reads test reports and makes a grade of them. https://github.com/ls1intum/Artemis: JUnitReportParser
(to which TestResultXmlParser hands on) and ProgrammingExerciseGradingService.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace

from lms_class import Taken

from grader.lms import artemis
from grader.lms.records import Mark, Marks

# Steps of 2.5 of 100 points in the class of the tests: less than one step of each of its two criteria is lost.
PRECISION = 0.05
MOST_TEXT = 20_000
ILLEGAL = re.compile("[^\t\r\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def taken(marks: Marks) -> dict[str, Taken]:
    made = {}
    for mark in marks.marks:
        reply = artemis.reply(mark)
        if not reply.files:
            assert reply.exit_code != 0, "a build that neither failed nor was tested"
            made[mark.id] = Taken(None)
        else:
            # The tests of an exercise are those of its solution's build.
            solution = artemis.reply(solved(mark)).files["results.xml"]
            made[mark.id] = grade(solution, reply.files["results.xml"])
    return made


def solved(mark: Mark) -> Mark:
    """The same with full marks."""
    parts = tuple(replace(part, earned=part.points, verdict="passed") for part in mark.parts)
    return replace(mark, final=True, earned=mark.possible, parts=parts)


def grade(solution: bytes, report: bytes) -> Taken:
    """Share and messages of one build, all weights at 1. Raises AssertionError for what would be garbled."""
    known = [name for name, _ in read(solution.decode())]
    found = read(report.decode())
    names = [name for name, _ in found]
    assert len(set(names)) == len(names), "duplicate test cases: the whole build is graded 0"
    assert set(names) <= set(known), "a new test case: it changes the worth of all others"
    passed = {name for name, message in found if message is None}
    told = [message for _, message in found if message is not None]
    assert all(told), "a failure that says nothing"
    # What was not executed counts as failed.
    return Taken(len(passed & set(known)) / len(known), "\n".join(told))


def read(text: str) -> list[tuple[str, str | None]]:
    """Name and message of all tests that were run; None for those that passed."""
    root = ET.fromstring(ILLEGAL.sub("", text).encode())
    if root.tag != "testsuites":
        return list(_suite(root, ""))
    suites = root.findall("testsuite")
    if len(suites) == 1:
        return list(_suite(suites[0], ""))
    return [test for suite in suites for test in _suite(suite, _prefix(suite, ""))]


def _prefix(suite: ET.Element, outer: str) -> str:
    return f"{outer}{suite.get('name')}." if suite.get("name") is not None else outer


def _suite(suite: ET.Element, prefix: str) -> Iterator[tuple[str, str | None]]:
    for case in suite.findall("testcase"):
        if case.find("skipped") is not None:
            continue
        failure = case.find("failure")
        failure = case.find("error") if failure is None else failure
        yield f"{prefix}{case.get('name')}", None if failure is None else _message(failure)
    for inner in suite.findall("testsuite"):
        yield from _suite(inner, _prefix(inner, prefix))


def _message(failure: ET.Element) -> str:
    message = failure.get("message")
    message = failure.text or "" if message is None else message
    assert len(message.encode("utf-16-le")) <= 2 * MOST_TEXT, "cut without a word"
    return message
