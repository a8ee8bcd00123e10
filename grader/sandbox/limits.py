"""What one worker may use: the kernel's limits on a process, where the system has them."""

from __future__ import annotations

import contextlib
import os

from grader.types import Limits

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


def mapped_bytes() -> int:
    """The address space of this process; 0 where it cannot be read."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def apply(limits: Limits, writable: bool, address_space: bool = True) -> bool:
    """Bind this process and return whether the system could. `address_space` False: CUDA reserves huge ranges.

    Soft equals hard everywhere: over the processor time the kernel sends SIGKILL, which cannot be
    ignored. The number of processes is not limited here: that limit counts all processes of a user
    and does not bind root; the system call filter forbids new ones.
    """
    if resource is None:
        return False
    mapped = mapped_bytes()
    wanted = [
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, (limits.scratch_mb << 20) if writable else 0),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
    ]
    if mapped and address_space:  # macOS neither tells it nor keeps to such a limit
        wanted.append((resource.RLIMIT_AS, mapped + (limits.memory_mb << 20)))
    if hasattr(resource, "RLIMIT_MSGQUEUE"):
        wanted.append((resource.RLIMIT_MSGQUEUE, 0))
    bound = True
    for kind, value in wanted:
        hard = resource.getrlimit(kind)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (most, most))
        except (OSError, ValueError):
            bound = False
    return bound


def kill_me_first() -> None:
    """Under memory pressure the kernel shall take this process before any other."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
