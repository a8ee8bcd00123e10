"""Real downloads of Moodle with hand-ins for the small assignment in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exports.made_up import zipped
from moodle_samples import entries
from small_class import KINDS as HAND_INS
from small_class import notebook

ANSWERS = ("right", "sum", "uphill", "blank", "raises", "truncated", "half", "absolute")


@contextmanager
def the_root(root: Path) -> Iterator[Path]:
    """Commands work in this root."""
    before = os.environ.get("GRADER_ROOT")
    os.environ["GRADER_ROOT"] = str(root)
    try:
        yield root
    finally:
        os.environ.pop("GRADER_ROOT")
        if before is not None:
            os.environ["GRADER_ROOT"] = before


def downloaded(kind: str, folders: int, where: Path) -> tuple[Path, dict[str, float]]:
    """A zip with the names of a real download, and what each of its folders must get."""
    names = sorted(entries(kind, folders))
    hand_ins = sorted({name.partition("_assignsubmission")[0] for name in names})
    answers = {folder: ANSWERS[at % len(ANSWERS)] for at, folder in enumerate(hand_ins)}
    members = {
        name: notebook(answers[name.partition("_assignsubmission")[0]], name)
        if name.endswith("ipynb")
        else b"notes"
        for name in names
    }
    due = {folder: HAND_INS[answer].earned for folder, answer in answers.items()}
    return zipped(where / f"{kind}.zip", members), due
