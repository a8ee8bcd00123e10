"""The calls of an XQueue, and what may go wrong with each. Standard library only."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import urllib.request
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin, urlsplit

from grader.lms.records import Refused

TIMEOUT = 30.0  # seconds without an answer
MOST_ANSWER = 256 << 20  # bytes; a submission may be typed into a text field
MOST_FILE = 64 << 20  # bytes of one upload; what is longer is not read on, and intake refuses it
TOKENS = ("csrftoken", "edx-csrftoken")  # cookies of Django


class Trouble(Exception):
    """Not now; the same call may go well later."""


class Declined(Exception):
    """The queue does not want this result, now or later."""


class _LoginNeeded(Exception):
    """The session is none, or no longer one."""


@dataclass(frozen=True)
class Submission:
    """What the queue hands out."""

    id: str
    header: str  # goes back as it came
    response: str  # typed in, where there are no files
    files: Mapping[str, str]  # name as the learner gave it -> address
    payload: str  # what the author of the problem has for the grader


class Queue:
    """One queue, logged in to when needed."""

    def __init__(
        self, url: str, name: str, user: str, password: str, basic: str = "", files_from: Collection[str] = ()
    ) -> None:
        """`basic`: "user:password" of a web server before it. Raises Refused for no address."""
        self._url = url.rstrip("/")
        host = urlsplit(self._url).hostname
        if urlsplit(self._url).scheme not in ("http", "https") or not host:
            raise Refused(f"{url}: no address; it begins with https://")
        self._name, self._user, self._password, self._basic = name, user, password, basic
        self._host, self._hosts = host, frozenset((host, *files_from))
        self._forget()

    def take(self) -> Submission | None:
        """The next submission; None where there is none. Raises Trouble; Refused for no such queue or login."""
        good, content = self._call("get_submission", query={"queue_name": self._name})
        if good:
            return _submission(content)
        if content.endswith("is empty"):
            return None
        if content.endswith("not found"):
            raise Refused(f"{self._url}: {content}")
        raise Trouble(f"get_submission: {content}")

    def put(self, submission: Submission, body: bytes) -> None:
        """Hand in a result. Raises Trouble, Declined."""
        form = {"xqueue_header": submission.header, "xqueue_body": body.decode()}
        good, content = self._call("put_result", form=form)
        if not good:
            raise Declined(content)

    def fetch(self, address: str) -> bytes:
        """An upload, at most one byte more than MOST_FILE. Raises Trouble; Refused for a host of nobody's."""
        whole = urljoin(f"{self._url}/", address)
        self._allowed(whole)
        try:
            with self._open(urllib.request.Request(whole)) as answer:
                content: bytes = answer.read(MOST_FILE + 1)
                return content
        except (URLError, OSError, http.client.HTTPException) as fault:
            raise Trouble(f"an upload cannot be fetched: {fault}") from fault

    def _call(
        self, action: str, *, query: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> tuple[bool, str]:
        """Whether it went well, and the content. Logs in where that is needed, once."""
        try:
            return self._ask(action, query, form)
        except _LoginNeeded:
            self._login()
        try:
            return self._ask(action, query, form)
        except _LoginNeeded:
            told = f"not allowed, though logged in as {self._user}"
            raise Trouble(f"{action}: {told}; edx-submissions wants the user in the group xqueue") from None

    def _login(self) -> None:
        self._forget()
        with contextlib.suppress(_LoginNeeded, Trouble):  # an older server knows only POST
            self._ask("login", None, None)  # sets Django's token
        try:
            good, content = self._ask("login", None, {"username": self._user, "password": self._password})
        except _LoginNeeded:
            good, content = False, "not allowed"
        if not good:
            raise Refused(f"{self._url}: login as {self._user}: {content}")

    def _ask(
        self, action: str, query: Mapping[str, str] | None, form: Mapping[str, str] | None
    ) -> tuple[bool, str]:
        address = f"{self._url}/xqueue/{action}/" + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(address, urlencode(form).encode() if form is not None else None)
        request.add_header("Referer", f"{self._url}/xqueue/{action}/")
        if form is not None and (token := self._token()):
            request.add_header("X-CSRFToken", token)
        status, text, at = self._answer(request)
        told = _json(text)
        if isinstance(told, dict) and "return_code" in told:
            content = str(told.get("content", ""))
            if content == "login_required" or (action != "login" and urlsplit(at).path.endswith("/login/")):
                raise _LoginNeeded
            if status == 409 or status >= 500:
                raise Trouble(f"{action}: {content or status}")
            return told["return_code"] == 0, content
        if status in (401, 403) or urlsplit(at).path.rstrip("/").endswith("login"):
            raise _LoginNeeded
        raise Trouble(f"{action}: {status}, and no answer of a queue")

    def _answer(self, request: urllib.request.Request) -> tuple[int, str, str]:
        try:
            with self._open(request) as answer:
                return answer.status, answer.read(MOST_ANSWER).decode("utf-8", "replace"), answer.url
        except HTTPError as refused:
            with refused:
                return refused.code, refused.read(MOST_ANSWER).decode("utf-8", "replace"), refused.url
        except (URLError, OSError, http.client.HTTPException) as fault:
            raise Trouble(f"{self._url}: {fault}") from fault

    def _open(self, request: urllib.request.Request) -> Any:
        if self._basic and urlsplit(request.full_url).hostname == self._host:
            # Unredirected: it must not follow to another host.
            request.add_unredirected_header(
                "Authorization", "Basic " + base64.b64encode(self._basic.encode()).decode()
            )
        return self._opener.open(request, timeout=TIMEOUT)

    def _token(self) -> str:
        return next((one.value or "" for one in self._jar if one.name in TOKENS), "")

    def _forget(self) -> None:
        self._jar = CookieJar()
        cookies = urllib.request.HTTPCookieProcessor(self._jar)
        self._opener = urllib.request.build_opener(cookies, _Redirects(self))

    def _allowed(self, address: str) -> None:
        """Raises Refused: an address in a submission must not reach what else there is in our network."""
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or parts.hostname not in self._hosts:
            told = f"uploads are not fetched from {parts.hostname or address[:80]!r}"
            raise Refused(f"{told}; if it is where the queue keeps them: --files-from HOST")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows within the allowed hosts only."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        self._queue._allowed(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _submission(content: str) -> Submission:
    told, fault = _json(content), Trouble("get_submission: what it handed out cannot be read")
    if not isinstance(told, dict) or not isinstance(told.get("xqueue_header"), str):
        raise fault
    header, body = _json(told["xqueue_header"]), _json(told.get("xqueue_body"))
    if not isinstance(header, dict) or not isinstance(body, dict):
        raise fault
    files = _json(told.get("xqueue_files") or "{}")
    response = body.get("student_response", "")
    return Submission(
        id=str(header.get("submission_id", "?")),
        header=told["xqueue_header"],
        response=response if isinstance(response, str) else json.dumps(response),
        files={str(name): str(address) for name, address in files.items()} if isinstance(files, dict) else {},
        payload=str(body.get("grader_payload") or ""),
    )


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
