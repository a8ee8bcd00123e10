"""How Moodle writes and reads grading worksheets and feedback zips, trap by trap; see tests/test_lms_moodle.py.

After Moodle 4.5 (https://github.com/moodle/moodle: lib/csvlib.class.php, mod/assign/gradingtable.php,
mod/assign/feedback/offline, mod/assign/feedback/file/importziplib.php, mod/assign/classes/downloader.php).
Nothing here comes from the adapter. Times are seconds since 1970, UTC.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html.parser import HTMLParser

from lms_class import Taken

from grader.lms import moodle
from grader.lms.records import Marks, Request

PRECISION = 6e-8  # five digits of a grade of 100
NOON = 1_795_262_400  # 21 November 2026, 12:00
HEADERS = {
    "en": ("Identifier", "Full name", "Email address", "Status", "Group", "Grade", "Maximum grade", "Scale",
           "Marking workflow state", "Grade can be changed", "Last modified (submission)", "Online text",
           "Last modified (grade)", "Feedback comments"),
    "de": ("ID", "Vollständiger Name", "E-Mail-Adresse", "Status", "Gruppe", "Bewertung", "Bestwertung", "Skala",
           "Status des Bewertungsworkflows", "Bewertung kann geändert werden", "Zuletzt geändert (Abgabe)",
           "Texteingabe online", "Zuletzt geändert (Bewertung)", "Feedback als Kommentar"),
    "ko": ("식별자", "전체 이름", "이메일 주소", "상태", "그룹", "성적", "최대 성적", "척도", "표시 진행 상태",
           "Grade can be changed", "마지막 수정됨(제출)", "온라인 텍스트", "마지막 수정됨(성적)", "피드백 코멘트"),
    "cy": ("Dynodydd", "Enw llawn", "Cyfeiriad e-bost", "Statws", "Grŵp", "Gradd", "Gradd uchaf", "Graddfa",
           "Cyflwr llif gwaith", "Gellir newid y radd", "Addaswyd (cyflwyniad)", "Testun ar-lein",
           "Addaswyd (gradd)", "Sylwadau adborth"),
}  # fmt: skip
KEYS = ("id", "name", "email", "status", "group", "grade", "maximum", "scale", "workflow", "changeable",
        "submitted", "text", "modified", "comments")  # fmt: skip
PARTICIPANT = {"en": "Participant ", "de": "Teilnehmer/in", "ko": "참가자", "cy": "Cyfranogwr "}
YES_NO = {"en": ("Yes", "No"), "de": ("Ja", "Nein"), "ko": ("예", "아니오"), "cy": ("Iawn", "Na")}
DEFAULT_TEAM = {"en": "Default group", "de": "Standard-Gruppe", "ko": "기본 모둠", "cy": "Grŵp rhagosodedig"}
COMMAS = {"de"}  # where numbers have a decimal comma


class DatabaseError(AssertionError):
    """What Moodle shows instead of a page."""


@dataclass
class Person:
    """One participant, and the record of their grade: None until somebody or something makes one."""

    unique: int
    name: str
    email: str = ""
    group: tuple[int, str] | None = None
    submitted: bool = True
    locked: bool = False
    grade: float | None = None
    stamped: int | None = None
    comment: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    handed_in: dict[str, bytes] = field(default_factory=dict)
    submitted_at: str = "Saturday, 21 November 2026, 7:31 PM"
    text: str = ""


@dataclass
class Assignment:
    """An assignment of a Moodle site, and whoever may do everything in it."""

    people: list[Person]
    maximum: float = 100.0
    decimals: int = 2
    language: str = "en"
    team: bool = False
    blind: bool = False
    workflow: bool = False
    scale: str = ""
    comments: bool = True

    def folder(self, person: Person) -> str:
        """Where a download has this person's files, without the plugin."""
        if self.team:
            name, number = person.group[1] if person.group else DEFAULT_TEAM[self.language], ""
            number = f"_{person.group[0]}" if person.group else ""
            return cleaned(name.replace("_", " ") + number)
        name = PARTICIPANT[self.language].strip() if self.blind else person.name
        return cleaned(name.replace("_", " ") + f"_{person.unique}")

    def shown_columns(self) -> tuple[str, ...]:
        """Which columns a download has, by their keys."""
        hidden = {"name", "email"} if self.blind else set()
        hidden |= set() if self.team else {"group"}
        hidden |= set() if self.workflow else {"workflow"}
        hidden |= {"maximum"} if self.scale else {"scale"}
        hidden |= set() if self.comments else {"comments"}
        return tuple(key for key in KEYS if key not in hidden)

    def worksheet(self) -> bytes:
        """ "Download grading worksheet"."""
        names = dict(zip(KEYS, HEADERS[self.language], strict=True))
        keys = self.shown_columns()
        lines = [[names[key] for key in keys]]
        for person in self.people:
            cells = self.cells(person)
            lines.append([cells[key] for key in keys])
        return b"\xef\xbb\xbf" + "".join(fputcsv(line) + "\n" for line in lines).encode()

    def cells(self, person: Person) -> dict[str, str]:
        """One row of the download, by keys."""
        graded = person.grade is not None and person.grade >= 0
        status = "Submitted for grading" if person.submitted else "No submission"
        status += (" - Graded" if graded else "") if not self.workflow else " - Not marked"
        return {
            "id": f"{PARTICIPANT[self.language]}{person.unique}",
            "name": person.name,
            "email": person.email,
            "status": f"{status} -  - ",
            "group": person.group[1] if person.group else DEFAULT_TEAM[self.language],
            "grade": self.formatted(person.grade) if graded and person.grade is not None else "",
            "maximum": self.formatted(self.maximum),
            "scale": self.scale,
            "workflow": "Not marked",
            "changeable": YES_NO[self.language][person.locked],
            "submitted": person.submitted_at if person.submitted else "-",
            "text": person.text,
            "modified": "-" if person.stamped is None else self.userdate(person.stamped),
            "comments": flattened(person.comment),
        }

    def formatted(self, value: float) -> str:
        """A number with the digits that the grade book shows."""
        text = f"{value:.{self.decimals}f}"
        return text.replace(".", ",") if self.language in COMMAS else text

    def userdate(self, at: int) -> str:
        """A date, in words."""
        when = datetime.fromtimestamp(at, UTC)
        if self.language != "en":
            return f"{when.day}. {when.month}. {when.year}, {when:%H:%M}"  # words of that language; none is read
        return f"{when:%A}, {when.day} {when:%B %Y}, {when:%I:%M %p}".replace(", 0", ", ")

    def upload_worksheet(
        self, data: bytes, now: int, *, tick: bool = False, separator: str = ","
    ) -> tuple[int, int]:
        """Returns N and M of "Updated N grades and M feedback instances". Raises AssertionError, DatabaseError."""
        names = dict(zip(KEYS, HEADERS[self.language], strict=True))
        lines = [line for line in fgetcsv(data, separator) if line != [""]]
        assert lines, "csvemptyfile"
        headers = lines[0]
        assert all(len(line) == len(headers) for line in lines), "csvweirdcolumns"
        at = {key: index for index, header in enumerate(headers) for key in KEYS if names[key] == header}
        assert {"id", "grade", "modified"} <= set(at), "Moodle could not read the uploaded worksheet"
        grades = feedbacks = 0
        for line in lines[1:]:
            person = self.person(line[at["id"]])
            if person is None:
                continue
            modified = strtotime(line[at["modified"]])
            grade = self.read_grade(line[at["grade"]])
            stale = person.stamped is not None and person.stamped > modified + 60
            had, old = person.stamped is not None, person.comment
            if not (
                (had and same(person.grade, grade))
                or grade is None
                or grade < 0
                or (stale and not tick)
                or person.locked
                or grade > self.maximum
            ):
                person.grade, person.stamped = round(grade, 5), now
                grades += 1
            index = at.get("comments")
            if (tick or not stale) and index and self.comments and line[index] != old:  # index 0 counts as none
                person.comment, person.stamped = line[index], now
                feedbacks += 1
        return grades, feedbacks

    def read_grade(self, text: str) -> float | None:
        """`unformat_float`, or the place of a word in the scale."""
        if self.scale:
            words = self.scale.split("\n")
            return words.index(text) + 1.0 if text in words else None
        text = text.strip()
        if text == "":
            return None
        text = text.replace(" ", "").replace("," if self.language in COMMAS else ".", ".")
        found = re.match(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text)
        return float(found[0]) if found else 0.0  # PHP's (float)

    def person(self, identifier: str) -> Person | None:
        """Whom "Participant 7" is: only the length of the word counts."""
        rest = identifier.encode()[len(PARTICIPANT[self.language].encode()) :].decode(errors="replace").strip()
        if not rest.isdecimal():
            raise DatabaseError(f"Error reading from database: {identifier!r}")
        return next((person for person in self.people if person.unique == int(rest)), None)

    def upload_zip(self, data: bytes, now: int) -> int:
        """ "Upload multiple feedback files in a zip". Returns how many users have updated feedback."""
        users = set()
        for path, content in entries(data):
            for people, file in self.whose(path):
                if people[0].handed_in.get(file) == content or people[0].files.get(file) == content:
                    continue
                for person in people:
                    person.files[file] = content
                    person.stamped = now  # makes the record where there is none
                    users.add(person.unique)
        return len(users)

    def whose(self, path: str) -> Iterator[tuple[list[Person], str]]:
        """Who gets a file of the zip, and under which name; nobody: nothing."""
        *_, base = path.split("/")
        if base.startswith((".", "~")):
            return
        parts = path.split("/")
        while parts:
            info = parts.pop(0).split("_", 4)
            if len(info) < 4 or not info[1].strip().isdecimal():
                continue
            people = self.mapping().get(int(info[1]), [])
            if not people or (info[2], info[3]) not in PLUGINS:
                continue
            rest = info[4] if len(info) == 5 else ""
            yield people, "/".join([rest, *parts]).lstrip("/")
            return

    def mapping(self) -> dict[int, list[Person]]:
        """Participants by their number, or a group's members by the group's."""
        found: dict[int, list[Person]] = {}
        for person in self.people:
            if not self.team:
                found[person.unique] = [person]
            elif person.group:
                found.setdefault(person.group[0], []).append(person)
        return found


