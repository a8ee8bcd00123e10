"""The process between the grader and one notebook: makes the room, forks client and kernel, tells how they ended.

Started as its own program with a clean environment. It runs no cell and reads nothing that one wrote.

    control   a socket to the supervisor: its end closing means "kill both"; how each ended goes back on it
    io        the client's frames, and before it starts, the one frame that says what to run
    out       what the two print past Jupyter

The client is the first process of the new process namespace: when it is gone, the kernel of the operating
system leaves none of the others alive.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NoReturn

from grader.execute.inside import client, kernel, lock, room
from grader.execute.inside.session import Session
from grader.sandbox import wire
from grader.sandbox.kernel import SET_DUMPABLE, SET_PDEATHSIG, prctl

NAMES = ("client", "kernel")


def main() -> NoReturn:
    """``python -c ... CONTROL_FD IO_FD SETTINGS``; see run.py. Never returns."""
    control, io = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    settings = json.loads(sys.argv[3])
    os.umask(0o022)
    prctl(SET_PDEATHSIG, signal.SIGKILL)
    try:
        note, _ = wire.receive(io)
        outer = tempfile.mkdtemp(prefix="grader-notebook-")
        control.send(json.dumps({"outer": outer}).encode())
        try:
            layers = room.isolate()
            room.build(outer, settings["scratch_mb"], settings["readable"], settings["files"])
        except OSError as error:
            control.send(json.dumps({"refused": f"no namespaces of its own ({error})"}).encode())
            raise
        session = Session(
            key=secrets.token_hex(16),
            readable=tuple(settings["readable"]),
            layers=(*layers, "private root"),
            note=note,
        )
        telling, told = os.pipe()
        children = {}
        for name, body in zip(NAMES, (lambda: client.main(session), lambda: kernel.main(session)), strict=True):
            keep = {3: io, 4: telling} if name == "client" else {3: told}
            pid = _child(keep, body)
            children[os.pidfd_open(pid)] = (name, pid)
        prctl(SET_DUMPABLE, 0)
        for fd in (io, telling, told):
            os.close(fd)
        _watch(control, children)
    except BaseException as error:
        print(f"guard: {type(error).__name__}: {error}", file=sys.stderr)
    os._exit(0)


def _child(keep: dict[int, int], body: Callable[[], object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        null = os.open(os.devnull, os.O_RDWR)
        lock.only_these_descriptors({0: null, 1: 1, 2: 2, **keep})
        body()
        status = 0
    except lock.Refused as error:
        status = lock.REFUSED
        print(error, file=sys.__stderr__, flush=True)
    except BaseException as error:
        with contextlib.suppress(BaseException):
            print(f"{type(error).__name__}: {error}", file=sys.__stderr__, flush=True)
    finally:
        os._exit(status)


def _watch(control: socket.socket, children: dict[int, tuple[str, int]]) -> None:
    """Until both have ended, or nobody listens any more."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    for fd in children:
        poll.register(fd, select.POLLIN)
    while children:
        for fd, _ in poll.poll():
            if fd == control.fileno():  # "kill", or the supervisor is gone
                with contextlib.suppress(OSError):
                    control.recv(64)
                poll.unregister(control)
                for pidfd in children:
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            elif fd in children:
                name, pid = children.pop(fd)
                poll.unregister(fd)
                os.close(fd)
                with contextlib.suppress(OSError):
                    control.send(json.dumps(_end(name, pid)).encode())


def _end(name: str, pid: int) -> dict[str, Any]:
    _, status, usage = os.wait4(pid, 0)
    own = time.process_time() if name == "client" else 0.0  # imports, which were paid for once and not twice
    return {
        "who": name,
        "exit": os.waitstatus_to_exitcode(status),
        "cpu_s": usage.ru_utime + usage.ru_stime + own,
        "memory_mb": usage.ru_maxrss / 1024,
    }
