"""Text from learners is untrusted: made harmless here before anybody reads it."""

from __future__ import annotations

import re
import unicodedata

# Escape sequences of terminals: CSI, OSC and the other string commands, and two-character ones.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# Controls, formats (right-to-left overrides, invisible characters), surrogates, private and unassigned.
_HARMFUL = ("Cc", "Cf", "Cs", "Co", "Cn")
# Characters that can begin markup anywhere, what begins a list, and what GitHub turns into a link.
_MARKDOWN = re.compile(r"[\\`*_\[\]|~#$@]|:(?=//)|(?<=www)\.|^\s*[-+=]|(?<=^\d)[.)]", re.IGNORECASE)
# What spreadsheets take for the start of a formula (the wide forms too), and what they skip before it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MOST_MARKS = 4  # combining marks on one character; more is a tower that covers other lines


def clean(text: str, limit: int = 400) -> str:
    """One line without escape sequences, controls or invisible characters, at most `limit` characters."""
    line = " ".join(_harmless(text[: 20 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def clean_block(text: str) -> str:
    """The same for several lines of any length: breaks are `\\n`, spaces are kept but at the ends of lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_harmless(line).rstrip() for line in lines).strip("\n")


def _harmless(line: str) -> str:
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", _ESCAPES.sub("", line)):
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if character.isspace() or category in ("Zl", "Zp"):
            kept.append(" ")
        elif category not in _HARMFUL and marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


def cell(text: str) -> str:
    """A text that no spreadsheet runs."""
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


def width(text: str) -> int:
    """Columns that a line takes in a terminal: Korean characters take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def pad(text: str, columns: int) -> str:
    """`text` followed by spaces up to that many columns."""
    return text + " " * max(columns - width(text), 0)


def escape_markdown(text: str) -> str:
    """A sentence as Markdown that shows exactly that sentence: no markup, no HTML, no links."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(lambda found: f"\\{found.group().strip()}", plain)


def fence(block: str) -> str:
    """A block as a Markdown code block that nothing inside can end."""
    longest = max((len(run) for run in re.findall(r"`+", block)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}text\n{block}\n{ticks}"
