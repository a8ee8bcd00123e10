"""JUnit XML for Jenkins, GitLab and whatever else shows test reports: one test case for each criterion.

Such reports know only passed and failed. The points stand in the properties of the suite and in every message.
The form is that of Jenkins' schema, the strictest that is around: junit-10.xsd in
https://github.com/jenkinsci/xunit-plugin (below src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from grader.i18n import translator
from grader.lms.comment import part_line, part_text
from grader.lms.marks import earned, number
from grader.lms.records import NOT_FINAL, Mark, Part, Reply

FILE = "junit.xml"
# Everything else may not stand in an XML 1.0 document, not even escaped: https://www.w3.org/TR/xml/#charsets
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def reply(mark: Mark) -> Reply:
    """One report. What is not final is an error in it, never a pass or a failure, and in the exit status."""
    return Reply({FILE: document(_suite(mark))}, exit_code=0 if earned(mark) is not None else NOT_FINAL)


def legal(text: str) -> str:
    """The same without what an XML document cannot hold."""
    return _ILLEGAL.sub("", text)


def document(*suites: ET.Element) -> bytes:
    """A report of these suites, as UTF-8; line breaks in attributes are kept."""
    root = ET.Element("testsuites")
    root.extend(suites)
    ET.indent(root)
    told: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return told + b"\n"


def case(suite: ET.Element, name: str, classname: str) -> ET.Element:
    """One more test case, passed unless something is put into it."""
    return ET.SubElement(suite, "testcase", {"classname": legal(classname), "name": legal(name), "time": "0"})


def suite_of(mark: Mark, name: str) -> ET.Element:
    """An empty suite. The time is that of grading; single criteria have none of their own."""
    attributes = {"name": legal(name), "tests": "0", "failures": "0", "errors": "0", "skipped": "0"}
    suite = ET.Element("testsuite", attributes | {"time": number(max(mark.seconds, 0.0), 3)})
    if mark.graded_at:
        suite.set("timestamp", datetime.fromtimestamp(mark.graded_at, UTC).isoformat(timespec="seconds"))
    return suite


def count(suite: ET.Element) -> None:
    """Fill in how many cases there are of each kind."""
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    suite.set("tests", str(len(suite.findall("testcase"))))
    for attribute, tag in kinds.items():
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))


def _suite(mark: Mark) -> ET.Element:
    suite = suite_of(mark, f"{mark.about.slug}: {mark.id}")
    points, lang = earned(mark), mark.about.lang
    told = {"final": "false" if points is None else "true", "points.possible": number(mark.possible)}
    told |= {"points.earned": number(points)} if points is not None else {}
    properties = ET.SubElement(suite, "properties")
    for name, value in told.items():
        ET.SubElement(properties, "property", name=name, value=value)
    # Reports of several learners are put together by class and name: each learner is a class of their own.
    classname = f"{mark.about.slug}.{mark.id.replace('.', '_')}"
    for part in mark.parts:
        _judged(case(suite, part.id, classname), part, lang)
    if points is None and not suite.findall("testcase/error"):
        _told(case(suite, "final", classname), "error", translator(lang)("no grade yet"), "")
    if mark.remarks:
        ET.SubElement(suite, "system-out").text = legal("\n".join(mark.remarks))
    count(suite)
    return suite


def _judged(element: ET.Element, part: Part, lang: str) -> None:
    text = part_text(part, lang)
    if part.earned is None:
        _told(element, "error", part_line(part, lang), text)
    elif passed(part):
        ET.SubElement(element, "system-out").text = legal(part_line(part, lang))
    else:
        _told(element, "failure", part_line(part, lang), text)


def passed(part: Part) -> bool:
    """Whether a criterion is met in full. One without points, such as robustness, goes by its verdict."""
    full = part.earned is not None and part.earned >= part.points
    return full and (part.points > 0 or part.verdict == "passed")


def _told(element: ET.Element, tag: str, message: str, text: str) -> None:
    told = ET.SubElement(element, tag, message=legal(message), type="internal" if tag == "error" else "points")
    told.text = legal(text)
