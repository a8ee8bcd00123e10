"""The one way out to other servers: encrypted, bounded in time and size, no redirects, no inner addresses."""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

CONNECT_S = 5.0
READ_S = 15.0  # between two pieces
TOTAL_S = 30.0
MOST_BYTES = 8 * 2**20  # a roster of 30,000 people
MOST_URL = 2000
IN_HOSTS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_:")
_NEVER = frozenset(' "<>\\`')  # in no URL (RFC 3986, appendix C)
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class NotAllowed(ValueError):
    """An address that this tool does not connect to, or send anybody to."""


class Unreachable(Exception):
    """No whole answer came: the text says why, without secrets."""


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    reason: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def told(self) -> str:
        """Status and reason in one line, as people should read it."""
        return f"{self.status} {self.reason}".strip()


class Outgoing:
    """Sends requests. In development, plain http to this machine itself is allowed, and nothing else is plain."""

    def __init__(self, development: bool = False) -> None:
        self.development = development

    def check(self, url: str) -> str:
        """The URL again. Raises NotAllowed unless it is https (in development: or http to this very machine)."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise NotAllowed(f"{url[:200]!r} is no web address") from None
        harmful = not url.isprintable() or set(url) & _NEVER or not set(host) <= IN_HOSTS
        if not host or harmful or len(url) > MOST_URL or parts.username is not None or parts.fragment:
            raise NotAllowed(f"{url[:200]!r} is no web address")
        plain = parts.scheme == "http" and self.development and host in LOOPBACK_NAMES
        if parts.scheme != "https" and not plain:
            raise NotAllowed(f"{url[:200]!r} does not begin with https://")
        return url

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | Mapping[str, str] | None = None,
        token: str = "",
    ) -> Answer:
        """One request. Raises NotAllowed, or Unreachable where no whole answer came in time.

        A redirect is not followed but returned: what it is to be followed to was not checked by anybody.
        """
        self.check(url)
        until = time.monotonic() + TOTAL_S
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, _adapter(self.development))
            try:
                answer = session.request(
                    method,
                    url,
                    headers={"User-Agent": "grader", **(headers or {})},
                    data=data,
                    auth=_bearer(token),
                    timeout=(CONNECT_S, READ_S),
                    allow_redirects=False,
                    stream=True,
                )
                return Answer(answer.status_code, str(answer.reason or ""), answer.headers, _body(answer, until))
            except (requests.RequestException, HTTPError, OSError) as error:
                raise Unreachable(f"{_host(url)} cannot be reached ({_why(error)})") from None


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Sets the header itself: left alone, requests would put in what ~/.netrc has for the host."""

    def put(request: requests.PreparedRequest) -> requests.PreparedRequest:
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    return put


def _body(answer: requests.Response, until: float) -> bytes:
    """Read piece by piece as they come, so that a server cannot hold us with a byte now and then."""
    pieces: list[bytes] = []
    size = 0
    while piece := answer.raw.read1(65536, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise requests.RequestException(f"more than {MOST_BYTES} bytes")
        if time.monotonic() > until:
            raise requests.Timeout(f"took longer than {TOTAL_S:.0f} s")
    return b"".join(pieces)


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _why(error: BaseException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if type(error) is requests.RequestException:  # of ours
        return str(error)
    while error.__context__ is not None:
        error = error.__context__
    return str(error) if isinstance(error, _Inner) else type(error).__name__


# ---------------------------------------------------------------- where connections may lead


class _Inner(OSError):
    """A name that leads to this machine, or to its cloud's metadata."""


def allowed(address: str) -> bool:
    """Whether to connect to an address when not in development. Private networks are: campuses have them."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved)


def _checked(connected: socket.socket) -> socket.socket:
    """Looks at the address that was really connected to: a name may lead elsewhere the second time."""
    if allowed(connected.getpeername()[0]):
        return connected
    connected.close()
    raise _Inner("its name leads to this machine itself")


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _SafeConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SafePool(HTTPSConnectionPool):
    ConnectionCls = _SafeConnection


def _adapter(development: bool) -> HTTPAdapter:
    adapter = HTTPAdapter()
    if not development:
        adapter.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}
    return adapter
