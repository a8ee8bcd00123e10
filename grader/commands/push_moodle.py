"""`grader push moodle`: what of a class goes to an assignment of Moodle, and how it is known again there.

Moodle answers `null` to a grade that it saved and to one that it dropped, so everything is read back; and saving
replaces all feedback files and the state in the marking workflow, so both are read first.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from grader.commands.export import marks_in
from grader.commands.push import Item, Plan, carry_out, log_of, site, token
from grader.intake import UsageError
from grader.lms.comment import as_html, comment
from grader.lms.marks import above, number, scaled
from grader.lms.moodle_files import FILE
from grader.lms.moodle_names import handed_in_there, name_in, number_in, twice
from grader.lms.moodle_rest import Moodle
from grader.lms.moodle_there import (
    Feedback,
    Person,
    Task,
    feedback_of,
    grades_of,
    matched,
    people_of,
    states_of,
    task_of,
    words,
)
from grader.lms.records import Change, Mark, Marks, Refused

KEPT = "files of somebody else are there and would be lost: ours is not sent"
UNSEEN = "files cannot be seen before grades are released, and may be somebody else's: ours is not sent"


@dataclass(frozen=True)
class Due:
    """What Moodle is to have of one learner or team in the end."""

    mark: Mark
    people: tuple[Person, ...]
    grade: float  # of the assignment's maximum
    html: str  # the comment; empty: comments are switched off
    page: bytes  # the feedback file; empty: none goes along
    state: str  # in the marking workflow, as it is
    why_no_page: str = ""

    @property
    def who(self) -> str:
        """The learner's name there, or the team's."""
        return name_in(self.mark) if len(self.people) > 1 else self.people[0].name


@dataclass(frozen=True)
class There:
    """What everybody has there now."""

    grades: Mapping[int, float | None]
    states: Mapping[int, str]
    feedback: Mapping[int, Feedback]

    def grade(self, user: int) -> float | None:
        """Grades of people without a submission are in the second place only."""
        found = self.grades.get(user)
        return self.feedback[user].grade if found is None and user in self.feedback else found


def push(args: argparse.Namespace) -> int:
    """Show or send. Returns the exit code."""
    if not args.assignment.isascii() or not args.assignment.isdecimal():
        raise UsageError("--assignment: the number in the address of its page, as the 7 of view.php?id=7")
    address = site(args.url)
    moodle = Moodle(address, token("MOODLE_TOKEN"))
    marks = marks_in(args.out)
    task = task_of(moodle, int(args.assignment))
    place = f"{address}/mod/assign/view.php?id={task.page}"
    with log_of(args, place) as sent:
        known = sent.known()
    return carry_out(plan_of(moodle, task, marks, place, known), marks, args)


def plan_of(moodle: Moodle, task: Task, marks: Marks, place: str, known: frozenset[str]) -> Plan:
    """Everything that is to be sent. `known`: keys of those who have something of ours. Raises FriendlyError."""
    own, strangers = handed_in_there(marks.marks)
    twice(own)
    fit = matched(own, people_of(moodle, task), task)
    wanted = [mark for mark in own if mark.id in fit.people and scaled(mark, task.maximum) is not None]
    there = _there(moodle, task, [person.user for mark in wanted for person in fit.people[mark.id]])
    untouched = [Change(mark.id, "grade", "", "", "not from a Moodle download") for mark in strangers]
    dues: dict[str, Due] = {}
    for mark in own:
        why, people = fit.why.get(mark.id, ""), fit.people.get(mark.id, ())
        why = why or _why_not(mark, people, task, there)
        if why:
            untouched.append(Change(name_in(mark), "grade", "", "", why))
        else:
            key = key_of(mark, people, task)
            dues[key] = _due(mark, people, task, there, known=key in known)
    return Plan(
        place,
        tuple(
            Item(key, due.who, _digest(due), tuple(_changes(due, there)), partial(_send, moodle, task, due))
            for key, due in dues.items()
        ),
        read_back=lambda sent: _read_back(moodle, task, {item.key: dues[item.key] for item in sent}),
        untouched=tuple(untouched),
        told=tuple(_told(task, wanted)),
        stands=lambda item: not _wrong_of(dues[item.key], there),
    )


def _why_not(mark: Mark, people: Sequence[Person], task: Task, there: There) -> str:
    if not mark.final:
        return "not final"
    if scaled(mark, task.maximum) is None:
        return "is worth no points in all: cannot be scaled"
    if len({there.states.get(person.user, "") for person in people}) > 1:
        return "members are in different states of the marking workflow: grade them by hand"
    return ""


def key_of(mark: Mark, people: Sequence[Person], task: Task) -> str:
    """Who it is, the same in every run."""
    return f"group {number_in(mark) or 'default'}" if task.team else f"user {people[0].user}"


def _due(mark: Mark, people: tuple[Person, ...], task: Task, there: There, *, known: bool) -> Due:
    page = mark.files[FILE].read_bytes() if task.files and FILE in mark.files else b""
    feedback = {person.user: there.feedback[person.user] for person in people}
    why = ""
    if page and any(set(one.files) - {FILE} for one in feedback.values()):
        page, why = b"", KEPT
    elif (
        page
        and not known
        and any(not one.seen and there.grade(user) is not None for user, one in feedback.items())
    ):
        page, why = b"", UNSEEN
    html = as_html(comment(mark)) if task.comments else ""
    grade = scaled(mark, task.maximum)
    assert grade is not None  # see _why_not
    return Due(mark, people, round(grade, 5), html, page, there.states.get(people[0].user, ""), why)


def _there(moodle: Moodle, task: Task, users: Sequence[int]) -> There:
    feedback = {user: feedback_of(moodle, task, user) for user in users}
    return There(grades_of(moodle, task), states_of(moodle, task), feedback)


def _digest(due: Due) -> str:
    users = ",".join(str(person.user) for person in due.people)
    parts = (number(due.grade), due.html, hashlib.sha256(due.page).hexdigest(), users)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _changes(due: Due, there: There) -> Iterator[Change]:
    mark = due.mark
    cut = f"{number(mark.earned or 0)} points cut to {number(mark.possible)}: Moodle drops what is above"
    for person in due.people:
        before, feedback = there.grade(person.user), there.feedback[person.user]
        note = cut if above(mark) else ""
        yield Change(person.name, "grade", "" if before is None else number(before), number(due.grade), note)
        if due.html:
            yield Change(person.name, "comment", " ".join(words(feedback.comment)), " ".join(words(due.html)))
        if due.page or due.why_no_page:
            after = FILE if due.page else ""
            yield Change(person.name, "file", ", ".join(feedback.files), after, due.why_no_page)


def _told(task: Task, wanted: Sequence[Mark]) -> Iterator[str]:
    yield f"assignment {task.page}: {task.name}, out of {number(task.maximum)} points"
    for possible in sorted({mark.possible for mark in wanted} - {task.maximum}):
        yield f"scaled from {number(possible)} to {number(task.maximum)} points"
    if not task.comments:
        yield "feedback comments are switched off for this assignment: none are sent"
    if not task.files:
        yield "feedback files are switched off for this assignment: none are sent"
    if task.workflow:
        yield (
            "this assignment has a marking workflow: its states stay as they are, grades stay hidden until they "
            "are released in Moodle, and until then neither comments nor files can be read back"
        )


def _send(moodle: Moodle, task: Task, due: Due, _unsure: bool) -> None:
    """The same a second time changes nothing. Raises Refused."""
    if not 0 <= due.grade <= task.maximum:
        raise Refused(f"{number(due.grade)} is no grade of 0 to {number(task.maximum)}: not sent")
    plugins: dict[str, object] = {}
    if due.html:
        plugins["assignfeedbackcomments_editor"] = {"text": due.html, "format": 1}  # HTML
    if due.page:
        plugins["files_filemanager"] = moodle.upload(FILE, due.page)
    answer = moodle.call(
        "mod_assign_save_grade",
        assignmentid=task.id,
        userid=due.people[0].user,
        grade=number(due.grade),
        attemptnumber=-1,  # the latest
        addattempt=False,
        workflowstate=due.state,
        applytoall=task.team,
        plugindata=plugins,
    )
    if answer is not None:
        raise Refused("Moodle did not answer as it does to a saved grade")


def _read_back(moodle: Moodle, task: Task, sent: Mapping[str, Due]) -> Mapping[str, str]:
    there = _there(moodle, task, [person.user for due in sent.values() for person in due.people])
    return {key: wrong for key, due in sent.items() if (wrong := _wrong_of(due, there))}


def _wrong_of(due: Due, there: There) -> str:
    """Of a learner or all members of a team; empty where all is as it should be."""
    return "; ".join(told for person in due.people if (told := _wrong(due, person, there)))


def _wrong(due: Due, person: Person, there: There) -> str:
    """What somebody has that is not as it should be; empty where all is, as far as it can be seen."""
    grade, feedback = there.grade(person.user), there.feedback[person.user]
    amiss = []
    if grade is None or abs(grade - due.grade) > 5e-6:
        has = "no grade" if grade is None else f"grade {number(grade)}"
        amiss.append(
            f"{has} there and not {number(due.grade)} (locked in the gradebook, or graded with a rubric?)"
        )
    if feedback.seen and due.html and words(feedback.comment) != words(due.html):
        amiss.append("another comment there")
    if feedback.seen and due.page and FILE not in feedback.files:
        amiss.append(f"no {FILE} there")
    return f"{person.name}: {', '.join(amiss)}" if amiss else ""
