"""What learners read and get: each state of an attempt, limits, both languages, and pages that anybody can use."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from serve_made import URL, Made, database, made, notebook, wait_for
from sqlalchemy import select, update
from test_serve_security import upload

from grader.serve.attempts import change_rules, grade_again
from grader.serve.records import Sent, Taken
from grader.serve.store import Rules
from grader.serve.tables import Status, jobs, submissions


@pytest.fixture
def of(tmp_path: Path) -> Iterator[Made]:
    with database(f"sqlite:///{tmp_path / 'serve.sqlite'}") as engine:
        yield made(engine, tmp_path, timezone="Asia/Seoul")


def get(client: FlaskClient, path: str) -> str:
    answer = client.get(path, base_url=URL)
    assert answer.status_code == 200, path
    return answer.text


def words(text: str) -> str:
    """What is to be read on a page, without what only Korean and English spaces differ in."""
    return " ".join(re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", text, flags=re.DOTALL).split())


def attempt(of: Made, client: FlaskClient, placement: int, earned: float | None) -> str:
    answer = upload(client, placement, notebook(earned, time.time()))
    assert answer.status_code == 303
    return str(answer.headers["Location"])


# ---------------------------------------------------------------- the way of one attempt


def test_from_the_launch_to_the_gradebook(of: Made) -> None:
    client, placement = of.client()
    first = words(get(client, f"/p/{placement}/"))
    assert "Deep Learning 101" in first
    assert "as many as you like" in first
    assert "the best attempt, up to 100 points" in first
    address = attempt(of, client, placement, 72.5)
    waiting = get(client, address)
    assert "Waiting for its turn; yours is next." in words(waiting)
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in waiting
    of.grade()
    graded = get(client, address)
    assert "72.5 of 100 points" in words(graded)
    assert "On its way to the gradebook." in words(graded)
    assert "refresh" in graded, "until it is there"
    of.deliver()
    there = get(client, address)
    assert "In the gradebook since" in words(there)
    assert "refresh" not in there
    assert "data-state" not in there
    home = words(get(client, f"/p/{placement}/"))
    assert "72.5 of 100 points" in home
    assert "Attempt 1 counts: the best one." in home
    assert get(client, f"{address}/feedback").count("<h1>en 72.5</h1>") == 1


def test_each_state_says_what_it_is(of: Made) -> None:
    client, placement = of.client()
    address = attempt(of, client, placement, None)
    state = f"{address}/state"

    def now() -> dict[str, object]:
        found = client.get(state, base_url=URL).json
        assert isinstance(found, dict)
        return found

    assert now() == {"key": "waiting--", "told": "Waiting for its turn; yours is next.", "settled": False}
    of.shop.hold.clear()
    with of.crew(1, pauses_s=(3600.0,)):
        of.shop.started.wait()
        wait_for(lambda: now()["told"] == "Being graded now.")
        of.shop.hold.set()
        wait_for(lambda: "tried again by itself" in str(now()["told"]))
    assert now()["settled"] is False
    assert "↻" in get(client, f"/p/{placement}/")
    with of.engine.begin() as connection:
        connection.execute(update(jobs).values(status=Status.STUCK))
    assert now()["settled"] is True
    page = words(get(client, address))
    assert "your instructors have to look at it" in page
    assert "sandbox lost" not in page, "that is for instructors"
    assert "0 of 100" not in page
    assert "–" in words(get(client, f"/p/{placement}/")), "no number where there is none"


def test_how_many_are_before(of: Made) -> None:
    for n in range(3):
        other, placement = of.client(f"u{n}")
        attempt(of, other, placement, 50)
    client, placement = of.client()
    assert "Waiting: 3 before yours." in words(get(client, attempt(of, client, placement, 50)))


def test_a_grade_that_the_gradebook_refused(of: Made) -> None:
    client, placement = of.client()
    address = attempt(of, client, placement, 50)
    of.grade()
    of.gradebook.answers = [Sent(Taken.REFUSED, "400 secret reason")]
    of.deliver()
    page = words(get(client, address))
    assert "The gradebook did not take the grade" in page
    assert "secret reason" not in page
    of.client(lineitem="")


def test_a_result_stays_while_it_is_graded_again(of: Made) -> None:
    client, placement = of.client()
    address = attempt(of, client, placement, 50)
    of.grade()
    grade_again(of.engine, address.rpartition("/")[2])
    page = words(get(client, address))
    assert "50 of 100 points" in page
    assert "Waiting for its turn" in page
    assert client.get(f"{address}/feedback", base_url=URL).status_code == 200


# ---------------------------------------------------------------- limits


def test_limits_are_told_before_and_after(of: Made) -> None:
    client, placement = of.client()
    change_rules(of.engine, placement, Rules("small", attempts=2, cooldown_s=3600, due=time.time() + 86400))
    text = words(get(client, f"/p/{placement}/"))
    assert "2 of 2 left, one every 60 min" in text
    assert re.search(r"Deadline \d{4}-\d\d-\d\d \d\d:\d\d KST", text)
    attempt(of, client, placement, 50)
    answer = upload(client, placement, notebook(60))
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 3500
    assert "The next attempt is possible in 60 min." in words(answer.text)
    change_rules(of.engine, placement, Rules("small", attempts=1))
    closed = get(client, f"/p/{placement}/")
    assert "All of your attempts are used: 1." in closed
    assert "<form" not in closed
    change_rules(of.engine, placement, Rules("small", due=time.time() - 1))
    assert "The deadline has passed: nothing more is taken here." in get(client, f"/p/{placement}/")
    change_rules(of.engine, placement, Rules("small", due=time.time() - 1, late=True))
    assert "this will be marked as late" in get(client, f"/p/{placement}/")
    assert "late" in words(get(client, attempt(of, client, placement, 50)))


def test_a_refused_post_leaves_its_page_usable(of: Made) -> None:
    client, placement = of.client()
    change_rules(of.engine, placement, Rules("small", attempts=5))
    answer = upload(client, placement, b"PK\x03\x04")
    assert "5 of 5 left" in words(answer.text)
    assert "<form" in answer.text


def test_without_an_assignment_nothing_can_be_handed_in(of: Made) -> None:
    client, placement = of.client(link="unset")
    change_rules(of.engine, placement, Rules(""))
    assert "have not chosen an assignment" in get(client, f"/p/{placement}/")
    with of.engine.begin() as connection:  # its session's form is from before
        from grader.serve.tables import sessions

        csrf = connection.execute(select(sessions.c.csrf)).scalar_one()
    answer = upload(client, placement, notebook(50), csrf=csrf)
    assert answer.status_code == 403


def test_an_instructor_tries_it_out(of: Made) -> None:
    client, placement = of.client("3", "instructor")
    change_rules(of.engine, placement, Rules("small", attempts=1, due=1.0))
    for n in range(2):
        assert upload(client, placement, notebook(50, n)).status_code == 303
    text = words(get(client, f"/p/{placement}/"))
    assert "graded, but not counted and not sent" in text
    assert "tried out" in text


# ---------------------------------------------------------------- for everybody


class Seen(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def every_page(of: Made, lang: str) -> dict[str, str]:
    """Each page in each state that it has, in this language."""
    learner, placement = of.client("5", locale=lang)
    staff, _ = of.client("3", "instructor", locale=lang)
    change_rules(of.engine, placement, Rules("small", attempts=9, cooldown_s=0, due=time.time() + 900, late=True))
    pages = {"empty home": get(learner, f"/p/{placement}/"), "empty class": get(staff, f"/p/{placement}/class")}
    graded = attempt(of, learner, placement, 72.5)
    pages["waiting"] = get(learner, graded)
    of.grade()
    stuck = attempt(of, learner, placement, None)
    of.grade(tries=1)
    with of.engine.connect() as connection:
        person = connection.execute(select(submissions.c.person)).scalars().first()
    pages |= {
        "home": get(learner, f"/p/{placement}/"),
        "graded": get(learner, graded),
        "stuck": get(learner, stuck),
    }
    for name in ("class", "class?roster=1", "settings", "settings?saved=1", f"person/{person}"):
        pages[name] = get(staff, f"/p/{placement}/{name}")
    pages["graded for staff"], pages["stuck for staff"] = get(staff, graded), get(staff, stuck)
    pages["refused"] = upload(learner, placement, b"PK\x03\x04").text
    pages["stranger"] = of.app.test_client().get("/nothing", headers={"Accept-Language": lang}, base_url=URL).text
    return pages


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_page_can_be_used_by_everybody(of: Made, lang: str) -> None:
    for name, text in every_page(of, lang).items():
        seen = Seen(text)
        assert seen.all("html")[0]["lang"] == lang, name
        assert len(seen.all("h1")) == 1, name
        assert len(seen.all("main")) == 1, name
        assert any(link.get("class") == "skip" for link in seen.all("a")), name
        ids = [attrs["id"] for _, attrs in seen.tags if "id" in attrs]
        assert len(ids) == len(set(ids)), name
        labels = {label.get("for") for label in seen.all("label")}
        for field in seen.all("input") + seen.all("select"):
            assert field.get("type") == "hidden" or field.get("id") in labels, (name, field)
        for _, attrs in seen.tags:
            for pointing in ("aria-labelledby", "aria-describedby"):
                assert set((attrs.get(pointing) or "").split()) <= set(ids), (name, attrs)
        assert all(cell.get("scope") for cell in seen.all("th")), name
        assert all(frame.get("title") for frame in seen.all("iframe")), name
        assert all(form.get("action") for form in seen.all("form")), name
        for form in re.findall(r"<form.*?</form>", text, flags=re.DOTALL):
            assert 'name="csrf"' in form, name
        for mark in re.findall(r'<span class="mark[^>]*>[^<]*</span>([^<]*)', text):
            assert mark.strip(), f"{name}: a sign without words"


ENGLISH = re.compile(
    r"\b(the|your|attempt|graded|hand|points|class|settings|gradebook|save|feedback)\b", re.IGNORECASE
)
SAME = ("Small <i>class</i>", "my.ipynb", "First <b>part</b>", "sandbox lost <script>")


def test_korean_pages_are_korean(of: Made) -> None:
    import html

    for name, text in every_page(of, "ko").items():
        plain = html.unescape(words(text))
        for same in SAME:
            plain = plain.replace(same, "")
        assert re.search(r"[가-힣]", plain), name
        left = ENGLISH.findall(plain)
        assert not left, (name, left, plain)


def test_the_language_comes_from_the_course_then_from_the_browser(of: Made) -> None:
    for locale, accepts, due in (
        ("ko-KR", "en", "ko"),
        ("ko", "", "ko"),
        ("", "ko,en;q=0.5", "ko"),
        ("de", "ko", "en"),
    ):
        client = of.app.test_client()
        form = {"user": "5", "role": "learner", "locale": locale}
        answer = client.post("/lti/launch", data=form, headers={"Accept-Language": accepts}, base_url=URL)
        page = get(client, answer.headers["Location"])
        assert f'<html lang="{due}">' in page, (locale, accepts)


def test_the_report_speaks_the_learners_language(of: Made) -> None:
    client, placement = of.client(locale="ko")
    address = attempt(of, client, placement, 70)
    of.grade()
    assert "<h1>ko 70.0</h1>" in get(client, f"{address}/feedback")
    of.deliver()
    ((_, score),) = of.gradebook.scores
    assert score.comment.startswith("작은 수업")
