"""Login and launch, around pylti1p3 (https://github.com/pylti1p3next/pylti1p3next).

What the library takes too lightly is done here instead; docs/lms/lti-protocol.md says what and why. Its services
for grades and names are not used at all: see gradebook.py. (Answers to deep linking: deep_linking.py.)
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any

import jwt
from pylti1p3.cookie import CookieService
from pylti1p3.exception import LtiException, OIDCException
from pylti1p3.message_launch import MessageLaunch
from pylti1p3.oidc_login import OIDCLogin
from pylti1p3.redirect import Redirect
from pylti1p3.registration import Registration
from pylti1p3.request import Request
from pylti1p3.session import SessionService
from pylti1p3.tool_config import ToolConfAbstract

from grader.serve import claims
from grader.serve.claims import Claims, Malformed
from grader.serve.outgoing import NotAllowed
from grader.serve.platform_keys import NoKey
from grader.serve.platforms import Login, digest
from grader.serve.records import Platform
from grader.serve.refusals import Refusal
from grader.serve.services import Services

CLOCK_SKEW_S = 60
ALGORITHM = "RS256"
MESSAGES = (claims.RESOURCE_MESSAGE, claims.DEEP_LINKING_MESSAGE)
Fields = Mapping[str, str]


def begin_login(services: Services, fields: Fields, browser: str) -> str:
    """OpenID Connect login that the platform initiated: the URL at the platform where the browser is sent now.

    `browser` is the secret of this browser's cookie. Raises Refusal.
    """
    target = fields.get("target_link_uri", "")
    if not services.ours(target):
        raise Refusal("target", f"target_link_uri {target[:200]!r} does not begin with {services.public_url}")
    remembered, registered = _Remembered(), _Registered(services)
    login = _Login(_Given(fields), registered, session_service=_NoSession(remembered), cookie_service=remembered)
    try:
        url: str = login.redirect(services.address("/lti/launch"))
    except OIDCException as error:
        raise Refusal("message", str(error)) from None
    services.platforms.begin(registered.found, remembered.state, remembered.nonce, browser)
    return url


def verify(services: Services, fields: Fields, browser: str) -> tuple[Platform, Claims]:
    """Check a launch in every respect. Returns where it comes from and what it says. Raises Refusal."""
    launch = _Launch(services, fields, browser)
    try:
        launch.validate()
    except LtiException as error:
        raise Refusal("message", str(error)) from None
    except Malformed as error:
        raise Refusal("message", str(error)) from None
    return launch.login.platform, launch.body


# ---------------------------------------------------------------- login


class _Given(Request):
    """The parameters of a request."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def get_param(self, key: str) -> str:
        return self._fields.get(key, "")


