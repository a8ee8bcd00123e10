"""The web application: routes, what holds for each of them, and the pages for what went wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, abort, g, make_response, request, url_for
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException

from grader.i18n import mark
from grader.plaintext import clean
from grader.reports.charts import points_bar
from grader.reports.document import TEMPLATES, TONES
from grader.serve.attempts import Refused
from grader.serve.desk import Desk, frames, refusal
from grader.serve.health import Answers, health_routes
from grader.serve.pages import learner_routes
from grader.serve.security import FORM_BYTES, SAFE, check_sender, protect, too_big
from grader.serve.staff import staff_routes

HTML = Path(__file__).parent / "html"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
LTI = "lti"  # the blueprint that platforms talk to: its POSTs have proofs of their own
NOTHING_HERE = mark(
    "There is nothing here, or your visit is over. Open the assignment from your course again; "
    "what you handed in is kept."
)
OTHERWISE = mark("That did not work. Go back and try again.")
OUR_FAULT = mark("Something went wrong on our side. What you handed in before is kept; please try again later.")


def create_app(desk: Desk, lti: Blueprint | None, alive: Mapping[str, Callable[[], bool]]) -> Flask:
    """The application. `alive`: what /readyz asks, by name."""
    app = Flask("grader.serve", template_folder=str(HTML), static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = desk.settings.upload_bytes + FORM_BYTES
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["clean"] = clean
    app.jinja_env.globals.update(asset=_asset, tones=TONES, bar=points_bar)
    answers = Answers()
    for routes in (learner_routes(desk), staff_routes(desk), health_routes(desk.engine, alive, answers), lti):
        if routes is not None:
            app.register_blueprint(routes)
    app.add_url_rule("/static/<name>", "static", _static)
    _guard(app, desk, answers)
    _errors(app, desk)
    app.wsgi_app = _public(app.wsgi_app, desk.settings.url)  # type: ignore[method-assign]
    return app


def _guard(app: Flask, desk: Desk, answers: Answers) -> None:
    @app.before_request
    def foreign_forms() -> None:
        if request.method not in SAFE and request.blueprint != LTI:
            check_sender(request, desk.settings.url)

    @app.after_request
    def headers(response: Response) -> Response:
        answers.note(request.endpoint or "nowhere", response.status_code)
        return protect(response, frames(desk), secure=desk.secure)


def _errors(app: Flask, desk: Desk) -> None:
    @app.errorhandler(Refused)
    def refused(refused: Refused) -> Response:
        return refusal(desk, refused, _here())

    @app.errorhandler(HTTPException)
    def known(error: HTTPException) -> Response:
        if isinstance(error.response, Response):
            return error.response
        code = error.code or 500
        if code == 404:
            return refusal(desk, Refused(404, NOTHING_HERE))
        if code == 413:
            return refusal(desk, too_big(desk.settings.limits.upload_mb), _here())
        return refusal(desk, Refused(code, OTHERWISE if code < 500 else OUR_FAULT), _here())


def _here() -> str:
    """The page that a session's person begins at; empty without a session."""
    session = g.get("session")
    return url_for("pages.home", placement=session.placement) if session else ""


def _public(inner: Callable[..., Iterable[bytes]], url: str) -> Callable[..., Iterable[bytes]]:
    """The address in serve.yaml is ours, whatever a Host header says."""
    parts = urlsplit(url)

    def outer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.url_scheme"], environ["HTTP_HOST"] = parts.scheme, parts.netloc
        return inner(environ, start_response)

    return outer


@cache
def _content(name: str) -> bytes:
    """A file that pages need. The style is that of the reports and what forms need beside it."""
    own = (HTML / name).read_bytes()
    return (TEMPLATES / "style.css").read_bytes() + own if name == "serve.css" else own


def _asset(name: str) -> str:
    """Its address; a new one when it changes."""
    return url_for("static", name=name, v=hashlib.sha256(_content(name)).hexdigest()[:12])


def _static(name: str) -> Response:
    known = {path.name for path in HTML.iterdir() if path.suffix in KINDS}
    if name not in known:
        abort(404)
    kind = KINDS[Path(name).suffix]
    lasting = "public, max-age=31536000, immutable" if "v" in request.args else "no-cache"
    return make_response(_content(name), {"Content-Type": kind, "Cache-Control": lasting})
