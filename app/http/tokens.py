"""Bearer tokens: verifying those of callers, and issuing ones for demonstrations and operators."""

import time
from collections.abc import Sequence
from typing import Any, Protocol

import jwt

from app.domain.states import Role
from app.services.caller import Caller
from app.settings import Settings

_KNOWN_ROLES = {role.value for role in Role}
# A `sub` is stored with each assessment of its owner; longer ones are no names of people.
_SUB_CHARACTERS = 255


class BadToken(Exception):
    """The token proves nothing."""


class TokenVerifier(Protocol):
    """Turns a bearer token into a caller; the kind of keys and the algorithm are fixed by configuration."""

    async def verify(self, token: str) -> Caller:
        """The caller. Raises `BadToken`."""


class SharedSecretVerifier:
    """HS256 with one secret (RFC 8725: one algorithm for one key, never the token's choice)."""

    def __init__(self, secret: str, issuer: str | None, audience: str | None) -> None:
        self._secret = secret
        self._issuer = issuer
        self._audience = audience

    async def verify(self, token: str) -> Caller:
        """The caller.

        Raises:
            BadToken: signature, form, `exp`, `sub`, `iss` or `aud` is wrong or missing.
        """
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                issuer=self._issuer,
                audience=self._audience,
                # `iat` is informative: a token of a clock that runs a second ahead is fine.
                options={"require": ["exp", "sub"], "verify_aud": self._audience is not None, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise BadToken("the token is not valid") from error
        return _caller(claims)


def issue_token(settings: Settings, sub: str, roles: Sequence[str], seconds: int) -> str:
    """A token that this deployment's server accepts for this many seconds.

    Raises:
        WrongSetting: there is no secret to sign with.
    """
    now = int(time.time())
    claims: dict[str, Any] = {"sub": sub, "roles": list(roles), "iat": now, "exp": now + seconds}
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    return jwt.encode(claims, settings.secret("jwt_secret"), algorithm="HS256")


def _caller(claims: dict[str, Any]) -> Caller:
    """The caller in verified claims; unknown roles are ignored."""
    sub, roles = claims.get("sub"), claims.get("roles")
    if not isinstance(sub, str) or not 0 < len(sub) <= _SUB_CHARACTERS or not sub.isprintable():
        raise BadToken("the token's `sub` is not a name")
    names = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
    return Caller(sub, frozenset(Role(name) for name in names if name in _KNOWN_ROLES))
