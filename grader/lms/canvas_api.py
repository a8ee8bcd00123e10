"""Canvas over its REST API, by way of canvasapi: what is there, files up, grades and comments in, one by one.

One request carries grade, comment and file of a learner, so that an interruption leaves no half of it, and Canvas
answers for each by name; the update of many at once (`update_grades`) tells only that some of them failed.
Rules: https://github.com/instructure/canvas-lms, app/controllers/submissions_api_controller.rb and
submission_comments_api_controller.rb, app/middleware/request_throttle.rb.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.lms.records import Refused
from grader.plaintext import clean
from grader.types import FriendlyError

TIMEOUT = (10, 90)  # seconds to connect, to wait for an answer
PAUSES = (1, 2, 4, 8, 15, 30, 60)  # seconds after each "Rate Limit Exceeded"
LITTLE = 60  # of the 600 that Canvas gives a token; 10 come back each second
sleep = time.sleep


@dataclass(frozen=True)
class Task:
    """An assignment, as far as grading it goes."""

    title: str
    points: float
    by_hand: bool  # learners see nothing until somebody posts the grades
    together: bool  # a grade and a comment for one of a group are for all of it


@dataclass(frozen=True)
class There:
    """What Canvas has of one learner."""

    user: str  # empty where Canvas hides who it is
    anonymous: str
    name: str
    ids: frozenset[str]  # that the institution gives, case-folded
    score: float | None  # as entered, before Canvas takes off what its late policy says
    taken_off: float
    excused: bool
    attachments: frozenset[str]  # numbers of the files handed in
    comments: tuple[str, ...]
    files: tuple[str, ...]  # names of the files attached to comments

    @property
    def key(self) -> str:
        """Who it is in Canvas."""
        return self.user or f"anon_{self.anonymous}"


class Gateway:
    """A connection to one assignment. Use it in `with`. Raises FriendlyError where Canvas cannot be asked, Refused
    where it does not take what it was sent.
    """

    def __init__(self, url: str, token: str, course: str, assignment: str) -> None:
        try:
            from canvasapi.course import Course
            from canvasapi.requester import Requester
        except ImportError as missing:
            raise FriendlyError("push canvas needs canvasapi: pip install 'grader[canvas]'") from missing
        self._url, self._token, self._asked = url, token, (course, assignment)
        self._requester = Requester(url, token)
        self._session = self._requester._session
        self._requester._session = _Patient(self._session)  # no time limits of its own
        self._course = Course(self._requester, {"id": int(course)})

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def task(self) -> Task:
        """The assignment. Raises Refused where it cannot be graded in points."""
        with self._told(f"course {self._asked[0]}, assignment {self._asked[1]}"):
            found = self._course.get_assignment(int(self._asked[1]))
            told = {name: getattr(found, name, None) for name in ASSIGNMENT}
        title = clean(str(told["name"] or ""), 120)
        points = told["points_possible"]
        if told["published"] is False:
            raise Refused(f"{title}: is not published in Canvas, so nobody can be graded there")
        if told["grading_type"] in ("pass_fail", "not_graded") or not points:
            raise Refused(f"{title}: is not graded in points in Canvas ({told['grading_type']}, {points} points)")
        if told["moderated_grading"] and not told["grades_published"]:
            raise Refused(
                f"{title}: is graded by several and moderated; Canvas takes grades from outside only after"
            )
        together = bool(told["group_category_id"]) and not told["grade_group_students_individually"]
        return Task(title, float(points), bool(told["post_manually"]), together)

    def submissions(self) -> tuple[There, ...]:
        """Everybody whom the assignment is for."""
        from canvasapi.paginated_list import PaginatedList

        asked = [("include[]", "submission_comments"), ("include[]", "user")]
        with self._told("the submissions"):
            # As JSON: canvasapi's own objects look for a date in each value, a minute for a large class.
            return tuple(
                PaginatedList(_there, self._requester, "GET", f"{self._path()}/submissions", _kwargs=asked)
            )

    def upload(self, there: There, name: str, content: bytes) -> int:
        """A file that can be attached to a comment for this learner. Returns its number."""
        from canvasapi.upload import Uploader

        path = f"{self._path()}/submissions/{there.user}/comments/files"
        with tempfile.TemporaryDirectory() as folder, self._told("the feedback file"):
            file = Path(folder) / name
            file.write_bytes(content)
            taken, answer = Uploader(self._requester, path, file, content_type="text/html").start()
            if not taken or "id" not in answer:
                raise Refused("the feedback file: Canvas did not take it")
            return int(answer["id"])

    def send(self, there: There, grade: str, comment: Mapping[str, Any]) -> None:
        """Grade one learner and comment; without `comment` only the grade."""
        from canvasapi.util import combine_kwargs

        who = f"submissions/{there.user}" if there.user else f"anonymous_submissions/{there.anonymous}"
        asked: dict[str, Any] = {"submission": {"posted_grade": grade}, "prefer_points_over_scheme": True}
        if comment:
            asked["comment"] = dict(comment)
        with self._told("the grade"):
            self._requester.request("PUT", f"{self._path()}/{who}", _kwargs=combine_kwargs(**asked))

    def _path(self) -> str:
        return f"courses/{self._asked[0]}/assignments/{self._asked[1]}"

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Say what went wrong, without the token, whoever echoes it."""
        import requests
        from canvasapi import exceptions

        try:
            yield
        except exceptions.InvalidAccessToken as wrong:
            raise FriendlyError(f"{self._url}: Canvas does not know this token; has it expired?") from wrong
        except exceptions.ResourceDoesNotExist as wrong:
            raise Refused(f"{what}: there is none in Canvas, or this token may not see it") from wrong
        except exceptions.RateLimitExceeded as wrong:
            raise FriendlyError(
                f"{what}: Canvas still says that it is asked too often; try again later"
            ) from wrong
        except exceptions.Forbidden as wrong:
            if _limited(403, str(wrong)):
                raise FriendlyError(f"{what}: Canvas still says that it is asked too often; try again later") \
                    from wrong  # fmt: skip
            raise Refused(f"{what}: this token may not do that: {self._safe(wrong)}") from wrong
        except exceptions.CanvasException as wrong:
            raise Refused(f"{what}: Canvas says: {self._safe(wrong)}") from wrong
        except requests.JSONDecodeError as strange:
            raise FriendlyError(self._strange(what, strange)) from strange
        except requests.RequestException as fault:
            raise FriendlyError(f"{self._url}: {self._safe(fault)}; the same command goes on from here") from fault
        except (ValueError, KeyError, AttributeError, TypeError) as strange:
            raise FriendlyError(self._strange(what, strange)) from strange

    def _strange(self, what: str, fault: Exception) -> str:
        return f"{self._url}: does not answer as Canvas does ({what}: {self._safe(fault)})"

    def _safe(self, fault: Exception) -> str:
        return clean(str(fault).replace(self._token, "..."), 300)


