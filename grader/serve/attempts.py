"""Handing in: what is taken and what is not, whatever comes at the same moment; and which attempt counts."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, and_, case, delete, insert, select, update

from grader.i18n import mark
from grader.serve.database import now
from grader.serve.store import NOTEBOOK, Placement, Rules, attempts_of, placement_of, set_rules, standing_of, turn
from grader.serve.tables import Status, files, jobs, results, standings, submissions
from grader.work import Outcome

KEPT = ("feedback.html", "result.json")  # of what grading makes


class Refused(Exception):
    """Something that is not done. `why` is a sentence to be translated, with `told` to be filled in."""

    def __init__(self, status: int, why: str, told: Mapping[str, object] | None = None, retry_s: int = 0) -> None:
        super().__init__(why)
        self.status, self.why, self.told, self.retry_s = status, why, dict(told or {}), retry_s


@dataclass(frozen=True)
class Upload:
    """A notebook that somebody sent."""

    filename: str
    data: bytes
    lang: str
    trial: bool = False  # an instructor tries it out: nothing is counted or sent


def hand_in(engine: Engine, placement: int, person: int, upload: Upload, most_waiting: int) -> str:
    """Keep it and queue it for grading. Returns the submission's id: of the last one if the file is the same.

    Raises Refused.
    """
    digest = hashlib.sha256(upload.data).hexdigest()
    with turn(engine, placement, person) as connection:
        moment = now()
        rules = placement_of(connection, placement)
        before = attempts_of(connection, placement, person)
        last = before[0] if before else None
        if last is not None and last.sha256 == digest and last.status != Status.STUCK:
            return str(last.id)  # a double click, or a page that was sent again
        late = _late(rules, moment)
        if not upload.trial:
            _refuse(rules, before, moment, most_waiting, late=late)
        number = last.number + 1 if last is not None else 1
        name = secrets.token_urlsafe(12)
        values = {
            **{"id": name, "placement": placement, "person": person, "number": number, "trial": upload.trial},
            **{"filename": upload.filename, "sha256": digest, "size": len(upload.data), "submitted": moment},
            **{"late": late, "lang": upload.lang},
        }
        connection.execute(insert(submissions).values(**values))
        connection.execute(insert(files).values(submission=name, name=NOTEBOOK, data=upload.data))
        connection.execute(insert(jobs).values(submission=name, due=moment, created=moment))
    return name


def _late(rules: Placement, moment: float) -> bool:
    return rules.due is not None and moment > rules.due


def _refuse(rules: Placement, before: list[Any], moment: float, most_waiting: int, *, late: bool) -> None:
    if late and not rules.late:
        raise Refused(403, mark("The deadline has passed: nothing more is taken here."))
    if left(rules, before) == 0:
        raise Refused(403, mark("All of your attempts are used: {count}."), {"count": rules.attempts})
    if (wait_s := cooldown(rules, before, moment)) > 0:
        why = mark("The next attempt is possible in {minutes} min.")
        raise Refused(429, why, {"minutes": -(-wait_s // 60)}, retry_s=wait_s)
    if sum(one.status in (Status.WAITING, Status.WORKING) for one in before) >= most_waiting:
        why = mark("{count} of your attempts are still being graded. Wait for one of them.")
        raise Refused(429, why, {"count": most_waiting}, retry_s=30)


def left(rules: Placement, before: list[Any]) -> int | None:
    """How many attempts there still are; None: any number. What we could not grade is not counted."""
    if not rules.attempts:
        return None
    spent: int = sum(not one.trial and (one.status != Status.STUCK or one.earned is not None) for one in before)
    return max(0, rules.attempts - spent)


def cooldown(rules: Placement, before: list[Any], moment: float) -> int:
    """Seconds until the next attempt may be handed in."""
    own = [one.submitted for one in before if not one.trial]
    return max(0, int(max(own) + rules.cooldown_s - moment + 0.999)) if own and rules.cooldown_s else 0


def keep(engine: Engine, submission: str, claim: str, outcome: Outcome, earned: float, comment: str) -> bool:
    """Note a final result and the score that follows from it, at once or not at all. `earned`: from 0 to possible.

    Returns False, and keeps nothing, when the claim is not ours any more: somebody else grades it.
    """
    with engine.connect() as connection:
        whose = select(submissions.c.placement, submissions.c.person).where(submissions.c.id == submission)
        placement, person = connection.execute(whose).one()
    with turn(engine, placement, person) as connection:
        moment = now()
        ours = and_(jobs.c.submission == submission, jobs.c.claim == claim, jobs.c.status == Status.WORKING)
        done = update(jobs).where(ours).values(status=Status.DONE, claim="", finished=moment, why="")
        if connection.execute(done).rowcount != 1:
            return False
        connection.execute(delete(results).where(results.c.submission == submission))
        old = and_(files.c.submission == submission, files.c.name != NOTEBOOK)
        connection.execute(delete(files).where(old))
        _put_files(connection, submission, outcome.files)
        row = outcome.row
        values = {"earned": earned, "possible": row["possible"], "comment": comment, "graded": moment}
        told = json.dumps(row, ensure_ascii=False)
        connection.execute(
            insert(results).values(submission=submission, row=told, seconds=float(row["seconds"] or 0), **values)
        )
        _stand(connection, placement, person)
    return True


def keep_report(engine: Engine, submission: str, made: Mapping[str, bytes]) -> None:
    """Keep the report of a grading that did not become final, for instructors; a final one is not replaced."""
    with engine.begin() as connection:
        if connection.execute(select(results.c.graded).where(results.c.submission == submission)).first():
            return
        connection.execute(delete(files).where(files.c.submission == submission, files.c.name != NOTEBOOK))
        _put_files(connection, submission, made)


def _put_files(connection: Connection, submission: str, made: Mapping[str, bytes]) -> None:
    for name in KEPT:
        if name in made:
            connection.execute(insert(files).values(submission=submission, name=name, data=made[name]))


def _stand(connection: Connection, placement: int, person: int) -> None:
    """Find the attempt that counts; what changed by it is due to be sent. Within a `turn`."""
    rules = placement_of(connection, placement)
    best = counting(connection, rules, person)
    if best is None:
        return
    now_is = (best.submission, best.earned, best.possible, best.comment, best.submitted)
    before = standing_of(connection, placement, person)
    if now_is == (before.submission, before.earned, before.possible, before.comment, before.submitted):
        return
    names = ("submission", "earned", "possible", "comment", "submitted")
    _due(connection, before.id, dict(zip(names, now_is, strict=True)))


def _due(connection: Connection, standing: int, values: Mapping[str, Any]) -> None:
    # While one is being sent it stays so: two at a time could overtake each other. The sender sees the version.
    status = case((standings.c.status == Status.WORKING, Status.WORKING), else_=Status.WAITING)
    again = {"version": standings.c.version + 1, "status": status, "tries": 0, "due": now(), "why": ""}
    connection.execute(update(standings).where(standings.c.id == standing).values(**values, **again))


def counting(connection: Connection, rules: Placement, person: int) -> Any:
    """The result that counts: the latest, or the best and of equals the first. None without any."""
    joined = results.join(submissions, submissions.c.id == results.c.submission)
    wanted = (
        select(results, submissions.c.submitted, submissions.c.number)
        .select_from(joined)
        .where(submissions.c.placement == rules.id, submissions.c.person == person, ~submissions.c.trial)
        .order_by(submissions.c.number)
    )
    found = connection.execute(wanted).all()
    if not found:
        return None
    return found[-1] if rules.counts == "latest" else max(found, key=lambda one: (_share(one), -one.number))


def _share(result: Any) -> float:
    return float(result.earned / result.possible if result.possible > 0 else result.earned)


def change_rules(engine: Engine, placement: int, rules: Rules) -> None:
    """Set them, and find for everybody anew which attempt counts."""
    with engine.begin() as connection:
        set_rules(connection, placement, rules)
        everybody = select(standings.c.person).where(
            standings.c.placement == placement, standings.c.submission != ""
        )
        people = connection.execute(everybody).scalars().all()
    for person in people:
        with turn(engine, placement, person) as connection:
            _stand(connection, placement, person)


def send_again(engine: Engine, placement: int, person: int) -> bool:
    """Have the platform told once more what counts. Returns whether there is something to tell."""
    with turn(engine, placement, person) as connection:
        standing = standing_of(connection, placement, person)
        if not standing.submission:
            return False
        _due(connection, standing.id, {})
    return True


def grade_again(engine: Engine, submission: str) -> bool:
    """Queue an attempt that is graded or stuck once more; what it has stays until there is better."""
    again = {"status": Status.WAITING, "due": now(), "tries": 0, "why": ""}
    idle = and_(jobs.c.submission == submission, jobs.c.status.in_((Status.DONE, Status.STUCK)))
    with engine.begin() as connection:
        return connection.execute(update(jobs).where(idle).values(**again)).rowcount == 1
