"""What instructors read and do: the class, rules, sending again, grading again, who is missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from serve_made import URL, Made, database, launch, made
from sqlalchemy import select, update
from test_serve_pages import attempt, get, words
from test_serve_security import token

from grader.serve.records import Member, Sent, Taken
from grader.serve.store import placement_of
from grader.serve.tables import audit, placements
from grader.types import FriendlyError

LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
TEACHER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"


@pytest.fixture
def of(tmp_path: Path) -> Iterator[Made]:
    with database(f"sqlite:///{tmp_path / 'serve.sqlite'}") as engine:
        yield made(engine, tmp_path, timezone="Asia/Seoul")


def post(client: FlaskClient, placement: int, path: str, status: int = 303, **form: str) -> str:
    told = {"csrf": token(client, placement, "settings"), **form}
    answer = client.post(f"/p/{placement}/{path}", data=told, base_url=URL)
    assert answer.status_code == status, answer.text
    return answer.text


def noted(of: Made) -> list[str]:
    with of.engine.connect() as connection:
        return list(connection.execute(select(audit.c.what)).scalars().all())


def test_the_class(of: Made) -> None:
    staff, placement = of.client("3", "instructor")
    for user, earned in (("5", 90), ("6", None), ("7", 40)):
        client, _ = of.client(user)
        attempt(of, client, placement, earned)
    of.client("8")
    of.grade(tries=1)
    of.gradebook.answers = [Sent(Taken.DONE), Sent(Taken.REFUSED, "400 Unknown user")]
    of.deliver()
    text = words(get(staff, f"/p/{placement}/class"))
    for told in ("Name 5 1", "90 / 100 ✓ 20", "not graded yet – –", "✗ not taken 400 Unknown user",
                 "Name 8 0 nothing yet", "have handed in 3", "have a grade 2", "need a look 2"):  # fmt: skip
        assert told in text, told
    assert "Name 3" not in text, "who teaches is not in the class"
    post(staff, placement, "send")
    of.deliver()
    assert "400" not in words(get(staff, f"/p/{placement}/class"))


def test_one_person(of: Made) -> None:
    staff, placement = of.client("3", "instructor")
    client, _ = of.client("5")
    address = attempt(of, client, placement, 90)
    of.grade()
    of.gradebook.answers = [Sent(Taken.STALE, "409 a later one")]
    of.deliver()
    person = 2
    text = words(get(staff, f"/p/{placement}/person/{person}"))
    assert "90 of 100 points" in text
    assert "What the learning system says: 409 a later one" in text
    post(staff, placement, f"person/{person}/send")
    of.deliver()
    assert "In the gradebook since" in words(get(staff, f"/p/{placement}/person/{person}"))
    post(staff, placement, f"a/{address.rpartition('/')[2]}/again")
    of.grade()
    assert len(of.shop.done) == 2
    assert noted(of) == ["sent again", "graded again"]
    assert client.get(f"/p/{placement}/person/999", base_url=URL).status_code == 404
    assert staff.get(f"/p/{placement}/person/999", base_url=URL).status_code == 404


def test_what_is_stuck_says_why_and_shows_the_report(of: Made) -> None:
    staff, placement = of.client("3", "instructor")
    client, _ = of.client("5")
    address = attempt(of, client, placement, None)
    of.grade(tries=1)
    page = get(staff, address)
    assert "Why it was not graded: sandbox lost &lt;script&gt;" in " ".join(page.split())
    assert "<iframe" in page
    assert "Grade it again" in page
    assert "<iframe" not in get(client, address)


def test_the_rules(of: Made) -> None:
    staff, placement = of.client("3", "instructor")
    post(staff, placement, "settings", assignment="second", attempts="3", cooldown="15", due="2027-03-01T23:59",
         late="1", counts="latest")  # fmt: skip
    with of.engine.connect() as connection:
        rules = placement_of(connection, placement)
    due = datetime(2027, 3, 1, 23, 59, tzinfo=ZoneInfo("Asia/Seoul")).timestamp()
    assert (rules.assignment, rules.attempts, rules.cooldown_s, rules.due, rules.late, rules.counts) == (
        "second", 3, 900, due, True, "latest",
    )  # fmt: skip
    text = get(staff, f"/p/{placement}/settings?saved=1")
    assert 'value="2027-03-01T23:59"' in text
    assert "Time zone: Asia/Seoul" in text
    assert "Saved." in text
    assert noted(of) == ["settings"]
    post(staff, placement, "settings", attempts="", cooldown="", due="", counts="best")
    with of.engine.connect() as connection:
        rules = placement_of(connection, placement)
    assert (rules.assignment, rules.attempts, rules.cooldown_s, rules.due, rules.late) == (
        "second",
        0,
        0,
        None,
        False,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": "-1"}, {"attempts": "x"}, {"attempts": "1001"}, {"attempts": "²"}, {"attempts": "9" * 5000},
        {"cooldown": "1.5"}, {"cooldown": "10081"}, {"due": "tomorrow"}, {"due": "99999-01-01T00:00"},
        {"counts": "worst"}, {"counts": ""}, {"assignment": "../x"},
    ],
    ids=str,
)  # fmt: skip
def test_rules_that_cannot_be_meant_change_nothing(of: Made, wrong: dict[str, str]) -> None:
    staff, placement = of.client("3", "instructor")
    with of.engine.connect() as connection:
        before = connection.execute(select(placements)).one()
    text = post(staff, placement, "settings", 400, **{"counts": "best", "attempts": "2", **wrong})
    assert "Nothing was changed." in text
    with of.engine.connect() as connection:
        assert connection.execute(select(placements)).one() == before
    assert not noted(of)


def test_a_link_without_assignment_leads_to_choosing_one(of: Made) -> None:
    staff, placement = of.client("3", "instructor")
    from grader.serve.attempts import change_rules
    from grader.serve.store import Rules

    change_rules(of.engine, placement, Rules(""))
    assert "No assignment is chosen for this link yet." in get(staff, f"/p/{placement}/class")
    assert "– choose –" in get(staff, f"/p/{placement}/settings")
    post(staff, placement, "settings", assignment="small", counts="best")
    assert "No assignment is chosen" not in get(staff, f"/p/{placement}/class")


def test_who_has_not_handed_in(of: Made) -> None:
    """A teaching assistant whom the system lists as a learner is not missing: they launched as an instructor."""
    staff, placement = of.client("3", "instructor")
    launch(of.app.test_client(), "4", "instructor")
    client, _ = of.client("5")
    attempt(of, client, placement, 50)
    of.client("6")
    of.gradebook.members_there = [
        Member("3", "The Teacher", roles=(TEACHER,)),
        Member("4", "The Assistant", roles=(LEARNER,)),
        Member("5", "Handed In", roles=(LEARNER,)),
        Member("6", "Only Looked", roles=(LEARNER,)),
        Member("7", "Never Came <b>", roles=(LEARNER,)),
        Member("8", "Has Left", roles=(LEARNER,), active=False),
        Member("9", "", "nine@example.test", roles=("Learner",)),
        Member("10", "John Smith", "one@example.test", roles=("Learner",)),
        Member("11", "John Smith", "two@example.test", roles=("Learner",)),
    ]
    text = get(staff, f"/p/{placement}/class?roster=1")
    found = text[text.index('id="missing"') :]
    assert [name in found for name in ("Teacher", "Assistant", "Handed In", "Has Left")] == [False] * 4
    assert [name in found for name in ("Only Looked", "Never Came &lt;b&gt;", "nine@example.test")] == [True] * 3
    assert "John Smith (one@example.test)" in found
    assert "Only Looked" not in get(staff, f"/p/{placement}/class"), "asked for only when somebody wants to know"


def test_a_roster_that_cannot_be_had_says_why(of: Made) -> None:
    staff, placement = of.client("3", "instructor")

    def members(*_: object) -> list[Member]:
        raise FriendlyError("the platform answers 503")

    object.__setattr__(of.desk, "members", members)
    assert "the platform answers 503" in get(staff, f"/p/{placement}/class?roster=1")
    with of.engine.begin() as connection:
        connection.execute(update(placements).values(members_url=""))
    assert "does not tell who is in the course" in get(staff, f"/p/{placement}/class?roster=1")


def test_a_link_without_a_column_says_how_to_get_one(of: Made) -> None:
    staff, placement = of.client("3", "instructor")
    with of.engine.begin() as connection:
        connection.execute(update(placements).values(lineitem=""))
    assert "This link has no column in the gradebook" in get(staff, f"/p/{placement}/class")
