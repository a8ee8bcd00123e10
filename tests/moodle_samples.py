"""What a real Moodle 4.5.6 gave for one class of nine in four assignments, as the model knows it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from importers.moodle import HEADERS as WORDS
from importers.moodle import KEYS, Assignment, Person, fgetcsv

HERE = Path(__file__).parent
SHEETS = HERE / "samples_lms" / "moodle"
ZIPS = HERE / "exports" / "moodle"
KINDS = ("plain", "blind", "team", "workflow")
TEAMS = {"Team_A": 1, "Team B": 2}  # their numbers in the zip


def sheet(name: str) -> bytes:
    """A worksheet: "plain", "plain-filled"."""
    kind, _, form = name.partition("-")
    return (SHEETS / f"{kind}-worksheet{'-' * bool(form)}{form}.csv").read_bytes()


def read(data: bytes) -> list[dict[str, str]]:
    """Rows of an English worksheet, by the model's keys."""
    headers, *rows = [line for line in fgetcsv(data, ",") if line != [""]]
    keys = [dict(zip(WORDS["en"], KEYS, strict=True))[header] for header in headers]
    return [dict(zip(keys, row, strict=True)) for row in rows]


def site(kind: str) -> Assignment:
    """The assignment that a worksheet came from, nothing graded yet."""
    people = []
    for row in read(sheet(kind)):
        group = row.get("group", "Default group")
        people.append(
            Person(
                unique=int(row["id"].rpartition(" ")[2]),
                name=row.get("name", ""),
                email=row.get("email", ""),
                group=(TEAMS[group], group) if group in TEAMS else None,
                submitted=row["status"].startswith("Submitted"),
                submitted_at=row["submitted"],
                text=row["text"],
            )
        )
    return Assignment(people, team=kind == "team", blind=kind == "blind", workflow=kind == "workflow")


def entries(kind: str, folders: int = 1) -> list[str]:
    """What "Download all submissions" has in it."""
    with zipfile.ZipFile(ZIPS / f"{kind}-folders{folders}.zip") as archive:
        return archive.namelist()
