"""Takes submissions from an XQueue, grades them one after the other and puts the results back:

    XQUEUE_PASSWORD=... python -m grader.lms.xqueue_client --url https://xqueue.example.edu --queue hw1 \
        --user grader -a distillation_tf --max 100

Talks to https://github.com/openedx/xqueue and to what has taken its place, the same addresses below the LMS
(https://github.com/openedx/edx-submissions, submissions/views/xqueue.py). What cannot be graded to its end gets no
result: the queue hands it out again. SIGTERM or Ctrl-C ends it after the submission in hand, a second one at once.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from grader.lms.records import Refused
from grader.lms.xqueue import worth
from grader.lms.xqueue_http import Declined, Queue, Submission, Trouble
from grader.lms.xqueue_work import Job, hand_in, judged, maximum_of

DELAYS = (1, 2, 4, 8, 16, 30, 60, 60, 60)  # seconds between tries
MOST_TRIES = 3  # of one submission that gets no final grade; it must not keep the others waiting
Pause = Callable[[float], None]


class Watcher:
    """The loop. `stop` is set by signals."""

    def __init__(self, queue: Queue, job: Job, stop: threading.Event) -> None:
        self._queue, self._job, self._stop = queue, job, stop
        self._tries: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()

    def run(self, wait: float, *, until_empty: bool = False) -> None:
        """Grade what comes. Raises Refused for a login or queue that there is not."""
        failures = 0
        while not self._stop.is_set():
            try:
                submission = self._queue.take()
            except Trouble as trouble:
                say(f"{trouble}; trying again")
                self._stop.wait(DELAYS[min(failures, len(DELAYS) - 1)])
                failures += 1
                continue
            failures = 0
            if submission is not None:
                self._handle(submission)
            elif until_empty:
                return
            else:
                self._stop.wait(wait)

    def _handle(self, submission: Submission) -> None:
        name = submission.id
        if self._answered[name]:
            say(f"submission {name} was answered and comes again: the LMS did not take the score. Is --max what "
                "the problem is worth? edx-submissions stores whole numbers only: --whole-points")  # fmt: skip
        if self._tries[name] >= MOST_TRIES:
            say(f"submission {name}: {MOST_TRIES} tries and no end; left alone until this program starts anew")
            return
        self._tries[name] += 1
        try:
            body = self._graded(submission)
        except (Refused, Trouble, OSError) as trouble:
            say(f"submission {name}: {trouble}; nothing is sent, the queue hands it out again")
            return
        if body is None:
            say(f"submission {name}: no final grade; nothing is sent, the queue hands it out again")
        elif self._put(submission, body):
            self._answered[name] += 1
            say(f"submission {name}: answered")

    def _graded(self, submission: Submission) -> bytes | None:
        maximum = maximum_of(submission, self._job)
        with tempfile.TemporaryDirectory(prefix="grader-xqueue-") as folder:
            given = hand_in(submission, Path(folder) / "submission", self._queue.fetch)
            body = judged(given, Path(folder), self._job)
        return None if body is None else worth(body, maximum, whole=self._job.whole)

    def _put(self, submission: Submission, body: bytes) -> bool:
        """Whether it was taken. A result is dear: tried for minutes, but a few times only once we are to end."""
        for tries, delay in enumerate(DELAYS, 1):
            try:
                self._queue.put(submission, body)
                return True
            except Declined as declined:
                say(f"submission {submission.id}: the queue does not take the result: {declined}")
                return False
            except Trouble as trouble:
                say(f"submission {submission.id}: {trouble}")
            if self._stop.is_set() and tries >= MOST_TRIES:
                break
            if self._stop.wait(delay):
                time.sleep(1)
        say(f"submission {submission.id}: the result could not be sent, the queue hands it out again")
        return False


def main(words: Sequence[str] | None = None) -> int:
    """Exit status: 0 ended by a signal or at an empty queue, 2 usage or configuration."""
    args = _parser().parse_args(words)
    password = os.environ.get("XQUEUE_PASSWORD", "")
    if not password:
        say("say the password in XQUEUE_PASSWORD")
        return 2
    job = Job(args.assignment, args.max, args.whole_points, args.seconds, tuple(shlex.split(args.options)))
    stop = threading.Event()
    _ends_with(stop)
    try:
        queue = Queue(
            args.url, args.queue, args.user, password, os.environ.get("XQUEUE_BASIC_AUTH", ""), args.files_from
        )
        Watcher(queue, job, stop).run(args.wait, until_empty=args.until_empty)
    except Refused as refused:
        say(str(refused))
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _ends_with(stop: threading.Event) -> None:
    def asked(signum: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        say("ends after the submission in hand")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)


def _parser() -> argparse.ArgumentParser:
    told = argparse.ArgumentParser(
        "python -m grader.lms.xqueue_client", description="Grade what an XQueue hands out."
    )
    told.add_argument("--url", required=True, help="where /xqueue/ is: https://...")
    told.add_argument("--queue", required=True, metavar="NAME", help="queuename of the problem")
    told.add_argument("--user", required=True, help="of the queue; the password in XQUEUE_PASSWORD")
    told.add_argument("-a", "--assignment", required=True, metavar="SLUG")
    told.add_argument("--max", type=_points, metavar="POINTS",
                      help="`points` of the input field, where its grader_payload has no max_score")  # fmt: skip
    told.add_argument("--whole-points", action="store_true", help="round down: edx-submissions takes nothing else")
    told.add_argument("--files-from", action="append", default=[], metavar="HOST",
                      help="a host besides the queue's own that uploads may be fetched from")  # fmt: skip
    told.add_argument("--wait", type=float, default=2.0, metavar="SECONDS", help="between looks at an empty queue")
    told.add_argument("--seconds", type=float, default=float(os.environ.get("GRADER_SECONDS") or 540),
                      help="for one submission (default: GRADER_SECONDS, else 540)")  # fmt: skip
    told.add_argument("--options", default=os.environ.get("GRADER_OPTIONS", ""), metavar="WORDS",
                      help='for `grader grade`: "--no-train --lang ko" (default: GRADER_OPTIONS)')  # fmt: skip
    told.add_argument("--until-empty", action="store_true", help="end when the queue is empty")
    return told


def _points(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError("a number above 0")
    return number


def say(sentence: str) -> None:
    """For the operator's log; ids only, no names."""
    print(f"grader: xqueue: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
