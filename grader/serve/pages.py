"""What learners see: handing in, how far it is, feedback, what counts."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, abort, jsonify, make_response, redirect, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge

from grader.i18n import mark, translator
from grader.reports.marks import mark_of
from grader.serve.attempts import Refused, Upload, cooldown, hand_in, left
from grader.serve.database import now
from grader.serve.desk import (
    Desk,
    page,
    remember,
    sent_told,
    sentence,
    session_of,
    speaking,
    state_of,
    state_told,
    title_of,
    where,
)  # fmt: skip
from grader.serve.security import REPORT, check_token, check_upload, too_big
from grader.serve.sessions import Session
from grader.serve.store import (
    NOTEBOOK,
    ahead_of,
    attempt_of,
    attempts_of,
    file_of,
    parts_of,
    person_of,
    standing_of,
)
from grader.serve.tables import Status

_ID = re.compile(r"[A-Za-z0-9_-]{16}")


def learner_routes(desk: Desk) -> Blueprint:
    """The pages below /p/<placement>/ that everybody with a session may open."""
    routes = Blueprint("pages", __name__, url_prefix="/p/<int:placement>")

    @routes.get("/")
    def home(placement: int) -> Response:
        return _home(desk, session_of(desk, placement))

    @routes.post("/hand-in")
    def submit(placement: int) -> Response:
        session = session_of(desk, placement)
        try:
            name = _take(desk, session)
        except Refused as refused:
            answer = _home(desk, session, refused)
            if refused.retry_s:
                answer.headers["Retry-After"] = str(refused.retry_s)
            return answer
        desk.new_work()
        return make_response(redirect(url_for("pages.attempt", placement=placement, submission=name), 303))

    @routes.get("/a/<submission>")
    def attempt(placement: int, submission: str) -> Response:
        session = session_of(desk, placement)
        return _attempt(desk, session, own_attempt(desk, session, submission))

    @routes.get("/a/<submission>/state")
    def state(placement: int, submission: str) -> Response:
        session = session_of(desk, placement)
        return jsonify(_progress(desk, session, own_attempt(desk, session, submission)))

    @routes.get("/a/<submission>/feedback")
    def feedback(placement: int, submission: str) -> Response:
        session = session_of(desk, placement)
        found = own_attempt(desk, session, submission)
        if found.earned is None and not session.staff:
            abort(404)
        answer = _file(desk, submission, "feedback.html", "text/html; charset=utf-8")
        answer.headers["Content-Security-Policy"] = REPORT
        return answer

    @routes.get("/a/<submission>/notebook")
    def notebook(placement: int, submission: str) -> Response:
        session = session_of(desk, placement)
        found = own_attempt(desk, session, submission)
        answer = _file(desk, submission, NOTEBOOK, "application/octet-stream")
        answer.headers.set("Content-Disposition", "attachment", filename=found.filename)
        if found.person != session.person:
            remember(desk, session, "notebook read", submission)
        return answer

    return routes


def own_attempt(desk: Desk, session: Session, submission: str) -> Any:
    """An attempt that this session may see: its own, or any of its placement for instructors. 404 otherwise."""
    if not _ID.fullmatch(submission):
        abort(404)
    with desk.engine.connect() as connection:
        found = attempt_of(connection, session.placement, submission)
    if found is None or (found.person != session.person and not session.staff):
        abort(404)
    return found


def _take(desk: Desk, session: Session) -> str:
    """Check an upload and keep it. Raises Refused."""
    limits = desk.settings.limits
    if wait_s := desk.uploads.wait_s(session.person):  # before the body is looked at
        raise Refused(429, mark("Too many uploads. Wait {seconds} s."), {"seconds": wait_s}, retry_s=wait_s)
    try:
        check_token(request, session.csrf)
        sent = request.files.get("notebook")
    except RequestEntityTooLarge:
        raise too_big(limits.upload_mb) from None
    if sent is None:
        raise Refused(415, mark("Choose a file first."))
    if where(desk, session.placement).assignment not in desk.offers:
        raise Refused(403, NOT_CHOSEN)
    data = sent.stream.read(desk.settings.upload_bytes + 1)
    name = check_upload(sent.filename or "", data, limits.upload_mb, session.lang)
    upload = Upload(name, data, session.lang, session.staff)
    return hand_in(desk.engine, session.placement, session.person, upload, limits.waiting)


NOT_CHOSEN = mark("Your instructors have not chosen an assignment for this link yet.")


def _home(desk: Desk, session: Session, refused: Refused | None = None) -> Response:
    _ = translator(session.lang)
    placement = where(desk, session.placement)
    with desk.engine.connect() as connection:
        attempts = attempts_of(connection, session.placement, session.person)
        standing = standing_of(connection, session.placement, session.person)
    remaining, moment = left(placement, attempts), now()
    closed = ""
    if placement.assignment not in desk.offers:
        closed = _(NOT_CHOSEN)
    elif not session.staff and placement.due is not None and moment > placement.due and not placement.late:
        closed = _("The deadline has passed: nothing more is taken here.")
    elif not session.staff and remaining == 0:
        closed = _("All of your attempts are used: {count}.").format(count=placement.attempts)
    return page(
        desk,
        "home.html",
        refused.status if refused else 200,
        alert=sentence(refused, session.lang) if refused else "",
        title=title_of(desk, placement, session.lang),
        placement=placement,
        offer=desk.offers.get(placement.assignment),
        attempts=[(one, state_of(one)) for one in attempts],
        standing=standing,
        counted=next((one for one in attempts if one.id == standing.submission), None),
        sent=sent_told(standing, placement, _, desk.settings.timezone),
        left=remaining,
        wait_min=0 if session.staff else -(-cooldown(placement, attempts, moment) // 60),
        closed=closed,
        passed_due=placement.due is not None and moment > placement.due,
        most_mb=desk.settings.limits.upload_mb,
        told=lambda state: state_told(state, 0, _),
    )


def _progress(desk: Desk, session: Session, found: Any) -> dict[str, Any]:
    """What the page's script asks for again and again. `key` changes when the page should be read anew."""
    _ = translator(session.lang)
    state, placement = state_of(found), where(desk, session.placement)
    with desk.engine.connect() as connection:
        ahead = ahead_of(connection, found.id) if state == "waiting" else 0
        standing = standing_of(connection, found.placement, found.person)
    going = standing.status in (Status.WAITING, Status.WORKING) and bool(placement.lineitem)
    counts = standing.submission == found.id
    settled = state == "stuck" or (state == "graded" and not (counts and going))
    return {
        "key": f"{state}-{standing.status if counts else ''}-{found.graded or ''}",
        "told": state_told(state, ahead, _),
        "settled": settled,
    }


