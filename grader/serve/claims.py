"""The claims of a launch whose signature was verified -> a Visit. What a platform says is still only text."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from grader.plaintext import clean
from grader.serve.outgoing import NotAllowed, Outgoing
from grader.serve.records import Platform, Role, Visit

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
MESSAGE, VERSION, DEPLOYMENT, TARGET = (
    f"{LTI}message_type",
    f"{LTI}version",
    f"{LTI}deployment_id",
    f"{LTI}target_link_uri",
)
ROLES, CONTEXT, LINK, CUSTOM = f"{LTI}roles", f"{LTI}context", f"{LTI}resource_link", f"{LTI}custom"
PRESENTATION = f"{LTI}launch_presentation"
GRADES = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NAMES = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
RESOURCE_MESSAGE, DEEP_LINKING_MESSAGE = "LtiResourceLinkRequest", "LtiDeepLinkingRequest"

LONGEST_ID = 255  # https://www.imsglobal.org/spec/lti/v1p3/#resource-link-claim
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
STAFF = frozenset({"Instructor", "TeachingAssistant", "Administrator"})

Claims = Mapping[str, Any]
log = logging.getLogger(__name__)


class Malformed(ValueError):
    """A claim that is not what the specification says."""


def role_of(roles: Any) -> Role:
    """Instructor for who is staff *of this course*; everybody else is a learner.

    Roles in the institution or in the system do not count: a professor, or the site's administrator, who is a
    learner in this course is one here. Of a role with two parts, as ``membership/Learner#Instructor``, the first
    one counts. (https://www.imsglobal.org/spec/lti/v1p3/#role-vocabularies)
    """
    principals = (
        {_principal(role) for role in roles if isinstance(role, str)} if isinstance(roles, list) else set()
    )
    return Role.INSTRUCTOR if principals & STAFF else Role.LEARNER


def _principal(role: str) -> str:
    if role.startswith(f"{MEMBERSHIP}#"):
        return role.removeprefix(f"{MEMBERSHIP}#")
    if role.startswith(f"{MEMBERSHIP}/"):
        return role.removeprefix(f"{MEMBERSHIP}/").partition("#")[0]
    return role if role.isalpha() else ""  # the short names, for roles of the course only


def visit(platform: Platform, claims: Claims, outgoing: Outgoing) -> Visit:
    """Who came, from where. Raises Malformed for what cannot be a launch."""
    grades, names, context = (section(claims, name) for name in (GRADES, NAMES, CONTEXT))
    link, presentation = section(claims, LINK), section(claims, PRESENTATION)
    return Visit(
        platform=platform,
        deployment=identifier(claims, DEPLOYMENT),
        user=identifier(claims, "sub"),
        role=role_of(claims.get(ROLES)),
        link=identifier(link, "id"),
        name=_text(claims, "name") or f"{_text(claims, 'given_name')} {_text(claims, 'family_name')}".strip(),
        email=_text(claims, "email"),
        title=_text(link, "title"),
        context=identifier(context, "id") if context else "",
        course=_text(context, "title") or _text(context, "label"),
        lineitem=_service(grades, "lineitem", outgoing),
        lineitems=_service(grades, "lineitems", outgoing),
        scopes=tuple(scope for scope in listed(grades.get("scope")) if isinstance(scope, str)),
        members_url=_service(names, "context_memberships_url", outgoing),
        custom=_custom(section(claims, CUSTOM)),
        locale=_text(presentation, "locale"),
        return_url=_link(presentation.get("return_url")),
    )  # fmt: skip


def section(claims: Claims, name: str) -> Claims:
    """A claim that is an object; nothing where it is missing. Raises Malformed for anything else."""
    found = claims.get(name)
    if found is None or (isinstance(found, list) and not found):  # PHP writes an empty object as []
        return {}
    if not isinstance(found, dict):
        raise Malformed(f"{name} is no object")
    return found


def identifier(claims: Claims, name: str) -> str:
    """An id: text that is there and not endless. Raises Malformed."""
    found = claims.get(name)
    if not isinstance(found, str) or not found.strip():
        raise Malformed(f"{name} is missing")
    if len(found) > LONGEST_ID or not found.isprintable():
        raise Malformed(f"{name} is no identifier")
    return found


def _text(claims: Claims, name: str) -> str:
    found = claims.get(name)
    return clean(found) if isinstance(found, str) else ""


def _custom(given: Claims) -> dict[str, str]:
    """Of any length, but in characters that every database can keep."""
    kept = {name: value for name, value in given.items() if isinstance(value, str)}
    return {_whole(name): _whole(value) for name, value in kept.items()}


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def listed(found: Any) -> list[Any]:
    """A list as it is; anything else is none."""
    return found if isinstance(found, list) else []


def _service(claims: Claims, name: str, outgoing: Outgoing) -> str:
    """Where requests are sent to later. One that must not be is left out: the service is not offered then."""
    found = claims.get(name)
    if not isinstance(found, str) or not found:
        return ""
    try:
        return outgoing.check(found)
    except NotAllowed as error:
        log.warning("%s of a launch is not used: %s", name, error)
        return ""


def _link(found: Any) -> str:
    """Where a page of ours may have a link to: never a script."""
    try:
        usable = isinstance(found, str) and found.isprintable() and urlsplit(found).scheme in ("http", "https")
        return found if usable else ""
    except ValueError:
        return ""
