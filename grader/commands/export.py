"""`grader export`: the grades of a class in the form of a learning system."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.commands import NOT_FINAL, OK
from grader.commands.anonymous import addresses as names_of
from grader.commands.grade import say
from grader.commands.peek import about as about_run
from grader.commands.peek import look
from grader.journal import write_all
from grader.lms import CLASS, adapter
from grader.lms.marks import about_of, read_marks
from grader.lms.records import Change, Export, Marks, Refused, Request
from grader.plaintext import clean

FOLDER = "export"
MOST_SHOWN = 40  # changes on a terminal; --json tells all


@dataclass(frozen=True)
class Options:
    """How to export, from the command line."""

    format: str
    to: Path | None = None
    sheet: Path | None = None
    column: str = ""
    maximum: float | None = None
    dry_run: bool = False
    as_json: bool = False


def run(out: Path, options: Options) -> int:
    """Write what the system takes, or only show what it would change. Returns the exit code."""
    module = adapter(options.format)
    marks = marks_in(out)
    request = request_of(options)
    made: Export = module.encode(marks, request) if options.format in CLASS else replies(module, marks)
    target = options.to or out / FOLDER / options.format
    if not options.dry_run:
        written(target, made.files)
    show(made, target, options)
    waiting = [mark.id for mark in marks.marks if not mark.final]
    if waiting:
        say("not final, so not exported as a grade: " + ", ".join(waiting))
    return NOT_FINAL if waiting else OK


def marks_in(out: Path) -> Marks:
    """The marks of a graded class. Raises FriendlyError where there is none."""
    run, found = look(
        out, lambda db: (about_run(db), list(db.execute("SELECT id, at, row FROM graded ORDER BY id")))
    )
    addresses = run.get("addresses")
    if run.get("settings", {}).get("anonymous"):  # nothing outside of names.csv tells who is who
        addresses = {**(addresses or {}), **names_of(out)}
    if addresses is None:
        raise Refused(f"{out}: was graded by an older version; grade it again into the same folder (what has not "
                      "changed is not run again)")  # fmt: skip
    own = [(at, json.loads(row)) for name, at, row in found if name in addresses]  # not of an earlier class
    if not own:
        raise Refused(f"{out}: nothing has been graded there yet")
    if run.get("finished") is None:
        say(f"{out}: the last run there did not finish; what is graded so far is exported")
    return read_marks(
        [row for _, row in own],
        about_of(run),
        addresses,
        lambda name: _result(out / name),
        lambda name: out / name,
        {row["id"]: at for at, row in own},
    )


def _result(folder: Path) -> Mapping[str, Any]:
    try:
        told: Mapping[str, Any] = json.loads((folder / "result.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as damaged:
        raise Refused(f"{folder / 'result.json'}: {damaged}; `grader grade --again` writes it anew") from damaged
    return told


def request_of(options: Options) -> Request:
    """What adapters are told. Raises OSError."""
    sheet = options.sheet.read_bytes() if options.sheet else b""
    return Request(sheet, options.sheet.name if options.sheet else "", options.column, options.maximum)


def replies(module: Any, marks: Marks) -> Export:
    """A folder for each submission, with what it would answer to the system that had started the grader."""
    files: dict[str, bytes] = {}
    for mark in marks.marks:
        reply = module.reply(mark)
        files |= {f"{mark.id}/{name}": content for name, content in reply.files.items()}
        if reply.stdout:
            files[f"{mark.id}/stdout.txt"] = reply.stdout
    return Export(files)


def written(target: Path, files: Mapping[str, bytes]) -> None:
    """Every file whole or not at all. Raises OSError."""
    by_folder: dict[PurePosixPath, dict[str, bytes]] = {}
    for path, content in files.items():
        pure = PurePosixPath(path)
        by_folder.setdefault(pure.parent, {})[pure.name] = content
    for folder, own in by_folder.items():
        write_all(target / folder, own)


def show(made: Export, target: Path, options: Options) -> None:
    """Tell what changes for whom, what to do next, and where the files are."""
    if options.as_json:
        told = {"files": sorted(made.files), "changes": [asdict(change) for change in made.changes]}
        print(
            json.dumps({**told, "told": made.told, "written": not options.dry_run}, ensure_ascii=False, indent=1)
        )
        return
    if made.changes:
        Console().print(table(made.changes))
    for sentence in made.told:
        say(sentence)
    if options.dry_run:
        say(f"nothing was written; without --dry-run: {len(made.files)} files in {target}")
    else:
        print("\n".join(str(target / name) for name in sorted(made.files)[:MOST_SHOWN]))
        if len(made.files) > MOST_SHOWN:
            print(f"… {len(made.files)} files in {target}")


def table(changes: Sequence[Change]) -> Table:
    """Changes as people read them: who, what, before, after."""
    shown = Table(box=None, header_style="bold")
    for title in ("who", "what", "before", "after", "note"):
        shown.add_column(title, overflow="fold")
    for change in changes[:MOST_SHOWN]:
        shown.add_row(
            *(_cell(text) for text in (change.who, change.what, change.before, change.after, change.note))
        )
    if len(changes) > MOST_SHOWN:
        shown.add_row("…", f"{len(changes) - MOST_SHOWN} more; --json tells all", "", "", "")
    return shown


def _cell(text: str) -> Text:
    return Text(clean(text, 60))
