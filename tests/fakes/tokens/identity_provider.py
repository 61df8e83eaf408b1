"""An identity provider on loopback: it publishes a JWK set, well or badly, and its keys sign tokens."""

import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.settings import Settings
from tests.fakes.webhook_receiver import Behaviour, WebhookReceiver, answer, webhook_receiver

ISSUER = "https://login.example"
AUDIENCE = "assay"


@dataclass(frozen=True)
class ProviderKey:
    """A key pair of the provider."""

    kid: str | None
    algorithm: str
    private: Any

    def public(self, **members: Any) -> dict[str, Any]:
        """The public key as a member of a JWK set; `members` replace those that it has, and None leaves one out."""
        kind: Any = jwt.get_algorithm_by_name(self.algorithm)
        jwk = kind.to_jwk(self.private.public_key(), as_dict=True)
        values = {name: value for name, value in jwk.items() if name != "key_ops"} | {"kid": self.kid} | members
        return {name: value for name, value in values.items() if value is not None}

    def token(self, sub: str = "student-1", *roles: str, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token of this provider."""
        return self.sign(valid_claims(sub=sub, roles=list(roles) or ["student"], **claims), header)

    def sign(self, claims: Any, header: dict[str, Any] | None = None) -> str:
        """A token with any claims and header, None leaving out a member; bytes are taken as they are."""
        signing_input = f"{encode_part(self.header(header or {}))}.{encode_part(claims)}"
        return f"{signing_input}.{encode(self.signature(signing_input))}"

    def header(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The header of its tokens with changes."""
        values = {"alg": self.algorithm, "typ": "JWT", "kid": self.kid} | changes
        return {name: value for name, value in values.items() if value is not None}

    def signature(self, signing_input: str) -> bytes:
        """The signature in the form of a JWT."""
        signed: bytes = jwt.get_algorithm_by_name(self.algorithm).sign(signing_input.encode(), self.private)
        return signed


class IdentityProvider:
    """Publishes the public keys in `keys`, or behaves as `behaviour` says."""

    def __init__(self, receiver: WebhookReceiver) -> None:
        self.receiver = receiver
        self.url = receiver.url

    def publish(self, *members: Any, content_type: str = "application/json") -> None:
        """Answers with a set of these members from now on."""
        body = orjson.dumps({"keys": list(members)})
        self.behave(answer(200, {"Content-Type": content_type}, body))

    def behave(self, behaviour: Behaviour) -> None:
        """Answers like this from now on."""
        self.receiver.default = behaviour

    @property
    def fetches(self) -> int:
        """How often the set was requested."""
        return len(self.receiver.requests)


@asynccontextmanager
async def identity_provider(*members: Any) -> AsyncIterator[IdentityProvider]:
    """A provider that publishes these members of a set."""
    async with webhook_receiver() as receiver:
        provider = IdentityProvider(receiver)
        provider.publish(*members)
        yield provider


def with_provider(settings: Settings, url: str, issuer: str = ISSUER) -> Settings:
    """The settings of a deployment that trusts the provider at this address."""
    values = {"jwt_secret": None, "jwt_jwks_url": url, "jwt_issuer": issuer, "jwt_audience": AUDIENCE}
    return settings.model_copy(update=values)


@cache
def rsa_key(kid: str | None = "rsa", bits: int = 2048) -> ProviderKey:
    """An RSA key; the same one for the same `kid`."""
    return ProviderKey(kid, "RS256", rsa.generate_private_key(public_exponent=65537, key_size=bits))


@cache
def ec_key(kid: str | None = "ec", curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ProviderKey:
    """A key of an elliptic curve."""
    return ProviderKey(kid, "ES256", ec.generate_private_key(curve()))


@cache
def ed_key(kid: str | None = "ed", kind: type[Ed25519PrivateKey | Ed448PrivateKey] = Ed25519PrivateKey) -> ProviderKey:
    """An Edwards-curve key."""
    return ProviderKey(kid, "EdDSA", kind.generate())


def valid_claims(**claims: Any) -> dict[str, Any]:
    """Valid claims with some changed; None leaves one out."""
    values = {
        "sub": "student-1",
        "roles": ["student"],
        "exp": int(time.time()) + 600,
        "iss": ISSUER,
        "aud": AUDIENCE,
    } | claims
    return {name: value for name, value in values.items() if value is not None}


def encode_part(value: Any) -> str:
    """A part of a JWT."""
    return encode(value if isinstance(value, bytes) else orjson.dumps(value))


def encode(raw: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(raw).decode().rstrip("=")
