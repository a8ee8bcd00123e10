"""Who is asking: a session is made by a verified launch only, and is good for one link of one course.

The id is random, new at every launch, kept as a hash, and taken from the cookie alone. Each placement has a
cookie of its own, so that two courses can be open side by side. `__Host-` keeps other hosts of the same domain
from planting one (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from flask import Request, Response
from sqlalchemy import Engine, and_, delete, insert, select

from grader.serve.database import now
from grader.serve.records import Role
from grader.serve.tables import sessions


@dataclass(frozen=True)
class Session:
    """Somebody's visit to a placement."""

    placement: int
    person: int
    role: Role
    csrf: str  # must come with every POST
    lang: str
    return_url: str

    @property
    def staff(self) -> bool:
        """Whether everything of this placement may be seen."""
        return self.role == Role.INSTRUCTOR


def open_session(engine: Engine, session: Session, hours: float, replaces: str = "") -> str:
    """Begin one, and end the one that `replaces` is the id of. Returns its id, for the cookie."""
    name = secrets.token_urlsafe(32)
    values = {
        **{"placement": session.placement, "person": session.person, "role": session.role, "csrf": session.csrf},
        **{"lang": session.lang, "return_url": session.return_url, "expires": now() + hours * 3600},
    }
    old = and_(sessions.c.hash == _hash(replaces), sessions.c.placement == session.placement)
    with engine.begin() as connection:
        connection.execute(delete(sessions).where(old))
        connection.execute(insert(sessions).values(hash=_hash(name), **values))
    return name


def find_session(engine: Engine, name: str, placement: int) -> Session | None:
    """The session with this id, if it is for this placement and not over."""
    mine = and_(sessions.c.hash == _hash(name), sessions.c.placement == placement, sessions.c.expires > now())
    with engine.connect() as connection:
        row = connection.execute(select(sessions).where(mine)).first()
    if row is None:
        return None
    return Session(row.placement, row.person, Role(row.role), row.csrf, row.lang, row.return_url)


def forget_old(engine: Engine) -> None:
    """Remove what is over."""
    with engine.begin() as connection:
        connection.execute(delete(sessions).where(sessions.c.expires <= now()))


def cookie_name(placement: int, *, secure: bool) -> str:
    """Of a placement's session."""
    return f"{'__Host-' if secure else ''}grader-{placement}"


def cookie_of(request: Request, placement: int, *, secure: bool) -> str:
    """The id that the browser sent; empty without one."""
    return request.cookies.get(cookie_name(placement, secure=secure), "")


def give_cookie(response: Response, placement: int, name: str, *, secure: bool) -> None:
    """Tell the browser the id. It must come back in the platform's frames: SameSite=None, in a jar of its own
    for each platform (Partitioned). Over plain http, on this machine only, browsers take neither.
    """
    response.set_cookie(
        cookie_name(placement, secure=secure),
        name,
        path="/",
        httponly=True,
        secure=secure,
        samesite="None" if secure else "Lax",
        partitioned=secure,
    )


def new_csrf() -> str:
    """For a new session."""
    return secrets.token_urlsafe(24)


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
