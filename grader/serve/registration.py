"""Dynamic registration (https://www.imsglobal.org/spec/lti-dr/v1p0): a learning system registers itself, invited.

Whoever holds an invitation makes this server fetch an address of their choice. So: no invitation, no request; only
what `outgoing` allows; and nothing of the answers is shown but the fields that are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from grader.plaintext import clean
from grader.serve.outgoing import Answer, NotAllowed, Unreachable
from grader.serve.records import Platform
from grader.serve.refusals import Refusal
from grader.serve.services import Services

SCOPES = (
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem",
    "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly",
    "https://purl.imsglobal.org/spec/lti-ags/scope/score",
    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
)
TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"


@dataclass(frozen=True)
class Asking:
    """What a learning system says of itself."""

    issuer: str
    login_url: str
    token_url: str
    keys_url: str
    registration_url: str
    audience: str
    name: str
    scopes: tuple[str, ...]  # that it has; empty: it does not say


def read_configuration(services: Services, url: str) -> Asking:
    """Fetch and check a platform's OpenID configuration. Raises Refusal."""
    try:
        found = _object(services.outgoing.send("GET", url, headers={"Accept": "application/json"}))
        product = found.get(PLATFORM)
        family = product.get("product_family_code") if isinstance(product, dict) else ""
        asking = Asking(
            issuer=_text(found, "issuer"),
            login_url=services.outgoing.check(_text(found, "authorization_endpoint")),
            token_url=services.outgoing.check(_text(found, "token_endpoint")),
            keys_url=services.outgoing.check(_text(found, "jwks_uri")),
            registration_url=services.outgoing.check(_text(found, "registration_endpoint")),
            audience=_text(found, "authorization_server", needed=False),
            name=clean(family, 80) if isinstance(family, str) else "",
            scopes=tuple(scope for scope in found.get("scopes_supported") or () if isinstance(scope, str)),
        )
        services.outgoing.check(asking.issuer)
    except (Unreachable, NotAllowed, ValueError, TypeError) as error:
        raise Refusal("registration", str(error)) from None
    if urlsplit(asking.issuer).hostname != urlsplit(url).hostname:
        raise Refusal("registration", f"the configuration at {url} speaks for another site, {asking.issuer}")
    return asking


def register(services: Services, invite: str, url: str, token: str) -> tuple[Platform, tuple[str, ...]]:
    """Register with the platform whose configuration is at `url`. Uses the invitation up, unless it fails.

    Returns the platform, and its deployments as far as it told them. Raises Refusal.
    """
    expires = services.platforms.take_invite(invite)
    if not expires:
        raise Refusal("invite", "no such invitation")
    try:
        asking = read_configuration(services, url)
        client_id, deployments = _ask(services, asking, token)
        if services.platforms.find(asking.issuer, client_id) is not None:
            raise Refusal("registration", f"{asking.issuer} with client ID {client_id!r} is registered already")
    except BaseException:
        services.platforms.return_invite(invite, expires)
        raise
    urls = (asking.login_url, asking.token_url, asking.keys_url)
    platform = Platform(0, asking.issuer, client_id, *urls, asking.audience, asking.name)
    return services.platforms.save(platform, deployments), deployments


def tool_configuration(services: Services, asking: Asking) -> dict[str, Any]:
    """What this tool says of itself, and which services it asks for."""
    scopes = [scope for scope in SCOPES if not asking.scopes or scope in asking.scopes]
    launch = services.address("/lti/launch")
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": services.address("/lti/login"),
        "redirect_uris": [launch],
        "client_name": services.tool_name,
        "jwks_uri": services.address("/lti/jwks"),
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(scopes),
        TOOL: {
            "domain": urlsplit(services.public_url).netloc,
            "target_link_uri": launch,
            "description": "Hand in notebooks; they are run, judged and explained.",
            "claims": ["iss", "sub", "name", "given_name", "family_name", "email"],
            "messages": [
                {"type": "LtiResourceLinkRequest"},
                {
                    "type": "LtiDeepLinkingRequest",
                    "target_link_uri": launch,
                    "label": services.tool_name,
                    "placements": ["ContentArea"],
                },
            ],
        },
    }


def _ask(services: Services, asking: Asking, token: str) -> tuple[str, tuple[str, ...]]:
    body = json.dumps(tool_configuration(services, asking)).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    try:
        answer = services.outgoing.send("POST", asking.registration_url, headers=headers, data=body, token=token)
        given = _object(answer)
        tool = given.get(TOOL)
        deployment = tool.get("deployment_id") if isinstance(tool, dict) else None
        return _text(given, "client_id"), (deployment,) if isinstance(deployment, str) and deployment else ()
    except (Unreachable, ValueError) as error:
        raise Refusal("registration", str(error)) from None


def _object(answer: Answer) -> Mapping[str, Any]:
    """Raises ValueError."""
    if not answer.ok:
        raise ValueError(f"the learning system answers {clean(answer.told(), 200)}")
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("what the learning system answers is no JSON object")
    return found


def _text(found: Mapping[str, Any], name: str, needed: bool = True) -> str:
    """Raises ValueError."""
    text = found.get(name)
    if not isinstance(text, str) or not text or len(text) > 2000 or not text.isprintable():
        if needed:
            raise ValueError(f"what the learning system answers has no {name}")
        return ""
    return text
