"""A process that grades and sends until it is killed: `python serve_process.py DATABASE LOG SECONDS [stall]`.

Every score is a line in LOG. SECONDS is how long a grading takes. With `stall` nothing is ever finished.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from serve_made import Gradebook, made
from sqlalchemy import create_engine

from grader.serve.records import Score


def main(url: str, log: str, seconds: str, *how: str) -> None:
    """Until killed."""
    engine = create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
    of = made(engine, Path(log).parent)
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def written(score: Score) -> None:
        os.write(descriptor, f"{score.user} {score.earned}\n".encode())
        time.sleep(float(seconds))  # the platform takes its time: a kill may come in between

    of.shop.before = lambda task: time.sleep(float(seconds))
    if "stall" in how:
        of.shop.hold.clear()
        of.shop.hold.wait = lambda timeout=None: threading.Event().wait()  # type: ignore[method-assign]
    of.gradebook = Gradebook(before=written)
    with of.crew(2, lease_s=1.0), of.sender(lease_s=1.0):
        print("ready", flush=True)
        of.shop.started.wait()
        print("started", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
