"""Who came to which link of which course, and what an instructor set for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Engine, Row, Table, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from grader.plaintext import clean
from grader.serve.database import now
from grader.serve.records import Visit
from grader.serve.tables import Status, audit, files, jobs, people, placements, results, standings, submissions

NOTEBOOK = "notebook"


@dataclass(frozen=True)
class Placement:
    """A link in a course, and its rules."""

    id: int
    platform: int
    context: str
    link: str
    course: str
    title: str
    assignment: str  # "" until somebody chose
    lineitem: str
    members_url: str
    attempts: int  # 0: any number
    cooldown_s: int
    due: float | None  # seconds since 1970
    late: bool  # whether something is taken after that
    counts: str  # "best" | "latest"


@dataclass(frozen=True)
class Rules:
    """What an instructor sets."""

    assignment: str
    attempts: int = 0
    cooldown_s: int = 0
    due: float | None = None
    late: bool = False
    counts: str = "best"


@contextmanager
def turn(engine: Engine, placement: int, person: int) -> Iterator[Connection]:
    """A transaction that waits for every other one about the same person at the same placement."""
    with engine.begin() as connection:
        # First of all the write, which locks: SQLite the file, PostgreSQL the row.
        connection.execute(
            update(standings)
            .where(standings.c.placement == placement, standings.c.person == person)
            .values(turn=standings.c.turn + 1)
        )
        yield connection


def arrive(engine: Engine, visit: Visit, offered: Sequence[str]) -> tuple[int, int]:
    """Note a visit. Returns the ids of placement and person."""
    at = {
        "platform": visit.platform.id,
        "deployment": visit.deployment,
        "context": visit.context,
        "link": visit.link,
    }
    named = visit.custom.get("assignment", "")
    told = {"course": clean(visit.course, 200), "title": clean(visit.title, 200)}
    told |= {"lineitem": visit.lineitem, "members_url": visit.members_url}
    start = {**at, "assignment": named if named in offered else "", "created": now()}
    placement = _found_or_made(engine, placements, at, start)
    known = {name: value for name, value in told.items() if value}  # one launch may leave out what another told
    who = {"platform": visit.platform.id, "sub": visit.user}
    person = _found_or_made(engine, people, who, who)
    standing = {"placement": placement, "person": person}
    _found_or_made(engine, standings, standing, {**standing, "role": visit.role, "seen": now()})
    with engine.begin() as connection:
        if known:
            connection.execute(update(placements).where(placements.c.id == placement).values(**known))
        own = {"name": clean(visit.name, 200), "email": clean(visit.email, 200)}
        connection.execute(update(people).where(people.c.id == person).values(**own))
        mine = and_(standings.c.placement == placement, standings.c.person == person)
        connection.execute(update(standings).where(mine).values(role=visit.role, seen=now()))
    return placement, person


def _found_or_made(engine: Engine, table: Table, where: dict[str, Any], values: dict[str, Any]) -> int:
    wanted = select(table.c.id).where(*(table.c[name] == value for name, value in where.items()))
    with engine.connect() as connection:
        found = connection.execute(wanted).scalar()
    if found is None:
        with suppress(IntegrityError), engine.begin() as connection:  # somebody else was first
            connection.execute(insert(table).values(**values))
        with engine.connect() as connection:
            found = connection.execute(wanted).scalar_one()
    return int(found)


def placement_of(connection: Connection, number: int) -> Placement:
    """One that is known to exist."""
    columns: list[Column[Any]] = [placements.c[name] for name in Placement.__dataclass_fields__]
    row = connection.execute(select(*columns).where(placements.c.id == number)).one()
    return Placement(*row)


def used(connection: Connection, placement: int) -> bool:
    """Whether somebody handed something in there, so that the assignment is fixed."""
    wanted = select(submissions.c.id).where(submissions.c.placement == placement).limit(1)
    return connection.execute(wanted).first() is not None


def set_rules(connection: Connection, placement: int, rules: Rules) -> None:
    """What an instructor decided; the assignment only while nothing was handed in."""
    values = {name: getattr(rules, name) for name in Rules.__dataclass_fields__}
    if used(connection, placement):
        del values["assignment"]
    connection.execute(update(placements).where(placements.c.id == placement).values(**values))


def note(connection: Connection, placement: int, person: int, what: str, about: str = "") -> None:
    """Remember who did what: nothing of it is ever changed."""
    connection.execute(
        insert(audit).values(at=now(), placement=placement, person=person, what=what, about=clean(about))
    )


def attempts_of(connection: Connection, placement: int, person: int) -> list[Row[Any]]:
    """Everything that one person handed in there, the latest first."""
    wanted = _attempts().where(submissions.c.placement == placement, submissions.c.person == person)
    return list(connection.execute(wanted.order_by(submissions.c.number.desc())).all())


def attempt_of(connection: Connection, placement: int, submission: str) -> Row[Any] | None:
    """One attempt at this placement; None where there is no such one."""
    wanted = _attempts().where(submissions.c.placement == placement, submissions.c.id == submission)
    return connection.execute(wanted).first()


def _attempts() -> Any:
    job = (jobs.c.status, jobs.c.tries, jobs.c.why, jobs.c.due)
    result = (results.c.earned, results.c.possible, results.c.graded)
    joined = submissions.join(jobs, jobs.c.submission == submissions.c.id).outerjoin(
        results, results.c.submission == submissions.c.id
    )
    return select(submissions, *job, *result).select_from(joined)


def standing_of(connection: Connection, placement: int, person: int) -> Row[Any]:
    """What counts for one person, and where the score is."""
    mine = and_(standings.c.placement == placement, standings.c.person == person)
    return connection.execute(select(standings).where(mine)).one()


def class_of(connection: Connection, placement: int) -> list[Row[Any]]:
    """Everybody who came or handed in, by name: standing, name, how many attempts, state of the latest grading."""
    own = (submissions.c.placement == placement, ~submissions.c.trial)
    last = (
        select(
            submissions.c.person, func.count().label("handed_in"), func.max(submissions.c.number).label("number")
        )
        .where(*own)
        .group_by(submissions.c.person)
        .subquery()
    )
    latest = submissions.alias("latest")
    joined = (
        standings.join(people, people.c.id == standings.c.person)
        .outerjoin(last, last.c.person == standings.c.person)
        .outerjoin(
            latest,
            and_(
                latest.c.placement == placement,
                latest.c.person == standings.c.person,
                latest.c.number == last.c.number,
            ),
        )
        .outerjoin(jobs, jobs.c.submission == latest.c.id)
    )
    columns = (
        standings, people.c.name, people.c.email, people.c.sub, last.c.handed_in, latest.c.id.label("latest"),
        latest.c.submitted.label("latest_at"), latest.c.late.label("latest_late"),
        jobs.c.status.label("grading"), jobs.c.why.label("grading_why"),
    )  # fmt: skip
    wanted = select(*columns).select_from(joined).where(standings.c.placement == placement)
    rows = connection.execute(wanted).all()
    return sorted(rows, key=lambda row: (row.name.casefold() or "\uffff", row.person))


def person_of(connection: Connection, number: int) -> Row[Any]:
    """Name and address of somebody who was here."""
    return connection.execute(select(people).where(people.c.id == number)).one()


def file_of(connection: Connection, submission: str, name: str) -> bytes | None:
    """A notebook, or what grading made of it."""
    wanted = select(files.c.data).where(files.c.submission == submission, files.c.name == name)
    found = connection.execute(wanted).scalar()
    return None if found is None else bytes(found)


def parts_of(connection: Connection, submission: str) -> list[dict[str, Any]]:
    """The criteria of a result, as `grader.result.to_row` has them; none where there is no result."""
    row = connection.execute(select(results.c.row).where(results.c.submission == submission)).scalar()
    return list(json.loads(row)["criteria"]) if row else []


def ahead_of(connection: Connection, submission: str) -> int:
    """How many gradings come before this one."""
    due = select(jobs.c.due).where(jobs.c.submission == submission).scalar_subquery()
    earlier = and_(jobs.c.status == Status.WAITING, jobs.c.due < due)
    wanted = select(func.count()).where(or_(jobs.c.status == Status.WORKING, earlier))
    return int(connection.execute(wanted).scalar_one())
