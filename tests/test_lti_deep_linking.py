"""An instructor places an assignment in a course: the answer is signed, and only instructors get one."""

from __future__ import annotations

import html
import re
import time
from typing import Any

import jwt
import pytest
import requests
from fake_platform import DL, LTI, MEMBERSHIP, FakePlatform, parse_form
from lti_tool import OFFERS, Tool, introduce

from grader.serve.records import Platform
from grader.serve.refusals import REFUSALS

MESSAGE = "LtiDeepLinkingRequest"


@pytest.fixture
def platform(tool: Tool, lms: FakePlatform) -> Platform:
    return introduce(tool, lms)


def settings(lms: FakePlatform, **changed: Any) -> dict[str, Any]:
    good = lms.claims(lms.tools["C2kfIx7X15nQehH"], ticket("3", "teacher"), "n")[f"{DL}deep_linking_settings"]
    return {f"{DL}deep_linking_settings": {k: v for k, v in (good | changed).items() if v is not ...}}


def ticket(user: str, role: str) -> Any:
    from fake_platform import Ticket

    return Ticket(user, role, message=MESSAGE)


def answers(text: str, lms: FakePlatform) -> list[dict[str, Any]]:
    """What the page would carry to the platform, checked as a platform would."""
    tool = lms.tools["C2kfIx7X15nQehH"]
    return [
        lms.by_tool(tool, html.unescape(found), lms.url)
        for found in re.findall(r'name="JWT" value="([^"]*)"', text)
    ]


def test_each_assignment_has_its_signed_answer(tool: Tool, lms: FakePlatform, platform: Platform) -> None:
    page = lms.launch("3", tool.url, message=MESSAGE)
    assert page.status_code == 200
    assert tool.visits == []
    assert html.escape(OFFERS[1].title) in page.text
    assert "<b>신경망" not in page.text
    made = answers(page.text, lms)
    for offer, answer in zip(OFFERS, made, strict=True):
        [item] = answer[f"{DL}content_items"]
        assert item == {
            "type": "ltiResourceLink",
            "title": offer.title,
            "url": f"{tool.url}/lti/launch",
            "custom": {"assignment": offer.slug},
            "lineItem": {"scoreMaximum": offer.possible, "label": offer.title, "resourceId": offer.slug},
            "window": {"targetName": "grader"},
        }
        assert answer["iss"] == platform.client_id
        assert answer["aud"] == [platform.issuer]
        assert answer["exp"] - time.time() > 3000  # a person chooses
        assert answer[f"{LTI}message_type"] == "LtiDeepLinkingResponse"
        assert answer[f"{DL}data"] == "kept for you"
    assert len({answer["nonce"] for answer in made}) == len(OFFERS)


def test_the_platform_takes_the_answer_and_the_link_comes_back(
    tool: Tool, lms: FakePlatform, platform: Platform
) -> None:
    page = lms.launch("3", tool.url, message=MESSAGE)
    action, form = parse_form(page.text)
    assert action == f"{lms.url}/deep-link-return"
    assert 'id="placed"' in requests.post(action, data=form, timeout=10).text
    [item] = lms.answers[0][f"{DL}content_items"]
    lms.launch("5", tool.url, claims={f"{LTI}custom": item["custom"]})
    assert tool.visits[0].custom == {"assignment": OFFERS[0].slug}


def test_the_page_may_send_to_that_platform_only(tool: Tool, lms: FakePlatform, platform: Platform) -> None:
    policy = lms.launch("3", tool.url, message=MESSAGE).headers["Content-Security-Policy"]
    assert f"form-action {lms.url};" in policy
    assert policy.endswith(f"frame-ancestors {lms.url}")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize("roles", [[f"{MEMBERSHIP}Learner"], [], [f"{MEMBERSHIP}ContentDeveloper"]])
def test_others_than_instructors_get_no_answer(
    tool: Tool, lms: FakePlatform, platform: Platform, roles: list[str]
) -> None:
    page = lms.launch("5", tool.url, message=MESSAGE, claims={f"{LTI}roles": roles})
    assert page.status_code == REFUSALS["role"].status
    assert "eyJ" not in page.text


@pytest.mark.parametrize(
    "changed",
    [{"deep_link_return_url": ...}, {"deep_link_return_url": ""}, {"deep_link_return_url": 7},
     {"deep_link_return_url": "javascript:alert(1)"}, {"deep_link_return_url": "http://lms.example.edu/"},
     {"deep_link_return_url": 'https://x"><script>alert(1)</script>'}, {"accept_types": ...}, {"accept_types": 7},
     {"accept_types": ["link"]}, {"accept_presentation_document_targets": ...}],
    ids=str,
)  # fmt: skip
def test_wrong_settings_are_refused(
    tool: Tool, lms: FakePlatform, platform: Platform, changed: dict[str, Any]
) -> None:
    page = lms.launch("3", tool.url, message=MESSAGE, claims=settings(lms, **changed))
    assert page.status_code == 400
    assert "<code>message</code>" in page.text
    assert "eyJ" not in page.text


@pytest.mark.parametrize("value", [None, [], {}, 7, "x"])
def test_settings_of_any_type(tool: Tool, lms: FakePlatform, platform: Platform, value: Any) -> None:
    page = lms.launch("3", tool.url, message=MESSAGE, claims={f"{DL}deep_linking_settings": value})
    assert page.status_code == 400


@pytest.mark.parametrize(
    ("changed", "without"),
    [({"accept_lineitem": False}, "lineItem"), ({"accept_lineitem": "false"}, "lineItem"),
     ({"accept_presentation_document_targets": ["iframe"]}, "window"),
     ({"accept_presentation_document_targets": 7}, "window")],
)  # fmt: skip
def test_what_a_platform_does_not_take_is_left_out(
    tool: Tool, lms: FakePlatform, platform: Platform, changed: dict[str, Any], without: str
) -> None:
    page = lms.launch("3", tool.url, message=MESSAGE, claims=settings(lms, **changed))
    for answer in answers(page.text, lms):
        [item] = answer[f"{DL}content_items"]
        assert set(item) == {"type", "title", "url", "custom", "lineItem", "window"} - {without}


def test_data_is_only_given_back_where_there_was_some(tool: Tool, lms: FakePlatform, platform: Platform) -> None:
    page = lms.launch("3", tool.url, message=MESSAGE, claims=settings(lms, data=...))
    assert [f"{DL}data" in answer for answer in answers(page.text, lms)] == [False, False]


def test_an_answer_names_the_key_that_signed_it(tool: Tool, lms: FakePlatform, platform: Platform) -> None:
    tool.services.keys.signing()
    new = tool.services.keys.renew()
    page = lms.launch("3", tool.url, message=MESSAGE)
    token = parse_form(page.text)[1]["JWT"]
    assert jwt.get_unverified_header(token)["kid"] == new.kid


def test_it_speaks_korean(tool: Tool, lms: FakePlatform, platform: Platform) -> None:
    page = lms.launch("3", tool.url, message=MESSAGE, claims={f"{LTI}launch_presentation": {"locale": "ko_KR"}})
    assert "강좌에 추가" in page.text
    assert 'lang="ko"' in page.text
