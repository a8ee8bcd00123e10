"""The whole of `grader serve`, opened and closed: database, platforms, grading, sending, pages."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from grader.serve.app import create_app
from grader.serve.database import open_database
from grader.serve.desk import Desk, welcome
from grader.serve.gradebook import Gradebook
from grader.serve.launch import lti_routes
from grader.serve.leases import LEASE_S
from grader.serve.outbox import Sender
from grader.serve.queue import Crew, Offered
from grader.serve.records import Offer, Visit
from grader.serve.security import Rate
from grader.serve.services import Services, make_services
from grader.serve.sessions import forget_old
from grader.serve.settings import Settings
from grader.types import FriendlyError

SWEEP_S = 3600.0
LITE = "sqlite:///"


@dataclass(frozen=True)
class Server:
    """What runs."""

    app: Flask
    engine: Engine
    services: Services


def open_services(settings: Settings) -> Services:
    """The database, and the platforms of serve.yaml in it. Raises FriendlyError."""
    _private(settings.database)
    try:
        engine = open_database(settings.database)
        services = make_services(engine, settings.url, development=not settings.secure)
        for platform, deployments in settings.platforms:
            services.register_by_hand(platform, deployments)
    except SQLAlchemyError as fault:
        told = str(getattr(fault, "orig", None) or fault).splitlines()[0]  # not the URL: it may hold a password
        raise FriendlyError(f"the database cannot be opened: {told}") from None
    except ImportError as missing:
        raise FriendlyError(f"the database needs a Python package that is not installed: {missing.name}") from None
    except ValueError as wrong:
        raise FriendlyError(f"{wrong}") from None
    return services


def _private(url: str) -> None:
    """A new SQLite file is its owner's alone: grades, notebooks and our key are in it."""
    if url.startswith(LITE):
        path = Path(url.removeprefix(LITE))
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


@contextmanager
def open_server(
    settings: Settings,
    services: Services,
    offers: Mapping[str, Offered],
    jobs: int,
    *,
    lease_s: float = LEASE_S,
    drain_s: float = 30.0,
) -> Iterator[Server]:
    """Start everything but the listening. Raises FriendlyError."""
    engine = services.engine
    gradebook = Gradebook(services)
    with ExitStack() as stack:
        sender = Sender(engine, gradebook.send_score, services.platforms.get, lease_s=lease_s)
        crew = Crew(
            engine,
            offers,
            jobs,
            tries=settings.limits.tries,
            lease_s=lease_s,
            drain_s=drain_s,
            graded=sender.wake,
        )
        stack.enter_context(sender)
        stack.enter_context(crew)
        stack.enter_context(_sweeping(services))

        desk = Desk(
            settings,
            engine,
            offers,
            gradebook.members,
            services.platforms.get,
            lambda: _sites(services),
            crew.wake,
            sender.wake,
            Rate(settings.limits.uploads_per_minute, 60.0),
        )

        def on_visit(visit: Visit) -> object:
            answer = welcome(desk, visit)
            sender.wake()  # a column may have come with it
            return answer

        def placeable(lang: str) -> Sequence[Offer]:
            return [
                Offer(one.slug, one.title.get(lang, one.slug), one.possible)
                for one in offers.values()
            ]  # fmt: skip

        lti = lti_routes(services, on_visit, placeable)  # type: ignore[arg-type]
        alive = {"grading": lambda: crew.alive, "sending": lambda: sender.alive}
        yield Server(create_app(desk, lti, alive), engine, services)


def _sites(services: Services) -> list[str]:
    return [url for one in services.platforms.all() for url in (one.issuer, one.login_url)]


@contextmanager
def _sweeping(services: Services) -> Iterator[None]:
    """Remove once an hour what is over."""
    over = threading.Event()

    def sweep() -> None:
        while True:
            try:
                forget_old(services.engine)
                services.platforms.forget_expired()
            except SQLAlchemyError:
                logging.getLogger(__name__).warning("the database does not answer", exc_info=True)
            if over.wait(SWEEP_S):
                return

    thread = threading.Thread(target=sweep, name="sweep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5.0)
