"""Run a command as root of a Docker container would: python docker_like.py [--no-landlock] COMMAND...

Docker's default capabilities, and its default answer to mount(2), unshare(2), setns(2) and pivot_root(2): not
permitted (https://docs.docker.com/engine/security/seccomp/). `--no-landlock`: on a kernel without Landlock.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

# https://github.com/moby/moby, daemon/pkg/oci/caps/defaults.go
KEPT = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
LAST_CAPABILITY = 40
REFUSED = {  # mount, unshare, setns, pivot_root; fsopen, fsmount, move_mount, open_tree are the same everywhere
    "x86_64": (165, 272, 308, 155),
    "aarch64": (40, 97, 268, 41),
}
NEWER = (430, 432, 429, 428)
LANDLOCK = (444, 445, 446)
EPERM, ENOSYS = 1, 38
PR_CAPBSET_DROP, PR_SET_SECCOMP, FILTER = 24, 22, 2
LOAD_NUMBER, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


def program(without_landlock: bool) -> bytes:
    """The filter: errors for these system calls, everything else as it is."""
    answers = dict.fromkeys((*REFUSED[platform.machine()], *NEWER), EPERM)
    if without_landlock:
        answers |= dict.fromkeys(LANDLOCK, ENOSYS)
    lines = [(LOAD_NUMBER, 0, 0, 0)]
    for number, error in answers.items():
        lines += [(IF_EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | error)]
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def main(arguments: list[str]) -> None:
    """Become like that and run the command in our place."""
    without = arguments[:1] == ["--no-landlock"]
    libc = ctypes.CDLL(None, use_errno=True)
    code = program(without)
    held = ctypes.create_string_buffer(code, len(code))
    packed = struct.pack("@HxxxxxxP", len(code) // 8, ctypes.addressof(held))
    if libc.prctl(PR_SET_SECCOMP, FILTER, packed, 0, 0) != 0:  # needs root, as long as it has everything
        raise OSError(ctypes.get_errno(), "the filter was not taken")
    for capability in range(LAST_CAPABILITY + 1):
        if capability not in KEPT:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    command = arguments[1:] if without else arguments
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