class _Registered(ToolConfAbstract[_Given]):
    """The library's view of our platforms: always by issuer and client id."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.found: Platform

    def check_iss_has_one_client(self, iss: str) -> bool:
        return False

    def check_iss_has_many_clients(self, iss: str) -> bool:
        return True

    def find_registration_by_params(self, iss: str, client_id: str, *_: Any, **__: Any) -> Registration:
        self.found = self._find(iss, client_id)
        registration = Registration().set_issuer(self.found.issuer).set_client_id(self.found.client_id)
        return registration.set_auth_login_url(self.found.login_url)

    def _find(self, issuer: str, client_id: str) -> Platform:
        """A login may leave the client id out; then there must be no choice."""
        known = [each for each in self._services.platforms.all() if each.issuer == issuer]
        fitting = [each for each in known if each.client_id == client_id] if client_id else known
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise Refusal("unregistered", f"{issuer} has several client IDs here and sent none")
        raise Refusal("unregistered", f"issuer {issuer[:200]!r}, client ID {client_id[:200]!r}")


class _Remembered(CookieService):
    """Catches the state and the nonce that the library makes: both are kept by us, for one launch."""

    def __init__(self) -> None:
        self.state = ""
        self.nonce = ""

    def get_cookie(self, name: str) -> str | None:
        return None

    def set_cookie(self, name: str, value: str | int, exp: int | None = 3600) -> None:
        self.state = name


class _NoSession(SessionService):
    def __init__(self, remembered: _Remembered) -> None:
        self._remembered = remembered

    def save_nonce(self, nonce: str) -> None:
        self._remembered.nonce = nonce


class _Address(Redirect[str]):
    def __init__(self, url: str) -> None:
        self._url = url

    def do_redirect(self) -> str:
        return self._url


class _Login(OIDCLogin[_Given, _Registered, _NoSession, _Remembered, str]):
    def get_redirect(self, url: str) -> Redirect[str]:
        return _Address(url)

    def _get_uuid(self) -> str:
        return secrets.token_urlsafe(32)

    def _generate_nonce(self) -> str:
        return secrets.token_urlsafe(32)


# ---------------------------------------------------------------- launch


class _Launch(MessageLaunch[_Given, _Registered, SessionService, CookieService]):
    """The library's steps in the library's order; those it takes too lightly are taken here."""

    login: Login

    def __init__(self, services: Services, fields: Fields, browser: str) -> None:
        remembered = _Remembered()
        super().__init__(
            _Given(fields),
            _Registered(services),
            session_service=_NoSession(remembered),
            cookie_service=remembered,
        )
        self._services = services
        self._fields = fields
        self._browser = browser

    @property
    def body(self) -> dict[str, Any]:
        body: Any = self._jwt.get("body")
        return body if isinstance(body, dict) else {}

    def _get_request_param(self, key: str) -> str:
        return self._fields.get(key, "")

    def validate_state(self) -> _Launch:
        """One launch for one login, in the browser that began it. The library lets the same one in again."""
        state = self._fields.get("state", "")
        if "error" in self._fields:
            told = f"{self._fields['error']}: {self._fields.get('error_description', '')}"
            raise Refusal("message", f"the platform says {told[:300]!r}")
        if not state or "id_token" not in self._fields:
            raise Refusal("message", "a launch needs state and id_token")
        if not self._browser:
            raise Refusal("cookies", "no cookie came with the launch")
        login = self._services.platforms.finish(state, self._browser)
        if login is None:
            raise Refusal("state", "unknown state: used, too old, or begun in another browser")
        self.login = login
        return self

    def validate_jwt_format(self) -> _Launch:
        super().validate_jwt_format()
        header: Any = self._jwt.get("header")
        if not isinstance(header, dict) or not self.body:
            raise Refusal("message", "the id_token is no signed set of claims")
        if header.get("alg") != ALGORITHM:
            raise Refusal("signature", f"signed with {str(header.get('alg'))[:20]!r}, not with {ALGORITHM}")
        return self

    def validate_nonce(self) -> _Launch:
        """The nonce of this very login. The library takes any that it once made, as often as it comes."""
        nonce = self.body.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(digest(nonce), self.login.nonce):
            raise Refusal("state", "the nonce is not the one of this login")
        return self

    def validate_registration(self) -> _Launch:
        """For us, from where the login was sent to (OpenID Connect Core 1.0, 3.1.3.7: iss, aud, azp)."""
        platform, body = self.login.platform, self.body
        if body.get("iss") != platform.issuer:
            raise Refusal("unregistered", f"issuer {str(body.get('iss'))[:200]!r} instead of {platform.issuer!r}")
        audience = body.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        party = body.get("azp", platform.client_id if len(audiences) == 1 else None)
        if platform.client_id not in audiences or party != platform.client_id:
            told = f"aud {audience!r}, azp {body.get('azp')!r}"[:300]
            raise Refusal("unregistered", f"{told} instead of client ID {platform.client_id!r}")
        return self

    def validate_jwt_signature(self) -> _Launch:
        """RS256 by the platform's own key, in time. From here on only what was verified is read, again too."""
        platform, kid = self.login.platform, self._jwt.get("header", {}).get("kid")
        if not isinstance(kid, str) or not kid:
            raise Refusal("signature", "the id_token does not name its key")
        try:
            key = self._services.platform_keys.find(platform.keys_url, kid)
            verified = jwt.decode(
                self._fields["id_token"],
                key.key,
                algorithms=[ALGORITHM],
                audience=platform.client_id,
                issuer=platform.issuer,
                leeway=CLOCK_SKEW_S,
                options={"require": ["exp", "iat"], "verify_sub": False},
            )
        except NoKey as error:
            raise Refusal("key", str(error)) from None
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
            raise Refusal(
                "expired", f"{error}; it is {time.strftime('%H:%M:%S', time.gmtime())} UTC here"
            ) from None
        except jwt.InvalidSignatureError as error:
            raise Refusal("signature", str(error)) from None
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as error:
            raise Refusal("message", str(error)) from None
        self._jwt["body"] = verified
        return self.validate_nonce().validate_registration()

    def validate_deployment(self) -> _Launch:
        deployment, known = (
            self.body.get(claims.DEPLOYMENT),
            self._services.platforms.deployments(self.login.platform),
        )
        if deployment not in known:
            raise Refusal("deployment", f"deployment ID {str(deployment)[:200]!r} of {self.login.platform.issuer}")
        return self

    def validate_message(self) -> _Launch:
        """That claims are of their type, which the library takes for granted; then its rules for messages."""
        body = self.body
        if not isinstance(body.get("sub"), str) or not body["sub"].strip():
            raise Refusal("user", "the id_token has no sub")
        if body.get(claims.MESSAGE) not in MESSAGES:
            raise Refusal("message", f"message type {str(body.get(claims.MESSAGE))[:80]!r}")
        objects = (claims.LINK, claims.DEEP_LINKING, claims.CONTEXT, claims.CUSTOM, claims.GRADES, claims.NAMES)
        self._jwt["body"] = body | {name: claims.section(body, name) for name in objects if name in body}
        target = body.get(claims.TARGET)
        if not isinstance(target, str) or not self._services.ours(target):
            raise Refusal("target", f"target_link_uri {str(target)[:200]!r}")
        super().validate_message()
        if body[claims.MESSAGE] == claims.DEEP_LINKING_MESSAGE:
            self._validate_return()
        return self

    def _validate_return(self) -> None:
        """Where the browser will send our answer to. The library checks that there are settings, not this."""
        url = claims.section(self.body, claims.DEEP_LINKING).get("deep_link_return_url")
        try:
            self._services.outgoing.check(url if isinstance(url, str) else "")
        except NotAllowed as error:
            raise Refusal("message", f"deep_link_return_url: {error}") from None

    def save_launch_data(self) -> _Launch:
        """Nothing is kept: what pages need goes on in the Visit."""
        return self
