"""Moodle's REST web services: one function a call, JSON back.

The token travels in the body of encrypted requests and nowhere else: in no address, message or log.
Moodle says what went wrong with status 200 and an `exception` (https://github.com/moodle/moodle, webservice/rest).
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from grader.lms.records import Refused
from grader.plaintext import clean
from grader.types import FriendlyError

TIMEOUT_S = 60.0
PAUSES_S = (1.0, 4.0, 15.0)  # before the second try, the third, ...
LONGEST_PAUSE_S = 60.0  # however long a busy site asks us to wait
TRY_AGAIN = (429, 500, 502, 503, 504)
MOST_BYTES = 256 << 20
HINT = "; is --url the address of its front page, and are web services and the REST protocol switched on?"
KNOWN = {
    "invalidtoken": "the access token is not accepted; is MOODLE_TOKEN of this site, and still valid?",
    "accessexception": "the token's web service does not allow this; it needs Moodle's mobile app service, or one "
    "with the functions that docs/lms/moodle.md names",
    "enablewsdescription": "web services are switched off at this site",
}


class Answered(Refused):
    """Moodle refused one call; `code` is its own name for the reason."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Nothing is sent on to where a site points."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Moodle:
    """A site, and a token for it. Nothing to close: every call is a request of its own."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        # Not through a proxy to this machine itself.
        handlers: list[Any] = [_NoRedirect()]
        if _loopback(urlsplit(url).hostname or ""):
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def call(self, function: str, **params: Any) -> Any:
        """What a function answers. Raises Answered where Moodle refuses, FriendlyError where nothing answers."""
        fields = {"wstoken": self._token, "wsfunction": function, "moodlewsrestformat": "json", **flat(params)}
        answer = self._ask("/webservice/rest/server.php", urlencode(fields).encode(), _FORM, function)
        if isinstance(answer, dict) and "exception" in answer:
            raise self._refusal(answer, function)
        return answer

    def upload(self, name: str, content: bytes) -> int:
        """Put a file into a new draft area. Returns the area's number."""
        boundary = secrets.token_hex(16)
        body = b"".join(_parts({"token": self._token, "itemid": "0", "filepath": "/"}, name, content, boundary))
        answer = self._ask("/webservice/upload.php", body, f"multipart/form-data; boundary={boundary}", "upload")
        if isinstance(answer, dict):
            raise self._refusal(answer, "upload")
        first = answer[0] if isinstance(answer, list) and answer and isinstance(answer[0], dict) else {}
        if "itemid" not in first:
            raise Answered(f"{name} was not taken: {self._said(first.get('error', 'no reason given'))}", "upload")
        return int(first["itemid"])

    def _refusal(self, answer: Mapping[str, Any], what: str) -> Answered:
        code = str(answer.get("errorcode", ""))
        told = KNOWN.get(code) or self._said(answer.get("message") or answer.get("error") or code)
        return Answered(f"Moodle refused {what}: {told}", code)

    def _ask(self, path: str, body: bytes, form: str, what: str) -> Any:
        for pause in (*PAUSES_S, None):
            asked: float | None = None
            try:
                request = urllib.request.Request(self._url + path, body, {"Content-Type": form}, method="POST")
                with self._opener.open(request, timeout=TIMEOUT_S) as reply:
                    data = reply.read(MOST_BYTES + 1)
                break
            except urllib.error.HTTPError as fault:
                with fault:
                    asked, why = _retry_after(fault.headers.get("Retry-After")), f"status {fault.code}"
                    if fault.code not in TRY_AGAIN:
                        raise self._unreadable(fault, path) from None
            except (OSError, http.client.HTTPException) as fault:
                why = self._said(getattr(fault, "reason", fault) or type(fault).__name__)
            if pause is None:
                raise FriendlyError(f"{self._url} does not answer {what}: {why}; nothing more was sent")
            time.sleep(max(pause, min(asked or 0.0, LONGEST_PAUSE_S)))
        try:
            return json.loads(data)
        except ValueError:
            raise FriendlyError(f"{self._url} does not answer as Moodle does{HINT}") from None

    def _unreadable(self, fault: urllib.error.HTTPError, path: str) -> FriendlyError:
        if fault.code in (301, 302, 303, 307, 308):
            target = (fault.headers.get("Location") or "").partition(path)[0]
            return FriendlyError(f"{self._url} sends us on to {self._said(target)}; is that the --url?")
        return FriendlyError(f"{self._url}{path}: status {fault.code}{HINT}")

    def _said(self, text: Any) -> str:
        return clean(str(text), 300).replace(self._token, "(token)")


_FORM = "application/x-www-form-urlencoded"


def flat(params: Mapping[str, Any], within: str = "") -> dict[str, str]:
    """Nested values as Moodle takes them: `plugindata[editor][text]`, `assignmentids[0]`."""
    made: dict[str, str] = {}
    for name, value in params.items():
        key = f"{within}[{name}]" if within else str(name)
        if isinstance(value, Mapping):
            made |= flat(value, key)
        elif isinstance(value, (list, tuple)):
            made |= flat({str(at): one for at, one in enumerate(value)}, key)
        else:
            made[key] = str(int(value)) if isinstance(value, bool) else str(value)
    return made


def _parts(fields: Mapping[str, str], name: str, content: bytes, boundary: str) -> Iterator[bytes]:
    for field, value in fields.items():
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
    yield (f'--{boundary}\r\nContent-Disposition: form-data; name="file_1"; filename="{quote(name)}"\r\n'
           "Content-Type: application/octet-stream\r\n\r\n").encode()  # fmt: skip
    yield content
    yield f"\r\n--{boundary}--\r\n".encode()


def _retry_after(told: str | None) -> float:
    return float(told) if told and told.isdecimal() else 0.0


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
