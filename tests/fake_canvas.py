"""A Canvas of the standard library, with the rules of its REST API that sending grades meets.

Written down from https://github.com/instructure/canvas-lms (app/controllers/submissions_api_controller.rb,
submission_comments_api_controller.rb, app/middleware/request_throttle.rb) and the file upload workflow of its
documentation.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

TOKEN = "7~secret"
COURSE, ASSIGNMENT = 12, 345
ME = 1
PAGE = 3  # submissions; Canvas gives up to 100


@dataclass
class Submission:
    """What Canvas keeps of a learner."""

    user: int
    name: str
    login: str = ""
    anonymous: str = ""
    attachments: list[int] = field(default_factory=list)
    score: float | None = None
    excused: bool = False
    deducts: float = 0.0  # what the late policy takes off
    group: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Canvas:
    """Its state, and what it is told to do wrong."""

    submissions: list[Submission] = field(default_factory=list)
    assignment: dict[str, Any] = field(default_factory=dict)
    hidden: bool = False  # anonymous grading
    tags: bool = False  # comments are markup, as in newer versions
    refuses: dict[int, tuple[int, str]] = field(default_factory=dict)  # user -> status and text of a PUT
    forgets: set[int] = field(default_factory=set)  # users whose grade is taken and not kept
    drops: set[int] = field(default_factory=set)  # users whose comment is kept without its file
    throttled: int = 0  # answer so many requests with "Rate Limit Exceeded"
    throttled_status: int = 403
    throttled_files: int = 0  # the same for uploads of files
    remaining: str = "600.0"
    silent: threading.Event | None = None  # answer PUTs when this is set
    at_put: Callable[[str], None] = lambda when: None  # called "before" and "after" a grade is kept
    uploaded: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    with_token: list[str] = field(default_factory=list)

    def of(self, user: int) -> Submission:
        return next(one for one in self.submissions if one.user == user)

    def puts(self) -> list[str]:
        return [told for told in self.requests if told.startswith("PUT")]


def an_assignment(**other: Any) -> dict[str, Any]:
    """What Canvas tells of an assignment."""
    return {
        "id": ASSIGNMENT, "course_id": COURSE, "name": "Small", "points_possible": 25.0, "published": True,
        "grading_type": "points", "moderated_grading": False, "grades_published": True, "post_manually": False,
        "group_category_id": None, "grade_group_students_individually": False, **other,
    }  # fmt: skip


@contextmanager
def serving(canvas: Canvas) -> Iterator[str]:
    """The address of a server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        do_GET = do_PUT = do_POST = lambda self: _answer(canvas, self)  # noqa: N815 - of the standard library

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Wrong(Exception):
    """An answer that is no success."""

    status: int
    told: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def _answer(canvas: Canvas, handler: BaseHTTPRequestHandler) -> None:
    body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    url = urlsplit(handler.path)
    canvas.requests.append(f"{handler.command} {url.path}")
    headers: dict[str, str] = {"X-Rate-Limit-Remaining": canvas.remaining}
    try:
        status, told = _routed(canvas, handler, url.path, dict(parse_qsl(url.query)), body, headers)
    except Wrong as wrong:
        status, told = wrong.status, wrong.told
        headers |= wrong.headers
    content = told.encode() if isinstance(told, str) else json.dumps(told).encode()
    handler.send_response(status)
    kind = "text/plain; charset=utf-8" if isinstance(told, str) else "application/json; charset=utf-8"
    for name, value in (headers | {"Content-Type": kind, "Content-Length": str(len(content))}).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content)


def _routed(
    canvas: Canvas, handler: BaseHTTPRequestHandler, path: str, query: dict[str, str], body: bytes, headers: Any
) -> tuple[int, Any]:
    authorization = handler.headers.get("Authorization", "")
    if path == "/files":
        if canvas.throttled_files:
            canvas.throttled_files -= 1
            raise Wrong(canvas.throttled_status, "403 Forbidden (Rate Limit Exceeded)\n")
        return _uploaded(canvas, handler, body)
    if canvas.throttled:
        canvas.throttled -= 1
        raise Wrong(canvas.throttled_status, "403 Forbidden (Rate Limit Exceeded)\n")
    if authorization != f"Bearer {TOKEN}":
        told = {"errors": [{"message": "Invalid access token."}]}
        raise Wrong(401, told, {"WWW-Authenticate": 'Bearer realm="canvas-lms"'})
    canvas.with_token.append(path)
    base = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}"
    routes: dict[tuple[str, str], Callable[..., tuple[int, Any]]] = {
        ("GET", base): lambda: (200, canvas.assignment),
        ("GET", f"{base}/submissions"): lambda: _listed(canvas, handler, base, query, headers),
        ("PUT", rf"{base}/(submissions|anonymous_submissions)/(\w+)"): lambda kind, who: _graded(
            canvas, kind, who, parse_qs(body.decode(), keep_blank_values=True), authorization
        ),
        ("POST", rf"{base}/submissions/(\d+)/comments/files"): lambda who: _offered(
            canvas, handler, who, dict(parse_qsl(body.decode()))
        ),
    }
    for (method, pattern), act in routes.items():
        if handler.command == method and (match := re.fullmatch(pattern, path)):
            return act(*match.groups())
    raise Wrong(404, {"errors": [{"message": "The specified resource does not exist."}]})


