"""A class through an engine: what is to be done, in which order, and what is kept of it."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from grader import archive
from grader.commands.progress import Progress
from grader.journal import Journal, write_all
from grader.notebook import Unreadable
from grader.pipeline import Context, needed_part, read_notebook
from grader.sameness import same_form
from grader.types import Found, Submission
from grader.work import FILES, OBSERVATIONS, Outcome, Task


class Engine(Protocol):
    """What spreads tasks over workers.

    `map` pulls tasks lazily and yields exactly one outcome for each, in any order. Closing it drops what has not
    started and does not wait for what runs.
    """

    def map(self, tasks: Iterable[Task]) -> Generator[Outcome]: ...


@dataclass(frozen=True)
class Item:
    """One submission of a batch. `fetch` reads it when its turn comes: a class need not fit into memory."""

    id: str
    key: str
    fetch: Callable[[], tuple[Submission, bytes | None]]


@dataclass
class Batch:
    """What one run has to do, and where it keeps what it did."""

    out: Path
    journal: Journal
    context: Context  # for reading notebooks; runs nothing
    keys: dict[str, str]
    work: Sequence[Item]
    twins: dict[str, str] = field(default_factory=dict)  # id -> id of the submission with the identical program
    _later: list[Item] = field(default_factory=list)
    _firsts: dict[str, str] = field(default_factory=dict)  # form -> id of the first submission that has it

    def go(self, engine: Engine, progress: Progress) -> None:
        """Judge and keep everything. Identical programs run once: the others follow, with what was seen of it."""
        for tasks in (self._distinct(), self._rest()):
            with closing(engine.map(tasks)) as outcomes:  # closed at once when keeping one fails
                for outcome in outcomes:
                    self.keep(outcome)
                    progress.step(final=outcome.final)

    def _distinct(self) -> Iterator[Task]:
        for item in longest_first(self.work, self.journal.seconds()):
            submission, known = item.fetch()
            form = "" if known else self._form(submission)
            first = self._firsts.setdefault(form, item.id) if form else item.id
            if first == item.id:
                yield self._task(item, submission, known)
            else:
                self.twins[item.id] = first
                self._later.append(item)
        # Those that need not wait for what is still running.
        while ready := next((item for item in self._later if self._kept(self.twins[item.id])), None):
            self._later.remove(ready)
            yield self._repeated(ready)

    def _rest(self) -> Iterator[Task]:
        yield from map(self._repeated, self._later)

    def _repeated(self, item: Item) -> Task:
        first, known = self.twins[item.id], None
        if self._kept(first):
            with suppress(OSError):
                known = (self.out / first / OBSERVATIONS).read_bytes()
        return self._task(item, item.fetch()[0], known, first if known else "")

    def _kept(self, name: str) -> bool:
        return self.journal.done(name, self.keys[name]) is not None

    def _task(self, item: Item, submission: Submission, known: bytes | None, twin: str = "") -> Task:
        # The file may have changed since it was first read.
        key = self.keys[item.id] = key_of(submission, item.key)
        return Task(submission, key, known, twin)

    def _form(self, submission: Submission) -> str:
        """The same for programs that are the same; empty where there is nothing to run."""
        try:
            program = needed_part(read_notebook(submission), self.context)
        except Unreadable:
            return ""
        except Exception:  # whoever judges it says what is wrong
            return ""
        defined = any(finding.found == Found.DEFINED for finding in program.findings.values())
        return same_form(program) if defined else ""

    def keep(self, outcome: Outcome) -> Mapping[str, Any]:
        """Write a learner's files, then note it: what the journal knows is on disk."""
        if not outcome.final and (before := self.journal.done(outcome.id, outcome.key)):
            return before  # `--again` and a fault of ours: the grade that there is stays
        folder = self.out / outcome.id
        write_all(folder, outcome.files)
        for name in FILES:  # of an earlier judgement
            if name not in outcome.files:
                (folder / name).unlink(missing_ok=True)
        self.journal.record(outcome.id, outcome.key, outcome.final, outcome.row)
        return outcome.row


def longest_first(work: Sequence[Item], seconds: Mapping[str, float]) -> list[Item]:
    """What is known to take long comes first, so that it does not run alone at the end."""
    usual = statistics.median(seconds.values()) if seconds else 0.0
    return sorted(work, key=lambda item: -seconds.get(item.id, usual))


def key_of(submission: Submission, judgement: str) -> str:
    """Changes exactly when the judgement could. `judgement` names what it depends on besides the submission."""
    content = submission.sha256 or submission.problem or submission.fault
    told = repr((submission.learner, submission.late, submission.remarks))  # stand in the reports
    return hashlib.sha256(f"{content}\0{told}\0{judgement}".encode("utf-8", "surrogatepass")).hexdigest()


def kept(out: Path, submission: Submission) -> bytes | None:
    """What an earlier run observed of exactly this file."""
    try:
        content = (out / submission.id / OBSERVATIONS).read_bytes()
        known = archive.from_bytes(content)
    except archive.UNUSABLE:
        return None
    return content if submission.sha256 and known.submission.sha256 == submission.sha256 else None
