"""How Open edX reads a grader's reply: CodeResponse._parse_score_msg and update_score in
https://github.com/openedx/edx-platform (xmodule/capa/responsetypes.py), and set_score of edx-submissions.

There lxml reads the message, and where it is no XML html5lib. The standard library's parsers stand in for them:
compared by hand with lxml 6.1 and html5lib 1.1 on the texts of test_lms_xqueue.py.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

from importers.coursera import text_of
from lms_class import Taken

from grader.lms import xqueue
from grader.lms.records import Marks

PRECISION = 1e-9
POINTS = 1  # `points` of an input field where an author says nothing
CONTROL = re.compile("[\x01-\x08\x0b\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def taken(marks: Marks) -> dict[str, Taken]:
    made = {}
    for mark in marks.marks:
        reply = xqueue.reply(mark)
        if reply.exit_code != 0:
            assert not reply.files, "a client would post this"
            made[mark.id] = Taken(None)
        else:
            made[mark.id] = update_score(reply.files["xqueue_body.json"].decode(), POINTS)
    return made


def update_score(body: str, points: float) -> Taken:
    """What a problem worth `points` records. Raises AssertionError for "Invalid grader reply"."""
    told = json.loads(body)
    assert isinstance(told, dict)
    for tag in ("correct", "score", "msg"):
        assert tag in told, f"no {tag}"
    assert parses(told["msg"]), "Invalid grader reply. Please contact the course staff."
    earned = max(told["score"], 0)
    assert not isinstance(told["score"], bool)
    assert earned <= points, "more than the maximum: Open edX does not clip"
    assert told["correct"] is (earned == points), "the sign beside the answer says something else"
    return Taken(earned / points, text_of(told["msg"].replace("&nbsp;", "&#160;")))


def parses(message: str) -> bool:
    """Whether it is XML, or HTML of any kind: broken markup is mended, nothing at all is refused."""
    try:
        ET.fromstring(message)
        return True
    except ET.ParseError:
        return bool(message) and CONTROL.search(message) is None


def set_score(told: dict[str, Any], possible: int) -> int:
    """What edx-submissions stores. Raises AssertionError where it stores nothing (and hands out again)."""
    score = told["score"]
    assert re.fullmatch(r"-?\d+(\.0*)?", str(score)), "points_earned: A valid integer is required."
    assert 0 <= score <= possible
    return int(score)
