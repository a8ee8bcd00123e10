"""Open edX: the reply to an XQueue, and to the queue of edx-submissions that has taken its place.

https://github.com/openedx/xqueue, https://github.com/openedx/edx-submissions (submissions/views/xqueue.py) and
CodeResponse in https://github.com/openedx/edx-platform, xmodule/capa/responsetypes.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from grader.lms.comment import as_html, comment, cut
from grader.lms.junit import legal
from grader.lms.marks import share
from grader.lms.packaging import PROGRAMS, Payload, below, template
from grader.lms.packed import answers_told, filled, packed
from grader.lms.records import NOT_FINAL, Bundle, Mark, Refused, Reply, Request

FILE = "xqueue_body.json"
TOLD = (
    "the zip holds the answers and the secret: unpack it on the machine that grades, and nowhere else",
    "fill in xqueue.env; problem.xml is for Studio; more in docs/lms/edx.md",
)
FILLED = ("Dockerfile", "xqueue.env", "problem.xml")
MOST_TEXT = 100_000  # characters: it is stored with the learner's state and sent with every view of the problem


def reply(mark: Mark) -> Reply:
    """The body of put_result, with a score from 0 to 1: a problem is worth one point where nothing else is said.

    What is not final gets no reply: the queue hands it out again.
    """
    score = share(mark)
    if score is None:
        return Reply(exit_code=NOT_FINAL)
    text = cut(legal(comment(mark)), MOST_TEXT, mark.about.lang, whole_elsewhere=False)
    told = {"correct": score > 1 - 1e-9, "score": score, "msg": as_html(text)}
    return Reply({FILE: _json(told)})


def worth(body: bytes, maximum: float, *, whole: bool = False) -> bytes:
    """The same body for a problem whose input field is worth `maximum` points; Open edX does not scale itself.

    `whole`: rounded down to a whole number, as edx-submissions stores nothing else. Raises Refused for a body that
    Open edX would not take.
    """
    told = checked(body)
    score = told["score"] * maximum
    told["score"] = math.floor(score + 1e-9) if whole else score
    return _json(told)


def checked(body: bytes) -> dict[str, Any]:
    """The content of such a body. Raises Refused."""
    try:
        told: Mapping[str, Any] = json.loads(body)
        right = isinstance(told["correct"], bool) and isinstance(told["msg"], str) and bool(told["msg"])
        score = told["score"]
        right = right and isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1
    except (ValueError, KeyError, TypeError) as fault:
        raise Refused(f"no reply for an XQueue: {fault!r}") from fault
    if not right:
        raise Refused(f"no reply for an XQueue: {body[:200]!r}")
    return dict(told)


def package(payload: Payload, request: Request) -> Bundle:
    """A folder that runs on a machine of one's own, as a container or as it is, and the problem for Studio."""
    about = packed(payload)
    points = int(about.points) if about.points == int(about.points) else 100  # `points` is a whole number there
    title = escape(legal(about.title), {'"': "&quot;"})
    values = {"PYTHON": about.python, "QUEUE": about.slug, "SLUG": about.slug, "FILE": f"{about.slug}.ipynb"}
    made = {name: filled(f"xqueue/{name}", {**values, "POINTS": points, "TITLE": title}) for name in FILLED}
    files = below(payload) | made | {"watch.sh": template("xqueue/watch.sh")}
    return Bundle(files, PROGRAMS | {"watch.sh"}, (*TOLD, *answers_told(payload)))


def _json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=True, allow_nan=False).encode()
