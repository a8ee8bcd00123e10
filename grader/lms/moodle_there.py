"""An assignment of a Moodle site as its web services show it: the task, its people, and what they have."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from grader.lms.moodle_names import agree, folded, name_in, number_in
from grader.lms.moodle_rest import Answered, Moodle
from grader.lms.records import Mark, Refused
from grader.plaintext import clean
from grader.types import FriendlyError


@dataclass(frozen=True)
class Task:
    """One assignment."""

    id: int  # of the assignment
    page: int  # of its page: view.php?id=
    name: str
    maximum: float
    team: bool
    blind: bool
    workflow: bool
    comments: bool  # whether feedback comments are switched on
    files: bool  # the same for feedback files


@dataclass(frozen=True)
class Person:
    """One participant."""

    user: int
    name: str
    number: str = ""  # of "Participant 7"; empty where the site does not tell it
    group: str = ""  # number of the team; empty: in none, which is the default group
    group_name: str = ""


@dataclass(frozen=True)
class Feedback:
    """What somebody has. `seen` is False where Moodle does not show it, as before grades are released."""

    seen: bool = False
    grade: float | None = None
    comment: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matched:
    """Mark.id -> the people that it is of; and why others are of nobody."""

    people: Mapping[str, tuple[Person, ...]]
    why: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def understood(function: str) -> Iterator[None]:
    """Whatever a site answers, no traceback."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as strange:
        raise FriendlyError(f"{function} answered in a form that is not known: {strange!r}") from strange


def task_of(moodle: Moodle, page: int) -> Task:
    """The assignment with this number in the address of its page. Raises FriendlyError."""
    told = moodle.call("mod_assign_get_assignments")
    with understood("mod_assign_get_assignments"):
        every = [one for course in told["courses"] for one in course["assignments"]]
        found = next((one for one in every if int(one["cmid"]) == page), None)
        if found is None:
            raise Refused(
                f"--assignment {page}: none of the {len(every)} assignments in your courses; it is the number "
                "in the address of the assignment's page, view.php?id=..."
            )
        on = {
            one["plugin"]
            for one in found.get("configs", ())
            if (one["subtype"], one["name"], str(one["value"])) == ("assignfeedback", "enabled", "1")
        }
        task = Task(
            id=int(found["id"]),
            page=page,
            name=clean(found["name"]),
            maximum=float(found["grade"]),
            team=bool(found["teamsubmission"]),
            blind=bool(found["blindmarking"]) and not found.get("revealidentities"),
            workflow=bool(found["markingworkflow"]),
            comments="comments" in on,
            files="file" in on,
        )
    if task.maximum <= 0:
        kind = "a scale of words" if task.maximum < 0 else "nothing"
        raise Refused(f"{task.name}: is graded with {kind}; set its grade type to points in Moodle")
    return task


def people_of(moodle: Moodle, task: Task) -> tuple[Person, ...]:
    """Everybody who may hand in. Raises FriendlyError, as for a learner's token."""
    told = moodle.call("mod_assign_list_participants", assignid=task.id, groupid=0, filter="")
    with understood("mod_assign_list_participants"):
        numbers: Mapping[int, str] = {
            one["id"]: str(one["recordid"]) for one in told if one.get("recordid", -1) > 0
        }
        if not task.team and len(numbers) < len(told):
            numbers = {**_mappings(moodle, task), **numbers}
        return tuple(
            Person(
                user=int(one["id"]),
                name=clean(one.get("fullname", "")),
                number=numbers.get(one["id"], ""),
                group=str(one.get("groupid") or ""),
                group_name=one.get("groupname", ""),
            )
            for one in sorted(told, key=lambda one: int(one["id"]))
        )


def _mappings(moodle: Moodle, task: Task) -> dict[int, str]:
    """Numbers of "Participant N". A teaching assistant may not be allowed to see them: then none."""
    try:
        told = moodle.call("mod_assign_get_user_mappings", assignmentids=[task.id])
    except Answered:
        return {}
    return {one["userid"]: str(one["id"]) for there in told["assignments"] for one in there["mappings"]}


