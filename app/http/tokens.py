"""Bearer tokens: verifying those of callers, and issuing ones for demonstrations and operators."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
import structlog

from app.domain.states import Role
from app.services.caller import Caller
from app.settings import Settings

log = structlog.get_logger()

NO_ROLE = "the token has no known role: `roles` must be a list that names one"
_KNOWN_ROLES = {role.value for role in Role}
# A `sub` is stored with each assessment of its owner; longer ones are no names of people.
_SUB_CHARACTERS = 255
# Seconds that the clocks of issuer and server may differ.
_LEEWAY = 5
# The year 9999; timers cannot be set for any later time.
_LATEST = 253_402_300_799

# What the caller may read of a refusal. Claims are checked after the signature, so only the holder of a token that this
# server's secret has signed gets to know more than that it is not valid.
_DETAILS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet: `nbf` is in the future",
    jwt.InvalidIssuerError: "the token's `iss` is not the issuer that this server accepts",
    jwt.InvalidAudienceError: "the token's `aud` does not name this server",
    jwt.exceptions.InvalidSubjectError: "the token's `sub` is not a text",
}
# The same for errors that only the library's message tells apart.
_DETAILS_OF_MESSAGES = {
    "Expiration Time claim (exp) must be an integer.": "the token's `exp` is not a number",
    "Not Before claim (nbf) must be an integer.": "the token's `nbf` is not a number",
}
# What only the log says.
_REASONS: dict[type[Exception], str] = {
    jwt.InvalidSignatureError: "the signature does not fit the secret",
    jwt.InvalidAlgorithmError: "the algorithm is not HS256",
    jwt.DecodeError: "it does not have the form of a JSON Web Token",
    jwt.InvalidTokenError: "its header has an extension or a key id that is not supported",
}


class BadToken(Exception):
    """The token proves nothing. The message may be shown to the caller; `reason` is for the log and says more. Neither
    repeats anything of the token."""

    def __init__(self, detail: str, reason: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason or detail


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request has no caller: for the caller, and the value of `WWW-Authenticate`."""

    detail: str
    challenge: str


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
                leeway=_LEEWAY,
                options={
                    "require": ["exp", "sub"],
                    "verify_aud": self._audience is not None,
                    # Nothing depends on these: a clock that runs ahead or an id that is a number does no harm.
                    "verify_iat": False,
                    "verify_jti": False,
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _refusal(error) from error
        return _caller(claims)


def _refusal(error: Exception) -> BadToken:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return BadToken(f"the token has no `{error.claim}`")
    detail = _DETAILS.get(type(error)) or _DETAILS_OF_MESSAGES.get(str(error))
    # The library's messages may repeat parts of the token, so the log has the names of its other errors only.
    return BadToken(detail or "the token is not valid", detail or _REASONS.get(type(error), type(error).__name__))


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
    known = frozenset(Role(name) for name in names if name in _KNOWN_ROLES)
    if not known:
        log.info("token_without_role", reason=NO_ROLE if isinstance(roles, list) else "the token's `roles` is no list")
    return Caller(sub, known, _end_of(claims["exp"]))


def _end_of(exp: Any) -> float:
    """The unix time at which the token ends. One that is accepted only for the leeway ends with it."""
    seconds = min(int(exp), _LATEST)
    return seconds if seconds > time.time() else seconds + _LEEWAY
