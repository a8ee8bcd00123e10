"""Grading jobs: not lost by a kill, not done twice, not a zero when it is our fault."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serve_made import POSTGRES, Made, database, databases, made, notebook, pending, wait_for
from sqlalchemy import select, update

from grader.serve.leases import Leases
from grader.serve.queue import Crew, Offered
from grader.serve.tables import Status, files, jobs, results, standings
from grader.types import FriendlyError

PROCESS = Path(__file__).with_name("serve_process.py")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.skipif(
    not POSTGRES, reason="GRADER_TEST_DATABASE names no PostgreSQL"))])  # fmt: skip
def of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    url = databases(tmp_path)[0 if request.param == "sqlite" else 1]
    with database(url) as engine:
        yield made(engine, tmp_path)


def job(of: Made, submission: str) -> Any:
    with of.engine.connect() as connection:
        return connection.execute(select(jobs).where(jobs.c.submission == submission)).one()


def earned(of: Made) -> list[float]:
    with of.engine.connect() as connection:
        return sorted(connection.execute(select(results.c.earned)).scalars().all())


class Process:
    """A server in a process of its own, to be killed."""

    def __init__(self, of: Made, folder: Path, seconds: float, *how: str) -> None:
        url = of.engine.url.render_as_string(hide_password=False)
        command = [sys.executable, str(PROCESS), url, str(folder / "scores"), str(seconds), *how]
        self.of = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def wait_for(self, word: str) -> None:
        assert self.of.stdout is not None
        assert self.of.stdout.readline().strip() == word

    def kill(self) -> None:
        self.of.send_signal(signal.SIGKILL)
        self.of.communicate()


def test_a_job_of_a_killed_process_is_done_by_the_next_one(of: Made, tmp_path: Path) -> None:
    placement, person = of.arrive()
    name = of.hand_in(placement, person, notebook(70))
    process = Process(of, tmp_path, 0, "stall")
    process.wait_for("ready")
    process.wait_for("started")
    assert job(of, name).status == Status.WORKING
    process.kill()
    of.grade(lease_s=1.0)
    assert (job(of, name).status, earned(of)) == (Status.DONE, [70])
    of.deliver()
    assert of.gradebook.last == {"5": 70}


def test_nothing_is_lost_or_changed_by_many_kills(of: Made, tmp_path: Path) -> None:
    """Killed at random moments while it grades and sends, and finished by a last process."""
    chance = random.Random(5)
    due = {}
    for n in range(60):
        placement, person = of.arrive(f"u{n}")
        due[f"u{n}"] = float(n)
        of.hand_in(placement, person, notebook(n))
    kills = hit = 0
    while pending(of.engine, jobs) and kills < 5:
        process = Process(of, tmp_path, 0.05)
        process.wait_for("ready")
        time.sleep(chance.uniform(0.05, 0.3))
        process.kill()
        kills += 1
        with of.engine.connect() as connection:
            working = [connection.execute(select(t.c.status)).scalars().all() for t in (jobs, standings)]
        hit += sum(states.count(Status.WORKING) for states in working)
    assert hit, "some kill came in the middle of something, or this shows nothing"
    of.grade(lease_s=1.0)
    with of.sender(lease_s=1.0):
        wait_for(lambda: not pending(of.engine, standings))
    assert earned(of) == sorted(due.values())
    log = tmp_path / "scores"
    lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    sent = [(user, float(points)) for user, points in lines]
    sent += [(score.user, score.earned) for _, score in of.gradebook.scores]
    assert {(user, points) for user, points in sent} == set(due.items()), "each their own grade, and only that"
    twice = sum(count - 1 for count in Counter(sent).values())
    assert twice <= kills * 2, "the same score again only where a kill came between sending and noting it"


def test_who_lost_a_job_writes_nothing(of: Made) -> None:
    """A process that was asleep for longer than its lease, and goes on when another one has done the work."""
    placement, person = of.arrive()
    name = of.hand_in(placement, person, notebook(70))

    def taken_over(_: object) -> None:
        with of.engine.begin() as connection:
            connection.execute(update(jobs).values(claim="somebody else", beat=time.time()))

    of.shop.before = taken_over
    with of.crew(1):
        wait_for(lambda: bool(of.shop.done))
    assert (job(of, name).claim, earned(of)) == ("somebody else", [])
    with of.engine.connect() as connection:
        assert connection.execute(select(standings.c.submission)).scalars().all() == [""]


def test_a_long_grading_keeps_its_job(of: Made) -> None:
    placement, person = of.arrive()
    of.hand_in(placement, person, notebook(70))
    of.shop.hold.clear()
    with of.crew(1, lease_s=0.4), of.crew(1, lease_s=0.4):
        of.shop.started.wait()
        time.sleep(1.5)  # several leases long: the other crew looks for abandoned work all the time
        of.shop.hold.set()
        wait_for(lambda: not pending(of.engine, jobs))
    assert len(of.shop.done) == 1


def test_two_crews_do_each_job_once(of: Made) -> None:
    placement, _ = of.arrive()
    for n in range(40):
        _, person = of.arrive(f"u{n}")
        of.hand_in(placement, person, notebook(n))
    with of.crew(3), of.crew(3):
        wait_for(lambda: not pending(of.engine, jobs))
    assert len(of.shop.done) == len(set(of.shop.done)) == 40
    assert earned(of) == list(range(40))


def test_what_is_not_final_is_no_zero_and_is_tried_again(of: Made) -> None:
    placement, person = of.arrive()
    name = of.hand_in(placement, person, notebook(None))
    with of.crew(1, pauses_s=(3600.0,)):
        wait_for(lambda: job(of, name).tries == 1 and job(of, name).status == Status.WAITING)
        time.sleep(0.2)
    again = job(of, name)
    assert again.due > time.time() + 3000, "not at once"
    assert (again.tries, again.why, earned(of)) == (1, "sandbox lost <script>", [])
    of.deliver()
    assert not of.gradebook.scores


def test_after_some_tries_an_instructor_must_look_and_may_start_it_anew(of: Made) -> None:
    from grader.serve.attempts import grade_again

    placement, person = of.arrive()
    name = of.hand_in(placement, person, notebook(None))
    of.grade(tries=3)
    assert (len(of.shop.done), job(of, name).status) == (3, Status.STUCK)
    of.deliver()
    assert not of.gradebook.scores
    with of.engine.connect() as connection:
        kept = connection.execute(select(files.c.name)).scalars().all()
    assert "feedback.html" in kept, "what there is, for who looks"
    assert grade_again(of.engine, name)
    assert not grade_again(of.engine, name), "it waits already"
    of.shop.before = lambda task: of.shop.__setattr__("verdict", "inconclusive")
    of.grade(tries=3)
    assert (len(of.shop.done), job(of, name).status) == (4, Status.STUCK), "once more would say the same"


def test_a_notebook_that_kills_the_server_each_time_does_not_do_so_for_ever(of: Made) -> None:
    placement, person = of.arrive()
    name = of.hand_in(placement, person, notebook(70))
    with of.engine.begin() as connection:
        connection.execute(update(jobs).values(status=Status.WORKING, claim="dead", beat=0.0, tries=6))
    of.grade(tries=6)
    assert (job(of, name).status, of.shop.done) == (Status.STUCK, [])


def test_grading_again_replaces_and_a_fault_then_keeps_what_there_was(of: Made) -> None:
    from grader.serve.attempts import grade_again

    placement, person = of.arrive()
    name = of.hand_in(placement, person, notebook(70))
    of.grade()
    of.shop.perform = lambda task: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    grade_again(of.engine, name)
    of.grade(tries=2)
    assert earned(of) == [70]
    of.deliver()
    assert of.gradebook.last == {"5": 70}


def test_extra_credit_is_cut_to_what_is_possible(of: Made) -> None:
    placement, person = of.arrive()
    of.hand_in(placement, person, notebook(120))
    of.grade()
    assert earned(of) == [100]


def test_an_assignment_that_is_gone_is_no_zero(of: Made) -> None:
    placement, person = of.arrive()
    name = of.hand_in(placement, person, notebook(70))
    with Crew(of.engine, {}, 1, tries=1, drain_s=1):
        wait_for(lambda: not pending(of.engine, jobs))
    assert job(of, name).status == Status.STUCK
    assert "not offered" in job(of, name).why


def test_leaving_waits_for_what_is_being_graded(of: Made) -> None:
    placement, person = of.arrive()
    of.hand_in(placement, person, notebook(70))
    of.shop.before = lambda task: time.sleep(0.5)
    with of.crew(1):
        of.shop.started.wait()
    assert earned(of) == [70]


def test_leaving_in_the_middle_of_a_grading_is_no_try(of: Made) -> None:
    """The sandbox goes away under it: its outcome is not final, and that is not the notebook's doing."""
    placement, person = of.arrive()
    name = of.hand_in(placement, person, notebook(None))
    of.shop.hold.clear()
    with of.crew(1, drain_s=0.1):
        of.shop.started.wait()
    of.shop.hold.set()
    wait_for(lambda: job(of, name).status == Status.WAITING)
    assert job(of, name).tries == 0


def test_what_cannot_be_opened_stops_the_start(of: Made) -> None:
    class Broken:
        def open(self) -> None:
            raise FriendlyError("no sandbox here")

    offered = Offered("small", {}, 1.0, Broken())  # type: ignore[arg-type]
    with pytest.raises(FriendlyError, match="no sandbox"), Crew(of.engine, {"small": offered}, 1):
        pass


def test_a_beat_is_not_given_to_what_is_not_ours(of: Made) -> None:
    placement, person = of.arrive()
    name = of.hand_in(placement, person, notebook(70))
    leases = Leases(of.engine, jobs, jobs.c.submission, 0.2)
    with leases:
        claimed = leases.take(jobs.c.tries >= 0, {})
        assert claimed is not None
        with of.engine.begin() as connection:
            connection.execute(update(jobs).values(claim="other", beat=1.0))
        time.sleep(0.3)
        assert job(of, name).beat == 1.0
        assert not leases.put(claimed, {"status": Status.DONE})
