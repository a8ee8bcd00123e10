"""For machines that watch: /healthz, /readyz, /metrics in the text format of Prometheus. No names of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from threading import Lock

from flask import Blueprint, Response, abort, jsonify, make_response, request
from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.exc import SQLAlchemyError

from grader.serve.database import now
from grader.serve.tables import Status, jobs, results, standings, submissions

FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via")  # a proxy sets one of them
TEXT = "text/plain; version=0.0.4; charset=utf-8"  # https://prometheus.io/docs/instrumenting/exposition_formats/


class Answers:
    """How many answers of each kind this process gave."""

    def __init__(self) -> None:
        self._count: Counter[tuple[str, int]] = Counter()
        self._lock = Lock()

    def note(self, endpoint: str, status: int) -> None:
        """One more. `endpoint` is the name of a route, never an address."""
        with self._lock:
            self._count[endpoint, status] += 1

    def all(self) -> Mapping[tuple[str, int], int]:
        """All so far."""
        with self._lock:
            return dict(self._count)


def health_routes(engine: Engine, parts: Mapping[str, Callable[[], bool]], answers: Answers) -> Blueprint:
    """`parts`: what must be alive, by name."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return make_response("ok\n", {"Content-Type": "text/plain; charset=utf-8"})

    @routes.get("/readyz")
    def ready() -> Response:
        found = {name: part() for name, part in parts.items()} | {"database": _answers(engine)}
        return make_response(jsonify(found), 200 if all(found.values()) else 503)

    @routes.get("/metrics")
    def metrics() -> Response:
        if any(request.headers.get(name) for name in FORWARDED):
            abort(404)  # for who asks this process itself, not through the proxy
        text = "\n".join(_lines(engine, answers)) + "\n"
        return make_response(text, {"Content-Type": TEXT})

    return routes


def _answers(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            return connection.execute(select(1)).scalar() == 1
    except SQLAlchemyError:
        return False


def _lines(engine: Engine, answers: Answers) -> Iterator[str]:
    with engine.connect() as connection:
        work, scores = _by_state(connection, jobs), _by_state(connection, standings)
        waiting = select(func.min(jobs.c.created)).where(jobs.c.status == Status.WAITING)
        oldest = connection.execute(waiting).scalar()
        handed_in = connection.execute(select(func.count()).select_from(submissions)).scalar_one()
        graded, seconds = connection.execute(select(func.count(), func.sum(results.c.seconds))).one()
    yield from _metric("grader_jobs", "gauge", "Gradings by state.", {_state(s): work.get(s, 0) for s in STATES})
    waited = max(0.0, now() - oldest) if oldest else 0.0
    yield from _metric(
        "grader_oldest_waiting_seconds", "gauge", "Age of the oldest grading that waits.", {"": waited}
    )
    yield from _metric("grader_scores", "gauge", "Scores by state.", {_state(s): scores.get(s, 0) for s in STATES})
    yield from _metric("grader_submissions", "gauge", "Notebooks that were handed in.", {"": handed_in})
    yield from _metric("grader_results", "gauge", "Final results.", {"": graded})
    yield from _metric("grader_grading_seconds", "gauge", "Time that they took.", {"": float(seconds or 0)})
    told = {f'{{endpoint="{name}",status="{code}"}}': n for (name, code), n in sorted(answers.all().items())}
    yield from _metric("grader_http_answers_total", "counter", "Answers of this process.", told)


STATES = (Status.WAITING, Status.WORKING, Status.DONE, Status.STUCK)


def _by_state(connection: Connection, table: Table) -> dict[str, int]:
    rows = connection.execute(select(table.c.status, func.count()).group_by(table.c.status)).all()
    return {str(row.status): int(row[1]) for row in rows}


def _state(status: Status) -> str:
    return f'{{state="{status.value}"}}'


def _metric(name: str, kind: str, told: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP {name} {told}"
    yield f"# TYPE {name} {kind}"
    yield from (f"{name}{labels} {value:g}" if value < 1e6 else f"{name}{labels} {value:.0f}"
                for labels, value in values.items())  # fmt: skip
