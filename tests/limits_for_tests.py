"""A bound for code that must not hang: generous, and of CPU time, so that a busy machine does not matter."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Fail the test when the block takes more CPU seconds than this."""

    def stop(*_: object) -> None:
        pytest.fail(f"still at it after {seconds} s of CPU time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
