"""A folder or a zip -> a Tree. Nothing is unpacked, nothing is written, nothing but listings is read.

What is wrong with one member is noted in it and costs only that member.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from grader.intake.naming import decoded, from_disk, from_zip, harmless, junk
from grader.intake.records import Kind, Member, Tree, UsageError
from grader.notebook import MAX_BYTES, Unreadable, read_bytes

MAX_MEMBERS = 100_000
MAX_NESTED = 10_000  # members of a zip in a zip
MAX_RATIO = 200  # uncompressed / compressed; text rarely exceeds 20, a bomb starts at 1000
LOCAL_HEADER = 30  # bytes before a member's name and data
CENTRAL = b"PK\x01\x02"  # begins each line of a zip's table of contents
PLAIN = ("", "")


def contents(member: Member) -> bytes:
    """What is in it. Raises Unreadable, or OSError where that is our affair."""
    if member.trouble != PLAIN:
        raise Unreadable(*member.trouble)
    return member.content()


# ---------------------------------------------------------------- folders


def list_folder(folder: Path) -> Tree:
    """Everything below `folder`, links not followed. Raises UsageError when it is too much or cannot be listed."""
    members: list[Member] = []
    waiting = [(folder, "")]
    while waiting:
        place, below = waiting.pop()
        try:
            with os.scandir(place) as scan:
                found = sorted(scan, key=lambda entry: entry.name)
        except OSError as fault:
            if not below:
                raise UsageError(f"{folder}: {fault.strerror or fault}") from fault
            members.append(_locked(place, below, fault))
            continue
        if not found and below:
            members.append(Member(below, shown(place), 0, _nothing, kind=Kind.FOLDER, junk=junk(below)))
        for entry in found:
            path = f"{below}/{from_disk(entry.name)}".lstrip("/")
            member = _on_disk(Path(entry.path), path)
            if member.kind is Kind.FOLDER and not member.junk:
                waiting.append((Path(entry.path), path))
            else:
                members.append(member)
        if len(members) + len(waiting) > MAX_MEMBERS:
            raise UsageError(f"{folder}: holds more than {MAX_MEMBERS} files; give the folder of one class")
    return Tree(shown(folder), tuple(sorted(members, key=lambda member: member.path)))


def single(path: Path) -> Member:
    """One file that was named itself."""
    return _on_disk(path, from_disk(path.name))


def shown(path: Path | str) -> str:
    """A path for people: a name that is no UTF-8 must not stop the class when it is written down."""
    return harmless(os.fsencode(path).decode("utf-8", "replace"))


def _on_disk(place: Path, path: str) -> Member:
    def read() -> bytes:
        return read_bytes(place)

    member = Member(path, shown(place), 0, read, junk=junk(path), disk=place)
    try:
        told = os.lstat(place)
    except OSError:
        return member  # gone or forbidden: reading it will say so
    if stat.S_ISDIR(told.st_mode):
        return replace(member, kind=Kind.FOLDER)
    return replace(member, size=told.st_size, trouble=_trouble_on_disk(told))


def _trouble_on_disk(told: os.stat_result) -> tuple[str, str]:
    if stat.S_ISLNK(told.st_mode):
        return "symlink", "a link in place of the file"
    if not stat.S_ISREG(told.st_mode):
        return "not_a_file", "a device, a pipe or a socket"
    return ("too_big", f"{told.st_size} bytes") if told.st_size > MAX_BYTES else PLAIN


def _locked(place: Path, below: str, fault: OSError) -> Member:
    def read() -> bytes:
        raise fault

    return Member(below, shown(place), 0, read, kind=Kind.LOCKED)


def _nothing() -> bytes:
    return b""


# ---------------------------------------------------------------- zips


class Reopened(io.RawIOBase):
    """A file that is open only while it is read, so that no worker inherits a class's archive."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.at, self.size = path, 0, os.stat(path).st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("negative position")
        self.at = base + offset
        return self.at

    def read(self, size: int | None = -1) -> bytes:
        with open(self.path, "rb") as file:
            file.seek(self.at)
            data = file.read(-1 if size is None else size)
        self.at += len(data)
        return data


