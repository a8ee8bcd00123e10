"""What a notebook says to its surroundings and not to Python: shell commands, magics, Google Colab. Kernel's side.

There is no network and there are no other programs, so `!pip install` and `drive.mount` do nothing, and say so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from grader.execute.inside.inert import Inert, module, stub
from grader.execute.inside.telling import Telling

LINE = """
    pip conda mamba uv tensorflow_version tensorboard wandb kaggle gdown shell matplotlib pylab notebook env_check
    reload_ext nvidia_smi
""".split()
CELL = (
    "bash sh script cmd system sx shell html HTML javascript js svg latex perl ruby R sql bigquery cu cuda".split()
)


def install(shell: Any, telling: Telling) -> None:
    """Commands and magics that would leave the notebook do nothing from here on."""

    def system(command: str) -> None:
        telling.substitution("shell", str(command).strip())
        print(f"(not run: {command})")

    def getoutput(command: str, *_: Any, **__: Any) -> Any:
        from IPython.utils.text import SList

        telling.substitution("shell", str(command).strip())
        return SList([])

    for name in ("system", "system_piped", "system_raw"):
        setattr(shell, name, system)
    shell.getoutput = getoutput
    shell.ask_exit = lambda: os._exit(0)  # `exit()`: at once, and not some time after the next cell
    for name in LINE:
        shell.register_magic_function(_line(name, telling), "line", name)
    for name in CELL:
        shell.register_magic_function(_cell(name, telling), "cell", name)
    real = shell.extension_manager.load_extension

    def load_extension(name: str) -> Any:
        try:
            return real(name)
        except ImportError:
            telling.substitution("magic", f"%load_ext {name}")
            return None

    shell.extension_manager.load_extension = load_extension

    def os_system(command: str) -> int:
        telling.substitution("shell", str(command))
        return 0

    os.system = os_system  # type: ignore[assignment]
    _colab(telling)


def _line(name: str, telling: Telling) -> Callable[[str], None]:
    def magic(line: str) -> None:
        telling.substitution("magic", f"%{name} {line}".strip())

    return magic


def _cell(name: str, telling: Telling) -> Callable[[str, str], None]:
    def magic(line: str, cell: str) -> None:
        telling.substitution("magic", f"%%{name} {line}".strip())

    return magic


def _colab(telling: Telling) -> None:
    colab = module("google.colab")
    drive, files = stub("google.colab.drive"), stub("google.colab.files")

    def mount(mountpoint: str = "/content/drive", **_: Any) -> None:
        telling.substitution("shell", f"drive.mount({mountpoint!r})")
        for folder in ("MyDrive", "My Drive"):
            os.makedirs(os.path.join(mountpoint, folder), exist_ok=True)

    def upload(*_: Any, **__: Any) -> dict[str, bytes]:
        telling.substitution("shell", "files.upload()")
        return {}

    drive.mount = mount  # type: ignore[attr-defined]
    drive.flush_and_unmount = lambda *_, **__: None  # type: ignore[attr-defined]
    files.upload, files.download = upload, lambda *_, **__: None  # type: ignore[attr-defined]
    colab.drive, colab.files = drive, files  # type: ignore[attr-defined]
    patches = module("google.colab.patches")
    patches.cv2_imshow = Inert("cv2_imshow")  # type: ignore[attr-defined]
    colab.patches = patches  # type: ignore[attr-defined]
    for part in (colab, drive, files, patches):
        sys.modules[part.__name__] = part
    try:
        import google
    except ImportError:
        google = sys.modules["google"] = stub("google")
    google.colab = colab
