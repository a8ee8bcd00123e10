"""Access tokens for the services of platforms (OAuth 2.0 client credentials with `private_key_jwt`)."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jwt

from grader.plaintext import clean
from grader.serve.outgoing import Answer, Unreachable
from grader.serve.records import Platform

if TYPE_CHECKING:
    from grader.serve.services import Services

MARGIN_S = 60.0  # a token is not used any more when less than this is left of it
LIFE_S = 3600.0  # where the platform does not say
Key = tuple[str, str, str, tuple[str, ...]]


class NoToken(Exception):
    """The platform gave none. `answer` is what it answered, None where it did not."""

    def __init__(self, why: str, answer: Answer | None = None) -> None:
        super().__init__(why)
        self.answer = answer


@dataclass(frozen=True)
class _Token:
    text: str
    until: float


class Tokens:
    """Tokens by issuer, client id, address and scopes: two registrations at one issuer never share one."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._tokens: dict[Key, _Token] = {}

    def get(self, platform: Platform, scopes: tuple[str, ...]) -> str:
        """A token that is good for a while. Raises NoToken."""
        with self._lock:
            kept = self._tokens.get(_key(platform, scopes))
        if kept and kept.until > time.monotonic():
            return kept.text
        new = self._ask(platform, scopes)
        with self._lock:
            self._tokens[_key(platform, scopes)] = new
        return new.text

    def drop(self, platform: Platform, scopes: tuple[str, ...], token: str) -> None:
        """The platform does not take this token any more. A newer one, of another thread, stays."""
        with self._lock:
            kept = self._tokens.get(_key(platform, scopes))
            if kept and kept.text == token:
                del self._tokens[_key(platform, scopes)]

    def _ask(self, platform: Platform, scopes: tuple[str, ...]) -> _Token:
        asked_at = time.monotonic()
        fields = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self._assertion(platform),
            "scope": " ".join(sorted(scopes)),
        }
        headers = {"Accept": "application/json"}
        try:
            answer = self._services.outgoing.send("POST", platform.token_url, headers=headers, data=fields)
            if not answer.ok:
                raise NoToken(f"no access token: {clean(answer.told(), 200)}", answer)
            given = answer.json()
            text, life = given["access_token"], float(given.get("expires_in") or LIFE_S)
        except (Unreachable, ValueError) as error:
            raise NoToken(f"no access token: {error}") from None
        except (KeyError, TypeError, AttributeError):
            raise NoToken("no access token: the platform's answer has none") from None
        if not isinstance(text, str) or not text.isascii() or not text.isprintable():
            raise NoToken("no access token: the platform's answer has none")
        return _Token(text, asked_at + life - MARGIN_S)

    def _assertion(self, platform: Platform) -> str:
        """Who we are, signed (https://www.imsglobal.org/spec/security/v1p0/#using-json-web-tokens-with-oauth-2-0-client-credentials-grant)."""
        key, at = self._services.keys.signing(), int(time.time())
        told = {
            "iss": platform.client_id,
            "sub": platform.client_id,
            "aud": platform.audience or platform.token_url,
            "iat": at - 5,
            "exp": at + 60,
            "jti": secrets.token_urlsafe(24),
        }
        return jwt.encode(told, key.private, algorithm="RS256", headers={"kid": key.kid})


def _key(platform: Platform, scopes: tuple[str, ...]) -> Key:
    return platform.issuer, platform.client_id, platform.token_url, tuple(sorted(scopes))
