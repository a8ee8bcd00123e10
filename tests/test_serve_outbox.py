"""Scores that go out: only final ones, of the attempt that counts, again after trouble, never out of order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serve_made import COLUMN, POSTGRES, Made, database, databases, made, notebook, pending, wait_for
from sqlalchemy import select, update

from grader.serve.attempts import change_rules, send_again
from grader.serve.outbox import due_again
from grader.serve.records import Score, Sent, Taken
from grader.serve.store import Rules
from grader.serve.tables import Status, standings


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.skipif(
    not POSTGRES, reason="GRADER_TEST_DATABASE names no PostgreSQL"))])  # fmt: skip
def of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    url = databases(tmp_path)[0 if request.param == "sqlite" else 1]
    with database(url) as engine:
        yield made(engine, tmp_path)


def standing(of: Made) -> Any:
    with of.engine.connect() as connection:
        return connection.execute(select(standings)).one()


def graded(of: Made, *earned: float | None) -> tuple[int, int]:
    placement, person = of.arrive()
    for n, value in enumerate(earned):
        of.hand_in(placement, person, notebook(value, n))
        of.grade(tries=1)
    return placement, person


def test_a_final_grade_arrives_with_comment_and_time(of: Made) -> None:
    graded(of, 72.5)
    of.deliver()
    ((lineitem, score),) = of.gradebook.scores
    assert lineitem == COLUMN
    assert (score.user, score.earned, score.possible) == ("5", 72.5, 100)
    assert score.comment.startswith("Small <i>class</i>: 72.5 of 100 points")
    assert abs(score.submitted_at - time.time()) < 60
    of.deliver()
    assert len(of.gradebook.scores) == 1, "once is enough"
    assert (standing(of).status, standing(of).sent_earned) == (Status.DONE, 72.5)


def test_what_is_not_final_is_never_sent(of: Made) -> None:
    graded(of, None)
    of.deliver()
    assert not of.gradebook.scores


def test_a_worse_attempt_is_not_sent_where_the_best_counts(of: Made) -> None:
    graded(of, 80, 30)
    of.deliver()
    assert [score.earned for _, score in of.gradebook.scores] == [80]


def test_every_one_is_sent_where_the_latest_counts(of: Made) -> None:
    placement, person = of.arrive()
    change_rules(of.engine, placement, Rules("small", counts="latest"))
    for n, value in enumerate((80, 30)):
        of.hand_in(placement, person, notebook(value, n))
        of.grade()
        of.deliver()
    assert [score.earned for _, score in of.gradebook.scores] == [80, 30]


@pytest.mark.parametrize("trouble", [Sent(Taken.LATER, "503"), RuntimeError("a fault of ours")])
def test_it_is_tried_again_until_it_is_taken(of: Made, trouble: Sent | Exception) -> None:
    graded(of, 50)
    of.gradebook.answers = [trouble] * 3
    for _ in range(3):
        of.deliver()
        of.deliver()
    assert len(of.gradebook.scores) == 4
    assert (standing(of).status, standing(of).tries) == (Status.DONE, 4)


def test_the_platforms_own_pause_is_kept(of: Made) -> None:
    graded(of, 50)
    of.gradebook.answers = [Sent(Taken.LATER, "429 Too Many Requests", 120.0)]
    of.deliver()
    waits = standing(of)
    assert waits.status == Status.WAITING
    assert 100 < waits.due - time.time() <= 120
    assert waits.why == "429 Too Many Requests"


def test_pauses_grow_and_end_at_an_hour(of: Made) -> None:
    graded(of, 50)
    of.gradebook.answers = [Sent(Taken.LATER, "down") for _ in range(12)]
    sender, pauses = of.sender(first_pause_s=5.0), []
    for _ in range(12):
        sender.step()
        pauses.append(round(standing(of).due - time.time()))
        with of.engine.begin() as connection:
            connection.execute(update(standings).values(due=0.0))
    assert pauses[:4] == [5, 20, 80, 320]
    assert pauses[-1] == 3600


@pytest.mark.parametrize("answer", [Sent(Taken.REFUSED, "400 no such user"), Sent(Taken.STALE, "409 a later one")])
def test_what_is_refused_waits_for_a_person(of: Made, answer: Sent) -> None:
    placement, person = graded(of, 50)
    of.gradebook.answers = [answer]
    of.deliver()
    of.deliver()
    assert len(of.gradebook.scores) == 1
    assert (standing(of).status, standing(of).why) == (Status.STUCK, answer.why)
    assert send_again(of.engine, placement, person)
    of.deliver()
    assert standing(of).status == Status.DONE
    of.gradebook.answers = [answer]
    send_again(of.engine, placement, person)
    of.deliver()
    due_again(of.engine, placement)
    of.deliver()
    assert (len(of.gradebook.scores), standing(of).status) == (4, Status.DONE)


def test_nothing_to_send_is_not_sent_again(of: Made) -> None:
    placement, person = of.arrive()
    assert not send_again(of.engine, placement, person)
    due_again(of.engine, placement)
    of.deliver()
    assert not of.gradebook.scores


def test_a_link_without_a_column_keeps_its_grades_until_there_is_one(of: Made) -> None:
    placement, person = of.arrive(lineitem="")
    of.hand_in(placement, person, notebook(50))
    of.grade()
    of.deliver()
    assert not of.gradebook.scores
    of.arrive()
    of.deliver()
    assert of.gradebook.last == {"5": 50}


def test_a_platform_that_is_gone(of: Made) -> None:
    graded(of, 50)
    sender = of.sender()
    sender._platform = {}.get  # type: ignore[assignment]
    sender.step()
    assert (standing(of).status, of.gradebook.scores) == (Status.STUCK, [])


def test_a_better_result_during_sending_is_sent_after_it(of: Made) -> None:
    """Never two at a time for one person: the later one would be overtaken by a platform that is slow."""
    placement, person = graded(of, 40)
    under_way, most, wait = 0, 0, threading.Event()
    entered = threading.Event()

    def slow(score: Score) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        entered.set()
        wait.wait(10)
        under_way -= 1

    of.gradebook.before = slow
    with of.sender(threads=3):
        entered.wait()
        of.hand_in(placement, person, notebook(90))
        of.grade()
        assert standing(of).status == Status.WORKING
        time.sleep(0.3)
        wait.set()
        wait_for(lambda: not pending(of.engine, standings))
    assert [score.earned for _, score in of.gradebook.scores] == [40, 90]
    assert most == 1
    assert (standing(of).status, standing(of).sent_earned) == (Status.DONE, 90)


def test_trouble_with_an_old_score_does_not_hold_up_the_new_one(of: Made) -> None:
    placement, person = graded(of, 40)

    def better(score: Score) -> None:
        of.gradebook.before = lambda score: None
        of.hand_in(placement, person, notebook(90))
        of.grade()

    of.gradebook.before = better
    of.gradebook.answers = [Sent(Taken.LATER, "down", 3600.0)]
    of.deliver()
    assert [score.earned for _, score in of.gradebook.scores] == [40, 90]


def test_scores_of_a_dead_process_are_sent_by_the_next(of: Made) -> None:
    graded(of, 50)
    with of.engine.begin() as connection:
        connection.execute(update(standings).values(status=Status.WORKING, claim="dead", beat=time.time() - 5))
    with of.sender(lease_s=60.0):
        time.sleep(0.3)
        assert not of.gradebook.scores, "not dead yet"
    with of.sender(lease_s=1.0):
        wait_for(lambda: standing(of).status == Status.DONE)
    assert len(of.gradebook.scores) == 1
