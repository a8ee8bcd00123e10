"""A learning system registers itself, once for each invitation; the exchange is that of a real Moodle."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from fake_platform import TOOL, FakePlatform, parse_form, sample
from lti_tool import Tool, fresh_services

from grader.serve import outgoing, platforms
from grader.serve.records import Platform
from grader.serve.refusals import REFUSALS
from grader.serve.services import make_services


def asked(tool: Tool, lms: FakePlatform) -> str:
    """The address that the platform opens for its administrator."""
    return lms.registration_address(tool.services.register_url(tool.services.platforms.invite()))


def refused(answer: requests.Response, code: str, because: str = "") -> None:
    assert answer.status_code == REFUSALS[code].status, answer.text
    assert f"<code>{code}</code>" in answer.text
    assert because in answer.text, answer.text


# ---------------------------------------------------------------- as it should be


def test_a_platform_registers_itself_and_people_come_in(tool: Tool, lms: FakePlatform) -> None:
    shown = requests.get(asked(tool, lms), timeout=10)
    assert shown.status_code == 200
    for told in ("moodle", lms.url, f"{lms.url}/auth", f"{lms.url}/token", f"{lms.url}/certs"):
        assert told in shown.text
    assert tool.services.platforms.all() == ()  # looking registers nothing
    action, form = parse_form(shown.text)
    done = requests.post(action, data=form, timeout=10)
    assert done.status_code == 200
    [platform] = tool.services.platforms.all()
    [(client_id, known)] = lms.tools.items()
    expected = Platform(
        platform.id, lms.url, client_id, f"{lms.url}/auth", f"{lms.url}/token", f"{lms.url}/certs", "", "moodle"
    )
    assert platform == expected
    assert tool.services.platforms.deployments(platform) == (known.deployment,)
    assert client_id in done.text
    assert "activate the tool" in done.text
    assert f'data-origin="{lms.url}"' in done.text  # who is told that the window may be closed
    assert lms.launch("5", tool.url).text == "let in: learner 5"


def test_what_we_say_of_ourselves_is_what_a_real_platform_took(tool: Tool, lms: FakePlatform) -> None:
    sent: list[dict[str, Any]] = []
    registered = lms._registered
    lms._registered = lambda body, headers: sent.append(json.loads(body)) or registered(body, headers)  # type: ignore
    action, form = parse_form(requests.get(asked(tool, lms), timeout=10).text)
    requests.post(action, data=form, timeout=10)
    [ours], real = sent, sample("lti-dynamic-registration.json")["request"]
    assert set(ours) == set(real)
    assert set(ours[TOOL]) == set(real[TOOL])
    for name in ("application_type", "response_types", "grant_types", "token_endpoint_auth_method"):
        assert ours[name] == real[name]
    assert set(ours["scope"].split()) == set(real["scope"].split())
    assert ours[TOOL]["claims"] == real[TOOL]["claims"]
    assert ours["redirect_uris"] == [ours[TOOL]["target_link_uri"]] == [f"{tool.url}/lti/launch"]
    assert {message["type"] for message in ours[TOOL]["messages"]} == {
        "LtiResourceLinkRequest",
        "LtiDeepLinkingRequest",
    }
    assert f"http://{ours[TOOL]['domain']}" == tool.url
    assert {key["alg"] for key in requests.get(ours["jwks_uri"], timeout=10).json()["keys"]} == {"RS256"}


def test_only_services_that_there_are_get_asked_for(tool: Tool, lms: FakePlatform) -> None:
    score = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
    change(lms, scopes_supported=["openid", score])
    action, form = parse_form(requests.get(asked(tool, lms), timeout=10).text)
    sent: list[str] = []
    registered = lms._registered
    lms._registered = lambda body, headers: sent.append(json.loads(body)["scope"]) or registered(body, headers)  # type: ignore
    requests.post(action, data=form, timeout=10)
    assert sent == [score]


def test_without_a_deployment_the_page_says_what_is_missing(tool: Tool, lms: FakePlatform) -> None:
    action, form = parse_form(requests.get(asked(tool, lms), timeout=10).text)
    lms.trouble("/openid-registration", 201, body=b'{"client_id": "new"}')
    done = requests.post(action, data=form, timeout=10)
    assert "did not tell its deployment ID" in done.text
    [platform] = tool.services.platforms.all()
    assert (platform.client_id, tool.services.platforms.deployments(platform)) == ("new", ())


# ---------------------------------------------------------------- invitations


def test_without_an_invitation_no_request_is_made(tool: Tool, lms: FakePlatform) -> None:
    for invite in ("x", "a" * 43, "%00", "%F0"):
        address = lms.registration_address(tool.services.register_url(invite))
        refused(requests.get(address, timeout=10), "invite")
        refused(requests.post(address, data={"openid_configuration": f"{lms.url}/x"}, timeout=10), "invite")
    assert lms.log == []


def test_an_invitation_is_for_one_platform(tool: Tool, lms: FakePlatform, tmp_path: Path) -> None:
    address = asked(tool, lms)
    action, form = parse_form(requests.get(address, timeout=10).text)
    assert requests.post(action, data=form, timeout=10).status_code == 200
    refused(requests.get(address, timeout=10), "invite")
    refused(requests.post(action, data=form, timeout=10), "invite")
    invite = action.rpartition("/")[2]
    assert not fresh_services(tmp_path, tool.url).platforms.invited(invite)  # nor after a restart
    assert len(tool.services.platforms.all()) == 1


def test_two_at_the_same_moment_are_one(tool: Tool, lms: FakePlatform) -> None:
    address = asked(tool, lms)
    action, form = parse_form(requests.get(address, timeout=10).text)
    with ThreadPoolExecutor(4) as pool:
        answers = [
            answer.status_code
            for answer in pool.map(lambda _: requests.post(action, data=form, timeout=10), range(4))
        ]
    assert sorted(answers) == [200, 403, 403, 403]
    assert lms.count("/openid-registration") == 1


def test_an_invitation_expires(tool: Tool, lms: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    address = asked(tool, lms)
    monkeypatch.setattr(platforms, "now", lambda: time.time() + platforms.INVITE_S + 1)
    refused(requests.get(address, timeout=10), "invite")
    refused(requests.post(address.partition("?")[0], timeout=10), "invite")
    assert tool.services.platforms.take_invite(address.partition("?")[0].rpartition("/")[2]) == 0.0


def test_an_invitation_stays_good_after_a_failure(tool: Tool, lms: FakePlatform) -> None:
    action, form = parse_form(requests.get(asked(tool, lms), timeout=10).text)
    lms.trouble("/openid-registration", 500)
    refused(requests.post(action, data=form, timeout=10), "registration", "500 Trouble")
    assert tool.services.platforms.all() == ()
    assert requests.post(action, data=form, timeout=10).status_code == 200


def test_a_registered_platform_is_not_overwritten(tool: Tool, lms: FakePlatform) -> None:
    known = tool.services.platforms.save(
        replace(lms.register(tool.url, "old"), keys_url="https://lms.example.edu/k")
    )
    action, form = parse_form(requests.get(asked(tool, lms), timeout=10).text)
    lms.trouble("/openid-registration", 201, body=b'{"client_id": "old"}')
    refused(requests.post(action, data=form, timeout=10), "registration", "registered already")
    assert tool.services.platforms.all() == (known,)


# ---------------------------------------------------------------- addresses of their choice


def change(lms: FakePlatform, **values: Any) -> None:
    """Let the platform's configuration say something else."""
    configuration = lms.configuration()
    lms.configuration = lambda: configuration | values  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "url",
    ["", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.5/", "file:///etc/passwd", "gopher://127.0.0.1/",
     "http://lms.example.edu/openid-configuration", "https://user@lms.example.edu/", "http://127.0.0.1@evil.example/"],
)  # fmt: skip
def test_an_invitation_fetches_only_what_is_allowed(tool: Tool, url: str) -> None:
    address = tool.services.register_url(tool.services.platforms.invite())
    refused(requests.get(f"{address}?{urlencode({'openid_configuration': url})}", timeout=10), "registration")
    refused(requests.post(address, data={"openid_configuration": url}, timeout=10), "registration")


