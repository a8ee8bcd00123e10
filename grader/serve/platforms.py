"""The learning systems that are registered here, and what may be used only once: logins and invitations."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    Column,
    Engine,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
    UniqueConstraint,
    delete,
    insert,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from grader.serve.database import metadata, now
from grader.serve.records import Platform

LOGIN_S = 600.0  # from the click in the course to the launch
INVITE_S = 7 * 86400.0

platforms = Table(
    "platforms",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("issuer", String(500), nullable=False),
    Column("client_id", String(255), nullable=False),
    Column("login_url", String(2000), nullable=False),
    Column("token_url", String(2000), nullable=False),
    Column("keys_url", String(2000), nullable=False),
    Column("audience", String(2000), nullable=False, default=""),
    Column("name", String(500), nullable=False, default=""),
    UniqueConstraint("issuer", "client_id"),
)
deployments = Table(
    "deployments",
    metadata,
    Column("platform", ForeignKey("platforms.id", ondelete="CASCADE"), primary_key=True),
    Column("deployment", String(255), primary_key=True),
)
lti_logins = Table(
    "lti_logins",
    metadata,
    Column("state", String(64), primary_key=True),  # hashed, like everything secret below
    Column("nonce", String(64), nullable=False),
    Column("browser", String(64), nullable=False),
    Column("platform", ForeignKey("platforms.id", ondelete="CASCADE"), nullable=False),
    Column("expires", Float, nullable=False, index=True),
)
lti_invites = Table(
    "lti_invites",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("expires", Float, nullable=False),
)


@dataclass(frozen=True)
class Login:
    """A login that was begun: what its launch must agree with."""

    nonce: str  # hashed: see `digest`
    platform: Platform


def digest(secret: str) -> str:
    """What is kept of a secret: whoever reads the database cannot use it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def insertion(engine: Engine) -> Any:
    """`insert` with "on conflict", which SQLAlchemy has for each database separately."""
    return postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert


class Platforms:
    """The registered platforms, in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, platform: Platform, deployments: Iterable[str] = ()) -> Platform:
        """Add a platform, or change the one with its issuer and client id. Deployments are only ever added.

        Returns it with its id. Checks no URL: that is `Services.register_by_hand`.
        """
        values = {
            name: getattr(platform, name)
            for name in ("issuer", "client_id", "login_url", "token_url", "keys_url", "audience", "name")
        }
        adding = insertion(self._engine)(platforms).values(values)
        adding = adding.on_conflict_do_update(
            index_elements=["issuer", "client_id"], set_={name: adding.excluded[name] for name in values}
        ).returning(platforms.c.id)
        with self._engine.begin() as connection:
            saved = replace(platform, id=connection.execute(adding).scalar_one())
        for deployment in deployments:
            self.add_deployment(saved, deployment)
        return saved

    def remove(self, platform: Platform) -> None:
        """Forget a platform; nobody can come from there any more."""
        with self._engine.begin() as connection:
            connection.execute(delete(platforms).where(platforms.c.id == platform.id))

    def all(self) -> tuple[Platform, ...]:
        """Every platform, by id."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(platforms).order_by(platforms.c.id)).mappings()
            return tuple(Platform(**row) for row in rows)

    def get(self, id: int) -> Platform | None:
        """The platform with this id."""
        return next((each for each in self.all() if each.id == id), None)

    def find(self, issuer: str, client_id: str) -> Platform | None:
        """The platform with exactly this issuer and client id."""
        return next((each for each in self.all() if (each.issuer, each.client_id) == (issuer, client_id)), None)

    def add_deployment(self, platform: Platform, deployment: str) -> None:
        """Let people come from a deployment of a platform."""
        adding = insertion(self._engine)(deployments).values(platform=platform.id, deployment=deployment)
        with self._engine.begin() as connection:
            connection.execute(adding.on_conflict_do_nothing())

    def deployments(self, platform: Platform) -> tuple[str, ...]:
        """The deployments of a platform that people may come from."""
        column = deployments.c.deployment
        with self._engine.connect() as connection:
            asked = select(column).where(deployments.c.platform == platform.id).order_by(column)
            return tuple(connection.execute(asked).scalars())

    # ------------------------------------------------------------ logins

    def begin(self, platform: Platform, state: str, nonce: str, browser: str) -> None:
        """Remember a login: this state and nonce, for one launch, from this browser, from this platform."""
        self.forget_expired()
        row = {
            "state": digest(state),
            "nonce": digest(nonce),
            "browser": digest(browser),
            "platform": platform.id,
            "expires": now() + LOGIN_S,
        }
        with self._engine.begin() as connection:
            connection.execute(insert(lti_logins).values(row))

    def finish(self, state: str, browser: str) -> Login | None:
        """Take the login with this state, if this browser began it; nobody can take it again."""
        taking = (
            delete(lti_logins)
            .where(lti_logins.c.state == digest(state), lti_logins.c.browser == digest(browser))
            .returning(lti_logins.c.nonce, lti_logins.c.platform, lti_logins.c.expires)
        )
        with self._engine.begin() as connection:
            row = connection.execute(taking).one_or_none()
        platform = self.get(row.platform) if row is not None and row.expires > now() else None
        return Login(row.nonce, platform) if row is not None and platform else None

    # ------------------------------------------------------------ invitations

    def invite(self, lifetime_s: float = INVITE_S) -> str:
        """A token with which one platform can register itself."""
        token = secrets.token_urlsafe(32)
        self._keep_invite(digest(token), now() + lifetime_s)
        return token

    def invited(self, token: str) -> bool:
        """Whether a registration with this token would be taken now."""
        with self._engine.connect() as connection:
            asked = select(lti_invites.c.expires).where(lti_invites.c.token == digest(token))
            expires = connection.execute(asked).scalar_one_or_none()
        return expires is not None and expires > now()

    def take_invite(self, token: str) -> float:
        """Use a token up; nobody else can. Returns when it would have expired, 0 where it is not valid."""
        taking = delete(lti_invites).where(lti_invites.c.token == digest(token)).returning(lti_invites.c.expires)
        with self._engine.begin() as connection:
            expires = connection.execute(taking).scalar_one_or_none()
        return float(expires) if expires is not None and expires > now() else 0.0

    def return_invite(self, token: str, expires: float) -> None:
        """Make a token valid again, after a registration that came to nothing."""
        self._keep_invite(digest(token), expires)

    def forget_expired(self) -> None:
        """Drop logins and invitations that nobody can use any more."""
        with self._engine.begin() as connection:
            for table in (lti_logins, lti_invites):
                connection.execute(delete(table).where(table.c.expires <= now()))

    def _keep_invite(self, token: str, expires: float) -> None:
        with self._engine.begin() as connection:
            connection.execute(insert(lti_invites).values(token=token, expires=expires))
