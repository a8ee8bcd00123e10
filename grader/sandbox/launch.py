"""How a zygote is started: its environment, what it may read, and bubblewrap round it where that works."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import grader

PACKAGE = Path(grader.__file__).resolve().parent
ROOT = str(PACKAGE.parent)
START = "import sys; sys.path += [p for p in {paths!r} if p not in sys.path]; from {module} import main; main()"
# In force before the interpreter starts. One thread everywhere, so that the zygote may fork; two
# malloc arenas, as each one reserves 64 MB of the address space that is limited; the same rounding
# and the same hash order in every run. Nothing of the grader's own environment.
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2",
    "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "",
    "TORCHDYNAMO_DISABLE": "1", "KERAS_BACKEND": "tensorflow",
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8",
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TMPDIR": "/tmp", "HOME": "/nonexistent",
    "PYTHONNOUSERSITE": "1",
}  # fmt: skip
SYSTEM_TREES = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache")
BWRAP = shutil.which("bwrap") or "bwrap"
BWRAP_CAPABILITIES = ("SETUID", "SETGID", "KILL", "CHOWN", "SYS_ADMIN", "DAC_OVERRIDE")


def library_trees() -> tuple[str, ...]:
    """The interpreter's own library and its site-packages: never the grader's project."""
    paths = sysconfig.get_paths()
    trees = {paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"]}
    trees.update(_packages())
    trees.add(str(Path(sys.base_prefix, "lib")))
    return tuple(sorted(tree for tree in trees if Path(tree).is_dir() and not _holds_project(tree)))


def _packages() -> list[str]:
    return [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]


def _holds_project(tree: str) -> bool:
    """An installed grader lies in site-packages; a checkout's data must not become readable."""
    inside = PACKAGE.is_relative_to(Path(tree).resolve())
    return inside and (PACKAGE.parent / "reference").is_dir()


def readable_trees() -> tuple[str, ...]:
    """What a worker may read."""
    return (*library_trees(), *SYSTEM_TREES)


def command(module: str, *arguments: str) -> list[str]:
    """An interpreter that runs ``main()`` of a module of this package."""
    start = START.format(paths=[*_packages(), ROOT], module=f"grader.sandbox.{module}")
    return [sys.executable, "-B", "-P", "-c", start, *arguments]


def zygote_command(control: int, framework: str, box: str, without: tuple[str, ...]) -> list[str]:
    """The command line of a zygote. `box` is "bwrap" or "self"."""
    settings = {
        "framework": framework,
        "isolate": box == "self",
        "readable": readable_trees(),
        "root": ROOT,
        "without": without,
    }
    start = command("zygote", str(control), json.dumps(settings))
    return (bwrap_command() if box == "bwrap" else []) + start


def bwrap_command() -> list[str]:
    """Bubblewrap round a zygote: its own processes, network and IPC, and only these trees, read-only.

    Root keeps real user ids, so that each worker can drop to a powerless one; others get a user namespace.
    """
    if os.getuid() == 0:
        who = ["--cap-drop", "ALL"] + [f for c in BWRAP_CAPABILITIES for f in ("--cap-add", f"CAP_{c}")]
    else:
        who = ["--unshare-user"]
    isolated = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--die-with-parent"]
    private = ["--proc", "/proc", "--dev", "/dev", "--size", str(64 << 20), "--tmpfs", "/tmp", "--chdir", "/tmp"]
    trees = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", *library_trees(), str(PACKAGE)]
    # The interpreter lies behind symbolic links: every one of them must resolve inside as well.
    trees += {str(Path(sys.prefix)), str(Path(sys.base_prefix))}
    parents = {str(parent) for tree in trees for parent in Path(tree).parents} - {"/", "/tmp"}
    made = [f for parent in sorted(parents) for f in ("--perms", "0755", "--dir", parent)]  # bwrap: 0700
    bound = [f for tree in trees if Path(tree).exists() for f in ("--ro-bind", tree, tree)]
    return [BWRAP, *who, *isolated, "--new-session", *private, *made, *bound]


@functools.cache
def bwrap_works() -> bool:
    """Is there a bubblewrap, and may it do what it does here?"""
    try:
        done = subprocess.run([*bwrap_command(), "/bin/true"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
