"""Two graded classes side by side: whose grade moved, and what moved it. For instructors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from grader.i18n import Translate, mark, translator
from grader.plaintext import clean, pad, width

Row = Mapping[str, Any]  # see grader.result.to_row
Told = Mapping[str, Any]  # what a run told of itself
NOT_COMPARED = {"told", "absent", "total", "done_at_start", "started", "finished", "pid", "slug"}


@dataclass(frozen=True)
class Cause:
    """Why a grade moved. `kind` selects the sentence, `subject` is the id of a criterion where it is about one.

    only_before, only_after   in one of the classes only
    content                   another file was handed in
    not_final, now_final      one of the two grades is not final
    points                    the rubric gives another number of points, `old` -> `new`
    added, removed            a criterion of the rubric, worth `new` or `old` points
    verdict                   the same file came out differently
    earned                    the same verdict earns another number of points
    """

    kind: str
    subject: str = ""
    old: str | float | None = None
    new: str | float | None = None


@dataclass(frozen=True)
class Move:
    """One submission whose grade moved. `old` and `new` are None where that grade is not final or not there.

    `causes` are what is behind it; `changes` all that changed, verdicts that follow from another file included.
    """

    id: str
    name: str
    old: float | None
    new: float | None
    causes: tuple[Cause, ...]
    changes: tuple[Cause, ...]
    mistakes_before: tuple[str, ...] = ()
    mistakes_after: tuple[str, ...] = ()

    @property
    def size(self) -> float | None:
        """Points gained; None where the two cannot be subtracted."""
        return self.new - self.old if self.new is not None and self.old is not None else None


@dataclass(frozen=True)
class Difference:
    """`moves` by size, the largest first. `settings`: (name, before, after) of what the runs told otherwise."""

    moves: tuple[Move, ...]
    settings: tuple[tuple[str, str, str], ...]
    same: int  # submissions whose grade stayed as it was
    reworded: int  # of these with another verdict or mistake, for the same points

    @property
    def causes(self) -> list[tuple[Cause, int]]:
        """Every cause and how many submissions it moved, the commonest first."""
        counts = Counter(cause for move in self.moves for cause in move.causes)
        return sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))


def compare(before: Mapping[str, Row], after: Mapping[str, Row], one: Told, two: Told) -> Difference:
    """Two classes, rows by id, with what their runs told of themselves."""
    moves: list[Move] = []
    reworded = 0
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            moves.append(_alone(old, new))
        elif _grade(old) != _grade(new):
            moves.append(_moved(old, new))
        else:
            reworded += _wording(old) != _wording(new)
    moves.sort(key=lambda move: (move.size is None, -abs(move.size or 0), move.id))
    same = len({*before, *after}) - len(moves)
    return Difference(tuple(moves), tuple(_told_otherwise(one, two)), same, reworded)


def _grade(row: Row) -> tuple[Any, ...]:
    criteria = [(c["id"], c["points"], c["earned"]) for c in row["criteria"]]
    return row["final"], row["earned"], row["possible"], sorted(criteria)


def _wording(row: Row) -> tuple[Any, ...]:
    return sorted((c["id"], c["verdict"]) for c in row["criteria"]), row.get("mistakes", [])


def _alone(old: Row | None, new: Row | None) -> Move:
    row = old or new or {}
    cause = (Cause("only_before" if old else "only_after"),)
    points = [one["earned"] if one and one["final"] else None for one in (old, new)]
    return Move(row["id"], row.get("name") or "", points[0], points[1], cause, cause)


def _moved(old: Row, new: Row) -> Move:
    changes = tuple(_changes(old, new))
    # Verdicts of another file, or of one that something of ours kept from being judged, are no cause.
    deeper = {"content", "not_final", "now_final"} & {change.kind for change in changes}
    follows = {"verdict", "earned"} if deeper else set()
    return Move(
        new["id"],
        new.get("name") or "",
        old["earned"] if old["final"] else None,
        new["earned"] if new["final"] else None,
        tuple(change for change in changes if change.kind not in follows),
        changes,
        tuple(old.get("mistakes", ())),
        tuple(new.get("mistakes", ())),
    )


def _changes(old: Row, new: Row) -> Iterator[Cause]:
    if old.get("sha256") != new.get("sha256"):
        yield Cause("content")
    if old["final"] != new["final"]:
        yield Cause("now_final" if new["final"] else "not_final")
    before, after = ({c["id"]: c for c in row["criteria"]} for row in (old, new))
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield Cause("removed", name, before[name]["points"])
        elif name not in before:
            yield Cause("added", name, None, after[name]["points"])
        else:
            yield from _criterion(name, before[name], after[name])


def _criterion(name: str, old: Row, new: Row) -> Iterator[Cause]:
    if old["points"] != new["points"]:
        yield Cause("points", name, old["points"], new["points"])
    if old["verdict"] != new["verdict"]:
        yield Cause("verdict", name, old["verdict"], new["verdict"])
    elif old["points"] == new["points"] and old["earned"] != new["earned"]:
        yield Cause("earned", name, old["earned"], new["earned"])


def _told_otherwise(one: Told, two: Told) -> Iterator[tuple[str, str, str]]:
    """Settings and versions that differ, those in a group by their own names."""
    flat = [dict(_flat(told)) for told in (one, two)]
    for name in dict.fromkeys([*flat[0], *flat[1]]):
        old, new = (str(told.get(name, "")) for told in flat)
        if old != new:
            yield name, old, new


def _flat(told: Told) -> Iterator[tuple[str, Any]]:
    for name, value in told.items():
        if name in NOT_COMPARED:
            continue
        if isinstance(value, Mapping):
            yield from value.items()
        else:
            yield name, value


# ---------------------------------------------------------------- for programs, for people


def to_dict(difference: Difference) -> dict[str, Any]:
    """Everything as plain values."""
    return {
        "settings": [{"name": n, "old": old, "new": new} for n, old, new in difference.settings],
        "causes": [{**asdict(cause), "submissions": count} for cause, count in difference.causes],
        "moved": [{**asdict(move), "size": move.size} for move in difference.moves],
        "same": difference.same,
        "reworded": difference.reworded,
    }


SENTENCES = {
    "only_before": mark("only in the first folder"),
    "only_after": mark("only in the second folder"),
    "content": mark("another file was handed in"),
    "not_final": mark("was final and is not any more"),
    "now_final": mark("was not final and is now"),
    "points": mark("rubric: {subject} {old} -> {new} points"),
    "added": mark("rubric: {subject} is new, {new} points"),
    "removed": mark("rubric: {subject} is gone, {old} points"),
    "verdict": "{subject}: {old} -> {new}",
    "earned": mark("{subject}: {old} -> {new} points for the same verdict"),
}


def sentence(cause: Cause, _: Translate) -> str:
    """A cause in words."""
    old, new = (f"{v:g}" if isinstance(v, int | float) else str(v) for v in (cause.old, cause.new))
    return _(SENTENCES[cause.kind]).format(subject=clean(cause.subject), old=old, new=new)


def to_text(difference: Difference, lang: str) -> str:
    """Settings and causes first, then every submission that moved."""
    _ = translator(lang)
    lines = [_("setting: {name} {old} -> {new}").format(name=clean(n), old=clean(old, 60), new=clean(new, 60))
             for n, old, new in difference.settings]  # fmt: skip
    for cause, count in difference.causes:
        lines.append(_("{cause}: {count} submissions").format(cause=sentence(cause, _), count=count))
    if lines:
        lines.append("")
    told = [_("{moved} grades moved, {same} stayed").format(moved=len(difference.moves), same=difference.same)]
    if difference.reworded:
        told.append(_("{count} of these with another verdict or mistake").format(count=difference.reworded))
    lines.append(", ".join(told))
    names = [clean(f"{move.id} {move.name}", 60) for move in difference.moves]
    columns = max(map(width, names), default=0)
    for name, move in zip(names, difference.moves, strict=True):
        lines.append(f"  {pad(name, columns)}  {_points(move, _)}  {'; '.join(_details(move, _))}".rstrip())
    return "\n".join(lines) + "\n"


def _points(move: Move, _: Translate) -> str:
    old, new = (f"{points:g}" if points is not None else "–" for points in (move.old, move.new))
    return f"{old:>6} -> {new:>6}  {f'{move.size:+g}' if move.size is not None else '':>6}"


def _details(move: Move, _: Translate) -> Iterator[str]:
    yield from (sentence(change, _) for change in move.changes)
    if move.mistakes_before != move.mistakes_after:
        old, new = (", ".join(names) or "–" for names in (move.mistakes_before, move.mistakes_after))
        yield _("mistakes: {old} -> {new}").format(old=clean(old), new=clean(new))
