"""Grades to a platform, rosters from it; the platform answers as a real Moodle does (tests/fake_platform.py)."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import jwt
import pytest
from fake_platform import FakePlatform, sample
from hypothesis import example, given
from hypothesis import strategies as st
from lti_tool import Tool, fresh_services, introduce
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from grader.serve import gradebook as module
from grader.serve import keys, outgoing, tokens
from grader.serve.gradebook import Gradebook, Unanswered, with_path, with_query
from grader.serve.outgoing import NotAllowed, Outgoing, Unreachable
from grader.serve.records import Platform, Score, Sent, Taken

COLUMN = "https://lms.example.edu/services/2/lineitems/6/lineitem"


@pytest.fixture
def platform(tool: Tool, lms: FakePlatform) -> Platform:
    return introduce(tool, lms)


@pytest.fixture
def gradebook(tool: Tool) -> Gradebook:
    return Gradebook(tool.services)


def score(user: str = "5", earned: float = 72.5, possible: float = 100.0, comment: str = "") -> Score:
    return Score(user, earned, possible, comment, 0.0)


# ---------------------------------------------------------------- scores


def test_a_score_arrives_with_its_comment(gradebook: Gradebook, platform: Platform, lms: FakePlatform) -> None:
    text = "합성곱 신경망: 3 / 4\n    <b>not markup</b> & =1+1\n"
    sent = gradebook.send_score(platform, lms.lineitem, score(comment=text))
    assert sent == Sent(Taken.DONE, "200 OK")
    assert lms.grades == {(lms.lineitem, "5"): 72.5}
    assert lms.comment("5") == "합성곱 신경망: 3 / 4\n    <b>not markup</b> & =1+1"
    [held] = gradebook.results(platform, lms.lineitem, "5")
    assert (held.user, held.score, held.maximum, held.comment) == ("5", 72.5, 100.0, lms.comment("5"))
    assert abs(held.at - time.time()) < 5


def test_other_scales_are_theirs_to_convert(gradebook: Gradebook, platform: Platform, lms: FakePlatform) -> None:
    gradebook.send_score(platform, lms.lineitem, score(earned=3, possible=4))
    assert lms.grades[lms.lineitem, "5"] == 75.0


def test_two_scores_in_one_second_are_both_taken(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    started = time.monotonic()
    for earned in (10, 20, 30):
        assert gradebook.send_score(platform, lms.lineitem, score(earned=earned)).taken is Taken.DONE
    assert time.monotonic() - started < 2  # nobody waited for the clock
    assert lms.grades[lms.lineitem, "5"] == 30
    assert lms.count("/results") == 0  # and nothing had to be mended


def test_dates_go_on_after_a_restart_and_for_each_cell(
    tool: Tool, gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    for _ in range(5):
        gradebook.send_score(platform, lms.lineitem, score())
    again = Gradebook(tool.services)
    assert again.send_score(platform, lms.lineitem, score(earned=1)).taken is Taken.DONE
    assert lms.count("/results") == 0
    stamps = tool.services.stamps
    first = stamps.next(platform, lms.lineitem, "5", 0)
    assert first > time.time() + 3
    assert stamps.next(platform, lms.lineitem, "6", 100.9) == 100
    assert stamps.next(platform, COLUMN, "5", 100.9) == 100
    assert stamps.next(platform, COLUMN, "5", 100.9) == 101
    assert stamps.next(platform, COLUMN, "5", 500.0) == 500


def test_no_date_is_given_twice_to_threads(tool: Tool, platform: Platform) -> None:
    with ThreadPoolExecutor(8) as pool:
        given_out = list(pool.map(lambda _: tool.services.stamps.next(platform, COLUMN, "5", 7), range(64)))
    assert sorted(given_out) == list(range(7, 71))


def test_a_later_date_over_there_is_overtaken_once(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    """As after another tool, or a clock that was a little ahead."""
    gradebook.send_score(platform, lms.lineitem, score(earned=10))
    lms.columns[lms.lineitem].held["5"].at += 100
    assert gradebook.send_score(platform, lms.lineitem, score(earned=20)).taken is Taken.DONE
    assert lms.grades[lms.lineitem, "5"] == 20
    posts = lms.count("/scores")
    assert gradebook.send_score(platform, lms.lineitem, score(earned=30)).taken is Taken.DONE
    assert lms.count("/scores") == posts + 1  # from now on we date later by ourselves


def test_a_date_far_in_the_future_is_left_alone(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    gradebook.send_score(platform, lms.lineitem, score(earned=10))
    lms.columns[lms.lineitem].held["5"].at += 86400
    sent = gradebook.send_score(platform, lms.lineitem, score(earned=20))
    assert sent.taken is Taken.STALE
    assert sent.why.startswith("409 Refusing score with an earlier timestamp")
    assert lms.grades[lms.lineitem, "5"] == 10


def test_a_conflict_that_cannot_be_explained_is_tried_once_more(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    lms.trouble("/scores", 409, times=9)
    lms.trouble("/results", 404, times=9)
    assert gradebook.send_score(platform, lms.lineitem, score()).taken is Taken.STALE
    assert lms.count("/scores") == 2


@pytest.mark.parametrize(
    ("earned", "possible", "grade"),
    [(120.0, 100.0, 100.0), (-3.0, 100.0, 0.0), (-0.0, 100.0, 0.0), (1 / 3, 1.0, 33.333)],
)
def test_what_is_sent_is_from_nothing_to_everything(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform, earned: float, possible: float, grade: float
) -> None:
    assert (
        gradebook.send_score(platform, lms.lineitem, score(earned=earned, possible=possible)).taken is Taken.DONE
    )
    assert lms.grades[lms.lineitem, "5"] == pytest.approx(grade, abs=1e-9)


@pytest.mark.parametrize(
    ("earned", "possible"),
    [(float("nan"), 1.0), (float("inf"), 1.0), (1.0, float("nan")), (1.0, 0.0), (0.0, 0.0), (1.0, -1.0)],
)
def test_what_is_no_grade_is_not_sent(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform, earned: float, possible: float
) -> None:
    assert (
        gradebook.send_score(platform, lms.lineitem, score(earned=earned, possible=possible)).taken
        is Taken.REFUSED
    )
    assert lms.log == []


@example(earned=-0.0, possible=1.0, text="\x1b[2J", stamp=0, submitted=0.0)
@given(
    earned=st.floats(allow_nan=False, allow_infinity=False),
    possible=st.floats(min_value=1e-3, max_value=1e6),
    text=st.text(),
    stamp=st.integers(0, 4_000_000_000),
    submitted=st.floats(0, 4e9),
)
def test_the_body_is_always_final_and_valid(
    earned: float, possible: float, text: str, stamp: int, submitted: float
) -> None:
    body = module._payload(Score("5", earned, possible, text, submitted), stamp)
    body = json.loads(json.dumps(body, ensure_ascii=False, allow_nan=False).encode())
    assert 0 <= body["scoreGiven"] <= possible * (1 + 1e-9) + 1e-5
    assert str(body["scoreGiven"])[0] != "-"
    assert (body["activityProgress"], body["gradingProgress"]) == ("Completed", "FullyGraded")
    assert body["timestamp"].endswith("Z")
    assert not set("\x1b\u202e\0") & set(body["comment"])


def test_the_reason_is_told_and_the_token_is_not(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform, tool: Tool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sent = gradebook.send_score(platform, lms.lineitem, score("3"))  # the teacher
    assert sent.taken is Taken.REFUSED
    assert sent.why == "400 Incorrect score received: the user cannot be graded"
    assert gradebook.send_score(platform, lms.lineitem, score("nobody")).taken is Taken.REFUSED
    lms.trouble("/token", 500)
    gradebook._tokens._tokens.clear()
    sent = gradebook.send_score(platform, lms.lineitem, score())
    said = caplog.text + sent.why
    assert "the user cannot be graded" in said
    [token] = lms.tokens
    assert token not in said
    assert "PRIVATE" not in said + repr(tool.services.keys.signing())
    assert "eyJ" not in said  # the beginning of every JWT


@pytest.mark.parametrize(
    ("status", "taken"),
    [(200, Taken.DONE), (201, Taken.DONE), (204, Taken.DONE), (302, Taken.REFUSED), (400, Taken.REFUSED),
     (401, Taken.LATER), (403, Taken.REFUSED), (404, Taken.REFUSED), (408, Taken.LATER), (410, Taken.REFUSED),
     (413, Taken.REFUSED), (422, Taken.REFUSED), (423, Taken.LATER), (429, Taken.LATER), (500, Taken.LATER),
     (502, Taken.LATER), (503, Taken.LATER), (0, Taken.LATER)],
)  # fmt: skip
def test_what_becomes_of_it(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform, status: int, taken: Taken
) -> None:
    lms.trouble("/scores", status, times=9, headers={"Location": f"{lms.url}/elsewhere"})
    sent = gradebook.send_score(platform, lms.lineitem, score())
    assert sent.taken is taken
    assert str(status or "RemoteDisconnected") in sent.why
    assert lms.count("/elsewhere") == 0


@pytest.mark.parametrize("status", [0, 400, 401, 404, 429, 500])
def test_without_a_token_it_is_tried_later(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform, status: int
) -> None:
    lms.trouble("/token", status)
    sent = gradebook.send_score(platform, lms.lineitem, score())
    assert (sent.taken, lms.count("/scores")) == (Taken.LATER, 0)
    assert "no access token" in sent.why
    if status != 429:
        assert gradebook.send_score(platform, lms.lineitem, score()).taken is Taken.DONE


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b"{}", b'{"access_token": 7}', b'{"access_token": "a\\nb"}', b"[" * 99_999]
)
def test_a_token_that_cannot_be_read(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform, body: bytes
) -> None:
    lms.trouble("/token", 201, body=body)
    assert gradebook.send_score(platform, lms.lineitem, score()).taken is Taken.LATER


@pytest.mark.parametrize(
    ("after", "least", "most"),
    [("7", 6, 7), ("0", 0, 1), ("soon", 0, 1), ("-5", 0, 1), ("", 0, 1), ("99999999", 3600, 3600), (None, 20, 31)],
)
def test_a_pause_that_is_asked_for_is_kept_by_everybody(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform, after: str | None, least: float, most: float
) -> None:
    header = formatdate(time.time() + 30, usegmt=True) if after is None else after
    lms.trouble("/scores", 429, headers={"Retry-After": header})
    sent = gradebook.send_score(platform, lms.lineitem, score())
    assert sent.taken is Taken.LATER
    assert least <= sent.retry_after_s <= most
    requests = len(lms.log)
    another = gradebook.send_score(platform, lms.lineitem, score("6"))
    assert another.taken is Taken.LATER
    assert 0 < another.retry_after_s <= max(most, 1)
    with pytest.raises(Unanswered, match="pause"):
        gradebook.members(platform, lms.members_url)
    assert len(lms.log) == requests


def test_a_pause_ends_and_is_of_one_platform(
    tool: Tool, gradebook: Gradebook, platform: Platform, lms: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    lms.trouble("/scores", 403, headers={"Retry-After": "60"}, body=b"403 Forbidden (Rate Limit Exceeded)")
    assert gradebook.send_score(platform, lms.lineitem, score()).taken is Taken.LATER
    other = introduce(tool, lms, "another-client")
    assert gradebook.send_score(other, lms.lineitem, score()).taken is Taken.DONE
    later = time.monotonic() + 61
    monkeypatch.setattr(module.time, "monotonic", lambda: later)
    assert gradebook.send_score(platform, lms.lineitem, score("6")).taken is Taken.DONE


# ---------------------------------------------------------------- tokens


def test_one_token_for_many_scores_and_a_new_one_when_it_is_not_taken(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    for user in ("5", "6", "7"):
        gradebook.send_score(platform, lms.lineitem, score(user))
    assert lms.count("/token") == 1
    lms.forget_tokens()
    assert gradebook.send_score(platform, lms.lineitem, score("8")).taken is Taken.DONE
    assert lms.count("/token") == 2
    assert gradebook.send_score(platform, lms.lineitem, score("9")).taken is Taken.DONE
    assert lms.count("/token") == 2


def test_two_registrations_at_one_issuer_never_share_a_token(
    tool: Tool, gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    other = introduce(tool, lms, "another-client")
    for each in (platform, other, platform, other):
        assert gradebook.send_score(each, lms.lineitem, score()).taken is Taken.DONE
    asked = [client for client, scopes in lms.tokens.values() if scopes == {*module.SCORE}]
    assert sorted(asked) == ["C2kfIx7X15nQehH", "another-client"]


def test_a_token_asks_for_what_is_needed_only(gradebook: Gradebook, platform: Platform, lms: FakePlatform) -> None:
    gradebook.send_score(platform, lms.lineitem, score())
    gradebook.results(platform, lms.lineitem)
    gradebook.members(platform, lms.members_url)
    assert [scopes for _, scopes in lms.tokens.values()] == [{*module.SCORE}, {*module.RESULTS}, {*module.ROSTER}]


def test_a_token_is_renewed_before_it_ends(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradebook.send_score(platform, lms.lineitem, score())
    start = time.monotonic()
    monkeypatch.setattr(tokens.time, "monotonic", lambda: start + 3600 - tokens.MARGIN_S - 5)
    gradebook.send_score(platform, lms.lineitem, score())
    assert lms.count("/token") == 1
    monkeypatch.setattr(tokens.time, "monotonic", lambda: start + 3600 - tokens.MARGIN_S + 5)
    gradebook.send_score(platform, lms.lineitem, score())
    assert lms.count("/token") == 2


def test_a_token_that_another_thread_got_meanwhile_is_kept(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    kept = gradebook._tokens
    first = kept.get(platform, module.SCORE)
    kept.drop(platform, module.SCORE, "an older one")
    assert kept.get(platform, module.SCORE) == first
    kept.drop(platform, module.SCORE, first)
    assert kept.get(platform, module.SCORE) != first


def test_the_assertion_says_who_we_are_to_that_platform_only(tool: Tool, platform: Platform) -> None:
    theirs = replace(platform, audience="https://lms.example.edu/oauth")
    for each, audience in ((platform, platform.token_url), (theirs, "https://lms.example.edu/oauth")):
        assertion = tokens.Tokens(tool.services)._assertion(each)
        [public] = tool.services.keys.jwks()["keys"]
        assert jwt.get_unverified_header(assertion) == {"alg": "RS256", "typ": "JWT", "kid": public["kid"]}
        claims = jwt.decode(assertion, jwt.PyJWK(public).key, algorithms=["RS256"], audience=audience)
        assert (claims["iss"], claims["sub"]) == (platform.client_id, platform.client_id)
        assert claims["exp"] - claims["iat"] <= 70


def test_many_threads_at_once(gradebook: Gradebook, platform: Platform, lms: FakePlatform) -> None:
    users = [user for user in lms.users if user not in ("3", "4")] * 3
    with ThreadPoolExecutor(6) as pool:
        sent = list(pool.map(lambda user: gradebook.send_score(platform, lms.lineitem, score(user)), users))
    # Two of one person may overtake each other; the later date wins, and nothing is lost without a word.
    assert {each.taken for each in sent} <= {Taken.DONE, Taken.STALE}
    assert {user for _, user in lms.grades} == set(users)


def test_our_key_is_made_once_and_an_old_one_stays_published(tmp_path: Path) -> None:
    own = fresh_services(tmp_path).keys
    with ThreadPoolExecutor(4) as pool:
        assert len({key.kid for key in pool.map(lambda _: own.signing(), range(8))}) == 1
    old = own.signing()
    new = own.renew()
    assert own.signing() == new != old
    assert [key["kid"] for key in own.jwks()["keys"]] == [old.kid, new.kid]
    assert all(set(key) == {"kty", "n", "e", "kid", "alg", "use"} for key in own.jwks()["keys"])  # nothing private


def test_our_key_is_for_us_alone(tmp_path: Path) -> None:
    services = fresh_services(tmp_path)
    key = services.keys.signing()
    again = insert(keys.lti_keys).values(id=2, kid=key.kid, private=key.private, made_at=0.0)
    with services.engine.begin() as connection, pytest.raises(IntegrityError) as caught:
        connection.execute(again)
    assert "PRIVATE" not in str(caught.value)  # errors are logged
    assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("serve.sqlite*")} == {0}


# ---------------------------------------------------------------- addresses


def test_endings_go_before_the_query() -> None:
    assert with_path(f"{COLUMN}?type_id=1", "/scores") == f"{COLUMN}/scores?type_id=1"
    assert with_path(COLUMN, "/scores") == f"{COLUMN}/scores"
    assert with_path(f"{COLUMN}/?a=b&c=d%20e", "/results") == f"{COLUMN}/results?a=b&c=d%20e"
    assert with_query(f"{COLUMN}?type_id=1", "user_id", "a&b=c") == f"{COLUMN}?type_id=1&user_id=a%26b%3Dc"
    assert with_query(f"{COLUMN}?rlid=old&x=", "rlid", "new") == f"{COLUMN}?x=&rlid=new"


@pytest.mark.parametrize(
    "column", ["http://lms.example.edu/lineitem", "file:///etc/passwd", "", "ftp://x/", "https://"]
)
def test_a_column_elsewhere_is_refused(gradebook: Gradebook, platform: Platform, column: str) -> None:
    assert gradebook.send_score(platform, column, score()).taken is Taken.REFUSED


def test_a_dead_platform_is_tried_later(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradebook.send_score(platform, lms.lineitem, score("6"))  # brings a token
    monkeypatch.setattr(outgoing, "READ_S", 0.3)
    lms.trouble("/scores", 200, delay_s=1.5)
    sent = gradebook.send_score(platform, lms.lineitem, score())
    assert sent.taken is Taken.LATER
    assert "no answer in time" in sent.why
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    sent = gradebook.send_score(platform, f"http://127.0.0.1:{port}/lineitem", score())
    assert sent.taken is Taken.LATER
    assert "ConnectionRefusedError" in sent.why


# ---------------------------------------------------------------- reading


def test_the_roster_comes_in_pages_and_gives_nobody_a_permission(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    lms.members_per_page = 3
    members = gradebook.members(platform, lms.members_url, link="1")
    assert [member.user for member in members] == [each["user_id"] for each in sample("nrps-members.json")]
    assert lms.count("/memberships") == 4
    assert lms.count("rlid=1") == 4
    assistant = next(member for member in members if member.user == "4")
    assert (assistant.name, assistant.roles, assistant.active) == ("Tao Assistant", ("Learner",), True)  # the trap
    assert next(member for member in members if member.user == "8").name == "小龙 李"


def test_links_to_other_pages_than_the_next_are_not_followed(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    others = f'<{lms.members_url}?from=0>; rel="first", <{lms.members_url}?from=9>; rel="last prev", nonsense'
    lms.trouble("/memberships", 201, headers={"Link": others}, body=b'{"members": [{"user_id": "5"}]}')
    assert len(gradebook.members(platform, lms.members_url)) == 1
    assert lms.count("/memberships") == 1


def test_the_token_follows_no_page_to_another_site(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    with FakePlatform(host="localhost") as other:
        for link in (f'<{other.url}/x>; rel="next"', f"<{other.url}/x>; rel=next; title=x"):
            lms.trouble("/memberships", 201, headers={"Link": link}, body=b'{"members": []}')
            with pytest.raises(Unanswered, match="another site"):
                gradebook.members(platform, lms.members_url)
        assert other.log == []


def test_pages_that_never_end(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    lms.trouble(
        "/memberships", 201, times=9, headers={"Link": f'<{lms.members_url}>; rel="next"'}, body=b'{"members": []}'
    )
    with pytest.raises(Unanswered, match="twice"):
        gradebook.members(platform, lms.members_url)
    assert lms.count("/memberships") == 1
    monkeypatch.setattr(module, "MOST_PAGES", 2)
    lms.troubles.clear()
    lms.members_per_page = 1
    with pytest.raises(Unanswered, match="more than 2 pages"):
        gradebook.members(platform, lms.members_url)


@pytest.mark.parametrize("body", [b"", b"7", b"[]", b"{}", b'{"members": 7}', b"[" * 99_999, b"\xff"])
def test_a_roster_that_cannot_be_read(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform, body: bytes
) -> None:
    lms.trouble("/memberships", 201, body=body)
    with pytest.raises(Unanswered):
        gradebook.members(platform, lms.members_url)


def test_odd_entries_do_not_stop_the_others(gradebook: Gradebook, platform: Platform, lms: FakePlatform) -> None:
    members = [
        *(7, {}, {"user_id": ""}, {"user_id": True}, {"user_id": 12}),
        {"user_id": "a", "name": 7, "roles": [1, "Learner"]},
        {"user_id": "b", "given_name": "Ada\x1b[1m", "status": "Inactive", "email": None},
    ]
    lms.trouble("/memberships", 201, body=json.dumps({"members": members}).encode())
    read = gradebook.members(platform, lms.members_url)
    assert [(each.user, each.name, each.roles, each.active) for each in read] == [
        ("12", "", (), True),
        ("a", "7", ("Learner",), True),
        ("b", "Ada", (), False),
    ]
    results = [
        {"userId": "a", "resultScore": "x", "timestamp": 7},
        {"userId": "b", "resultScore": "7", "timestamp": "2026-12-01T10:00:00"},
        {"resultScore": 1},
        {"userId": "c", "resultScore": 1e400, "timestamp": "0001-01-01T00:00:00+14:00"},
    ]
    lms.trouble("/results", 201, body=json.dumps(results).encode())
    held = gradebook.results(platform, lms.lineitem)
    assert [(each.user, each.score) for each in held] == [("a", None), ("b", 7.0), ("c", None)]
    assert held[1].at == 1796119200.0


def test_results_that_cannot_be_read_do_not_stop_a_score(
    gradebook: Gradebook, platform: Platform, lms: FakePlatform
) -> None:
    lms.trouble("/scores", 409)
    lms.trouble("/results", 201, body=b"{}")
    assert gradebook.send_score(platform, lms.lineitem, score()).taken is Taken.DONE


# ---------------------------------------------------------------- the way out


@pytest.mark.parametrize(
    "url",
    ["http://lms.example.edu/", "http://10.0.0.1/", "ftp://lms.example.edu/", "file:///etc/passwd",
     "//lms.example.edu/", "https://user:pass@lms.example.edu/", "https://lms.example.edu/#x", "https://lms.example.edu\\@evil.example/",
     "https://lms.example.edu/\r\nX: y", "https://lms.example.edu/a b", "https://lms.example.edu:99999/", "https:///x",
     "https://[::1", 'https://x"><b>/', "https://x/<script>",
     "https://lms.example.edu/\ud800", "https://x/" + "y" * 3000, "http://localhost.evil.example/"],
)  # fmt: skip
@pytest.mark.parametrize("development", [False, True])
def test_addresses_that_are_never_asked(url: str, development: bool) -> None:
    with pytest.raises(NotAllowed):
        Outgoing(development).check(url)


def test_this_very_machine_is_asked_in_development_only(lms: FakePlatform) -> None:
    assert Outgoing(development=True).send("GET", f"{lms.url}/certs").ok
    with pytest.raises(NotAllowed):
        Outgoing().send("GET", f"{lms.url}/certs")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0.0.0.0"])
def test_names_that_lead_to_this_machine_are_hung_up_on(host: str) -> None:
    """By the address that was really connected to, before a byte is sent."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            connected, _ = server.accept()
            connected.settimeout(5)
            heard.append(connected.recv(100))
            connected.close()

        thread = threading.Thread(target=listen)
        thread.start()
        with pytest.raises(Unreachable, match="leads to this machine"):
            Outgoing().send("GET", f"https://{host}:{server.getsockname()[1]}/")
        thread.join()
    assert heard == [b""]


