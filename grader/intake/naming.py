"""Names: of files in any encoding, and of the folders that results are written to."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import unicodedata
from collections.abc import Sequence

RESERVED = ("grades.csv", "journal.")  # what an output folder holds besides submissions
WINDOWS = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
SKIPPED_FOLDERS = {"__MACOSX", ".ipynb_checkpoints", ".git", ".venv", "__pycache__", "node_modules"}
HIDDEN = "hidden"
LEADS_OUT = ("unsafe_name", "its name leads out of the archive")


def decoded(raw: bytes) -> str:
    """A file name whose encoding nobody noted down: UTF-8, else CP949 (Korean Windows), else as DOS had it.

    CP949 gives a meaning to nearly all bytes: it is believed where half of the letters are everyday Hangul.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = raw.decode("cp949")
    except UnicodeDecodeError:
        return raw.decode("cp437")
    letters = [letter for letter in text if not letter.isascii()]
    everyday = sum("가" <= letter <= "힣" and _in_euc_kr(letter) for letter in letters)
    return text if 2 * everyday >= len(letters) else raw.decode("cp437")


def _in_euc_kr(letter: str) -> bool:
    try:
        return len(letter.encode("euc_kr")) == 2
    except UnicodeEncodeError:
        return False


def from_disk(name: str) -> str:
    """A name as `os` gives it -> text, NFC, without controls."""
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8
        name = decoded(os.fsencode(name))
    return harmless(unicodedata.normalize("NFC", name))


def from_zip(name: str) -> tuple[str, tuple[str, str]]:
    """The name of a zip's member -> a path below the zip, and what is wrong with it ("", "" if nothing)."""
    text = name.replace("\\", "/")  # some Windows programs
    leads_out = text.startswith("/") or bool(re.match(r"[A-Za-z]:/", text)) or ".." in text.split("/")
    parts = [harmless(unicodedata.normalize("NFC", part)) for part in re.sub(r"^[A-Za-z]:/", "", text).split("/")]
    path = "/".join(part for part in parts if part not in ("", ".", ".."))
    return path or "unnamed", LEADS_OUT if leads_out else ("", "")


def harmless(text: str) -> str:
    """Without controls: a name must not move a terminal's cursor."""
    return "".join("_" if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text)


def junk(path: str) -> str:
    """Why this is nobody's work, or nothing."""
    *folders, name = path.split("/")
    skipped = SKIPPED_FOLDERS.intersection((*folders, name))
    if skipped:
        return f"{min(skipped)} is never looked into"
    hidden = next((part for part in (*folders, name) if part.startswith(".")), "")
    return HIDDEN if hidden else ""


def unique_ids(labels: Sequence[str]) -> list[str]:
    """A safe and unique id for every label, also where upper and lower case are one."""
    taken: set[str] = set()
    ids = []
    for label in labels:
        base = unique = safe_id(label)
        for number in itertools.count(2):
            if unique.casefold() not in taken:
                break
            unique = f"{base}~{number}"
        taken.add(unique.casefold())
        ids.append(unique)
    return ids


def safe_id(name: str) -> str:
    """A name that is one folder on every system: NFC, no separators, no controls, at most 200 bytes."""
    text = (
        unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
        .replace("/", "__")
        .replace("\\", "__")
    )
    text = "".join("_" if unicodedata.category(c)[0] == "C" or c in '<>:"|?*' else c for c in text)
    text = re.sub(r"^[.\s]+|[.\s]+$", "", text)
    if len(text.encode()) > 200:
        text = text.encode()[:180].decode(errors="ignore") + "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
    taken = text.casefold().startswith(RESERVED) or text.partition(".")[0].casefold() in WINDOWS
    return f"_{text}" if taken else text or "unnamed"
