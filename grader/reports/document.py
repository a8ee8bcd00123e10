"""Templates -> one HTML file that needs nothing else and can load or run nothing else.

Everything is escaped. Should an escape be missing somewhere all the same, the content security policy holds: it
names the hashes of the one style and the one script in the file, so a browser runs and applies nothing but those,
and `default-src 'none'` keeps it from loading anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from grader.i18n import translator
from grader.plaintext import clean
from grader.reports.marks import NOTHING, OURS, PARTLY, RIGHT, UNCLEAR, WRONG

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "html"
# A mark -> its class in style.css.
TONES: Mapping[str, str] = {
    RIGHT: "right", PARTLY: "partly", WRONG: "wrong", NOTHING: "none", UNCLEAR: "unclear", OURS: "ours",
}  # fmt: skip


def render(template: str, lang: str, *, script: bool = False, **values: Any) -> str:
    """The document. `values` are plain text unless they are Markup; in the template `_` translates."""
    style = _inline("style.css")
    code = _inline("script.js") if script else ""
    return (
        _templates()
        .get_template(template)
        .render(
            lang=lang,
            _=translator(lang),
            style=Markup(style),
            script=Markup(code),
            policy=policy(style, code),
            **values,
        )
    )


def policy(style: str, script: str = "") -> str:
    """What a browser may do with the document (https://www.w3.org/TR/CSP3/)."""
    parts = ["default-src 'none'", f"style-src {_digest(style)}"]
    if script:
        parts.append(f"script-src {_digest(script)}")
    return "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _inline(name: str) -> str:
    """With line ends as a browser reads them: the hash is that of what it reads."""
    return "\n" + (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # when the first page is written

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["clean"] = clean
    made.globals["tones"] = TONES
    return made
