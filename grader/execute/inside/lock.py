"""Locking the two processes of one notebook in: the kernel, which runs cells, and its client, which talks to it.

Both get what a worker gets (see `grader.sandbox.jail`), and the policy "notebook" on top, which layers name.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import replace

from grader.execute.inside import room
from grader.execute.records import Bounds
from grader.sandbox import jail, landlock, limits, seccomp
from grader.types import Limits

SECCOMP = "seccomp (notebook)"
REFUSED = 71  # exit status of a process that could not be locked in


class Refused(OSError):
    """This system grants too little."""


def before(readable: Iterable[str], writable: Iterable[str], sockets: Iterable[str]) -> tuple[str, ...]:
    """For a process with one thread, before it imports anything: everything but the bounds and the filter.

    Raises Refused where the system has no Landlock: nothing else could say which files.
    """
    jail.belong_to_parent()
    layers = jail.lose_privileges(jail.NOBODY if os.getuid() == 0 else None)
    version = landlock.restrict([*readable, *jail.SYSTEM_FILES, *room.DEVICES], writable, (), sockets)
    if not version:
        raise Refused("it needs Landlock")
    return (*layers, f"landlock {version}")


def after(bounds: Bounds, cpu_s: int, talk: seccomp.Talk) -> tuple[str, ...]:
    """For the same process when everything is imported and open: the bounds, and the filter on every thread.

    `cpu_s`: processor seconds from now on. Raises Refused where the kernel has no seccomp.
    """
    if not seccomp.available():
        raise Refused("it needs seccomp")
    spent = os.times()
    own = Limits(
        cpu_s=cpu_s + int(spent.user + spent.system) + 1,
        memory_mb=bounds.memory_mb,
        scratch_mb=bounds.scratch_mb,
        open_files=bounds.open_files,
    )
    layers = ("rlimits",) if limits.apply(own, writable=True) else ()
    seccomp.install(seccomp.assemble(seccomp.Files.WRITE, talk=talk))
    return (*layers, SECCOMP)


def narrow(bounds: Bounds, memory_mb: int) -> Bounds:
    """The same with another bound on memory."""
    return replace(bounds, memory_mb=memory_mb)


def only_these_descriptors(keep: dict[int, int]) -> None:
    """Number -> the open descriptor that shall be found under it; all others are closed."""
    high = {number: os.dup2(fd, 200 + number, inheritable=False) for number, fd in keep.items()}
    for number, fd in high.items():
        os.dup2(fd, number)
    top = max(keep) + 1
    with contextlib.suppress(OSError):
        os.closerange(top, 1 << 16)
