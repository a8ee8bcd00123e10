"""Autolab: what an autograder prints. Feedback, then one line of JSON for the page, then one with the scores.

Its form: https://docs.autolabproject.com/lab/ and https://docs.autolabproject.com/features/formatted-feedback/.
What is done with it: `saveAutograde` and `parseAutoresult` in `app/helpers/assessment_autograde_core.rb`,
`parseFeedback` in `app/controllers/assessments_controller.rb` of https://github.com/autolab/Autolab.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

import yaml

from grader.i18n import translator
from grader.lms.comment import comment, fitted, part_line, shortened
from grader.lms.marks import earned, number
from grader.lms.packaging import PROGRAMS, Payload, below, template
from grader.lms.packed import Packed, filled, image, packed, whole
from grader.lms.records import Bundle, Mark, Part, Reply, Request

# The problems that the assessment must have, by exactly these names. The second one is worth nothing: it carries
# the feedback of a submission that has no grade yet. Leaving a problem out is the only way to say "no number";
# without any problem Autolab takes the line for broken and publishes a zero.
PROBLEM = "autograded"
FEEDBACK = "feedback"
LIMIT = 900_000  # bytes of all output; Tango takes 1000 KiB, the commands that make prints among them
START = "grader-start.sh"
SECONDS = 600
TOLD = (
    "the tar holds the answers and the secret: for Autolab and for nobody else",
    "Install Assessment > Import from tarball: the .tar. Keep both of its problems, `autograded` and `feedback`",
    "the grading image: build image/ beside Autolab's own (see docs/lms/autolab.md)",
)


def reply(mark: Mark) -> Reply:
    """Standard output, complete: nothing may be printed after it."""
    return Reply(stdout=fitted(lambda room: _printed(mark, room), LIMIT))


def _printed(mark: Mark, room: int) -> bytes:
    text = comment(mark)
    if earned(mark) is None:
        text = f"{text}\n\n{no_grade(mark.about.lang)}"
    lines = (shortened(text, room, mark.about.lang), _line(_page(mark, room)), _line(_scores(mark)))
    return ("\n".join(lines) + "\n").encode()


def no_grade(lang: str) -> str:
    """What a learner reads where no score was recorded."""
    _ = translator(lang)
    return _("The grader came to no result, so no score was recorded. Please tell your instructor, who can start "
             "the grading again.")  # fmt: skip


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def _scores(mark: Mark) -> Mapping[str, Any]:
    """The last line. Before it is parsed, Autolab puts quotes around every `word:` in it, inside of strings too:
    so there is nothing in it but our own names and numbers.
    """
    points = earned(mark)
    if points is None:
        return {"scores": {FEEDBACK: 0}, "scoreboard": []}
    rounded = float(number(points))
    return {"scores": {PROBLEM: rounded, FEEDBACK: 0}, "scoreboard": [rounded]}


def _page(mark: Mark, room: int) -> Mapping[str, Any]:
    """The line before: a table of the criteria. It is parsed as it stands, so any text will do."""
    tests: dict[str, Any] = {}
    for part in mark.parts:
        tests[_unused(part, tests)] = _test(part, room, mark.about.lang)
    stage = translator(mark.about.lang)("Criteria")
    return {"_presentation": "semantic", "stages": [stage], stage: tests}


def _unused(part: Part, tests: Mapping[str, Any]) -> str:
    """A name that is shown: one that begins with `_` is not, and of two equal ones the first is lost."""
    name = part.title.lstrip("_ ") or part.id.lstrip("_ ") or "?"
    again = 2
    while (unused := name if again == 2 and name not in tests else f"{name} ({again})") in tests:
        again += 1
    return unused


def _test(part: Part, room: int, lang: str) -> Mapping[str, Any]:
    if part.earned is not None and part.earned >= part.points:
        return {"passed": True}
    return {"passed": False, "hint": shortened(part_line(part, lang), room, lang)}


def package(payload: Payload, request: Request) -> Bundle:
    """An assessment that Autolab imports, and what its grading image is built from."""
    about = packed(payload)
    name = f"{about.slug}.ipynb"
    inner = {**below(payload), START: template(f"autolab/{START}")}
    assessment = {
        f"{about.slug}/{about.slug}.yml": _assessment(about, name),
        f"{about.slug}/autograde-Makefile": filled("autolab/autograde-Makefile", {"FILE": name}),
        f"{about.slug}/autograde.tar": tar(inner, PROGRAMS | {START}),
    }
    files = {
        f"{about.slug}.tar": tar(assessment),
        **{f"image/{path}": content for path, content in image(payload).items()},
        "image/Dockerfile": filled("autolab/Dockerfile", {"PYTHON": about.python}),
    }
    return Bundle(files, told=TOLD)


def _assessment(about: Packed, name: str) -> bytes:
    """What is imported; dates are set on the site."""
    content = {
        "general": {
            "name": about.slug,
            "display_name": about.title,
            "description": "",
            "category_name": "Notebooks",
            "handin_filename": name,
            "handin_directory": "handin",
            "max_grace_days": 0,
            "max_submissions": -1,
            "disable_handins": False,
            "max_size": 20,
            "disable_network": True,
        },
        "problems": [
            {"name": PROBLEM, "description": "", "max_score": float(whole(about.points)), "optional": False},
            {"name": FEEDBACK, "description": "", "max_score": 0.0, "optional": True},
        ],
        "autograder": {
            "autograde_timeout": SECONDS,
            "autograde_image": f"grader_{about.slug}",
            "release_score": True,
        },
    }
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, explicit_start=True).encode()


def tar(files: Mapping[str, bytes], programs: frozenset[str] = frozenset()) -> bytes:
    """The same bytes for the same files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755 if name in programs else 0o644
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()
