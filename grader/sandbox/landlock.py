"""Landlock: which files this process may touch from now on (https://docs.kernel.org/userspace-api/landlock.html)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable

from grader.sandbox import kernel

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
ASK_VERSION = 1
RULE_PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
MAKE_CHAR, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 10, 1 << 11
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
FILE_RIGHTS = (13, 14, 15, 15, 16)  # how many rights on files each version knows, from version 1
ALL_TCP = 3  # bind and connect, from version 4
ALL_SCOPES = 3  # abstract sockets and signals, from version 6


def version() -> int:
    """The kernel's Landlock version; 0 where it has none or it is switched off."""
    try:
        return kernel.syscall(CREATE_RULESET, None, 0, ASK_VERSION)
    except OSError:
        return 0


def restrict(readable: Iterable[str], writable: Iterable[str]) -> int:
    """Forbid every file but those below `readable` and `writable`, execution, TCP and signals outwards.

    Paths that do not exist are passed over. Needs no_new_privs. Does not cover stat (existence
    shows) nor chmod. Returns the version in force, 0 for none. Raises OSError.
    """
    abi = version()
    if not abi:
        return 0
    every = (1 << FILE_RIGHTS[min(abi, len(FILE_RIGHTS)) - 1]) - 1
    words = [every] + [ALL_TCP] * (abi >= 4) + [ALL_SCOPES] * (abi >= 6)
    attributes = struct.pack(f"={len(words)}Q", *words)
    ruleset = kernel.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    write = every & ~(EXECUTE | MAKE_CHAR | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK)
    try:
        for path in readable:
            _allow(ruleset, path, READ_FILE | READ_DIR)
        for path in writable:
            _allow(ruleset, path, write)
        kernel.syscall(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return abi


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights &= -1 if os.path.isdir(path) else ON_FILES
        kernel.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", rights, fd), 0)
    finally:
        os.close(fd)
