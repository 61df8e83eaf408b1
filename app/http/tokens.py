"""Bearer tokens: verifying those of callers, and issuing ones for demonstrations and operators."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import jwt
import structlog

from app.clients.jwks.key_set import ALGORITHMS, KeySet
from app.domain.api_key import SUB_PREFIX
from app.domain.principal import principal_of
from app.domain.states import Role
from app.http.token_cache import TokenCache
from app.http.token_form import BadForm, read_header
from app.services.caller import Caller
from app.settings import Settings, WrongSetting

log = structlog.get_logger()

# The challenge in the answer to a token that is not, or no longer, accepted (RFC 6750).
CHALLENGE = 'Bearer realm="assay", error="invalid_token"'
NO_ROLE = "the token has no known role: `roles` must be a list that names one"
_KNOWN_ROLES = {role.value for role in Role}
# A `sub` is stored with each assessment of its owner; longer ones are no names of people.
_SUB_CHARACTERS = 255
# Seconds that the clocks of issuer and server may differ.
_LEEWAY = 5
# The end of the year 9999.
_LATEST = 253_402_300_799
_NOT_VALID = "the token is not valid"
_WRONG_SIGNATURE = "the signature does not fit the key"

# What the caller may read of a refusal. Claims are checked after the signature, so only the holder of a token that was
# signed for this server gets to know more than that it is not valid.
_DETAILS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet: `nbf` is in the future",
    jwt.InvalidIssuerError: "the token's `iss` is not the issuer that this server accepts",
    jwt.InvalidAudienceError: "the token's `aud` does not name this server",
    jwt.exceptions.InvalidSubjectError: "the token's `sub` is not a text",
}


# The same for errors that only the library's message tells apart.
_NO_TIME = "the token's `{}` is not a number of seconds"
_DETAILS_OF_MESSAGES = {
    "Expiration Time claim (exp) must be an integer.": _NO_TIME.format("exp"),
    "Not Before claim (nbf) must be an integer.": _NO_TIME.format("nbf"),
}


class BadToken(Exception):
    """The token proves nothing. The message may be shown to the caller; `reason` is for the log and says more. Neither
    repeats anything of the token."""

    def __init__(self, detail: str, reason: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason or detail


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request has no caller: for the caller, and the value of `WWW-Authenticate`. Without one, it is not the
    caller's fault."""

    detail: str
    challenge: str | None = None


class _WrongSignature(BadToken):
    """The key has not signed the token."""


class _UnknownKey(BadToken):
    """A newer set may have the key that has signed the token."""


class TokenVerifier(Protocol):
    """Turns a bearer token into a caller; the kind of keys and the algorithm are fixed by configuration."""

    async def verify(self, token: str) -> Caller:
        """The caller.

        Raises:
            BadToken: the token proves nothing.
            KeysUnavailable: it cannot be verified at the moment.
        """


class KeySource(Protocol):
    """Delivers a provider's keys."""

    @property
    def newest(self) -> KeySet | None:
        """The newest set that was fetched, at once."""

    async def read(self) -> KeySet:
        """The newest set. Raises `KeysUnavailable`."""

    async def read_for_unknown_key(self) -> KeySet:
        """The set, fetched again if it may have changed. Raises `KeysUnavailable`."""


class SharedSecretVerifier:
    """HS256 with one secret (RFC 8725: one algorithm for one key, never the token's choice)."""

    def __init__(self, secret: str, issuer: str | None, audience: str | None) -> None:
        self._secret = secret
        self._issuer = issuer
        self._audience = audience
        self._cache = TokenCache()

    async def verify(self, token: str) -> Caller:
        """The caller.

        Raises:
            BadToken: signature, form, `exp`, `sub`, `iss` or `aud` is wrong or missing.
        """
        caller = self._cache.find(token, self._secret)
        if caller is None:
            if _read_header(token).get("alg") != "HS256":
                raise BadToken(_NOT_VALID, "the algorithm is not HS256")
            caller = caller_of(_decode(token, self._secret, "HS256", self._issuer, self._audience), issuer=None)
            self._cache.add(token, self._secret, caller)
        return caller


