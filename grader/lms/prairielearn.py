"""PrairieLearn: the `results.json` of an external grader.

Its form: https://prairielearn.readthedocs.io/en/latest/externalGrading/ ("Grading results"). What is done with it:
`apps/grader-host/src/index.ts` and `apps/prairielearn/src/lib/externalGrader*.ts` of
https://github.com/PrairieLearn/PrairieLearn.
"""

from __future__ import annotations

import html
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from grader.i18n import translator
from grader.lms.comment import comment, fitted, part_line, part_text, shortened
from grader.lms.marks import share
from grader.lms.packaging import PROGRAMS, Payload, below, template
from grader.lms.packed import filled, image, packed
from grader.lms.records import Bundle, Mark, Part, Reply, Request

FILE = "results.json"
LIMIT = 1024 * 1024  # bytes; a larger file is refused whole
SECONDS = 600  # the most that PrairieLearn allows
ENTRY = "entrypoint.sh"
TOLD = (
    "the question folder holds the answers and the secret: for a course repository that no learner can read",
    "image/ holds neither; build it, push it, and write its name into info.json (see docs/lms/prairielearn.md)",
)


def reply(mark: Mark) -> Reply:
    """`results.json`. Without a grade, and where there is nothing to grade, "invalid, not gradable": no points are
    lost and no attempt is counted. The exit status is 0 all the same: after another one nothing is read.
    """
    return Reply({FILE: fitted(lambda room: _encoded(_results(mark, room)), LIMIT)})


def _encoded(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


def _results(mark: Mark, room: int) -> Mapping[str, Any]:
    earned, lang = share(mark), mark.about.lang
    if mark.unreadable:
        why = [shortened(remark, room, lang) for remark in mark.remarks] or [shortened(comment(mark), room, lang)]
        return {"gradable": False, "format_errors": why}
    if earned is None:
        return {
            "gradable": False,
            "format_errors": [no_grade(lang)],
            "message": shortened(comment(mark), room, lang),
        }
    return {
        "gradable": True,
        "score": earned,
        "message": shortened(comment(replace(mark, parts=())), room, lang),
        "tests": [_test(part, room, lang) for part in mark.parts],
    }


def no_grade(lang: str) -> str:
    """What a learner reads where nothing was counted."""
    _ = translator(lang)
    return _("The grader came to no result, so this did not count as an attempt. Please submit again later, and "
             "tell your instructor if it happens again.")  # fmt: skip


def _test(part: Part, room: int, lang: str) -> Mapping[str, Any]:
    """One box. Both numbers stand in every one: where a single one lacks them, all boxes lose theirs."""
    earned = min(max(part.earned or 0.0, 0.0), part.points)
    told = {"description": part_line(replace(part, because=""), lang)} if part.earned not in (None, earned) else {}
    return {
        "name": part.title,
        "points": earned,
        "max_points": part.points,
        "output": shortened(part_text(part, lang), room, lang),
        **told,
    }


def package(payload: Payload, request: Request) -> Bundle:
    """A question for a course's `questions/`, and what its image is built from.

    PrairieLearn takes images that anybody may pull: the answers are in the question's `tests/` folder, which goes
    to the container and never to a learner.
    """
    about = packed(payload)
    name = f"{about.slug}.ipynb"
    question = f"questions/{about.slug}"
    tests = f"{question}/tests"
    files = {
        **{f"{tests}/{path}": content for path, content in below(payload).items()},
        f"{tests}/{ENTRY}": template(f"prairielearn/{ENTRY}"),
        f"{question}/info.json": _info(about.slug, about.title),
        f"{question}/question.html": filled(
            "prairielearn/question.html", {"TITLE": html.escape(about.title), "FILE": html.escape(name)}
        ),
        **{f"image/{path}": content for path, content in image(payload).items()},
        "image/Dockerfile": filled("image/Dockerfile", {"PYTHON": about.python}),
    }
    programs = {*(f"{tests}/{path}" for path in PROGRAMS), f"{tests}/{ENTRY}"}
    return Bundle(files, frozenset(programs), TOLD)


def _info(slug: str, title: str) -> bytes:
    content = {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"grader:{slug}")),
        "title": title,
        "topic": "Notebook",
        "tags": ["code"],
        "type": "v3",
        "singleVariant": True,
        "gradingMethod": "External",
        "externalGradingOptions": {
            "image": f"YOUR-NAME/grader-{slug.replace('_', '-')}:1",
            "entrypoint": f"/grade/tests/{ENTRY}",
            "timeout": SECONDS,
            "enableNetworking": False,
        },
    }
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
