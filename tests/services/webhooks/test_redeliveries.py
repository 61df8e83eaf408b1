"""Redeliveries: one more attempt to send a message, which leaves its schedule as it is."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from app.repositories import webhooks
from app.repositories.sql import Pool
from app.services.webhooks import registrations
from app.services.webhooks.deliver import WebhookDelivery
from tests.bank import Bank
from tests.fakes.webhook_receiver import WebhookReceiver, answer, webhook_receiver
from tests.webhooks import SECRET, attempts, complete_with_webhook, delivery_row, open_delivery, send_all, webhook_ids

SCHEDULE = ("status", "scheduled_attempts", "next_attempt_at", "completed_at", "redeliver_at")


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """A receiver that answers every request with 500."""
    async with webhook_receiver() as receiver:
        receiver.default = answer(500)
        yield receiver


@pytest.fixture
async def slow(pool: Pool) -> AsyncIterator[WebhookDelivery]:
    """Delivery with two attempts, an hour apart."""
    async with open_delivery(pool, (0, 3600)) as delivery:
        yield delivery


async def schedule(pool: Pool, assessment_id: UUID) -> dict[str, Any]:
    row = await delivery_row(pool, assessment_id)
    return {name: row[name] for name in SCHEDULE}


async def request_redelivery(pool: Pool, assessment_id: UUID) -> None:
    """Requests a redelivery of the assessment's message, long after the last one."""
    await pool.execute("UPDATE webhook_deliveries SET redelivered_at = redelivered_at - interval '1 hour'")
    async with pool.acquire() as conn, conn.transaction():
        row = await delivery_row(pool, assessment_id)
        await registrations.redeliver(conn, await registrations.find_delivery(conn, row["id"]), None)


async def test_a_failed_redelivery_leaves_the_schedule_as_it_was(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    assert await send_all(pool, slow) == 1
    before = await schedule(pool, assessment_id)
    assert (before["status"], before["scheduled_attempts"]) == ("pending", 1)
    await request_redelivery(pool, assessment_id)
    assert await send_all(pool, slow) == 1
    assert await schedule(pool, assessment_id) == before
    assert (len(receiver.requests), len(set(webhook_ids(receiver)))) == (2, 1)


async def test_a_successful_redelivery_ends_the_schedule(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    receiver.script.append(answer(500))
    receiver.default = answer(200)
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    await send_all(pool, slow)
    await request_redelivery(pool, assessment_id)
    assert await send_all(pool, slow) == 1
    after = await schedule(pool, assessment_id)
    assert (after["status"], after["next_attempt_at"], after["scheduled_attempts"]) == ("delivered", None, 1)


async def test_a_failed_redelivery_after_the_schedule_does_not_start_it_again(
    pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    async with open_delivery(pool, (0, 0)) as delivery:
        assert await send_all(pool, delivery) == 2
        before = await schedule(pool, assessment_id)
        assert before["status"] == "failed"
        await request_redelivery(pool, assessment_id)
        assert await send_all(pool, delivery) == 1
        assert await schedule(pool, assessment_id) == before
        receiver.default = answer(204)
        await request_redelivery(pool, assessment_id)
        assert await send_all(pool, delivery) == 1
    assert (await schedule(pool, assessment_id))["status"] == "delivered"
    assert [status for status, _ in await attempts(pool, assessment_id)] == [500, 500, 500, 204]


async def test_a_failed_redelivery_leaves_a_delivered_message_delivered(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    receiver.script.append(answer(204))
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    await send_all(pool, slow)
    before = await schedule(pool, assessment_id)
    await request_redelivery(pool, assessment_id)
    assert await send_all(pool, slow) == 1
    assert await schedule(pool, assessment_id) == before


async def test_a_redelivery_before_the_first_attempt_sends_the_message_once(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    receiver.default = answer(204)
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    await request_redelivery(pool, assessment_id)
    assert await send_all(pool, slow) == 1


async def test_removing_the_webhook_cancels_a_redelivery(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    receiver.default = answer(204)
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    await send_all(pool, slow)
    await request_redelivery(pool, assessment_id)
    await registrations.remove(pool, assessment_id)
    assert await send_all(pool, slow) == 0
    assert (await schedule(pool, assessment_id))["status"] == "delivered"


async def test_a_redelivery_requested_during_a_removal_sends_nothing(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    delivery_id = (await delivery_row(pool, assessment_id))["id"]
    await registrations.remove(pool, assessment_id)
    assert await webhooks.redeliver(pool, delivery_id, 1, 0)
    assert await send_all(pool, slow) == 1
    row = await delivery_row(pool, assessment_id)
    assert (row["status"], row["due_at"], row["lease_expires_at"], row["attempts"]) == ("cancelled", None, None, 0)
    assert receiver.requests == []


async def test_a_webhook_registered_after_a_later_run_gets_its_rescored_message(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    receiver.default = answer(204)
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    await pool.execute("INSERT INTO results (assessment_id, run, body) SELECT assessment_id, 2, body FROM results")
    await registrations.remove(pool, assessment_id)
    late = await registrations.register(pool, assessment_id, receiver.url, SECRET)
    assert late.notification
    await slow.run(late.notification.job_id)
    types = await pool.fetch("SELECT run, event_type, status FROM webhook_deliveries ORDER BY run")
    assert [tuple(row) for row in types] == [
        (1, "assessment.completed", "cancelled"), (2, "assessment.rescored", "delivered")
    ]  # fmt: skip