class KeySetVerifier:
    """RS256, ES256 or EdDSA with the keys of an identity provider. The type of a key decides about the algorithm; the
    token names one of the keys (`kid`), and nothing else in its header counts, least of all a key or an address."""

    def __init__(self, keys: KeySource, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._cache = TokenCache()

    async def verify(self, token: str) -> Caller:
        """The caller.

        Raises:
            BadToken: signature, form, `exp`, `sub`, `iss` or `aud` is wrong or missing.
            KeysUnavailable: the provider has not delivered any keys yet.
        """
        keys = self._keys.newest
        caller = self._cache.find(token, keys)
        if caller is None:
            caller = caller_of(await self.read_claims(token), self._issuer)
            # With the set from before: if there is a newer one by now, the next request verifies again.
            self._cache.add(token, keys, caller)
        return caller

    async def read_claims(self, token: str) -> dict[str, Any]:
        """The claims of a valid token. Raises as `verify`."""
        header = _read_header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise BadToken(_NOT_VALID, f"the algorithm is none of {', '.join(sorted(ALGORITHMS))}")
        if not isinstance(kid, str | None):
            raise BadToken(_NOT_VALID, "the `kid` is no text")
        try:
            return self._verify_with(await self._keys.read(), token, algorithm, kid)
        except _UnknownKey:
            return self._verify_with(await self._keys.read_for_unknown_key(), token, algorithm, kid)

    def _verify_with(self, keys: KeySet, token: str, algorithm: str, kid: str | None) -> dict[str, Any]:
        named = keys.find(kid)
        if not named:
            raise _UnknownKey(_NOT_VALID, "the set has no key with the token's `kid`")
        suitable = [key for key in named if key.algorithm == algorithm]
        if not suitable:
            raise BadToken(_NOT_VALID, "the algorithm is not the one of the key")
        for key in suitable:
            with suppress(_WrongSignature):
                return _decode(token, key.jwk, key.algorithm, self._issuer, self._audience)
        # If a key without `kid` was replaced, only the signature shows it.
        kind = _UnknownKey if suitable[0].kid is None else BadToken
        raise kind(_NOT_VALID, _WRONG_SIGNATURE)


def _read_header(token: str) -> Mapping[str, Any]:
    try:
        return read_header(token)
    except BadForm as error:
        raise BadToken(_NOT_VALID, str(error)) from None


def _decode(
    token: str, key: str | jwt.PyJWK, algorithm: str, issuer: str | None, audience: str | None
) -> dict[str, Any]:
    """The claims of a token that this key has signed.

    Raises:
        BadToken.
    """
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=audience,
            leeway=_LEEWAY,
            options={
                "require": ["exp", "sub"],
                "verify_aud": audience is not None,
                # Nothing depends on these: a clock that runs ahead or an id that is a number does no harm.
                "verify_iat": False,
                "verify_jti": False,
            },
        )
    except jwt.InvalidSignatureError as error:
        raise _WrongSignature(_NOT_VALID, _WRONG_SIGNATURE) from error
    except jwt.MissingRequiredClaimError as error:
        raise BadToken(f"the token has no `{error.claim}`") from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        detail = _DETAILS.get(type(error)) or _DETAILS_OF_MESSAGES.get(str(error))
        # The library's messages may repeat parts of the token, so the log has the names of its other errors only.
        raise BadToken(detail or _NOT_VALID, detail or type(error).__name__) from error
    # The library reads a number out of a text and out of true, too.
    for name in ("exp", "nbf"):
        if name in claims and not _is_time(claims[name]):
            raise BadToken(_NO_TIME.format(name))
    return claims


def _is_time(value: Any) -> bool:
    """Whether it is a number of seconds, whole or not, before the year 10000: timers cannot be set for later times."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value <= _LATEST


def issue_token(settings: Settings, sub: str, roles: Sequence[str], seconds: int) -> str:
    """A token that this deployment's server accepts for this many seconds.

    Raises:
        WrongSetting: there is no secret to sign with.
    """
    if settings.jwt_jwks_url:
        raise WrongSetting(
            "JWT_JWKS_URL is set, so there is no secret here to sign with: the provider of these keys issues the tokens"
        )
    now = int(time.time())
    claims: dict[str, Any] = {"sub": sub, "roles": list(roles), "iat": now, "exp": now + seconds}
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    return jwt.encode(claims, settings.secret("jwt_secret"), algorithm="HS256")


def caller_of(claims: dict[str, Any], issuer: str | None) -> Caller:
    """The caller in verified claims; unknown roles are ignored. `issuer` is stored with the person."""
    sub, roles = claims.get("sub"), claims.get("roles")
    if not isinstance(sub, str) or not 0 < len(sub) <= _SUB_CHARACTERS or not sub.isprintable():
        raise BadToken("the token's `sub` is not a name")
    if sub.startswith(SUB_PREFIX):
        raise BadToken("the token's `sub` is one of an API key")
    names = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
    known = _shared(frozenset(Role(name) for name in names if name in _KNOWN_ROLES))
    if not known:
        log.info("token_without_role", reason=NO_ROLE if isinstance(roles, list) else "the token's `roles` is no list")
    return Caller(principal_of(sub, issuer), known, _end_of(claims["exp"]))


@cache
def _shared(roles: frozenset[Role]) -> frozenset[Role]:
    """The same object for the same roles: thousands of callers wait."""
    return roles


def _end_of(exp: float) -> float:
    """The unix time at which the token ends. One that is accepted only for the leeway ends with it."""
    return exp if exp > time.time() else exp + _LEEWAY
