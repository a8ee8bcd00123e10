"""The fork server: imports one framework, runs no operation, starts no thread, forks a worker per request.

Started as its own program with a clean environment (see launch.py). Each request is one message on
the control socket, a JSON text with three descriptors:

    job   to the supervisor: its end closing means "kill the worker"; how the worker ended goes back on it
    io    the worker's frames
    out   the worker's stdout and stderr
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from typing import Any, NoReturn

from grader.frameworks import Framework
from grader.sandbox import jail, kernel, worker
from grader.types import Limits

# What learners import: here once, so that a worker need not (and, sealed, can).
COMMON = """
    abc bisect collections copy csv dataclasses datetime decimal encodings.idna enum fractions
    functools glob gzip heapq inspect io itertools json logging math operator os pathlib pickle
    pprint random re shutil statistics string subprocess textwrap time timeit traceback typing
    urllib.request warnings zipfile
""".split()
IO = 3


@dataclass(frozen=True)
class Child:
    """A worker that has not been waited for."""

    pid: int
    pidfd: int
    job: int


def main() -> NoReturn:
    """``python -c ... CONTROL_FD SETTINGS``; see launch.py. Never returns."""
    control = socket.socket(fileno=int(sys.argv[1]))
    settings = json.loads(sys.argv[2])
    layers = jail.isolate() if settings["isolate"] else ("bubblewrap",)
    for name in COMMON:
        importlib.import_module(name)
    framework, versions = worker.prepare(settings["framework"])
    outer = tempfile.mkdtemp(prefix="grader-scratch-")
    os.chmod(outer, 0o711)
    scratch = os.path.join(outer, "scratch")
    os.mkdir(scratch, 0o711)
    policy = jail.prepare(
        scratch,
        tuple(settings["readable"]),
        gpu=settings["gpu"],
        devices=tuple(settings["devices"]),
        hidden=tuple(settings["hidden"]),
        without=frozenset(settings["without"]),
    )
    with contextlib.suppress(ValueError):
        sys.path.remove(settings["root"])
    kernel.prctl(kernel.SET_DUMPABLE, 0)  # a worker of our uid shall not look into our memory
    gc.collect()
    gc.freeze()  # a collection in a worker would copy every page
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"{threads} threads in the zygote: forking it is not safe")
    control.send(json.dumps({"versions": versions, "scratch": outer}).encode())
    try:
        Server(control, framework, policy, layers).loop()
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(scratch)  # empty: workers write to a private file system mounted over it
            os.rmdir(outer)
        os._exit(0)


class Server:
    """Forks, kills and waits for workers, one `poll` at a time."""

    def __init__(
        self, control: socket.socket, framework: Framework, policy: jail.Policy, layers: tuple[str, ...]
    ) -> None:
        self._control, self._framework, self._policy, self._layers = control, framework, policy, layers
        self._children: dict[int, Child] = {}  # by pidfd and by job
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def loop(self) -> None:
        """Serve until the supervisor closes the control socket."""
        while True:
            # The control socket, registered first, comes first: a descriptor that is closed below
            # cannot be used again for a new worker before this list is done.
            for fd, _ in self._poll.poll():
                if fd == self._control.fileno():
                    data, fds, *_ = socket.recv_fds(self._control, 1 << 16, 3)
                    if not data:
                        return
                    self._fork(json.loads(data), *fds)
                elif child := self._children.get(fd):
                    self._kill(child) if fd == child.job else self._bury(child)

    def _fork(self, request: dict[str, Any], job: int, io: int, out: int) -> None:
        try:
            pid = os.fork()
        except OSError:  # no process to be had: hanging up tells the supervisor that it was not the learner
            for fd in (job, io, out):
                os.close(fd)
            return
        if pid == 0:
            self._become_worker(Limits(**request["limits"]), io, out)
        os.close(io)
        os.close(out)
        child = Child(pid, os.pidfd_open(pid), job)
        for fd in (child.job, child.pidfd):
            self._children[fd] = child
            self._poll.register(fd, select.POLLIN)

    def _kill(self, child: Child) -> None:
        # Read what was said: bytes left unread at close would reset the line and lose our answer.
        with contextlib.suppress(OSError):
            os.read(child.job, 64)
        self._poll.unregister(child.job)
        del self._children[child.job]
        signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)

    def _bury(self, child: Child) -> None:
        _, status, usage = os.wait4(child.pid, 0)
        if self._children.pop(child.job, None):
            self._poll.unregister(child.job)
        self._poll.unregister(child.pidfd)
        del self._children[child.pidfd]
        end = {
            "exit": os.waitstatus_to_exitcode(status),
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "memory_mb": usage.ru_maxrss / 1024,
        }
        with contextlib.suppress(OSError):
            os.write(child.job, json.dumps(end).encode())
        os.close(child.job)
        os.close(child.pidfd)

    def _become_worker(self, bounds: Limits, io: int, out: int) -> NoReturn:
        status = 70
        try:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)  # 0 to 2 are open in the zygote, so `io` and `out` are none of them
            os.dup2(out, 1)
            os.dup2(out, 2)
            if io != IO:
                os.dup2(io, IO)
            if self._policy.hiding >= 0:
                os.dup2(self._policy.hiding, jail.HIDING)
            else:
                os.dup2(null, jail.HIDING)
            os.closerange(jail.HIDING + 1, 1 << 16)
            self._children.clear()
            # One prefork state for all, so that runs repeat (Python itself reseeds `random` at a fork).
            random.seed(0)
            sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115
            sys.stdout = open(1, "w", encoding="utf-8", errors="replace", buffering=1)  # noqa: SIM115
            sys.stderr = open(2, "w", encoding="utf-8", errors="replace", buffering=1)  # noqa: SIM115
            sys.argv = [""]
            if self._policy.scratch:
                os.environ["TMPDIR"] = os.environ["HOME"] = tempfile.tempdir = self._policy.scratch
            layers = jail.enter(self._policy, bounds, self._framework.warm)
            gpu = self._policy.gpu and worker.sees_gpu(self._framework)
            if self._policy.devices and not gpu:
                raise RuntimeError("there are device nodes of a GPU, but the framework finds none")
            if self._policy.gpu and not gpu:
                layers += ("no GPU found",)
            worker.serve(IO, IO, self._framework, self._layers + layers, gpu)
        except (EOFError, OSError) as error:
            with contextlib.suppress(BaseException):
                print(f"worker: {error}", file=sys.stderr)
        except BaseException as error:
            with contextlib.suppress(BaseException):
                print(f"worker: {type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(status)
