"""What every adapter reads and returns. All frozen; nothing here knows a particular system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grader.types import FriendlyError, Learner

NOT_FINAL = 3  # exit status of a reply that tells no grade, as of `grader grade`


class Refused(FriendlyError):
    """A system would lose or misread what was asked for; says what to do instead."""


@dataclass(frozen=True)
class About:
    """The assignment that marks belong to."""

    slug: str
    title: str
    version: str = ""
    lang: str = "en"  # of every sentence below


@dataclass(frozen=True)
class Part:
    """One criterion of one learner. Texts are for learners and already harmless (`grader.plaintext`)."""

    id: str
    title: str
    points: float
    earned: float | None  # None: no number yet
    verdict: str  # of grader.types.Verdict
    because: str = ""
    details: tuple[str, ...] = ()  # what the checks that did not pass say, several lines each
    kind: str = ""  # of grader.types.Criterion
    exercise: str = ""


@dataclass(frozen=True)
class Mark:
    """One graded submission, ready to be told to a learning system.

    Where `final` is False there are no numbers, and nothing may be published as one. Parts of it may have
    numbers all the same: what was judged before time ran out.
    """

    about: About
    id: str
    learner: Learner
    final: bool
    earned: float | None
    possible: float
    parts: tuple[Part, ...] = ()
    remarks: tuple[str, ...] = ()  # about the notebook as a whole
    late: bool = False
    files: Mapping[str, Path] = field(default_factory=dict)  # feedback.html, feedback.md: read when needed
    address: Mapping[str, str] = field(default_factory=dict)  # of grader.intake.Entry
    graded_at: float = 0.0  # seconds since 1970
    seconds: float = 0.0  # that grading took
    notebook: str = ""  # name of the graded file, for people
    unreadable: str = ""  # why there is nothing to run ("no_notebook", "truncated", ...); then it is a final zero


@dataclass(frozen=True)
class Marks:
    """A graded class."""

    about: About
    possible: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Request:
    """How to export, from the command line."""

    sheet: bytes = b""  # the system's own file that is filled in
    sheet_name: str = ""
    column: str = ""  # the assignment's column in it, where that is not clear
    maximum: float | None = None  # points that full marks are worth there; None: what the sheet says, or ours


@dataclass(frozen=True)
class Change:
    """What one cell or record becomes over there, for people to look at before it happens."""

    who: str
    what: str  # "grade", "comment", "file"
    before: str  # empty: nothing there
    after: str  # empty: left as it is
    note: str = ""  # why not, or what is special about it


@dataclass(frozen=True)
class Export:
    """Files of a class, what they will change, and what a person should know or do next."""

    files: Mapping[str, bytes]
    changes: tuple[Change, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What one submission answers: files by name, then standard output, then the exit status."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    stdout: bytes = b""
    exit_code: int = 0


@dataclass(frozen=True)
class Bundle:
    """A ready upload: files by path, which of them are programs, and what a person should know or do next."""

    files: Mapping[str, bytes]
    programs: frozenset[str] = frozenset()  # paths that need their executable bit
    told: tuple[str, ...] = ()
