"""Groups of submissions for a person to look at together. Information, never a verdict: no point depends on it.

Two signs: the same wrong numbers, bit for bit, and code that shares what is unusual in the class. See
docs/alike.md for what they are worth.

The code is compared by fingerprints chosen by winnowing: S. Schleimer, D. S. Wilkerson, A. Aiken, "Winnowing:
Local Algorithms for Document Fingerprinting", SIGMOD 2003, https://doi.org/10.1145/872757.872770. Written here
and not taken from a library: copydetect 0.5.0 wants matplotlib and Jinja, reads files, and its tokens (one letter
for every name that is not a keyword) make all calls of a framework look the same; pycode-similar 1.4 compares
every pair of functions and has had no release since 2020.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from grader.fingerprints import prints
from grader.types import Array, Graded, Mistake, Observation, Verdict

__all__ = ["Group", "behaviour", "few", "groups", "prints"]

Row = Mapping[str, Any]  # see grader.result.to_row
SHARE = 0.6  # of the unusual fingerprints of two submissions together that both have
MIN_SHARED = 12  # fingerprints: some five lines; below that, chance explains it
MIN_IDENTICAL = 30  # fingerprints of a program before it is worth telling that another one is the same


@dataclass(frozen=True)
class Group:
    """Submissions that a person may want to see side by side.

    `kind` is "behaviour" (the same wrong numbers) or "code". `share` is 0..1, 1 for the same behaviour. `detail`
    is the digest of the numbers (several joined with a comma), "17/20" for fingerprints in common of the least
    alike pair, or "identical" where the programs are the same but for formatting and comments.
    """

    kind: str
    exercises: tuple[str, ...]
    ids: tuple[str, ...]
    share: float
    detail: str


def few(submissions: int) -> int:
    """How many of a class may have something in common before it counts as usual.

    A tenth of a small class, at least 2 and at most 5; of a large one 2 %, at most 10: what more people share is
    a common way to write it, or a common mistake that nobody described yet.
    """
    return max(2, min(5, submissions // 10), min(10, submissions // 50))


def groups(rows: Sequence[Row], known: Mapping[str, Mistake]) -> tuple[Group, ...]:
    """All groups of a class, the largest first. `known`: the assignment's mistakes, by name."""
    found = [*_same_behaviour(rows, known), *_similar_code(rows)]
    return tuple(sorted(found, key=lambda group: (-len(group.ids), group.kind, group.ids, group.exercises)))


# ---------------------------------------------------------------- the same wrong numbers


def behaviour(graded: Graded) -> dict[str, str]:
    """Of every exercise that gave numbers and did not pass: 16 hex digits of all their bits.

    Ordinary cases only: values, gradients and what probes saw, with their dtypes and shapes; every NaN counts as
    the same one. Nothing for an exercise that uses one that did not pass, whose numbers it would only repeat, and
    where all numbers are one and the same: zeros are what an unfinished function returns. Bits depend on the kind
    of processor: compare what one kind of machine computed.
    """
    if graded.run is None:
        return {}
    passed = {r.exercise for r in graded.results if r.verdict == Verdict.PASSED and not r.followed}
    found: dict[str, str] = {}
    for result in graded.results:
        if result.verdict == Verdict.PASSED or not passed.issuperset(
            graded.assignment.exercises[result.exercise].uses
        ):
            continue
        cases = sorted({c.case for c in result.checks if c.case and c.kind == "ordinary"})
        seen = [graded.run.observations.get(f"{result.exercise}/{case}") for case in cases]
        if digest := _digest([one for one in seen if one is not None]):
            found[result.exercise] = digest
    return found


def _digest(seen: Iterable[Observation]) -> str:
    """Empty where nothing was returned, or the same number everywhere."""
    digest = hashlib.sha256()
    numbers: set[str] = set()
    for one in seen:
        digest.update(f"{one.id} {one.ended}".encode())
        arrays = {"value": one.value, **{f"d {k}": v for k, v in one.gradients.items()}, **one.arrays}
        for name, array in sorted(arrays.items()):
            if array is None:
                continue
            plain = _canonical(array)
            digest.update(f" {name} {plain.dtype.str} {plain.shape}".encode())
            digest.update(plain.tobytes())
            if plain.size and len(numbers) < 2:
                numbers |= {str(plain.flat[0]), str(plain.min()), str(plain.max())}
    return digest.hexdigest()[:16] if len(numbers) > 1 else ""


def _canonical(array: Array) -> Array:
    """Little-endian, with one NaN."""
    plain = array.astype(array.dtype.newbyteorder("<"))
    if plain.dtype.kind == "f":
        plain[np.isnan(plain)] = np.nan
    return plain


