"""A file system of its own for one notebook: the libraries, a few devices, and a place to write that vanishes.

Linux only. What `bwrap` would do, for a process that is about to fork its two children.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterable

from grader.sandbox import kernel

MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096
MNT_DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
NEWPID = 0x20000000
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/random")
# Inside: where the sockets between the two are, where the notebook runs, and what it may write to besides.
SOCKETS, WORK, HOME = "/run/kernel", "/content", "/home/learner"
WRITABLE = (WORK, HOME, "/tmp", "/dev/shm", "/kaggle", "/mnt", "/data")
FILES = 16384


def isolate() -> tuple[str, ...]:
    """New processes, network, IPC and mounts for the children of this process. Raises OSError."""
    flags = kernel.NEWNET | kernel.NEWIPC | kernel.NEWNS | NEWPID
    try:
        kernel.unshare(flags)
    except OSError:
        kernel.unshare_as_user(flags)
        return ("user+pid+net+ipc+mount namespaces",)
    return ("pid+net+ipc+mount namespaces",)


def build(outer: str, size_mb: int, trees: Iterable[str], files: Iterable[str]) -> None:
    """Make `outer`, an existing folder, the root of this mount namespace. Raises OSError.

    `trees` and `files` appear under their own paths, read-only; those that do not exist are passed over.
    """
    _mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    options = f"size={size_mb}m,nr_inodes={FILES},mode=0755"
    _mount("tmpfs", outer, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    for folder in (SOCKETS, *WRITABLE):
        os.makedirs(outer + folder)
        os.chmod(outer + folder, 0o1777)
    for path in sorted({*trees, *files, *DEVICES, "/proc"}):
        _show(path, outer + path)
    os.chdir(outer)
    kernel.syscall(PIVOT_ROOT[kernel.MACHINE], b".", b".")  # the old root lies over the new one now
    kernel.checked(int(kernel.libc.umount2(b".", MNT_DETACH)))
    os.chdir("/")


def _show(path: str, target: str) -> None:
    """Bind `path` to `target`, unless it is there already, in a tree that holds it."""
    if not os.path.exists(path) or os.path.exists(target):
        return
    if os.path.isdir(path):
        os.makedirs(target)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb"):
            pass
    _mount(path, target, None, MS_BIND | kernel.MS_REC)
    if not path.startswith("/dev/"):
        with contextlib.suppress(OSError):  # a second lock: Landlock lets nothing be written there anyway
            _mount("none", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    kernel.checked(
        int(
            kernel.libc.mount(
                source.encode(), target.encode(), kind.encode() if kind else None,
                ctypes.c_ulong(flags), options.encode() or None,
            )
        )
    )  # fmt: skip
