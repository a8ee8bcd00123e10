"""A class list as CSV -> people; and who of them handed in what.

Taken as it is: a Moodle grading worksheet, a Canvas gradebook, an export of the registrar, in UTF-8, UTF-16 or
CP949, with commas, semicolons or tabs, headers in English or Korean.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grader.intake.records import UsageError
from grader.notebook import Unreadable, read_bytes
from grader.types import Learner

# Headers without spaces, punctuation and case -> what the column holds. Of several ids the first counts as the id.
NAMES = "fullname name studentname student learner displayname 이름 성명 학생이름 학생명 성함".split()
FIRST = "firstname givenname first 이름명".split()
LAST = "lastname surname familyname last 성".split()
IDS = (
    "studentid studentnumber studentno idnumber sid 학번 학생번호 학생id orgdefinedid matriculationnumber "
    "sisuserid sisid sisloginid loginid login username userid user 아이디 id githubusername identifier 식별자"
).split()
EMAILS = "emailaddress email mail 이메일 이메일주소 전자우편 메일 메일주소".split()
GROUPS = "group groupname groups team teamname 그룹 조 팀 모둠".split()
# Moodle's worksheet, in the site's language: "Participant 7".
PARTICIPANT = re.compile(r"(?:participant|teilnehmer(?:/in)?|참여자|참가자)\s*(\d+)", re.IGNORECASE)
HEADER_WITHIN = 10  # lines; some exports begin with a title
DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Person:
    """A line of the roster."""

    learner: Learner
    ids: frozenset[str] = frozenset()  # case-folded; Moodle's as "participant 7"
    line: int = 0


@dataclass(frozen=True)
class Columns:
    """Where in a line the parts of a person stand."""

    ids: tuple[int, ...] = ()  # in the order of IDS
    name: int | None = None
    first: int | None = None
    last: int | None = None
    email: int | None = None
    group: int | None = None
    headers: Mapping[int, str] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Can a person be recognised by them?"""
        return bool(self.ids) or self.name is not None or self.last is not None or self.email is not None


def read_roster(path: Path) -> list[Person]:
    """Everybody on the list. Raises UsageError, with file and line."""
    text = _decoded(path)
    if text[:4].lower() == "sep=":  # Excel
        text = "\n" + text.partition("\n")[2]
    head = "\n".join(text.splitlines()[:HEADER_WITHIN])
    delimiter = max(DELIMITERS, key=lambda d: re.sub(r'"[^"]*"', "", head).count(d))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns: Columns | None = None
    seen: list[str] = []
    people: list[Person] = []
    try:
        for row in reader:
            cells = [unicodedata.normalize("NFC", cell).strip() for cell in row]
            if columns is not None:
                people += _person(cells, columns, reader.line_num)
            elif (found := _columns(cells)).usable:
                columns = found
            elif any(cells):
                seen = seen or cells
                if reader.line_num >= HEADER_WITHIN:
                    break
    except csv.Error as bad:
        raise UsageError(f"{path}, line {reader.line_num}: {bad}; save it again as CSV") from bad
    if columns is None:
        raise UsageError(
            f"{path}, line 1: no column with a name, an id or an e-mail, such as "
            f"Name, Student ID, Email, 이름, 학번; there is: {', '.join(seen[:8]) or 'nothing'}"
        )
    if not people:
        raise UsageError(f"{path}, line {reader.line_num}: nobody is on the list")
    return _merged(path, people)


def _decoded(path: Path) -> str:
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give a CSV file")
    try:
        data = read_bytes(path.resolve())
    except Unreadable as bad:
        raise UsageError(f"{path}: {bad.detail or bad.reason}") from bad
    except OSError as fault:
        raise UsageError(f"{path}: {fault.strerror or fault}") from fault
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")  # "Unicode text" of Excel
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        try:
            return data.decode("cp949")
        except UnicodeDecodeError:
            line = data.count(b"\n", 0, bad.start) + 1
            raise UsageError(f"{path}, line {line}: neither UTF-8 nor CP949; save it again as UTF-8") from None


def _columns(cells: Sequence[str]) -> Columns:
    headers = ["".join(letter for letter in cell.casefold() if letter.isalnum()) for cell in cells]

    def place(names: Iterable[str]) -> int | None:
        return next((headers.index(name) for name in names if name in headers), None)

    name, first, last = place(NAMES), place(FIRST), place(LAST)
    if last is not None and "이름" in headers and name == headers.index("이름"):  # 성, 이름
        name, first = None, name
    ids = tuple(headers.index(known) for known in IDS if known in headers)
    return Columns(ids, name, first, last, place(EMAILS), place(GROUPS), dict(enumerate(headers)))


def _person(cells: Sequence[str], columns: Columns, line: int) -> list[Person]:
    def cell(at: int | None) -> str:
        return cells[at] if at is not None and at < len(cells) else ""

    name = cell(columns.name) or _full_name(cell(columns.first), cell(columns.last))
    if name.lower().startswith("points possible") or name in ("Student, Test", "Test Student"):
        return []  # lines of Canvas's gradebook that are no learner
    own: list[str] = []
    participant = ""
    for at in columns.ids:
        if match := PARTICIPANT.fullmatch(cell(at)):
            participant = f"participant {match[1]}"
        elif cell(at):
            own.append(cell(at))
    ids = frozenset(i.casefold() for i in (*own, participant) if i)
    email = cell(columns.email)
    if not (name or ids or email):
        return []
    id_ = own[0] if own else participant.removeprefix("participant ")
    return [Person(Learner(name, id_, cell(columns.group), email), ids, line)]


def _full_name(first: str, last: str) -> str:
    hangul = any("가" <= letter <= "힣" for letter in last)
    return f"{last}{first}" if hangul else f"{first} {last}".strip()


def _merged(path: Path, people: Sequence[Person]) -> list[Person]:
    """One person on two lines is one. Two people of one id are a mistake of the list."""
    kept: list[Person] = []
    holders: dict[str, Person] = {}
    for person in people:
        twins = [holders[i] for i in person.ids if i in holders]
        if any(twin.learner.name != person.learner.name for twin in twins):
            raise UsageError(
                f"{path}, line {person.line}: the id {person.learner.id} stands on line {twins[0].line} too, "
                "with another name"
            )
        if twins:
            continue
        holders |= dict.fromkeys(person.ids, person)
        kept.append(person)
    return kept
