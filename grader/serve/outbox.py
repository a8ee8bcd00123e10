"""Sends the grades that count to the platforms: at least once, one at a time for each person, newest last.

What is to be sent stands in the database beside the result that it follows from (`attempts.keep`), so nothing
is forgotten by a crash. A score that was on its way when the process died is sent once more: the same score.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy import Engine, case, select, update
from sqlalchemy.exc import SQLAlchemyError

from grader.plaintext import clean
from grader.serve.database import now
from grader.serve.leases import LEASE_S, Claimed, Leases
from grader.serve.records import Platform, Score, Sent, Taken
from grader.serve.tables import Status, people, placements, standings

POLL_S = 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 3600.0
Send = Callable[[Platform, str, Score], Sent]
Find = Callable[[int], Platform | None]


class Sender:
    """The threads that send. Use in `with`."""

    def __init__(
        self,
        engine: Engine,
        send: Send,
        platform: Find,
        *,
        threads: int = 2,
        lease_s: float = LEASE_S,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._engine, self._send, self._platform = engine, send, platform
        self._first_pause_s = first_pause_s
        self._leases = Leases(engine, standings, standings.c.id, lease_s)
        self._wake, self._over = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"send {n}", daemon=True) for n in range(threads)
        ]

    def __enter__(self) -> Sender:
        self._leases.__enter__()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(10.0)
        self._leases.__exit__()

    @property
    def alive(self) -> bool:
        """Whether every thread is there."""
        return all(thread.is_alive() for thread in self._threads)

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                self._leases.free_abandoned()
                if not self.step():
                    self._wake.wait(POLL_S)
                    self._wake.clear()
            except SQLAlchemyError:
                _LOG.warning("the database does not answer; trying again", exc_info=True)
                self._over.wait(POLL_S)

    def step(self) -> bool:
        """Send one score that is due. Returns whether there was one."""
        column = select(placements.c.lineitem).where(placements.c.id == standings.c.placement).scalar_subquery()
        claimed = self._leases.take(column != "", {"tries": standings.c.tries + 1})
        if claimed is None:
            return False
        with self._leases.holding(claimed):
            self._deliver(claimed)
        return True

    def _deliver(self, claimed: Claimed) -> None:
        # What counts may have changed since the row was looked at: the claim is ours now, so this is the latest.
        joined = standings.join(people, people.c.id == standings.c.person).join(
            placements, placements.c.id == standings.c.placement
        )
        columns = (standings, people.c.sub, placements.c.platform, placements.c.lineitem)
        with self._engine.connect() as connection:
            wanted = select(*columns).select_from(joined).where(standings.c.claim == claimed.claim)
            row = connection.execute(wanted).first()
        if row is None:
            return
        platform = self._platform(row.platform)
        if platform is None:
            sent = Sent(Taken.REFUSED, "the platform is not registered here any more")
        else:
            score = Score(row.sub, row.earned, row.possible, row.comment, row.submitted)
            sent = self._sent(platform, row.lineitem, score)
        self._record(claimed, row.version, row.earned, sent, row.tries)

    def _sent(self, platform: Platform, lineitem: str, score: Score) -> Sent:
        try:
            return self._send(platform, lineitem, score)
        except Exception as fault:  # a fault of ours must not lose the grade
            _LOG.exception("sending a score failed")
            return Sent(Taken.LATER, f"{type(fault).__name__}: {fault}")

    def _record(self, claimed: Claimed, version: int, earned: float, sent: Sent, tries: int) -> None:
        pause_s = max(sent.retry_after_s, min(self._first_pause_s * 4 ** (tries - 1), LONGEST_PAUSE_S))
        status, due = Status.STUCK, now()
        if sent.taken == Taken.DONE:
            status = Status.DONE
        elif sent.taken == Taken.LATER:
            status, due = Status.WAITING, now() + pause_s
        told = {"sent": now(), "sent_earned": earned} if sent.taken == Taken.DONE else {}
        same = standings.c.version == version
        # Where something else counts by now, that is sent next, and at once.
        values = {
            "status": case((same, status), else_=Status.WAITING),
            "due": case((same, due), else_=now()),
            "why": case((same, "" if sent.taken == Taken.DONE else clean(sent.why)), else_=""),
        }
        self._leases.put(claimed, {**values, **told})


def due_again(engine: Engine, placement: int) -> None:
    """What could not be sent for want of a gradebook column may go now; what was refused may be tried again."""
    held = update(standings).where(
        standings.c.placement == placement, standings.c.submission != "", standings.c.status == Status.STUCK
    )
    with engine.begin() as connection:
        connection.execute(held.values(status=Status.WAITING, tries=0, due=now()))


_LOG = logging.getLogger(__name__)
