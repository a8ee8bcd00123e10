"""`grader cache`: shows and removes what is kept only to save time. The secret is not part of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from grader.commands import OK
from grader.spec import find_root
from grader.training import cache
from grader.training.cache import Cache, Usage

ANSWERS = "expected answers"
NAMES = {"teacher": "trained teachers", "scratch": "runs without a teacher", "learner": "runs of learners"}


def run(action: str, *, answers: bool, training: bool) -> int:
    """`show` or `clear` the expected answers, the training runs, or both where neither is chosen."""
    root = find_root()
    both = answers == training
    act = {"show": _show, "clear": _clear}[action]
    act(root, answers or both, training or both)
    return OK


def _show(root: Path, answers: bool, training: bool) -> None:
    print(f"{_folder(root)}:")
    if answers:
        files = _answers(root)
        _print_row(Usage(ANSWERS, len(files), _size(files)))
    if training:
        for usage in _runs(root):
            _print_row(usage)
        print(f"  {'training runs, on disk':<24} {'':>8}  {_readable(_size(_training_files(root))):>10}")
    print("`grader cache clear` removes it; it is made again when it is needed")


def _clear(root: Path, answers: bool, training: bool) -> None:
    print(f"{_folder(root)}:")
    if answers:
        files = _answers(root)
        removed = Usage(ANSWERS, len(files), _size(files))
        for path in files:
            path.unlink(missing_ok=True)
        _print_row(removed, "removed")
    if training:
        before = _size(_training_files(root))
        for usage in _clear_runs(root):
            _print_row(usage, "removed")
        freed = before - _size(_training_files(root))
        print(f"  {'training runs, on disk':<24} {'':>8}  {_readable(freed):>10}  freed")


def _runs(root: Path) -> Iterator[Usage]:
    """What is stored, 0 of a kind included."""
    path = root / cache.FILE
    found: dict[str, Usage] = {}
    if path.is_file():
        with closing(Cache(path)) as runs:
            found = {usage.kind: usage for usage in runs.stats()}
            if runs.warning:
                print(f"  {runs.warning}")
    for kind in dict.fromkeys((*cache.KINDS, *found)):
        usage = found.get(kind, Usage(kind, 0, 0))
        yield Usage(NAMES.get(kind, kind), usage.count, usage.bytes)


def _clear_runs(root: Path) -> list[Usage]:
    path = root / cache.FILE
    before = [*_runs(root)]
    if path.is_file():
        with closing(Cache(path)) as runs:
            runs.clear()
            unreadable = bool(runs.warning)
        if unreadable:
            cache.remove(path)
    return before


def _folder(root: Path) -> Path:
    return (root / cache.FILE).parent


def _answers(root: Path) -> list[Path]:
    return sorted(_folder(root).glob("*.npz"))


def _training_files(root: Path) -> list[Path]:
    return sorted(_folder(root).glob(f"{cache.FILE.name}*"))


def _size(files: list[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def _print_row(usage: Usage, done: str = "") -> None:
    print(f"  {usage.kind:<24} {usage.count:>8}  {_readable(usage.bytes):>10}  {done}".rstrip())


def _readable(count: int) -> str:
    """Bytes for people: 1.5 MB is a million and a half."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
