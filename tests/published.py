"""Published notebooks, read as printed from beside the checkout: their text is not ours, so it is not in here."""

import ast
import json
import re
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[2] / "shared" / "seeds"


def find(number: str) -> tuple[Path | None, pytest.MarkDecorator]:
    """The text of this number, and the mark of tests that need it."""
    text = next(iter(sorted(SEEDS.glob(f"{number}_*.txt"))), None)
    return text, pytest.mark.skipif(text is None, reason=f"the published text is not at {SEEDS}")


def code_cells(text: str) -> list[str]:
    """The sources of a printed notebook's code cells."""
    return [code_of(part) for part in re.split(r"^In \[(?:\d+|None)\]:\n", text, flags=re.M)[1:]]


def code_of(part: str) -> str:
    """The code that a printed cell begins with: as many paragraphs as are Python together."""
    paragraphs = part.split("\n\n")
    for count in range(len(paragraphs), 0, -1):
        code = "\n\n".join(paragraphs[:count])
        try:
            ast.parse(code)
        except SyntaxError:
            continue
        return code.rstrip()
    return paragraphs[0]


def as_notebook(sources: list[str]) -> bytes:
    """A notebook of these code cells."""
    empty: dict[str, object] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    made = [{**empty, "source": source} for source in sources]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()
