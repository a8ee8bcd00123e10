"""Folders that people made themselves: a file each, or a folder each, with or without folders around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from grader.intake.naming import junk
from grader.intake.records import HandIn, Kind, LeftOut, Member, Reading, Tree

NOTEBOOKS = (".ipynb", ".ipynb.txt", ".ipynb.json")  # some browsers add a suffix
SCRIPTS = (".py", ".py.txt")
ARCHIVES = (".zip",)
GRADABLE = (*NOTEBOOKS, *SCRIPTS, *ARCHIVES)


def suffixed(member: Member, suffixes: Sequence[str]) -> bool:
    """Is it a file called like this, and somebody's work?"""
    return member.kind is Kind.FILE and not member.junk and member.name.lower().endswith(tuple(suffixes))


def gradable(members: Sequence[Member]) -> list[Member]:
    """The notebooks, scripts and zips among them."""
    return [member for member in members if suffixed(member, GRADABLE)]


def sort(tree: Tree) -> Reading:
    """Files at the top are a submission each, and so are the folders beside them.

    A folder around all the others is no learner, and neither are folders that are sections of a class.
    """
    files, folders = _level(tree.members, 0)
    depth = 0
    while len(folders) == 1 and not files and len(gradable(tree.members)) > 1:
        depth += 1
        files, folders = _level(tree.members, depth)
    hand_ins = [
        replace(found, label="/".join(found.label.split("/")[depth:]))
        for found in _split(tree, tree.members, depth)
    ]
    taken = {id(member) for hand_in in hand_ins for member in hand_in.members}
    rest = [member for member in tree.members if id(member) not in taken]
    left = [LeftOut(m.shown, m.junk or "nothing to grade") for m in rest if m.kind is not Kind.FOLDER or m.junk]
    told = "files and folders" if files and folders else "a folder each" if folders else "a file each"
    return Reading(f"folder ({told})", tuple(hand_ins), tuple(left))


def _split(tree: Tree, members: Sequence[Member], depth: int) -> Iterator[HandIn]:
    files, folders = _level(members, depth)
    loose = any(not suffixed(file, ARCHIVES) for file in files)
    for file in files:
        # A zip among notebooks may be somebody's work, or the data that was handed out.
        optional = loose and suffixed(file, ARCHIVES)
        yield HandIn(stem(file.path), file.shown, (file,), optional=optional)
    if not files and _are_sections(list(folders.values()), depth + 1):
        for inside in folders.values():
            yield from _split(tree, inside, depth + 1)
        return
    for folder, inside in folders.items():
        if gradable(inside) or not files:
            yield HandIn(folder, f"{tree.where}/{folder}", tuple(inside))


def _level(members: Sequence[Member], depth: int) -> tuple[list[Member], dict[str, list[Member]]]:
    """What can be graded among the files at this depth, and the folders with all that they hold."""
    here: list[Member] = []
    folders: dict[str, list[Member]] = {}
    for member in members:
        if len(member.parts) > depth + 1 or member.kind is not Kind.FILE:
            folders.setdefault("/".join(member.parts[: depth + 1]), []).append(member)
        else:
            here.append(member)
    return gradable(here), {name: inside for name, inside in folders.items() if not junk(name)}


def _are_sections(folders: Sequence[Sequence[Member]], depth: int) -> bool:
    """None of these folders holds a submission itself, and most hold several folders that do."""
    levels = [_level(inside, depth) for inside in folders if gradable(inside)]
    several = [sum(bool(gradable(inside)) for inside in folders.values()) > 1 for _, folders in levels]
    return not any(files for files, _ in levels) and 2 * sum(several) > len(levels)


def stem(path: str) -> str:
    """A file's path without `.ipynb` and the like."""
    suffix = max((s for s in GRADABLE if path.lower().endswith(s)), key=len, default="")
    return path[: len(path) - len(suffix)] or path
