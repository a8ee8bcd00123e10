"""What the web half keeps. Texts that learners or platforms wrote are kept as they came, cleaned of controls."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)  # fmt: skip

from grader.serve.database import metadata


class Status(StrEnum):
    """Where a piece of work is: a grading, or a score that goes to the platform."""

    NONE = "none"  # nothing to send yet
    WAITING = "waiting"  # until `due`, then for somebody to take it
    WORKING = "working"  # `claim` has it; taken from it when its `beat` is too old
    DONE = "done"
    STUCK = "stuck"  # only an instructor can set it going again


# One link in a course.
placements = Table(
    "placements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("platform", Integer, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("course", Text, nullable=False, default=""),
    Column("title", Text, nullable=False, default=""),
    Column("assignment", Text, nullable=False, default=""),  # "": not chosen yet
    Column("lineitem", Text, nullable=False, default=""),
    Column("members_url", Text, nullable=False, default=""),
    Column("attempts", Integer, nullable=False, default=0),  # 0: any number
    Column("cooldown_s", Integer, nullable=False, default=0),  # between two attempts
    Column("due", Float),  # None: never
    Column("late", Boolean, nullable=False, default=False),  # whether later ones are taken
    Column("counts", Text, nullable=False, default="best"),  # "best" | "latest"
    Column("created", Float, nullable=False),
    UniqueConstraint("platform", "deployment", "context", "link"),
)

people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("platform", Integer, nullable=False),
    Column("sub", Text, nullable=False),
    Column("name", Text, nullable=False, default=""),
    Column("email", Text, nullable=False, default=""),
    UniqueConstraint("platform", "sub"),
)

# One person at one placement: the row that is locked while attempts are counted, and the score to be sent.
standings = Table(
    "standings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("placement", ForeignKey("placements.id"), nullable=False),
    Column("person", ForeignKey("people.id"), nullable=False),
    Column("role", Text, nullable=False),  # at the latest visit
    Column("seen", Float, nullable=False),
    Column("turn", Integer, nullable=False, default=0),
    Column("submission", Text, nullable=False, default=""),  # the attempt that counts
    Column("earned", Float),
    Column("possible", Float),
    Column("comment", Text, nullable=False, default=""),
    Column("submitted", Float),
    Column("version", Integer, nullable=False, default=0),  # of these five
    Column("status", Text, nullable=False, default=Status.NONE),
    Column("claim", Text, nullable=False, default=""),
    Column("beat", Float, nullable=False, default=0.0),
    Column("due", Float, nullable=False, default=0.0),
    Column("tries", Integer, nullable=False, default=0),
    Column("why", Text, nullable=False, default=""),
    Column("sent", Float),  # when the platform took one
    Column("sent_earned", Float),
    UniqueConstraint("placement", "person"),
    Index("standings_due", "status", "due"),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", Text, primary_key=True),  # cannot be guessed
    Column("placement", ForeignKey("placements.id"), nullable=False),
    Column("person", ForeignKey("people.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("trial", Boolean, nullable=False, default=False),  # an instructor's own
    Column("filename", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", Integer, nullable=False),  # bytes
    Column("submitted", Float, nullable=False),
    Column("late", Boolean, nullable=False, default=False),
    Column("lang", Text, nullable=False, default="en"),
    UniqueConstraint("placement", "person", "number"),
)

# Apart from their rows, so that lists of those do not carry them.
files = Table(
    "files",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("status", Text, nullable=False, default=Status.WAITING),
    Column("claim", Text, nullable=False, default=""),
    Column("beat", Float, nullable=False, default=0.0),
    Column("due", Float, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("why", Text, nullable=False, default=""),
    Column("created", Float, nullable=False),
    Column("finished", Float),
    Index("jobs_due", "status", "due"),
)

# Final ones only.
results = Table(
    "results",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("earned", Float, nullable=False),
    Column("possible", Float, nullable=False),
    Column("row", Text, nullable=False),  # JSON, see grader.result.to_row
    Column("comment", Text, nullable=False),
    Column("graded", Float, nullable=False),
    Column("seconds", Float, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),  # of the id: who reads this table is nobody
    Column("placement", ForeignKey("placements.id"), nullable=False),
    Column("person", ForeignKey("people.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("lang", Text, nullable=False),
    Column("return_url", Text, nullable=False, default=""),
    Column("expires", Float, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("placement", Integer, nullable=False),
    Column("person", Integer, nullable=False),  # who did it
    Column("what", Text, nullable=False),
    Column("about", Text, nullable=False, default=""),
)
