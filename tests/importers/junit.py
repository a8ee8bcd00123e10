"""How Jenkins reads a JUnit report: the rules of junit-10.xsd in https://github.com/jenkinsci/xunit-plugin.

It counts tests and gives no grade. The points are where a program finds them: in the properties of the suite.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from lms_class import Taken

from grader.lms import junit
from grader.lms.records import Marks

PRECISION = 1e-6
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")
NEEDED = {
    "testsuites": (),
    "testsuite": ("name", "tests", "failures", "errors"),
    "testcase": ("name",),
    "property": ("name", "value"),
}
ALLOWED = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id",
                  "package", "file", "log", "url"},
    "testcase": {"name", "time", "classname", "group"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "property": {"name", "value"},
}  # fmt: skip
WITHIN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testsuite", "properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
}


def taken(marks: Marks) -> dict[str, Taken]:
    return {mark.id: read(junit.reply(mark).files["junit.xml"]) for mark in marks.marks}


def read(report: bytes) -> Taken:
    """Points and texts of one learner's report. Raises AssertionError where Jenkins refuses it."""
    root = ET.fromstring(report)
    assert root.tag in ("testsuites", "testsuite")
    valid(root)
    (suite,) = root.iter("testsuite")
    cases = suite.findall("testcase")
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases), "hidden by another"
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert suite.get(attribute) == str(len(suite.findall(f"testcase/{tag}")))
    assert suite.get("tests") == str(len(cases))
    told = {one.get("name"): one.get("value") for one in suite.iter("property")}
    text = "\n".join((one.get("message") or "") + "\n" + (one.text or "") for one in suite.iter())
    if told["final"] != "true":
        assert "points.earned" not in told
        assert suite.findall("testcase/error"), "what is not final looks green"
        return Taken(None, text)
    assert not suite.findall("testcase/error")
    return Taken(float(told["points.earned"] or "") / float(told["points.possible"] or ""), text)


def valid(element: ET.Element) -> None:
    """Raise AssertionError for what the schema does not have."""
    for name in NEEDED.get(element.tag, ()):
        assert name in element.attrib, f"{element.tag} without {name}"
    assert set(element.attrib) <= ALLOWED.get(element.tag, set()), element.tag
    if element.tag in ("testsuites", "testsuite"):
        assert TIME.fullmatch(element.get("time", "")), element.get("time")
    for child in element:
        assert child.tag in WITHIN.get(element.tag, set()), f"{child.tag} in {element.tag}"
        valid(child)