def _listed(
    canvas: Canvas, handler: BaseHTTPRequestHandler, base: str, query: dict[str, str], headers: dict[str, str]
) -> tuple[int, Any]:
    page = int(query.get("page", 1))
    start = (page - 1) * PAGE
    if start + PAGE < len(canvas.submissions):
        host = handler.headers["Host"]
        rest = "&".join(f"{key}={value}" for key, value in query.items() if key != "page")
        headers["Link"] = f'<http://{host}{base}/submissions?{rest}&page={page + 1}>; rel="next"'
    return 200, [_shown(canvas, one) for one in canvas.submissions[start : start + PAGE]]


def _shown(canvas: Canvas, one: Submission) -> dict[str, Any]:
    who = {"anonymous_id": one.anonymous} if canvas.hidden else {
        "user_id": one.user, "user": {"id": one.user, "sortable_name": one.name, "login_id": one.login or None},
    }  # fmt: skip
    score = None if one.score is None else max(one.score - one.deducts, 0)
    comments = [
        told | {"comment": re.sub(r"<[^>]*>", "", told["comment"]) if canvas.tags else told["comment"]}
        for told in one.comments
    ]
    return {
        "id": one.user + 90_000, "assignment_id": ASSIGNMENT, **who, "score": score, "entered_score": one.score,
        "points_deducted": one.deducts if one.score is not None else None, "excused": one.excused or None,
        "submission_comments": comments, "workflow_state": "submitted",
        "attachments": [{"id": number, "display_name": "hw1.ipynb"} for number in one.attachments],
    }  # fmt: skip


def _graded(
    canvas: Canvas, kind: str, who: str, form: dict[str, list[str]], authorization: str
) -> tuple[int, Any]:
    found = [
        one
        for one in canvas.submissions
        if (
            one.anonymous == who if kind == "anonymous_submissions" else str(one.user) == who and not canvas.hidden
        )
    ]
    if not found:
        raise Wrong(404, {"errors": [{"message": "The specified resource does not exist."}]})
    (one,) = found
    if canvas.silent is not None:
        canvas.silent.wait(30)
    if one.user in canvas.refuses:
        status, told = canvas.refuses[one.user]
        raise Wrong(status, told.replace("{authorization}", authorization))
    canvas.at_put("before")
    members = [other for other in canvas.submissions if one.group and other.group == one.group] or [one]
    if grade := form.get("submission[posted_grade]"):
        for member in members:
            if one.user not in canvas.forgets:
                member.score = float(grade[0])
            member.excused = False  # a grade ends that
    numbers = [int(number) for number in form.get("comment[file_ids][]", ())]
    if numbers or "comment[text_comment]" in form:
        if not all(number in canvas.uploaded for number in numbers):
            raise Wrong(401, {"status": "unauthorized"})
        comment = {
            "id": len(one.comments) + 1, "author_id": ME, "comment": form.get("comment[text_comment]", [""])[0],
            "attachments": [{"id": number, "display_name": canvas.uploaded[number][0]} for number in numbers],
        }  # fmt: skip
        if one.user in canvas.drops:
            comment["attachments"] = []
        together = form.get("comment[group_comment]") == ["true"]
        for member in members if together else [one]:
            member.comments.append(comment)
    canvas.at_put("after")
    return 200, _shown(canvas, one)


def _offered(canvas: Canvas, handler: BaseHTTPRequestHandler, who: str, form: dict[str, str]) -> tuple[int, Any]:
    canvas.of(int(who))
    host = handler.headers["Host"]
    return 200, {"upload_url": f"http://{host}/files", "upload_params": {"filename": form["name"]}}


def _uploaded(canvas: Canvas, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Any]:
    assert "Authorization" not in handler.headers  # it may be another company's server
    head = f"Content-Type: {handler.headers['Content-Type']}\r\n\r\n".encode()
    parts = {
        part.get_param("name", header="content-disposition"): part
        for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
    }
    number = 7000 + len(canvas.uploaded)
    name = parts["filename"].get_payload(decode=True).decode().strip()
    canvas.uploaded[number] = (name, parts["file"].get_payload(decode=True))
    return 201, {"id": number, "url": f"http://{handler.headers['Host']}/files/{number}", "display_name": name}
