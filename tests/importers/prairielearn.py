"""How PrairieLearn reads `results.json`: the host of the container, the server, and the page that learners see.

After `runJob` in apps/grader-host/src/index.ts, `makeGradingResult` in apps/prairielearn/src/lib/
externalGraderCommon.ts, `processGradingResult` in externalGrader.ts there, and the element
pl-external-grader-results, all of https://github.com/PrairieLearn/PrairieLearn.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lms_class import Taken

from grader.lms import adapter
from grader.lms.records import Marks

PRECISION = 1e-9
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Recorded:
    """What the server keeps of one job."""

    gradable: bool
    score: float
    why: str = ""  # in our words, where it is not gradable
    results: Any = None
    format_errors: tuple[str, ...] = ()


def taken(marks: Marks) -> dict[str, Taken]:
    """What each learner gets and reads."""
    own = {}
    for mark in marks.marks:
        answer = adapter("prairielearn").reply(mark)
        assert set(answer.files) == {"results.json"}
        recorded = processed(host(answer.files["results.json"], answer.exit_code))
        assert recorded.gradable or not recorded.why, recorded.why  # our own refusal is no accident
        own[mark.id] = Taken(recorded.score if recorded.gradable else None, page(recorded))
    return own


def host(content: bytes | None, exit_code: int = 0) -> dict[str, Any]:
    """The host's own record of a job, from what the container left."""
    if exit_code != 0:
        return {"succeeded": False, "results": None}
    if content is None:
        return {"succeeded": False, "message": "could not read"}
    if len(content) > MOST_BYTES:
        return {"succeeded": False, "message": "larger than 1MB"}
    try:
        return {"succeeded": True, "results": parsed(content.decode("utf-8", "replace"))}
    except ValueError:
        return {"succeeded": False, "message": "could not parse"}


def parsed(text: str) -> Any:
    """As JavaScript parses JSON: no NaN, no control characters in strings."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def made(job: dict[str, Any]) -> Recorded:
    """`makeGradingResult`: what a job says, before anybody asks whether the score can be."""
    job = json.loads(json.dumps(job).replace("\\u0000", "\\ufffd"))
    if not job["succeeded"]:
        return Recorded(False, 0.0, job.get("message", "the container failed"))
    results = job["results"]
    if results is None or results is False or results in ("", 0):
        return Recorded(False, 0.0, "no results")
    score = results.get("score")
    if score is None:
        score = 0
    elif isinstance(score, bool) or not isinstance(score, int | float):
        return Recorded(False, 0.0, "score is no number")
    told = results.get("format_errors")
    errors = (told,) if isinstance(told, str) else tuple(told) if isinstance(told, list) else ()
    return Recorded(True, float(score), "", results, errors)


def processed(job: dict[str, Any]) -> Recorded:
    """The same, after `processGradingResult`."""
    own = made(job)
    if not own.gradable:
        return own
    succeeded, gradable = own.results.get("succeeded"), own.results.get("gradable")
    score = own.score if succeeded is None or succeeded else 0.0
    if gradable is not None and not gradable:
        return Recorded(False, score, "", own.results, own.format_errors)
    if not 0 <= score <= 1:
        return Recorded(False, 0.0, "score is out of range")
    return Recorded(True, score, "", own.results, own.format_errors)


def page(recorded: Recorded) -> str:
    """What a learner reads. Everything is escaped there, escape sequences for colours become colours."""
    if recorded.results is None:
        return f"Grading failed! {recorded.why}"
    results = recorded.results
    lines = ["Score" if recorded.gradable else "Invalid, not gradable", *recorded.format_errors]
    lines += [results[name] for name in ("message", "output") if results.get(name)]
    tests = results.get("tests") or []
    assert not any(bare(test) for test in tests), "one test without points takes them from all"
    if tests:
        points, most = (sum(test[name] for test in tests) for name in ("points", "max_points"))
        lines.append(f"{points:.2f}/{most:.2f}")
    for test in tests:
        lines += [test.get(name) or "" for name in ("name", "description", "message", "output")]
    assert all(isinstance(line, str) for line in lines)
    return "\n".join(lines)


def bare(test: dict[str, Any]) -> bool:
    return test.get("points") is None or test.get("max_points") is None
