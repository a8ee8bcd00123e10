"""A learning system to test against: OpenID Connect, launches, AGS, NRPS, deep linking and dynamic registration.

Standard library and PyJWT only. Its claims are those of a real Moodle (tests/samples_lms/lti/), its answers to
scores those that a real Moodle 4.5 gives; tests/test_fake_platform.py holds it to them. It is as strict as the
specifications where Moodle is, and it is meant to be asked by tests, not by anybody's browser but theirs.
"""

from __future__ import annotations

import html
import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import fake_gradebook
import jwt
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from fake_gradebook import Column, Refused
from jwt.algorithms import RSAAlgorithm
from jwt.api_jws import encode as jws_encode

from grader.serve.records import Platform

SAMPLES = Path(__file__).parent / "samples_lms" / "lti"
LTI, DL = "https://purl.imsglobal.org/spec/lti/claim/", "https://purl.imsglobal.org/spec/lti-dl/claim/"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
STAFF = {"3": "teacher", "4": "ta"}  # by user id; everybody else is a student
Answer = tuple[int, str, dict[str, str], bytes]


@cache
def key_pair(kid: str) -> RSAPrivateKey:
    """One for each name: making them takes a while."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def sample(name: str) -> Any:
    """What a real Moodle sent."""
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


@dataclass
class Tool:
    """A tool as the platform knows it."""

    client_id: str
    deployment: str
    login_url: str
    redirect_uris: list[str]
    keys_url: str
    active: bool = True


@dataclass
class Ticket:
    """A launch that was begun by a click; good for one login, as at Moodle."""

    user: str
    role: str
    claims: Mapping[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    message: str = "LtiResourceLinkRequest"


@dataclass
class Trouble:
    """An answer that is given instead of the right one."""

    status: int
    times: int
    headers: dict[str, str]
    delay_s: float
    body: bytes


class FakePlatform:
    """Starts on a free port of `host`, in a thread of its own."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.users: dict[str, dict[str, Any]] = {entry["user_id"]: entry for entry in sample("nrps-members.json")}
        self.tools: dict[str, Tool] = {}
        self.tickets: dict[str, Ticket] = {}
        self.tokens: dict[str, tuple[str, set[str]]] = {}  # token -> client, scopes
        self.assertions: set[str] = set()  # `jti`s that were used
        self.columns: dict[str, Column] = {}  # by URL
        self.answers: list[dict[str, Any]] = []  # to deep linking
        self.log: list[tuple[str, str, int]] = []  # method, path with query, status
        self.troubles: dict[str, Trouble] = {}
        self.registration_tokens: set[str] = set()
        self.kid = "platform-1"
        self.members_per_page = 1000
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.url = ""

    # ------------------------------------------------------------ running

    def start(self) -> FakePlatform:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                _handle(outer, self)

            def do_POST(self) -> None:
                _handle(outer, self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{self.host}:{self._server.server_port}"
        self.lineitem = f"{self.url}/services/2/lineitems/6/lineitem?type_id=1"
        self.lineitems = f"{self.url}/services/2/lineitems?type_id=1"
        self.members_url = f"{self.url}/services/CourseSection/2/bindings/1/memberships"
        self.columns[self.lineitem] = Column("Autograded lab", 100.0)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> FakePlatform:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ------------------------------------------------------------ for tests

    def register(self, tool_url: str, client_id: str = "C2kfIx7X15nQehH", deployment: str = "1") -> Platform:
        """Know a tool, as after registering it by hand. Returns what the tool must know."""
        self.tools[client_id] = Tool(
            client_id, deployment, f"{tool_url}/lti/login", [f"{tool_url}/lti/launch"], f"{tool_url}/lti/jwks"
        )
        return Platform(
            0, self.url, client_id, f"{self.url}/auth", f"{self.url}/token", f"{self.url}/certs", "", "fake"
        )

    def start_url(self, user: str, client_id: str = "", **ticket: Any) -> str:
        """What a click in the course opens: the tool's login, with hints for one use."""
        tool = self._tool(client_id)
        hint = secrets.token_urlsafe(8)
        self.tickets[hint] = Ticket(user, ticket.pop("role", None) or STAFF.get(user, "student"), **ticket)
        fields = {
            "iss": self.url,
            "login_hint": user,
            "target_link_uri": tool.redirect_uris[0],
            "lti_message_hint": hint,
            "client_id": tool.client_id,
            "lti_deployment_id": tool.deployment,
        }
        return f"{tool.login_url}?{urlencode(fields)}"

    def launch(
        self,
        user: str,
        tool_url: str = "",
        role: str | None = None,
        *,
        session: requests.Session | None = None,
        method: str = "GET",
        client_id: str = "",
        follow: bool = True,
        **ticket: Any,
    ) -> requests.Response:
        """Be a browser: login, authentication, launch. Returns the tool's last answer."""
        session = session or requests.Session()
        answer, form = self.authenticate(user, role, session=session, method=method, client_id=client_id, **ticket)
        if form is None:
            return answer
        action, fields = form
        if tool_url:
            assert action.startswith(tool_url), action
        return session.post(action, data=fields, allow_redirects=follow, timeout=20)

    def authenticate(
        self,
        user: str,
        role: str | None = None,
        *,
        session: requests.Session,
        method: str = "GET",
        client_id: str = "",
        **ticket: Any,
    ) -> tuple[requests.Response, tuple[str, dict[str, str]] | None]:
        """The same up to the form that the platform lets the browser post: its address and fields."""
        url = self.start_url(user, client_id, role=role, **ticket)
        if method == "POST":
            address, _, query = url.partition("?")
            answer = session.post(address, data=dict(parse_qsl(query)), timeout=20)
        else:
            answer = session.get(url, timeout=20)
        return answer, parse_form(answer.text) if answer.url.startswith(f"{self.url}/auth") else None

    def trouble(
        self,
        path_part: str,
        status: int,
        times: int = 1,
        headers: dict[str, str] | None = None,
        delay_s: float = 0.0,
        body: bytes = b"[]",
    ) -> None:
        """Answer the next requests whose path contains this like that; status 0: hang up."""
        self.troubles[path_part] = Trouble(status, times, headers or {}, delay_s, body)

    def count(self, path_part: str) -> int:
        """How many requests there were for paths that contain this."""
        return sum(path_part in path for _, path, _ in self.log)

    @property
    def grades(self) -> dict[tuple[str, str], float | None]:
        """What the gradebook shows: (column, user) -> grade."""
        return {
            (url, user): held.grade for url, column in self.columns.items() for user, held in column.held.items()
        }

    def comment(self, user: str, lineitem: str = "") -> str:
        """The comment beside a grade."""
        return self.columns[lineitem or self.lineitem].held[user].comment

    def forget_tokens(self) -> None:
        """As after a restore of the database: no token is good any more."""
        self.tokens.clear()

    def signed(self, claims: dict[str, Any]) -> str:
        """As an id_token, whatever stands in the claims."""
        header = {"kid": self.kid, "typ": "JWT"}
        return jws_encode(json.dumps(claims).encode(), key_pair(self.kid), "RS256", header)

    # ------------------------------------------------------------ what the handler calls

    def claims(self, tool: Tool, ticket: Ticket, nonce: str) -> dict[str, Any]:
        """The real claims of somebody with that role, with our addresses and times."""
        text = json.dumps(sample(f"lti-launch-{ticket.role}.json"))
        text = text.replace("http://127.0.0.1:8091/mod/lti/services.php", f"{self.url}/services")
        text = text.replace("http://127.0.0.1:8091", self.url).replace("http://127.0.0.1:8092/launch", "@target@")
        claims: dict[str, Any] = json.loads(text.replace("@target@", tool.redirect_uris[0]))
        person, now = self.users.get(ticket.user, {}), int(time.time())
        claims |= {"iat": now, "exp": now + 60, "nonce": nonce, "aud": tool.client_id, "sub": ticket.user}
        claims |= {name: person[name] for name in ("name", "given_name", "family_name", "email") if name in person}
        claims[f"{LTI}deployment_id"] = tool.deployment
        if ticket.message == "LtiDeepLinkingRequest":
            claims = _deep_linking(claims, self.url)
        claims |= ticket.claims
        return {name: value for name, value in claims.items() if name not in ticket.drop}

    def _tool(self, client_id: str) -> Tool:
        return self.tools[client_id] if client_id else next(iter(self.tools.values()))

    def route(self, method: str, path: str, query: dict[str, str], body: bytes, headers: Any) -> Answer:
        """The answer to a request."""
        form = dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True)) if method == "POST" else {}
        match method, path.strip("/").split("/"):
            case "GET", ["certs"]:
                return _json({"keys": [_public(self.kid)]})
            case (("GET" | "POST"), ["auth"]):
                return self._auth(query or form)
            case "POST", ["token"]:
                return self._token(form)
            case "GET", ["course"]:
                return _course(query.get("user", "5"), next(iter(self.tools), ""))
            case "GET", ["frame"]:
                return _page(
                    f'<iframe name="tool" width="900" height="700" src="/start?{urlencode(query)}"></iframe>'
                )
            case "GET", ["start"]:
                ticket = {"message": query["message"]} if "message" in query else {}
                url = self.start_url(query.get("user", "5"), query.get("client_id", ""), **ticket)
                return 302, "Found", {"Location": url}, b""
            case "POST", ["deep-link-return"]:
                return self._placed(form)
            case "GET", ["openid-configuration"]:
                return _json(self.configuration())
            case "POST", ["openid-registration"]:
                return self._registered(body, headers)
            case _, ["services", *rest]:
                return self._service(method, rest, query, body, headers)
            case _:
                return 404, "Not Found", {}, b""

    def _auth(self, fields: dict[str, str]) -> Answer:
        """OpenID Connect's third-party initiated login, at the platform."""
        tool = self.tools.get(fields.get("client_id", ""))
        wanted = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}
        if tool is None or fields.get("redirect_uri") not in tool.redirect_uris:
            return 400, "Bad Request", {}, b"invalid client or redirect_uri"
        ticket = self.tickets.pop(fields.get("lti_message_hint", ""), None)
        wrong = [name for name, value in wanted.items() if fields.get(name) != value]
        wrong += [name for name in ("state", "nonce") if not fields.get(name)]
        if wrong or ticket is None or ticket.user != fields.get("login_hint"):
            problem = {"error": "invalid_request", "error_description": f"wrong: {wrong or 'hint'}"}
            return _post_form(tool.redirect_uris[0], problem | {"state": fields.get("state", "")})
        token = self.sign(self.claims(tool, ticket, fields["nonce"]))
        return _post_form(fields["redirect_uri"], {"id_token": token, "state": fields["state"]})

    def _token(self, form: dict[str, str]) -> Answer:
        try:
            client = str(jwt.decode(form["client_assertion"], options={"verify_signature": False})["iss"])
            claims = self.by_tool(self.tools[client], form["client_assertion"], f"{self.url}/token")
            fresh = claims["jti"] not in self.assertions and claims["sub"] == client
            right = form["grant_type"] == "client_credentials" and form["client_assertion_type"] == ASSERTION
        except (KeyError, jwt.PyJWTError) as error:
            return _json({"error": "invalid_client", "error_description": str(error)}, 400)
        if not fresh or not right:
            return _json({"error": "invalid_request"}, 400)
        self.assertions.add(claims["jti"])
        token = secrets.token_hex(16)
        self.tokens[token] = (client, set(form.get("scope", "").split()))
        return _json({"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": form["scope"]})

    def by_tool(self, tool: Tool, token: str, audience: str) -> dict[str, Any]:
        """The claims of something that the tool signed, by the keys that it publishes. Raises PyJWTError."""
        kid = jwt.get_unverified_header(token).get("kid")
        published = requests.get(tool.keys_url, timeout=10).json()["keys"]
        key = next((entry for entry in published if entry["kid"] == kid), None)
        if key is None:
            raise jwt.InvalidKeyError(f"no key {kid}")
        claims: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(key).key,
            algorithms=["RS256"],
            audience=audience,
            options={"require": ["iss", "aud", "iat", "exp"]},
        )
        return claims

    def _service(self, method: str, rest: list[str], query: dict[str, str], body: bytes, headers: Any) -> Answer:
        held = self.tokens.get(str(headers.get("Authorization", "")).removeprefix("Bearer "))
        scope = _scope(method, rest)
        if held is None or scope not in held[1]:
            return 401, "Unauthorized", {}, b"[]"
        if rest[0] == "CourseSection":
            return self._members(int(query.get("from", "0")), query)
        if rest[-1] == "lineitems":
            return _json(
                [{"id": url, "label": c.label, "scoreMaximum": c.maximum} for url, c in self.columns.items()]
            )
        base = "/".join(rest[:-1] if rest[-1] in ("scores", "results") else rest)
        column = self.columns.get(f"{self.url}/services/{base}?type_id={query.get('type_id', '')}")
        if column is None or rest[-1] not in ("scores", "results"):
            return 404, "Not Found", {}, b"[]"
        if rest[-1] == "results":
            url = f"{self.url}/services/{base}"
            return _json(fake_gradebook.results(column, url, query.get("user_id", "")))
        gradable = {user for user in self.users if STAFF.get(user) is None}
        try:
            fake_gradebook.take(column, body, gradable)
        except Refused as refused:
            return refused.status, refused.reason, {}, b"[]"
        return 200, "OK", {}, b""

    def _members(self, start: int, query: dict[str, str]) -> Answer:
        """Names and roles: who teaches without editing is called Learner here, though not at launch."""
        everybody = list(self.users.values())
        chosen, end = everybody[start : start + self.members_per_page], start + self.members_per_page
        link = f'<{self.members_url}?{urlencode({**query, "from": str(end)})}>; rel="next"'
        return _json(
            {"id": self.members_url, "members": chosen}, more={"Link": link} if end < len(everybody) else {}
        )

    def _placed(self, form: dict[str, str]) -> Answer:
        """The answer to a deep linking request: makes the column that it asks for."""
        client = str(jwt.decode(form["JWT"], options={"verify_signature": False})["iss"])
        claims = self.by_tool(self.tools[client], form["JWT"], self.url)
        assert claims[f"{LTI}message_type"] == "LtiDeepLinkingResponse"
        assert claims[f"{LTI}version"] == "1.3.0"
        assert claims[f"{LTI}deployment_id"] == self.tools[client].deployment
        assert claims[f"{DL}data"] == "kept for you"
        self.answers.append(claims)
        titles = ", ".join(html.escape(item["title"]) for item in claims[f"{DL}content_items"])
        return _page(f'<p id="placed">{titles}</p>')

    def configuration(self) -> dict[str, Any]:
        """What a real Moodle publishes of itself, at our addresses."""
        text = json.dumps(sample("lti-dynamic-registration.json")["openid_configuration"])
        for theirs, ours in (("token.php", "token"), ("certs.php", "certs"), ("auth.php", "auth"),
                             ("openid-registration.php", "openid-registration")):  # fmt: skip
            text = text.replace(f"http://127.0.0.1:8091/mod/lti/{theirs}", f"{self.url}/{ours}")
        found: dict[str, Any] = json.loads(text.replace("http://127.0.0.1:8091", self.url))
        return found

    def registration_address(self, tool_address: str) -> str:
        """What the platform opens when an administrator pasted the tool's registration address."""
        token = secrets.token_urlsafe(16)
        self.registration_tokens.add(token)
        fields = {"openid_configuration": f"{self.url}/openid-configuration", "registration_token": token}
        return f"{tool_address}{'&' if '?' in tool_address else '?'}{urlencode(fields)}"

    def _registered(self, body: bytes, headers: Any) -> Answer:
        token = str(headers.get("Authorization", "")).removeprefix("Bearer ")
        if token not in self.registration_tokens:
            return _json({"error": "invalid_token"}, 401)
        self.registration_tokens.discard(token)
        asked = json.loads(body)
        client, deployment = uuid.uuid4().hex[:15], str(len(self.tools) + 1)
        uris = asked["redirect_uris"], asked["jwks_uri"]
        self.tools[client] = Tool(client, deployment, asked["initiate_login_uri"], *uris, active=False)
        given = asked | {
            "client_id": client,
            TOOL: asked[TOOL] | {"deployment_id": deployment, "version": "1.3.0"},
        }
        return _json(given)


