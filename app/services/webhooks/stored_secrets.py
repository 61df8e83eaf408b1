"""Webhook secrets as they are stored: reading those of a message, and encrypting those that are in clear."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from app.domain.records.webhooks import ClaimedDelivery, StoredSecrets
from app.domain.states import AuditAction, AuditEntity
from app.domain.webhook.secret_cipher import NONCE_BYTES, SecretCipher, UnreadableSecret, is_encrypted
from app.outages import WEBHOOK_SECRETS
from app.repositories import audit, subscriptions, webhooks
from app.repositories.sql import Executor, Pool

# The actor in the audit log.
ACTOR = "assay webhooks encrypt"
# Webhooks in one statement.
_BATCH = 500


@dataclass(frozen=True)
class EncryptedCounts:
    """Webhooks whose secrets were encrypted, and those that could not be read with any key."""

    encrypted: int = 0
    unreadable: int = 0

    def __add__(self, other: "EncryptedCounts") -> "EncryptedCounts":
        return EncryptedCounts(self.encrypted + other.encrypted, self.unreadable + other.unreadable)


@dataclass(frozen=True)
class StoredSecretsSummary:
    """How many webhooks were looked at, and of these, those with a secret in clear and those with one that cannot be
    read."""

    webhooks: int
    clear: int
    unreadable: int


def signing_secrets(cipher: SecretCipher, delivery: ClaimedDelivery) -> tuple[str, ...]:
    """The secrets that sign the message, the current one first. A replaced one that cannot be read is left out.

    Raises:
        UnreadableSecret: the current one cannot be read. It has been reported.
    """
    readable = []
    for stored in filter(None, (delivery.secret, delivery.old_secret)):
        try:
            readable.append(cipher.decrypt(stored, delivery.receiver))
        except UnreadableSecret as error:
            WEBHOOK_SECRETS.report(error, "delivering a webhook")
            if stored == delivery.secret:
                raise
    return tuple(readable)


def encrypted_secret(cipher: SecretCipher, secret: str, receiver: UUID) -> str:
    """What is stored of a secret."""
    return cipher.encrypt(secret, receiver, secrets.token_bytes(NONCE_BYTES))


def is_same_secret(cipher: SecretCipher, secret: str, stored: str | None, receiver: UUID) -> bool:
    """Whether the stored secret is this one; one that cannot be read is taken for another."""
    if stored is None:
        return False
    try:
        return secrets.compare_digest(cipher.decrypt(stored, receiver), secret)
    except UnreadableSecret:
        return False


async def encrypt_stored_secrets(
    pool: Pool, cipher: SecretCipher, previous: SecretCipher | None, batch: int = _BATCH
) -> AsyncIterator[EncryptedCounts]:
    """Encrypts secrets that are in clear, and those that only the `previous` key can read; yields what was done for
    each `batch` of so many webhooks. Servers and workers may go on meanwhile."""
    for table in (webhooks, subscriptions):
        last_id: UUID | None = None
        while stored := await table.list_secrets(pool, last_id, batch):
            last_id = stored[-1].of
            changes, unreadable = _encrypted_again(cipher, previous, stored)
            async with pool.acquire() as conn, conn.transaction():
                replaced = await table.replace_secrets(conn, changes) if changes else []
                for webhook_of in replaced:
                    await audit.record(conn, ACTOR, AuditAction.UPDATE, AuditEntity.WEBHOOK, str(webhook_of))
            yield EncryptedCounts(len(replaced), unreadable)


async def check_stored_secrets(db: Executor, cipher: SecretCipher, limit: int) -> StoredSecretsSummary:
    """What is stored, looking at so many webhooks of assessments and so many service-wide ones at most."""
    batch = [stored for table in (webhooks, subscriptions) for stored in await table.list_secrets(db, None, limit)]
    clear = sum(not is_encrypted(stored.secret) for stored in batch)
    unreadable = sum(_encrypted_anew(cipher, None, stored.secret, stored.of) is None for stored in batch)
    return StoredSecretsSummary(len(batch), clear, unreadable)


def _encrypted_again(
    cipher: SecretCipher, previous: SecretCipher | None, batch: Sequence[StoredSecrets]
) -> tuple[list[tuple[StoredSecrets, StoredSecrets]], int]:
    """Secrets as they are stored and as they should be, where these differ, and how many cannot be read."""
    changes, unreadable = [], 0
    for stored in batch:
        new, new_old = (
            _encrypted_anew(cipher, previous, secret, stored.of) if secret else secret
            for secret in (stored.secret, stored.old_secret)
        )
        unreadable += new is None or (new_old is None and stored.old_secret is not None)
        changed = StoredSecrets(stored.of, new or stored.secret, new_old or stored.old_secret)
        if changed != stored:
            changes.append((stored, changed))
    return changes, unreadable


def _encrypted_anew(cipher: SecretCipher, previous: SecretCipher | None, stored: str, receiver: UUID) -> str | None:
    """The stored secret, encrypted with the present key: itself if it is so already; None if no key can read it."""
    for reader in (cipher, previous):
        with suppress(UnreadableSecret):
            if reader is not None:
                secret = reader.decrypt(stored, receiver)
                is_current = reader is cipher and is_encrypted(stored)
                return stored if is_current else encrypted_secret(cipher, secret, receiver)
    return None
