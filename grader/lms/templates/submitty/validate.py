"""Submitty starts this as a custom validator, with the Python of the worker, beside everything that it needs.

It judges the notebook with grader/run_one.sh (its interpreter: /opt/grader/bin/python, made by grader/install.sh)
and leaves validation_results.json. What instructors should know goes to validation_logfile.txt.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

INPUT = "custom_validator_input.json"
RESULTS = "validation_results.json"
LOG = "validation_logfile.txt"
HAND_IN = "hand_in"
OURS = ("grader", HAND_IN)


def main() -> int:
    """Returns the exit status; Submitty does not look at it."""
    here = pathlib.Path.cwd()
    asked = json.loads((here / INPUT).read_text("utf-8"))
    gather(here, here / HAND_IN)
    environment = {**os.environ, "GRADER_SECONDS": str(asked.get("seconds", 540))}
    script = str(here / "grader" / "run_one.sh")
    with open(here / LOG, "ab") as log:
        ended = subprocess.run(
            ["bash", script, str(here / HAND_IN), "submitty", str(here)],
            check=False, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    if ended.returncode != 0 and not (here / RESULTS).is_file():
        why = f"the grader could not start (exit status {ended.returncode}); see {LOG}"
        (here / RESULTS).write_text(json.dumps({"status": "failure", "message": why}), "utf-8")
    return 0


def gather(here: pathlib.Path, to: pathlib.Path) -> None:
    """The notebooks of the learner, in a folder of their own."""
    to.mkdir(exist_ok=True)
    for path in sorted(here.rglob("*.ipynb")):
        inside = path.relative_to(here)
        if inside.parts[0] not in OURS and path.is_file() and not path.is_symlink():
            (to / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to / inside)


if __name__ == "__main__":
    sys.exit(main())
