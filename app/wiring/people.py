"""Whom staff mean by a `sub`."""

from app.domain.errors import NotFound
from app.domain.principal import principal_named
from app.domain.text import storable
from app.settings import Settings


def find_principal(settings: Settings, sub: str, issuer: str | None) -> str:
    """The principal with this `sub`, of the issuer that the deployment trusts; `issuer` names another one, for people
    who were stored before the issuer changed, and none if it is empty.

    Raises:
        NotFound: no person has such a `sub`.
    """
    if not storable(sub) or "\t" in sub:
        raise NotFound("there is no such person")
    # As tokens are read: with JWT_SECRET the `sub` alone is stored.
    return principal_named(sub, issuer, settings.jwt_issuer if settings.jwt_jwks_url else None)
