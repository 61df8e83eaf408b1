"""Check of SECRETS_KEY: whether it reads the webhook secrets in the database."""

from app.domain.text import count_of
from app.domain.webhook.secret_cipher import SecretCipher
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.services.checks.check import Check, failed, ok, warning
from app.services.webhooks.stored_secrets import check_stored_secrets

_NAME = "webhook secrets"
# Enough to notice another key.
_WEBHOOKS = 100


async def check_webhook_secrets(pool: Pool, cipher: SecretCipher) -> list[Check]:
    """The check; none where the tables cannot be read, which another check says."""
    try:
        stored = await check_stored_secrets(pool, cipher, _WEBHOOKS)
    except DATABASE_UNAVAILABLE:
        return []
    if stored.unreadable:
        seen = f"SECRETS_KEY does not read the secrets of {count_of(stored.unreadable, 'webhook')}"
        return [failed(_NAME, seen, "set SECRETS_KEY to the key that encrypted them")]
    if not cipher.has_key:
        return [warning(_NAME, "SECRETS_KEY is not set, so they lie in clear in the database", "set SECRETS_KEY")]
    if stored.clear:
        seen = f"those of {count_of(stored.clear, 'webhook')} lie in clear in the database"
        return [warning(_NAME, seen, "run `assay webhooks encrypt`")]
    return [ok(_NAME, "encrypted with SECRETS_KEY")]
