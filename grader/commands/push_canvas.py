"""`grader push canvas`: what of a class goes to an assignment of Canvas, and how it is known again there."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from grader.commands.export import marks_in
from grader.commands.push import Item, Plan, carry_out, site, token
from grader.i18n import translator
from grader.intake import UsageError
from grader.lms.canvas_api import Gateway, Task, There
from grader.lms.comment import comment, cut
from grader.lms.marks import above, earned, number, scaled
from grader.lms.records import Change, Mark, Marks, Refused

PAGE = "feedback.html"
DIGITS = 2  # Canvas shows two
MOST_TEXT = 20_000  # characters of a comment; Canvas takes 65,535
# Newer versions of Canvas show a comment as markup and older ones as it is: what reads the same in both.
PLAIN = str.maketrans("<>", "‹›")
AGAIN = "handed in again since: this is for the earlier file"


def push(args: argparse.Namespace) -> int:
    """Show or send. Returns the exit code."""
    for name in ("course", "assignment"):
        if not re.fullmatch(r"[0-9]+", getattr(args, name)):
            raise UsageError(f"--{name}: its number, as in the address of its page: …/courses/12/assignments/345")
    address = site(args.url)
    marks = marks_in(args.out)
    with Gateway(address, token("CANVAS_TOKEN"), args.course, args.assignment) as canvas:
        task = canvas.task()
        place = f"{address}/courses/{args.course}/assignments/{args.assignment}"
        return carry_out(plan_of(marks, canvas, task, place), marks, args)


@dataclass(frozen=True)
class Due:
    """What Canvas has to show of one learner in the end."""

    mark: Mark
    there: There
    grade: str
    text: str  # of the comment
    page: bytes  # the feedback file; empty: none goes along
    marker: str

    @property
    def file(self) -> str:
        """The name of the feedback file; empty where there is none."""
        return f"{self.marker}.html" if self.page else ""

    @property
    def who(self) -> str:
        """A name for people."""
        return self.there.name or _who(self.mark)

    def graded(self, there: There) -> bool:
        """Is this the grade?"""
        return there.score is not None and abs(there.score - float(self.grade)) < 0.005

    def commented(self, there: There) -> bool:
        """Is this the comment, with its file?"""
        return any(self.marker in text for text in (there.files if self.page else there.comments))


def plan_of(marks: Marks, canvas: Gateway, task: Task, place: str) -> Plan:
    """Everybody whose grade or feedback is not yet in Canvas as it should be."""
    there = canvas.submissions()
    found = {mark.id: _found(mark, there) for mark in marks.marks}
    _fits(marks, found, task)
    due: dict[str, Due] = {}
    untouched: list[Change] = []
    for mark in marks.marks:
        own = found[mark.id]
        twins = [other for other in marks.marks if own and found[other.id] == own]
        why = _left(mark, own, twins, task)
        standing = own[0] if len(own) == 1 else None
        made = _due(mark, own[0], task) if not why else None
        if made and made.graded(own[0]) and made.commented(own[0]):
            why = "is there already"
        if made and not why:
            due[own[0].key] = made
        else:
            who = standing.name if standing and standing.name else _who(mark)
            untouched.append(Change(who, "grade", _shown(standing.score) if standing else "", "", why))
    items = tuple(_item(one, canvas, task) for one in due.values())
    return Plan(place, items, partial(_read_back, canvas, due), tuple(untouched), _told(task, there), _never)


def _never(_item: Item) -> bool:
    """Whether what the log says was sent is still there. What is there is no item: this one is not."""
    return False


def _fits(marks: Marks, found: Mapping[str, Sequence[There]], task: Task) -> None:
    """Raises Refused where these are no submissions of that assignment."""
    known = [mark for mark in marks.marks if mark.address.get("attachment") and len(found[mark.id]) == 1]
    if known and not any(mark.address["attachment"] in found[mark.id][0].attachments for mark in known):
        raise Refused(f"{task.title}: none of the graded files is one that was handed in there; is it the right "
                      "--assignment?")  # fmt: skip
    if not any(found.values()) and any(mark.final for mark in marks.marks):
        raise Refused(f"{task.title}: none of the graded learners is there; is it the right --course?")


def _found(mark: Mark, there: Sequence[There]) -> list[There]:
    """Whose it is: by Canvas's own numbers; without them by the ids of the institution. Never by name."""
    address = mark.address
    if address.get("system") == "canvas":
        user, anonymous = address.get("user"), address.get("anonymous")
        return [one for one in there if (user and one.user == user) or (anonymous and one.anonymous == anonymous)]
    keys = {key.casefold() for key in (mark.learner.id, mark.learner.email) if key}
    return [one for one in there if keys & one.ids]


