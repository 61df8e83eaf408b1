"""Who a token belongs to."""

from typing import Any, Protocol

import jwt

from app.domain.states import Role
from app.services.caller import Caller

_KNOWN = {role.value for role in Role}
# Longer ones are no names of people, and would be stored with each assessment.
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
                # `iat` is for information: a clock a second ahead is no reason to turn someone away.
                options={"require": ["exp", "sub"], "verify_aud": self._audience is not None, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise BadToken("the token is not valid") from error
        return caller_of(claims)


def caller_of(claims: dict[str, Any]) -> Caller:
    """The caller in verified claims; unknown roles are ignored.

    Raises:
        BadToken: `sub` is no name.
    """
    sub, roles = claims.get("sub"), claims.get("roles")
    if not isinstance(sub, str) or not 0 < len(sub) <= _SUB_CHARACTERS or not sub.isprintable():
        raise BadToken("the token names nobody")
    named = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
    return Caller(sub, frozenset(Role(role) for role in named if role in _KNOWN))
