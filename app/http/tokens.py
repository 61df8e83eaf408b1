"""Making tokens, for demonstrations and operators."""

import time
from collections.abc import Sequence
from typing import Any

import jwt

from app.settings import Settings


def issue(settings: Settings, sub: str, roles: Sequence[str], seconds: int) -> str:
    """A token that this deployment's server accepts for so many seconds.

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
