"""One character for how one criterion came out. The same in the terminal and on the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grader.types import Verdict

RIGHT, PARTLY, WRONG, NOTHING, UNCLEAR, OURS = "✓", "~", "✗", "–", "±", "?"
_NOTHING_DONE = (Verdict.MISSING, Verdict.NOT_ATTEMPTED, Verdict.SKIPPED)


def mark_of(criterion: Mapping[str, Any]) -> str:
    """One character for one criterion of a row."""
    verdict = Verdict(criterion["verdict"])
    if verdict == Verdict.INTERNAL:
        return OURS
    if verdict == Verdict.INCONCLUSIVE:
        return UNCLEAR
    if verdict in _NOTHING_DONE:
        return NOTHING
    earned, points = criterion["earned"] or 0, criterion["points"]
    if verdict == Verdict.PASSED:
        return RIGHT if earned >= points else PARTLY
    # Robustness is advice: without points of its own it is never a plain "wrong".
    return PARTLY if earned > 0 or (criterion["kind"] == "robustness" and not points) else WRONG
