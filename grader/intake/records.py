"""What passes between the parts of intake: a listing, what a format makes of it, and the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from grader.types import FriendlyError, Learner, Remark

NOBODY = Learner()


class UsageError(FriendlyError):
    """The paths given cannot be graded; the message says what to give instead."""


@dataclass(frozen=True)
class Entry:
    """A submission that has been found and not yet read. `read` raises Unreadable or OSError.

    `address` is what sending a grade back will need: "system" and that system's own words.
    """

    id: str
    path: str
    read: Callable[[], bytes]
    learner: Learner = NOBODY
    late: bool = False
    remarks: tuple[Remark, ...] = ()
    address: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LeftOut:
    """A file of an export that is no submission itself. Untrusted text."""

    path: str
    why: str


@dataclass(frozen=True)
class Intake:
    """Everything found below the paths given, and what became of the rest."""

    entries: tuple[Entry, ...]
    told: tuple[str, ...]  # a sentence for each path: what it was taken for, how many, how many of them empty
    left_out: tuple[LeftOut, ...] = ()
    absent: tuple[Learner, ...] = ()  # on the roster, nothing handed in
    strangers: tuple[str, ...] = ()  # ids of entries of nobody on the roster, or not clear of whom


class Kind(StrEnum):
    """What stands in a listing."""

    FILE = "file"  # links, devices and the like as well, with their `trouble`
    FOLDER = "folder"  # with nothing in it, or not looked into
    LOCKED = "locked"  # a folder that could not be listed: our fault


@dataclass(frozen=True)
class Member:
    """One thing in a folder or zip. Listing it has read nothing of it."""

    path: str  # below the tree: `/` between parts, NFC, never absolute, no `..`
    shown: str  # where it is, for people
    size: int
    content: Callable[[], bytes]  # raises Unreadable or OSError
    trouble: tuple[str, str] = ("", "")  # why it will not be opened: Unreadable's reason and detail
    kind: Kind = Kind.FILE
    junk: str = ""  # why it is nobody's work: "hidden", ...
    disk: Path | None = None  # of a file in a folder
    own: str = ""  # its path as the learner knows it, where the export put something before that

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders that it is in, and its name."""
        return tuple(self.path.split("/"))

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def called(self) -> str:
        """The name that the learner gave it."""
        return (self.own or self.path).rpartition("/")[2]


@dataclass(frozen=True)
class Tree:
    """A folder or zip, listed."""

    where: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class HandIn:
    """What one learner or team handed in, as a format grouped it; which file counts is still open."""

    label: str  # becomes the id
    place: str  # for people, where there is no file to name
    members: tuple[Member, ...]
    learner: Learner = NOBODY
    late: bool = False
    remarks: tuple[Remark, ...] = ()
    address: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # member path -> what belongs to that file alone
    newer: Mapping[str, int] = field(default_factory=dict)  # member path -> the higher of two equals is taken
    team: tuple[Learner, ...] = ()  # who else handed it in
    assignment: str = ""  # where an export holds several
    optional: bool = False  # nothing that could be graded in it: then it was no submission


@dataclass(frozen=True)
class Reading:
    """What a format made of a tree. Every member is in a hand-in, in `left_out` or in `rest`."""

    told: str  # "Moodle download (a folder each)"
    hand_ins: tuple[HandIn, ...]
    left_out: tuple[LeftOut, ...] = ()
    rest: tuple[Member, ...] = ()  # not of this format
