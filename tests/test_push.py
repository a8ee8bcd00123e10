"""What all systems share of `grader push`: the log of what was sent, and what becomes of it."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from lms_class import a_class

from grader.commands import MEND, OK
from grader.commands.push import Item, Plan, carry_out
from grader.commands.sent import Sent
from grader.lms.records import Change, Refused
from grader.types import FriendlyError


class There:
    """Takes what it is sent, as it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bool]] = []
        self.refuses: set[str] = set()
        self.wrong: dict[str, str] = {}
        self.dies_at = ""

    def plan(self, *keys: str, place: str = "here", digest: str = "1") -> Plan:
        items = tuple(self.item(key, digest) for key in keys)
        return Plan(place, items, lambda sent: {i.key: self.wrong[i.key] for i in sent if i.key in self.wrong})

    def item(self, key: str, digest: str) -> Item:
        def send(unsure: bool) -> None:
            if key in self.refuses:
                raise Refused("no")
            self.got.append((key, unsure))
            if key == self.dies_at:
                raise KeyboardInterrupt

        return Item(key, key.upper(), digest, (Change(key, "grade", "", "1"),), send)


@pytest.fixture
def args(tmp_path: Path) -> argparse.Namespace:
    return argparse.Namespace(out=tmp_path, system="moodle", apply=True, json=False)


def test_what_was_sent_is_not_sent_again_until_it_changes(args: argparse.Namespace) -> None:
    there, marks = There(), a_class("full")
    for digest in ("1", "1", "2", "1"):
        assert carry_out(there.plan("a", "b", digest=digest), marks, args) == OK
    assert [key for key, _ in there.got] == ["a", "b"] * 3


def test_another_place_is_another_log(args: argparse.Namespace) -> None:
    there = There()
    for place in ("here", "there", "here"):
        carry_out(there.plan("a", place=place), a_class("full"), args)
    assert there.got == [("a", False)] * 2


def test_what_is_not_there_afterwards_is_sent_again(
    args: argparse.Namespace, capsys: pytest.CaptureFixture[str]
) -> None:
    there = There()
    there.wrong, there.refuses = {"a": "lost"}, {"b"}
    assert carry_out(there.plan("a", "b", "c"), a_class("full"), args) == MEND
    told = capsys.readouterr().err
    assert "A: lost" in told
    assert "B: no" in told
    assert "1 of 3 sent and read back, 2 not as they should be" in told
    there.wrong, there.refuses = {}, set()
    assert carry_out(there.plan("a", "b", "c"), a_class("full"), args) == OK
    assert [key for key, _ in there.got] == ["a", "c", "a", "b"]


def test_who_was_under_way_when_it_stopped_is_told_so(args: argparse.Namespace) -> None:
    there = There()
    there.dies_at = "b"
    with pytest.raises(KeyboardInterrupt):
        carry_out(there.plan("a", "b", "c"), a_class("full"), args)
    there.dies_at = ""
    carry_out(there.plan("a", "b", "c"), a_class("full"), args)
    assert there.got == [("a", False), ("b", False), ("b", True), ("c", False)]


def test_a_line_that_was_cut_off_costs_only_itself(args: argparse.Namespace, tmp_path: Path) -> None:
    there = There()
    carry_out(there.plan("a", "b"), a_class("full"), args)
    log = tmp_path / "push" / "moodle.jsonl"
    log.write_bytes(log.read_bytes()[:-20])
    carry_out(there.plan("a", "b"), a_class("full"), args)
    assert [key for key, _ in there.got] == ["a", "b", "b"]
    carry_out(there.plan("a", "b"), a_class("full"), args)
    assert len(there.got) == 3


def test_two_at_once_are_one_too_many(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with Sent(path, "here") as one, Sent(path, "here") as other:
        one.begin("a", "1")
        with pytest.raises(FriendlyError, match="another `grader push`"):
            other.begin("b", "1")


def test_nothing_to_send_is_said(args: argparse.Namespace, capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_out(There().plan(), a_class("full"), args) == OK
    assert "there is nothing to send" in capsys.readouterr().err
    assert not (args.out / "push").exists()
