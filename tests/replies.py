"""What the tests of single formats have in common: replies as golden files, and marks that are hard to tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from lms_class import mark

from grader.lms import adapter
from grader.lms.records import Mark, Part

SAMPLES = Path(__file__).parent / "samples_lms"  # files that real systems took or refused
FOLDER = Path(__file__).parent / "golden" / "lms"
SHOWN = ("full", "partial", "third", "not_final", "extra", "korean", "attack")


def golden(name: str) -> dict[str, Callable[[], bytes]]:
    """Every file that a reply to one of SHOWN has; `python tests/renew_lms.py NAME` writes them anew."""
    return {
        f"{kind}/{file}": lambda kind=kind, file=file: reply_files(name, mark(kind))[file]  # type: ignore[misc]
        for kind in SHOWN
        for file in reply_files(name, mark(kind))
    }


def reply_files(name: str, one: Mark) -> Mapping[str, bytes]:
    """The files of a reply, standard output among them."""
    answer = adapter(name).reply(one)
    return {**answer.files, **({"stdout.txt": answer.stdout} if answer.stdout else {})}


def differing(name: str, made: Mapping[str, Callable[[], bytes]]) -> list[str]:
    """Golden files that are not what is made now, and those that nothing makes."""
    folder = FOLDER / name
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    changed = {path for path in there & set(made) if (folder / path).read_bytes() != made[path]()}
    return sorted(changed | (there ^ set(made)))


def unreadable(lang: str = "en") -> Mark:
    """A hand-in without a notebook: a zero that is final."""
    one = mark("zero")
    return replace(
        one,
        about=replace(one.about, lang=lang),
        unreadable="no_notebook",
        remarks=("There is no notebook in it; hand in the .ipynb file. (It holds: report.docx)",),
    )


def without_anything() -> Mark:
    """What is known before anything ran: no number at all."""
    one = mark("not_final")
    return replace(one, parts=tuple(replace(part, earned=None, verdict="internal") for part in one.parts))


def with_parts(count: int, text: str, earned: float = 0.0, kind: str = "partial") -> Mark:
    """A mark with that many criteria, each of one point and with this text."""
    parts = tuple(
        Part(f"p{n}", f"Criterion {n}", 1.0, earned, "failed", text, (text,), "exercise") for n in range(count)
    )
    return replace(mark(kind), parts=parts, earned=count * earned, possible=float(count))
