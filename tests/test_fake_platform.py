"""The platform that the LTI tests use, against what a real Moodle 4.5 was seen to answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import fake_gradebook
import jwt
import pytest
import requests
from fake_gradebook import Column, Refused
from fake_platform import FakePlatform, key_pair

GOOD = {
    "userId": "5", "scoreGiven": 72.5, "scoreMaximum": 100,
    "comment": "KD loss: 3 of 4 tests <b>passed</b>\nline 2", "timestamp": "2026-11-21T17:58:30Z",
    "activityProgress": "Completed", "gradingProgress": "FullyGraded",
}  # fmt: skip
GRADABLE = {"5", "6"}


@pytest.fixture
def column() -> Column:
    return Column("Autograded lab", 100.0)


def take(column: Column, drop: str = "", **changed: Any) -> None:
    score = {name: value for name, value in (GOOD | changed).items() if name != drop}
    fake_gradebook.take(column, json.dumps(score).encode(), GRADABLE)


def refused(column: Column, status: int, **changed: Any) -> str:
    with pytest.raises(Refused) as caught:
        take(column, **changed)
    assert caught.value.status == status
    return caught.value.reason


def test_a_good_score_is_kept_with_its_comment_as_it_is(column: Column) -> None:
    take(column)
    assert column.held["5"].grade == 72.5
    assert column.held["5"].comment == GOOD["comment"]
    [result] = fake_gradebook.results(column, "http://x", "5")
    assert (result["resultScore"], result["resultMaximum"]) == (72.5, 100.0)
    assert result["timestamp"] == "2026-11-21T17:58:30+00:00"
    assert fake_gradebook.results(column, "http://x", "6") == []


@pytest.mark.parametrize("at", ["2026-11-21T17:58:30Z", "2026-11-21T17:58:30.900000Z", "2026-11-21T17:58:29Z"])
def test_within_the_same_second_is_not_later(column: Column, at: str) -> None:
    take(column)
    assert "earlier timestamp" in refused(column, 409, timestamp=at)
    take(column, timestamp="2026-11-21T17:58:31Z", scoreGiven=50)
    assert column.held["5"].grade == 50


def test_a_date_in_the_future_shuts_out_honest_ones(column: Column) -> None:
    take(column, timestamp="2027-11-21T17:58:30Z")
    refused(column, 409, timestamp="2026-11-21T18:58:30Z")


def test_a_date_without_a_zone_is_taken(column: Column) -> None:
    take(column, timestamp="2026-11-21T17:58:30")
    refused(column, 409, timestamp="2026-11-21T17:58:30Z")


@pytest.mark.parametrize(
    "changed",
    [{"drop": "scoreMaximum"}, {"scoreGiven": "abc"}, {"drop": "timestamp"}, {"timestamp": "yesterday"},
     {"timestamp": 1795283831}, {"userId": "3"}, {"userId": "nobody"}, {"drop": "gradingProgress"}],
)  # fmt: skip
def test_what_is_refused_with_400(column: Column, changed: dict[str, Any]) -> None:
    assert "Incorrect score" in refused(column, 400, **changed)
    assert column.held == {}


@pytest.mark.parametrize(
    ("changed", "grade"),
    [({"scoreGiven": "61.5"}, 61.5), ({"extra": [1]}, 72.5),
     ({"timestamp": "2026-11-21T17:58:30.123456789Z"}, 72.5),
     ({"scoreGiven": 5, "scoreMaximum": 4}, 100.0), ({"scoreGiven": 3, "scoreMaximum": 4}, 75.0)],
)  # fmt: skip
def test_what_is_taken(column: Column, changed: dict[str, Any], grade: float) -> None:
    take(column, **changed)
    assert column.held["5"].grade == grade


@pytest.mark.parametrize("progress", ["Pending", "PendingManual", "Failed", "NotReady"])
def test_a_score_that_is_not_final_erases_the_grade(column: Column, progress: str) -> None:
    take(column)
    take(column, gradingProgress=progress, timestamp="2026-11-21T17:58:40Z")
    assert column.held["5"].grade is None


def test_a_comment_of_seventy_thousand_characters(column: Column) -> None:
    take(column, comment="ㄱ" * 70_000)
    assert len(column.held["5"].comment) == 70_000


# ---------------------------------------------------------------- over HTTP


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    with FakePlatform() as running:
        running.register("http://127.0.0.1:9")
        running.tokens["good"] = ("C2kfIx7X15nQehH", {f"https://purl.imsglobal.org/spec/lti-{name}" for name in (
            "ags/scope/score", "ags/scope/result.readonly", "nrps/scope/contextmembership.readonly")})  # fmt: skip
        yield running


def post(platform: FakePlatform, url: str, token: str = "good", **changed: Any) -> requests.Response:
    return requests.post(url, json=GOOD | changed, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def test_scores_go_before_the_query_and_need_a_token(platform: FakePlatform) -> None:
    scores = platform.lineitem.replace("/lineitem?", "/lineitem/scores?")
    answer = post(platform, scores)
    assert (answer.status_code, answer.content) == (200, b"")
    assert post(platform, platform.lineitem + "/scores").status_code in (401, 404)
    assert post(platform, scores.partition("?")[0]).status_code == 404
    assert post(platform, scores, token="bad").status_code == 401
    again = post(platform, scores)
    assert (again.status_code, again.content) == (409, b"[]")
    assert again.reason == "Refusing score with an earlier timestamp for item and user"
    wrong = post(platform, scores, scoreGiven="abc")
    assert wrong.status_code == 400
    assert '"scoreGiven": "abc"' in wrong.reason  # the reason repeats what was sent


def test_names_and_roles_call_the_assistant_a_learner_and_come_in_pages(platform: FakePlatform) -> None:
    platform.members_per_page = 4
    headers = {"Authorization": "Bearer good"}
    url, found = platform.members_url, []
    while url:
        answer = requests.get(url, headers=headers, timeout=10)
        found += answer.json()["members"]
        url = answer.links.get("next", {}).get("url", "")
    assert len(found) == 11
    assert next(each for each in found if each["user_id"] == "4")["roles"] == ["Learner"]
    assert platform.claims(platform.tools["C2kfIx7X15nQehH"], ticket("4", "ta"), "n")["sub"] == "4"


def ticket(user: str, role: str) -> Any:
    from fake_platform import Ticket

    return Ticket(user, role)


def test_a_login_with_a_used_hint_or_another_redirect_is_refused(platform: FakePlatform) -> None:
    hint = platform.start_url("5").partition("lti_message_hint=")[2].partition("&")[0]
    fields = {
        "scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none",
        "state": "s", "nonce": "n", "client_id": "C2kfIx7X15nQehH", "redirect_uri": "http://127.0.0.1:9/lti/launch",
        "login_hint": "5", "lti_message_hint": hint,
    }  # fmt: skip
    good = requests.get(f"{platform.url}/auth", params=fields, timeout=10)
    assert 'name="id_token"' in good.text
    assert 'name="error"' in requests.get(f"{platform.url}/auth", params=fields, timeout=10).text
    elsewhere = fields | {"redirect_uri": "http://evil.example/"}
    assert requests.get(f"{platform.url}/auth", params=elsewhere, timeout=10).status_code == 400


def test_a_token_needs_an_assertion_that_the_tool_signed(platform: FakePlatform) -> None:
    forged = jwt.encode({"iss": "C2kfIx7X15nQehH"}, key_pair("attacker"), algorithm="RS256", headers={"kid": "x"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests, "get", lambda *_, **__: _Keys())
        answer = requests.post(
            f"{platform.url}/token",
            data={"grant_type": "client_credentials", "client_assertion": forged},
            timeout=10,
        )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


class _Keys:
    def json(self) -> Any:
        return {"keys": []}
