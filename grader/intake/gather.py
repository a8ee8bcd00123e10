"""Paths given on the command line -> Entries: recognise, group, choose, name. And an Entry -> a Submission."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.intake import canvas, git, gradescope, moodle, nbgrader, plain
from grader.intake.choose import Choice, choose, one_assignment
from grader.intake.joining import join
from grader.intake.listing import PLAIN, contents, list_folder, list_zip, single
from grader.intake.naming import unique_ids
from grader.intake.records import Entry, HandIn, Intake, Kind, LeftOut, Member, Reading, Tree, UsageError
from grader.intake.roster import read_roster
from grader.notebook import Unreadable
from grader.types import Submission

# The first that recognises a tree has it; what it leaves is read as plain files and folders.
FORMATS: tuple[Callable[[Tree], Reading | None], ...] = (
    moodle.sort,
    gradescope.sort,
    canvas.sort,
    nbgrader.sort,
    git.sort,
)
MAX_WRAPPERS = 4  # folders around an export


@dataclass(frozen=True)
class Draft:
    """A hand-in with the file that counts; not yet named."""

    hand_in: HandIn
    choice: Choice

    @property
    def path(self) -> str:
        """Where it is, for people."""
        return self.choice.member.shown if self.choice.member else self.hand_in.place


def find(paths: Sequence[Path], names: Collection[str] = (), roster: Path | None = None) -> Intake:
    """Everything to grade below `paths`, with unique ids that do not depend on the order of `paths`.

    `names` are the functions and classes of the exercises: they tell which of several notebooks to grade.
    Raises UsageError.
    """
    drafts: list[Draft] = []
    left_out: list[LeftOut] = []
    told: list[str] = []
    loose: list[Member] = []
    for path in sorted({Path(os.path.abspath(path)): path for path in paths}.values()):
        if not path.exists() and not path.is_symlink():
            raise UsageError(f"{path}: there is no such file or folder")
        if path.is_dir() or path.suffix.lower() == ".zip":
            sentence, own, left = _below(path, names)
            told.append(sentence)
            drafts += own
            left_out += left
        elif path.name.lower().endswith((*plain.NOTEBOOKS, *plain.SCRIPTS)):
            loose.append(single(path))
        else:
            raise UsageError(f"{path}: expected a notebook (.ipynb), a .py file, a folder or a .zip")
    if loose:
        told.append(_counted("files" if len(loose) > 1 else loose[0].shown, [_loose(file) for file in loose]))
        drafts += [_loose(file) for file in loose]
    if not drafts:
        raise UsageError("no notebook (.ipynb or .py) in " + ", ".join(map(str, paths)))
    drafts.sort(key=lambda draft: (draft.path, draft.hand_in.label))
    entries = [_entry(*pair) for pair in zip(drafts, unique_ids([d.hand_in.label for d in drafts]), strict=True)]
    if roster is None:
        return Intake(tuple(entries), tuple(told), tuple(left_out))
    joined = join(entries, [draft.hand_in for draft in drafts], read_roster(roster))
    told.append(f"{roster}: {joined.told}")
    return Intake(joined.entries, tuple(told), tuple(left_out), joined.absent, joined.strangers)


def one(path: Path) -> Entry:
    """The one submission at `path`. Raises UsageError when there are several, or none."""
    entries = find([path]).entries
    if len(entries) != 1:
        raise UsageError(f"{path}: holds {len(entries)} submissions; give one")
    return entries[0]


def alone(path: Path, names: Collection[str] = ()) -> Entry:
    """What one learner handed in: a file, or a folder or zip with whatever else in it, where a system says so.

    Raises UsageError where nothing is there at all; a hand-in without a notebook is one that cannot be read.
    """
    if not path.exists() and not path.is_symlink():
        raise UsageError(f"{path}: there is no such file or folder")
    members: tuple[Member, ...] = (single(path),)
    if path.is_dir():
        members = list_folder(path).members
    hand_in = HandIn(plain.stem(path.name), str(path), members)
    return _entry(Draft(hand_in, choose(hand_in, names)), unique_ids([hand_in.label])[0])


def read(entry: Entry) -> Submission:
    """Read one submission. What is wrong with the learner's file goes into `problem` ("code: detail");
    a disk that fails or a file that we may not read is our `fault`.
    """
    found = Submission(entry.id, entry.path, None, "", "", "", entry.learner, entry.late, entry.remarks)
    try:
        data = entry.read()
    except Unreadable as bad:
        return replace(found, problem=f"{bad.reason}: {bad.detail}")
    except OSError as fault:
        return replace(found, fault=f"could not read it: {fault}")
    return replace(found, data=data, sha256=hashlib.sha256(data).hexdigest())


# ---------------------------------------------------------------- one path


def _below(path: Path, names: Collection[str]) -> tuple[str, list[Draft], list[LeftOut]]:
    """The sentence about it, what is to grade, and the rest."""
    tree = list_zip(path) if not path.is_dir() else list_folder(path)
    reading = recognise(tree)
    files = [m for m in tree.members if m.kind is Kind.FILE and not m.junk]
    if len(files) == 1 and files[0].disk and plain.suffixed(files[0], plain.ARCHIVES):
        (lone,) = files  # a download folder with nothing but the download in it
        sentence, drafts, left = _below(lone.disk or path, names)
        return sentence, drafts, [*left, *(LeftOut(m.shown, m.junk) for m in tree.members if m.junk)]
    readings = [reading]
    if reading.rest:  # somebody laid a late file beside the export, or a folder of notes
        beside = plain.sort(Tree(tree.where, reading.rest))
        readings.append(replace(beside, hand_ins=tuple(replace(h, optional=True) for h in beside.hand_ins)))
    sentences, drafts, left_out = [], [], []
    for part in readings:
        hand_ins, others = one_assignment(part.hand_ins, names)
        own, more = _drafted(hand_ins, names)
        left_out += [*part.left_out, *others, *more]
        drafts += own
        if own or part is reading:
            sentences.append(_counted(part.told, own))
    return f"{tree.where.removesuffix('!')}: {'; beside it '.join(sentences)}", drafts, left_out


def recognise(tree: Tree) -> Reading:
    """What the first format that knows it makes of the tree, or of what its only folder holds."""
    for inner, outside in _unwrapped(tree):
        for sort in FORMATS:
            if reading := sort(inner):
                return replace(reading, rest=(*reading.rest, *outside))
    return plain.sort(tree)


def _unwrapped(tree: Tree) -> Iterator[tuple[Tree, tuple[Member, ...]]]:
    """The tree, then what is in the one folder that holds everything, and what is beside it (junk)."""
    outside: list[Member] = []
    for _ in range(MAX_WRAPPERS):
        yield tree, tuple(outside)
        tops = {member.parts[0] for member in tree.members if not member.junk}
        if len(tops) != 1 or any(m.path in tops for m in tree.members):
            return
        (top,) = tops
        outside += [m for m in tree.members if m.parts[0] != top]
        inside = [replace(m, path=m.path[len(top) + 1 :]) for m in tree.members if m.parts[0] == top]
        tree = Tree(f"{tree.where}/{top}", tuple(inside))


def _drafted(hand_ins: Iterable[HandIn], names: Collection[str]) -> tuple[list[Draft], list[LeftOut]]:
    drafts, left_out = [], []
    for hand_in in hand_ins:
        choice = choose(hand_in, names)
        if hand_in.optional and (choice.member is None or plain.suffixed(choice.member, plain.ARCHIVES)):
            left_out += [LeftOut(m.shown, "no notebook in it") for m in hand_in.members]
            continue
        draft = Draft(hand_in, choice)
        drafts.append(draft)
        used = choice.member.shown if choice.member else ""
        why = f"handed in beside {choice.member.called}" if choice.member else "handed in without a notebook"
        left_out += [
            LeftOut(member.shown, member.junk or why)
            for member in hand_in.members
            if (member.kind is Kind.FILE or member.junk)
            and not (member is choice.member or used.startswith(f"{member.shown}!/"))
        ]
    return drafts, left_out


def _loose(file: Member) -> Draft:
    return Draft(HandIn(plain.stem(file.name), file.shown, (file,)), Choice(file))


def _counted(format_: str, drafts: Sequence[Draft]) -> str:
    empty = sum(draft.choice.member is None for draft in drafts)
    refused = sum(draft.choice.member is not None and draft.choice.member.trouble != PLAIN for draft in drafts)
    late = sum(draft.hand_in.late for draft in drafts)
    counts = [f"{len(drafts)} submission{'s' if len(drafts) != 1 else ''}"]
    counts += [f"{n} {word}" for n, word in ((late, "late"), (empty, "empty"), (refused, "refused")) if n]
    return f"{format_}, {', '.join(counts)}"


def _entry(draft: Draft, id_: str) -> Entry:
    hand_in, choice = draft.hand_in, draft.choice
    member = choice.member

    def read_it() -> bytes:
        if member is None:
            raise Unreadable(*choice.problem)
        return contents(member)

    address = dict(hand_in.address)
    if member:
        outer = member.path.partition("!/")[0]
        address |= hand_in.addresses.get(member.path, hand_in.addresses.get(outer, {}))
    return Entry(id_, draft.path, read_it, hand_in.learner, hand_in.late, choice.remarks, address)
