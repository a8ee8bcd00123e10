"""Reads what was handed in: a file -> its bytes -> a Notebook. Never runs anything.

Learners hand in half downloads, symbolic links, ZIP files, notebooks with a git conflict inside. Each
has its own `Unreadable` reason; nothing else is raised.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

from grader.types import Cell, Notebook

MAX_BYTES = 64 * 2**20  # outputs (images, plotly) do reach tens of megabytes; code never does
MAX_PARTS = 3_000_000  # JSON objects and lists: 64 MiB of `[],` would become 2 GiB of Python lists
MAGIC = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "a gzip archive", b"%PDF": "a PDF file"}
# What may begin at the end of a cut file: a literal, or the rest of a number.
BEGUN = ("null", "true", "false", "NaN", "-Infinity", ".", "e", "E", "e+", "e-", "E+", "E-")

# Windows has none of these but O_BINARY.
FLAGS = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    FLAGS |= getattr(os, _flag, 0)


class Unreadable(Exception):
    """The file holds no notebook. `reason` is a code, `detail` a sentence for people."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


def read_bytes(path: Path) -> bytes:
    """Read a regular file of at most MAX_BYTES.

    Raises Unreadable for what the learner can mend (symlink, is_directory, not_a_file: device, FIFO,
    socket, too_big) and OSError for the rest (absent, no permission, a failing disk).
    """
    try:
        _refuse_special(os.lstat(path).st_mode, path)
        # The path may have been swapped since lstat: refuse links again, never wait on a FIFO.
        handle = os.open(path, FLAGS)
        with open(handle, "rb") as file:
            _refuse_special(os.fstat(handle).st_mode, path)
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Unreadable("symlink", f"{path} is a symbolic link; hand in the file itself") from None
        raise
    except ValueError as error:  # a NUL in the name
        raise FileNotFoundError(f"{path}: {error}") from None
    _refuse_big(data)
    return data


def parse_notebook(data: bytes, name: str) -> Notebook:
    """Take the code cells out of a notebook (nbformat 2, 3, 4) or a Python file called `name`.

    A file that begins like JSON is read as a notebook unless it is a .py file that is not one.
    Raises Unreadable: empty, too_big, not_utf8, truncated, not_json, too_deep, merge_conflict,
    symlink, lfs_pointer, not_a_notebook, no_code.
    """
    _refuse_big(data)
    text = _decode(data)
    if not text.strip():
        raise Unreadable("empty", "the file is empty")
    python = name.lower().endswith((".py", ".py.txt"))
    if python and not _looks_like_notebook(text):
        return Notebook((Cell(None, text),))
    _refuse_stand_ins(text)
    cells = _code_cells(_load(text))
    if not any(cell.source.strip() for cell in cells):
        raise Unreadable("no_code", "the notebook has no code cell with anything in it")
    return Notebook(cells)


def _refuse_special(mode: int, path: Path) -> None:
    if stat.S_ISLNK(mode):
        raise Unreadable("symlink", f"{path} is a symbolic link; hand in the file itself")
    if stat.S_ISDIR(mode):
        raise Unreadable("is_directory", f"{path} is a folder; hand in the notebook in it")
    if not stat.S_ISREG(mode):
        raise Unreadable("not_a_file", f"{path} is a device, a pipe or a socket")


def _refuse_big(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        raise Unreadable("too_big", f"larger than {limit} MiB; clear the outputs and save again")


def _decode(data: bytes) -> str:
    for magic, what in MAGIC.items():
        if data.startswith(magic):
            raise Unreadable("not_a_notebook", f"this is {what}; hand in the .ipynb file itself")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data[:4]:
        raise Unreadable("not_utf8", "the file is UTF-16 or binary; save it again as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise Unreadable("truncated", "the file ends in the middle of a character") from None
        line = data.count(b"\n", 0, error.start) + 1
        guess = "it looks like CP949 (EUC-KR); " if _is_cp949(data[:100_000]) else ""
        raise Unreadable("not_utf8", f"line {line} is not UTF-8; {guess}save it again as UTF-8") from None


def _is_cp949(head: bytes) -> bool:
    text = head.decode("cp949", errors="replace")
    return text.count("\ufffd") <= 1 and any("가" <= letter <= "힣" for letter in text)


def _looks_like_notebook(text: str) -> bool:
    """A notebook saved under a .py name; `{...}` alone is a valid Python file too."""
    head = text[:10_000]
    return head.lstrip().startswith("{") and any(key in text for key in ('"cells"', '"worksheets"'))


def _refuse_stand_ins(text: str) -> None:
    """Refuse what a download or a git checkout puts in a notebook's place."""
    head = text[:10_000].strip()
    if head.startswith("version https://git-lfs.github.com/spec/"):
        raise Unreadable("lfs_pointer", "this is a Git LFS pointer, not the notebook; run `git lfs pull`")
    if head[:15].lower().startswith(("<!doctype html", "<html")):
        raise Unreadable("not_a_notebook", "this is a web page; download the notebook itself (raw file)")
    if "\n" not in head and len(head) < 1000 and head.endswith(".ipynb") and not head.startswith("{"):
        raise Unreadable("symlink", f"the file holds only the path {head}: a symbolic link stored as text")


def _load(text: str) -> Any:
    if text.count("[") + text.count("{") > MAX_PARTS:
        raise Unreadable("too_big", "the JSON has too many parts; clear the outputs and save again")
    try:
        return json.loads(text)
    except RecursionError:
        raise Unreadable("too_deep", "the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        detail = f"line {error.lineno}, column {error.colno}: {error.msg}"
        if any(line.startswith("<<<<<<< ") for line in text[: error.pos + 100].splitlines()):
            raise Unreadable("merge_conflict", f"{detail}; a git merge conflict is left in it") from None
        reason = "truncated" if _ends_early(error, text) else "not_json"
        raise Unreadable(reason, detail) from None
    except ValueError as error:  # an integer of more than 4300 digits
        raise Unreadable("not_json", str(error)) from None


def _ends_early(error: json.JSONDecodeError, text: str) -> bool:
    rest = text[error.pos : error.pos + 12].strip()
    return (
        not text[error.pos :].strip()
        or error.msg.startswith("Unterminated string")  # strict JSON: it runs to the end of the file
        or (len(rest) < 12 and "\\u" in text[error.pos - 2 :] and error.msg.startswith("Invalid \\u"))
        or (error.pos > 0 and any(word.startswith(rest) for word in BEGUN))
    )


def _code_cells(raw: Any) -> tuple[Cell, ...]:
    # Read by hand and not by nbformat.read: its validation rejects real files (widget metadata, missing
    # ids) or takes seconds on large outputs, its conversion drops the cells' original numbers, and all
    # that is wanted is the text of the code cells. nbformat 2 and 3 keep them in worksheets, as `input`.
    if not isinstance(raw, dict):
        raise Unreadable("not_a_notebook", f"JSON, but a {type(raw).__name__} and not a notebook")
    if isinstance(raw.get("cells"), list):
        cells = raw["cells"]
    elif isinstance(raw.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in raw["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    else:
        raise Unreadable("not_a_notebook", "JSON, but without cells")
    return tuple(
        Cell(number, _source(cell.get("source", cell.get("input"))))
        for number, cell in enumerate(cells, start=1)
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
    )


def _source(value: object) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""
