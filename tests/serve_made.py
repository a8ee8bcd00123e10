"""A `grader serve` without platform and sandbox: what they would say is scripted in the notebook itself."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, request
from flask.testing import FlaskClient
from small_class import cells
from sqlalchemy import Engine

from grader.serve import tables
from grader.serve.app import create_app
from grader.serve.attempts import Upload, hand_in
from grader.serve.database import metadata, open_database
from grader.serve.desk import Desk, welcome
from grader.serve.outbox import Sender
from grader.serve.queue import Crew, Offered
from grader.serve.records import Member, Platform, Role, Score, Sent, Taken, Visit
from grader.serve.security import Rate
from grader.serve.settings import Limits, Settings
from grader.serve.store import arrive
from grader.work import Outcome, Task

POSTGRES = os.environ.get("GRADER_TEST_DATABASE", "")  # of an empty database: every test empties it
SLUG = "small"
URL = "https://grader.example.edu"
LMS = Platform(1, "https://lms.example.edu", "client", "https://lms.example.edu/auth",
               "https://lms.example.edu/token", "https://lms.example.edu/keys")  # fmt: skip
OTHER = replace(LMS, id=2, issuer="https://other.example.edu", login_url="https://other.example.edu/auth")
COLUMN = "https://lms.example.edu/columns/6?type_id=1"


def databases(folder: Path) -> list[str]:
    """The databases to try."""
    return [f"sqlite:///{folder / 'serve.sqlite'}", *([POSTGRES] if POSTGRES else [])]


@contextmanager
def database(url: str) -> Iterator[Engine]:
    """With empty tables."""
    engine = open_database(url)
    if not url.startswith("sqlite"):
        metadata.drop_all(engine)
        metadata.create_all(engine)
    yield engine
    engine.dispose()


def notebook(earned: float | None, tag: object = "") -> bytes:
    """A notebook that is graded so; None: not final. Others with another tag."""
    return cells(f"earned = {earned}\ntag = {tag!r}")


def earned_of(data: bytes) -> float | None:
    told = re.search(rb"earned = ([\d.]+|None)", data)
    assert told, "made by notebook()"
    return None if told[1] == b"None" else float(told[1])


@dataclass
class Shop:
    """Grades at once what the notebook says. `hold` keeps it until it is set."""

    done: list[str] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    possible: float = 100.0
    verdict: str = "internal"  # of what is not final
    before: Callable[[Task], None] = lambda task: None
    started: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.hold.set()

    # It is its own plan.
    version = "1"

    def open(self) -> Shop:
        return self

    def close(self) -> None:
        pass

    def lost(self, task: Task, why: str) -> Outcome:
        raise AssertionError(why)

    def perform(self, task: Task) -> Outcome:
        self.started.set()
        self.before(task)
        self.hold.wait(30)
        self.done.append(task.submission.sha256)
        assert task.submission.data is not None
        return outcome(task, earned_of(task.submission.data), self.possible, self.verdict)


def outcome(task: Task, earned: float | None, possible: float = 100.0, verdict: str = "internal") -> Outcome:
    """As `grader.work` makes them."""
    final = earned is not None
    part = {
        **{
            "id": "first",
            "title": "First <b>part</b>",
            "kind": "exercise",
            "exercise": "first",
            "points": possible,
        },
        **{"earned": earned, "verdict": "passed" if final else verdict},
    }
    learner = task.submission.learner
    row = {
        **{"id": task.submission.id, "name": learner.name, "learner": "", "email": learner.email, "group": ""},
        **{"late": task.submission.late, "path": task.submission.path, "sha256": task.submission.sha256},
        **{"final": final, "earned": earned, "possible": possible, "criteria": [part], "seconds": 1.5},
        **{"note": "" if final else "sandbox lost <script>"},
    }
    html = f"<!doctype html><title>x</title><h1>{task.lang} {earned}</h1><script>top.x = 1</script>"
    made = {"feedback.html": html.encode(), "result.json": json.dumps({"criteria": []}).encode()}
    return Outcome(task.submission.id, task.key, final, row, made)


@dataclass
class Gradebook:
    """A platform that takes scores. `answers` are given first, one by one."""

    scores: list[tuple[str, Score]] = field(default_factory=list)
    answers: list[Sent | Exception] = field(default_factory=list)
    before: Callable[[Score], None] = lambda score: None
    members_there: list[Member] = field(default_factory=list)

    def send(self, platform: Platform, lineitem: str, score: Score) -> Sent:
        self.before(score)
        self.scores.append((lineitem, score))
        answer = self.answers.pop(0) if self.answers else Sent(Taken.DONE)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def members(self, platform: Platform, url: str, link: str) -> list[Member]:
        return self.members_there

    @property
    def last(self) -> dict[str, float]:
        """The latest points of each user."""
        return {score.user: score.earned for _, score in self.scores}


def visit(user: str = "5", role: Role = Role.LEARNER, **values: Any) -> Visit:
    """A verified launch."""
    known: dict[str, Any] = {
        **{"platform": LMS, "deployment": "1", "link": "link", "context": "course", "course": "Deep Learning 101"},
        **{"name": f"Name {user}", "lineitem": COLUMN, "members_url": "https://lms.example.edu/members"},
        **{"custom": {"assignment": SLUG}, "locale": "en", "title": "Homework 1"},
    }
    return Visit(user=user, role=role, **{**known, **values})


@dataclass
class Made:
    """Everything, with the threads not running."""

    engine: Engine
    settings: Settings
    shop: Shop
    gradebook: Gradebook
    desk: Desk
    app: Flask
    _clients: dict[str, FlaskClient] = field(default_factory=dict)

    def crew(self, count: int = 2, **values: Any) -> Crew:
        return Crew(self.engine, self.desk.offers, count, **{"drain_s": 10.0, "pauses_s": (0.0,), **values})

    def sender(self, **values: Any) -> Sender:
        return Sender(self.engine, self.gradebook.send, self.desk.platform, **{"first_pause_s": 0.0, **values})

    def grade(self, **values: Any) -> None:
        """Grade all that is due."""
        crew = self.crew(1, **values)
        with crew:
            wait_for(lambda: not pending(self.engine, tables.jobs))

    def deliver(self) -> None:
        """Send all that is due."""
        sender = self.sender()
        while sender.step():
            pass

    def arrive(self, user: str = "5", role: Role = Role.LEARNER, **values: Any) -> tuple[int, int]:
        return arrive(self.engine, visit(user, role, **values), tuple(self.desk.offers))

    def hand_in(self, placement: int, person: int, data: bytes, **values: Any) -> str:
        upload = Upload("my.ipynb", data, "en", **values)
        return hand_in(self.engine, placement, person, upload, 100)

    def client(self, user: str = "5", role: str = "learner", **fields: str) -> tuple[FlaskClient, int]:
        """A browser after a launch, and its placement."""
        client = self.app.test_client()
        return client, launch(client, user, role, **fields)


def pending(engine: Engine, table: Any) -> bool:
    from sqlalchemy import select

    with engine.connect() as connection:
        states = connection.execute(select(table.c.status)).scalars().all()
    return any(state in ("waiting", "working") for state in states)


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Until it holds; fails when that takes too long."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


def launch(client: FlaskClient, user: str, role: str = "learner", **fields: str) -> int:
    answer = client.post("/lti/launch", data={"user": user, "role": role, **fields}, base_url=URL)
    assert answer.status_code == 303, answer.text
    return int(answer.headers["Location"].split("/")[2])


def made(engine: Engine, root: Path, **settings: Any) -> Made:
    """All of it on this database."""
    shop, book = Shop(), Gradebook()
    limits = settings.pop("limits", Limits(uploads_per_minute=1000, waiting=1000))
    own = Settings(URL, root, str(engine.url), (SLUG, "second"), limits=limits, **settings)
    titles = {SLUG: {"en": "Small <i>class</i>", "ko": "작은 수업"}, "second": {"en": "Second", "ko": "둘째"}}
    offers = {slug: Offered(slug, titles[slug], 100.0, shop) for slug in titles}
    desk = Desk(
        own,
        engine,
        offers,
        book.members,
        {1: LMS, 2: OTHER}.get,
        lambda: [LMS.issuer, LMS.login_url, OTHER.issuer],
        lambda: None,
        lambda: None,
        Rate(own.limits.uploads_per_minute, 60.0),
    )
    lti = Blueprint("lti", __name__)

    @lti.post("/lti/launch")
    def launched() -> Any:
        told = request.form
        values = {
            name: told[name]
            for name in ("context", "link", "locale", "name", "title", "return_url")
            if name in told
        }
        platform = OTHER if told.get("platform") == "2" else LMS
        return welcome(desk, visit(told["user"], Role(told["role"]), platform=platform, **values))

    app = create_app(desk, lti, {"grading": lambda: True, "sending": lambda: True})
    app.testing = False
    return Made(engine, own, shop, book, desk, app)
