"""Answers to deep linking: the assignment that an instructor chose, signed, for the course to keep as a link."""

from __future__ import annotations

import time
from typing import Any

import jwt
from pylti1p3.deep_link import DeepLink
from pylti1p3.deep_link_resource import DeepLinkResource
from pylti1p3.lineitem import LineItem
from pylti1p3.registration import Registration

from grader.serve import claims
from grader.serve.claims import Claims
from grader.serve.records import Offer, Platform
from grader.serve.services import Services

ANSWER_S = 3600  # how long an instructor may look at the list of assignments


def deep_linking_answer(services: Services, platform: Platform, asked: Claims, offer: Offer) -> str:
    """The signed answer that places this assignment in the course that asked for it."""
    settings = claims.section(asked, claims.DEEP_LINKING)
    link = _Link(window="window" in claims.listed(settings.get("accept_presentation_document_targets")))
    link.set_title(offer.title).set_url(services.address("/lti/launch"))
    link.set_custom_params({"assignment": offer.slug})
    if settings.get("accept_lineitem", True) not in (False, "false") and offer.possible > 0:
        column = LineItem().set_score_maximum(offer.possible).set_label(offer.title)
        link.set_lineitem(column.set_resource_id(offer.slug))
    registration = Registration().set_issuer(platform.issuer).set_client_id(platform.client_id)
    answer = _Answer(registration, asked[claims.DEPLOYMENT], settings)
    answer.services = services
    return str(answer.get_response_jwt([link]))


class _Link(DeepLinkResource):
    """A resource link that asks for a window of its own: frames of other sites keep no cookies."""

    def __init__(self, window: bool) -> None:
        self._window = window

    def to_dict(self) -> dict[str, object]:
        own: dict[str, object] = super().to_dict()
        return own | ({"window": {"targetName": "grader"}} if self._window else {})


class _Answer(DeepLink):
    services: Services

    def get_message_jwt(self, resources: Any) -> dict[str, object]:
        """With the time that a person needs, and `data` only where the platform sent some."""
        message = super().get_message_jwt(resources) | {"exp": int(time.time()) + ANSWER_S}
        return {name: value for name, value in message.items() if value is not None}

    def encode_jwt(self, message: Any) -> str:
        key = self.services.keys.signing()
        return jwt.encode(message, key.private, algorithm="RS256", headers={"kid": key.kid})