ASSIGNMENT = ("name", "points_possible", "published", "grading_type", "moderated_grading", "grades_published",
              "post_manually", "group_category_id", "grade_group_students_individually")  # fmt: skip


def _there(_requester: Any, told: Mapping[str, Any]) -> There:
    user = told.get("user") or {}
    entered = told.get("entered_score")
    score = told.get("score") if entered is None else entered
    comments = told.get("submission_comments") or ()
    ids = (user.get(name) for name in ("login_id", "sis_user_id"))
    return There(
        user=str(told.get("user_id") or ""),
        anonymous=str(told.get("anonymous_id") or ""),
        name=clean(str(user.get("sortable_name") or user.get("name") or ""), 120),
        ids=frozenset(str(own).casefold() for own in ids if own),
        score=None if score is None else float(score),
        taken_off=float(told.get("points_deducted") or 0),
        excused=bool(told.get("excused")),
        attachments=frozenset(str(file["id"]) for file in told.get("attachments") or ()),
        comments=tuple(str(own.get("comment") or "") for own in comments),
        files=tuple(str(file.get("display_name")) for own in comments for file in own.get("attachments") or ()),
    )


# ---------------------------------------------------------------- rate limits


class _Patient:
    """A session of `requests` with time limits, that waits where Canvas says that it is asked too often."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def get(self, url: str, **asked: Any) -> Any:
        return self._send("GET", url, asked)

    def put(self, url: str, **asked: Any) -> Any:
        return self._send("PUT", url, asked)

    def post(self, url: str, **asked: Any) -> Any:
        return self._send("POST", url, asked)

    def _send(self, method: str, url: str, asked: Mapping[str, Any]) -> Any:
        for pause in (*PAUSES, None):
            for file in (asked.get("files") or {}).values():
                file.seek(0)  # it was read when it was sent in vain
            answer = self._session.request(method, url, timeout=TIMEOUT, **asked)
            if pause is None or not _limited(answer.status_code, answer.text):
                break
            sleep(pause)
        if _number(answer.headers.get("X-Rate-Limit-Remaining")) < LITTLE:
            sleep(1)
        return answer


def _limited(status: int, text: str) -> bool:
    return status == 429 or (status == 403 and "rate limit exceeded" in text.casefold())


def _number(text: str | None) -> float:
    return float(text) if text and re.fullmatch(r"-?\d+(\.\d+)?", text) else LITTLE
