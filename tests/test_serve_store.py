"""Handing in at the same moment, which attempt counts, and rules that hold whatever comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from serve_made import COLUMN, OTHER, POSTGRES, Made, database, databases, made, notebook, visit
from sqlalchemy import Engine, MetaData, func, inspect, select
from sqlalchemy.exc import DatabaseError, OperationalError

from grader.serve import attempts as attempts_module
from grader.serve.attempts import Refused, change_rules, left
from grader.serve.database import open_database
from grader.serve.records import Role
from grader.serve.store import Rules, arrive, attempts_of, placement_of, standing_of, turn
from grader.serve.tables import people, placements, submissions


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.skipif(
    not POSTGRES, reason="GRADER_TEST_DATABASE names no PostgreSQL"))])  # fmt: skip
def of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    url = databases(tmp_path)[0 if request.param == "sqlite" else 1]
    with database(url) as engine:
        yield made(engine, tmp_path)


def set_rules(of: Made, placement: int, **values: object) -> None:
    change_rules(of.engine, placement, Rules("small", **values))  # type: ignore[arg-type]


def at_once(count: int, work: Callable[[int], str]) -> tuple[list[str], list[Refused]]:
    """All of them at the same moment: what came out, and what was refused."""
    start = threading.Barrier(count)

    def one(number: int) -> str | Refused:
        start.wait()
        try:
            return work(number)
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(one, range(count)))
    return [f for f in found if isinstance(f, str)], [f for f in found if isinstance(f, Refused)]


def test_attempts_are_not_exceeded_by_posts_at_the_same_moment(of: Made) -> None:
    placement, person = of.arrive()
    set_rules(of, placement, attempts=3)
    taken, refused = at_once(12, lambda n: of.hand_in(placement, person, notebook(50, n)))
    assert (len(set(taken)), len(refused)) == (3, 9)
    assert {one.status for one in refused} == {403}
    with of.engine.connect() as connection:
        numbers = [one.number for one in attempts_of(connection, placement, person)]
    assert numbers == [3, 2, 1]


def test_the_cooldown_lets_one_of_many_in(of: Made) -> None:
    placement, person = of.arrive()
    set_rules(of, placement, cooldown_s=600)
    taken, refused = at_once(8, lambda n: of.hand_in(placement, person, notebook(50, n)))
    assert (len(taken), len(refused)) == (1, 7)
    assert all(one.status == 429 and 0 < one.retry_s <= 600 for one in refused)


def test_a_double_click_is_one_attempt(of: Made) -> None:
    placement, person = of.arrive()
    set_rules(of, placement, attempts=2)
    taken, refused = at_once(8, lambda n: of.hand_in(placement, person, notebook(50)))
    assert len(set(taken)) == 1
    assert not refused


def test_one_persons_attempts_are_nobody_elses(of: Made) -> None:
    placement, one = of.arrive("5")
    _, two = of.arrive("6")
    set_rules(of, placement, attempts=1)
    of.hand_in(placement, one, notebook(50))
    of.hand_in(placement, two, notebook(50))
    with pytest.raises(Refused, match="All of your"):
        of.hand_in(placement, one, notebook(60))


def test_many_launches_of_one_person_are_one_person(of: Made) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: of.arrive(), range(16)))
    assert len(found) == 1
    with of.engine.connect() as connection:
        counts = [connection.execute(select(func.count()).select_from(t)).scalar() for t in (people, placements)]
    assert counts == [1, 1]


@pytest.mark.parametrize(
    "other",
    [{"platform": OTHER}, {"deployment": "2"}, {"context": "course Y"}, {"link": "another"}],
    ids=lambda values: next(iter(values)),
)
def test_the_same_numbers_elsewhere_are_another_placement(of: Made, other: dict[str, object]) -> None:
    here, _ = of.arrive()
    there, _ = of.arrive(**other)
    assert here != there


def test_the_same_user_of_another_platform_is_somebody_else(of: Made) -> None:
    _, here = of.arrive("5")
    _, there = of.arrive("5", platform=OTHER)
    assert here != there


def test_the_deadline(of: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    placement, person = of.arrive()
    set_rules(of, placement, due=1000.0)
    monkeypatch.setattr(attempts_module, "now", lambda: 1000.0)
    of.hand_in(placement, person, notebook(50, "in time"))
    monkeypatch.setattr(attempts_module, "now", lambda: 1000.01)
    with pytest.raises(Refused, match="deadline") as refused:
        of.hand_in(placement, person, notebook(50, "late"))
    assert refused.value.status == 403
    set_rules(of, placement, due=1000.0, late=True)
    of.hand_in(placement, person, notebook(50, "late"))
    with of.engine.connect() as connection:
        assert [one.late for one in attempts_of(connection, placement, person)] == [True, False]


def test_what_we_could_not_grade_costs_no_attempt(of: Made) -> None:
    placement, person = of.arrive()
    set_rules(of, placement, attempts=1)
    of.hand_in(placement, person, notebook(None))
    with pytest.raises(Refused):
        of.hand_in(placement, person, notebook(50))
    of.grade(tries=1)
    of.hand_in(placement, person, notebook(50))


def test_too_many_ungraded_attempts(of: Made) -> None:
    placement, person = of.arrive()
    upload = attempts_module.Upload("my.ipynb", b"1", "en")
    attempts_module.hand_in(of.engine, placement, person, upload, 1)
    with pytest.raises(Refused, match="still being graded") as refused:
        attempts_module.hand_in(of.engine, placement, person, attempts_module.Upload("a.py", b"2", "en"), 1)
    assert refused.value.status == 429


@pytest.mark.parametrize(
    ("counts", "earned", "due"),
    [
        ("best", (40, 90, 60), (2, 90)),
        ("latest", (40, 90, 60), (3, 60)),
        ("best", (70, 70), (1, 70)),
        ("best", (0,), (1, 0)),
        ("latest", (50, None), (1, 50)),
        ("best", (None, 10), (2, 10)),
    ],
)
def test_which_attempt_counts(of: Made, counts: str, earned: tuple[float, ...], due: tuple[int, float]) -> None:
    placement, person = of.arrive()
    set_rules(of, placement, counts=counts)
    ids = [of.hand_in(placement, person, notebook(value, n)) for n, value in enumerate(earned)]
    of.grade(tries=1)
    with of.engine.connect() as connection:
        standing = standing_of(connection, placement, person)
    assert (standing.submission, standing.earned) == (ids[due[0] - 1], due[1])


def test_changing_what_counts_changes_what_is_sent(of: Made) -> None:
    placement, person = of.arrive()
    for value in (90, 60):
        of.hand_in(placement, person, notebook(value))
    of.grade()
    of.deliver()
    set_rules(of, placement, counts="latest")
    of.deliver()
    set_rules(of, placement, counts="latest", attempts=7)  # says nothing new
    of.deliver()
    assert [score.earned for _, score in of.gradebook.scores] == [90, 60]


def test_an_instructors_own_attempt_is_not_counted(of: Made) -> None:
    placement, person = of.arrive("3", Role.INSTRUCTOR)
    set_rules(of, placement, attempts=1)
    for n in range(3):
        of.hand_in(placement, person, notebook(50, n), trial=True)
    of.grade()
    of.deliver()
    assert not of.gradebook.scores
    with of.engine.connect() as connection:
        assert standing_of(connection, placement, person).submission == ""
        assert left(placement_of(connection, placement), attempts_of(connection, placement, person)) == 1


def test_a_launch_that_tells_less_erases_nothing(of: Made) -> None:
    placement, _ = of.arrive()
    of.arrive(lineitem="", title="", course="", members_url="")
    with of.engine.connect() as connection:
        known = placement_of(connection, placement)
    assert (known.lineitem, known.title, known.course) == (COLUMN, "Homework 1", "Deep Learning 101")


def test_only_offered_assignments_can_be_named_by_a_link(of: Made) -> None:
    placement, _ = arrive(of.engine, visit(custom={"assignment": "../secret"}), ("small",))
    with of.engine.connect() as connection:
        assert placement_of(connection, placement).assignment == ""


def test_the_assignment_is_fixed_once_somebody_handed_in(of: Made) -> None:
    placement, person = of.arrive()
    change_rules(of.engine, placement, Rules("second"))
    change_rules(of.engine, placement, Rules("small"))
    of.hand_in(placement, person, notebook(50))
    change_rules(of.engine, placement, Rules("second", attempts=2))
    with of.engine.connect() as connection:
        known = placement_of(connection, placement)
    assert (known.assignment, known.attempts) == ("small", 2)


def test_a_turn_is_one_at_a_time(of: Made) -> None:
    """What the counting above rests on: the second one waits until the first has committed."""
    placement, person = of.arrive()
    entered = threading.Event()

    def second() -> int:
        entered.set()
        with turn(of.engine, placement, person) as connection:
            return int(connection.execute(select(func.count()).select_from(submissions)).scalar_one())

    with ThreadPoolExecutor(1) as pool:
        with turn(of.engine, placement, person) as connection:
            found = pool.submit(second)
            entered.wait()
            row = {"id": "x", "placement": placement, "person": person, "number": 1, "filename": "", "sha256": ""}
            connection.execute(submissions.insert().values(**row, size=0, submitted=0.0))
        assert found.result() == 1


def test_a_table_that_another_process_makes_meanwhile_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several processes start on an empty database: between a look and a CREATE the table may be there."""
    make, calls = MetaData.create_all, []

    def late(self: MetaData, engine: Engine) -> None:
        calls.append(engine)
        if len(calls) <= 3:
            raise OperationalError("CREATE TABLE people", {}, Exception("table people already exists"))
        make(self, engine)

    monkeypatch.setattr(MetaData, "create_all", late)
    engine = open_database(f"sqlite:///{tmp_path / 'new.sqlite'}")
    assert "people" in inspect(engine).get_table_names()
    engine.dispose()


def test_a_database_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "not.sqlite").write_text("this is no database, but long enough to look like one " * 40)
    with pytest.raises(DatabaseError):
        open_database(f"sqlite:///{tmp_path / 'not.sqlite'}")
