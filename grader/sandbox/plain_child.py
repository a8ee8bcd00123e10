"""The child of `plain.PlainRunner`: the same worker and frames in a fresh interpreter, locked in by nothing."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from dataclasses import replace
from typing import NoReturn

from grader.sandbox import limits, worker
from grader.types import Limits


def main() -> NoReturn:
    """``python -c ... SETTINGS``; frames on stdin and stdout, which are moved away from the learner's prints."""
    settings = json.loads(sys.argv[1])
    source, sink = os.dup(0), os.dup(1)
    if sys.platform == "win32":
        import msvcrt

        for fd in (source, sink):
            msvcrt.setmode(fd, os.O_BINARY)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    status = 70
    try:
        framework, _ = worker.prepare(settings["framework"])
        bounds = Limits(**settings["limits"])
        # Importing has cost processor time already, which is not the program's.
        bounds = replace(bounds, cpu_s=bounds.cpu_s + int(time.process_time()) + 1)
        limits.apply(bounds, writable=True, address_space=settings["device"] == "cpu")
        random.seed(0)
        sys.argv = [""]
        worker.serve(source, sink, framework, ["plain subprocess"])
    except (EOFError, OSError):
        pass
    except BaseException as error:
        print(f"worker: {type(error).__name__}: {error}", file=sys.stderr)
    finally:
        os._exit(status)
