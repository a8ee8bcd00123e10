"""GitHub Classroom: the `result` of a test step, as its reporter reads it.

Its form: `src/` of https://github.com/classroom-resources/autograding-grading-reporter. Two numbers come out of
there: the table in the log counts tests that passed, Classroom gets the sum of their scores.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from grader.i18n import translator
from grader.lms.comment import comment, fitted, part_text, shortened
from grader.lms.marks import earned, number
from grader.lms.packaging import PROGRAMS, Payload, below, template
from grader.lms.packed import filled, packed, whole, without_answers
from grader.lms.records import Bundle, Mark, Reply, Request
from grader.plaintext import clean

RESULT = "result.json"
OUTPUT = "github-output"  # to be appended to $GITHUB_OUTPUT
# The reporter gets the result in an environment variable, and Linux takes 128 KiB in one: beyond it the step dies.
LIMIT = 120_000  # bytes, after base64
LOG_LIMIT = 1_000_000
BAR = "│ "
LEARNER, INSTRUCTOR = "learner", "instructor"  # folders of the package: two repositories
TOLD = (
    "learner/ goes into the starter repository. It holds no answers and checks public cases only: whatever a "
    "workflow of a learner's repository can read, the learner can read",
    "instructor/ holds the answers and the secret: for a private repository; its workflow grades all clones",
    "learners may change the workflow in their own repository: its points are a help and no grade",
)


def reply(mark: Mark) -> Reply:
    """The result as JSON, the same as a step's output, and the feedback for the log."""
    content = fitted(lambda room: _result(mark, room), LIMIT // 4 * 3 - len("result=\n"))
    lang = mark.about.lang
    return Reply(
        {RESULT: content, OUTPUT: b"result=" + base64.b64encode(content) + b"\n"},
        fitted(lambda room: (harmless(shortened(comment(mark), room, lang)) + "\n").encode(), LOG_LIMIT),
    )


def harmless(text: str) -> str:
    """Lines for a log. The runner obeys a line that begins with `::`, also after spaces, and `##[` anywhere: a
    learner could write a grade that way.
    """
    return "\n".join(BAR + line.replace("##[", "## [") for line in text.split("\n"))


def _result(mark: Mark, room: int) -> bytes:
    points, lang = earned(mark), mark.about.lang
    possible = _rounded(mark.possible)
    if points is None or possible <= 0:
        return _encoded("error", 0, [_test(mark.about.title, "error", 0, message=no_grade(lang))])
    total = min(_rounded(points), possible)
    passed = [part.earned is not None and part.earned >= part.points for part in mark.parts]
    tests = [
        _test(part.title, "pass" if good else "fail", score, part.because, part_text(part, lang), room, lang)
        for part, good, score in zip(mark.parts, passed, scores(mark, total), strict=True)
    ] or [_test(mark.about.title, "pass" if total == possible else "fail", total)]
    if abs(sum(one["status"] == "pass" for one in tests) / len(tests) * possible - total) > 0.005:
        tests[0]["test_code"] = harmless(two_numbers(total, possible, lang)) + "\n" + tests[0]["test_code"]
    return _encoded("pass" if total == possible and all(passed) else "fail", possible, tests)


def _encoded(status: str, possible: float, tests: Sequence[Mapping[str, Any]]) -> bytes:
    content = {"version": 1, "status": status, "max_score": possible, "tests": tests}
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


def _test(
    name: str, status: str, score: float, message: str = "", code: str = "", room: int = 0, lang: str = "en"
) -> dict[str, Any]:
    """One test. `test_code` is the only text of a test that did not pass which the reporter prints. There is no
    line to point at: 0 hides it.
    """
    return {
        "name": clean(name).replace("##[", "## ["),
        "status": status,
        "score": score,
        "message": clean(message).replace("##[", "## ["),
        "test_code": harmless(shortened(code, room, lang)) if code else "",
        "filename": "",
        "line_no": 0,
        "duration": 0,
    }


def scores(mark: Mark, total: float) -> list[float]:
    """What each criterion adds. Adding them up one by one, as the reporter does, gives `total` to the last bit:
    else 0.1 + 0.2 is shown as 0.30000000000000004. All are multiples of the last bit of `total`, so no sum
    is rounded.
    """
    grain = math.ulp(total)
    added, given = 0.0, []
    for part in mark.parts:
        one = min(float(number(max(part.earned or 0.0, 0.0), 2)), total - added)
        one = total - added if part is mark.parts[-1] else one - math.fmod(one, grain)
        given.append(one)
        added += one
    return given


def _rounded(points: float) -> float:
    return whole(float(number(points, 2)))


def no_grade(lang: str) -> str:
    """What a learner reads where nothing was sent."""
    _ = translator(lang)
    return _("The grader came to no result, so nothing was sent to GitHub Classroom. Please run the workflow "
             "again, and tell your instructor if it happens again.")  # fmt: skip


def two_numbers(total: float, possible: float, lang: str) -> str:
    """Why the table of the report may show another number."""
    _ = translator(lang)
    return _("GitHub Classroom gets {earned} of {possible} points. The table of this report counts only what "
             "passed as a whole, and all criteria alike, so it may show another number.").format(
        earned=number(total, 2), possible=number(possible, 2)
    )  # fmt: skip


def package(payload: Payload, request: Request) -> Bundle:
    """Two repositories: what learners get checks the public cases, what instructors keep grades the class."""
    about = packed(payload)
    values = {"PYTHON": about.python, "SLUG": about.slug}
    ours = f"{LEARNER}/.github/grader"
    files = {
        **{f"{ours}/{path}": content for path, content in without_answers(payload).items()},
        f"{ours}/step.sh": template("github-classroom/step.sh"),
        f"{LEARNER}/.github/workflows/classroom.yml": filled("github-classroom/classroom.yml", values),
        **{f"{INSTRUCTOR}/{path}": content for path, content in below(payload).items()},
        f"{INSTRUCTOR}/.github/workflows/grade-class.yml": filled("github-classroom/grade-class.yml", values),
    }
    programs = {f"{ours}/step.sh", *(f"{INSTRUCTOR}/{path}" for path in PROGRAMS)}
    return Bundle(files, frozenset(programs), TOLD)
