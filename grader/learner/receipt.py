"""A receipt of a self-check: what was checked, with what, and what came out, signed.

The key comes with the kit: it is derived from the secret of the course (HMAC-SHA256, RFC 2104), which it does
not reveal. So whoever has a kit can sign whatever they like. A receipt says that somebody with the kit claims
this, and that nobody changed the file since; a grade never depends on it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import grader
from grader.types import Assignment, FriendlyError, Graded

FORMAT = 1


class NoReceipt(FriendlyError):
    """This is no receipt, or there is no key to sign one with."""


def key_of(secret: bytes, assignment: Assignment) -> str:
    """What receipts of this assignment are signed with: 64 hexadecimal digits."""
    about = f"receipt\0{assignment.slug}\0{assignment.version}\0{assignment.digest}"
    return hmac.new(secret, about.encode(), hashlib.sha256).hexdigest()


def write(graded: Graded, key: str, environment: Mapping[str, str], at: float | None = None) -> bytes:
    """The text of a receipt, UTF-8 JSON. `key` comes from the kit, `at` is in seconds since 1970."""
    told = {
        "receipt": FORMAT,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() if at is None else at)),
        "grader": grader.__version__,
        "assignment": {
            "slug": graded.assignment.slug,
            "version": graded.assignment.version,
            "digest": graded.assignment.digest,
        },
        "notebook": {"sha256": graded.submission.sha256},
        "environment": dict(sorted(environment.items())),
        "results": {result.exercise: result.verdict.value for result in graded.results},
    }
    return (json.dumps({**told, "signature": _sign(told, key)}, ensure_ascii=False, indent=1) + "\n").encode()


def read(content: bytes) -> dict[str, Any]:
    """What a receipt claims, not yet verified. Raises NoReceipt."""
    try:
        told = json.loads(content)
        good = told["receipt"] == FORMAT and isinstance(told["results"], dict)
        good &= all(isinstance(told[name], str) for name in ("at", "grader", "signature"))
        good &= all(isinstance(told["assignment"][name], str) for name in ("slug", "version", "digest"))
        good &= isinstance(told["notebook"]["sha256"], str)
    except (ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise NoReceipt(f"this is no receipt of `grader check --receipt`: {type(wrong).__name__}") from wrong
    if not good:
        raise NoReceipt("this is no receipt of `grader check --receipt`")
    return dict(told)


def genuine(told: Mapping[str, Any], key: str) -> bool:
    """Whether it was signed with this key and not changed since."""
    unsigned = {name: value for name, value in told.items() if name != "signature"}
    return hmac.compare_digest(str(told["signature"]), _sign(unsigned, key))


def _sign(told: Mapping[str, Any], key: str) -> str:
    text = json.dumps(told, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hmac.new(bytes.fromhex(key), text.encode(), hashlib.sha256).hexdigest()
