"""Rows and results of a graded class -> Marks, and the few rules about numbers that all systems share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from grader.lms.records import About, Mark, Marks, Part
from grader.plaintext import clean, clean_block
from grader.types import NOTHING, Learner

FEEDBACK = ("feedback.html", "feedback.md")
MOST_DETAILS = 3  # of one part; one slip shows in every case
MOST_TEXT = 400  # characters of one sentence
Row = Mapping[str, Any]  # see grader.result.to_row
Result = Mapping[str, Any]  # see docs/result.md


def about_of(run: Mapping[str, Any]) -> About:
    """The assignment of a run, from what the journal tells of it."""
    slug, lang = str(run.get("slug", "")), str(run.get("settings", {}).get("lang", "en"))
    version = str(run.get("versions", {}).get("assignment", "")).split(" ")[1:2]
    return About(slug, clean(run.get("title", {}).get(lang, slug)), version[0] if version else "", lang)


def read_marks(
    rows: Sequence[Row],
    about: About,
    addresses: Mapping[str, Mapping[str, str]],
    result: Callable[[str], Result],
    folder: Callable[[str], Path],
    times: Mapping[str, float] = NOTHING,
) -> Marks:
    """All marks of a class, in the order of `rows`. `result` gives the content of result.json, `folder` where a
    learner's files are, `times` when each was graded.
    """
    marks = tuple(
        replace(
            mark_of(row, result(row["id"]), about, addresses.get(row["id"], NOTHING), folder(row["id"])),
            graded_at=times.get(row["id"], 0.0),
        )
        for row in rows
    )
    return Marks(about, max((mark.possible for mark in marks), default=0.0), marks)


def mark_of(
    row: Row, result: Result, about: About, address: Mapping[str, str] = NOTHING, folder: Path | None = None
) -> Mark:
    """One learner's mark. `result` may be empty: the row alone tells the points."""
    files = {name: folder / name for name in FEEDBACK if folder and (folder / name).is_file()}
    because = {told["id"]: told["because"] for told in result.get("criteria", ())}
    final = bool(row["final"])
    return Mark(
        about=about,
        id=row["id"],
        learner=Learner(row["name"], row["learner"], row["group"], row["email"]),
        final=final,
        earned=_finite(row["earned"]) if final else None,
        possible=float(row["possible"]),
        parts=tuple(_part(criterion, because, result) for criterion in row["criteria"]),
        remarks=tuple(clean(remark["message"], MOST_TEXT) for remark in result.get("remarks", ())),
        late=bool(row["late"]),
        files=files,
        address=dict(address),
        seconds=float(row["seconds"] or 0),
        notebook=PurePosixPath(row["path"]).name,
        unreadable=row.get("unreadable", ""),
    )


def _part(criterion: Mapping[str, Any], because: Mapping[str, str], result: Result) -> Part:
    return Part(
        id=criterion["id"],
        title=clean(criterion["title"], 120),
        points=float(criterion["points"]),
        earned=_finite(criterion["earned"]),
        verdict=criterion["verdict"],
        because=clean(because.get(criterion["id"], ""), MOST_TEXT),
        details=_details(criterion, result),
        kind=criterion["kind"],
        exercise=criterion["exercise"],
    )


def _details(criterion: Mapping[str, Any], result: Result) -> tuple[str, ...]:
    if criterion["kind"] == "runs_clean" and result.get("execution"):
        ran = result["execution"]
        return tuple(clean_block(text) for text in (ran["message"], ran["error"]) if text)
    if criterion["kind"] not in ("exercise", "training"):
        return ()
    trained = criterion["kind"] == "training"
    checks = [
        check
        for check in result.get("checks", ())
        if check["exercise"] == criterion["exercise"] and (check["check"] == "training") == trained
    ]
    wrong = sorted((check for check in checks if check["message"]), key=lambda check: not check["public"])
    return tuple(dict.fromkeys(clean_block(check["message"]) for check in wrong))[:MOST_DETAILS]


def earned(mark: Mark) -> float | None:
    """What may be told as a number: points from 0 to `possible`; None where there is nothing to publish.

    Extra credit above the maximum is cut to it: systems drop or misread such grades without a word.
    """
    if not mark.final or mark.earned is None or not math.isfinite(mark.earned):
        return None
    return min(max(mark.earned, 0.0), mark.possible)


def above(mark: Mark) -> bool:
    """Whether `earned` cut something off; the adapter must say so."""
    return mark.final and mark.earned is not None and mark.earned > mark.possible


def scaled(mark: Mark, maximum: float) -> float | None:
    """The same on another scale, 0 to `maximum`. What is worth nothing in all cannot be scaled: None."""
    own = earned(mark)
    if own is None or mark.possible <= 0:
        return None
    return own if maximum == mark.possible else own * maximum / mark.possible


def share(mark: Mark) -> float | None:
    """The same from 0 to 1."""
    return scaled(mark, 1.0)


def number(value: float, digits: int = 5) -> str:
    """A number that every system reads: a point, no exponent, no sign of zero, no needless zeros."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no grade")
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