def _same_behaviour(rows: Sequence[Row], known: Mapping[str, Mistake]) -> list[Group]:
    having: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        explained = {known[name].exercise for name in row.get("mistakes", ()) if name in known}
        for exercise, digest in row.get("wrong", {}).items():
            if exercise not in explained:
                having[exercise, digest].append(row)
    most = few(_distinct(rows))
    together: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for which, alike in having.items():
        if len(alike) > 1 and _distinct(alike) <= most:
            together[tuple(sorted(row["id"] for row in alike))].append(which)
    return [
        Group("behaviour", tuple(e for e, _ in which), ids, 1.0, ",".join(digest for _, digest in which))
        for ids, which in together.items()
    ]


def _distinct(rows: Iterable[Row]) -> int:
    """How many programs: twins are one."""
    return len({row.get("twin") or row["id"] for row in rows})


# ---------------------------------------------------------------- code


@dataclass(frozen=True)
class Pair:
    """Two submissions whose code of these exercises is alike."""

    ids: tuple[str, str]
    exercises: tuple[str, ...]
    shared: int
    total: int

    @property
    def share(self) -> float:
        """Of the unusual fingerprints of both together."""
        return self.shared / self.total


def _similar_code(rows: Sequence[Row]) -> list[Group]:
    """Twins are one program here, and join the group of the one that was run in their place."""
    twins: dict[str, list[str]] = defaultdict(list)
    present = {row["id"] for row in rows}
    for row in rows:
        twins[row["twin"] if row.get("twin") in present else row["id"]].append(row["id"])
    marks: dict[str, dict[str, frozenset[int]]] = {
        row["id"]: {exercise: frozenset(own) for exercise, own in row.get("prints", {}).items()}
        for row in rows
        if row["id"] in twins
    }
    found: list[Group] = []
    grouped: set[str] = set()
    for joined in clusters(pairs(marks)):
        least = min(joined, key=lambda pair: pair.share)
        ids = {one for pair in joined for one in pair.ids}
        grouped |= ids
        exercises = tuple(dict.fromkeys(e for pair in joined for e in pair.exercises))
        everybody = sorted(twin for one in ids for twin in twins[one])
        found.append(Group("code", exercises, tuple(everybody), least.share, f"{least.shared}/{least.total}"))
    for one, same in twins.items():
        if len(same) > 1 and one not in grouped and sum(map(len, marks[one].values())) >= MIN_IDENTICAL:
            found.append(Group("code", tuple(marks[one]), tuple(sorted(same)), 1.0, "identical"))
    return found


def pairs(marks: Mapping[str, Mapping[str, Collection[int]]]) -> list[Pair]:
    """The pairs of submissions that share most of what is unusual in some exercises.

    An exercise counts when SHARE of the two's unusual fingerprints are in common, and all those exercises
    together have MIN_SHARED in common. An inverted index, one exercise at a time: the work grows with the number
    of fingerprints times `few`, not with the number of pairs.
    """
    most = few(len(marks))
    owners = Counter(mark for own in marks.values() for mark in {m for several in own.values() for m in several})
    evidence: dict[tuple[str, str], list[tuple[str, int, int]]] = defaultdict(list)
    for exercise in dict.fromkeys(e for own in marks.values() for e in own):
        having: dict[int, list[str]] = defaultdict(list)
        for one, own in marks.items():
            for mark in own.get(exercise, ()):
                if owners[mark] <= most:  # in whichever exercise: helpers move
                    having[mark].append(one)
        size = Counter(one for ids in having.values() for one in ids)
        shared = Counter(pair for ids in having.values() for pair in combinations(sorted(ids), 2))
        for (one, other), common in shared.items():
            total = size[one] + size[other] - common
            if common >= SHARE * total:
                evidence[one, other].append((exercise, common, total))
    found = [
        Pair(ids, tuple(e for e, _, _ in parts), sum(n for _, n, _ in parts), sum(n for _, _, n in parts))
        for ids, parts in evidence.items()
    ]
    return [pair for pair in found if pair.shared >= MIN_SHARED]


def clusters(alike: Iterable[Pair]) -> list[list[Pair]]:
    """Pairs joined into groups, the most alike first.

    Two groups become one only where half of all pairs across them are alike: a chain in which each resembles
    only the next does not become one large group. Who fits into no group is told of with each neighbour.
    """
    by_ids = {pair.ids: pair for pair in alike}
    group: dict[str, set[str]] = {one: {one} for ids in by_ids for one in ids}
    for ids in sorted(by_ids, key=lambda ids: (-by_ids[ids].share, -by_ids[ids].shared, ids)):
        left, right = group[ids[0]], group[ids[1]]
        if left is right:
            continue
        across = sum((min(a, b), max(a, b)) in by_ids for a in left for b in right)
        if 2 * across >= len(left) * len(right):
            left |= right
            for member in right:
                group[member] = left
    found: dict[object, list[Pair]] = defaultdict(list)
    for ids, pair in by_ids.items():
        one, other = (group[member] for member in ids)
        if one is other:
            found[id(one)].append(pair)
        elif len(one) == 1 or len(other) == 1:  # who would not be told of otherwise
            found[ids].append(pair)
    return list(found.values())
