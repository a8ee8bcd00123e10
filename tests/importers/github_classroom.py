"""How the runner and the reporter of GitHub Classroom read a test step.

After src/ of https://github.com/classroom-resources/autograding-grading-reporter, and for the log
src/Runner.Common/ActionCommand.cs of https://github.com/actions/runner.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from typing import Any

from lms_class import Taken

from grader.lms import adapter
from grader.lms.records import Marks

PRECISION = 0.0051 / 100  # two digits of a hundred points
MOST_VARIABLE = 128 * 1024  # MAX_ARG_STRLEN of Linux: name, `=`, value and the zero at the end
RUNNER = "autograding"
COLOURS = ("\x1b[32m", "\x1b[31m")


@dataclass(frozen=True)
class Report:
    """What the reporter does with one result."""

    log: str
    text: str  # the same without the reporter's own colours
    table: float  # the points in its table
    points: float
    possible: float  # 0: nothing is sent
    failed: bool

    @property
    def annotation(self) -> str:
        """What Classroom reads; empty: nothing is sent."""
        return f"Points {_js(self.points)}/{_js(self.possible)}" if self.possible else ""


def taken(marks: Marks) -> dict[str, Taken]:
    """What each learner gets and reads."""
    own = {}
    for mark in marks.marks:
        answer = adapter("github-classroom").reply(mark)
        assert answer.exit_code == 0
        log = answer.stdout.decode()
        assert not commands(log), "the runner would obey a learner"
        told = report(outputs(answer.files["github-output"])["result"])
        assert not commands(told.log), "the runner would obey a learner"
        assert "NaN" not in told.annotation
        if told.possible and abs(told.table - told.points) > 0.005:
            assert f"{_js(told.points)} " in told.log, "two numbers, and nobody says why"
        own[mark.id] = Taken(told.points / told.possible if told.possible else None, log + told.text)
    return own


def outputs(content: bytes) -> dict[str, str]:
    """What a step leaves in $GITHUB_OUTPUT, one line each."""
    pairs = (line.partition("=") for line in content.decode().splitlines())
    return {name: value for name, found, value in pairs if found}


def report(value: str) -> Report:
    """The reporter, started with this result in its environment."""
    assert len(f"{RUNNER.upper()}_RESULTS={value}".encode()) + 1 <= MOST_VARIABLE, "the step cannot be started"
    result = json.loads(base64.b64decode(value, validate=True).decode(), parse_constant=_refuse)
    possible = result.get("max_score") or 0
    tests = result["tests"]
    passed = sum(test["status"] == "pass" for test in tests)
    table = passed / len(tests) * possible if tests else math.nan
    log, text = ("\n".join(line for test in tests for line in _printed(test, *own)) for own in (COLOURS, ("", "")))
    return Report(log, text, table, _added(tests), possible, result["status"] in ("fail", "error"))


def _added(tests: list[dict[str, Any]]) -> float:
    """Added up in turn, as JavaScript does; a missing score is undefined, and the sum no number."""
    points = 0.0
    for test in tests:
        points += test.get("score", math.nan)
    return points


def _printed(test: dict[str, Any], green: str, red: str) -> list[str]:
    line = "" if test.get("line_no") == 0 else f" - line {test.get('line_no')}"
    if test["status"] == "pass":
        told = f"{green}✅ {test['name']}{line}"
    elif test["status"] == "error":
        told = f"Error: {test.get('message') or 'Failed to run test ' + test['name']}\n"
    else:
        told = f"{red}❌ {test['name']}{line}"
    return [told, *([f"Test code:\n{test['test_code']}\n"] if test.get("test_code") else [])]


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _js(value: float) -> str:
    """As JavaScript writes a number."""
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def commands(log: str) -> list[str]:
    """Lines that the runner takes for orders: `::name ...::text` after any spaces, `##[name]` anywhere."""
    found = []
    for line in log.splitlines():
        new = line.lstrip()
        old = line.partition("##[")[2]
        if (new.startswith("::") and "::" in new[2:]) or "]" in old:
            found.append(line)
    return found
