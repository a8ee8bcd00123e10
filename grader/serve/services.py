"""What everything that speaks with platforms needs, in one record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import Engine

from grader.serve.keys import Keys
from grader.serve.outgoing import Outgoing
from grader.serve.platform_keys import PlatformKeys
from grader.serve.platforms import Platforms
from grader.serve.records import Platform
from grader.serve.stamps import Stamps


@dataclass(frozen=True)
class Services:
    """The database, the keys, the way out, and how this tool is called from outside."""

    engine: Engine
    public_url: str  # what browsers and platforms reach it by; no / at its end
    platforms: Platforms
    keys: Keys  # ours
    platform_keys: PlatformKeys  # theirs
    stamps: Stamps
    outgoing: Outgoing
    tool_name: str
    development: bool

    def address(self, path: str) -> str:
        """The public URL of a path like ``/lti/launch``."""
        return self.public_url + path

    def ours(self, url: str) -> bool:
        """Whether a URL leads to this tool."""
        own = urlsplit(self.public_url)
        try:
            theirs = urlsplit(self.outgoing.check(url.partition("#")[0]))
            same = (own.scheme, own.hostname, own.port) == (theirs.scheme, theirs.hostname, theirs.port)
        except ValueError:
            return False
        return same and (theirs.path + "/").startswith(own.path + "/") and ".." not in theirs.path

    def register_url(self, invite: str) -> str:
        """What an administrator pastes into a learning system for dynamic registration."""
        return self.address(f"/lti/register/{invite}")

    def register_by_hand(self, platform: Platform, deployments: Iterable[str]) -> Platform:
        """Save a platform from a configuration. Raises ValueError where an address of it cannot be used."""
        for url in (platform.login_url, platform.token_url, platform.keys_url):
            self.outgoing.check(url)
        if not platform.issuer or not platform.client_id:
            raise ValueError("a platform needs an issuer and a client id")
        return self.platforms.save(platform, deployments)


def make_services(
    engine: Engine, public_url: str, *, development: bool = False, tool_name: str = "grader"
) -> Services:
    """Raises ValueError for a public URL that is not https (in development: or http on this very machine)."""
    outgoing = Outgoing(development)
    if urlsplit(public_url).query:
        raise ValueError(f"{public_url!r}: the public URL has a query")
    return Services(
        engine,
        outgoing.check(public_url).rstrip("/"),
        Platforms(engine),
        Keys(engine),
        PlatformKeys(outgoing),
        Stamps(engine),
        outgoing,
        tool_name,
        development,
    )
