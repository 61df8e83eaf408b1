"""Check of the OpenID provider with which people sign in to the pages."""

from app.clients.jwks.key_cache import KeysUnavailable
from app.clients.oidc.provider import OpenIdProvider
from app.services.checks.check import Check, failed, ok

_NAME = "openid provider"


async def check_openid_provider(issuer: str, client_id: str) -> Check:
    """Fetches the provider's configuration and its keys, as the server does."""
    try:
        keys = await OpenIdProvider(issuer, client_id, None).read()
    except KeysUnavailable as error:
        return failed(_NAME, str(error), "check OIDC_ISSUER, and that this machine may connect to it")
    if not keys.keys:
        return failed(_NAME, "no usable key", "let the provider sign with RS256, ES256 or EdDSA")
    return ok(_NAME, f"usable keys: {', '.join(map(str, keys.keys))}")
