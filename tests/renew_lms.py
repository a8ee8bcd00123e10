"""Write the golden files of learning systems anew, after a change that is meant: tests/renew_lms.py FORMAT

A test module `test_lms_<format>.py` has GOLDEN: name of a file -> what makes its bytes. Look at the difference
before you commit it: each byte of it is what a learning system will get.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "golden" / "lms"


def golden(name: str) -> Mapping[str, Callable[[], bytes]]:
    """What makes the files of a format, by their names."""
    made: Mapping[str, Callable[[], bytes]] = importlib.import_module(f"test_lms_{name.replace('-', '_')}").GOLDEN
    return made


def main(names: list[str]) -> None:
    """Write all files of these formats."""
    for name in names:
        for path, make in golden(name).items():
            target = FOLDER / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(make())
            print(target)


if __name__ == "__main__":
    main(sys.argv[1:])
