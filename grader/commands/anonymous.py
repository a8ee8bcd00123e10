"""`--anonymous`: a class without its names. What learners wrote into their code stays as it is."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

from grader.intake import Entry, Intake
from grader.journal import atomic
from grader.plaintext import cell
from grader.types import Learner

KEY = "names.csv"
COLUMNS = ("id", "submission", "name", "learner", "email", "address")


def without_names(intake: Intake, secret: bytes, out: Path) -> Intake:
    """The same submissions under names that say nothing, the same in every run with the same secret.

    Who is who stands in names.csv, which only its owner may read.
    """
    masked = tuple(_masked(entry, secret) for entry in intake.entries)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*COLUMNS])
    for entry, own in zip(intake.entries, masked, strict=True):
        who = entry.learner
        told = [cell(text) for text in (entry.id, who.name, who.id, who.email)]
        writer.writerow([own.id, *told, json.dumps(dict(entry.address), ensure_ascii=False)])
    with atomic(out / KEY) as part:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text.getvalue().encode("utf-8-sig"))
    return replace(intake, entries=masked, told=(), absent=(), left_out=(), strangers=())


def addresses(out: Path) -> dict[str, dict[str, str]]:
    """id -> where its grade goes back to, as names.csv tells; empty where that is not there or was changed."""
    try:
        with open(out / KEY, encoding="utf-8-sig", newline="") as file:
            return {row["id"]: json.loads(row["address"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError, csv.Error):
        return {}


def _masked(entry: Entry, secret: bytes) -> Entry:
    code = hmac.new(secret, entry.id.encode(), hashlib.sha256).hexdigest()[:12]
    path = f"{code}{PurePosixPath(entry.path).suffix}"
    return replace(entry, id=f"learner-{code}", path=path, learner=Learner(), remarks=(), address={})