PLUGINS = {("assignsubmission", "file"), ("assignsubmission", "onlinetext"), ("assignfeedback", "file")}


def same(there: float | None, grade: float | None) -> bool:
    """PHP's == between a kept grade (-1: none) and one that was read."""
    return grade is not None and abs((-1.0 if there is None else there) - grade) < 1e-12


def fgetcsv(data: bytes, separator: str) -> list[list[str]]:
    """As PHP reads it: one state for each character, a backslash keeps what follows it."""
    text = re.sub(r"\r\n?", "\n", data.decode("utf-8").removeprefix("\ufeff")).strip()
    lines: list[list[str]] = [[]]
    cell, state = "", "start"
    for character in text:
        if state == "start" and character == '"':
            state = "quoted"
        elif state == "escaped":
            cell, state = cell + character, "quoted"
        elif state == "quoted" and character == "\\":
            cell, state = cell + character, "escaped"
        elif state == "quoted" and character == '"':
            state = "quote"
        elif state == "quote" and character == '"':
            cell, state = cell + '"', "quoted"
        elif state != "quoted" and character in (separator, "\n"):
            lines[-1].append(cell)
            cell, state = "", "start"
            if character == "\n":
                lines.append([])
        else:
            cell, state = cell + character, "quoted" if state == "quoted" else "plain"
    lines[-1].append(cell)
    return lines


