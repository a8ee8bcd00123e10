"""Submitty: the `validation_results.json` of a custom validator.

Its form: https://submitty.org/instructor/autograding/specification ("Custom Validator"). What is done with it:
`custom_doit` in `grading/dispatch.cpp`, `TestResultsFixedSize` in `grading/testResults.h` and `ValidateATestCase`
in `grading/main_validator.cpp` of https://github.com/Submitty/Submitty.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from grader.i18n import translator
from grader.lms.comment import comment, fitted, part_line, shortened
from grader.lms.marks import earned, number, share
from grader.lms.packaging import PROGRAMS, Payload, below, template
from grader.lms.packed import packed
from grader.lms.records import Bundle, Mark, Part, Reply, Request
from grader.plaintext import clean_block

FILE = "validation_results.json"
MOST_MESSAGES = 20  # the last of more is replaced by a word that there were too many
LIMIT = 9_998  # bytes of one message; a longer one is replaced
CODE = "custom_validation_code"
# The most that Submitty allows for seconds and files. Threads of a framework count as processes, their stacks and
# all memory that is written as data.
LIMITS = {
    "RLIMIT_CPU": 600,
    "RLIMIT_FSIZE": 200_000_000,
    "RLIMIT_DATA": 16_000_000_000,
    "RLIMIT_STACK": 8_388_608,
    "RLIMIT_RSS": 2_000_000_000,  # kept in 32 bits there: more becomes a negative limit, which kills at once
    "RLIMIT_NPROC": 1_000,
    "RLIMIT_NOFILE": 4_096,
    "RLIMIT_SIGPENDING": 1_000,
}
SECONDS = 540
MOST_UPLOAD = 20_000_000  # bytes
TOLD = (
    "the zip holds the answers and the secret: for Submitty and for nobody else",
    "upload it as autograding configuration. The worker needs /opt/grader once: see docs/lms/submitty.md",
)


def reply(mark: Mark) -> Reply:
    """`validation_results.json`. Without a grade the validator "failed": Submitty knows no other way to say it,
    and shows an error and no points until the submission is graded again (see docs/lms/submitty.md).
    """
    points = share(mark)
    if points is None:
        content: Mapping[str, Any] = {"status": "failure", "message": _text(comment(mark), mark.about.lang)}
    else:
        content = {"status": "success", "data": {"score": points, "message": list(_messages(mark))}}
    return Reply({FILE: json.dumps(content, ensure_ascii=False, allow_nan=False).encode()})


def _messages(mark: Mark) -> Iterator[Mapping[str, str]]:
    lang = mark.about.lang
    head = comment(replace(mark, parts=()))
    yield _message("\n\n".join(filter(None, (head, whole_points(mark)))), "information", lang)
    shown = mark.parts if len(mark.parts) < MOST_MESSAGES else mark.parts[: MOST_MESSAGES - 2]
    for part in shown:
        yield _message(_told(part, lang), _status(part), lang)
    if rest := mark.parts[len(shown) :]:
        yield _message("\n".join(part_line(part, lang) for part in rest), "information", lang)


def _told(part: Part, lang: str) -> str:
    return "\n".join((part_line(part, lang), *(clean_block(detail) for detail in part.details)))


def _status(part: Part) -> str:
    if part.earned is not None and part.earned >= part.points:
        return "success"
    return "warning" if part.earned else "failure"


def _message(text: str, status: str, lang: str) -> Mapping[str, str]:
    return {"message": _text(text, lang), "status": status}


def _text(text: str, lang: str) -> str:
    return fitted(lambda room: shortened(text, room, lang).encode(), LIMIT).decode()


def whole_points(mark: Mark) -> str:
    """Submitty cuts the points of a test case to a whole number; a learner who earned more is told."""
    points = earned(mark)
    if points is None or points == int(points):
        return ""
    _ = translator(mark.about.lang)
    return _("Submitty keeps whole points only: of {earned} points it may show less.").format(
        earned=number(points)
    )


def package(payload: Payload, request: Request) -> Bundle:
    """An autograding configuration with its custom validator."""
    about = packed(payload)
    check = {
        "method": "custom_validator",
        "command": "python3 validate.py",
        "actual_file": "*.ipynb",
        "description": about.title,
        "show_message": "always",
        "show_actual": "never",
        "seconds": SECONDS,
    }
    config = {
        "autograding_method": "jailed_sandbox",
        "autograding": {"submission_to_validation": ["**/*.ipynb"]},
        "max_submission_size": MOST_UPLOAD,
        "resource_limits": LIMITS,
        "grading_parameters": {"AUTO_POINTS": round(about.points)},
        "testcases": [
            {
                "type": "FileCheck",
                "title": about.title,
                "points": round(about.points),
                "resource_limits": LIMITS,
                "validation": [check],
            }
        ],
    }
    files = {
        "config.json": (json.dumps(config, ensure_ascii=False, indent=2) + "\n").encode(),
        f"{CODE}/validate.py": template("submitty/validate.py"),
        **{f"{CODE}/{path}": content for path, content in below(payload).items()},
    }
    return Bundle(files, frozenset(f"{CODE}/{path}" for path in PROGRAMS), TOLD)