# ---------------------------------------------------------------- HTTP


def _handle(platform: FakePlatform, handler: BaseHTTPRequestHandler) -> None:
    parts = urlsplit(handler.path)
    body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    trouble = next((t for part, t in platform.troubles.items() if part in handler.path and t.times > 0), None)
    if trouble is not None:
        trouble.times -= 1
        time.sleep(trouble.delay_s)
    if trouble is not None and trouble.status == 0:
        platform.log.append((str(handler.command), handler.path, 0))
        handler.close_connection = True
        return
    if trouble is not None and trouble.status != 200:
        status, reason, more, out = trouble.status, "Trouble", trouble.headers, trouble.body
    else:
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        status, reason, more, out = platform.route(handler.command, parts.path, query, body, handler.headers)
    platform.log.append((str(handler.command), handler.path, status))
    handler.send_response(status, re.sub(r"[^ -~]", "?", reason))
    for name, value in more.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(out)))
    handler.end_headers()
    handler.wfile.write(out)


def parse_form(text: str) -> tuple[str, dict[str, str]]:
    """The first form of a page: its address and its hidden fields."""
    action = re.search(r'action="([^"]*)"', text)
    assert action, text
    body = text[action.end() :].partition("</form>")[0]
    fields = re.findall(r'name="([^"]*)"\s+value="([^"]*)"', body)
    return html.unescape(action[1]), {name: html.unescape(value) for name, value in fields}


