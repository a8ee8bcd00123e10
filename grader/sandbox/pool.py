"""The trusted side: starts a zygote, hands it programs, says how each call ended. Imports no framework."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType

from grader.sandbox import launch
from grader.sandbox.attempts import Attempt, Follow, Progress, SandboxLost, supervise
from grader.sandbox.dialogue import Dialogue
from grader.sandbox.link import WORD_S, Link
from grader.sandbox.plain import PlainRunner
from grader.sandbox.questions import Asked
from grader.types import FriendlyError, Limits, Program, Run

__all__ = ["NotInstalled", "SandboxLost", "Unprotected", "Zygote", "open_sandbox"]

START_S = 300.0  # importing a framework from a cold disk
EMPTY = Program((), {})


class Unprotected(FriendlyError):
    """This system grants too little protection for strangers' code."""


class NotInstalled(FriendlyError):
    """The assignment's framework is missing."""


class Zygote:
    """A fork server for one framework. `run` may be called from many threads.

    `framework`: "tensorflow", "tensorflow-legacy" (its Keras is tf_keras, the Keras 2 that lives on), "torch"
    or "numpy".

    `device`: "cpu", or "gpu" for workers with the wider rules that CUDA needs; they start where there is none.
    `box`: "bwrap" (bubblewrap round it), "self" (what namespaces it can get itself) or "auto".
    """

    def __init__(
        self,
        framework: str,
        device: str = "cpu",
        *,
        hidden: tuple[str, ...] = (),
        box: str = "auto",
        without: tuple[str, ...] = (),
    ) -> None:
        """Start it. No worker can read what lies below the folders `hidden`, nor scikit-learn's own data.

        `without` leaves sandbox layers out, for tests. Raises SandboxLost.
        """
        self.framework = framework
        self.device = device
        self._hidden = hidden
        self._box = ("bwrap" if launch.bwrap_works() else "self") if box == "auto" else box
        self._without = without
        self._lock = threading.Lock()
        self._generation = 0
        self._closed = False
        self.versions: Mapping[str, str] = {}
        self._scratch = ""
        started = time.monotonic()
        self._start()
        try:
            self.layers = self.run(EMPTY, (), Limits()).layers
        except BaseException:
            self.close()
            raise
        self.startup_s = time.monotonic() - started

    def __enter__(self) -> Zygote:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the zygote and every worker that is left; runs that are under way end with SandboxLost."""
        with self._lock:
            self._closed = True
            self._stop()

    def _stop(self) -> None:
        self._control.close()
        try:
            self._process.wait(WORD_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(OSError):
            shutil.rmtree(self._scratch)  # a zygote that was killed could not

    def run(self, program: Program, calls: Sequence[Asked], limits: Limits, follow: Follow | None = None) -> Run:
        """Load `program` and make `calls`. Never raises for what the program does.

        `follow` is told each observation once, also one that is our verdict on a call that ended its worker,
        and gives further calls: for the same worker while it lives, else for the next one. It should be quick,
        as the worker's time runs on. A run that is given up (out of its budget, or its program cannot be
        loaded) asks for no more. An answer that was told may still become *forged* in the Run.

        Raises SandboxLost (our fault) and ValueError (two calls of one id; a call that names inputs it does not
        bring), and what `follow` raises.
        """
        progress = Progress(calls, follow)
        for last in (False, True):
            generation = self._generation
            try:
                return supervise(
                    lambda chunks, calls, wall_s: self._attempt(
                        program, chunks, calls, limits, wall_s, progress.hear
                    ),
                    program, progress, limits,
                )  # fmt: skip
            except SandboxLost:
                self._replace(generation)
                if last:
                    raise
        raise AssertionError("unreachable")

    # ------------------------------------------------------------ the zygote

    def _start(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(
                launch.zygote_command(
                    theirs.fileno(), self.framework, self.device, self._box, self._hidden, self._without
                ),
                pass_fds=[theirs.fileno()],
                env=launch.environment(self.device, self.framework),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
            theirs.close()
            self._control.settimeout(START_S)
            try:
                hello = self._control.recv(1 << 16)
            except OSError:
                hello = b""
            if not hello:
                self._process.kill()
                status = self._process.wait()
                log.seek(0)
                tail = log.read()[-2000:].decode("utf-8", "replace")
                raise SandboxLost(f"the {self.framework} zygote did not start (exit status {status}):\n{tail}")
        self._control.settimeout(WORD_S)
        told = json.loads(hello)
        self.versions, self._scratch = told["versions"], told["scratch"]

    def _replace(self, generation: int) -> None:
        """A new zygote, unless another thread has made one since `generation`."""
        with self._lock:
            if self._closed:
                raise SandboxLost(f"the {self.framework} zygote has been closed")
            if generation == self._generation:
                self._process.kill()
                self._stop()
                self._start()
                self._generation += 1

    # ------------------------------------------------------------ one worker

    def _attempt(
        self,
        program: Program,
        chunks: list[int],
        calls: Sequence[Asked],
        limits: Limits,
        wall_s: float,
        heard: Follow = lambda observation: (),
    ) -> Attempt:
        dialogue = Dialogue(program, chunks, calls, heard)
        link = Link(dialogue, limits, wall_s)
        try:
            request = json.dumps({"limits": asdict(limits)}).encode()
            try:
                with self._lock:
                    socket.send_fds(self._control, [request], link.theirs())
            except OSError as error:
                raise SandboxLost(f"the {self.framework} zygote is gone: {error}") from error
            link.close_theirs()
            return link.follow()
        finally:
            link.close()


def open_sandbox(
    framework: str, device: str = "cpu", *, unsafe: bool = False, hidden: tuple[str, ...] = ()
) -> Zygote | PlainRunner:
    """What runs programs on this system: a Zygote on Linux, else (or if `unsafe`) a plain subprocess.

    Raises SandboxLost, NotInstalled, and Unprotected on a Linux that grants less than the minimum.
    """
    for module in launch.needs(framework):
        if importlib.util.find_spec(module) is None:
            extra = "legacy" if module == "tf_keras" else module
            raise NotInstalled(f"{module} is not installed here: pip install 'grader[{extra}]'")
    if unsafe or sys.platform != "linux":
        return PlainRunner(framework, device)
    from grader.sandbox import jail

    zygote = Zygote(framework, device, hidden=hidden)
    if not jail.suffices(zygote.layers):
        zygote.close()
        raise Unprotected(
            f"only these layers are in force here: {', '.join(zygote.layers)}. Strangers' code needs seccomp, "
            "and Landlock or a sealed worker. Run `grader doctor`; for your own code use --unsafe."
        )
    return zygote
