"""How Submitty reads `validation_results.json`, and what becomes of the score.

After `custom_doit` in grading/dispatch.cpp, grading/testResults.h, and `ValidateAutoCheck` and `ValidateATestCase`
in grading/main_validator.cpp of https://github.com/Submitty/Submitty.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from lms_class import Taken

from grader.lms import adapter
from grader.lms.records import Marks

PRECISION = 0.01  # one whole point of a hundred
SAYS_IT_FAILED = "ERROR: Custom validation failed."  # with no points: there is no "no grade" there
MOST_MESSAGES = 20
MESSAGE_SIZE = 10_000  # bytes of the array that a message is copied to


@dataclass(frozen=True)
class Checked:
    """What the validator makes of the file."""

    score: float
    messages: tuple[tuple[str, str], ...]  # status, text


def taken(marks: Marks) -> dict[str, Taken]:
    """What each learner gets and reads."""
    own = {}
    for mark in marks.marks:
        answer = adapter("submitty").reply(mark)
        assert set(answer.files) == {"validation_results.json"}
        checked = packed(read(answer.files["validation_results.json"]))
        text = "\n".join(text for _, text in checked.messages)
        assert "TRUNCATED" not in text
        assert "too large to display" not in text
        possible = round(mark.possible)
        own[mark.id] = Taken(points(checked.score, possible) / possible, text)
    return own


def read(content: bytes) -> Checked:
    """The score from 0 to 1 and the messages; every mistake is an error message and no points."""
    try:
        result = json.loads(content.decode(), parse_constant=_refuse)
    except ValueError:
        return _failed("ERROR: Could not parse a custom validator's output.")
    if not isinstance(result, dict) or not isinstance(result.get("status"), str):
        return _failed("ERROR: A custom validator did not return success or failure")
    if result["status"] != "success":
        return _failed(SAYS_IT_FAILED)
    data = result.get("data")
    if not isinstance(data, dict):
        return _failed("ERROR: A custom validator did not return a result.")
    score = data.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        return _failed("ERROR: A custom validator did not return a score.")
    return Checked(float(np.clip(np.float32(score), 0, 1)), tuple(_messages(data)))


def _failed(message: str) -> Checked:
    return Checked(0.0, (("failure", message),))


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _messages(data: dict[str, Any]) -> list[tuple[str, str]]:
    told = data.get("message")
    each = [data] if isinstance(told, str) else told if isinstance(told, list) else []
    return [_message(one) for one in each]


def _message(one: dict[str, Any]) -> tuple[str, str]:
    text = one.get("message")
    status = one.get("status")
    known = status in ("failure", "warning", "success")
    return (status if known else "information", text if isinstance(text, str) else "")


def packed(checked: Checked) -> Checked:
    """The same after the way through shared memory, where there is room for so many messages of such a size."""
    messages = [(status, text) for status, text in checked.messages if text]
    if len(messages) > MOST_MESSAGES:
        messages = messages[:MOST_MESSAGES]
        messages[-1] = (messages[-1][0], "WARNING: TRUNCATED ERROR MESSAGES")
    return Checked(checked.score, tuple((status, _stored(text)) for status, text in messages))


def _stored(text: str) -> str:
    if len(text.encode()) >= MESSAGE_SIZE - 1:
        return "ERROR: messages too large to display."
    return text.partition("\0")[0]


def points(score: float, possible: int) -> int:
    """Points of a test case: whole ones, the rest is cut off. Arithmetic as there: float, then double."""
    lost = float(np.float32(1) - np.float32(score))
    share = max(0.0, min(1.0, 1.0 - lost + 0.00001))
    return int(share * possible)
