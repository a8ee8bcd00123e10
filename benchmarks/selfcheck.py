"""Time from asking for a self-check to its answer, in units of one fresh `import tensorflow` on the same core.

python benchmarks/selfcheck.py [ROUNDS]

Cold: `grader check` from the command line. Warm: from the moment a notebook is saved to the last line of
`grader watch`, and from sending `%check` to a real Jupyter kernel to its reply.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from _measure import QUIET, ROOT, fresh_import, one_core, process, spread

from grader.commands import MEND, OK

SAMPLES = ROOT / "tests" / "submissions" / "distillation_tf"
EXERCISE = "knowledge_distillation"


def main(rounds: int) -> None:
    one_core()
    notebook = next(iter(sorted(SAMPLES.glob("right*/*.ipynb"))))
    whole = [sys.executable, "-m", "grader.cli", "check", str(notebook), "-a", "distillation_tf"]
    imports, checks, ones = [], [], []
    for _ in range(rounds):
        imports.append(fresh_import().wall_s)
        checks.append(process(whole, (OK, MEND)).wall_s)
        ones.append(process([*whole, "-e", EXERCISE], (OK, MEND)).wall_s)
    os.environ["GRADER_ROOT"] = str(unpacked_kit())
    warm: dict[str, list[float]] = {
        "watch, all exercises": saved(notebook, [], rounds),
        "watch, one exercise": saved(notebook, ["-e", EXERCISE], rounds),
        "%check in a kernel, one exercise": asked(notebook, f"%check {EXERCISE}", rounds),
        "%check --live in a kernel, one exercise": asked(notebook, f"%check {EXERCISE} --live", rounds),
    }
    print(f"fresh import tensorflow, wall s:   {spread(imports)}")
    cold = {"grader check, all exercises": checks, "grader check -e, one exercise": ones}
    for name, times in (cold | warm).items():
        ratios = [spent / alone for spent, alone in zip(times, imports, strict=True)]
        print(f"{name}, wall s:   {spread(times)}; in imports {spread(ratios, '{:.3f}')}")


def unpacked_kit() -> Path:
    """The folder that learners have."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    kit = [sys.executable, "-m", "grader.cli", "kit", "distillation_tf", "-o", str(folder / "kit.zip")]
    process([*kit, "--dev-secret"])
    shutil.unpack_archive(folder / "kit.zip", folder)
    return folder / "distillation_tf"


def saved(notebook: Path, more: list[str], rounds: int) -> list[float]:
    """Seconds from each save to the end of the answer."""
    with tempfile.TemporaryDirectory() as folder:
        mine = Path(folder) / "mine.ipynb"
        shutil.copy(notebook, mine)
        command = [sys.executable, "-u", "-m", "grader.cli", "watch", str(mine), "-a", "distillation_tf", *more]
        environment = {**os.environ, **QUIET, "LANGUAGE": "en"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as watching:
            assert watching.stdout is not None
            until_checked(watching.stdout)
            times = []
            for number in range(rounds):
                content = changed(notebook, number)
                (Path(folder) / "new").write_text(content, "utf-8")
                start = time.perf_counter()
                os.replace(Path(folder) / "new", mine)
                until_checked(watching.stdout)
                times.append(time.perf_counter() - start)
            watching.terminate()
        return times


def changed(notebook: Path, number: int) -> str:
    """The notebook with another statement in each code cell that defines something."""
    told = json.loads(notebook.read_text("utf-8"))
    for cell in told["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "def " in source:
            cell["source"] = f"{source}\nround_{number} = {number}\n"
    return json.dumps(told)


def until_checked(told: IO[str]) -> None:
    """Read up to the line that says that a check is done."""
    for line in told:
        if "was checked in" in line:
            return
    raise RuntimeError("grader watch ended")


def asked(notebook: Path, line: str, rounds: int) -> list[float]:
    """Seconds that a kernel takes for the line, after the first time."""
    with kernel() as client:
        run(client, "%load_ext grader")
        run(
            client, "import numpy as np\nimport tensorflow as tf"
        )  # the notebook's own also want a library to plot
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and f"def {EXERCISE}" in source:
                run(client, source)
        run(client, line)
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            run(client, line)
            times.append(time.perf_counter() - start)
        return times


@contextmanager
def kernel() -> Iterator[Any]:
    """A Jupyter kernel with this interpreter."""
    from jupyter_client.manager import start_new_kernel

    environment = {**os.environ, **QUIET, "PYTHONPATH": str(ROOT), "LANGUAGE": "en"}
    manager, client = start_new_kernel(env=environment)
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run(client: Any, source: str) -> None:
    """Run a cell to its end. Raises RuntimeError when it raises."""
    reply = client.execute_interactive(source, timeout=300, output_hook=lambda message: None)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"{source[:60]}: {reply['content'].get('evalue')}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
