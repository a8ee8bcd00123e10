"""Sessions, forms, headers, uploads: what a stranger, a learner or another course may not do."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import request
from flask.testing import FlaskClient
from serve_made import URL, Made, database, launch, made, notebook
from sqlalchemy import select, update

from grader.serve.security import Rate, origin
from grader.serve.settings import MB, Limits
from grader.serve.tables import audit, sessions, submissions


@pytest.fixture
def of(tmp_path: Path) -> Iterator[Made]:
    with database(f"sqlite:///{tmp_path / 'serve.sqlite'}") as engine:
        yield made(engine, tmp_path)


def token(client: FlaskClient, placement: int, page: str = "") -> str:
    shown = client.get(f"/p/{placement}/{page}", base_url=URL).text
    found = re.search(r'name="csrf" value="([^"]+)"', shown)
    assert found
    return found[1]


def upload(client: FlaskClient, placement: int, data: bytes, name: str = "my.ipynb", **form: str):  # type: ignore[no-untyped-def]
    form = form or {"csrf": token(client, placement)}
    sent = {**form, "notebook": (io.BytesIO(data), name)}
    return client.post(f"/p/{placement}/hand-in", data=sent, base_url=URL)


def cookie(client: FlaskClient, placement: int) -> str:
    found = client.get_cookie(f"__Host-grader-{placement}", domain="grader.example.edu")
    assert found
    return found.value


def handed_in(of: Made, client: FlaskClient, placement: int, earned: float | None = 70) -> str:
    answer = upload(client, placement, notebook(earned, id(client)))
    assert answer.status_code == 303, answer.text
    of.grade(tries=1)
    return str(answer.headers["Location"].rpartition("/")[2])


# ---------------------------------------------------------------- sessions


def test_every_launch_begins_a_new_session_and_ends_the_old_one(of: Made) -> None:
    client, placement = of.client()
    first = cookie(client, placement)
    launch(client, "5")
    second = cookie(client, placement)
    assert first != second
    client.set_cookie(f"__Host-grader-{placement}", first, domain="grader.example.edu")
    assert client.get(f"/p/{placement}/", base_url=URL).status_code == 404


def test_a_session_id_that_was_planted_is_never_used(of: Made) -> None:
    _, placement = of.client("6")
    client = of.app.test_client()
    client.set_cookie(f"__Host-grader-{placement}", "planted", domain="grader.example.edu")
    launch(client, "5")
    assert cookie(client, placement) != "planted"
    thief = of.app.test_client()
    thief.set_cookie(f"__Host-grader-{placement}", "planted", domain="grader.example.edu")
    assert thief.get(f"/p/{placement}/", base_url=URL).status_code == 404


def test_an_id_in_an_address_a_form_or_a_header_is_no_session(of: Made) -> None:
    client, placement = of.client()
    name = f"__Host-grader-{placement}"
    stranger, own = of.app.test_client(), cookie(client, placement)
    for path in (
        f"/p/{placement}/?{name}={own}",
        f"/p/{placement}/?session={own}",
        f"/p/{placement}/;{name}={own}",
    ):
        assert stranger.get(path, base_url=URL).status_code == 404
    told = {"Authorization": f"Bearer {own}", "X-Session": own}
    assert stranger.get(f"/p/{placement}/", headers=told, base_url=URL).status_code == 404
    answer = stranger.post(f"/p/{placement}/hand-in", data={name: own, "session": own}, base_url=URL)
    assert answer.status_code == 404


def test_the_database_holds_no_session_id(of: Made) -> None:
    client, placement = of.client()
    with of.engine.connect() as connection:
        kept = connection.execute(select(sessions)).all()
    assert cookie(client, placement) not in repr(kept)


def test_a_session_is_good_for_its_own_placement_only(of: Made) -> None:
    client, here = of.client("3", "instructor")
    _, there = of.client("6", context="another course")
    assert here != there
    stolen = cookie(client, here)
    client.set_cookie(f"__Host-grader-{there}", stolen, domain="grader.example.edu")
    assert client.get(f"/p/{there}/", base_url=URL).status_code == 404
    assert client.get(f"/p/{there}/class", base_url=URL).status_code == 404
    assert client.get(f"/p/{here}/class", base_url=URL).status_code == 200


def test_a_session_ends(of: Made) -> None:
    client, placement = of.client()
    with of.engine.begin() as connection:
        connection.execute(update(sessions).values(expires=1.0))
    answer = client.get(f"/p/{placement}/", base_url=URL)
    assert answer.status_code == 404
    assert "Open the assignment from your course again" in answer.text


def test_two_courses_side_by_side(of: Made) -> None:
    client, here = of.client()
    there = launch(client, "5", context="another course")
    assert [client.get(f"/p/{n}/", base_url=URL).status_code for n in (here, there)] == [200, 200]


def test_the_cookie(of: Made, tmp_path: Path) -> None:
    client = of.app.test_client()
    answer = client.post("/lti/launch", data={"user": "5", "role": "learner"}, base_url=URL)
    (told,) = answer.headers.getlist("Set-Cookie")
    attributes = {part.strip() for part in told.split(";")[1:]}
    assert told.startswith("__Host-grader-1=")
    assert attributes == {"HttpOnly", "Secure", "SameSite=None", "Partitioned", "Path=/"}
    with database(f"sqlite:///{tmp_path / 'plain.sqlite'}") as engine:
        plain = made(engine, tmp_path)
        object.__setattr__(plain.settings, "url", "http://localhost:8080")
        answer = plain.app.test_client().post("/lti/launch", data={"user": "5", "role": "learner"})
        (told,) = answer.headers.getlist("Set-Cookie")
    assert told.startswith("grader-1=")
    assert {part.strip() for part in told.split(";")[1:]} == {"HttpOnly", "SameSite=Lax", "Path=/"}


# ---------------------------------------------------------------- forms


def posts(of: Made) -> list[str]:
    """Every address that takes a POST, but for those that platforms use."""
    rules = [rule for rule in of.app.url_map.iter_rules() if rule.methods and "POST" in rule.methods]
    return sorted(rule.rule for rule in rules if not rule.endpoint.startswith("lti."))


def filled(rule: str, placement: int, submission: str, person: int) -> str:
    values = {"<int:placement>": str(placement), "<submission>": submission, "<int:person>": str(person)}
    for name, value in values.items():
        rule = rule.replace(name, value)
    assert "<" not in rule
    return rule


def test_no_form_works_without_this_sessions_token(of: Made) -> None:
    learner, placement = of.client("5")
    submission = handed_in(of, learner, placement)
    staff, _ = of.client("3", "instructor")
    with of.engine.connect() as connection:
        person = connection.execute(select(submissions.c.person)).scalar_one()
    foreign = token(learner, placement)
    assert len(posts(of)) == 5
    before = len(of.shop.done)
    for rule in posts(of):
        path = filled(rule, placement, submission, person)
        for form in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": "é"}):
            answer = staff.post(path, data={**form, "counts": "best", "assignment": "small"}, base_url=URL)
            assert answer.status_code == 403, (path, form)
        own = {"csrf": token(staff, placement), "counts": "best", "assignment": "small"}
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            answer = staff.post(path, data=own, headers=headers, base_url=URL)
            assert answer.status_code == 403, (path, headers)
        good = staff.post(path, data=own, headers={"Origin": URL, "Sec-Fetch-Site": "same-origin"}, base_url=URL)
        assert good.status_code in (303, 415), (path, good.status_code)  # 415: an upload without its file
    of.grade()
    assert len(of.shop.done) == before + 1, "graded again once: by the good form alone"


# ---------------------------------------------------------------- whose is it


ROUTES = ("", "/state", "/feedback", "/notebook")


@pytest.mark.parametrize("route", ROUTES)
def test_another_learner_sees_nothing_of_it(of: Made, route: str) -> None:
    one, placement = of.client("5")
    other, _ = of.client("6")
    submission = handed_in(of, one, placement)
    path = f"/p/{placement}/a/{submission}{route}"
    assert one.get(path, base_url=URL).status_code == 200
    answer = other.get(path, base_url=URL)
    assert answer.status_code == 404
    assert "my.ipynb" not in answer.text
    assert of.app.test_client().get(path, base_url=URL).status_code == 404


@pytest.mark.parametrize("where", [{"context": "another course"}, {"link": "another link"}, {"platform": "2"}])
@pytest.mark.parametrize("route", ROUTES)
def test_an_instructor_elsewhere_sees_nothing_of_it(of: Made, route: str, where: dict[str, str]) -> None:
    one, here = of.client("5")
    submission = handed_in(of, one, here)
    staff, there = of.client("3", "instructor", **where)
    assert here != there
    for placement in (here, there):
        assert staff.get(f"/p/{placement}/a/{submission}{route}", base_url=URL).status_code == 404
    again = staff.post(f"/p/{there}/a/{submission}/again", data={"csrf": token(staff, there)}, base_url=URL)
    assert again.status_code == 404
    with of.engine.connect() as connection:
        person = connection.execute(select(submissions.c.person)).scalar_one()
    assert staff.get(f"/p/{there}/person/{person}", base_url=URL).status_code == 404
    assert "Name 5" not in staff.get(f"/p/{there}/class", base_url=URL).text


@pytest.mark.parametrize("path", ["class", "class?roster=1", "settings", "person/1"])
def test_a_learner_finds_no_page_of_instructors(of: Made, path: str) -> None:
    client, placement = of.client("5")
    assert client.get(f"/p/{placement}/{path}", base_url=URL).status_code == 404
    assert "Settings" not in client.get(f"/p/{placement}/", base_url=URL).text


@pytest.mark.parametrize(
    "path", ["p/99999999999999999999/", "p/1/a/%00", "p/1/a/" + "x" * 5000, "p/-1/", "p/1/a/..%2f"]
)
def test_addresses_that_no_database_knows(of: Made, path: str) -> None:
    client, _ = of.client()
    client.set_cookie("__Host-grader-99999999999999999999", "x", domain="grader.example.edu")
    assert client.get(f"/{path}", base_url=URL).status_code == 404


def test_a_learner_cannot_do_what_instructors_do(of: Made) -> None:
    client, placement = of.client("5")
    submission = handed_in(of, client, placement)
    csrf = token(client, placement)
    for rule in posts(of):
        if not rule.endswith("hand-in"):
            path = filled(rule, placement, submission, 1)
            assert client.post(path, data={"csrf": csrf}, base_url=URL).status_code == 404, path


def test_who_is_no_instructor_any_more_is_none_after_the_next_launch(of: Made) -> None:
    client, placement = of.client("3", "instructor")
    assert client.get(f"/p/{placement}/class", base_url=URL).status_code == 200
    launch(client, "3", "learner")
    assert client.get(f"/p/{placement}/class", base_url=URL).status_code == 404


def test_an_instructor_of_this_placement_sees_it_and_that_is_noted(of: Made) -> None:
    one, placement = of.client("5")
    submission = handed_in(of, one, placement)
    staff, _ = of.client("3", "instructor")
    for route in ROUTES:
        assert staff.get(f"/p/{placement}/a/{submission}{route}", base_url=URL).status_code == 200
    with of.engine.connect() as connection:
        noted = connection.execute(select(audit.c.what)).scalars().all()
    assert noted == ["notebook read"]


def test_what_is_not_final_has_no_feedback_for_its_learner(of: Made) -> None:
    one, placement = of.client("5")
    submission = handed_in(of, one, placement, None)
    staff, _ = of.client("3", "instructor")
    path = f"/p/{placement}/a/{submission}/feedback"
    assert one.get(path, base_url=URL).status_code == 404
    assert staff.get(path, base_url=URL).status_code == 200


# ---------------------------------------------------------------- uploads


def bad_uploads() -> dict[str, tuple[bytes, str, int]]:
    deep = b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    many = b'{"cells": [' + b"[]," * 3_000_100 + b"[]]}"
    return {
        "too big": (b"x = 1\n" + b"#" * (10 * MB), "my.py", 413),
        "zip": (b"PK\x03\x04" + b"\0" * 100, "my.ipynb", 415),
        "zip by its name": (b"PK\x03\x04", "my.zip", 415),
        "gzip": (b"\x1f\x8b\x08" + b"\0" * 100, "my.ipynb", 415),
        "pdf": (b"%PDF-1.7", "my.ipynb", 415),
        "no notebook": (b'{"a": 1}', "my.ipynb", 415),
        "cut": (b'{"cells": [{"cell_ty', "my.ipynb", 415),
        "empty": (b"", "my.ipynb", 415),
        "deep": (deep, "my.ipynb", 415),
        "millions of parts": (many, "my.ipynb", 415),
        "not UTF-8": (b"\xff\xfe\x00", "my.py", 415),
        "another suffix": (notebook(50), "my.html", 415),
        "no name": (b"x", "", 415),
        "a path": (b"x", "../../etc/passwd", 415),
    }


@pytest.mark.parametrize("kind", bad_uploads())
def test_an_upload_that_is_none_says_what_to_do(of: Made, kind: str) -> None:
    data, name, status = bad_uploads()[kind]
    client, placement = of.client()
    answer = upload(client, placement, data, name)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert "Not taken." in answer.text
    if kind == "too big":
        assert "larger than 10 MB" in answer.text
    with of.engine.connect() as connection:
        assert not connection.execute(select(submissions.c.id)).all(), "no attempt is used"
    assert upload(client, placement, notebook(50)).status_code == 303


def test_exactly_the_limit_is_taken(of: Made) -> None:
    client, placement = of.client()
    source = b"x = 1\n"
    assert upload(client, placement, source + b"#" * (10 * MB - len(source)), "my.py").status_code == 303
    assert upload(client, placement, source + b"#" * (10 * MB - len(source) + 1), "my.py").status_code == 413


def test_a_body_far_too_large_is_not_read(of: Made) -> None:
    client, placement = of.client()
    form = token(client, placement)
    answer = upload(client, placement, b"#" * (11 * MB), "my.py", csrf=form)
    assert answer.status_code == 413
    assert "larger than 10 MB" in answer.text


class Endless(io.RawIOBase):
    """A body that counts what is read of it."""

    count = at = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, at: int, whence: int = 0) -> int:
        self.at = at if whence == io.SEEK_SET else 50 * MB
        return self.at

    def readinto(self, buffer: Any) -> int:
        if not self.count:
            head = b'--x\r\nContent-Disposition: form-data; name="notebook"; filename="a.py"\r\n\r\n'
            buffer[: len(head)] = head
        self.count += len(buffer)
        return len(buffer)


def test_a_body_that_says_it_is_far_too_large_is_not_even_begun(of: Made) -> None:
    client, placement = of.client()
    body = Endless()
    answer = client.post(
        f"/p/{placement}/hand-in",
        input_stream=body,
        content_type="multipart/form-data; boundary=x",
        base_url=URL,
    )
    assert answer.status_code == 413
    assert body.count < MB


def test_a_form_of_thousands_of_parts_is_not_read(of: Made) -> None:
    client, placement = of.client()
    form = {"csrf": token(client, placement), **{f"f{n}": "x" for n in range(2000)}}
    answer = upload(client, placement, notebook(50), **form)
    assert answer.status_code == 413


def test_200_uploads_in_a_minute(tmp_path: Path) -> None:
    with database(f"sqlite:///{tmp_path / 'serve.sqlite'}") as engine:
        of = made(engine, tmp_path, limits=Limits(uploads_per_minute=10, waiting=100))
        client, placement = of.client("5")
        csrf = token(client, placement)
        answers = [upload(client, placement, notebook(50, n), csrf=csrf) for n in range(200)]
        assert [a.status_code for a in answers] == [303] * 10 + [429] * 190
        assert all(0 < int(a.headers["Retry-After"]) <= 60 for a in answers[10:])
        assert "Too many uploads. Wait" in answers[-1].text
        another, _ = of.client("6")
        assert upload(another, placement, notebook(50)).status_code == 303, "others are not held up"


def test_the_rate_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    import grader.serve.security as module

    clock = [0.0]
    monkeypatch.setattr(module, "now", lambda: clock[0])
    rate = Rate(2, 60.0)
    assert [rate.wait_s("a") for _ in range(3)] == [0, 0, 61]
    clock[0] = 60.5
    assert [rate.wait_s("a") for _ in range(3)] == [0, 0, 61]
    for n in range(20_000):
        rate.wait_s(n)
        clock[0] += 1
    assert len(rate._seen) <= 10_001


# ---------------------------------------------------------------- headers and text


def test_headers_of_every_kind_of_page(of: Made) -> None:
    client, placement = of.client("3", "instructor", return_url="https://school.example.edu/back?x=1")
    submission = handed_in(of, client, placement)
    paths = [
        "",
        "class",
        "settings",
        f"a/{submission}",
        f"a/{submission}/state",
        f"a/{submission}/feedback",
        "nothing",
    ]
    for path in paths:
        answer = client.get(f"/p/{placement}/{path}", base_url=URL)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy or path.endswith("feedback")
        assert "unsafe" not in policy or path.endswith("feedback")
        frames = policy.partition("frame-ancestors ")[2].split(";")[0].split()
        known = {"'self'", "https://lms.example.edu", "https://other.example.edu"}
        assert set(frames) == known | ({"https://school.example.edu"} if path != "nothing" else set())
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Strict-Transport-Security"]
        assert "X-Frame-Options" not in answer.headers
        assert "<style" not in answer.text or path.endswith("feedback")
        assert not re.search(r"<script(?! src=)|\son\w+=|style=", answer.text) or path.endswith("feedback")


def test_the_report_is_in_a_sandbox(of: Made) -> None:
    client, placement = of.client()
    submission = handed_in(of, client, placement)
    answer = client.get(f"/p/{placement}/a/{submission}/feedback", base_url=URL)
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert policy[:2] == ["sandbox", "default-src 'none'"]
    assert not any(part.startswith("script-src") or "allow-" in part for part in policy)
    assert answer.content_type == "text/html; charset=utf-8"
    shown = client.get(f"/p/{placement}/a/{submission}", base_url=URL).text
    (frame,) = re.findall(r"<iframe[^>]*>", shown)
    assert "allow-scripts" not in frame
    assert "allow-same-origin" not in frame
    assert "sandbox=" in frame


def test_a_notebook_is_only_ever_downloaded(of: Made) -> None:
    client, placement = of.client()
    answer = upload(client, placement, notebook(50), "<script>alert(1)<b>.ipynb")
    submission = answer.headers["Location"].rpartition("/")[2]
    got = client.get(f"/p/{placement}/a/{submission}/notebook", base_url=URL)
    assert got.content_type == "application/octet-stream"
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.data == notebook(50)


def test_names_and_titles_are_only_text(of: Made) -> None:
    bad = "<img src=x onerror=alert(1)>\"'&"
    learner, placement = of.client("5", name=bad, title=bad)
    upload(learner, placement, notebook(50), "<img src=x onerror=alert(1)>.ipynb")
    of.grade()
    staff, _ = of.client("3", "instructor", name=bad, title=bad)
    with of.engine.connect() as connection:
        one = connection.execute(select(submissions)).one()
    for path in ("", "class", "settings", f"a/{one.id}", f"person/{one.person}"):
        text = staff.get(f"/p/{placement}/{path}", base_url=URL).text
        assert "<img" not in text
        assert "<i>class" not in text
        assert "<b>part" not in text
    assert "&lt;img" in staff.get(f"/p/{placement}/class", base_url=URL).text


def test_a_javascript_address_to_go_back_to_is_not_shown(of: Made) -> None:
    client, placement = of.client(return_url="javascript:alert(1)")
    assert "javascript:" not in client.get(f"/p/{placement}/", base_url=URL).text
    client, placement = of.client(return_url="https://school.example.edu/back")
    assert 'href="https://school.example.edu/back"' in client.get(f"/p/{placement}/", base_url=URL).text


@pytest.mark.parametrize(
    ("url", "due"),
    [
        ("https://a.example/x?y", "https://a.example"),
        ("https://user:pw@a.example/x", "https://a.example"),
        ("http://127.0.0.1:8091/x", "http://127.0.0.1:8091"),
        ("https://a.example; script-src *", ""),
        ("https://*/x", ""),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("", ""),
    ],
)
def test_what_can_stand_in_a_policy(url: str, due: str) -> None:
    assert origin(url) == due


def test_the_host_header_changes_no_address(of: Made) -> None:
    of.app.add_url_rule("/where", "where", lambda: request.url)
    assert of.app.test_client().get("/where", base_url="https://evil.example").text == f"{URL}/where"
