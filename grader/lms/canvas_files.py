"""feedback.zip for Canvas's "Upload Submissions": each learner's feedback in the place of what they handed in.

Canvas finds the learner by numbers in a file's name, attaches the file to a new comment "See attached file", and
shows it there under the name of the attachment that it answers. So the answer to `hw1.ipynb` arrives as
`hw1.ipynb`, whatever it was called in the zip, and must be what that says (https://github.com/instructure/canvas-lms,
app/models/abstract_assignment.rb, `infer_comment_context_from_filename` and `generate_comments_from_files`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.lms.comment import as_html, comment
from grader.lms.marks import earned
from grader.lms.records import Change, Mark, Marks
from grader.plaintext import fence
from grader.zipping import zipped

PAGE, TEXT = "feedback.html", "feedback.md"


@dataclass(frozen=True)
class Files:
    """Members of the zip by name, and who gets one."""

    files: Mapping[str, bytes]
    changes: tuple[Change, ...]

    def content(self) -> bytes:
        """The zip."""
        return zipped(self.files)


def feedback_zip(marks: Marks) -> Files:
    """A file for each learner with a final grade whose attachment is known."""
    files: dict[str, bytes] = {}
    changes: list[Change] = []
    for mark in marks.marks:
        if mark.address.get("system") != "canvas":
            continue
        who = mark.learner.name or mark.id
        name = member_name(mark)
        if earned(mark) is None:
            changes.append(Change(who, "file", "", "", "not final: no feedback yet"))
        elif not name:
            changes.append(Change(who, "file", "", "", "handed in no file that could be answered"))
        else:
            files[name] = answer(mark)
            changes.append(Change(who, "file", "", name, f"Canvas shows it as {shown_as(mark)}"))
    return Files(files, tuple(changes))


def member_name(mark: Mark) -> str:
    """What Canvas takes for this learner's: as the downloaded file begins. Empty: it could not be told whose."""
    attachment, file = mark.address.get("attachment", ""), mark.address.get("file", "")
    user = mark.address.get("user", "")
    learner = user or f"anon_{mark.address.get('anonymous', '')}"
    begin, found, _ = file.partition(f"{learner}_{attachment}_")
    if not attachment or not found:
        return ""
    rest = f"{learner}_{attachment}_feedback{_suffix(mark)}"
    if user and not _found(f"{begin}{rest}", user, attachment):
        return rest  # somebody is called 12345, or Anon
    return begin + rest


def _found(name: str, user: str, attachment: str) -> bool:
    """Does Canvas find these two numbers in it?"""
    parts = [part for part in name.split("_") if part != "LATE"]
    numbers = [part for part in parts if part.isascii() and part.isdigit()]
    return parts[0] != "anon" and numbers[:2] == [user, attachment]


def shown_as(mark: Mark) -> str:
    """The name that the learner sees: that of the file they handed in."""
    return mark.address["file"].partition(f"_{mark.address['attachment']}_")[2]


def _suffix(mark: Mark) -> str:
    """What the answer must be: a notebook to a notebook, a zip to a zip, a page to a page, else text."""
    suffix = PurePosixPath(shown_as(mark)).suffix.lower()
    return suffix if suffix in (".ipynb", ".zip", ".html", ".htm") else ".txt"


def answer(mark: Mark) -> bytes:
    """The feedback as a file of the kind that the learner handed in."""
    text = mark.files[TEXT].read_text("utf-8") if TEXT in mark.files else ""
    match _suffix(mark):
        case ".ipynb":
            return _notebook(text or fence(comment(mark)))
        case ".zip":
            page = {PAGE: mark.files[PAGE].read_bytes()} if PAGE in mark.files else {}
            return zipped(page | {TEXT: (text or comment(mark)).encode()})
        case ".html" | ".htm":
            return mark.files[PAGE].read_bytes() if PAGE in mark.files else as_html(comment(mark)).encode()
        case _:
            return comment(mark).encode()


def _notebook(markdown: str) -> bytes:
    """A notebook that says this, and nothing to run."""
    cell = {"cell_type": "markdown", "id": "feedback", "metadata": {}, "source": markdown}
    made = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, ensure_ascii=False, indent=1).encode()
