"""How Coursera reads what a custom grader leaves in /shared.

By the check of its own tool: https://github.com/coursera/coursera_autograder (commands/grade.py, README). What its
site does beyond that is not public; of a page and plain feedback learners see the page.
"""

from __future__ import annotations

import json
from html.parser import HTMLParser

from lms_class import Taken

from grader.lms import coursera
from grader.lms.records import Marks, Reply

PRECISION = 1e-9


def taken(marks: Marks) -> dict[str, Taken]:
    return {mark.id: read(coursera.reply(mark)) for mark in marks.marks}


def read(reply: Reply) -> Taken:
    """What is recorded for one container. Raises AssertionError where it counts as broken though it exits well."""
    if reply.exit_code != 0:
        return Taken(None)
    assert "feedback.json" in reply.files, "no feedback.json: the grader failed"
    told = json.loads(reply.files["feedback.json"])
    if "fractionalScore" in told:
        assert not isinstance(told["fractionalScore"], bool), "must be a decimal"
        assert isinstance(told["fractionalScore"], int | float), "must be a decimal"
        assert 0 <= told["fractionalScore"] <= 1, "must be from 0 to 1"
    else:
        assert isinstance(told["isCorrect"], bool)
    assert "feedback" in told, "no feedback"
    kind = told.get("feedbackType")
    assert kind in (None, "HTML", "TXT")
    shown = told["feedback"]
    if kind == "HTML":
        shown = text_of(reply.files["htmlFeedback.html"].decode())
    elif kind == "TXT":
        shown = reply.files["txtFeedback.txt"].decode()
    return Taken(float(told.get("fractionalScore", told.get("isCorrect", 0))), shown)


def text_of(markup: str) -> str:
    """What a browser shows of markup. Raises AssertionError for a script."""
    reader = _Text()
    reader.feed(markup)
    reader.close()
    assert "script" not in reader.tags
    return "".join(reader.told)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.told: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.told.append(data)
