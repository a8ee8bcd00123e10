"""`grader regrade`: a class judged again from what was observed, after a change of the rubric or of the cases."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

from grader import archive
from grader.commands.batch import Item, key_of
from grader.commands.grade import Options, batch, judgement_of, say
from grader.context import Grading, find_secret
from grader.intake import UsageError
from grader.journal import FILE, Journal
from grader.spec import find_root
from grader.training.opening import Equipment
from grader.types import Submission
from grader.work import OBSERVATIONS


def run(out: Path, options: Options) -> int:
    """Judge again what is in `out`, from what was observed; only what has changed is run."""
    if not (out / FILE).is_file():
        raise UsageError(f"{out}: no graded class here; `grader grade ... -o {out}` makes one")
    root = find_root()
    with Journal(out / FILE) as journal:
        about = journal.about()
        if "settings" not in about:
            raise UsageError(f"{out}: graded by an older grader; run the `grader grade` command once more")
        told = about["settings"]
        data = Path(told["data"]) if told["data"] else None
        same = {name: told[name] for name in ("train", "execute", "dev_secret", "lang", "anonymous")}
        equipment = Equipment(told["device"], told["gpu_workers"], data)
        options = replace(options, **same, equipment=equipment)
        secret = find_secret(root, development=options.dev_secret)
        grading = Grading(root, about["slug"], secret, train=options.train, execute=options.execute)
        judgement = judgement_of(grading, options)
        keys, work = journal.keys(), []
        for submission_id in keys:
            seen = archive.load(out / submission_id / OBSERVATIONS)
            if seen is None:
                continue  # not final: there is nothing to judge
            key = key_of(seen.submission, judgement)
            if journal.done(submission_id, key) is None:
                keys[submission_id] = key
                fetch = functools.partial(_stored, out / submission_id / OBSERVATIONS)
                work.append(Item(submission_id, judgement, fetch))
        say(f"{len(work)} of {len(keys)} are judged again from what was observed")
        return batch(keys, work, grading, out, journal, options, lazy=True)


def _stored(path: Path) -> tuple[Submission, bytes]:
    content = path.read_bytes()
    return archive.from_bytes(content).submission, content