def matched(marks: Sequence[Mark], people: Sequence[Person], task: Task) -> Matched:
    """Who is who. Raises Refused where this is not the assignment that was downloaded."""
    found: dict[str, tuple[Person, ...]] = {}
    why: dict[str, str] = {}
    for mark in marks:
        own, reason = _team(mark, people) if task.team else _person(mark, marks, people, task)
        if own:
            found[mark.id] = own
        else:
            why[mark.id] = reason
    if 2 * len(found) < len(marks) or (task.blind and why):
        raise Refused(
            f"{task.name} (assignment {task.page}) does not fit: {len(found)} of {len(marks)} graded "
            "submissions are in it. Is it the one that the zip was downloaded from?"
        )
    return Matched(found, why)


def _team(mark: Mark, people: Iterable[Person]) -> tuple[tuple[Person, ...], str]:
    number = number_in(mark)
    own = tuple(person for person in people if person.group == number)
    if own and number and not agree(name_in(mark), [own[0].group_name]):
        return (), f"group {number} is called {clean(own[0].group_name)} there"
    return own, "" if own else "no such group there"


def _person(
    mark: Mark, marks: Iterable[Mark], people: Sequence[Person], task: Task
) -> tuple[tuple[Person, ...], str]:
    if any(person.number for person in people):
        own = tuple(person for person in people if person.number == number_in(mark))
        if own and not task.blind and not agree(name_in(mark), [own[0].name]):
            return (), f"participant {own[0].number} is called {own[0].name} there"
        return own, "" if own else "not among the participants there"
    name = folded(name_in(mark))
    own = tuple(person for person in people if folded(person.name) == name)
    if len(own) > 1 or sum(folded(name_in(other)) == name for other in marks) > 1:
        return (), "several have this name, and the token may not see participants' numbers: use the worksheet"
    return own, "" if own else "nobody has this name there"


def grades_of(moodle: Moodle, task: Task) -> Mapping[int, float | None]:
    """User -> the grade there; None where there is a record without one. Raises FriendlyError."""
    told = moodle.call("mod_assign_get_grades", assignmentids=[task.id])
    with understood("mod_assign_get_grades"):
        for warning in told.get("warnings", ()):
            if str(warning.get("warningcode")) == "1":
                raise FriendlyError(
                    f"the token's user may not see grades there: {clean(str(warning.get('message')))}"
                )
        return {
            int(one["userid"]): _grade(one["grade"]) for there in told["assignments"] for one in there["grades"]
        }


def states_of(moodle: Moodle, task: Task) -> Mapping[int, str]:
    """User -> state in the marking workflow; saving a grade sets it, so it must be known to be kept."""
    if not task.workflow:
        return {}
    told = moodle.call("mod_assign_get_user_flags", assignmentids=[task.id])
    with understood("mod_assign_get_user_flags"):
        flags = [one for there in told["assignments"] for one in there["userflags"]]
        return {int(one["userid"]): str(one.get("workflowstate") or "") for one in flags}


def feedback_of(moodle: Moodle, task: Task, user: int) -> Feedback:
    """What somebody has beside the grade, as far as it is shown."""
    status = moodle.call("mod_assign_get_submission_status", assignid=task.id, userid=user)
    with understood("mod_assign_get_submission_status"):
        told = status.get("feedback")
        if not told:
            return Feedback()
        plugins = {one["type"]: one for one in told.get("plugins", ())}
        fields = plugins.get("comments", {}).get("editorfields", ())
        areas = plugins.get("file", {}).get("fileareas", ())
        return Feedback(
            seen="plugins" in told,
            grade=_grade(told.get("grade", {}).get("grade")),
            comment=next((one["text"] for one in fields if one["name"] == "comments"), ""),
            files=tuple(one["filename"] for area in areas for one in area.get("files", ())),
        )


def _grade(told: Any) -> float | None:
    try:
        grade = float(told)
    except (TypeError, ValueError):
        return None
    return grade if grade >= 0 else None


def words(markup: str) -> list[str]:
    """The words of a comment, which Moodle gives back with other markup and spaces."""
    return html.unescape(re.sub(r"<[^<>]*>", " ", markup)).split()
