"""The zip of "Upload multiple feedback files in a zip": a folder for each participant, named as Moodle named it.

Moodle takes an entry where a part of its path is `<name>_<number>_assignfeedback_file`, with no underscore in the
name and a number that it knows, and drops all others without a word
(https://github.com/moodle/moodle, mod/assign/feedback/file/importziplib.php).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader import zipping
from grader.lms.moodle_names import name_in, number_in
from grader.lms.records import Change, Mark

FILE = "feedback.html"
PLUGIN = "assignfeedback_file"


@dataclass(frozen=True)
class Files:
    """The zip, who gets a file, and who does not and why."""

    content: bytes
    taken: tuple[Mark, ...]
    changes: tuple[Change, ...]


def folder_of(mark: Mark) -> str:
    """Where this mark's feedback goes in the zip; empty where there is no way in."""
    number = number_in(mark)
    name = name_in(mark).replace("_", " ").replace("/", " ")
    return f"{name}_{number}_{PLUGIN}" if number.isdecimal() else ""


def zipped(marks: Sequence[Mark]) -> Files:
    """Feedback of all marks that are final. Raises OSError."""
    taken, changes, files = [], [], {}
    for mark in marks:
        why = _why_not(mark)
        changes.append(Change(name_in(mark) or mark.id, "file", "", "" if why else FILE, why))
        if not why:
            taken.append(mark)
            files[f"{folder_of(mark)}/{FILE}"] = mark.files[FILE].read_bytes()
    return Files(zipping.zipped(dict(sorted(files.items()))) if files else b"", tuple(taken), tuple(changes))


def _why_not(mark: Mark) -> str:
    if not mark.final:
        return "not final"
    if FILE not in mark.files:
        return f"there is no {FILE}"
    if not folder_of(mark):
        return "without a group there is no way in by zip; give them the file by hand or with `grader push moodle`"
    return ""
