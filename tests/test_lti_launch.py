"""Who is let in from a learning system, and who is not. The claims are those of a real Moodle."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
import pytest
import requests
from fake_platform import LTI, MEMBERSHIP, FakePlatform, key_pair, next_location, parse_form
from lti_tool import Tool, fresh_services, introduce

from grader.serve import platform_keys, platforms
from grader.serve.claims import role_of
from grader.serve.records import Role
from grader.serve.refusals import REFUSALS

INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#"
SYSTEM = "http://purl.imsglobal.org/vocab/lis/v2/system/person#"
SUB_ROLE = "http://purl.imsglobal.org/vocab/lis/v2/membership/"


@pytest.fixture
def platform(tool: Tool) -> Iterator[FakePlatform]:
    with FakePlatform() as running:
        introduce(tool, running)
        yield running


def refused(answer: requests.Response, code: str) -> None:
    """A readable page with that code, and nothing of the inside."""
    assert answer.status_code == REFUSALS[code].status, answer.text
    assert f"<code>{code}</code>" in answer.text, answer.text
    assert REFUSALS[code].what in answer.text.replace("&#39;", "'")
    assert "Traceback" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


# ---------------------------------------------------------------- let in


@pytest.mark.parametrize(
    ("user", "role", "name"),
    [
        ("5", Role.LEARNER, "Ada Lovelace"),
        ("4", Role.INSTRUCTOR, "Tao Assistant"),
        ("3", Role.INSTRUCTOR, "Tess Teacher"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_real_claims_become_a_visit(
    tool: Tool, platform: FakePlatform, method: str, user: str, role: Role, name: str
) -> None:
    answer = platform.launch(user, tool.url, method=method)
    assert (answer.status_code, answer.text) == (200, f"let in: {role} {user}")
    [visit] = tool.visits
    assert (visit.user, visit.role, visit.name, visit.deployment, visit.link) == (user, role, name, "1", "1")
    assert (visit.context, visit.course, visit.title) == ("2", "Deep Learning 101", "Autograded lab")
    assert visit.custom["exercise"] == "distill-101"
    assert (visit.lineitem, visit.lineitems) == (platform.lineitem, platform.lineitems)
    assert visit.members_url == platform.members_url
    assert len(visit.scopes) == 4
    assert visit.return_url.startswith(platform.url)


def test_names_and_mail_need_not_come(tool: Tool, platform: FakePlatform) -> None:
    hidden = (
        "name",
        "given_name",
        "family_name",
        "email",
        f"{LTI}custom",
        f"{LTI}context",
        f"{LTI}launch_presentation",
    )
    platform.launch("5", tool.url, drop=hidden)
    [visit] = tool.visits
    assert (visit.name, visit.email, visit.course, visit.custom) == ("", "", "", {})


def test_claims_of_seventy_thousand_characters(tool: Tool, platform: FakePlatform) -> None:
    long = "ㄱ" * 70_000
    platform.launch("5", tool.url, claims={f"{LTI}custom": {"assignment": "cnn", "notes": long}})
    assert tool.visits[0].custom["notes"] == long
    refused(platform.launch("5", tool.url, claims={f"{LTI}custom": {"notes": "x" * 800_000}}), "size")
    for path in ("login", "launch", "register/x"):
        refused(requests.post(f"{tool.url}/lti/{path}", data={"x": "x" * 2_000_000}, timeout=10), "size")
    assert len(tool.visits) == 1


def test_text_is_cleaned_and_only_web_addresses_become_links(tool: Tool, platform: FakePlatform) -> None:
    claims = {
        "name": "Eve\x1b[31m\u202e =2+5 " + "x" * 9000,
        f"{LTI}launch_presentation": {"return_url": "javascript:alert(1)", "locale": "ko"},
        "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {
            "lineitem": "http://192.0.2.1/column",
            "scope": 7,
        },
        f"{LTI}custom": {"a": "b\ud800\0", "n": 7, "assignment": "cnn"},
    }
    assert platform.launch("13", tool.url, claims=claims).status_code == 200
    [visit] = tool.visits
    assert visit.name.startswith("Eve =2+5 x")
    assert len(visit.name) <= 400
    assert (visit.return_url, visit.lineitem, visit.scopes, visit.locale) == ("", "", (), "ko")
    assert visit.custom == {"a": "b?", "assignment": "cnn"}


def test_two_registrations_at_one_issuer_stay_apart(tool: Tool, platform: FakePlatform) -> None:
    second = introduce(tool, platform, "second-client", "7")
    platform.launch("5", tool.url, client_id="second-client")
    platform.launch("5", tool.url, client_id="C2kfIx7X15nQehH")
    assert [visit.platform.client_id for visit in tool.visits] == ["second-client", "C2kfIx7X15nQehH"]
    assert tool.visits[0].platform == second
    # The deployment of the one is none of the other.
    refused(platform.launch("5", tool.url, claims={f"{LTI}deployment_id": "7"}), "deployment")
    # A token for the one does not finish the login of the other.
    refused(platform.launch("5", tool.url, claims={"aud": "second-client"}), "unregistered")


def test_a_login_without_client_id_works_where_there_is_no_choice(tool: Tool, platform: FakePlatform) -> None:
    session = requests.Session()
    address, _, query = platform.start_url("5").partition("?")
    fields = {name: value for name, value in parse_qsl(query) if name != "client_id"}
    action, form = parse_form(session.get(address, params=fields, timeout=10).text)
    assert session.post(action, data=form, timeout=10).status_code == 200
    introduce(tool, platform, "second-client")
    refused(session.get(address, params=fields, timeout=10), "unregistered")


def test_several_deployments(tool: Tool, platform: FakePlatform) -> None:
    other = {f"{LTI}deployment_id": "9"}
    refused(platform.launch("5", tool.url, claims=other), "deployment")
    [known] = tool.services.platforms.all()
    tool.services.platforms.add_deployment(known, "9")
    assert platform.launch("5", tool.url, claims=other).status_code == 200
    assert platform.launch("5", tool.url).status_code == 200
    assert [visit.deployment for visit in tool.visits] == ["9", "1"]


# ---------------------------------------------------------------- login


def test_the_login_leads_to_the_registered_address_only(tool: Tool, platform: FakePlatform) -> None:
    session = requests.Session()
    session.get(platform.start_url("5"), timeout=10)  # the cookie
    hostile = "&authorization_endpoint=https://evil.example/&redirect_uri=https://evil.example/&auth=https://evil.example"
    answer = session.get(platform.start_url("5") + hostile, allow_redirects=False, timeout=10)
    went = urlsplit(answer.headers["Location"])
    assert f"{went.scheme}://{went.netloc}{went.path}" == f"{platform.url}/auth"
    sent = parse_qs(went.query)
    assert sent["redirect_uri"] == [f"{tool.url}/lti/launch"]
    assert (sent["login_hint"], sent["response_mode"], sent["prompt"]) == (["5"], ["form_post"], ["none"])
    assert (sent["scope"], sent["response_type"]) == (["openid"], ["id_token"])
    assert sent["lti_message_hint"][0] in platform.tickets
    assert len(sent["state"][0]) > 40
    assert len(sent["nonce"][0]) > 40


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/lti/launch", "//evil.example/", "http://127.0.0.1:1/lti/launch", "",
     "javascript:alert(1)", "{tool}.evil.example/", "{tool}@evil.example/", "{tool}\\@evil.example/"],
)  # fmt: skip
def test_a_target_elsewhere_is_refused(tool: Tool, platform: FakePlatform, target: str) -> None:
    session = requests.Session()
    session.get(platform.start_url("5"), timeout=10)
    address, _, query = platform.start_url("5").partition("?")
    fields = dict(parse_qsl(query)) | {"target_link_uri": target.format(tool=tool.url)}
    refused(session.get(address, params=fields, allow_redirects=False, timeout=10), "target")
    refused(
        platform.launch("5", tool.url, claims={f"{LTI}target_link_uri": target.format(tool=tool.url)}), "target"
    )
    assert tool.visits == []


@pytest.mark.parametrize("missing", ["iss", "login_hint", "client_id"])
def test_a_login_of_nobody_we_know_says_what_to_do(tool: Tool, platform: FakePlatform, missing: str) -> None:
    session = requests.Session()
    session.get(platform.start_url("5"), timeout=10)
    address, _, query = platform.start_url("5").partition("?")
    fields = {name: value for name, value in parse_qsl(query) if name != missing}
    if missing == "client_id":
        fields["client_id"] = "left-over-<b>consumer</b>-key"
    answer = session.post(address, data=fields, allow_redirects=False, timeout=10)
    refused(answer, {"client_id": "unregistered"}.get(missing, "message"))
    if missing == "client_id":
        assert "left-over-&lt;b&gt;consumer&lt;/b&gt;-key" in answer.text
        assert "leftover consumer key" in answer.text
        korean = session.post(address, data=fields, headers={"Accept-Language": "ko-KR,ko;q=0.9"}, timeout=10)
        assert 'lang="ko"' in korean.text
        assert "이 도구에 등록되어 있지 않습니다" in korean.text


def test_an_address_that_is_opened_by_itself(tool: Tool, platform: FakePlatform) -> None:
    refused(requests.get(f"{tool.url}/lti/launch", timeout=10), "direct")
    refused(requests.post(f"{tool.url}/lti/launch", timeout=10), "message")
    refused(requests.post(f"{tool.url}/lti/launch", data={"state": "x", "id_token": "y"}, timeout=10), "cookies")


def test_a_browser_that_keeps_no_cookie_is_shown_the_way_before_its_hint_is_used_up(
    tool: Tool, platform: FakePlatform
) -> None:
    first = requests.get(platform.start_url("5"), allow_redirects=False, timeout=10)
    assert first.status_code == 307  # with the same method: a login may come as POST
    answer = requests.get(next_location(first), allow_redirects=False, timeout=10)  # without the cookie
    assert answer.status_code == 200
    assert platform.count("/auth") == 0
    link = answer.text.partition('id="window" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert 'target="_blank"' in answer.text
    assert link.startswith(f"{tool.url}/lti/login?")
    # In the new window cookies are kept, and the same hint is still good.
    window = requests.Session()
    action, form = parse_form(window.get(link, timeout=10).text)
    assert window.post(action, data=form, timeout=10).text == "let in: learner 5"


# ---------------------------------------------------------------- state and nonce


def test_a_launch_belongs_to_the_browser_that_began_it(tool: Tool, platform: FakePlatform) -> None:
    session = requests.Session()
    _, form = platform.authenticate("5", session=session)
    assert form is not None
    refused(requests.post(form[0], data=form[1], timeout=10), "cookies")
    other = requests.Session()
    platform.launch("6", tool.url, session=other)  # has a cookie of its own
    refused(other.post(form[0], data=form[1], timeout=10), "state")
    assert [visit.user for visit in tool.visits] == ["6"]
    assert session.post(form[0], data=form[1], timeout=10).text == "let in: learner 5"


def test_a_launch_can_be_used_once_also_after_a_restart(
    tool: Tool, platform: FakePlatform, tmp_path: Path
) -> None:
    session = requests.Session()
    _, form = platform.authenticate("5", session=session)
    assert form is not None
    assert session.post(form[0], data=form[1], timeout=10).status_code == 200
    refused(session.post(form[0], data=form[1], timeout=10), "state")
    again = fresh_services(tmp_path, tool.url)
    browser = session.cookies["grader_browser"]
    assert again.platforms.finish(form[1]["state"], browser) is None
    # A login that was begun before a restart can be finished after it.
    _, form = platform.authenticate("5", session=session)
    assert form is not None
    assert fresh_services(tmp_path, tool.url).platforms.finish(form[1]["state"], browser) is not None
    assert len(tool.visits) == 1


def test_a_nonce_belongs_to_its_login(tool: Tool, platform: FakePlatform) -> None:
    session = requests.Session()
    _, first = platform.authenticate("5", session=session)
    _, second = platform.authenticate("5", session=session)
    assert first is not None
    assert second is not None
    # The first token, which is good and unused, with the second login's state.
    refused(session.post(first[0], data=first[1] | {"state": second[1]["state"]}, timeout=10), "state")
    for nonce in ("", "x", None, ["x"], 7):
        refused(platform.launch("5", tool.url, claims={"nonce": nonce}), "state")
    refused(platform.launch("5", tool.url, drop=("nonce",)), "state")
    assert tool.visits == []


def test_a_login_is_not_kept_for_ever(tool: Tool, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    session = requests.Session()
    _, form = platform.authenticate("5", session=session)
    assert form is not None
    monkeypatch.setattr(platforms, "now", lambda: time.time() + platforms.LOGIN_S + 1)
    refused(session.post(form[0], data=form[1], timeout=10), "state")


def test_nothing_that_would_let_somebody_in_can_be_read_from_the_database(
    tool: Tool, platform: FakePlatform, tmp_path: Path
) -> None:
    session = requests.Session()
    _, form = platform.authenticate("5", session=session)
    assert form is not None
    token = tool.services.platforms.invite()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("serve.sqlite*"))
    nonce = jwt.decode(form[1]["id_token"], options={"verify_signature": False})["nonce"]
    for secret in (form[1]["state"], nonce, session.cookies["grader_browser"], token):
        assert secret.encode() not in kept


def test_when_the_platform_says_no_the_page_says_so(tool: Tool, platform: FakePlatform) -> None:
    session = requests.Session()
    url = platform.start_url("5").replace("login_hint=5", "login_hint=6")
    action, form = parse_form(session.get(url, timeout=10).text)
    assert form["error"] == "invalid_request"
    refused(session.post(action, data=form, timeout=10), "message")


# ---------------------------------------------------------------- claims


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "somebody-else"}, "unregistered"),
        ({"aud": ["somebody-else"]}, "unregistered"),
        ({"aud": []}, "unregistered"),
        ({"aud": None}, "unregistered"),
        ({"azp": "somebody-else"}, "unregistered"),
        ({"aud": ["C2kfIx7X15nQehH", "somebody-else"]}, "unregistered"),  # two, and no azp
        ({"aud": ["C2kfIx7X15nQehH", "somebody-else"], "azp": "somebody-else"}, "unregistered"),
        ({"iss": "https://evil.example"}, "unregistered"),
        ({"iss": ["https://evil.example"]}, "unregistered"),
        ({f"{LTI}deployment_id": "2"}, "deployment"),
        ({f"{LTI}deployment_id": 1}, "deployment"),
        ({f"{LTI}deployment_id": ["1"]}, "deployment"),
        ({f"{LTI}message_type": "LtiSubmissionReviewRequest", f"{LTI}for_user": {"user_id": "6"}}, "message"),
        ({f"{LTI}message_type": None}, "message"),
        ({f"{LTI}version": "1.1"}, "message"),
        ({f"{LTI}version": 1.3}, "message"),
        ({f"{LTI}resource_link": {}}, "message"),
        ({f"{LTI}resource_link": {"id": ""}}, "message"),
        ({f"{LTI}resource_link": {"id": "x" * 300}}, "message"),
        ({f"{LTI}resource_link": "1"}, "message"),
        ({f"{LTI}custom": "x"}, "message"),
        ({f"{LTI}context": 7}, "message"),
        ({"sub": None}, "user"),
        ({"sub": ""}, "user"),
        ({"sub": 5}, "user"),
        ({"sub": "x" * 300}, "message"),
        ({"exp": "soon"}, "message"),
        ({"exp": 1e400}, "message"),
        ({"iat": "now"}, "message"),
    ],
    ids=str,
)
def test_a_wrong_claim_is_refused(tool: Tool, platform: FakePlatform, claims: dict[str, Any], code: str) -> None:
    refused(platform.launch("5", tool.url, claims=claims), code)
    assert tool.visits == []


@pytest.mark.parametrize(
    ("name", "code"),
    [("iss", "unregistered"), ("aud", "unregistered"), ("exp", "message"), ("iat", "message"), ("sub", "user"),
     (f"{LTI}deployment_id", "deployment"), (f"{LTI}message_type", "message"), (f"{LTI}version", "message"),
     (f"{LTI}resource_link", "message"), (f"{LTI}roles", "message"), (f"{LTI}target_link_uri", "target")],
)  # fmt: skip
def test_a_missing_claim_is_refused(tool: Tool, platform: FakePlatform, name: str, code: str) -> None:
    refused(platform.launch("5", tool.url, drop=(name,)), code)
    assert tool.visits == []


def test_several_audiences_are_fine_where_we_are_the_party(tool: Tool, platform: FakePlatform) -> None:
    claims = {"aud": ["somebody-else", "C2kfIx7X15nQehH"], "azp": "C2kfIx7X15nQehH"}
    assert platform.launch("5", tool.url, claims=claims).status_code == 200
    assert platform.launch("5", tool.url, claims={"aud": ["C2kfIx7X15nQehH"]}).status_code == 200


@pytest.mark.parametrize(("seconds", "fine"), [(-130, False), (-40, True), (50, True), (130, False)])
def test_clocks_may_differ_by_a_minute(tool: Tool, platform: FakePlatform, seconds: int, fine: bool) -> None:
    """The platform's clock is that far ahead of ours; its tokens live for 60 s as Moodle's do."""
    now = int(time.time()) + seconds
    answer = platform.launch("5", tool.url, claims={"iat": now, "exp": now + 60 if seconds > 0 else now})
    if fine:
        assert answer.status_code == 200
    else:
        refused(answer, "expired")


@pytest.mark.parametrize(
    "value", [None, True, 7, 1e400, "x", [], ["x"], [7], {}, {"id": 7}, {"a": {"b": []}}], ids=str
)
def test_no_claim_of_any_type_brings_the_tool_down(tool: Tool, platform: FakePlatform, value: Any) -> None:
    names = [*platform.claims(platform.tools["C2kfIx7X15nQehH"], _ticket(), "n"), "azp", "jti", "nbf"]
    session = requests.Session()
    for name in names:
        answer = platform.launch("5", tool.url, session=session, claims={name: value})
        assert answer.status_code in (200, 400), (name, answer.text)


def _ticket() -> Any:
    from fake_platform import Ticket

    return Ticket("5", "student")


# ---------------------------------------------------------------- signatures


def test_other_algorithms_are_refused(tool: Tool, platform: FakePlatform) -> None:
    from cryptography.hazmat.primitives import serialization

    public = key_pair("platform-1").public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    platform.sign = lambda claims: jwt.encode(claims, None, algorithm="none", headers={"kid": "platform-1"})
    refused(platform.launch("5", tool.url), "signature")
    platform.sign = lambda claims: _hs256(claims, pem)  # the public key as if it were a shared secret
    refused(platform.launch("5", tool.url), "signature")
    for other in ("RS512", "PS256"):
        platform.sign = lambda claims, alg=other: jwt.encode(  # type: ignore[misc]
            claims, key_pair("platform-1"), algorithm=alg, headers={"kid": "platform-1"}
        )
        refused(platform.launch("5", tool.url), "signature")
    assert platform.count("/certs") == 0  # not even worth a request
    assert tool.visits == []


def _hs256(claims: dict[str, Any], secret: bytes) -> str:
    import hashlib
    import hmac

    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "typ": "JWT", "kid": "platform-1"}, claims)
    )
    mac = hmac.new(secret, head + b"." + body, hashlib.sha256).digest()
    return b".".join((head, body, base64.urlsafe_b64encode(mac).rstrip(b"="))).decode()


def test_a_token_of_another_key_or_with_changed_claims_is_refused(tool: Tool, platform: FakePlatform) -> None:
    platform.sign = lambda claims: jwt.encode(
        claims, key_pair("attacker"), algorithm="RS256", headers={"kid": "platform-1"}
    )
    refused(platform.launch("5", tool.url), "signature")

    def promote(claims: dict[str, Any]) -> str:
        head, _, mac = platform.signed(claims).split(".")
        claims[f"{LTI}roles"] = [f"{MEMBERSHIP}Instructor"]
        return ".".join((head, base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("="), mac))

    platform.sign = promote
    refused(platform.launch("5", tool.url), "signature")
    platform.sign = lambda claims: jwt.encode(claims, key_pair("platform-1"), algorithm="RS256")  # no kid
    refused(platform.launch("5", tool.url), "signature")
    for junk in ("", "x", "a.b.c", "..", "[].[].[]", base64.urlsafe_b64encode(b"[" * 90_000).decode() + ".e30.x"):
        platform.sign = lambda claims, junk=junk: junk  # type: ignore[misc]
        assert platform.launch("5", tool.url).status_code == 400
    assert tool.visits == []


def test_a_new_key_is_fetched_once_and_not_at_every_launch(
    tool: Tool, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [platform.launch("5", tool.url).status_code for _ in range(3)] == [200] * 3
    assert platform.count("/certs") == 1
    platform.sign = lambda claims: jwt.encode(
        claims, key_pair("attacker"), algorithm="RS256", headers={"kid": "never-seen"}
    )
    for _ in range(5):  # within the time in which nothing is fetched again
        refused(platform.launch("5", tool.url), "key")
    assert platform.count("/certs") == 1
    # The platform takes a new key into use; after a while it is looked for, once.
    monkeypatch.setattr(platform_keys, "AGAIN_S", 0.0)
    platform.kid, platform.sign = "platform-2", platform.signed
    assert [platform.launch("5", tool.url).status_code for _ in range(2)] == [200] * 2
    assert platform.count("/certs") == 2


def test_a_key_that_was_taken_back_is_forgotten(
    tool: Tool, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert platform.launch("5", tool.url).status_code == 200
    monkeypatch.setattr(platform_keys, "KEPT_S", 0.0)
    platform.trouble("/certs", 500, times=9)
    refused(platform.launch("5", tool.url), "key")
    platform.troubles.clear()
    monkeypatch.setattr(platform_keys, "AGAIN_S", 0.0)
    old, platform.kid = platform.kid, "platform-2"
    platform.sign = lambda claims: jwt.encode(claims, key_pair(old), algorithm="RS256", headers={"kid": old})
    refused(platform.launch("5", tool.url), "key")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"keys": 7}', b'{"keys": [7, {}, {"kid": "platform-1", "kty": "RSA", "n": "x"}]}'],
)
def test_keys_that_cannot_be_read(tool: Tool, platform: FakePlatform, body: bytes) -> None:
    platform.trouble("/certs", 201, body=body)
    refused(platform.launch("5", tool.url), "key")


@pytest.mark.parametrize("status", [0, 302, 404, 500])
def test_keys_that_cannot_be_fetched(tool: Tool, platform: FakePlatform, status: int) -> None:
    platform.trouble("/certs", status, headers={"Location": f"{platform.url}/certs?again"})
    answer = platform.launch("5", tool.url)
    refused(answer, "key")
    assert str(status or "RemoteDisconnected") in answer.text
    assert platform.count("/certs") == 1  # no redirect was followed


# ---------------------------------------------------------------- roles


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        ([f"{MEMBERSHIP}Learner"], Role.LEARNER),
        ([f"{MEMBERSHIP}Instructor"], Role.INSTRUCTOR),
        ([f"{MEMBERSHIP}Administrator"], Role.INSTRUCTOR),
        ([f"{SUB_ROLE}Instructor#TeachingAssistant"], Role.INSTRUCTOR),
        ([f"{MEMBERSHIP}TeachingAssistant"], Role.INSTRUCTOR),
        (["Instructor"], Role.INSTRUCTOR),  # the short names are of the course too
        (["Learner"], Role.LEARNER),
        ([f"{MEMBERSHIP}Learner", f"{MEMBERSHIP}Instructor"], Role.INSTRUCTOR),
        # Not of this course:
        ([f"{MEMBERSHIP}Learner", f"{INSTITUTION}Instructor"], Role.LEARNER),
        ([f"{MEMBERSHIP}Learner", f"{INSTITUTION}Faculty", f"{SYSTEM}Administrator"], Role.LEARNER),
        ([f"{INSTITUTION}Instructor"], Role.LEARNER),
        ([f"{SYSTEM}SysAdmin", f"{INSTITUTION}Administrator"], Role.LEARNER),
        # A sub-role of learners that is called so, in the LIS vocabulary:
        ([f"{SUB_ROLE}Learner#Instructor"], Role.LEARNER),
        ([f"{SUB_ROLE}Mentor#Instructor"], Role.LEARNER),
        ([f"{MEMBERSHIP}Mentor", f"{MEMBERSHIP}ContentDeveloper", f"{MEMBERSHIP}Manager"], Role.LEARNER),
        (["urn:lti:instrole:ims/lis/Instructor", "https://evil.example/membership#Instructor"], Role.LEARNER),
        ([f"{MEMBERSHIP}Instructor#Learner", f"{MEMBERSHIP}instructor", "INSTRUCTOR"], Role.LEARNER),
        ([], Role.LEARNER),
        (None, Role.LEARNER),
        ("Instructor", Role.LEARNER),
        ([None, 7, ["Instructor"], {"Instructor": 1}], Role.LEARNER),
    ],
    ids=str,
)
def test_only_roles_in_the_course_count(roles: Any, role: Role) -> None:
    assert role_of(roles) is role


def test_a_professor_who_learns_in_this_course_is_a_learner(tool: Tool, platform: FakePlatform) -> None:
    roles = [f"{MEMBERSHIP}Learner", f"{INSTITUTION}Faculty", f"{INSTITUTION}Instructor", f"{SYSTEM}Administrator"]
    platform.launch("5", tool.url, claims={f"{LTI}roles": roles})
    assert tool.visits[0].role is Role.LEARNER


# ---------------------------------------------------------------- cookie


def test_over_https_the_cookie_passes_frames_and_only_https(tmp_path: Path) -> None:
    from flask import Flask

    from grader.serve.database import open_database
    from grader.serve.launch import lti_routes
    from grader.serve.services import make_services

    services = make_services(open_database(f"sqlite:///{tmp_path / 'x'}"), "https://grader.example.edu")
    app = Flask(__name__)
    app.register_blueprint(lti_routes(services, lambda visit: "", lambda lang: ()))
    cookie = app.test_client().get("/lti/login?iss=x").headers["Set-Cookie"]
    parts = {part.strip() for part in cookie.split(";")[1:]}
    assert cookie.startswith("__Host-grader_browser=")
    assert parts >= {"Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/"}
    assert not any(part.startswith("Domain") for part in parts)
