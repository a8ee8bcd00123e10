"""Why somebody could not come in, in sentences for the person who stands at the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grader.i18n import mark


class Refusal(Exception):
    """A login, launch or registration that is not accepted. `detail` is for administrators: no secrets in it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Told:
    """What the page says."""

    what: str
    todo: str
    status: int = 400


_AGAIN = mark("Go back to the course and open the link there once more.")
_STAFF = mark("Please show this page to your instructor. Nothing that you handed in is lost.")
_SETUP = mark(
    "Administrators: register this tool in the learning system, or correct its client ID there. In Moodle also "
    "look at the activity itself: a leftover consumer key is sent instead of the tool's client ID."
)
_OTHER = Told(mark("The learning system sent something that this tool does not understand."), _STAFF)

REFUSALS: Mapping[str, Told] = {
    "unregistered": Told(mark("The learning system that you come from is not registered with this tool."), _SETUP),
    "deployment": Told(
        mark("This course's connection to the tool is not registered yet."),
        mark("Administrators: add the deployment ID below to the tool's list of deployments."),
    ),
    "target": Told(
        mark("The link in the course leads to a different tool."),
        mark("Instructors: correct the tool URL of this activity in the course."),
    ),
    "direct": Told(
        mark("This address cannot be opened by itself."),
        mark("Open the assignment from your course."),
    ),
    "cookies": Told(mark("Your browser did not send back the cookie that ties this visit to you."), _AGAIN),
    "state": Told(mark("This visit was used already, or it took too long."), _AGAIN),
    "expired": Told(
        mark("The learning system's ticket for this visit has expired."),
        mark(
            "Go back to the course and open the link there once more. If that does not help, the clocks of the "
            "learning system and of this tool disagree: please show this page to your instructor."
        ),
    ),
    "key": Told(mark("The learning system's signature could not be checked."), _STAFF, 502),
    "signature": Told(mark("The learning system's signature is not valid."), _STAFF),
    "user": Told(
        mark("The learning system did not say who you are."),
        mark("Please log in to the course first; guests cannot hand in."),
    ),
    "role": Told(mark("Only instructors can choose an assignment for a course."), _STAFF, 403),
    "size": Told(mark("The learning system sent more than this tool reads."), _STAFF, 413),
    "message": _OTHER,
    "invite": Told(
        mark("This invitation was used already, or it has expired."),
        mark("Ask whoever runs this tool for a new one."),
        403,
    ),
    "registration": Told(
        mark("The learning system could not be registered."),
        mark("The invitation can still be used. Or ask whoever runs this tool to register the system by hand."),
    ),
}


def told(refusal: Refusal) -> Told:
    """The sentences for a refusal."""
    return REFUSALS.get(refusal.code, _OTHER)
