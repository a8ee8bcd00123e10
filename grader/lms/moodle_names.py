"""Who is who in Moodle: what a downloaded zip tells of a submission, against the people of an assignment.

The zip's names went through Moodle's cleaning (underscores and characters that files must not have), and its
numbers start from anew in every assignment; so a number alone is not enough where there are names too.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable

from grader.lms.records import Mark, Refused

SYSTEM = "moodle"


def handed_in_there(marks: Iterable[Mark]) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
    """Marks of submissions from a Moodle download, and the others. Raises Refused where all are others."""
    all_of_them = tuple(marks)
    own = tuple(
        mark for mark in all_of_them if mark.address.get("system") == SYSTEM and mark.address.get("folder")
    )
    if not own:
        raise Refused(
            'these submissions did not come from Moodle\'s "Download all submissions"; grade that zip, so that '
            "everybody's number is known"
        )
    return own, tuple(mark for mark in all_of_them if mark not in own)


def number_in(mark: Mark) -> str:
    """The participant's number, or the team's; empty for the default group."""
    return mark.address.get("participant", "")


def name_in(mark: Mark) -> str:
    """Whose submission it is, as the zip tells: a learner, a team, or only "Participant"."""
    folder, number = mark.address.get("folder", ""), number_in(mark)
    return folder.removesuffix(f"_{number}") if number else folder


def folded(name: str) -> str:
    """What is left of a name when every cleaning has been through it: the same for both sides."""
    plain = unicodedata.normalize("NFC", html.unescape(name)).replace("amp;", "").replace("..", "")
    return "".join(character for character in plain.casefold() if character.isalnum())


def agree(told: str, candidates: Iterable[str]) -> bool:
    """Whether a name of the zip may be one of these. Orders and middle names differ: one common word is enough."""
    words = _words(told)
    return any(folded(told) == folded(other) or words & _words(other) for other in candidates)


def _words(name: str) -> set[str]:
    return {word for word in map(folded, re.split(r"[\W_]+", html.unescape(name))) if word}


def twice(marks: Iterable[Mark]) -> None:
    """Raises Refused where two submissions belong to one participant."""
    seen: dict[str, Mark] = {}
    for mark in marks:
        folder = mark.address["folder"]
        if folder in seen:
            raise Refused(f"two graded submissions belong to {folder!r}: {seen[folder].id} and {mark.id}; "
                          "grade one download at a time")  # fmt: skip
        seen[folder] = mark
