"""Builds exports for the tests of intake: zips and folders from a mapping of path to content."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from grader.intake import Intake


def notebook(*sources: str) -> bytes:
    """A notebook with these code cells."""
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """A zip with these members, in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # not now: the same bytes at every time
            info.external_attr = 0o600 << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    """The same as a file."""
    path.write_bytes(zip_bytes(members))
    return path


def unpacked(folder: Path, members: Mapping[str, bytes]) -> Path:
    """The same as a folder."""
    folder.mkdir(exist_ok=True, parents=True)
    for name, data in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def accounted(intake: Intake, where: str) -> list[str]:
    """Every file that intake speaks of, below `where`. An entry without a notebook has a folder's name."""
    files = [entry.path for entry in intake.entries] + [left.path for left in intake.left_out]
    return sorted(file.removeprefix(where) for file in files)
