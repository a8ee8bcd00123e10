"""What holds of every adapter, whatever the system: no silent loss, no word or empty cell that becomes a zero.

`tests/importers/<format>.py` models how the system reads: `taken(marks) -> {mark id: Taken}` encodes the marks
with the adapter, reads the outcome as the system would, and raises where the system would refuse it.
"""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest
from lms_class import KINDS, a_class

from grader.lms import CLASS, SINGLE, adapter
from grader.lms.comment import comment
from grader.lms.marks import earned, number, share
from grader.lms.records import Refused

EACH = pytest.mark.parametrize("name", sorted(CLASS | SINGLE))


def importer(name: str) -> ModuleType:
    return importlib.import_module(f"importers.{name.replace('-', '_')}")


@EACH
@pytest.mark.parametrize("kind", KINDS)
def test_every_learner_gets_the_share_that_was_earned(name: str, kind: str) -> None:
    marks = a_class(kind)
    (mark,) = marks.marks
    taken = importer(name).taken(marks)[mark.id]
    due = share(mark)
    if due is None and hasattr(importer(name), "SAYS_IT_FAILED"):  # the system has no way to say "no grade"
        assert (taken.share, taken.comment) == (0, importer(name).SAYS_IT_FAILED)
    elif due is None:
        assert taken.share is None
    else:
        assert taken.share == pytest.approx(due, abs=importer(name).PRECISION)


@EACH
def test_a_whole_class_at_once_gives_the_same(name: str) -> None:
    taken = importer(name).taken(a_class())
    for mark in a_class().marks:
        alone = importer(name).taken(a_class(*[kind for kind, one in KINDS.items() if one.id == mark.id]))
        assert taken[mark.id].share == alone[mark.id].share


@EACH
def test_what_a_learner_wrote_arrives_as_text(name: str) -> None:
    taken = importer(name).taken(a_class("attack"))["attack"]
    if taken.comment is None:
        pytest.skip("the system takes no comment this way")
    assert '<script>alert("x")</script> & <b>bold</b> a<b' in taken.comment
    assert "\x1b" not in taken.comment
    assert "\x00" not in taken.comment


@EACH
def test_a_long_comment_arrives_whole_or_says_that_it_was_cut(name: str) -> None:
    marks = a_class("long")
    taken = importer(name).taken(marks)["long"]
    if taken.comment is None:
        pytest.skip("the system takes no comment this way")
    last = comment(marks.marks[0]).split("\n")
    assert "line 0:" in taken.comment
    assert any("line 1800:" in line for line in last)
    assert "line 1800:" in taken.comment or "cut here" in taken.comment


@EACH
def test_korean_arrives_unharmed(name: str) -> None:
    taken = importer(name).taken(a_class("korean"))["김하늘"]
    if taken.comment is None:
        pytest.skip("the system takes no comment this way")
    assert "값이 다릅니다" in taken.comment


def test_a_format_that_there_is_not_is_refused() -> None:
    with pytest.raises(Refused, match="moodle"):
        adapter("blackboard")


def test_numbers_are_plain() -> None:
    assert [number(value) for value in (0.0, -0.0, 100.0, 40 / 3, 1e-7, 72.5)] == [
        "0", "0", "100", "13.33333", "0", "72.5",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="nan"):
        number(float("nan"))


def test_extra_credit_is_cut_to_the_maximum() -> None:
    assert earned(KINDS["extra"]) == 100
    assert earned(KINDS["not_final"]) is None