def test_outside_development_this_machine_is_not_fetched_from(lms: FakePlatform, tmp_path: Path) -> None:
    from flask import Flask

    from grader.serve.launch import lti_routes

    services = make_services(fresh_services(tmp_path).engine, "https://grader.example.edu")
    app = Flask(__name__)
    app.register_blueprint(lti_routes(services, lambda visit: "", lambda lang: ()))
    invite = services.platforms.invite()
    for url in (lms.url, lms.url.replace("http:", "https:"), "https://localhost:1/"):
        answer = app.test_client().get(f"/lti/register/{invite}?{urlencode({'openid_configuration': url})}")
        assert answer.status_code == 400
    assert "leads to this machine" in app.test_client().get(
        f"/lti/register/{invite}?{urlencode({'openid_configuration': lms.url.replace('http:', 'https:')})}"
    ).get_data(as_text=True)
    assert lms.log == []


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint"])
@pytest.mark.parametrize("url", ["http://10.0.0.5/x", "file:///etc/passwd", "", None, 7, "javascript:alert(1)"])
def test_a_configuration_cannot_name_other_addresses_either(
    tool: Tool, lms: FakePlatform, name: str, url: Any
) -> None:
    change(lms, **{name: url})
    address = asked(tool, lms)
    refused(requests.get(address, timeout=10), "registration")
    form = {"openid_configuration": f"{lms.url}/openid-configuration"}
    refused(requests.post(address.partition("?")[0], data=form, timeout=10), "registration")
    assert lms.count("/openid-registration") == 0


