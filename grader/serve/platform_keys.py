"""The public keys of platforms, fetched when needed and kept for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from grader.serve.outgoing import NotAllowed, Outgoing, Unreachable

KEPT_S = 3600.0
AGAIN_S = 30.0  # a key id that is not there fetches again, but not more often than this


class NoKey(Exception):
    """The platform publishes no such key, or does not answer; the text says which."""


@dataclass
class _Kept:
    """What is known of one platform's keys."""

    lock: threading.Lock = field(default_factory=threading.Lock)  # one each: a slow platform stops nobody else
    keys: Mapping[str, jwt.PyJWK] = field(default_factory=dict)
    tried_at: float = float("-inf")
    trouble: str = ""


class PlatformKeys:
    """Caches each platform's JWKS; safe for threads."""

    def __init__(self, outgoing: Outgoing, clock: Callable[[], float] = time.monotonic) -> None:
        self._outgoing = outgoing
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def find(self, url: str, kid: str) -> jwt.PyJWK:
        """The key with this id, fetched where it is not known or too old. Raises NoKey."""
        with self._lock:
            kept = self._kept.setdefault(url, _Kept())
        with kept.lock:
            age = self._clock() - kept.tried_at
            if age > KEPT_S or (kid not in kept.keys and age > AGAIN_S):
                self._renew(url, kept, too_old=age > KEPT_S)
            if kid not in kept.keys:
                raise NoKey(kept.trouble or f"no key {kid[:80]!r} among the {len(kept.keys)} at {url}")
            return kept.keys[kid]

    def _renew(self, url: str, kept: _Kept, too_old: bool) -> None:
        kept.tried_at = self._clock()
        kept.trouble = ""
        try:
            kept.keys = self._fetch(url)
        except NoKey as error:
            kept.trouble = str(error)
            if too_old:  # a key that was taken back must not live on because its platform is down
                kept.keys = {}

    def _fetch(self, url: str) -> Mapping[str, jwt.PyJWK]:
        try:
            answer = self._outgoing.send("GET", url, headers={"Accept": "application/json"})
            listed = answer.json()["keys"] if answer.ok else []
        except (Unreachable, NotAllowed) as error:
            raise NoKey(str(error)) from None
        except (ValueError, KeyError, TypeError):
            raise NoKey(f"what {url} answers is no JWKS") from None
        if not answer.ok:
            raise NoKey(f"{url} answers {answer.told()}")
        return dict(_usable(listed)) if isinstance(listed, list) else {}


def _usable(listed: list[Any]) -> list[tuple[str, jwt.PyJWK]]:
    """RSA keys for signatures; whatever else stands in the list is none of ours."""
    wanted = {"kty": "RSA", "use": "sig", "alg": "RS256"}
    found: list[tuple[str, jwt.PyJWK]] = []
    for entry in listed:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
            continue
        if any(entry.get(name, value) != value for name, value in wanted.items()):
            continue
        try:
            public = {"kty": "RSA", "n": entry["n"], "e": entry["e"]}
            found.append((entry["kid"], jwt.PyJWK(public, algorithm="RS256")))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
    return found
