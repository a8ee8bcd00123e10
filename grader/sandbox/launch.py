"""How a zygote is started: its environment, what it may read, and bubblewrap round it where that works."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
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
# For workers on a GPU. Frameworks would take all of its memory, and choose unlike sums from run to run.
GPU_ENVIRONMENT = {
    "TF_FORCE_GPU_ALLOW_GROWTH": "true", "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # a look at what is there must not initialise CUDA before the fork
}  # fmt: skip
# Flavours of a framework: the same library, prepared in another way. Read when it is imported.
FLAVOURS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "tensorflow-legacy": (
        "tensorflow",
        {"TF_USE_LEGACY_KERAS": "1"},
    ),  # tf.keras is tf_keras, the Keras 2 that lives on
}
GPU_NODES = ("nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-caps")
# Data with labels that held-out images are taken from, inside of site-packages.
LABELLED = "sklearn/datasets/data"
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


def hidden_folders() -> tuple[str, ...]:
    """Folders in those trees that hold labels of held-out images: scikit-learn's bundled data sets."""
    patterns = (LABELLED, f"*-packages/{LABELLED}", f"python3*/*-packages/{LABELLED}")
    found = {folder.resolve() for tree in readable_trees() for p in patterns for folder in Path(tree).glob(p)}
    spec = importlib.util.find_spec("sklearn")  # also where it is installed in another way; imports nothing
    if spec and spec.submodule_search_locations:
        found |= {Path(place).parent.joinpath(LABELLED).resolve() for place in spec.submodule_search_locations}
    return tuple(sorted(str(folder) for folder in found if folder.is_dir()))


def gpu_devices(dev: str = "/dev") -> tuple[str, ...]:
    """The device nodes of NVIDIA GPUs that CUDA uses (not those for displays)."""
    return tuple(sorted(str(node) for pattern in GPU_NODES for node in Path(dev).glob(pattern)))


def gpu_present(dev: str = "/dev") -> bool:
    """Is there a GPU that workers could use? Looks at the device nodes only, and initialises nothing."""
    return any(re.fullmatch(r"nvidia\d+", Path(node).name) for node in gpu_devices(dev))


def library(framework: str) -> str:
    """The module that a framework, which may be a flavour ("tensorflow-legacy"), is imported by."""
    return FLAVOURS[framework][0] if framework in FLAVOURS else framework


def needs(framework: str) -> tuple[str, ...]:
    """The modules that must be installed for it."""
    return ("tensorflow", "tf_keras") if framework == "tensorflow-legacy" else (framework,)


def installed(framework: str) -> dict[str, str]:
    """The versions that a result depends on, told without importing anything."""
    found = {"python": platform.python_version()}
    keras = {"tensorflow": ("keras",)}.get(framework, ())
    for name in (*needs(framework), *keras, "numpy"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def environment(device: str, framework: str = "") -> dict[str, str]:
    """In force before a worker's interpreter starts, for "cpu" or "gpu" and a framework or flavour of one."""
    own = FLAVOURS[framework][1] if framework in FLAVOURS else {}
    if device == "cpu":
        return {**ENVIRONMENT, **own}
    chosen = {**ENVIRONMENT, **GPU_ENVIRONMENT, **own}
    del chosen["CUDA_VISIBLE_DEVICES"]
    if "CUDA_VISIBLE_DEVICES" in os.environ:  # which ones, as whoever starts the grader says
        chosen["CUDA_VISIBLE_DEVICES"] = os.environ["CUDA_VISIBLE_DEVICES"]
    return chosen


def command(module: str, *arguments: str, package: str = "grader.sandbox") -> list[str]:
    """An interpreter that runs ``main()`` of a module of this package, or of another one of the grader's."""
    start = START.format(paths=[*_packages(), ROOT], module=f"{package}.{module}")
    return [sys.executable, "-B", "-P", "-c", start, *arguments]


def zygote_command(
    control: int,
    framework: str,
    device: str = "cpu",
    box: str = "self",
    hidden: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> list[str]:
    """The command line of a zygote. `device` is "cpu" or "gpu", `box` "bwrap" or "self".

    `hidden`: folders that no worker may read, besides those of `hidden_folders`.
    """
    hidden = () if "hiding" in without else (*hidden_folders(), *hidden)
    devices = gpu_devices() if device == "gpu" else ()
    settings = {
        "framework": library(framework),
        "isolate": box == "self",
        "readable": readable_trees(),
        "hidden": hidden,
        "gpu": device == "gpu",
        "devices": devices,
        "root": ROOT,
        "without": without,
    }
    start = command("zygote", str(control), json.dumps(settings))
    return (bwrap_command(hidden, devices) if box == "bwrap" else []) + start


def bwrap_command(hidden: tuple[str, ...] = (), devices: tuple[str, ...] = ()) -> list[str]:
    """Bubblewrap round a zygote: its own processes, network and IPC, and only these trees, read-only.

    Root keeps real user ids, so that each worker can drop to a powerless one; others get a user namespace.
    `hidden` folders are empty inside; `devices` are there.
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
    covered = [f for folder in _inside(trees, hidden) for f in ("--perms", "0555", "--tmpfs", folder)]
    used = [f for node in devices for f in ("--dev-bind", node, node)]
    used += ["--ro-bind-try", "/sys", "/sys"] if devices else []
    return [BWRAP, *who, *isolated, "--new-session", *private, *made, *bound, *covered, *used]


def _inside(trees: list[str], hidden: tuple[str, ...]) -> list[str]:
    """Every path under which a hidden folder shows in one of `trees`, which may be links."""
    secrets = [Path(folder).resolve() for folder in hidden]
    shown = {
        str(Path(tree, secret.relative_to(Path(tree).resolve())))
        for tree in trees
        for secret in secrets
        if secret.is_dir() and secret.is_relative_to(Path(tree).resolve())
    }
    return sorted(shown)


@functools.cache
def bwrap_works() -> bool:
    """Is there a bubblewrap, and may it do what it does here?"""
    try:
        done = subprocess.run([*bwrap_command(), "/bin/true"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
