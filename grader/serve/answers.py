"""What platforms' services answer -> records and decisions."""

from __future__ import annotations

import email.utils
import math
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from requests.utils import parse_header_links

from grader.plaintext import clean, clean_block
from grader.serve.outgoing import Answer
from grader.serve.records import Member, Recorded

LONGEST_PAUSE_S = 3600.0


def told(answer: Answer) -> str:
    """Moodle gives its reason in the reason phrase, others in a short body."""
    text = answer.body[:400].decode("utf-8", "replace") if not answer.ok else ""
    return clean(f"{answer.told()} {text if text.strip() not in ('', '[]', '{}') else ''}".strip(), 400)


def rate_limited(answer: Answer) -> bool:
    """Canvas says 403 where others say 429."""
    return answer.status == 403 and b"rate limit" in answer.body[:400].lower()


def retry_after(answer: Answer) -> float:
    """Seconds or a date (RFC 9110, 10.2.3); 0 where there is none."""
    text = answer.headers.get("Retry-After", "").strip()
    try:
        seconds = (
            float(text) if text.isdigit() else email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        )
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE_S)


def next_page(answer: Answer, url: str) -> str:
    """Where the next page is (RFC 8288); empty on the last one."""
    for link in parse_header_links(answer.headers.get("Link", "")):
        if "next" in link.get("rel", "").lower().split():
            return str(urljoin(url, link["url"]))
    return ""


def site(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def entries(found: Any) -> list[dict[str, Any]]:
    """The objects of a list. Raises ValueError where it is none."""
    if not isinstance(found, list):
        raise ValueError("no list")
    return [entry for entry in found if isinstance(entry, dict)]


def identifier(value: Any) -> str:
    """An id as text; empty where there is none."""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value) else ""


def recorded(entry: dict[str, Any]) -> Recorded:
    """One entry of a result container."""
    score, comment = _number(entry.get("resultScore")), entry.get("comment")
    return Recorded(
        user=identifier(entry.get("userId")),
        score=score,
        maximum=_number(entry.get("resultMaximum")) or 0.0,
        comment=clean_block(comment) if isinstance(comment, str) else "",
        at=_seconds(entry.get("timestamp")),
    )


def member(entry: dict[str, Any]) -> Member:
    """One entry of a membership container."""
    name = entry.get("name") or f"{entry.get('given_name') or ''} {entry.get('family_name') or ''}"
    return Member(
        user=identifier(entry.get("user_id")),
        name=clean(str(name)),
        email=clean(str(entry.get("email") or "")),
        roles=tuple(role for role in entry.get("roles") or () if isinstance(role, str)),
        active=entry.get("status", "Active") == "Active",
    )


def _number(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _seconds(value: Any) -> float:
    """ISO 8601 -> seconds since 1970; a date without a zone is UTC; 0 for what is none."""
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0.0