def fputcsv(cells: list[str]) -> str:
    """As PHP writes it."""
    return ",".join(_enclosed(cell) if re.search(r'[,"\\\n\r\t ]', cell) else cell for cell in cells)


def _enclosed(cell: str) -> str:
    escaped, made = False, ""
    for character in cell:
        made += '"' if character == '"' and not escaped else ""
        escaped = character == "\\"
        made += character
    return f'"{made}"'


def strtotime(text: str) -> int:
    """Seconds, or 0 for what PHP does not understand: "-", and dates in other languages."""
    try:
        return int(datetime.strptime(text, "%A, %d %B %Y, %I:%M %p").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0


def cleaned(name: str) -> str:
    """`clean_filename`."""
    return re.sub(r"\.\.+", "", re.sub(r"[\x00-\x1f\x7f&<>\"`|':\\/]", "", name))


def entries(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Files of a zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                yield name, archive.read(name)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.hidden = "", 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        self.text += "" if self.hidden else data


def shown(comment: str) -> str:
    """What a learner reads: scripts are cut, and what looks like a tag is none of the text."""
    reader = _Text()
    reader.feed(comment)
    return reader.text


def flattened(comment: str) -> str:
    """What a worksheet shows of a comment: no markup."""
    return shown(comment).replace("\n", " ")


def told_counts(told: tuple[str, ...]) -> tuple[int, int]:
    """N and M that the adapter says Moodle will answer."""
    found = re.search(r"Updated (\d+) grades and (\d+) feedback instances", "\n".join(told))
    assert found, told
    return int(found[1]), int(found[2])


def a_site(marks: Marks, **settings: object) -> tuple[Assignment, Marks]:
    """An assignment in which these were handed in, and the marks as the intake of its download makes them."""
    people = [Person(90 - n, mark.learner.name, mark.learner.email) for n, mark in enumerate(marks.marks)]
    site = Assignment([*people, Person(91, "Nadia Nosub", submitted=False)], **settings)  # type: ignore[arg-type]
    addressed = tuple(
        replace(mark, address={"system": "moodle", "participant": str(who.unique), "folder": site.folder(who)})
        for mark, who in zip(marks.marks, people, strict=True)
    )
    return site, replace(marks, marks=addressed)


def taken(marks: Marks) -> dict[str, Taken]:
    """What the learners have after the worksheet went in, and the feedback files after it."""
    site, addressed = a_site(marks)
    made = moodle.encode(addressed, Request(site.worksheet(), "Grades-DL101.csv"))
    for name in sorted(made.files):
        if name.endswith(".csv"):
            assert site.upload_worksheet(made.files[name], NOON) == told_counts(made.told)
        else:
            site.upload_zip(made.files[name], NOON + 300)
    *own, nobody = site.people
    assert (nobody.grade, nobody.comment, nobody.files) == (None, "", {})
    return {
        mark.id: Taken(None if who.grade is None else who.grade / site.maximum, shown(who.comment) or None)
        for mark, who in zip(marks.marks, own, strict=True)
    }
