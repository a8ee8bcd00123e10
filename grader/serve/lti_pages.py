"""The few pages of the protocol itself: whole documents with a content security policy each."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Response
from markupsafe import Markup

from grader.i18n import translator
from grader.serve.outgoing import IN_HOSTS

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "html"
ANYBODY = "*"


def page(
    template: str,
    lang: str,
    *,
    status: int = 200,
    form_action: str = "'none'",
    frames: str = ANYBODY,
    script: str = "",
    **values: Any,
) -> Response:
    """A page. `frames`: which sites may show it in a frame; everybody may where there is nothing to click away."""
    style, code = _inline("lti.css"), _inline(script) if script else ""
    text = (
        _templates()
        .get_template(template)
        .render(lang=lang, _=translator(lang), style=Markup(style), script=Markup(code), **values)
    )
    policy = [
        "default-src 'none'",
        f"style-src {_digest(style)}",
        *([f"script-src {_digest(code)}"] if code else []),
        "base-uri 'none'",
        f"form-action {form_action}",
        f"frame-ancestors {frames}",
    ]
    answer = Response(text, status, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = "; ".join(policy)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def origin(url: str) -> str:
    """Scheme, host and port of a URL; empty where it has none, or one that a policy could not hold."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or not set(host) <= IN_HOSTS:
        return ""
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + (f":{port}" if port else "")


def origins(urls: Iterable[str]) -> str:
    """The same of several, for a policy."""
    found = sorted({origin(url) for url in urls} - {""})
    return " ".join(found) or "'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _inline(name: str) -> str:
    return "\n" + (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