@pytest.mark.parametrize(
    ("address", "fine"),
    [("93.184.216.34", True), ("10.1.2.3", True), ("192.168.0.1", True), ("2606:2800:220:1::1", True),
     ("127.0.0.1", False), ("127.9.9.9", False), ("::1", False), ("::ffff:127.0.0.1", False),
     ("::ffff:10.1.2.3", True), ("169.254.169.254", False), ("fe80::1%eth0", False), ("0.0.0.0", False),
     ("::", False), ("224.0.0.1", False), ("255.255.255.255", False)],
)  # fmt: skip
def test_which_addresses_are_inner(address: str, fine: bool) -> None:
    assert outgoing.allowed(address) is fine


def test_answers_are_bounded_in_size_and_time(lms: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Outgoing(development=True)
    monkeypatch.setattr(outgoing, "MOST_BYTES", 1000)
    lms.trouble("/certs", 201, body=b"x" * 1001)
    with pytest.raises(Unreachable, match="more than 1000 bytes"):
        out.send("GET", f"{lms.url}/certs")
    monkeypatch.setattr(outgoing, "TOTAL_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_drip, args=(server,), daemon=True).start()
        started = time.monotonic()
        with pytest.raises(Unreachable, match="no answer in time"):
            out.send("GET", f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert time.monotonic() - started < 3


def _drip(server: socket.socket) -> None:
    """A byte now and then, for ever: each one comes in time."""
    connected, _ = server.accept()
    connected.recv(1000)
    connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        try:
            connected.sendall(b"x")
        except OSError:
            return
        time.sleep(0.1)


def test_a_netrc_of_the_user_is_not_sent(
    lms: FakePlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: Tool
) -> None:
    """requests puts it in place of our token by itself."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login root password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    platform = introduce(tool, lms)
    assert Gradebook(tool.services).send_score(platform, lms.lineitem, score()).taken is Taken.DONE
