"""Coursera: feedback.json of a custom grader, and the image that it runs.

https://github.com/coursera/coursera_autograder
"""

from __future__ import annotations

import json

from grader.lms.comment import as_html, comment
from grader.lms.marks import share
from grader.lms.packaging import PROGRAMS, Payload, below, template
from grader.lms.packed import answers_told, filled, packed
from grader.lms.records import NOT_FINAL, Bundle, Mark, Reply, Request

FILE = "feedback.json"
PAGE = "htmlFeedback.html"  # the name is Coursera's
TOLD = (
    "the zip holds the answers and the secret: give it to Coursera and to nobody else",
    "coursera_autograder upload THIS.zip COURSE ITEM PART --grader-cpu 2 --grader-memory-limit 8192 "
    "--grading-timeout 1200",
    "before that: coursera_autograder grade local, as in docs/lms/coursera.md, also with a wrong notebook",
)


def reply(mark: Mark) -> Reply:
    """What goes to /shared, and the same on standard output, where Coursera's tool looked for it once.

    What is not final gets no file and fails: Coursera keeps no grade then. `feedback` must be there even beside a
    page; whoever sees the page does not see it.
    """
    fraction = share(mark)
    if fraction is None:
        return Reply(exit_code=NOT_FINAL)
    text = comment(mark)
    told = {"fractionalScore": fraction, "feedback": text, "feedbackType": "HTML"}
    line = json.dumps(told, ensure_ascii=True, allow_nan=False).encode() + b"\n"
    return Reply({FILE: line, PAGE: page(text, mark.about.lang)}, stdout=line)


def page(text: str, lang: str) -> bytes:
    """The comment as a page of its own: no style and no script that a site would take out."""
    head = '<meta charset="utf-8">'
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}"><head>{head}</head>\n<body>{as_html(text)}</body></html>\n'.encode()
    )


def package(payload: Payload, request: Request) -> Bundle:
    """What `coursera_autograder upload` takes: a Dockerfile at the top and all that it copies."""
    files = below(payload) | {
        "Dockerfile": filled("coursera/Dockerfile", {"PYTHON": packed(payload).python}),
        "grade.sh": template("coursera/grade.sh"),
    }
    return Bundle(files, PROGRAMS | {"grade.sh"}, (*TOLD, *answers_told(payload)))
