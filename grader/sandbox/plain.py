"""Running one's own code without a sandbox: a fresh subprocess, a deadline, a kill. For every system.

The same worker, the same frames and the same verdicts as behind a Zygote, but nothing keeps the
program from the files and the network of the person who runs it. Never for strangers' code.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import IO

from grader.sandbox import launch
from grader.sandbox.attempts import PRINT_LIMIT, Attempt, Follow, Progress, SandboxLost, judge_exit, supervise
from grader.sandbox.dialogue import Dialogue, Forged
from grader.sandbox.questions import Asked
from grader.types import Limits, Program, Run, Verdict

IMPORT_S = 300.0  # importing a framework is not the program's time
LAYERS = ("plain subprocess",)


class PlainRunner:
    """Has a Zygote's `run`, without its protection and without its speed."""

    def __init__(self, framework: str, device: str = "cpu") -> None:
        self.framework = framework
        self.device = device
        self.layers = LAYERS
        self.startup_s = 0.0
        self.versions: Mapping[str, str] = launch.installed(framework)

    def __enter__(self) -> PlainRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing stays open between runs."""

    def run(self, program: Program, calls: Sequence[Asked], limits: Limits, follow: Follow | None = None) -> Run:
        """As Zygote.run. Raises SandboxLost when the framework cannot be imported."""
        progress = Progress(calls, follow)
        return supervise(
            lambda chunks, some, wall_s: self._attempt(
                Dialogue(program, chunks, some, progress.hear), limits, wall_s
            ),
            program, progress, limits,
        )  # fmt: skip

    def _attempt(self, dialogue: Dialogue, limits: Limits, wall_s: float) -> Attempt:
        settings = json.dumps(
            {"framework": launch.library(self.framework), "device": self.device, "limits": asdict(limits)}
        )
        with tempfile.TemporaryDirectory(prefix="grader-plain-", ignore_cleanup_errors=True) as folder:
            process = subprocess.Popen(
                launch.command("plain_child", settings),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(folder, self.device, self.framework),
                cwd=folder,
                start_new_session=True,
            )
            return Talk(process, dialogue, limits, wall_s).follow()


class Talk:
    """Follows one child with a thread for each of its three pipes, as selectors on Windows know no pipes."""

    def __init__(
        self, process: subprocess.Popen[bytes], dialogue: Dialogue, limits: Limits, wall_s: float
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process, self._dialogue, self._limits, self._wall_s = process, dialogue, limits, wall_s
        self._printed = bytearray()
        self._heard: queue.Queue[bytes] = queue.Queue(maxsize=64)
        self._to_tell: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._to_tell.put(dialogue.due())
        threads = [
            threading.Thread(target=self._tell, args=(process.stdin,), daemon=True),
            threading.Thread(target=self._listen, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._drain, args=(process.stderr,), daemon=True),
        ]
        self._drainer = threads[2]
        for thread in threads:
            thread.start()

    def follow(self) -> Attempt:
        """Until the child is gone. Raises SandboxLost when it could not even start."""
        ended, detail = self._converse()
        if ended is Verdict.EXITED:  # it hung up: a moment for its own end
            with contextlib.suppress(ChildProcessError):
                _wait_until_exit(self._process.pid, 1.0)
        self._to_tell.put(b"")
        status, cpu_s, memory_mb = self._end()
        dialogue = self._dialogue
        if dialogue.layers is None:
            tail = self._printed[-2000:].decode("utf-8", "replace")
            raise SandboxLost(f"no worker could be started (exit status {status}): {tail}")
        attempt = Attempt(
            dialogue.observations, tuple(dialogue.load_faults), ended, detail, dialogue.chunk, dialogue.call,
            LAYERS, bytes(self._printed), cpu_s, memory_mb,
        )  # fmt: skip
        if ended is Verdict.EXITED and not (status == -9 and cpu_s < self._limits.cpu_s - 0.5):
            return judge_exit(attempt, status, cpu_s, self._limits)
        return attempt

    def _converse(self) -> tuple[Verdict | None, str]:
        deadline = time.monotonic() + IMPORT_S
        started = False
        while True:
            try:
                data = self._heard.get(timeout=max(0.0, deadline - time.monotonic()))
                if not data:
                    return Verdict.EXITED, "closed its connection"
                self._dialogue.feed(data)
            except queue.Empty:
                return Verdict.TIMEOUT, f"over {self._wall_s:g} s"
            except Forged as error:
                return Verdict.FORGED, str(error)
            if self._dialogue.finished:
                return None, ""
            if more := self._dialogue.due():
                self._to_tell.put(more)
            if not started and self._dialogue.layers is not None:
                started, deadline = True, time.monotonic() + self._wall_s

    def _end(self) -> tuple[int, float, float]:
        """Kill what is left of it: exit status, processor seconds, MB."""
        process = self._process
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        if not hasattr(os, "wait4"):
            status, usage = process.wait(), (0.0, 0.0)
        else:
            _, word, used = os.wait4(process.pid, 0)
            status = process.returncode = os.waitstatus_to_exitcode(word)
            unit = 1 << 20 if platform.system() == "Darwin" else 1 << 10
            usage = (used.ru_utime + used.ru_stime, used.ru_maxrss / unit)
        self._drainer.join(1.0)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        return status, *usage

    def _tell(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while frame := self._to_tell.get():
                pipe.write(frame)
                pipe.flush()

    def _listen(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(pipe.fileno(), 1 << 16):
                self._heard.put(data)
        self._heard.put(b"")

    def _drain(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(pipe.fileno(), 1 << 16):
                self._printed += data[: PRINT_LIMIT - len(self._printed)]


def _wait_until_exit(pid: int, seconds: float) -> None:
    """Give a child that hung up time to die by itself, without collecting its status."""
    if not hasattr(os, "waitid"):
        return
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.01)


def _environment(folder: str, device: str, framework: str) -> dict[str, str]:
    # Windows needs its own variables to start a process at all.
    system = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH") if name in os.environ}
    own = dict.fromkeys(("TMPDIR", "TEMP", "TMP", "HOME"), folder)
    return {**launch.environment(device, framework), **system, **own}
