"""How Gradescope reads results.json, after https://gradescope-autograders.readthedocs.io/en/latest/specs/.

There is no official schema: tests/samples_lms/gradescope/results.schema.json states what that page does, strictly.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
from lms_class import Taken

from grader.lms import adapter
from grader.lms.records import Marks

PRECISION = 1e-7  # five decimals of 100 points
SCHEMA = json.loads((Path(__file__).parents[1] / "samples_lms/gradescope/results.schema.json").read_text("utf-8"))
FAILED = "The autograder failed to execute correctly."


def taken(marks: Marks) -> dict[str, Taken]:
    """What each learner sees, in an assignment that is worth what the class is."""
    own = {}
    for mark in marks.marks:
        answer = adapter("gradescope").reply(mark)
        assert set(answer.files) == {"results.json"}
        assert answer.stdout == b"", "JSON on standard output is for nobody"
        results = read(answer.files["results.json"])
        points = shown(results)
        assert points is None or 0 <= points <= marks.possible, "a learner would see more than the maximum"
        own[mark.id] = Taken(None if points is None else points / marks.possible, page(results))
    return own


def read(content: bytes) -> dict[str, Any]:
    """The file, by the rules of its documentation. Raises AssertionError with what Gradescope says otherwise."""
    try:
        results: dict[str, Any] = json.loads(content.decode("utf-8"), parse_constant=_no_number)
        jsonschema.validate(results, SCHEMA)
    except (ValueError, jsonschema.ValidationError) as wrong:
        raise AssertionError(f"{FAILED} ({wrong})") from wrong
    for text in (results.get("output", ""), *(test.get("output", "") for test in results.get("tests", ()))):
        assert "\r" not in text, "only \\n makes a new line"
    return results


def recorded(results: dict[str, Any]) -> float:
    """The score that instructors see: that of the whole, else of all tests together, hidden ones too."""
    tests = results.get("tests", ())
    return float(results["score"]) if "score" in results else sum(float(test.get("score", 0)) for test in tests)


def shown(results: dict[str, Any]) -> float | None:
    """The score that a learner sees before anything is published; a single hidden test takes it away."""
    return recorded(results) if all(_visible(test, results) for test in results.get("tests", ())) else None


def page(results: dict[str, Any]) -> str:
    """What a learner reads."""
    lines = [_text(results.get("output", ""), results.get("output_format", "simple_format"))]
    for test in results.get("tests", ()):
        if _visible(test, results):
            form = test.get("output_format", results.get("test_output_format", "text"))
            name_form = test.get("name_format", results.get("test_name_format", "text"))
            lines += [_text(test.get("name", ""), name_form), _text(test.get("output", ""), form)]
    return "\n".join(lines)


def _visible(test: dict[str, Any], results: dict[str, Any]) -> bool:
    return bool(test.get("visibility", results.get("visibility", "visible")) == "visible")


def _text(text: str, form: str) -> str:
    assert form == "text", f"{form} would take some of it for markup"
    return text


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
