"""Webhook secrets in the database: encrypted with a key, read in both forms, and harmless where the key is wrong."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.domain.webhook.secret_cipher import IN_CLEAR, SecretCipher, is_encrypted
from app.outages import WEBHOOK_SECRETS
from app.repositories.sql import Pool
from app.services.webhooks import registrations
from app.services.webhooks.deliver import UNREADABLE_SECONDS, WebhookDelivery
from app.services.webhooks.stored_secrets import (
    EncryptedCounts,
    StoredSecretsSummary,
    check_stored_secrets,
    encrypt_stored_secrets,
)
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.webhooks import (
    OTHER_SECRET,
    SECRET,
    UNREACHABLE_URL,
    attempts,
    complete_with_webhook,
    delivery_row,
    insert_deliveries,
    is_forged,
    open_delivery,
    send_all,
    verify,
)

CIPHER, OTHER_CIPHER = SecretCipher(b"k" * 32), SecretCipher(b"o" * 32)
UNREADABLE = "webhook_secrets_unreadable"


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """A receiver that accepts everything."""
    async with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
async def delivery(pool: Pool) -> AsyncIterator[WebhookDelivery]:
    """Delivery with the key."""
    async with open_delivery(pool) as delivery:
        yield replace(delivery, cipher=CIPHER)


async def register(pool: Pool, assessment_id: UUID, url: str, secret: str, cipher: SecretCipher = CIPHER) -> None:
    """Registers a webhook as a server with this key."""
    await registrations.register(pool, assessment_id, url, secret, cipher)


async def stored(pool: Pool, assessment_id: UUID) -> tuple[str | None, str | None]:
    """The stored secrets, the present one and the replaced one."""
    query = "SELECT webhook_secret, webhook_old_secret FROM assessments WHERE id = $1"
    row = await pool.fetchrow(query, assessment_id)
    assert row
    return row[0], row[1]


async def make_due(pool: Pool) -> None:
    """Makes every message due that waits."""
    await pool.execute("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending'")


async def encrypt(pool: Pool, cipher: SecretCipher, previous: SecretCipher | None = None) -> EncryptedCounts:
    """Encrypts all secrets as the command does, but in small batches."""
    total = EncryptedCounts()
    async for counts in encrypt_stored_secrets(pool, cipher, previous, batch=3):
        total += counts
    return total


async def test_a_secret_is_stored_encrypted_and_signs(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    await register(pool, assessment_id, receiver.url, OTHER_SECRET)
    present, replaced = await stored(pool, assessment_id)
    assert present and is_encrypted(present)
    # What was in clear before stays so until it is written; it is read all the same.
    assert replaced == SECRET
    assert await send_all(pool, delivery) == 1
    assert verify(receiver.requests[0], OTHER_SECRET) == verify(receiver.requests[0], SECRET)


async def test_a_secret_in_clear_signs_and_is_encrypted_when_it_is_registered_again(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    assert await send_all(pool, delivery) == 1
    assert verify(receiver.requests[0])
    for _ in range(2):
        await register(pool, assessment_id, receiver.url, SECRET)
        present, replaced = await stored(pool, assessment_id)
        # It is the same secret, so there is none that is replaced.
        assert present and is_encrypted(present) and replaced is None


async def test_the_replaced_secret_signs_too_when_both_are_encrypted(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    for secret in (SECRET, OTHER_SECRET, OTHER_SECRET):
        await register(pool, assessment_id, receiver.url, secret)
    present, replaced = await stored(pool, assessment_id)
    assert present and replaced and is_encrypted(present) and is_encrypted(replaced)
    assert await send_all(pool, delivery) == 1
    assert not is_forged(receiver.requests[0], SECRET) and not is_forged(receiver.requests[0], OTHER_SECRET)


@pytest.mark.parametrize("wrong", [OTHER_CIPHER, IN_CLEAR])
async def test_with_a_wrong_key_other_messages_go_on_and_this_one_waits_for_the_right_one(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery, wrong: SecretCipher
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    await register(pool, assessment_id, receiver.url, OTHER_SECRET)
    await insert_deliveries(pool, receiver.url, 1, "student-2")
    WEBHOOK_SECRETS._since = None
    with capture_logs() as logs:
        assert await send_all(pool, replace(delivery, cipher=wrong)) == 2
    assert verify(receiver.requests[0]) and len(receiver.requests) == 1
    [line] = [line for line in logs if line["event"] == UNREADABLE]
    assert (line["log_level"], line["setting"]) == ("error", "SECRETS_KEY") and "SECRETS_KEY" in line["error"]
    present, _ = await stored(pool, assessment_id)
    assert present and present[12:] not in str(logs) and OTHER_SECRET not in str(logs)
    # No attempt was charged, and the message is due a little later.
    row = await delivery_row(pool, assessment_id)
    assert (row["status"], row["attempts"], row["scheduled_attempts"]) == ("pending", 0, 0)
    seconds = "SELECT extract(epoch FROM next_attempt_at - now()) FROM webhook_deliveries WHERE id = $1"
    assert 0 < float(await pool.fetchval(seconds, row["id"])) <= UNREADABLE_SECONDS
    await make_due(pool)
    assert await send_all(pool, delivery) == 1
    assert verify(receiver.requests[1], OTHER_SECRET)
    assert await attempts(pool, assessment_id) == [(204, None)]


async def test_a_lost_key_is_overcome_by_registering_again(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    await register(pool, assessment_id, receiver.url, SECRET, OTHER_CIPHER)
    await register(pool, assessment_id, receiver.url, OTHER_SECRET, CIPHER)
    assert await send_all(pool, delivery) == 1
    assert not is_forged(receiver.requests[0], OTHER_SECRET)
    assert receiver.requests[0].headers["webhook-signature"].count(" ") == 0


async def test_all_secrets_are_encrypted_in_batches(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    await registrations.register(pool, assessment_id, receiver.url, OTHER_SECRET)
    await insert_deliveries(pool, UNREACHABLE_URL, 7)
    assert await check_stored_secrets(pool, CIPHER, 100) == StoredSecretsSummary(8, 8, 0)
    assert await encrypt(pool, CIPHER) == EncryptedCounts(8)
    assert await check_stored_secrets(pool, CIPHER, 100) == StoredSecretsSummary(8, 0, 0)
    clear = "SELECT count(*) FROM assessments WHERE webhook_secret LIKE 'whsec%' OR webhook_old_secret LIKE 'whsec%'"
    assert await pool.fetchval(clear) == 0
    assert await encrypt(pool, CIPHER) == EncryptedCounts()
    await pool.execute("DELETE FROM webhook_deliveries WHERE assessment_id <> $1", assessment_id)
    assert await send_all(pool, delivery) == 1
    assert not is_forged(receiver.requests[0], SECRET) and not is_forged(receiver.requests[0], OTHER_SECRET)


async def test_a_changed_key_takes_over_what_the_previous_one_has_encrypted(pool: Pool, bank: Bank) -> None:
    await insert_deliveries(pool, UNREACHABLE_URL, 4)
    ids = [row["id"] for row in await pool.fetch("SELECT id FROM assessments ORDER BY id")]
    await register(pool, ids[0], UNREACHABLE_URL, OTHER_SECRET, OTHER_CIPHER)
    await encrypt(pool, OTHER_CIPHER)
    await register(pool, ids[1], UNREACHABLE_URL, OTHER_SECRET, CIPHER)
    assert await check_stored_secrets(pool, CIPHER, 100) == StoredSecretsSummary(4, 0, 3)
    before = await stored(pool, ids[2])
    # Without the previous key, what cannot be read is counted and stays as it is.
    assert await encrypt(pool, CIPHER) == EncryptedCounts(0, 4)
    assert await stored(pool, ids[2]) == before
    assert await encrypt(pool, CIPHER, OTHER_CIPHER) == EncryptedCounts(4)
    secrets = [[CIPHER.decrypt(text, id_) for text in await stored(pool, id_) if text] for id_ in ids]
    assert secrets == [[OTHER_SECRET, SECRET], [OTHER_SECRET, SECRET], [SECRET], [SECRET]]


async def test_a_registration_meanwhile_is_not_overwritten(pool: Pool, bank: Bank) -> None:
    await insert_deliveries(pool, UNREACHABLE_URL, 1)
    assessment_id = await pool.fetchval("SELECT id FROM assessments")
    async with pool.acquire() as conn, conn.transaction():
        # Holds the row, so that the command has read it before, and writes it after this transaction.
        await conn.execute("UPDATE assessments SET webhook_secret = $1", OTHER_SECRET)
        encrypting = asyncio.create_task(encrypt(pool, CIPHER))
        blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        await until(lambda: pool.fetchval(blocked))
    assert await encrypting == EncryptedCounts(0)
    assert (await stored(pool, assessment_id))[0] == OTHER_SECRET
