"""How Autolab reads what an autograder prints.

After autodriver.c of https://github.com/autolab/Tango, `saveAutograde` and `parseAutoresult` in app/helpers/
assessment_autograde_core.rb, `parseFeedback` in app/controllers/assessments_controller.rb, and
app/views/assessments/{_semantic,_submission_history_row}.html.erb of https://github.com/autolab/Autolab.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from lms_class import Taken

from grader.lms import adapter
from grader.lms.records import Marks

PRECISION = 1e-6
PROBLEMS = ("autograded", "feedback")  # that the assessment has
MOST_OUTPUT = 1000 * 1024
NAME_AND_COLON = re.compile(r"([a-zA-Z0-9]+):")


@dataclass
class Recorded:
    """The scores of one submission; None: left as it is, so none at first."""

    scores: dict[str, float | None] = field(default_factory=dict)
    feedback: str = ""
    wrong: str = ""  # why the result line was no good


def taken(marks: Marks) -> dict[str, Taken]:
    """What each learner gets and reads."""
    own = {}
    for mark in marks.marks:
        answer = adapter("autolab").reply(mark)
        assert not answer.files
        output = driven(answer.stdout)
        assert "excess bytes elided" not in output
        recorded = saved(output)
        assert not recorded.wrong, recorded.wrong
        score = recorded.scores.get(PROBLEMS[0])
        assert scoreboard(output) == ([] if score is None else [score])
        rows = page(recorded.feedback)
        assert rows is not None, "the table is not drawn"
        assert len(rows) == len(mark.parts), "a criterion is hidden"
        own[mark.id] = Taken(
            None if score is None else score / mark.possible, "\n".join((recorded.feedback, *rows))
        )
    return own


def driven(output: bytes) -> str:
    """What autodriver hands on: its own word first, the middle left out where it is too long."""
    if len(output) > MOST_OUTPUT:
        half = MOST_OUTPUT // 2
        output = output[:half] + b"\n...[excess bytes elided]...\n" + output[-half:]
    return "Autodriver: Job exited with status 0\n" + output.decode("utf-8", "backslashreplace")


def lines_of(feedback: str) -> list[str]:
    return feedback.rstrip("\x00\t\n\v\f\r ").split("\n")


def saved(output: str, problems: tuple[str, ...] = PROBLEMS) -> Recorded:
    """The scores after a first submission: where the line is no good, zeros that everybody sees."""
    recorded = Recorded(feedback=output)
    try:
        scores = parsed(lines_of(output)[-1])
        if not scores:
            raise ValueError("empty")
        recorded.scores |= {name: score for name, score in scores.items() if name in problems}
        if unknown := set(scores) - set(problems):
            raise ValueError(f"not defined by assessment: {unknown}")
    except (ValueError, AttributeError) as wrong:
        recorded.wrong = str(wrong)
        recorded.scores |= {name: 0.0 for name in problems if name not in recorded.scores}
    return recorded


def parsed(line: str) -> dict[str, Any]:
    """The scores in the last line, after what is done to every `word:` in it."""
    content = strict(NAME_AND_COLON.sub(r'"\1":', line))
    if not isinstance(content, dict) or content.get("scores") is None:
        raise ValueError("no scores")
    return content["scores"]


def strict(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "of two equal names the first is lost"
    return dict(pairs)


def scoreboard(output: str) -> list[float]:
    """The row of the scoreboard; here the line is parsed as it stands."""
    row = strict(lines_of(output)[-1])["scoreboard"]
    assert isinstance(row, list)
    return row


def page(feedback: str) -> list[str] | None:
    """The rows of the table; None: plain output is shown instead."""
    try:
        told = strict(lines_of(feedback)[-2])
    except (ValueError, IndexError):
        return None
    if not isinstance(told, dict) or told.get("_presentation") != "semantic":
        return None
    rows = []
    for stage in told.get("stages", []):
        shown = {name: test for name, test in told[stage].items() if not name.startswith("_")}
        assert all(isinstance(test, dict) for test in shown.values()), "no table"
        rows += [
            f"✓ {name}" if test["passed"] else f"! {name} {' '.join(test.get('hint', '').split())}"
            for name, test in shown.items()
        ]
    return rows
