"""JUnit XML, against the rules of Jenkins' schema."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from importers.junit import read, valid
from lms_class import KINDS

from grader.lms import junit
from grader.lms.records import Mark

GOLDEN = {
    f"{kind}.xml": lambda kind=kind: junit.reply(KINDS[kind]).files["junit.xml"]
    for kind in ("partial", "not_final")
}  # renew: python tests/renew_lms.py junit
FILES = Path(__file__).parent / "golden" / "lms" / "junit"


def report(mark: Mark) -> bytes:
    return junit.reply(mark).files["junit.xml"]


def cases_of(mark: Mark) -> list[ET.Element]:
    return list(ET.fromstring(report(mark)).iter("testcase"))


def cases(mark: Mark) -> dict[str, list[str]]:
    """What stands in each test case."""
    return {
        case.get("name", ""): [one.tag for one in case] for case in ET.fromstring(report(mark)).iter("testcase")
    }


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_are_these(name: str) -> None:
    assert GOLDEN[name]() == (FILES / name).read_bytes()


def test_only_full_points_pass() -> None:
    assert cases(KINDS["full"]) == {"knowledge_distillation": ["system-out"], "attention_transfer": ["system-out"]}
    assert cases(KINDS["partial"]) == {"knowledge_distillation": ["failure"], "attention_transfer": ["system-out"]}


def test_what_is_pending_is_an_error_and_never_green() -> None:
    told = junit.reply(KINDS["not_final"])
    assert told.exit_code == 3
    assert cases(KINDS["not_final"])["attention_transfer"] == ["error"]
    judged = tuple(replace(part, earned=part.points) for part in KINDS["full"].parts)
    assert cases(replace(KINDS["full"], final=False, parts=judged))["final"] == ["error"]
    assert cases(replace(KINDS["full"], final=False, parts=())) == {"final": ["error"]}


def test_a_criterion_without_points_goes_by_its_verdict() -> None:
    free = replace(KINDS["full"].parts[0], points=0.0, earned=0.0)
    for verdict, tag in (("passed", "system-out"), ("failed", "failure"), ("crashed", "failure")):
        mark = replace(KINDS["full"], parts=(replace(free, verdict=verdict),))
        assert cases(mark) == {"knowledge_distillation": [tag]}


def test_learners_do_not_hide_each_other() -> None:
    """Jenkins puts together what has the same class and name, and what is before the last dot is a package."""
    names = {case.get("classname") for mark in KINDS.values() for case in cases_of(mark)}
    assert len(names) == len(KINDS)
    assert cases_of(replace(KINDS["full"], id="a.b"))[0].get("classname") == "distillation_tf.a_b"


def test_line_breaks_and_strange_characters_survive_or_vanish() -> None:
    bad = replace(KINDS["zero"].parts[0], because="a\x00\x1b\ufffe\ud800\nb")
    mark = replace(KINDS["zero"], id="\x00x\x1b", parts=(bad,), remarks=("r\x08",))
    failure = ET.fromstring(report(mark)).find("testsuite/testcase/failure")
    assert failure is not None
    assert (failure.get("message") or "").endswith("a\nb")
    read(report(mark))


@pytest.mark.parametrize("seconds", [0.0, 3.5, 59.9996, 1234.5, 86_400.0, 1e-9, -1.0])
def test_times_have_the_form_that_the_schema_wants(seconds: float) -> None:
    read(report(replace(KINDS["full"], seconds=seconds)))


@pytest.mark.parametrize(
    ("good", "bad"),
    [(b' errors="0"', b""), (b' failures="0"', b""), (b' tests="2"', b""), (b' tests="2"', b' tests="3"'),
     (b'name="attention_transfer"', b'name="knowledge_distillation"'), (b'time="3.5"', b'time="3.5e0"'),
     (b"<system-out>", b'<properties><property name="a" value="b" /></properties><system-out>')],
)  # fmt: skip
def test_the_model_refuses_what_jenkins_refuses(good: bytes, bad: bytes) -> None:
    told = report(KINDS["full"])
    assert good in told
    read(told)
    with pytest.raises(AssertionError):
        read(told.replace(good, bad))


def test_pytests_own_properties_of_a_test_are_refused() -> None:
    with pytest.raises(AssertionError, match="properties in testcase"):
        valid(ET.fromstring('<testcase name="a"><properties/></testcase>'))