@pytest.mark.parametrize("issuer", ["https://lms.example.edu", "https://127.0.0.1.evil.example", "", 7, "urn:lms"])
def test_a_configuration_speaks_for_its_own_site_only(tool: Tool, lms: FakePlatform, issuer: Any) -> None:
    change(lms, issuer=issuer)
    refused(requests.get(asked(tool, lms), timeout=10), "registration")


@pytest.mark.parametrize(
    "body", [b"", b"<html>secret of an inner page</html>", b"[]", b"7", b"[" * 99_999, b"\xff\xfe"]
)
def test_what_is_no_configuration_is_not_shown(tool: Tool, lms: FakePlatform, body: bytes) -> None:
    lms.trouble("/openid-configuration", 201, body=body)
    answer = requests.get(asked(tool, lms), timeout=10)
    refused(answer, "registration")
    assert "secret" not in answer.text


def test_redirects_are_not_followed(tool: Tool, lms: FakePlatform) -> None:
    lms.trouble("/openid-configuration", 302, headers={"Location": f"{lms.url}/inner"})
    refused(requests.get(asked(tool, lms), timeout=10), "registration", "302")
    assert lms.count("/inner") == 0


def test_size_and_time_are_bounded(tool: Tool, lms: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "MOST_BYTES", 500)
    refused(requests.get(asked(tool, lms), timeout=10), "registration", "more than 500 bytes")
    monkeypatch.setattr(outgoing, "READ_S", 0.3)
    lms.trouble("/openid-configuration", 200, delay_s=2)
    started = time.monotonic()
    refused(requests.get(asked(tool, lms), timeout=10), "registration", "no answer in time")
    assert time.monotonic() - started < 1.5


def test_a_hostile_name_is_text_on_the_page(tool: Tool, lms: FakePlatform) -> None:
    name = "<script>alert(1)</script>\x1b[2J"
    change(lms, **{"https://purl.imsglobal.org/spec/lti-platform-configuration": {"product_family_code": name}})
    shown = requests.get(asked(tool, lms), timeout=10)
    assert "&lt;script&gt;alert(1)" in shown.text
    assert "<script>" not in shown.text
    policy = shown.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert f"frame-ancestors {lms.url}" in policy


# ---------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    "changed",
    [{"login_url": "http://lms.example.edu/auth"}, {"token_url": ""}, {"keys_url": "file:///etc/passwd"},
     {"issuer": ""}, {"client_id": ""}],
)  # fmt: skip
def test_by_hand_the_addresses_are_checked_too(tool: Tool, lms: FakePlatform, changed: dict[str, str]) -> None:
    good = lms.register(tool.url)
    with pytest.raises(ValueError, match=r"."):
        tool.services.register_by_hand(replace(good, **changed), ["1"])
    assert tool.services.platforms.all() == ()


def test_saving_again_changes_and_adds_deployments(tool: Tool, lms: FakePlatform) -> None:
    good, kept = lms.register(tool.url), tool.services.platforms
    first = kept.save(good, ["1"])
    second = kept.save(replace(good, name="renamed"), ["2", "1"])
    assert second == replace(first, name="renamed")
    assert (kept.all(), kept.deployments(first)) == ((second,), ("1", "2"))
    assert (kept.get(first.id), kept.get(99)) == (second, None)
    kept.remove(second)
    assert (kept.all(), kept.deployments(first)) == ((), ())


@pytest.mark.parametrize(
    "url",
    [
        "http://grader.example.edu",
        "grader.example.edu",
        "https://grader.example.edu/?x=1",
        "",
        "http://127.0.0.1:1",
    ],
)
def test_a_public_address_must_be_https(tmp_path: Path, url: str) -> None:
    engine = fresh_services(tmp_path).engine
    with pytest.raises(ValueError, match=r"."):
        make_services(engine, url)
    assert make_services(engine, "https://grader.example.edu/x/").public_url == "https://grader.example.edu/x"


@pytest.mark.parametrize(
    ("url", "ours"),
    [("https://grader.example.edu/x", True), ("https://grader.example.edu/x/lti/launch?a=b#c", True),
     ("https://grader.example.edu:443/x/", False), ("https://grader.example.edu/xy", False),
     ("https://grader.example.edu/", False), ("https://grader.example.edu/x/../y", False),
     ("http://grader.example.edu/x/", False), ("https://grader.example.edu.evil.example/x/", False)],
)  # fmt: skip
def test_which_addresses_are_ours(tmp_path: Path, url: str, ours: bool) -> None:
    services = make_services(fresh_services(tmp_path).engine, "https://grader.example.edu/x")
    assert services.ours(url) is ours


def test_threads_that_begin_at_once(tmp_path: Path) -> None:
    """Two processes start on an empty database: one key, one platform."""
    made: list[str] = []
    gate = threading.Barrier(4)

    def begin() -> None:
        services = fresh_services(tmp_path)
        gate.wait()
        made.append(services.keys.signing().kid)
        services.platforms.save(Platform(0, "i", "c", "l", "t", "k"), ["1"])

    fresh_services(tmp_path)
    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1
    assert len(fresh_services(tmp_path).platforms.all()) == 1