def next_location(answer: requests.Response) -> str:
    """Where a redirect leads to."""
    return str(urljoin(answer.url, answer.headers["Location"]))


def _json(value: Any, status: int = 200, more: dict[str, str] | None = None) -> Answer:
    headers = {"Content-Type": "application/json", **(more or {})}
    return status, "OK" if status == 200 else "Bad Request", headers, json.dumps(value).encode()


def _page(body: str) -> Answer:
    text = f"<!doctype html><meta charset=utf-8><title>Course</title>{body}"
    return 200, "OK", {"Content-Type": "text/html; charset=utf-8"}, text.encode()


def _post_form(action: str, fields: dict[str, str]) -> Answer:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in fields.items()
    )
    return _page(
        f'<form method="post" action="{html.escape(action)}">{hidden}<button>Go on</button></form>'
        "<script>document.forms[0].submit()</script>"
    )


def _course(user: str, client_id: str) -> Answer:
    query = html.escape(urlencode({"user": user, "client_id": client_id}))
    return _page(
        f'<h1>DL101</h1><p><a id="window" target="_blank" href="/start?{query}">new window</a></p>'
        f'<p><a id="here" href="/start?{query}">here</a></p>'
        f'<p><a id="frame" href="/frame?{query}">frame</a></p>'
        f'<p><a id="place" href="/start?{query}&amp;message=LtiDeepLinkingRequest">add an activity</a></p>'
    )


def _deep_linking(claims: dict[str, Any], url: str) -> dict[str, Any]:
    kept = {
        name: value for name, value in claims.items() if not name.endswith(("resource_link", "claim/endpoint"))
    }
    settings = {
        "deep_link_return_url": f"{url}/deep-link-return",
        "accept_types": ["ltiResourceLink"],
        "accept_presentation_document_targets": ["iframe", "window"],
        "accept_multiple": False,
        "auto_create": False,
        "data": "kept for you",
    }
    return kept | {f"{LTI}message_type": "LtiDeepLinkingRequest", f"{DL}deep_linking_settings": settings}


def _public(kid: str) -> dict[str, Any]:
    jwk = RSAAlgorithm.to_jwk(key_pair(kid).public_key(), as_dict=True)
    return {**jwk, "kid": kid, "alg": "RS256", "use": "sig"}


def _scope(method: str, rest: list[str]) -> str:
    if rest[0] == "CourseSection":
        return "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
    kinds = {"scores": "score", "results": "result.readonly"}
    return "https://purl.imsglobal.org/spec/lti-ags/scope/" + kinds.get(rest[-1], "lineitem")
