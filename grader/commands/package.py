"""`grader package`: what a learning system takes to run the grader itself, as one zip."""

from __future__ import annotations

from pathlib import Path

from grader.commands import OK
from grader.commands.grade import say
from grader.context import assignment_folder, find_secret
from grader.intake import UsageError
from grader.journal import atomic
from grader.lms import adapter
from grader.lms.packaging import payload, to_zip
from grader.lms.records import Bundle, Request
from grader.spec import find_root, load_assignment


def run(system: str, assignment: str, out: Path, *, lang: str = "en", seconds: int | None = None) -> int:
    """Write the zip and say what to do with it. Returns the exit code."""
    if out.is_dir():
        raise UsageError(f"{out}: is a folder; -o takes the zip to write")
    root = find_root()
    slug = load_assignment(assignment_folder(root, assignment)).slug
    made = payload(root, slug, find_secret(root), lang=lang, seconds=seconds)
    bundle: Bundle = adapter(system).package(made, Request())
    content = to_zip(bundle)
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic(out) as part:
        part.touch(0o600)  # for nobody else's eyes: the answers and the secret are in it
        part.write_bytes(content)
    print(f"{out}: {len(bundle.files)} files, {len(content) / 2**20:.1f} MiB")
    for sentence in bundle.told:
        say(sentence)
    return OK
