"""Our RSA key pairs: made once, kept in the database, published as a JWKS (RFC 7517)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import Column, Engine, Float, Integer, String, Table, Text, func, select

from grader.serve.database import metadata, now
from grader.serve.platforms import insertion

BITS = 2048

lti_keys = Table(
    "lti_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("kid", String(64), nullable=False, unique=True),
    Column("private", Text, nullable=False),  # PEM; who can read the database can speak for this tool
    Column("made_at", Float, nullable=False),
)


@dataclass(frozen=True)
class Key:
    """A key pair. `kid` is its thumbprint (RFC 7638)."""

    kid: str
    private: str = field(repr=False)  # PEM
    public: Mapping[str, Any]  # as JWK


class Keys:
    """All key pairs of this tool: the newest signs, the older ones stay published until nobody needs them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def signing(self) -> Key:
        """The newest pair; the very first one is made here, once, however many processes ask at a time."""
        found = self._all()
        if not found:
            self._add(1)
            found = self._all()
        return found[-1]

    def renew(self) -> Key:
        """A new pair, which signs from now on."""
        self.signing()
        with self._engine.connect() as connection:
            last = connection.execute(select(func.max(lti_keys.c.id))).scalar_one()
        self._add(last + 1)
        return self.signing()

    def jwks(self) -> dict[str, Any]:
        """The public halves, as platforms fetch them."""
        self.signing()
        return {"keys": [dict(key.public) for key in self._all()]}

    def _all(self) -> list[Key]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(lti_keys.c.private).order_by(lti_keys.c.id)).scalars()
            return [_key(private) for private in rows]

    def _add(self, id: int) -> None:
        """Unless another process was first: its pair is as good."""
        private = _pem(generate_private_key(public_exponent=65537, key_size=BITS))
        adding = insertion(self._engine)(lti_keys).values(
            id=id, kid=_key(private).kid, private=private, made_at=now()
        )
        with self._engine.begin() as connection:
            connection.execute(adding.on_conflict_do_nothing())


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _key(private: str) -> Key:
    pair = serialization.load_pem_private_key(private.encode(), password=None)
    if not isinstance(pair, RSAPrivateKey):
        raise ValueError("the database holds a key that is not RSA")
    jwk = RSAAlgorithm.to_jwk(pair.public_key(), as_dict=True)
    own = json.dumps({name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    kid = base64.urlsafe_b64encode(hashlib.sha256(own.encode()).digest()).rstrip(b"=").decode()
    return Key(
        kid, private, {"kty": "RSA", "n": jwk["n"], "e": jwk["e"], "kid": kid, "alg": "RS256", "use": "sig"}
    )
