"""Grades what learners handed in: worker threads over the sandboxes, and jobs that outlive a crash."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select, true
from sqlalchemy.exc import SQLAlchemyError

from grader.i18n import translator
from grader.lms.comment import comment
from grader.lms.marks import earned, mark_of
from grader.lms.records import About, Mark
from grader.plaintext import clean
from grader.serve.attempts import keep, keep_report
from grader.serve.database import now
from grader.serve.leases import LEASE_S, Claimed, Leases
from grader.serve.store import NOTEBOOK, file_of
from grader.serve.tables import Status, jobs, people, placements, submissions
from grader.types import Learner, Submission, Text
from grader.work import Outcome, Plan, Task, Workshop

POLL_S = 1.0  # another process may have queued something
PAUSES_S = (20.0, 120.0, 600.0, 1800.0, 3600.0)  # before a grading that was not final is tried again


@dataclass(frozen=True)
class Offered:
    """An assignment that can be handed in here: its title, what it is worth, and what grades it."""

    slug: str
    title: Text
    possible: float
    plan: Plan
    version: str = ""
    memory_mb: int = 1024  # that grading one notebook may take


class Crew:
    """The threads that grade. Use in `with`; leaving it lets running gradings finish for `drain_s` seconds."""

    def __init__(
        self,
        engine: Engine,
        offers: Mapping[str, Offered],
        jobs_at_once: int,
        *,
        tries: int = 6,
        lease_s: float = LEASE_S,
        drain_s: float = 30.0,
        pauses_s: tuple[float, ...] = PAUSES_S,
        graded: Callable[[], None] = lambda: None,
    ) -> None:
        """`graded` is called when there is a new result, so that somebody sends its score."""
        self._engine, self._offers, self._graded = engine, offers, graded
        self._tries, self._drain_s, self._pauses_s = tries, drain_s, pauses_s
        self._leases = Leases(engine, jobs, jobs.c.submission, lease_s)
        self._shops: dict[str, Workshop] = {}
        self._threads = [
            threading.Thread(target=self._work, name=f"grade {n}", daemon=True) for n in range(jobs_at_once)
        ]
        self._wake, self._over = threading.Event(), threading.Event()
        self._stack = ExitStack()

    def __enter__(self) -> Crew:
        """Start the sandboxes and the threads. Raises FriendlyError."""
        with ExitStack() as stack:
            for slug, offer in self._offers.items():
                self._shops[slug] = shop = offer.plan.open()
                stack.callback(shop.close)
            stack.enter_context(self._leases)
            self._stack = stack.pop_all()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What is not finished in time is free again when its lease is over, or at the next start."""
        self._over.set()
        self._wake.set()
        until = now() + self._drain_s
        for thread in self._threads:
            thread.join(max(0.0, until - now()))
        self._stack.close()

    @property
    def alive(self) -> bool:
        """Whether every thread is there."""
        return all(thread.is_alive() for thread in self._threads)

    def wake(self) -> None:
        """There is something new."""
        self._wake.set()

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                self._leases.free_abandoned()
                claimed = self._leases.take(true(), {"tries": jobs.c.tries + 1})
                if claimed is None:
                    self._wake.wait(POLL_S)
                    self._wake.clear()
                    continue
                with self._leases.holding(claimed):
                    self._grade(claimed)
            except SQLAlchemyError:
                _LOG.warning("the database does not answer; trying again", exc_info=True)
                self._over.wait(POLL_S)

    def _grade(self, claimed: Claimed) -> None:
        submission = claimed.row.submission
        if claimed.row.tries >= self._tries:  # every time the process died of it
            self._leases.put(claimed, {"status": Status.STUCK, "why": claimed.row.why or "the grader was stopped"})
            return
        slug, task = self._task(submission)
        try:
            if slug not in self._shops:
                raise LookupError(f"the assignment {slug!r} is not offered any more")
            outcome = self._shops[slug].perform(task)
            mark = self._mark(slug, task, outcome)
        except Exception as fault:
            _LOG.exception("%s: grading failed", submission)
            self._later(claimed, f"{type(fault).__name__}: {fault}")
            return
        points = earned(mark)
        if points is None:
            self._later(claimed, reason(outcome), outcome)
        elif keep(self._engine, submission, claimed.claim, outcome, points, comment(mark)):
            self._graded()

    def _later(self, claimed: Claimed, why: str, outcome: Outcome | None = None) -> None:
        """Not final: try again after a while, and not for ever; then an instructor sees what there is."""
        if self._over.is_set():  # we pulled the sandbox from under it: not a try
            self._leases.put(claimed, {"status": Status.WAITING, "due": now(), "tries": claimed.row.tries})
            return
        tries = claimed.row.tries + 1
        pause_s = self._pauses_s[min(tries, len(self._pauses_s)) - 1]
        over = tries >= self._tries or (outcome is not None and settled(outcome))
        status = Status.STUCK if over else Status.WAITING
        if not self._leases.put(claimed, {"status": status, "due": now() + pause_s, "why": clean(why)}):
            return
        if outcome is not None and over:
            keep_report(self._engine, claimed.row.submission, outcome.files)

    def _task(self, submission: str) -> tuple[str, Task]:
        joined = submissions.join(people, people.c.id == submissions.c.person).join(
            placements, placements.c.id == submissions.c.placement
        )
        wanted = select(submissions, people.c.name, people.c.email, placements.c.assignment).select_from(joined)
        with self._engine.connect() as connection:
            row = connection.execute(wanted.where(submissions.c.id == submission)).one()
            data = file_of(connection, submission, NOTEBOOK)
        # The report is headed by it.
        title = translator(row.lang)("Attempt {number}").format(number=row.number)
        learner = Learner(row.name, email=row.email)
        handed_in = Submission(title, row.filename, data, row.sha256, learner=learner, late=row.late)
        return row.assignment, Task(handed_in, row.sha256, lang=row.lang)

    def _mark(self, slug: str, task: Task, outcome: Outcome) -> Mark:
        offer = self._offers[slug]
        about = About(slug, offer.title.get(task.lang, slug), offer.version, task.lang)
        return mark_of(outcome.row, result_of(outcome), about)


def result_of(outcome: Outcome) -> Mapping[str, Any]:
    """The content of its result.json; empty where there is none."""
    with suppress(KeyError, ValueError):
        result: dict[str, Any] = json.loads(outcome.files["result.json"])
        return result
    return {}


def settled(outcome: Outcome) -> bool:
    """Whether grading once more would only say the same: nothing went wrong, it just cannot be told."""
    verdicts = {part["verdict"] for part in outcome.row["criteria"]}
    return "inconclusive" in verdicts and "internal" not in verdicts


def reason(outcome: Outcome) -> str:
    """Why a judgement is not final, for instructors."""
    if outcome.row.get("note"):
        return str(outcome.row["note"])
    open_ = [part["title"] for part in outcome.row["criteria"] if part["verdict"] in ("internal", "inconclusive")]
    return "could not be judged: " + (", ".join(open_) or "the whole notebook")


_LOG = logging.getLogger(__name__)
