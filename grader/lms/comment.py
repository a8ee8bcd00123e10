"""The comment that goes with a mark: plain text, or HTML that shows exactly that text."""

from __future__ import annotations

import html
from collections.abc import Iterator

from grader.i18n import translator
from grader.lms.marks import earned, number
from grader.lms.records import Mark, Part
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


def cut(text: str, limit: int, lang: str) -> str:
    """At most `limit` characters; what is cut is said, at the end, with where the whole stands."""
    if len(text) <= limit:
        return text
    _ = translator(lang)
    told = "\n… " + _(
        "cut here: this system takes {limit} characters; the whole stands in the feedback file"
    ).format(limit=limit)
    if len(told) >= limit:
        raise ValueError(f"{limit} characters are too few for any comment")
    kept = text[: limit - len(told)]
    return kept[: kept.rfind("\n")].rstrip() + told if "\n" in kept[len(kept) // 2 :] else kept.rstrip() + told


def as_html(text: str) -> str:
    """Markup that shows exactly this text, wherever it came from."""
    return f"<pre>{html.escape(text, quote=True)}</pre>"
