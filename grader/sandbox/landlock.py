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
REFER = 1 << 13
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


def restrict(
    readable: Iterable[str],
    writable: Iterable[str],
    devices: Iterable[str] = (),
    sockets: Iterable[str] = (),
) -> int:
    """Forbid every file but those below `readable` and `writable`, execution, TCP and signals outwards.

    `devices`: existing files, or folders of them, to be read, written and controlled. Paths that do not exist
    are passed over. `sockets`: folders in which a socket may be made, and nothing else. Needs no_new_privs.
    Does not cover stat (existence shows) nor chmod. Returns the version in force, 0 for none. Raises OSError.
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
        for path in devices:
            _allow(ruleset, path, every & (READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | IOCTL_DEV))
        for path in sockets:
            _allow(ruleset, path, MAKE_SOCK)
        kernel.syscall(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return abi


def reading_only(paths: Iterable[str]) -> int:
    """The descriptor of rules that forbid to read any file but those below `paths`, and nothing else.

    Rules for hundreds of paths take milliseconds to make, and no time to `enforce` in a fork. Raises OSError.
    """
    # Moving files between folders is denied by every set of rules that does not grant it.
    refer = REFER if version() >= 2 else 0
    attributes = struct.pack("=Q", READ_FILE | refer)
    ruleset = kernel.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    if refer:
        _allow(ruleset, "/", refer)
    for path in paths:
        _allow(ruleset, path, READ_FILE)
    return ruleset


def enforce(ruleset: int) -> None:
    """Bind this process by rules made before, in addition to any others. Needs no_new_privs. Raises OSError."""
    kernel.syscall(RESTRICT_SELF, ruleset, 0)


def without(trees: Iterable[str], hidden: Iterable[str]) -> tuple[str, ...]:
    """Paths that hold all of `trees` but what lies below the folders `hidden`.

    Landlock knows trees to allow and none to forbid, so a tree with a hidden folder in it becomes its
    children, but for the one with the folder, which becomes its children in turn. Symbolic links are
    followed in `trees` and `hidden`, and left out below: where they lead to has a path of its own.
    """
    secrets = {os.path.realpath(folder) for folder in hidden}
    found: list[str] = []
    waiting = [os.path.realpath(tree) for tree in trees]
    while waiting:
        path = waiting.pop(0)
        if any(_within(path, secret) for secret in secrets):
            continue
        if not any(_within(secret, path) for secret in secrets):
            found.append(path)
            continue
        try:
            waiting += sorted(entry.path for entry in os.scandir(path) if not entry.is_symlink())
        except OSError:  # what we cannot list, workers cannot read
            continue
    return tuple(dict.fromkeys(found))


def _within(path: str, tree: str) -> bool:
    return path == tree or path.startswith(tree.rstrip("/") + "/")


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
