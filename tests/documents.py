"""Documents with one value changed, for tests of what is read from YAML."""

from __future__ import annotations

import copy
from typing import Any

REMOVE = object()


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of the document with one value put at "a.b.c" (or removed)."""
    document = copy.deepcopy(document)
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    place: Any = document
    for key in parents:
        place = place[key]
    if value is REMOVE:
        del place[last]
    else:
        place[last] = value
    return document
