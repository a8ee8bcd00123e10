"""Who on the roster handed in what: by id, then by e-mail, then by name where only one has it. Never guessed."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.intake.records import NOBODY, Entry, HandIn
from grader.intake.roster import Person
from grader.types import Learner

LONG_ENOUGH = 4  # characters of an id that may be found among the words of a file's name
MAX_WORDS = 6  # of a name that may be found there


@dataclass(frozen=True)
class Joined:
    """The entries with what the roster knows, and who and what is left over."""

    entries: tuple[Entry, ...]
    absent: tuple[Learner, ...]
    strangers: tuple[str, ...]  # of nobody on the roster, or not clear of whom
    told: str


@dataclass(frozen=True)
class Claim:
    """What a hand-in says about one of those who made it. `entry` is its place in the list."""

    entry: int
    learner: Learner
    system: str
    label: str  # the name of a folder or file, where no system tells more


def join(entries: Sequence[Entry], hand_ins: Sequence[HandIn], people: Sequence[Person]) -> Joined:
    """Match `entries`, whose hand-ins are at the same places, with the people of a roster."""
    claims = [
        Claim(at, learner, hand_in.address.get("system", ""), "" if learner != NOBODY else hand_in.label)
        for at, (hand_in, entry) in enumerate(zip(hand_ins, entries, strict=True))
        for learner in (entry.learner, *hand_in.team)
    ]
    teams = {group for person in people if (group := _one(person.learner.group))}
    found: dict[int, Person] = {}  # place of the claim -> person
    whole: dict[int, list[Person]] = {}  # place of the claim -> everybody in that group
    unclear: dict[int, Person] = {}  # who could be meant by several hand-ins, or one of several people by one
    doubtful: set[int] = set()  # places of the entries that could be theirs
    for at, claim in enumerate(claims):
        if claim.system == "moodle" and _one(claim.learner.name) in teams:
            whole[at] = [p for p in people if _one(p.learner.group) == _one(claim.learner.name)]
    open_ = [at for at in range(len(claims)) if at not in whole]
    for of_claim, of_person, several in RULES:
        taken = {id(person) for person in found.values()}
        by_key: dict[str, list[Person]] = defaultdict(list)
        for person in people:
            for key in of_person(person) if id(person) not in taken else ():
                by_key[key].append(person)
        meant = {at: _meant(claims[at], by_key, of_claim(claims[at])) for at in open_ if at not in found}
        times = Counter(id(person) for those in meant.values() for person in those)
        for at, those in meant.items():
            if len(those) == 1 and (several or times[id(those[0])] == 1):
                found[at] = those[0]
            else:
                unclear |= {id(person): person for person in those}
                doubtful |= {claims[at].entry} if those else set()
    present = {id(p) for p in found.values()} | {id(p) for group in whole.values() for p in group}
    absent = [person.learner for person in people if id(person) not in present | unclear.keys()]
    known = {claims[at].entry for at in (*found, *whole)}
    strangers = [at for at in range(len(entries)) if at not in known]
    counts = [f"{len(people)} learners", f"{len(absent)} handed in nothing"]
    if nobodys := len(set(strangers) - doubtful):
        counts.append(f"{nobodys} submissions of nobody on it")
    if asked := sorted({p.learner.name or p.learner.id for p in unclear.values() if id(p) not in present}):
        counts.append(f"not clear which is whose: {', '.join(asked[:5])}{', …' * (len(asked) > 5)}")
    told = tuple(_told(entry, at, claims, found, whole) for at, entry in enumerate(entries))
    return Joined(told, tuple(absent), tuple(entries[at].id for at in strangers), ", ".join(counts))


def _told(
    entry: Entry, at: int, claims: Sequence[Claim], found: Mapping[int, Person], whole: Collection[int]
) -> Entry:
    """The entry with what the roster knows of the first of those who handed it in."""
    first = bisect_left(claims, at, key=lambda claim: claim.entry)
    if first in found:
        return replace(entry, learner=_filled(entry.learner, found[first].learner))
    if first in whole:
        return replace(entry, learner=replace(entry.learner, group=entry.learner.name))
    return entry


def _filled(told: Learner, listed: Learner) -> Learner:
    return Learner(
        listed.name or told.name, listed.id or told.id, told.group or listed.group, listed.email or told.email
    )


# ---------------------------------------------------------------- rules


def _ids_told(claim: Claim) -> set[str]:
    if claim.label:
        words = _words(claim.label.replace("-", " "))
        return {claim.label.casefold(), *(word for word in words if len(word) >= LONG_ENOUGH)}
    id_ = claim.learner.id.casefold()
    return {f"participant {id_}" if claim.system == "moodle" else id_} if id_ else set()


def _ids_listed(person: Person) -> Collection[str]:
    return person.ids


def _emails_told(claim: Claim) -> set[str]:
    return {claim.learner.email.casefold(), claim.label.casefold()} - {""}


def _emails_listed(person: Person) -> set[str]:
    return {person.learner.email.casefold()} - {""}


def _names_told(claim: Claim) -> set[str]:
    if not claim.label:
        return _forms(_words(claim.learner.name))
    ways = (_words(claim.label), _words(claim.label.replace("-", " ")))  # `Min-su`, `hw1-minsu`
    stretches = [words[at : at + n] for words in ways for at in range(len(words)) for n in range(1, MAX_WORDS + 1)]
    return {"".join(stretch) for stretch in stretches} | {" ".join(sorted(stretch)) for stretch in stretches}


def _names_listed(person: Person) -> set[str]:
    return _forms(_words(person.learner.name))


# Each: what a hand-in tells, what the roster lists, and may several hand-ins be one person's? They are about one
# person where they share a key; a name proves that only where nobody else has it.
RULES: tuple[tuple[Callable[[Claim], Collection[str]], Callable[[Person], Collection[str]], bool], ...] = (
    (_ids_told, _ids_listed, True),
    (_emails_told, _emails_listed, True),
    (_names_told, _names_listed, False),
)


def _meant(claim: Claim, by_key: Mapping[str, Sequence[Person]], keys: Collection[str]) -> list[Person]:
    """Everybody that it may be about. Names that contradict each other are two people, whatever their ids say:
    Moodle's numbers differ in every assignment, and the worksheet of another one would mix everybody up.
    """
    those = {id(person): person for key in keys for person in by_key.get(key, ())}
    told = _forms(_words(claim.learner.name))
    return [p for p in those.values() if not told or not p.learner.name or told & _names_listed(p)]


def _forms(words: Sequence[str]) -> set[str]:
    """`Doe, Jane`, `Jane Doe` and Canvas's `doejane` are one name; so are `김 철수` and `김철수`."""
    last_first, first_last = (*words[-1:], *words[:-1]), (*words[1:], *words[:1])
    return {" ".join(sorted(words)), "".join(words), "".join(last_first), "".join(first_last)} - {""}


def _words(name: str) -> list[str]:
    """`Seán O'Brien` -> ["seán", "obrien"]: apostrophes and hyphens are what systems drop."""
    text = re.sub(r"['’`\-‐]", "", unicodedata.normalize("NFC", name).casefold())
    return re.findall(r"[^\W_]+", text)


def _one(name: str) -> str:
    return " ".join(_words(name))
