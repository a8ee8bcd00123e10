"""What holds for every request: who may ask, how often, how much; and what browsers may do with the answers."""

from __future__ import annotations

import hmac
import re
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from flask import Request, Response

from grader.explain import explain_unreadable
from grader.i18n import mark
from grader.notebook import Unreadable, parse_notebook
from grader.plaintext import clean
from grader.serve.attempts import Refused
from grader.serve.database import now
from grader.serve.settings import MB

SUFFIXES = (".ipynb", ".py")
FORM_BYTES = 64 * 1024  # of a form beside its file
SAFE = ("GET", "HEAD", "OPTIONS")
_ORIGIN = re.compile(r"https?://[a-zA-Z0-9.\-\[\]:]+")


class Rate:
    """At most `most` in any `seconds` for each key; in the memory of this process."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._seen: dict[object, deque[float]] = {}
        self._lock = threading.Lock()

    def wait_s(self, key: object) -> int:
        """0, and counted; or in how many seconds to come again."""
        moment = now()
        with self._lock:
            if len(self._seen) > 10_000:
                self._seen = {k: d for k, d in self._seen.items() if d and d[-1] > moment - self._seconds}
            times = self._seen.setdefault(key, deque())
            while times and times[0] <= moment - self._seconds:
                times.popleft()
            if len(times) >= self._most:
                return int(times[0] + self._seconds - moment) + 1
            times.append(moment)
            return 0


def check_sender(request: Request, url: str) -> None:
    """A POST that a browser says another site made is refused before anything is read. Raises Refused."""
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site") or origin not in (None, url):
        raise Refused(403, FOREIGN)


def check_token(request: Request, token: str) -> None:
    """The session's own token must have come with the form. Raises Refused."""
    sent = request.form.get("csrf", "")
    if not token or not hmac.compare_digest(sent.encode("utf-8", "replace"), token.encode()):
        raise Refused(403, FOREIGN)


FOREIGN = mark("This form does not come from this page, or the page was too old. Open it again and repeat.")


def check_upload(name: str, data: bytes, most_mb: int, lang: str) -> str:
    """The name to keep for a notebook that can be read. Raises Refused: 413, 415."""
    shown = clean(name.replace("\\", "/").rpartition("/")[2], 120)
    if not shown:
        raise Refused(415, mark("Choose a file first."))
    if len(data) > most_mb * MB:
        raise too_big(most_mb)
    if not shown.lower().endswith(SUFFIXES):
        raise Refused(
            415, mark("{name} is no notebook: hand in a file that ends in .ipynb or .py."), {"name": shown}
        )
    try:
        parse_notebook(data, shown)
    except Unreadable as wrong:
        told = {"name": shown, "why": explain_unreadable(wrong.reason, wrong.detail, lang)}
        raise Refused(415, mark("{name} cannot be read. {why} No attempt was used."), told) from None
    return shown


def too_big(most_mb: int) -> Refused:
    """Says what to do about it."""
    why = mark("The file is larger than {limit} MB. Clear the outputs of the notebook, save it and try again.")
    return Refused(413, why, {"limit": most_mb})


def origin(url: str) -> str:
    """Scheme and host, if they can stand in a policy; otherwise empty."""
    parts = urlsplit(url)
    made = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return made if _ORIGIN.fullmatch(made) else ""


def protect(response: Response, frames: Iterable[str], *, secure: bool) -> Response:
    """Set the headers. `frames`: the sites that may show our pages in a frame."""
    ancestors = " ".join(["'self'", *dict.fromkeys(site for site in frames if site)])
    headers: Mapping[str, str] = {
        "Content-Security-Policy": PAGES,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",  # without any, forms would come from nowhere
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
        "Cache-Control": "no-store",
    }
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    policy = response.headers["Content-Security-Policy"]
    if "frame-ancestors" not in policy:
        response.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors {ancestors}"
    if secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'"
)
# A report may hold anything that a learner wrote: nothing in it runs, loads, leads or belongs to our site.
REPORT = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