def _attempt(desk: Desk, session: Session, found: Any) -> Response:
    _ = translator(speaking())
    placement = where(desk, session.placement)
    with desk.engine.connect() as connection:
        standing = standing_of(connection, found.placement, found.person)
        parts = parts_of(connection, found.id) if found.earned is not None else []
        report = file_of(connection, found.id, "feedback.html") is not None
        who = person_of(connection, found.person)
        other = attempt_of(connection, found.placement, standing.submission) if standing.submission else None
    return page(
        desk,
        "attempt.html",
        title=title_of(desk, placement, session.lang),
        placement=placement,
        attempt=found,
        state=state_of(found),
        progress=_progress(desk, session, found),
        parts=[(mark_of(part), part) for part in parts],
        report=report and (found.earned is not None or session.staff),
        counts=standing.submission == found.id,
        other=other.number if other is not None and other.id != found.id else 0,
        sent=sent_told(standing, placement, _, desk.settings.timezone) if standing.submission == found.id else "",
        who=who.name or who.sub if found.person != session.person else "",
    )


def _file(desk: Desk, submission: str, name: str, kind: str) -> Response:
    with desk.engine.connect() as connection:
        data = file_of(connection, submission, name)
    if data is None:
        abort(404)
    return make_response(data, {"Content-Type": kind})
