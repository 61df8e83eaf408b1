"""Check of the identity provider's keys that tokens are verified with."""

from app.clients.jwks.fetch import JwksError, fetch_key_set
from app.services.checks.check import Check, failed, ok, warning

_NAME = "jwks"


async def check_token_keys(url: str) -> Check:
    """Fetches the key set once, as the server does."""
    try:
        key_set = await fetch_key_set(url)
    except JwksError as error:
        return failed(_NAME, str(error), "check JWT_JWKS_URL, and that this machine may connect to it")
    remarks = "".join(f"; {remark}" for remark in key_set.remarks)
    if not key_set.keys:
        return failed(_NAME, f"no usable key{remarks}", "let the provider sign with RS256, ES256 or EdDSA")
    seen = f"usable: {', '.join(map(str, key_set.keys))}{remarks}"
    if remarks:
        return warning(_NAME, seen, "nothing, if tokens are signed with the usable keys; else ask the provider")
    return ok(_NAME, seen)
