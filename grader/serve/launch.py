"""The addresses that learning systems and their people come to: login, launch, keys, registration."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from grader.i18n import LANGUAGES, language, translator
from grader.lms.marks import number
from grader.plaintext import clean
from grader.serve import claims
from grader.serve.claims import Claims, Malformed
from grader.serve.deep_linking import deep_linking_answer
from grader.serve.lti import begin_login, verify
from grader.serve.lti_pages import origin, origins, page
from grader.serve.records import Offer, Platform, Role, Visit
from grader.serve.refusals import Refusal, told
from grader.serve.registration import read_configuration, register

if TYPE_CHECKING:
    from grader.serve.services import Services

OnVisit = Callable[[Visit], ResponseReturnValue]
Assignments = Callable[[str], Sequence[Offer]]  # in this language

LOGIN_FIELDS = ("iss", "login_hint", "target_link_uri", "lti_message_hint", "lti_deployment_id", "client_id")
MOST_TOKEN = 1_000_000  # characters of an id_token
MOST_FORM = 2 * MOST_TOKEN
COOKIE_S = 1800
_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")
log = logging.getLogger(__name__)


def lti_routes(services: Services, on_visit: OnVisit, assignments: Assignments) -> Blueprint:
    """All routes below ``/lti``. `on_visit` answers a launch that was checked in every respect."""
    routes = Blueprint("lti", __name__)

    @routes.before_request
    def bounded() -> None:
        if (request.content_length or 0) > MOST_FORM:
            raise Refusal("size", f"a request of more than {MOST_FORM} bytes")

    @routes.route("/lti/login", methods=["GET", "POST"])
    def login() -> ResponseReturnValue:
        return _login(services)

    @routes.route("/lti/launch", methods=["GET", "POST"])
    def launch() -> ResponseReturnValue:
        if request.method == "GET":
            raise Refusal("direct", "GET /lti/launch")
        platform, found = _verified(services)
        if found[claims.MESSAGE] == claims.DEEP_LINKING_MESSAGE:
            return _choose(services, platform, found, assignments)
        try:
            visit = claims.visit(platform, found, services.outgoing)
        except Malformed as error:
            raise Refusal("message", str(error)) from None
        return on_visit(visit)

    @routes.get("/lti/jwks")
    def jwks() -> ResponseReturnValue:
        return jsonify(services.keys.jwks())

    @routes.route("/lti/register/<invite>", methods=["GET", "POST"])
    def registration(invite: str) -> ResponseReturnValue:
        return _register(services, invite)

    @routes.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        log.warning("refused: %s", clean(str(refusal), 600))
        return _refusal_page(refusal)

    @routes.errorhandler(RequestEntityTooLarge)
    def too_large(_: RequestEntityTooLarge) -> Response:
        return _refusal_page(Refusal("size", "the request is larger than this tool reads"))

    return routes


# ---------------------------------------------------------------- login and launch


def _login(services: Services) -> ResponseReturnValue:
    """Where the platform sends the browser first. A browser that keeps no cookie gets no further in a frame.

    The platform's own hints may be good for one login only, so that is found out before they are used: by a
    redirect to the same address, with the same method.
    """
    fields = _fields()
    browser = _browser(services)
    if browser:
        answer = redirect(begin_login(services, fields, browser))
    elif "checked" not in request.args:
        query = urlencode({**(fields if request.method == "GET" else {}), "checked": "1"})
        answer = redirect(services.address("/lti/login") + f"?{query}", code=307)
        browser = secrets.token_urlsafe(32)
    else:
        again = services.address("/lti/login") + "?" + urlencode(fields)
        return page("cookies.html", _lang(), again=again)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    _set_browser(services, answer, browser)
    return answer


def _verified(services: Services) -> tuple[Platform, Claims]:
    fields = request.form.to_dict()
    if len(fields.get("id_token", "")) > MOST_TOKEN:
        raise Refusal("size", f"an id_token of more than {MOST_TOKEN} characters")
    return verify(services, fields, _browser(services))


def _fields() -> Mapping[str, str]:
    given = request.form if request.method == "POST" else request.args
    return {name: given[name] for name in LOGIN_FIELDS if given.get(name)}


def _cookie_name(services: Services) -> str:
    """With the prefix, browsers take it from this very host only, and only over https (RFC 6265bis, 4.1.3)."""
    return "__Host-grader_browser" if services.public_url.startswith("https:") else "grader_browser"


def _browser(services: Services) -> str:
    """The secret of this browser; empty where it sent none."""
    found = request.cookies.get(_cookie_name(services), "")
    return found if _COOKIE.fullmatch(found) else ""


def _set_browser(services: Services, answer: ResponseReturnValue, browser: str) -> None:
    """It must come back with the platform's form, a POST from another site: with https that needs SameSite=None.

    Without https (development) browsers refuse None; with no SameSite at all they let it pass for two minutes.
    """
    if not isinstance(answer, Response):
        raise TypeError(type(answer))
    encrypted = services.public_url.startswith("https:")
    answer.set_cookie(
        _cookie_name(services),
        browser,
        max_age=COOKIE_S,
        path="/",
        httponly=True,
        secure=encrypted,
        samesite="None" if encrypted else None,
        partitioned=encrypted,
    )


def _lang(locale: str = "") -> str:
    best = request.accept_languages.best_match(LANGUAGES, LANGUAGES[0])
    return language(locale or str(best), {})


def _refusal_page(refusal: Refusal) -> Response:
    lang, said = _lang(), told(refusal)
    _ = translator(lang)
    return page(
        "launch_error.html",
        lang,
        status=said.status,
        what=_(said.what),
        todo=_(said.todo),
        code=refusal.code,
        detail=clean(refusal.detail, 600),
    )


# ---------------------------------------------------------------- deep linking and registration


def _choose(services: Services, platform: Platform, found: Claims, assignments: Assignments) -> Response:
    """A form for each assignment, with its signed answer: the browser carries it to the platform at once."""
    if claims.role_of(found.get(claims.ROLES)) is not Role.INSTRUCTOR:
        raise Refusal("role", "deep linking by somebody who is no instructor of this course")
    presentation = claims.section(found, claims.PRESENTATION)
    return_url = claims.section(found, claims.DEEP_LINKING)["deep_link_return_url"]
    lang = _lang(str(presentation.get("locale") or "")[:40])
    choices = [
        {
            "offer": offer,
            "points": number(offer.possible),
            "answer": deep_linking_answer(services, platform, found, offer),
        }
        for offer in assignments(lang)
    ]
    around = (platform.issuer, platform.login_url, return_url, str(presentation.get("return_url") or ""))
    return page(
        "choose.html",
        lang,
        form_action=origins([return_url]),
        frames=origins(around),
        choices=choices,
        return_url=return_url,
    )


def _register(services: Services, invite: str) -> Response:
    """First shows who asks; registers when the administrator says so."""
    given = request.form if request.method == "POST" else request.args
    url, token = given.get("openid_configuration", ""), given.get("registration_token", "")
    if not services.platforms.invited(invite):
        raise Refusal("invite", "no such invitation")
    lang = _lang()
    if request.method == "POST":
        platform, deployments = register(services, invite, url, token)
        log.info("registered %s", clean(platform.issuer))
        return page(
            "register.html",
            lang,
            script="close.js",
            frames=origins([url]),
            platform=platform,
            deployments=deployments,
            origin=origin(url),
        )
    return page(
        "register.html",
        lang,
        form_action="'self'",
        frames=origins([url]),
        platform=None,
        asking=read_configuration(services, url),
        tool=services.tool_name,
        action=services.register_url(invite),
        configuration_url=url,
        token=token,
    )
