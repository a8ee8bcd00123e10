"""What the pages share: the services behind them, who is asking, how a page is made."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Response, abort, g, make_response, redirect, render_template, request, url_for
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from grader.i18n import LANGUAGES, Translate, language, translator
from grader.lms.marks import number
from grader.serve.attempts import Refused
from grader.serve.database import now
from grader.serve.queue import Offered
from grader.serve.records import Member, Platform, Visit
from grader.serve.security import Rate, origin
from grader.serve.sessions import Session, cookie_of, find_session, give_cookie, new_csrf, open_session
from grader.serve.settings import Settings
from grader.serve.store import Placement, arrive, note, placement_of
from grader.serve.tables import Status

MOST_ID = 2**31  # of a row; databases refuse to compare with larger numbers


@dataclass(frozen=True)
class Desk:
    """Everything that a page may ask for."""

    settings: Settings
    engine: Engine
    offers: Mapping[str, Offered]
    members: Callable[[Platform, str, str], Iterable[Member]]  # platform, address, link; raises FriendlyError
    platform: Callable[[int], Platform | None]
    sites: Callable[[], Iterable[str]]  # addresses of registered platforms
    new_work: Callable[[], None]
    new_score: Callable[[], None]
    uploads: Rate

    @property
    def secure(self) -> bool:
        """Whether browsers come over https."""
        return self.settings.secure


def welcome(desk: Desk, visit: Visit) -> Response:
    """A verified launch: a new session, whatever the browser brought, and on to the page."""
    placement, person = arrive(desk.engine, visit, tuple(desk.offers))
    lang = language(visit.locale or _accepted(), {})
    session = Session(placement, person, visit.role, new_csrf(), lang, visit.return_url)
    before = cookie_of(request, placement, secure=desk.secure)
    name = open_session(desk.engine, session, desk.settings.limits.session_hours, replaces=before)
    first = "staff.everybody" if session.staff else "pages.home"
    answer = make_response(redirect(url_for(first, placement=placement), 303))
    give_cookie(answer, placement, name, secure=desk.secure)
    return answer


def session_of(desk: Desk, placement: int) -> Session:
    """The session of this request, from its cookie. 404 without one: what is there is nobody's business."""
    name = cookie_of(request, placement, secure=desk.secure)
    session = find_session(desk.engine, name, placement) if name and placement < MOST_ID else None
    if session is None:
        abort(404)
    g.session = session
    return session


def staff_of(desk: Desk, placement: int) -> Session:
    """The same for what only instructors may see."""
    session = session_of(desk, placement)
    if not session.staff:
        abort(404)
    return session


def frames(desk: Desk) -> list[str]:
    """The sites that may show our pages in a frame: platforms, where they send people back to, and as set."""
    session: Session | None = g.get("session")
    back = [session.return_url] if session else []
    try:
        known = list(desk.sites())
    except SQLAlchemyError:  # that there is trouble must still be told
        known = []
    return [*(origin(site) for site in (*known, *back)), *desk.settings.frames]


def speaking() -> str:
    """The language of this request: of the session, else what the browser asks for."""
    session: Session | None = g.get("session")
    return session.lang if session else language(_accepted(), {})


def _accepted() -> str:
    return request.accept_languages.best_match(LANGUAGES) or ""


def page(desk: Desk, template: str, status: int = 200, **values: Any) -> Response:
    """Render a page of ours."""
    lang = speaking()
    session: Session | None = g.get("session")
    told = {
        **{"lang": lang, "_": translator(lang), "session": session, "csrf": session.csrf if session else ""},
        **{"moment": lambda at, zone=True: moment(at, desk.settings.timezone, zone=zone), "number": number},
        **{"back": session.return_url if session and origin(session.return_url) else ""},
    }
    return make_response(render_template(template, **told, **values), status)


def refusal(desk: Desk, refused: Refused, back: str = "") -> Response:
    """A page that says why something was not done."""
    answer = page(desk, "refused.html", refused.status, told=sentence(refused, speaking()), here=back)
    if refused.retry_s:
        answer.headers["Retry-After"] = str(refused.retry_s)
    return answer


def sentence(refused: Refused, lang: str) -> str:
    """What people read of it."""
    return translator(lang)(refused.why).format(**refused.told)


def moment(seconds: float, timezone: str, *, zone: bool = True) -> str:
    """A time for people, with its zone: not everybody is where the course is."""
    there = datetime.fromtimestamp(seconds, UTC).astimezone(zoneinfo.ZoneInfo(timezone))
    return f"{there:%Y-%m-%d %H:%M}" + (f" {there.tzname()}" if zone else "")


def where(desk: Desk, placement: int) -> Placement:
    """The placement of a session that was found."""
    with desk.engine.connect() as connection:
        return placement_of(connection, placement)


def title_of(desk: Desk, placement: Placement, lang: str) -> str:
    """Of its assignment; of the link where none is chosen."""
    offer = desk.offers.get(placement.assignment)
    return offer.title.get(lang, offer.slug) if offer else placement.title or placement.assignment or "–"


def remember(desk: Desk, session: Session, what: str, about: str = "") -> None:
    """Who did what."""
    with desk.engine.begin() as connection:
        note(connection, session.placement, session.person, what, about)


def state_of(attempt: Any) -> str:
    """graded, stuck, working, again (it was tried and will be once more) or waiting."""
    if attempt.status == Status.DONE:
        return "graded"
    if attempt.status in (Status.STUCK, Status.WORKING):
        return str(attempt.status)
    return "again" if attempt.tries else "waiting"


def state_told(state: str, ahead: int, _: Translate) -> str:
    """One sentence on where an attempt is."""
    if state == "waiting" and ahead:
        return _("Waiting: {count} before yours.").format(count=ahead)
    return {
        "waiting": _("Waiting for its turn; yours is next."),
        "working": _("Being graded now."),
        "again": _("Not graded yet: something went wrong on our side. It will be tried again by itself."),
        "stuck": _("Not graded yet: your instructors have to look at it. You need not do anything."),
        "graded": _("Graded."),
    }[state]


def sent_told(standing: Any, placement: Placement, _: Translate, timezone: str) -> str:
    """One sentence on where the score is."""
    if standing.status == Status.NONE:
        return ""
    if not placement.lineitem:
        return _("This link has no column in the gradebook: the grade stays here.")
    if standing.status == Status.DONE:
        return _("In the gradebook since {time}.").format(time=moment(standing.sent or now(), timezone))
    if standing.status == Status.STUCK:
        return _("The gradebook did not take the grade; your instructors can see why.")
    return _("On its way to the gradebook.")
