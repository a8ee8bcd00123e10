"""Gradescope: results.json of its autograders, and the zip that it takes to run the grader itself.

Fields and limits: https://gradescope-autograders.readthedocs.io/en/latest/specs/ and .../troubleshooting/.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from grader.i18n import translator
from grader.lms.comment import cut, part_text
from grader.lms.marks import above, earned, number
from grader.lms.packaging import PROGRAMS, Payload, below, settings, template
from grader.lms.records import Bundle, Mark, Part, Reply, Request

FILE = "results.json"
MOST = 100_000  # characters of one box. No limit is documented; more than that nobody reads
AGAIN = "not graded: open this submission and run the autograder again (Rerun Autograder)"
SETUP, RUN = "setup.sh", "run_autograder"
SIZES = ((768, "0.5 CPU, 0.75GB RAM"), (1536, "1.0 CPU, 1.5GB RAM"), (3072, "2.0 CPU, 3.0GB RAM"),
         (6144, "4.0 CPU, 6.0GB RAM"))  # fmt: skip
# MiB that the grader holds while it judges a right submission, measured (docs/lms/gradescope.md); TensorFlow: with
# both flavours of Keras.
HELD = {"numpy": 150, "torch": 450, "tensorflow": 650}


def reply(mark: Mark) -> Reply:
    """results.json: a test for each criterion."""
    return Reply(
        {FILE: (json.dumps(results(mark), ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()}
    )


def results(mark: Mark) -> dict[str, Any]:
    """The content of results.json. Where the grade is not final, hidden tests keep the total from learners."""
    tests = [_test(str(at), part, mark) for at, part in enumerate(mark.parts, 1)]
    points = earned(mark)
    told: dict[str, Any] = {} if points is None else {"score": _plain(points)}
    if points is None and not any(test["visibility"] == "hidden" for test in tests):
        tests.append(_hidden(str(len(tests) + 1)))
    return {
        **told,
        "execution_time": _plain(round(mark.seconds, 2)),
        "output": _cut(_output(mark), mark),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {"assignment": mark.about.slug, "version": mark.about.version, "final": mark.final},
        "tests": tests,
    }


def _output(mark: Mark) -> str:
    """The box above all tests."""
    _ = translator(mark.about.lang)
    points = earned(mark)
    if points is None:
        lines = [f"{mark.about.title}: " + _("no grade yet")]
    else:
        told = _("{earned} of {possible} points").format(earned=number(points), possible=number(mark.possible))
        lines = [f"{mark.about.title}: {told}"]
    if above(mark):
        lines.append(_("More than the maximum was earned; it counts as the maximum."))
    return "\n".join([*lines, *(f"- {remark}" for remark in mark.remarks)])


def _test(at: str, part: Part, mark: Mark) -> dict[str, Any]:
    told = {"name": part.title, "number": at, "max_score": _plain(part.points), "output_format": "text"}
    if part.earned is None:  # a hidden test hides the total as well, which would be too low
        return {**told, "score": 0, "output": AGAIN, "visibility": "hidden"}
    whole = part.earned >= part.points and (part.points > 0 or part.verdict == "passed")
    return {
        **told,
        "score": _plain(part.earned),
        "status": "passed" if whole else "failed",
        "output": _cut(part_text(part, mark.about.lang), mark),
        "visibility": "visible",
    }


def _hidden(at: str) -> dict[str, Any]:
    """Where every part has its points and the grade is not final all the same."""
    told = {"name": "not final", "number": at, "output": AGAIN, "output_format": "text"}
    return {**told, "score": 0, "max_score": 0, "status": "failed", "visibility": "hidden"}


def _cut(text: str, mark: Mark) -> str:
    return cut(text, MOST, mark.about.lang, whole_elsewhere=False)


def _plain(value: float) -> int | float:
    """A JSON number as people write it."""
    rounded = float(number(value))
    return int(rounded) if rounded == int(rounded) else rounded


def package(payload: Payload, request: Request) -> Bundle:
    """autograder.zip: what Gradescope builds a container from."""
    files = below(payload) | {name: template(f"gradescope/{name}") for name in (SETUP, RUN)}
    return Bundle(files, PROGRAMS | {SETUP, RUN}, tuple(_told(settings(payload))))


def _told(about: Mapping[str, str]) -> Iterator[str]:
    held, allowed = HELD[about["GRADER_FRAMEWORK"]], int(about["GRADER_MEMORY_MB"])
    yield "the zip holds the answers and the secret: give it to Gradescope and to nobody else"
    yield f"in Gradescope: Autograder points: {about['GRADER_POSSIBLE']}; base image: Ubuntu 22.04"
    yield (
        f"container: {_size(held + allowed)}, for the {allowed} MB that spec.yaml allows a submission; "
        f"right ones of ordinary size need {_size(held)}"
    )
    yield "timeout: 10 minutes or more (see docs/lms/gradescope.md for how long grading takes on half a processor)"
    if about["GRADER_EXECUTES"]:
        yield (
            "rubric.yaml has a criterion runs_clean: whole notebooks need namespaces, which containers usually do "
            "not grant; without them no grade becomes final. Try one submission before you rely on it"
        )


def _size(memory_mb: int) -> str:
    """The smallest container with so much memory, in Gradescope's words; the largest where none has."""
    return next((words for memory, words in SIZES if memory >= memory_mb), SIZES[-1][1])
