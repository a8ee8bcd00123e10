"""What several packages need to know of a payload, and the parts of it that may be shown to others."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.lms.packaging import INSTALL, Payload, template
from grader.rubric import load_rubric
from grader.score import possible
from grader.spec import load_assignment

SETTINGS = "settings.sh"
IMAGE = ("requirements.txt", "constraints.txt", SETTINGS, INSTALL)  # what an interpreter is made of
SECRET = ("reference", ".grader")  # folders of a payload that no learner may see


@dataclass(frozen=True)
class Packed:
    """The assignment in a payload."""

    slug: str
    title: str
    points: float  # that full marks are worth, with trainings
    public_points: float  # the same without trainings and runs of whole notebooks
    python: str  # "3.11"


def packed(payload: Payload, lang: str = "en") -> Packed:
    """Read the assignment and the rubric of a payload. Raises ConfigError."""
    settings = dict(re.findall(r"^(\w+)='?([^'\n]*)'?$", payload[SETTINGS].decode(), re.MULTILINE))
    slug, version = settings["GRADER_ASSIGNMENT"], settings["GRADER_PACKED_WITH"]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, content in payload.items():
            if name == "rubric.yaml" or PurePosixPath(name).parts[0] == "assignments":
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(content)
        assignment = load_assignment(root / "assignments" / slug)
        points, public = (
            possible(load_rubric(root / "rubric.yaml", assignment, train=train, execute=execute))
            for train, execute in ((True, None), (False, False))
        )
    return Packed(slug, assignment.title.get(lang, slug), points, public, ".".join(version.split(".")[:2]))


def image(payload: Payload) -> dict[str, bytes]:
    """What an image with the libraries is built from: neither answers nor a secret, so anybody may have it."""
    return {name: payload[name] for name in IMAGE}


def without_answers(payload: Payload) -> dict[str, bytes]:
    """What a learner may have: all but the reference, the secret and the expected answers of hidden cases."""
    return {name: content for name, content in payload.items() if PurePosixPath(name).parts[0] not in SECRET}


def filled(name: str, values: Mapping[str, object]) -> bytes:
    """A template in which each `@NAME@` is replaced. Raises KeyError for one that has no value."""
    text = template(name).decode()
    return re.sub(r"@([A-Z]+)@", lambda found: str(values[found[1]]), text).encode()


def whole(points: float) -> int | float:
    """A number as people write it."""
    return int(points) if points == int(points) else points


def answers_told(payload: Payload) -> tuple[str, ...]:
    """What to say where each fresh container would have to compute the expected answers anew."""
    if any(name.startswith(".grader/cache/") for name in payload):
        return ()
    return ("the expected answers of the hidden cases are not in it, so that every container computes them anew: "
            "grade any notebook of the assignment here once, then package again",)  # fmt: skip
