"""How a real Moodle 4.5 keeps scores that tools send (Assignment and Grade Services): its rules, one by one."""

from __future__ import annotations

import json
import math
from collections.abc import Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass
class Held:
    """What one person has in a column."""

    grade: float | None
    comment: str
    at: int  # whole seconds: that is how they are compared


@dataclass
class Column:
    """A line item."""

    label: str
    maximum: float
    held: dict[str, Held] = field(default_factory=dict)


class Refused(Exception):
    """The reason goes into the reason phrase; the body is `[]`."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def take(column: Column, body: bytes, gradable: Set[str]) -> None:
    """Keep a score, or refuse it."""
    try:
        score = json.loads(body)
        user, at = str(score["userId"]), _seconds(score["timestamp"])
        given = _number(score["scoreGiven"]) if "scoreGiven" in score else None
        maximum = _number(score["scoreMaximum"]) if given is not None else 1.0
        score["activityProgress"], score["gradingProgress"]
    except (ValueError, KeyError, TypeError):
        raise Refused(400, f"Incorrect score received {body.decode('utf-8', 'replace')}") from None
    if user not in gradable:
        raise Refused(400, "Incorrect score received: the user cannot be graded")
    before = column.held.get(user)
    if before is not None and at <= before.at:
        raise Refused(409, "Refusing score with an earlier timestamp for item and user")
    grade = None
    if given is not None and score["gradingProgress"] == "FullyGraded":
        # Above the maximum is cut to it without a word. (Below zero is taken; what it becomes is not modelled.)
        grade = min(given / maximum, 1.0) * column.maximum
    column.held[user] = Held(grade, str(score.get("comment", "")), at)


def results(column: Column, url: str, user: str) -> list[dict[str, Any]]:
    """What the column holds. Comments are kept as they came, whatever their length and markup."""
    return [
        {"id": f"{url}/results?type_id=1&user_id={who}", "userId": who, "resultMaximum": column.maximum,
         "timestamp": datetime.fromtimestamp(held.at, UTC).isoformat()}
        | ({"resultScore": held.grade} if held.grade is not None else {})
        | ({"comment": held.comment} if held.comment else {})
        for who, held in column.held.items()
        if not user or who == user
    ]  # fmt: skip


def _seconds(text: Any) -> int:
    """A date without a zone is taken as if it were UTC, one in the future as it is, nanoseconds are cut."""
    if not isinstance(text, str):
        raise ValueError(text)
    found = datetime.fromisoformat(text)
    return math.floor((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _number(value: Any) -> float:
    """PHP's is_numeric: text that is a number is one."""
    if isinstance(value, bool):
        raise ValueError(value)
    return float(value)