def _left(mark: Mark, own: Sequence[There], twins: Sequence[Mark], task: Task) -> str:
    """Why nothing is sent; empty: it is."""
    if not own:
        return "nobody there"
    if len(own) > 1:
        return "several learners there could be meant"
    if own[0].excused:
        return "excused there: stays so"
    if len(twins) > 1:
        return f"several submissions of one learner ({', '.join(twin.id for twin in twins)}): none is sent"
    if earned(mark) is None:
        return "not final"
    return "nothing to be earned in all, so no grade" if scaled(mark, task.points) is None else ""


def _due(mark: Mark, there: There, task: Task) -> Due:
    # Canvas takes files for those whom it names only.
    page = mark.files[PAGE].read_bytes() if there.user and PAGE in mark.files else b""
    marker = _marker(page or comment(mark).encode())
    text = _text(mark, f"{marker}.html" if page else "", marker)
    return Due(mark, there, number(scaled(mark, task.points) or 0, DIGITS), text, page, marker)


def _item(due: Due, canvas: Gateway, task: Task) -> Item:
    """What is to be sent."""
    there = due.there
    notes = [f"cut to the maximum, from {number(due.mark.earned or 0)}"] if above(due.mark) else []
    attachment = due.mark.address.get("attachment")
    if attachment and attachment not in there.attachments:
        notes.append(AGAIN)
    changes = [Change(due.who, "grade", _shown(there.score), due.grade, "; ".join(notes))]
    new = not due.commented(there)
    if new:
        changes.append(Change(due.who, "comment", "", due.text.split("\n")[0]))
        changes += [Change(due.who, "file", "", due.file)] if due.file else []

    def send(_unsure: bool) -> None:
        """An earlier run may have sent it: its comment would have been seen when this run began."""
        told: dict[str, Any] = {}
        if new:
            told = {"text_comment": due.text} | ({"group_comment": True} if task.together else {})
            if due.page:
                told["file_ids"] = [canvas.upload(there, due.file, due.page)]
        canvas.send(there, due.grade, told)

    digest = hashlib.sha256(f"{due.grade}\n{due.text}".encode()).hexdigest()
    return Item(there.key, due.who, digest, tuple(changes), send)


def _marker(content: bytes) -> str:
    """A name for exactly this feedback, by which its comment is known again."""
    return f"feedback-{hashlib.sha256(content).hexdigest()[:10]}"


def _text(mark: Mark, file: str, marker: str) -> str:
    """The comment: points, and where the rest stands. Without a file all of it."""
    _ = translator(mark.about.lang)
    if not file:
        whole = cut(comment(mark), MOST_TEXT, mark.about.lang, whole_elsewhere=False)
        return f"{whole}\n\n({marker})".translate(PLAIN)
    lines = [comment(mark).split("\n")[0], ""]
    for part in mark.parts:
        points = _("no grade yet") if part.earned is None else f"{number(part.earned)} / {number(part.points)}"
        lines.append(f"{part.title}: {points}")
    lines += ["", _("Everything else stands in the attached file {file}.").format(file=file)]
    return "\n".join(lines).translate(PLAIN)


def _read_back(canvas: Gateway, due: Mapping[str, Due], items: Sequence[Item]) -> dict[str, str]:
    """Item.key -> what is not as it was sent."""
    now = {there.key: there for there in canvas.submissions()} if items else {}
    wrong = {item.key: _wrong(due[item.key], now.get(item.key)) for item in items}
    return {key: why for key, why in wrong.items() if why}


def _wrong(due: Due, there: There | None) -> str:
    if there is None:
        return "is not there any more"
    if not due.graded(there):
        return f"Canvas shows {_shown(there.score) or 'no grade'} and was sent {due.grade}"
    if not due.commented(there):
        return "the comment is not there" + (", or not its file" if due.page else "")
    return ""


def _told(task: Task, there: Sequence[There]) -> tuple[str, ...]:
    told = [f"{task.title}, {number(task.points)} points"]
    if task.by_hand:
        told.append(
            "its grades are posted by hand: nobody sees grade, comment or file until you post them in Canvas"
        )
    else:
        told.append("its grades are posted automatically: learners see and are told of each as it is sent")
    if task.together:
        told.append("a group is graded together: what one of them gets, all of them get")
    if late := sum(one.taken_off > 0 for one in there):
        told.append(f"Canvas itself takes points off for lateness, so far from {late}; grades are sent in full")
    return tuple(told)


def _who(mark: Mark) -> str:
    return mark.learner.name or mark.id


def _shown(score: float | None) -> str:
    return "" if score is None else number(score, DIGITS)
