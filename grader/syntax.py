"""Python's own parser, for one thread at a time."""

from __future__ import annotations

import ast
import threading

LOCK = threading.Lock()


def parse(source: str, name: str = "<unknown>") -> ast.Module:
    """As `ast.parse`, and raises what it raises.

    While CPython turns a parsed text into objects it counts their depth in a place that all threads share: a call
    that another thread's comes in between of can end in "SystemError: AST constructor recursion depth mismatch".
    Reported of threaded programs: https://github.com/python/cpython/issues/106905.
    """
    with LOCK:
        return ast.parse(source, name)
