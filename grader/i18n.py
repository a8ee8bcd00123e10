"""Which language to speak, and the catalogue of translations. English is the source."""

from __future__ import annotations

import gettext
import io
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import polib

from grader.types import LANGUAGES

__all__ = ["LANGUAGES", "Translate", "language", "mark", "translator"]

Translate = Callable[[str], str]

LOCALE = Path(__file__).parent / "locale"
# As gettext orders them, after our own.
_VARIABLES = ("GRADER_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def language(chosen: str | None = None, environ: Mapping[str, str] | None = None) -> str:
    """The language to speak: the one chosen (`--lang`), else the first variable that is set, else English.

    ``ko_KR.UTF-8`` is Korean; a language that we do not speak is English; ``LANGUAGE`` may list several.
    """
    environ = os.environ if environ is None else environ
    wanted = chosen or next((environ[name] for name in _VARIABLES if environ.get(name)), "")
    codes = (entry.split(".")[0].split("_")[0].split("-")[0].lower() for entry in wanted.split(":"))
    return next((code for code in codes if code in LANGUAGES), LANGUAGES[0])


@cache
def translator(lang: str) -> Translate:
    """English sentence -> the same in `lang`. A sentence without translation stays English."""
    path = LOCALE / lang / "grader.po"
    if lang == LANGUAGES[0] or lang not in LANGUAGES:
        return gettext.NullTranslations().gettext
    # Read from the text catalogue: no compiled file that could be stale.
    compiled = polib.pofile(str(path), encoding="utf-8").to_binary()
    return gettext.GNUTranslations(io.BytesIO(compiled)).gettext


def mark(message: str) -> str:
    """Mark a sentence in a table for translation; it is translated where it is used."""
    return message
