"""Which file of a hand-in is graded: the notebook that holds the exercises."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from grader.blanks import is_blank
from grader.cleaning import clean
from grader.intake.listing import PLAIN, contents, list_nested
from grader.intake.naming import HIDDEN
from grader.intake.plain import ARCHIVES, NOTEBOOKS, SCRIPTS, suffixed
from grader.intake.records import HandIn, Kind, LeftOut, Member, UsageError
from grader.notebook import MAX_BYTES, Unreadable, parse_notebook
from grader.syntax import parse
from grader.types import Cell, Remark

MAX_CANDIDATES = 40  # notebooks of one hand-in that are opened to choose between them
MAX_TOGETHER = 2 * MAX_BYTES  # their bytes together
MAX_ZIPS = 4  # zips of one hand-in that are opened
MAX_PEEKED = 50  # hand-ins of an assignment that are opened to tell which assignment it is


@dataclass(frozen=True)
class Choice:
    """What counts of a hand-in. Without a member there is nothing to grade, and `problem` says why."""

    member: Member | None
    remarks: tuple[Remark, ...] = ()
    problem: tuple[str, str] = ("", "")


def choose(hand_in: HandIn, names: Collection[str]) -> Choice:
    """The file with most of the exercises `names`, begun rather than blank; of equals the shortest path.

    Scripts count only where there is no notebook, beside them or in a zip among them.
    """
    candidates, damaged = _candidates(hand_in.members)
    if not candidates:
        locked = [member for member in hand_in.members if member.kind is Kind.LOCKED]
        stand_in = next(iter(damaged or locked), None)
        return Choice(stand_in, hand_in.remarks, ("no_notebook", _listed(hand_in.members)))
    order = sorted(candidates, key=lambda m: (-hand_in.newer.get(m.path, 0), len(m.parts), len(m.path), m.path))
    if len(order) == 1:
        return Choice(order[0], hand_in.remarks)
    held = dict(zip(map(id, order), _holdings(order, names), strict=False))
    best = max(order, key=lambda member: held.get(id(member), (0, 0, 0)))  # the first of equals
    told = Remark("chosen_notebook", detail=f"{_below(best, order)} (1/{len(order)})")
    return Choice(best, (*hand_in.remarks, told))


def one_assignment(hand_ins: Sequence[HandIn], names: Collection[str]) -> tuple[list[HandIn], list[LeftOut]]:
    """Of an export with several assignments, the one with the exercises. Raises UsageError."""
    there = sorted({hand_in.assignment for hand_in in hand_ins})
    if len(there) < 2:
        return list(hand_ins), []
    held = {
        assignment: _mean(_most([h for h in hand_ins if h.assignment == assignment][:MAX_PEEKED], names))
        for assignment in there
    }
    best = max(there, key=lambda assignment: held[assignment])
    if list(held.values()).count(held[best]) > 1:
        raise UsageError(f"several assignments ({', '.join(there)}): give a copy that holds one of them")
    others = [h for h in hand_ins if h.assignment != best]
    left = [LeftOut(m.shown, f"of the assignment {h.assignment}") for h in others for m in h.members]
    return [h for h in hand_ins if h.assignment == best], left


def _most(hand_ins: Iterable[HandIn], names: Collection[str]) -> Iterator[int]:
    for hand_in in hand_ins:
        candidates, _ = _candidates(hand_in.members)
        yield max((defined for _, _, defined in _holdings(candidates, names)), default=0)


def _mean(numbers: Iterable[int]) -> float:
    listed = list(numbers)
    return sum(listed) / len(listed) if listed else 0.0


# ---------------------------------------------------------------- candidates


def _candidates(members: Sequence[Member]) -> tuple[list[Member], list[Member]]:
    """What may be graded, and stand-ins for zips that cannot be looked into."""
    nested: list[Member] | None = None
    damaged: list[Member] = []
    for suffixes in (NOTEBOOKS[:1], NOTEBOOKS[1:], SCRIPTS):
        if own := [member for member in members if suffixed(member, suffixes)]:
            return own, damaged
        if nested is None:
            nested = list(_inside([m for m in members if suffixed(m, ARCHIVES)][:MAX_ZIPS], damaged))
        if own := [member for member in nested if suffixed(member, suffixes)]:
            return own, damaged
    return [], damaged


def _inside(zips: Iterable[Member], damaged: list[Member]) -> Iterator[Member]:
    for outer in zips:
        try:
            for member in list_nested(outer).members:
                own = f"{outer.own or outer.path}!/{member.path}"
                yield replace(member, path=f"{outer.path}!/{member.path}", own=own)
        except Unreadable as bad:
            damaged.append(replace(outer, trouble=(bad.reason, bad.detail)))
        except OSError:
            damaged.append(outer)  # reading it will fail again, and say so


def _listed(members: Sequence[Member]) -> str:
    files = [member for member in members if member.kind is Kind.FILE]
    names = [m.called for m in files if not m.junk] or [m.called for m in files if m.junk == HIDDEN]
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def _below(member: Member, others: Sequence[Member]) -> str:
    """Its path below the folder that they are all in."""
    paths = [(other.own or other.path).split("/") for other in others]
    parts = (member.own or member.path).split("/")
    common = 0
    while all(len(path) > common + 1 and path[common] == parts[common] for path in paths):
        common += 1
    return "/".join(parts[common:])


# ---------------------------------------------------------------- what they hold


def _holdings(members: Sequence[Member], names: Collection[str]) -> Iterator[tuple[int, int, int]]:
    """Of the first members: (1 for a notebook, -1 for none, -2 for what cannot be read; how many of `names` are
    begun in it; how many defined).
    """
    wanted = re.compile(rf"^[ \t]*(?:def|class)[ \t]+({'|'.join(map(re.escape, sorted(names)))})\b", re.MULTILINE)
    together = 0
    for member in members[:MAX_CANDIDATES]:
        together += member.size if member.trouble == PLAIN else 0
        if together > MAX_TOGETHER:
            return
        try:
            data = contents(member)
        except (Unreadable, OSError):
            yield (-2, 0, 0)
            continue
        try:
            cells = parse_notebook(data, member.name).cells
        except Unreadable:
            yield (-1, 0, 0)
            continue
        defined: dict[str, bool] = {}
        for cell in cells:
            found = set(wanted.findall(cell.source)) if names else set()
            if found:
                defined |= dict.fromkeys(found, True) | _begun(cell, found)
        yield (1, sum(defined.values()), len(defined))


def _begun(cell: Cell, names: Collection[str]) -> dict[str, bool]:
    """Of functions and classes of a cell: is there more than a blank? Of a cell that does not parse: nothing."""
    try:
        body = parse(clean(cell.source)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {name: not is_blank(node, None) for node in body if (name := getattr(node, "name", "")) in names}
