"""What instructors see: the class, one person's attempts, and the rules of the link."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, request, url_for

from grader.i18n import mark, translator
from grader.serve.attempts import Refused, change_rules, grade_again, send_again
from grader.serve.desk import (
    Desk,
    page,
    remember,
    sent_told,
    sentence,
    staff_of,
    state_of,
    state_told,
    title_of,
    where,
)  # fmt: skip
from grader.serve.outbox import due_again
from grader.serve.pages import own_attempt
from grader.serve.records import Member, Role
from grader.serve.security import check_token
from grader.serve.sessions import Session
from grader.serve.store import Placement, Rules, attempts_of, class_of, person_of, standing_of, used
from grader.serve.tables import Status
from grader.types import FriendlyError

MOST_ATTEMPTS, MOST_MINUTES = 1000, 7 * 24 * 60


def staff_routes(desk: Desk) -> Blueprint:
    """The pages below /p/<placement>/ that are for instructors of that placement alone."""
    routes = Blueprint("staff", __name__, url_prefix="/p/<int:placement>")

    @routes.get("/class")
    def everybody(placement: int) -> Response:
        return _class(desk, staff_of(desk, placement), with_roster="roster" in request.args)

    @routes.get("/person/<int:person>")
    def person(placement: int, person: int) -> Response:
        return _person(desk, staff_of(desk, placement), person)

    @routes.get("/settings")
    def settings(placement: int) -> Response:
        return _settings(desk, staff_of(desk, placement), saved="saved" in request.args)

    @routes.post("/settings")
    def save(placement: int) -> Response:
        session = _checked(desk, placement)
        try:
            rules = read_rules(request.form, desk, where(desk, placement))
        except Refused as refused:
            return _settings(desk, session, refused)
        change_rules(desk.engine, placement, rules)
        remember(desk, session, "settings", repr(rules))
        desk.new_score()
        return _to("staff.settings", placement, saved=1)

    @routes.post("/a/<submission>/again")
    def again(placement: int, submission: str) -> Response:
        session = _checked(desk, placement)
        found = own_attempt(desk, session, submission)
        if grade_again(desk.engine, submission):
            remember(desk, session, "graded again", submission)
            desk.new_work()
        return _to("pages.attempt", placement, submission=found.id)

    @routes.post("/person/<int:person>/send")
    def send(placement: int, person: int) -> Response:
        session = _checked(desk, placement)
        _known(desk, placement, person)
        if send_again(desk.engine, placement, person):
            remember(desk, session, "sent again", str(person))
            desk.new_score()
        return _to("staff.person", placement, person=person)

    @routes.post("/send")
    def send_all(placement: int) -> Response:
        session = _checked(desk, placement)
        due_again(desk.engine, placement)
        remember(desk, session, "sent again what was refused")
        desk.new_score()
        return _to("staff.everybody", placement)

    return routes


def _checked(desk: Desk, placement: int) -> Session:
    session = staff_of(desk, placement)
    check_token(request, session.csrf)
    return session


def _to(endpoint: str, placement: int, **values: Any) -> Response:
    return make_response(redirect(url_for(endpoint, placement=placement, **values), 303))


def _known(desk: Desk, placement: int, person: int) -> Any:
    """The standing of somebody who was at this placement. 404 for everybody else."""
    with desk.engine.connect() as connection:
        found = next((row for row in class_of(connection, placement) if row.person == person), None)
    if found is None:
        abort(404)
    return found


def _class(desk: Desk, session: Session, *, with_roster: bool) -> Response:
    _ = translator(session.lang)
    placement = where(desk, session.placement)
    with desk.engine.connect() as connection:
        rows = class_of(connection, session.placement)
    people = [row for row in rows if row.role == Role.LEARNER or row.handed_in]
    counts = {
        _("have handed in"): sum(bool(row.handed_in) for row in people),
        _("have a grade"): sum(bool(row.submission) for row in people),
        _("being graded"): sum(row.grading in (Status.WAITING, Status.WORKING) for row in people),
        _("need a look"): sum(Status.STUCK in (row.grading, row.status) for row in people),
    }
    missing, trouble = _missing(desk, placement, rows) if with_roster else (None, "")
    return page(
        desk,
        "class.html",
        title=title_of(desk, placement, session.lang),
        placement=placement,
        people=people,
        counts=counts,
        missing=missing,
        trouble=trouble,
        timezone=desk.settings.timezone,
        refused=any(row.status == Status.STUCK for row in people),
    )


def _missing(desk: Desk, placement: Placement, rows: list[Any]) -> tuple[list[str] | None, str]:
    """Names of the course's learners who handed in nothing, or why that cannot be told.

    Some systems list their teaching assistants as learners: who came here as an instructor is none.
    """
    platform = desk.platform(placement.platform)
    if platform is None or not placement.members_url:
        return None, mark("The learning system does not tell who is in the course.")
    try:
        members = list(desk.members(platform, placement.members_url, placement.link))
    except FriendlyError as fault:
        return None, str(fault)
    here = {row.sub: row for row in rows}
    absent: list[Member] = []
    for member in members:
        row = here.get(member.user)
        known = row is not None and (row.handed_in or row.role == Role.INSTRUCTOR)
        learner = any(role.rpartition("#")[2] == "Learner" for role in member.roles)
        if learner and member.active and not known:
            absent.append(member)
    names = Counter(member.name for member in absent)
    told = [_called(member, alone=names[member.name] == 1) for member in absent]
    return sorted(told, key=str.casefold), ""


def _called(member: Member, *, alone: bool) -> str:
    """A name; with what tells two of the same name apart."""
    name = member.name or member.email or member.user
    return name if alone or not member.name else f"{name} ({member.email or member.user})"


def _person(desk: Desk, session: Session, person: int) -> Response:
    _ = translator(session.lang)
    _known(desk, session.placement, person)
    placement = where(desk, session.placement)
    with desk.engine.connect() as connection:
        attempts = attempts_of(connection, session.placement, person)
        standing = standing_of(connection, session.placement, person)
        who = person_of(connection, person)
    return page(
        desk,
        "person.html",
        title=title_of(desk, placement, session.lang),
        placement=placement,
        person=person,
        who=who,
        attempts=[(one, state_of(one)) for one in attempts],
        standing=standing,
        counted=next((one for one in attempts if one.id == standing.submission), None),
        sent=sent_told(standing, placement, _, desk.settings.timezone),
        told=lambda state: state_told(state, 0, _),
    )


def _settings(desk: Desk, session: Session, refused: Refused | None = None, *, saved: bool = False) -> Response:
    placement = where(desk, session.placement)
    with desk.engine.connect() as connection:
        fixed = used(connection, session.placement)
    zone = zoneinfo.ZoneInfo(desk.settings.timezone)
    due = "" if placement.due is None else f"{datetime.fromtimestamp(placement.due, zone):%Y-%m-%dT%H:%M}"
    shown = {
        "assignment": placement.assignment, "attempts": placement.attempts, "due": due,
        "cooldown": placement.cooldown_s // 60, "late": placement.late, "counts": placement.counts,
    }  # fmt: skip
    if refused:
        shown |= {name: request.form.get(name, "") for name in shown}
    return page(
        desk,
        "settings.html",
        refused.status if refused else 200,
        title=title_of(desk, placement, session.lang),
        placement=placement,
        offers=[(offer.slug, offer.title.get(session.lang, offer.slug)) for offer in desk.offers.values()],
        fixed=fixed,
        shown=shown,
        timezone=desk.settings.timezone,
        alert=sentence(refused, session.lang) if refused else "",
        saved=saved,
    )


def read_rules(form: Any, desk: Desk, before: Placement) -> Rules:
    """What the form says. Raises Refused where it cannot be meant."""
    assignment = form.get("assignment", before.assignment)
    if assignment not in desk.offers and assignment != before.assignment:
        raise Refused(400, mark("Choose one of the assignments."))
    counts = form.get("counts", "")
    if counts not in ("best", "latest"):
        raise Refused(400, mark("Choose which attempt counts."))
    due = None
    if form.get("due", "").strip():
        try:
            zone = zoneinfo.ZoneInfo(desk.settings.timezone)
            due = datetime.fromisoformat(form["due"].strip()).replace(tzinfo=zone).timestamp()
        except (ValueError, OverflowError):
            raise Refused(400, mark("The deadline must be a date and a time.")) from None
    minutes = _whole(form.get("cooldown", "0"), MOST_MINUTES)
    return Rules(
        assignment,
        _whole(form.get("attempts", "0"), MOST_ATTEMPTS),
        60 * minutes,
        due,
        bool(form.get("late")),
        counts,
    )


def _whole(text: str, most: int) -> int:
    text = text.strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= most):
        raise Refused(
            400, mark("{value} is not a whole number from 0 to {most}."), {"value": text[:20], "most": most}
        )
    return int(text)
