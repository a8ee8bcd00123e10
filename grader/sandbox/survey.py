"""What this system's sandbox really keeps out: for `grader doctor`, and the minimum for strangers' code."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from grader.sandbox.launch import gpu_devices, gpu_present
from grader.types import Call, Chunk, Limits, Observation, Program

__all__ = ["gpu", "gpu_present", "protected", "survey"]

DRIVER = "/proc/driver/nvidia/version"
Layer = tuple[str, bool, str]
LAYERS = (
    ("bubblewrap", "bubblewrap", "a private view of the file system round the fork server (optional)"),
    ("namespaces", "namespaces", "no network devices and no shared memory segments (optional)"),
    ("private tmpfs", "private tmpfs", "a bounded place to write; without it nothing is writable"),
    ("unprivileged user", "uid ", "root becomes nobody; needs an interpreter that others may read"),
    ("no capabilities", "no capabilities", "no privilege of root is left"),
    ("resource limits", "rlimits", "processor time, memory, open files"),
    ("Landlock", "landlock ", "which files may be read (needed, or the sealed mode)"),
    ("system call filter", "seccomp", "no processes, no network, no tracing (needed)"),
    ("sealed", "seccomp, sealed", "instead of Landlock: no file at all may be opened"),
)
# Each tries one thing that must fail; True: it was kept out.
PROBE = """
import os, socket

def kept_out(attempt):
    try:
        attempt()
    except (OSError, ImportError):
        return True
    return False

def probe():
    return [float(kept_out(a)) for a in (
        lambda: open("/etc/passwd").read(),
        lambda: socket.socket(),
        lambda: os.fork() or os._exit(0),
        lambda: os.kill(os.getppid(), 0),
        lambda: open("/proc/%d/environ" % os.getppid()).read(),
    )]

def answer():
    import numpy
    return numpy.array(probe())
"""
PROBED = ("reading /etc/passwd", "a socket", "a new process", "a signal to the grader", "the grader's memory")


@functools.cache
def _worker() -> tuple[tuple[str, ...], Observation | None, str]:
    """The layers of a worker, what its probe came to, and why there is none."""
    if sys.platform != "linux":
        return (), None, f"{sys.platform} has no such kernel features"
    from grader.sandbox.pool import SandboxLost, Zygote

    program = Program((Chunk(PROBE, None),), {}, {None: PROBE})
    call = Call("probe/probe", "answer", (), (), {})
    try:
        with Zygote("numpy") as zygote:
            run = zygote.run(program, [call], Limits())
    except SandboxLost as error:
        return (), None, str(error).splitlines()[0]
    return run.layers, run.observations[call.id], ""


def survey() -> list[Layer]:
    """Every layer with "is it in force in a worker?" and what it is for; what a worker tried in vain; the GPU."""
    layers, probe, why = _worker()
    rows = []
    for name, key, purpose in LAYERS:
        found = [layer for layer in layers if layer.startswith(key) or (key == "namespaces" and key in layer)]
        rows.append((name, bool(found), f"{found[0]}: {purpose}" if found else why or purpose))
    value = None if probe is None else probe.value
    for index, name in enumerate(PROBED):
        kept = value is not None and value.shape == (len(PROBED),) and bool(value[index])
        rows.append((f"refused: {name}", kept, "tried in a worker" if value is not None else why or "not tried"))
    return [*rows, gpu()]


def gpu(dev: str = "/dev", driver: str = DRIVER) -> Layer:
    """Which GPUs there are for short trainings, by their device nodes, and the driver's version."""
    if not gpu_present(dev):
        return ("GPU", False, "none (optional): short trainings run on the processor")
    try:
        version = Path(driver).read_text(encoding="utf-8").splitlines()[0].partition(":")[2].strip()
    except (OSError, IndexError):
        version = "unknown"
    return ("GPU", True, f"{', '.join(Path(node).name for node in gpu_devices(dev))}; driver: {version}")


def protected() -> bool:
    """Is the minimum for strangers' code in force: seccomp, and Landlock or the sealed mode?"""
    layers, probe, _ = _worker()
    if probe is None:
        return False
    from grader.sandbox import jail

    return jail.suffices(layers) and probe.value is not None and bool(probe.value.all())
