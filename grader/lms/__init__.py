"""Grades for learning systems: what `grader grade` found out, in each system's own form.

One module for each system; importing this package imports none of them. Two kinds:

- *class* formats have `encode(marks, request) -> Export`: files for a whole class (Moodle, Canvas, nbgrader);
- *single* formats have `reply(mark) -> Reply`: what one graded submission answers to the system that started the
  grader for it (Gradescope, PrairieLearn, ...).

A module may have `package(payload, request) -> Bundle` too: the ready upload for its system. What talks to a
system over the network is in a module of its own and is named in docs/lms.md.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from grader.lms.records import Refused

CLASS = {
    "moodle": "grading worksheet and feedback files of Moodle",
    "canvas": "gradebook CSV and feedback files of Canvas",
    "nbgrader": "grades as `nbgrader export` writes them",
}
SINGLE = {
    "gradescope": "results.json of a Gradescope autograder",
    "prairielearn": "results.json of a PrairieLearn external grader",
    "autolab": "output of an Autolab autograder",
    "github-classroom": "result of a GitHub Classroom test step",
    "submitty": "validation_results.json of a Submitty custom validator",
    "coursera": "feedback.json of a Coursera custom grader",
    "xqueue": "reply to an Open edX XQueue",
    "artemis": "JUnit XML as Artemis reads it",
    "junit": "JUnit XML for Jenkins, GitLab and the like",
}
PACKAGES = (
    "gradescope",
    "prairielearn",
    "autolab",
    "github-classroom",
    "submitty",
    "coursera",
    "xqueue",
    "artemis",
)


def adapter(name: str) -> ModuleType:
    """The module of a format. Raises Refused for a name that there is not."""
    if name not in CLASS | SINGLE:
        raise Refused(f"there is no format {name!r}; there are: {', '.join(sorted(CLASS | SINGLE))}")
    return importlib.import_module(f"grader.lms.{name.replace('-', '_')}")
