"""`grader kit`: writes what learners are handed."""

from __future__ import annotations

from pathlib import Path

import yaml

from grader.commands import OK
from grader.context import assignment_folder, find_secret
from grader.journal import atomic
from grader.learner.kit import build
from grader.rubric import load_rubric
from grader.spec import find_root, load_assignment


def run(named: str, out: Path, *, dev_secret: bool) -> int:
    """Write the zip. Raises ConfigError, OSError."""
    root = find_root()
    folder = assignment_folder(root, named)
    rubric = load_rubric(root / "rubric.yaml", load_assignment(folder))
    block = yaml.safe_load((root / "rubric.yaml").read_text("utf-8"))[rubric.assignment]
    content = build(folder, rubric.policies.hints, find_secret(root, development=dev_secret), block)
    with atomic(out) as part:
        part.write_bytes(content)
    print(f"{out}: {len(content) / 1024:.0f} KiB")
    return OK
