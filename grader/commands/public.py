"""The public cases alone, answered as a learning system wants it: where the answers must not lie beside a learner.

    python -m grader.commands.public HAND_IN FORMAT REPLY_FOLDER [LANG]

Needs neither reference/ nor the secret. The points are those of rubric.yaml for what the public cases show: with
trainings and runs of the whole notebook left out, and a help, not a grade.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from grader.commands import OK, USAGE
from grader.commands.grade import say
from grader.context import environment, self_check
from grader.i18n import translator
from grader.intake import UsageError
from grader.intake.gather import alone, read
from grader.journal import write_all
from grader.learner.session import open_own
from grader.lms import adapter
from grader.lms.marks import mark_of
from grader.lms.records import About, Mark
from grader.pipeline import grade
from grader.plaintext import clean
from grader.result import to_dict, to_row
from grader.rubric import load_rubric
from grader.spec import find_root, list_assignments, load_assignment
from grader.types import FriendlyError


def judged(hand_in: Path, root: Path, slug: str, lang: str) -> Mark:
    """What the public cases say of one hand-in. Raises FriendlyError."""
    folder = root / "assignments" / slug
    assignment = load_assignment(folder)
    names = sorted({exercise.root for exercise in assignment.exercises.values()})
    submission = read(alone(hand_in, names))
    with open_own(assignment) as sandbox:
        rubric = load_rubric(root / "rubric.yaml", assignment, train=False, execute=False)
        context = replace(self_check(folder, sandbox), rubric=rubric)
        graded = grade(submission, context)
    _ = translator(lang)
    title = _("{title}: public cases only").format(title=clean(assignment.title.get(lang, slug)))
    told = to_dict(graded, context.expectations, lang, environment(assignment.framework))
    return mark_of(to_row(graded, lang), told, About(slug, title, assignment.version, lang))


def main(arguments: list[str]) -> int:
    """Write the reply's files and print its output. Returns the exit code."""
    if len(arguments) not in (3, 4):
        say("usage: python -m grader.commands.public HAND_IN FORMAT REPLY_FOLDER [LANG]")
        return USAGE
    hand_in, name, folder, *lang = arguments
    try:
        root = find_root()
        if len(list_assignments(root)) != 1:
            raise UsageError(f"{root}: must hold one assignment")
        reply = adapter(name).reply(judged(Path(hand_in), root, list_assignments(root)[0], *(lang or ["en"])))
        write_all(Path(folder), reply.files)
    except (FriendlyError, OSError) as wrong:
        say(str(wrong))
        return USAGE
    sys.stdout.buffer.write(reply.stdout)
    sys.stdout.flush()
    return reply.exit_code or OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
