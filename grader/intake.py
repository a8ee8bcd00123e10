"""Paths given on the command line -> submissions: a notebook, a folder of them, or a zip.

Nothing from a zip is ever written to disk; names only become ids. A file that cannot be read is
still a submission, with the reason why.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from grader.notebook import MAX_BYTES, Unreadable, read_bytes
from grader.types import FriendlyError, Submission

T = TypeVar("T")
SUFFIXES = (".ipynb", ".py")
MAX_MEMBERS = 100_000
MAX_RATIO = 200  # uncompressed / compressed; text rarely exceeds 20, a bomb starts at 1000
RESERVED = ("grades.csv", "journal.")  # what an output folder holds besides submissions
WINDOWS = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
SKIPPED_FOLDERS = {"__MACOSX", ".ipynb_checkpoints", ".git", ".venv", "__pycache__", "node_modules"}


class UsageError(FriendlyError):
    """The paths given cannot be graded; the message says what to give instead."""


@dataclass(frozen=True)
class Entry:
    """A submission that has been found and not yet read. `read` raises Unreadable or OSError."""

    id: str
    path: str
    read: Callable[[], bytes]


def find(paths: Sequence[Path]) -> list[Entry]:
    """Everything to grade below `paths`, with unique ids that do not depend on the order of `paths`.

    Raises UsageError.
    """
    found: list[tuple[str, str, Callable[[], bytes]]] = []
    for path in sorted({Path(os.path.abspath(path)): path for path in paths}.values()):
        if not path.exists() and not path.is_symlink():
            raise UsageError(f"{path}: there is no such file or folder")
        if path.is_dir():
            found += _in_folder(path)
        elif path.suffix.lower() == ".zip":
            found += _in_zip(path)
        elif path.suffix.lower() in SUFFIXES:
            found.append((path.stem, str(path), _reader(path)))
        else:
            raise UsageError(f"{path}: expected a notebook (.ipynb), a .py file, a folder or a .zip")
    if not found:
        raise UsageError("no notebook (.ipynb or .py) in " + ", ".join(map(str, paths)))
    return _with_unique_ids(found)


def read(entry: Entry) -> Submission:
    """Read one submission. What is wrong with the learner's file goes into `problem` ("code: detail");
    a disk that fails or a file that we may not read is our `fault`.
    """
    try:
        data = entry.read()
    except Unreadable as bad:
        return Submission(entry.id, entry.path, None, "", f"{bad.reason}: {bad.detail}")
    except OSError as fault:
        return Submission(entry.id, entry.path, None, "", fault=f"could not read it: {fault}")
    return Submission(entry.id, entry.path, data, hashlib.sha256(data).hexdigest())


def _reader(path: Path) -> Callable[[], bytes]:
    return lambda: read_bytes(path)


def _in_folder(folder: Path) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES and _wanted(f.relative_to(folder)))
    for name, file in _candidates([(f.relative_to(folder).as_posix(), f) for f in files]):
        yield name, str(file), _reader(file)


def _in_zip(path: Path) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as bad:
        raise UsageError(f"{path}: not a readable zip ({bad}); download it again") from bad
    if len(members) > MAX_MEMBERS:
        raise UsageError(f"{path}: {len(members)} members; more than {MAX_MEMBERS} are not unpacked")
    usable = [
        (m.filename, m)
        for m in members
        if not m.is_dir() and PurePosixPath(m.filename).suffix.lower() in SUFFIXES and _wanted(Path(m.filename))
    ]
    for name, member in _candidates(sorted(usable, key=lambda pair: pair[0])):
        yield name, f"{path}!/{member.filename}", _member_reader(path, member)


def _member_reader(path: Path, member: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read_member() -> bytes:
        if member.flag_bits & 1:
            raise Unreadable("encrypted", "the zip is encrypted; hand in a zip without a password")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise Unreadable("symlink", "the zip holds a link in place of the notebook")
        if member.file_size > MAX_BYTES or member.file_size > MAX_RATIO * max(member.compress_size, 1024):
            raise Unreadable("too_big", f"{member.file_size} bytes unpacked from {member.compress_size}")
        try:
            with zipfile.ZipFile(path) as archive, archive.open(member) as file:
                data = file.read(MAX_BYTES + 1)
        except OSError:
            raise
        except Exception as bad:  # BadZipFile, zlib.error, lzma.LZMAError, ...: they share no base class
            raise Unreadable("truncated", f"damaged in the zip ({type(bad).__name__})") from bad
        if len(data) > MAX_BYTES:
            raise Unreadable("too_big", f"more than {MAX_BYTES} bytes")
        return data

    return read_member


def _wanted(path: Path) -> bool:
    parts = path.parts
    return not SKIPPED_FOLDERS.intersection(parts) and not any(p.startswith(".") and p != ".." for p in parts)


def _candidates(files: Iterable[tuple[str, T]]) -> Iterator[tuple[str, T]]:
    """Every file, but in a learner's folder (not the top one) .py files count only where there is no notebook.

    A folder's only file takes its name.
    """
    folders: dict[str, list[tuple[PurePosixPath, T]]] = {}
    for name, file in files:
        path = PurePosixPath(name)
        folders.setdefault(str(path.parent), []).append((path, file))
    for folder, own in folders.items():
        notebooks = [pair for pair in own if pair[0].suffix.lower() == ".ipynb" or folder == "."] or own
        for path, file in notebooks:
            alone = len(notebooks) == 1 and folder != "."
            yield (folder if alone else str(path.with_suffix(""))), file


def _with_unique_ids(found: Sequence[tuple[str, str, Callable[[], bytes]]]) -> list[Entry]:
    taken: set[str] = set()
    entries = []
    for name, path, reader in found:
        base = unique = safe_id(name)
        for number in itertools.count(2):
            if unique.casefold() not in taken:
                break
            unique = f"{base}~{number}"
        taken.add(unique.casefold())
        # A name that is no UTF-8 must not stop the class when it is written down.
        entries.append(Entry(unique, os.fsencode(path).decode("utf-8", "replace"), reader))
    return entries


def safe_id(name: str) -> str:
    """A name that is one folder on every system: NFC, no separators, no controls, at most 120 characters."""
    text = (
        unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
        .replace("/", "__")
        .replace("\\", "__")
    )
    text = "".join("_" if unicodedata.category(c)[0] == "C" or c in '<>:"|?*' else c for c in text)
    text = re.sub(r"^[.\s]+|[.\s]+$", "", text)
    if len(text.encode()) > 200:
        text = text.encode()[:180].decode(errors="ignore") + "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
    taken = text.casefold().startswith(RESERVED) or text.partition(".")[0].casefold() in WINDOWS
    return f"_{text}" if taken else text or "unnamed"
