"""A Moodle site in this process: the web services that `grader push moodle` uses, with the real ones' rules.

After Moodle 4.5 (https://github.com/moodle/moodle, mod/assign/externallib.php, webservice/upload.php): `null` on
success and for a grade above the maximum, of which nothing is saved; -1 erases; all feedback files and the
workflow state are replaced; comments, files and grades are in three different answers.
"""

from __future__ import annotations

import email
import email.policy
import html
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

TEACHER, ASSISTANT, STUDENT = "teachertoken", "assistanttoken", "studenttoken"


@dataclass
class Record:
    """What one participant has. `grade` None: there is no record; -1: one without a grade."""

    user: int
    name: str
    number: int
    group: tuple[int, str] | None = None
    submitted: bool = True
    locked: bool = False
    state: str = ""
    grade: float | None = None
    comment: str = ""
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Site:
    """One assignment, and how the site behaves today."""

    people: list[Record]
    assignment: int = 1
    page: int = 7
    maximum: float = 100.0
    team: bool = False
    blind: bool = False
    workflow: bool = False
    plugins: tuple[str, ...] = ("comments", "file")
    failures: list[tuple[int, str]] = field(default_factory=list)  # status and body of the next answers
    slow_s: float = 0.0
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)  # asked for, to look for tokens in them
    drafts: dict[int, dict[str, bytes]] = field(default_factory=dict)
    drops: tuple[str, ...] = ()  # "comment", "file": lost on the way
    answer_to_save: Any = None
    after_save: Any = None  # called with the number of grades saved so far
    saved: int = 0
    url: str = ""

    def one(self, user: int) -> Record:
        """A participant by the user's number."""
        return next(one for one in self.people if one.user == user)

    def answer(self, function: str, given: dict[str, str]) -> Any:
        """What a function returns."""
        self.calls.append((function, {name: value for name, value in given.items() if name != "wstoken"}))
        token = given.get("wstoken")
        if token not in (TEACHER, ASSISTANT, STUDENT):
            return refusal("invalidtoken", f"Invalid token - token not found {token}")
        if token == STUDENT and function != "mod_assign_get_assignments":
            return refusal(
                "nopermissions", "Sorry, but you do not currently have permissions to do that (View grades)"
            )
        made = getattr(self, function.removeprefix("mod_assign_"), None)
        if made is None or not function.startswith("mod_assign_"):
            return refusal("accessexception", "Access control exception")
        return made(given, token)

    def get_assignments(self, _given: dict[str, str], _token: str) -> Any:
        configs = [
            {"plugin": name, "subtype": "assignfeedback", "name": "enabled", "value": "1"} for name in self.plugins
        ]
        one = {
            **{"id": self.assignment, "cmid": self.page, "name": "HW1: Distillation", "grade": self.maximum},
            **{"teamsubmission": int(self.team), "blindmarking": int(self.blind), "revealidentities": 0},
            **{"markingworkflow": int(self.workflow), "configs": configs},
        }
        other = {**one, "id": 99, "cmid": 98, "name": "HW2"}
        return {"courses": [{"id": 2, "assignments": [other, one]}], "warnings": []}

    def list_participants(self, _given: dict[str, str], _token: str) -> Any:
        return [
            {
                "id": one.user,
                "fullname": f"Participant {one.number}" if self.blind else one.name,
                "recordid": one.number if self.blind else -1,  # as the real one: only where it is blind
                "submitted": one.submitted,
                **({"groupid": one.group[0], "groupname": one.group[1]} if self.team and one.group else {}),
            }
            for one in reversed(self.people)
        ]

    def get_user_mappings(self, _given: dict[str, str], token: str) -> Any:
        if token != TEACHER:  # mod/assign:revealidentities
            return {"assignments": [], "warnings": [{"warningcode": "1", "message": "No access rights"}]}
        mappings = [{"id": one.number, "userid": one.user} for one in self.people]
        return {"assignments": [{"assignmentid": self.assignment, "mappings": mappings}], "warnings": []}

    def get_grades(self, _given: dict[str, str], _token: str) -> Any:
        grades = [
            {"id": one.user + 1000, "userid": one.user, "attemptnumber": 0, "grade": f"{one.grade:.5f}"}
            for one in self.people
            if one.grade is not None and one.submitted
        ]
        if not grades:
            return {"assignments": [], "warnings": [{"warningcode": "3", "message": "No grades found"}]}
        return {"assignments": [{"assignmentid": self.assignment, "grades": grades}], "warnings": []}

    def get_user_flags(self, _given: dict[str, str], _token: str) -> Any:
        flags = [{"userid": one.user, "workflowstate": one.state} for one in self.people]
        return {"assignments": [{"assignmentid": self.assignment, "userflags": flags}], "warnings": []}

    def get_submission_status(self, given: dict[str, str], _token: str) -> Any:
        one = self.one(int(given["userid"]))
        hidden = self.workflow and one.state != "released"
        if hidden or one.grade is None or (one.grade < 0 and not one.comment and not one.files):
            return {"warnings": []}
        files = [{"filename": name, "filesize": len(data)} for name, data in one.files.items()]
        plugins = [
            {"type": "comments", "editorfields": [{"name": "comments", "text": one.comment, "format": 1}]},
            {"type": "file", "fileareas": [{"area": "feedback_files", "files": files}]},
        ]
        grade = {"userid": one.user, "grade": f"{one.grade:.5f}"}
        return {"feedback": {"grade": grade, "plugins": [p for p in plugins if p["type"] in self.plugins]}}

    def save_grade(self, given: dict[str, str], _token: str) -> Any:
        lead = self.one(int(given["userid"]))
        grade = float(given["grade"])
        if grade > self.maximum:
            return None  # and nothing is saved
        together = self.team and given["applytoall"] == "1"
        for one in self.people if together else [lead]:
            if one is lead or (together and one.group == lead.group):
                self.save(one, grade, given)
        self.saved += 1
        if self.after_save:
            self.after_save(self.saved)
        return self.answer_to_save

    def save(self, one: Record, grade: float, given: dict[str, str]) -> None:
        """One person's record."""
        before = one.grade if one.grade is not None else -1.0
        one.grade = before if one.locked else round(grade, 5)
        if not one.locked:
            one.state = given["workflowstate"]
        if "comments" in self.plugins and "comment" not in self.drops:
            text = given["plugindata[assignfeedbackcomments_editor][text]"]
            markup = given["plugindata[assignfeedbackcomments_editor][format]"] == "1"
            one.comment = text if markup else html.escape(text)
        draft = given.get("plugindata[files_filemanager]")
        if draft is not None and "file" in self.plugins and "file" not in self.drops:
            one.files = dict(self.drafts.get(int(draft), {}))  # all others are gone

    def upload(self, content_type: str, body: bytes) -> Any:
        """webservice/upload.php."""
        self.calls.append(("upload", {}))
        message = email.message_from_bytes(
            b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP
        )
        parts = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
        if parts["token"].get_content().strip() not in (TEACHER, ASSISTANT):
            return refusal("invalidtoken", "Invalid token - token not found")
        file = parts["file_1"]
        number = 500_000_000 + len(self.drafts)
        self.drafts[number] = {unquote(file.get_filename()): file.get_payload(decode=True)}
        return [{"component": "user", "itemid": number, "filename": file.get_filename()}]


def refusal(code: str, message: str) -> dict[str, str]:
    return {"exception": "moodle_exception", "errorcode": code, "message": message}


@contextmanager
def served(site: Site) -> Iterator[Site]:
    """The site at an address of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            site.addresses.append(self.path)
            if site.slow_s:
                stop.wait(site.slow_s)
            if site.failures:
                status, told = site.failures.pop(0)
                self.reply(status, told.encode())
            elif self.path == "/webservice/upload.php":
                self.reply(200, json.dumps(site.upload(self.headers["Content-Type"], body)).encode())
            else:
                given = dict(parse_qsl(body.decode(), keep_blank_values=True))
                self.reply(200, json.dumps(site.answer(given.pop("wsfunction"), given)).encode())

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", re.sub("^http:", "https:", site.url) + self.path)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    stop = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
