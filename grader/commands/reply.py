"""`grader grade --format`: one submission in, what a system's autograder answers out.

The answer is written before anything runs and anew whenever more is known, so that a system that stops the grader
after its time limit finds what was judged by then, and never an empty folder.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from grader.commands import USAGE
from grader.commands.grade import Options, blueprint_of, say
from grader.context import Grading, environment, find_secret
from grader.explain import explain_remark
from grader.i18n import translator
from grader.intake import Entry, UsageError, alone, read
from grader.journal import write_all
from grader.lms import adapter
from grader.lms.marks import mark_of
from grader.lms.records import About, Mark, Reply
from grader.plaintext import clean
from grader.result import to_dict, to_row
from grader.sandbox.survey import protected
from grader.score import nothing
from grader.spec import find_root
from grader.types import Expectations, FriendlyError, Graded, Remark, Submission, Verdict
from grader.work import Bench, Outcome, Task

NOTHING_KNOWN = Expectations({}, {}, {})


def run(paths: Sequence[Path], slug: str, out: Path, to: Path | None, name: str, options: Options) -> int:
    """Grade what one learner handed in and answer as `name` wants it. Returns the answer's exit code."""
    check(paths, out, options)
    (path,) = paths
    root = find_root()
    secret = find_secret(root, development=options.dev_secret)
    grading = Grading(root, slug, secret, train=options.train, execute=options.execute)
    entry = alone(path, sorted({e.root for e in grading.assignment.exercises.values()}))
    slate = Slate(adapter(name), grading, Submission(entry.id, entry.path, None, ""), to or out, options.lang)
    try:
        slate.begin()
        if not protected() and not options.unsafe:
            say("submissions cannot be isolated here (see `grader doctor`); --unsafe grades them all the same")
            slate.stop()
            return USAGE
        judged(entry, grading, out, slate, options)
    except KeyboardInterrupt:  # SIGTERM too: a system's time limit
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        say("stopped before the end: what was judged by then is told")
        slate.stop()
    except FriendlyError:
        slate.stop()
        raise
    finally:
        sys.stdout.buffer.write(slate.reply.stdout)
        sys.stdout.flush()
    return slate.reply.exit_code


def check(paths: Sequence[Path], out: Path, options: Options) -> None:
    """Raises UsageError for what goes with a class only."""
    if len(paths) != 1:
        raise UsageError("--format answers for one submission: give one PATH (a folder is one hand-in)")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; -o takes a folder")
    given = {"--json": options.as_json, "--roster": options.roster, "--anonymous": options.anonymous}
    given["--engine"] = options.engine != "local"
    if wrong := [name for name, value in given.items() if value]:
        raise UsageError(f"{', '.join(wrong)}: for a class; --format answers for one submission, on this machine")


def judged(entry: Entry, grading: Grading, out: Path, slate: Slate, options: Options) -> None:
    """The submission through the grader, each part told as soon as it is judged."""
    submission = read(entry)
    blueprint = blueprint_of(grading, options, lazy=True)
    slate.submission, slate.expectations = submission, blueprint.expectations
    bench = Bench(blueprint, slate.tell)
    try:
        outcome = bench.perform(Task(submission, ""))
        write_all(out, outcome.files)
        slate.end(outcome, out)
    finally:
        bench.close()


class Slate:
    """What the system is told, on disk from the beginning to the end."""

    def __init__(
        self, module: ModuleType, grading: Grading, submission: Submission, folder: Path, lang: str
    ) -> None:
        """Writes nothing yet: a signal may come while it does, and must find the slate at hand."""
        assignment = grading.assignment
        title = clean(assignment.title.get(lang, assignment.slug))
        self._about = About(assignment.slug, title, assignment.version, lang)
        self._versions = environment(assignment.framework)
        self._module, self._grading, self._folder = module, grading, folder
        self.submission, self.expectations = submission, NOTHING_KNOWN
        self._known = self._nothing()
        self.mark = self._waiting(self._known)
        self.reply = Reply()

    def begin(self) -> None:
        """Tell that nothing is known yet. Raises OSError."""
        self._write(self.mark)

    def tell(self, graded: Graded) -> None:
        """Something more is known. Raises OSError."""
        mark = self._read(graded)
        if graded.internal and any(part.earned is not None for part in self.mark.parts):
            mark = replace(mark, parts=self.mark.parts)  # judged before our fault
        self._known = mark
        self._write(mark if mark.final else self._waiting(mark))

    def end(self, outcome: Outcome, folder: Path) -> None:
        """Nothing more will be known. Raises OSError."""
        mark = replace(self._known, files={name: folder / name for name in outcome.files})
        if mark.final and not outcome.final:  # the report failed
            fault = explain_remark(Remark("internal"), self._about.lang)
            mark = replace(mark, final=False, earned=None, remarks=(*mark.remarks, fault))
        self._write(mark)

    def stop(self) -> None:
        """Whatever is not judged by now will not be. Raises OSError."""
        _ = translator(self._about.lang)
        if not self.mark.final:
            told = _("Grading was stopped before its end. Please tell your instructors.")
            self._write(replace(self.mark, remarks=(told,)))

    def _write(self, mark: Mark) -> None:
        self.mark, self.reply = mark, self._module.reply(mark)
        write_all(self._folder, self.reply.files)

    def _waiting(self, mark: Mark) -> Mark:
        _ = translator(self._about.lang)
        pending = _("Not judged yet.")
        parts = tuple(part if part.earned is not None else replace(part, because=pending) for part in mark.parts)
        return replace(mark, parts=parts, remarks=(_("Grading has not come to its end yet."),))

    def _nothing(self) -> Mark:
        pending = nothing(self._grading.rubric, Verdict.INTERNAL, "internal", final=False)
        return self._read(Graded(self.submission, self._grading.assignment, pending, None, None, ()))

    def _read(self, graded: Graded) -> Mark:
        about, versions = self._about, self._versions
        row = to_row(graded, about.lang)
        mark = mark_of(row, to_dict(graded, self.expectations, about.lang, versions), about)
        known = judged_parts(graded)
        return replace(mark, parts=tuple(replace(part, earned=known.get(part.id)) for part in mark.parts))


def judged_parts(graded: Graded) -> dict[str, float]:
    """The points of each criterion that is judged for good, also where others are not yet."""
    open_: set[str] = set()
    lost = any(result.verdict == Verdict.INTERNAL for result in graded.results)
    scores = {score.criterion.id: score for score in graded.grade.scores}
    while True:  # what needs an open one is open
        found = {
            name
            for name, score in scores.items()
            if score.verdict == Verdict.INTERNAL
            or (lost and score.criterion.exercise is None and score.criterion.kind == "robustness")
            or open_ & {*score.criterion.needs, *score.criterion.needs_attempt}
        }
        if found == open_:
            return {name: score.earned for name, score in scores.items() if name not in open_}
        open_ = found
