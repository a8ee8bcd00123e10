"""The comment that goes with a mark: plain text, or HTML that shows exactly that text."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator

from grader.i18n import translator
from grader.lms.marks import earned, number
from grader.lms.records import Mark, Part, Refused
from grader.plaintext import clean_block


def comment(mark: Mark) -> str:
    """What a learner reads beside the mark, as plain text; lines end with `\\n`."""
    return "\n".join(_lines(mark)).strip("\n")


def _lines(mark: Mark) -> Iterator[str]:
    _ = translator(mark.about.lang)
    points = earned(mark)
    if points is None:
        yield f"{mark.about.title}: " + _("no grade yet")
    else:
        told = _("{earned} of {possible} points").format(earned=number(points), possible=number(mark.possible))
        yield f"{mark.about.title}: {told}"
    for part in mark.parts:
        yield ""
        yield part_line(part, mark.about.lang)
        for detail in part.details:
            yield "\n".join(f"    {line}" for line in clean_block(detail).split("\n"))
    if mark.remarks:
        yield ""
        yield from (f"- {remark}" for remark in mark.remarks)


def part_line(part: Part, lang: str) -> str:
    """One criterion in one line: title, points, why."""
    _ = translator(lang)
    points = _("no grade yet") if part.earned is None else f"{number(part.earned)} / {number(part.points)}"
    return f"{part.title}: {points}. {part.because}".rstrip()


def part_text(part: Part, lang: str) -> str:
    """One criterion with what its checks say, for systems that show each in a box of its own."""
    return "\n\n".join(clean_block(text) for text in (part.because, *part.details) if text) or part_line(
        part, lang
    )


def cut(text: str, limit: int, lang: str, *, whole_elsewhere: bool = True) -> str:
    """At most `limit` characters; what is cut is said, at the end, with where the whole stands, if somewhere."""
    if len(text) <= limit:
        return text
    _ = translator(lang)
    why = (
        _("cut here: this system takes {limit} characters; the whole stands in the feedback file")
        if whole_elsewhere
        else _("cut here: this system takes {limit} characters")
    )
    told = "\n… " + why.format(limit=limit)
    if len(told) >= limit:
        raise ValueError(f"{limit} characters are too few for any comment")
    kept = text[: limit - len(told)]
    return kept[: kept.rfind("\n")].rstrip() + told if "\n" in kept[len(kept) // 2 :] else kept.rstrip() + told


def shortened(text: str, limit: int, lang: str) -> str:
    """The same for a system that shows the learner everything there is."""
    return cut(text, limit, lang, whole_elsewhere=False)


def as_html(text: str) -> str:
    """Markup that shows exactly this text, wherever it came from."""
    return f"<pre>{html.escape(text, quote=True)}</pre>"


LEAST_ROOM = 250  # characters: enough for the sentence that says that something was cut


def fitted(build: Callable[[int], bytes], limit: int) -> bytes:
    """What `build(room)` makes, for the largest room tried that keeps it within `limit` bytes.

    `build` gives every text at most `room` characters (see `cut`): systems limit bytes, and escapes cost some.
    Raises Refused where even the shortest texts are too long.
    """
    room = max(limit, LEAST_ROOM)
    while len(made := build(room)) > limit:
        if room == LEAST_ROOM:
            raise Refused(f"there are too many criteria and remarks for the {limit} bytes that the system takes")
        room = max(room // 2, LEAST_ROOM)
    return made
