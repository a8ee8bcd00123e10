"""An XQueue to test against, with the rules of the real ones and the LMS behind it.

`XQueue` is https://github.com/openedx/xqueue (submission_queue/ext_interface.py, models.py, views.py): always
status 200, a login page for strangers, a new key for each pull. `EdxSubmissions` is what replaces it
(https://github.com/openedx/edx-submissions, submissions/views/xqueue.py): statuses, Django's token, whole points.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from importers.xqueue import set_score, update_score
from lms_class import Taken

USER, PASSWORD = "grader", "pa ss+wörd"
MAX_FAILURES = 5


@dataclass
class Entry:
    """One submission."""

    body: dict[str, str]
    files: dict[str, str]
    points: float
    pulled: float = -1e9
    key: str = ""
    pulls: int = 0
    failures: int = 0
    retired: bool = False
    recorded: Taken | None = None  # by the LMS
    replies: list[str] = field(default_factory=list)


class XQueue:
    """The old one. `delay`: seconds until what was handed out is handed out again."""

    login_page = True

    def __init__(self, delay: float = 60.0) -> None:
        self.delay, self.entries, self.uploads = delay, [], {}  # type: float, list[Entry], dict[str, bytes]
        self.redirects: dict[str, str] = {}
        self.sessions: set[str] = set()
        self.down = 0  # so many requests meet a server that fails
        self.lose_answers = 0  # so many results are taken, but the answer is lost on the way
        self.busy = 0  # so many results meet a row that somebody else has locked
        self.faults: list[AssertionError] = []  # replies that the LMS could not read, or not rightly
        self.calls: list[str] = []
        self.url = ""
        self.queues = {"hw1"}

    def submit(self, response: str = "", files: dict[str, bytes] | None = None, points: float = 1,
               payload: Any = None) -> Entry:  # fmt: skip
        """A learner hands in."""
        told = payload if isinstance(payload, str) else json.dumps(payload or {})
        info = json.dumps({"anonymous_student_id": "a1", "submission_time": "20261122090000", "random_seed": 1})
        addresses = {}
        for name, content in (files or {}).items():
            path = f"/uploads/{secrets.token_hex(4)}"
            self.uploads[path] = content
            addresses[name] = self.address(path)
        body = {"student_response": response, "grader_payload": told, "student_info": info}
        self.entries.append(Entry(body, addresses, points))
        return self.entries[-1]

    def address(self, path: str) -> str:
        return f"{self.url}{path}"

    def login(self, user: str, password: str) -> tuple[int, dict[str, Any], str]:
        if (user, password) != (USER, PASSWORD):
            return 200, reply(False, "Incorrect login credentials"), ""
        session = secrets.token_hex(8)
        self.sessions.add(session)
        return 200, reply(True, "Logged in"), session

    def get_submission(self, queue: str) -> tuple[int, dict[str, Any]]:
        if queue not in self.queues:
            return 200, reply(False, f"Queue '{queue}' not found")
        due = [e for e in self.entries if not e.retired and e.pulled <= time.monotonic() - self.delay]
        if not due:
            return 200, reply(False, f"Queue '{queue}' is empty")
        entry = due[0]
        entry.pulled, entry.pulls = time.monotonic(), entry.pulls + 1
        entry.key = secrets.token_hex(8)
        return 200, reply(True, json.dumps(self.handed_out(entry)))

    def handed_out(self, entry: Entry) -> dict[str, str]:
        # The odd spaces: whoever does not send the header back as it came is found out.
        header = json.dumps(
            {"submission_id": self.entries.index(entry) + 1, "submission_key": entry.key}, indent=1
        )
        body, files = json.dumps(entry.body), json.dumps(entry.files)
        return {"xqueue_header": header, "xqueue_body": body, "xqueue_files": files}

    def put_result(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        entry, header = self.named(form)
        if entry is None:
            return self.refuse(400, "Incorrect reply format")
        if (
            header["submission_key"] != entry.key
            or form["xqueue_header"] != self.handed_out(entry)["xqueue_header"]
        ):
            return self.refuse(403, "Incorrect key for submission")
        entry.replies.append(form["xqueue_body"])
        self.deliver(entry, form["xqueue_body"])
        return 200, reply(True, "")

    def named(self, form: dict[str, str]) -> tuple[Entry | None, dict[str, Any]]:
        try:
            header = json.loads(form["xqueue_header"])
            form["xqueue_body"]
            return self.entries[int(header["submission_id"]) - 1], header
        except (KeyError, ValueError, TypeError, IndexError):
            return None, {}

    def refuse(self, status: int, content: str) -> tuple[int, dict[str, Any]]:
        return 200, reply(False, content)

    def deliver(self, entry: Entry, body: str) -> None:
        try:
            entry.recorded = update_score(body, entry.points)
        except AssertionError as fault:
            self.faults.append(fault)
        entry.retired = True


class EdxSubmissions(XQueue):
    """The new one: nothing of the problem but `grader` comes with a submission, and keys stay the same."""

    login_page = False

    def handed_out(self, entry: Entry) -> dict[str, str]:
        told = super().handed_out(entry)
        body = {**entry.body, "grader_payload": json.dumps({"grader": "hw1"})}
        return {**told, "xqueue_body": json.dumps(body)}

    def address(self, path: str) -> str:
        return path  # of a file storage on the same server

    def login(self, user: str, password: str) -> tuple[int, dict[str, Any], str]:
        status, told, session = super().login(user, password)
        return (status if session else 401), told, session

    def get_submission(self, queue: str) -> tuple[int, dict[str, Any]]:
        if queue not in self.queues:
            return 200, reply(False, f"Queue '{queue}' is empty")
        return super().get_submission(queue)

    def refuse(self, status: int, content: str) -> tuple[int, dict[str, Any]]:
        return status, reply(False, content)

    def put_result(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self.busy > 0:
            self.busy -= 1
            return 409, reply(False, "Submission is currently being processed")
        return super().put_result(form)

    def deliver(self, entry: Entry, body: str) -> None:
        try:
            earned = set_score(json.loads(body), int(entry.points))
        except AssertionError:  # logged there; the grader is told that all went well
            entry.failures += 1
            entry.retired, entry.pulled = entry.failures >= MAX_FAILURES, -1e9
            return
        super().deliver(entry, json.dumps({**json.loads(body), "score": earned}))


def reply(good: bool, content: str) -> dict[str, Any]:
    return {"return_code": 0 if good else 1, "content": content}


@contextlib.contextmanager
def served(queue: XQueue) -> Iterator[XQueue]:
    """The queue at `queue.url`. Raises AssertionError where a reply was no good one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.answer(dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True)))

        def answer(self, form: dict[str, str]) -> None:
            parts = urlsplit(self.path)
            action = parts.path.strip("/").split("/")[-1]
            queue.calls.append(f"{self.command} {action}")
            if queue.down > 0:
                queue.down -= 1
                self.send(500, b"<h1>Server Error (500)</h1>")
            elif parts.path in queue.uploads:
                self.send(200, queue.uploads[parts.path])
            elif parts.path in queue.redirects:
                self.send(302, b"", ("Location", queue.redirects[parts.path]))
            elif action == "login":
                self.login(form)
            elif self.cookie("sessionid") not in queue.sessions:
                self.stranger(parts.path)
            elif action == "get_submission":
                self.tell(*queue.get_submission(dict(parse_qsl(parts.query)).get("queue_name", "")))
            elif action == "put_result":
                self.put(form)
            else:
                self.send(404, b"")

        def login(self, form: dict[str, str]) -> None:
            if self.command == "GET":
                good = not queue.login_page
                cookie = "csrftoken=t0ken; Path=/" if good else ""
                self.tell(200, reply(good, "" if good else "login_required"), cookie)
                return
            status, told, session = queue.login(form.get("username", ""), form.get("password", ""))
            self.tell(status, told, f"sessionid={session}; Path=/; HttpOnly" if session else "")

        def stranger(self, path: str) -> None:
            if queue.login_page:
                self.send(302, b"", ("Location", f"/xqueue/login/?next={path}"))
            else:
                self.send(403, b'{"detail": "Authentication credentials were not provided."}')

        def put(self, form: dict[str, str]) -> None:
            token = self.headers.get("X-CSRFToken") == self.cookie("csrftoken") == "t0ken"
            if not queue.login_page and not (token and self.headers.get("Referer", "").startswith(queue.url)):
                self.send(403, b'{"detail": "CSRF Failed: CSRF token missing."}')
                return
            status, told = queue.put_result(form)
            if queue.lose_answers > 0:
                queue.lose_answers -= 1
                self.close_connection = True
                return
            self.tell(status, told)

        def cookie(self, name: str) -> str:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(name)
            return found.value if found else ""

        def tell(self, status: int, told: dict[str, Any], cookie: str = "") -> None:
            self.send(status, json.dumps(told).encode(), *([("Set-Cookie", cookie)] if cookie else []))

        def send(self, status: int, content: bytes, *headers: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in (*headers, ("Content-Length", str(len(content)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    queue.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield queue
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    for fault in queue.faults:
        raise fault
