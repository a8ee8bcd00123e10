"""Lock a freshly forked worker in, before it runs a line of learner code. Linux only.

Each layer is used where the kernel grants it, and reported. The order matters: every layer forbids
what the ones before it needed.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.sandbox import kernel, landlock, limits, seccomp
from grader.types import Limits

NOBODY = 65534
SCRATCH_FILES = 4096
SEALED = "seccomp, sealed"
ON_GPU = "seccomp (gpu)"
HIDING = 4  # descriptor under which `enter` finds the rules of Policy.hiding, or anything, and closes it
# What libraries read besides themselves.
SYSTEM_FILES = (
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu",
    "/dev/null", "/dev/zero", "/dev/urandom",
)  # fmt: skip
# What CUDA's libraries read besides: the driver's parameters, where a card sits, how memory is laid out.
GPU_FILES = (
    "/proc/driver/nvidia", "/proc/driver/nvidia-uvm", "/proc/devices", "/proc/sys/vm",
    "/sys/devices", "/sys/bus/pci", "/sys/module/nvidia", "/sys/module/nvidia_uvm",
    "/usr/share/nvidia", "/etc/nvidia", "/usr/local/cuda", "/usr/local/nvidia",
)  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """What every worker of one zygote gets; made once, before the first fork."""

    scratch: str  # directory that gets a private file system; where that fails, nothing is writable
    readable: tuple[str, ...]  # the only readable trees
    uid: int | None  # whom root becomes; None: root stays, without capabilities
    filters: Mapping[seccomp.Files, bytes]  # empty: no seccomp
    landlock: bool = True
    gpu: bool = False  # the named second policy: devices, and no bound on the address space
    devices: tuple[str, ...] = ()  # device nodes and folders of them that may be used
    hiding: int = -1  # descriptor of Landlock rules that keep what is hidden from being read; -1: nothing is


def prepare(
    scratch: str,
    readable: tuple[str, ...],
    *,
    gpu: bool = False,
    devices: tuple[str, ...] = (),
    hidden: tuple[str, ...] = (),
    without: frozenset[str] = frozenset(),
) -> Policy:
    """The policy for this machine. No file below `hidden` may be read, whatever tree it lies in.

    `without` leaves out layers ("landlock", "seccomp", "scratch", "hiding"), for tests.
    """
    filters = {}
    if "seccomp" not in without and seccomp.available():
        filters = {files: seccomp.assemble(files, gpu) for files in seccomp.Files}
    hiding = -1
    if hidden and not without & {"landlock", "hiding"} and landlock.version():
        # What is not a library is bound by the rules of each worker. A tmpfs on the scratch folder counts as
        # part of the folder's parent (the folder itself is covered by it).
        others = ("/proc", "/sys", "/dev", os.path.dirname(scratch))
        rules = landlock.reading_only([*landlock.without(readable, hidden), *others])
        hiding = fcntl.fcntl(rules, fcntl.F_DUPFD_CLOEXEC, HIDING + 1)  # out of the way of a worker's own
        os.close(rules)
    # A dropped uid must still be able to read the interpreter: imports would fail silently otherwise.
    drop = os.getuid() == 0 and all(_passable(tree) for tree in readable)
    return Policy(
        scratch="" if "scratch" in without else scratch,
        readable=readable + SYSTEM_FILES + (GPU_FILES if gpu else ()),
        uid=NOBODY if drop else None,
        filters=filters,
        landlock="landlock" not in without,
        gpu=gpu,
        devices=devices,
        hiding=hiding,
    )


def _passable(tree: str) -> bool:
    path = Path(tree)
    return not path.exists() or all(parent.stat().st_mode & 1 for parent in path.resolve().parents)


def belong_to_parent() -> None:
    """Die with the parent, start a session of our own, and be the first to go when memory is short."""
    kernel.prctl(kernel.SET_PDEATHSIG, signal.SIGKILL)
    kernel.prctl(kernel.SET_DUMPABLE, 1)  # or /proc/self belongs to root and no user namespace is possible
    os.setsid()
    limits.kill_me_first()


def lose_privileges(uid: int | None) -> tuple[str, ...]:
    """Become `uid` where root may, give up every capability, gain none any more. Raises OSError."""
    layers = []
    if uid is not None and _become(uid):
        layers.append(f"uid {uid}")
    kernel.drop_capabilities()
    layers.append("no capabilities")
    kernel.prctl(kernel.SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.SET_PDEATHSIG, signal.SIGKILL)  # again: setuid clears it
    return tuple(layers)


def isolate() -> tuple[str, ...]:
    """Once, for a zygote that nothing wraps: a network without devices, System V IPC of our own."""
    flags = kernel.NEWNET | kernel.NEWIPC
    for attempt, name in (
        (kernel.unshare, "net+ipc namespaces"),
        (kernel.unshare_as_user, "user+net+ipc namespaces"),
    ):
        try:
            attempt(flags)
        except OSError:
            continue
        return (name,)
    return ()


def enter(policy: Policy, bounds: Limits, warm: Callable[[], None]) -> tuple[str, ...]:
    """Lock this process in for good and return the layers in force.

    `warm` is called where the system call filter will look up no path any more (no Landlock), to
    open what the framework opens lazily. Raises OSError when a layer fails that must not.
    """
    layers: list[str] = []
    belong_to_parent()
    scratch = policy.scratch
    if scratch:
        try:
            kernel.mount_tmpfs(scratch, bounds.scratch_mb, SCRATCH_FILES)
            os.chdir(scratch)
            layers.append("private tmpfs")
        except OSError:
            scratch = ""  # an ordinary directory has no quota: then nothing is writable
    layers += lose_privileges(policy.uid)
    if limits.apply(bounds, bool(scratch), address_space=not policy.gpu):
        layers.append("rlimits (gpu)" if policy.gpu else "rlimits")
    version = _landlock(policy, scratch)
    if version:
        layers.append(f"landlock {version}")
    if policy.filters:
        layers.append(_filter(policy, version, scratch, warm))
    return tuple(layers)


def _landlock(policy: Policy, scratch: str) -> int:
    """The version in force, 0 for none. Raises OSError where a GPU worker would be left without."""
    # CUDA's driver gives its threads names, and fails where it may not.
    devices = (*policy.devices, "/proc/self/task") if policy.gpu else ()
    writable = [scratch] if scratch else []
    version = landlock.restrict(policy.readable, writable, devices) if policy.landlock else 0
    if policy.hiding >= 0:  # second: the kernel copies the rules in force whenever some are added
        landlock.enforce(HIDING)
    os.close(HIDING)
    if policy.gpu and not version:
        raise OSError("a GPU worker needs Landlock, to use the GPU's devices and no others")
    return version


def _become(uid: int) -> bool:
    """Give up being root, where root may (not in every container)."""
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError:
        return False
    kernel.prctl(kernel.SET_DUMPABLE, 1)  # cleared by setuid
    return True


def _filter(policy: Policy, landlock_version: int, scratch: str, warm: Callable[[], None]) -> str:
    if not landlock_version:  # nothing can say which files: then none at all
        warm()
        seccomp.install(policy.filters[seccomp.Files.NONE])
        return SEALED
    # A device is opened for writing, also where there is no scratch folder: then Landlock alone says where.
    writing = bool(scratch) or policy.gpu
    seccomp.install(policy.filters[seccomp.Files.WRITE if writing else seccomp.Files.READ])
    return ON_GPU if policy.gpu else "seccomp"


def suffices(layers: tuple[str, ...]) -> bool:
    """Is the minimum for strangers' code in force: seccomp, and Landlock or sealed?"""
    filtered = "seccomp" in layers or ON_GPU in layers
    return SEALED in layers or (filtered and any(layer.startswith("landlock ") for layer in layers))
