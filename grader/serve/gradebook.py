"""Grades to platforms (Assignment and Grade Services 2.0), and who is in a course (Names and Roles 2.0).

https://www.imsglobal.org/spec/lti-ags/v2p0, https://www.imsglobal.org/spec/lti-nrps/v2p0. What platforms really
do, and where the specifications do not say it, is in docs/lms/lti-protocol.md.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from grader.plaintext import clean, clean_block
from grader.serve.answers import (
    entries,
    identifier,
    member,
    next_page,
    rate_limited,
    recorded,
    retry_after,
    site,
    told,
)
from grader.serve.outgoing import Answer, NotAllowed, Unreachable
from grader.serve.records import Member, Platform, Recorded, Score, Sent, Taken
from grader.serve.tokens import NoToken, Tokens
from grader.types import FriendlyError

if TYPE_CHECKING:
    from grader.serve.services import Services

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
SCORE, RESULTS = (f"{AGS}score",), (f"{AGS}result.readonly",)
ROSTER = ("https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",)
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"
ROSTER_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"

MOST_PAGES = 500
MOST_AHEAD_S = 300  # how far ahead of our clock a score may be dated, to come after one that is
DIGITS = 5  # decimals of a score
log = logging.getLogger(__name__)


class Unanswered(FriendlyError):
    """The platform did not give what was asked for; says why."""


class Gradebook:
    """The gradebooks of all platforms. Safe for threads; one for the process is enough, and keeps its tokens."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tokens = Tokens(services)
        self._paused: dict[int, float] = {}  # platform -> until when it wants no requests (monotonic)
        self._lock = threading.Lock()

    # ------------------------------------------------------------ scores

    def send_score(self, platform: Platform, lineitem: str, score: Score) -> Sent:
        """Send a final grade. Never raises for what a platform or the network does, never waits.

        Call it for one column and person from one thread at a time: the score that is sent last counts there.
        """
        if not math.isfinite(score.earned) or not math.isfinite(score.possible) or score.possible <= 0:
            return Sent(Taken.REFUSED, f"{score.earned} of {score.possible} points is no grade")
        try:
            return self._score(platform, lineitem, score)
        except _Later as later:
            return Sent(Taken.LATER, later.why, later.seconds)
        except NotAllowed as error:
            return Sent(Taken.REFUSED, f"the column's address is not usable: {error}")

    def _score(self, platform: Platform, lineitem: str, score: Score) -> Sent:
        stamp = self._services.stamps.next(platform, lineitem, score.user, time.time())
        answer = self._post(platform, lineitem, score, stamp)
        if answer.status == 409:
            later = self._stamp_after(platform, lineitem, score.user, stamp)
            if later is None:
                return Sent(Taken.STALE, told(answer))
            answer = self._post(platform, lineitem, score, later)
            if answer.status == 409:
                return Sent(Taken.STALE, told(answer))
        return Sent(Taken.DONE if answer.ok else Taken.REFUSED, told(answer))

    def _post(self, platform: Platform, lineitem: str, score: Score, stamp: int) -> Answer:
        body = json.dumps(_payload(score, stamp), ensure_ascii=False).encode()
        headers = {"Content-Type": SCORE_TYPE, "Accept": "application/json"}
        return self._send("POST", platform, with_path(lineitem, "/scores"), SCORE, headers, body)

    def _stamp_after(self, platform: Platform, lineitem: str, user: str, stamp: int) -> int | None:
        """A date after that of the score over there; None where that is further ahead than clocks may differ.

        Dating ours still later would only push the moment further on, from which honest dates are taken again.
        """
        try:
            there = max((found.at for found in self.results(platform, lineitem, user)), default=0.0)
        except Unanswered:
            there = 0.0
        if there > time.time() + MOST_AHEAD_S:
            return None
        return self._services.stamps.next(platform, lineitem, user, max(stamp, math.floor(there)) + 1)

    # ------------------------------------------------------------ reading

    def results(self, platform: Platform, lineitem: str, user: str = "") -> tuple[Recorded, ...]:
        """What the column holds, for everybody or for one person. Raises Unanswered."""
        url = with_path(lineitem, "/results")
        if user:
            url = with_query(url, "user_id", user)
        listed = self._pages(platform, url, RESULTS, RESULTS_TYPE, lambda page: page)
        found = [recorded(entry) for entry in listed if identifier(entry.get("userId"))]
        return tuple(each for each in found if not user or each.user == user)

    def members(self, platform: Platform, members_url: str, link: str = "") -> tuple[Member, ...]:
        """Everybody in the course. Raises Unanswered.

        Their roles are what the platform says *here*, which may be less than at their launch: Moodle lists
        teaching assistants as learners. They give nobody a permission, and who is called learner may be staff.
        """
        url = with_query(members_url, "rlid", link) if link else members_url
        listed = self._pages(platform, url, ROSTER, ROSTER_TYPE, lambda page: page["members"])
        return tuple(member(entry) for entry in listed if identifier(entry.get("user_id")))

    def _pages(
        self, platform: Platform, url: str, scopes: tuple[str, ...], accept: str, listed: Callable[[Any], Any]
    ) -> Iterator[dict[str, Any]]:
        """The entries of all pages: follows `rel="next"`, but only at the same site: the token goes along."""
        first, seen = site(url), set[str]()
        try:
            while url and len(seen) < MOST_PAGES and url not in seen:
                seen.add(url)
                answer = self._send("GET", platform, url, scopes, {"Accept": accept})
                if not answer.ok:
                    raise Unanswered(told(answer))
                yield from entries(listed(answer.json()))
                url = next_page(answer, url)
                if url and site(url) != first:
                    raise Unanswered(f"the next page is at another site, {clean(site(url), 100)}")
            if url:
                raise Unanswered(f"more than {MOST_PAGES} pages, or the same page twice")
        except _Later as later:
            raise Unanswered(later.why) from None
        except (ValueError, TypeError, KeyError) as error:  # also NotAllowed
            raise Unanswered(f"the platform's answer cannot be read: {clean(str(error), 200)}") from None

    # ------------------------------------------------------------ requests

    def _send(
        self,
        method: str,
        platform: Platform,
        url: str,
        scopes: tuple[str, ...],
        headers: dict[str, str],
        body: bytes | None = None,
    ) -> Answer:
        """One request; a token that is not taken is replaced once. Raises _Later, NotAllowed."""
        self._services.outgoing.check(url)
        for attempt in (1, 2):
            with self._lock:
                rest = self._paused.get(platform.id, 0.0) - time.monotonic()
            if rest > 0:
                raise _Later("the platform asked for a pause", rest)
            try:
                token = self._tokens.get(platform, scopes)
                answer = self._services.outgoing.send(method, url, headers=headers, data=body, token=token)
            except NoToken as error:
                raise self._later(platform, str(error), error.answer) from None
            except Unreachable as error:
                raise _Later(str(error)) from None
            if answer.status != 401:
                break
            self._tokens.drop(platform, scopes, token)
            if attempt == 2:
                raise _Later(told(answer))
        log.info("%s %s: %s", method, site(url), told(answer))
        if answer.status in _NOT_NOW or answer.status >= 500 or rate_limited(answer):
            raise self._later(platform, told(answer), answer)
        return answer

    def _later(self, platform: Platform, why: str, answer: Answer | None) -> _Later:
        """After "too many requests" nothing more is sent to that platform for a while, whoever asks."""
        seconds = retry_after(answer) if answer else 0.0
        if answer and (answer.status == 429 or rate_limited(answer)):
            seconds = seconds or 1.0
        if answer and seconds and answer.status in (403, 429, 503):
            with self._lock:
                self._paused[platform.id] = time.monotonic() + seconds
        return _Later(why, seconds)


_NOT_NOW = (408, 423, 425, 429)


@dataclass
class _Later(Exception):
    """It could not be done just now."""

    why: str
    seconds: float = 0.0


# ---------------------------------------------------------------- what is sent


def with_path(url: str, ending: str) -> str:
    """Add to the path of a URL, before its query: columns have addresses like ``.../lineitem?type_id=1``."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + ending))


def with_query(url: str, name: str, value: str) -> str:
    """Set one parameter of a URL's query; the others stay."""
    parts = urlsplit(url)
    others = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != name]
    return urlunsplit(parts._replace(query=urlencode([*others, (name, value)])))


def _payload(score: Score, stamp: int) -> dict[str, Any]:
    """Always final: anything else than FullyGraded may erase the grade that is there."""
    given = min(max(score.earned, 0.0), score.possible)
    payload: dict[str, Any] = {
        "userId": score.user,
        "scoreGiven": round(given, DIGITS) + 0.0,  # no -0
        "scoreMaximum": score.possible,
        "comment": clean_block(score.comment),
        "timestamp": _utc(stamp),
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
    }
    if score.submitted_at > 0:
        payload["submission"] = {"submittedAt": _utc(math.floor(score.submitted_at))}
    return payload


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