def list_zip(path: Path) -> Tree:
    """A zip file that was named itself. Raises UsageError."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
            raise UsageError(f"{path}: a device, a pipe or a socket is not graded")
        archive = zipfile.ZipFile(Reopened(path))
    except UsageError:
        raise
    except Exception as bad:  # BadZipFile, OSError, ValueError, struct.error, ...: they share no base class
        raise UsageError(f"{path}: not a readable zip ({bad}); download it again") from bad
    if len(archive.infolist()) > MAX_MEMBERS:
        raise UsageError(f"{path}: {len(archive.infolist())} members; more than {MAX_MEMBERS} are not unpacked")
    return _listed(f"{shown(path)}!", archive.infolist(), lambda: archive)


def list_nested(outer: Member) -> Tree:
    """A zip that stands in a folder or zip. Raises Unreadable, OSError."""
    data = contents(outer)
    if data.count(CENTRAL) > MAX_NESTED:  # before a record of each is made
        raise Unreadable("too_big", f"more than {MAX_NESTED} members")

    def archive() -> zipfile.ZipFile:
        return zipfile.ZipFile(io.BytesIO(contents(outer)))  # anew each time: kept, a class would fill the memory

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            members = opened.infolist()
    except Exception as bad:  # as above
        raise Unreadable("bad_archive", type(bad).__name__) from bad
    return _listed(f"{outer.shown}!", members, archive)


def _listed(where: str, infos: Sequence[zipfile.ZipInfo], archive: Callable[[], zipfile.ZipFile]) -> Tree:
    overlapping = set(_overlapping(infos))
    members = [_in_zip(where, info, archive, id(info) in overlapping) for info in infos]
    filled = {member.path[:at] for member in members for at, letter in enumerate(member.path) if letter == "/"}
    kept = [m for m in members if m.kind is Kind.FILE or m.path not in filled]
    return Tree(where, tuple(sorted(kept, key=lambda member: member.path)))


def _in_zip(where: str, info: zipfile.ZipInfo, archive: Callable[[], zipfile.ZipFile], overlaps: bool) -> Member:
    name = info.filename
    if not info.flag_bits & 0x800 and not name.isascii():
        name = decoded(name.encode("cp437"))  # what zipfile took it for
    path, unsafe = from_zip(name)
    trouble = _trouble_in_zip(info, overlaps)
    return Member(
        path,
        f"{where}/{path}",
        info.file_size,
        lambda: _unpacked(archive, info),
        unsafe if trouble == PLAIN else trouble,
        Kind.FOLDER if name.endswith(("/", "\\")) else Kind.FILE,
        junk(path),
    )


def _trouble_in_zip(info: zipfile.ZipInfo, overlaps: bool) -> tuple[str, str]:
    if info.flag_bits & 1:
        return "encrypted", "the zip is encrypted; hand in a zip without a password"
    form = stat.S_IFMT(info.external_attr >> 16)
    if form == stat.S_IFLNK:
        return "symlink", "the zip holds a link in place of the file"
    if form not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "not_a_file", "the zip holds a device, a pipe or a socket"
    if overlaps:
        return "bad_archive", "its members overlap"
    if info.file_size > MAX_BYTES or info.file_size > MAX_RATIO * max(info.compress_size, 1024):
        return "too_big", f"{info.file_size} bytes unpacked from {info.compress_size}"
    return PLAIN


def _overlapping(infos: Sequence[zipfile.ZipInfo]) -> Iterator[int]:
    """Identities of members that share bytes with another: how small zips unpack to petabytes."""
    end, owner = -1, -1
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            yield from (owner, id(info))
        own_end = info.header_offset + LOCAL_HEADER + len(info.orig_filename) + info.compress_size
        if own_end > end:
            end, owner = own_end, id(info)


def _unpacked(archive: Callable[[], zipfile.ZipFile], info: zipfile.ZipInfo) -> bytes:
    try:
        with archive().open(info) as file:
            # Not read(): that unpacks it all, however much there is, before it looks at the size.
            return file.read(info.file_size + 1)
    except (OSError, Unreadable):
        raise
    except Exception as bad:  # BadZipFile, zlib.error, lzma.LZMAError, ...: they share no base class
        raise Unreadable("truncated", f"damaged in the zip ({type(bad).__name__})") from bad
