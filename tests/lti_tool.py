"""The protocol half of `grader serve` on a port of its own: what the LTI tests share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from fake_platform import FakePlatform, key_pair
from flask import Flask, make_response
from flask.typing import ResponseReturnValue
from sqlalchemy import insert
from werkzeug.serving import make_server

from grader.serve import keys
from grader.serve.database import open_database
from grader.serve.launch import lti_routes
from grader.serve.records import Offer, Platform, Visit
from grader.serve.services import Services, make_services

OFFERS = (Offer("distillation_tf", "Distillation", 100.0), Offer("cnn", "합성곱 <b>신경망</b>", 40.0))


@dataclass
class Tool:
    """A running tool. `visits` are those that were let in."""

    url: str
    services: Services
    visits: list[Visit] = field(default_factory=list)

    def on_visit(self, visit: Visit) -> ResponseReturnValue:
        self.visits.append(visit)
        return make_response(f"let in: {visit.role} {visit.user}")


@cache
def first_key() -> str:
    """What every tool here begins with, as PEM."""
    return keys._pem(key_pair("tool"))


@contextmanager
def running_tool(folder: Path, encrypted: bool = False) -> Iterator[Tool]:
    """Starts it on a free port; what it keeps is in `folder`. Over https with a certificate of its own."""
    app = Flask(__name__)
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context="adhoc" if encrypted else None)
    url = f"http{'s' if encrypted else ''}://127.0.0.1:{server.server_port}"
    tool = Tool(url, fresh_services(folder, url))
    with tool.services.engine.begin() as connection:  # making one takes a while
        connection.execute(insert(keys.lti_keys).values(id=1, kid="first", private=first_key(), made_at=0.0))
    app.register_blueprint(lti_routes(tool.services, tool.on_visit, lambda lang: OFFERS))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield tool
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        tool.services.engine.dispose()


def fresh_services(folder: Path, url: str = "http://127.0.0.1:9") -> Services:
    """As a process that has just started: nothing in memory, the database as it was left."""
    return make_services(open_database(f"sqlite:///{folder / 'serve.sqlite'}"), url, development=True)


def introduce(
    tool: Tool, platform: FakePlatform, client_id: str = "C2kfIx7X15nQehH", deployment: str = "1"
) -> Platform:
    """Register the one with the other, by hand."""
    known = platform.register(tool.url, client_id, deployment)
    return tool.services.register_by_hand(replace(known, id=0), [deployment])
