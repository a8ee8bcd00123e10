"""The few Linux calls that Python's library does not offer, through ctypes. Linux only."""

from __future__ import annotations

import ctypes
import os
import platform
import struct

MACHINE = platform.machine()  # "x86_64" or "aarch64" have tables
SET_PDEATHSIG, SET_DUMPABLE, SET_NO_NEW_PRIVS = 1, 4, 38
NEWNS, NEWIPC, NEWUSER, NEWNET = 0x20000, 0x8000000, 0x10000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18
CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> int:
    """`result` of a C call. Raises OSError with its errno when it is negative."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def syscall(number: int, *args: int | bytes | None) -> int:
    """A raw system call. Raises OSError."""
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    return checked(int(libc.syscall(ctypes.c_long(number), *words)))


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process. Raises OSError."""
    zero = ctypes.c_ulong(0)
    checked(int(libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero)))


def unshare(flags: int) -> None:
    """Move this (single-threaded) process into new namespaces. Raises OSError."""
    checked(int(libc.unshare(flags)))


def unshare_as_user(flags: int) -> None:
    """The same by way of a new user namespace in which we stay who we are. Raises OSError."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(NEWUSER | flags)
    for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(line)


def mount_tmpfs(path: str, size_mb: int, files: int) -> None:
    """An empty file system of our own on `path`, in a new mount namespace. Raises OSError."""
    try:
        unshare(NEWNS)
    except OSError:
        unshare_as_user(NEWNS)
    checked(int(libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)))
    flags = ctypes.c_ulong(MS_NOSUID | MS_NODEV | MS_NOEXEC)
    options = f"size={size_mb}m,nr_inodes={files},mode=1777".encode()
    checked(int(libc.mount(b"tmpfs", path.encode(), b"tmpfs", flags, options)))


def drop_capabilities() -> None:
    """Give up every capability. Raises OSError."""
    checked(int(libc.capset(struct.pack("Ii", CAPABILITY_VERSION_3, 0), bytes(24))))
