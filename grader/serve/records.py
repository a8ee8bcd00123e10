"""What passes between the protocol and the pages. Everything that a platform says is untrusted text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do here."""

    LEARNER = "learner"
    INSTRUCTOR = "instructor"  # LTI's Instructor, and its teaching assistants


@dataclass(frozen=True)
class Platform:
    """A learning system that is registered here."""

    id: int
    issuer: str
    client_id: str
    login_url: str  # OIDC authorization endpoint
    token_url: str
    keys_url: str  # its JWKS
    audience: str = ""  # of our client assertions; empty: the token URL
    name: str = ""


@dataclass(frozen=True)
class Visit:
    """A verified launch: who came, in which role, to which link of which course."""

    platform: Platform
    deployment: str
    user: str  # `sub`: unique within the platform
    role: Role
    link: str  # id of the resource link
    name: str = ""
    email: str = ""
    title: str = ""  # of the link
    context: str = ""  # id of the course
    course: str = ""  # its title
    lineitem: str = ""  # URL of the gradebook column; empty: grades cannot be sent
    lineitems: str = ""
    scopes: tuple[str, ...] = ()
    members_url: str = ""  # names and roles
    custom: Mapping[str, str] = field(default_factory=dict)  # the link's own parameters: `assignment`
    locale: str = ""
    return_url: str = ""


@dataclass(frozen=True)
class Score:
    """A final grade for the platform."""

    user: str
    earned: float  # 0..possible
    possible: float
    comment: str  # plain text
    submitted_at: float  # seconds since 1970


class Taken(StrEnum):
    """What became of a score that was sent."""

    DONE = "done"
    STALE = "stale"  # the platform has a later one
    REFUSED = "refused"  # it will never take it: wrong user, column gone
    LATER = "later"  # it could not just now: try again


@dataclass(frozen=True)
class Sent:
    """The platform's answer to a score."""

    taken: Taken
    why: str = ""  # for instructors: status and the platform's own reason
    retry_after_s: float = 0.0


@dataclass(frozen=True)
class Member:
    """Somebody of the course, from names and roles."""

    user: str
    name: str = ""
    email: str = ""
    roles: tuple[str, ...] = ()
    active: bool = True


@dataclass(frozen=True)
class Recorded:
    """What a platform's gradebook holds for somebody."""

    user: str
    score: float | None  # None: no grade
    maximum: float
    comment: str = ""
    at: float = 0.0  # seconds since 1970; 0: it did not say


@dataclass(frozen=True)
class Offer:
    """An assignment that instructors can place in a course."""

    slug: str
    title: str
    possible: float  # points
