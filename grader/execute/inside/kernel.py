"""The kernel's process, in which a whole notebook's cells run: locks itself in, then is an ordinary IPython.

Nothing said from here is believed beyond "this cell raised" and "this one did not": a cell could rewrite it all.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from typing import Any

from ipykernel.kernelapp import IPKernelApp

from grader.execute.inside import lock, room, standing_in
from grader.execute.inside.session import Session
from grader.execute.inside.telling import Telling
from grader.execute.records import Bounds
from grader.sandbox.seccomp import Talk

TOLD = 3
VERSIONED = ("tensorflow", "keras", "tf_keras", "torch", "numpy")


def main(session: Session) -> None:
    """Never returns while the notebook runs."""
    layers = lock.before(session.readable, room.WRITABLE, [room.SOCKETS])
    os.set_blocking(TOLD, False)
    note = session.note
    bounds = Bounds(**note["bounds"])
    os.environ.update(HOME=room.HOME, TMPDIR="/tmp", IPYTHONDIR=f"{room.HOME}/.ipython", MPLBACKEND="agg",
                      JOBLIB_MULTIPROCESSING="0", JUPYTER_RUNTIME_DIR=f"{room.HOME}/.runtime")  # fmt: skip
    os.chdir(room.WORK)
    telling = Telling(TOLD, [number for number, source in note["cells"] if source.strip()])
    app = _start(session)
    telling.watch(app.shell)
    standing_in.install(app.shell, telling, note["mode"], frozenset(note["libraries"]), note["stand_ins"])
    layers += lock.after(bounds, bounds.cpu_s, Talk.OPEN)
    telling.ready(layers, _versions())
    app.start()


def _start(session: Session) -> Any:
    app = IPKernelApp.instance(quiet=True, capture_fd_output=False, log_level=50)
    app.load_connection_info(session.connection())
    app.connection_file = f"{room.HOME}/kernel.json"
    with warnings.catch_warnings(action="ignore"):  # no TCP socket for the output of subprocesses: there are none
        app.initialize(["--HistoryManager.enabled=False"])
    return app


def _versions() -> dict[str, str]:
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in VERSIONED:
        if name in sys.modules:
            found[name] = str(getattr(importlib.import_module(name), "__version__", ""))
    return found
