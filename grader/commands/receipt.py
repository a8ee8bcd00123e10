"""`grader receipt`: what a receipt of a self-check claims, and whether it was signed with this course's kit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from grader.commands import MEND, OK
from grader.context import find_secret
from grader.learner.receipt import NoReceipt, genuine, key_of, read
from grader.plaintext import clean
from grader.spec import find_root, list_assignments, load_assignment


def run(path: Path, notebook: Path | None, *, dev_secret: bool) -> int:
    """Verify one receipt and print what it says. Returns the exit code. Raises NoReceipt, ConfigError, OSError."""
    told = read(path.read_bytes())
    root = find_root()
    slug = told["assignment"]["slug"]
    if slug not in list_assignments(root):  # never a path that the file names
        raise NoReceipt(f"{path}: is about {clean(slug, 80)!r}, which is no assignment here")
    assignment = load_assignment(root / "assignments" / slug)
    signed = genuine(told, key_of(find_secret(root, development=dev_secret), assignment))
    wrong = []
    if told["assignment"]["digest"] != assignment.digest or told["assignment"]["version"] != assignment.version:
        wrong.append("it is about another version of the assignment; that one's kit had another key")
    elif not signed:
        wrong.append("the signature is not of this course's kit, or the receipt was changed")
    if notebook is not None and hashlib.sha256(notebook.read_bytes()).hexdigest() != told["notebook"]["sha256"]:
        wrong.append(f"{notebook} is not the notebook that was checked")
    print("\n".join(_lines(told)))
    print("signed with this course's kit" if not wrong else "NOT verified: " + "; ".join(wrong))
    print("A receipt is a learner's claim; grades do not depend on it.")
    return MEND if wrong else OK


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    about = told["assignment"]
    yield f"{clean(about['slug'])} {clean(about['version'])}, grader {clean(told['grader'])}, {clean(told['at'])}"
    for name, verdict in told["results"].items():
        yield f"  {clean(str(name), 80)}: {clean(str(verdict), 40)}"
