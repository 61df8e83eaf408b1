"""Redeliveries: one more try of the same message, beside a schedule that stays what it is."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from app.repositories import webhooks
from app.repositories.sql import Pool
from app.services.webhooks import registrations as managing
from app.services.webhooks.deliver import WebhookDelivery
from tests.bank import Bank
from tests.fakes.webhook_receiver import WebhookReceiver, answer, webhook_receiver
from tests.webhooks import SECRET, attempts, delivering, delivery, ids, registered, send_all

SCHEDULE = ("status", "scheduled_attempts", "next_attempt_at", "completed_at", "redeliver_at")


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """A receiver that takes nothing."""
    async with webhook_receiver() as receiver:
        receiver.default = answer(500)
        yield receiver


@pytest.fixture
async def slow(pool: Pool) -> AsyncIterator[WebhookDelivery]:
    """Two tries, an hour apart."""
    async with delivering(pool, (0, 3600)) as sending:
        yield sending


async def schedule(pool: Pool, assessment_id: UUID) -> dict[str, Any]:
    row = await delivery(pool, assessment_id)
    return {name: row[name] for name in SCHEDULE}


async def ask_again(pool: Pool, assessment_id: UUID) -> None:
    """Has the message sent once more."""
    async with pool.acquire() as conn, conn.transaction():
        row = await delivery(pool, assessment_id)
        await managing.redeliver(conn, await managing.find_delivery(conn, row["id"]), None)


async def test_one_that_fails_leaves_the_schedule_as_it_was(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    assessment_id = await registered(pool, bank, receiver.url)
    assert await send_all(pool, slow) == 1
    before = await schedule(pool, assessment_id)
    assert (before["status"], before["scheduled_attempts"]) == ("pending", 1)
    await ask_again(pool, assessment_id)
    assert await send_all(pool, slow) == 1
    assert await schedule(pool, assessment_id) == before
    assert (len(receiver.requests), len(set(ids(receiver)))) == (2, 1)


async def test_one_that_is_taken_ends_the_schedule(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    receiver.script.append(answer(500))
    receiver.default = answer(200)
    assessment_id = await registered(pool, bank, receiver.url)
    await send_all(pool, slow)
    await ask_again(pool, assessment_id)
    assert await send_all(pool, slow) == 1
    after = await schedule(pool, assessment_id)
    assert (after["status"], after["next_attempt_at"], after["scheduled_attempts"]) == ("delivered", None, 1)


async def test_after_the_schedule_one_that_fails_does_not_start_it_again(
    pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    assessment_id = await registered(pool, bank, receiver.url)
    async with delivering(pool, (0, 0)) as sending:
        assert await send_all(pool, sending) == 2
        before = await schedule(pool, assessment_id)
        assert before["status"] == "failed"
        await ask_again(pool, assessment_id)
        assert await send_all(pool, sending) == 1
        assert await schedule(pool, assessment_id) == before
        receiver.default = answer(204)
        await ask_again(pool, assessment_id)
        assert await send_all(pool, sending) == 1
    assert (await schedule(pool, assessment_id))["status"] == "delivered"
    assert [status for status, _ in await attempts(pool, assessment_id)] == [500, 500, 500, 204]


async def test_what_was_delivered_stays_so(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    receiver.script.append(answer(204))
    assessment_id = await registered(pool, bank, receiver.url)
    await send_all(pool, slow)
    before = await schedule(pool, assessment_id)
    await ask_again(pool, assessment_id)
    assert await send_all(pool, slow) == 1
    assert await schedule(pool, assessment_id) == before


async def test_one_before_the_first_try_is_not_sent_twice(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    receiver.default = answer(204)
    assessment_id = await registered(pool, bank, receiver.url)
    await ask_again(pool, assessment_id)
    assert await send_all(pool, slow) == 1


async def test_removing_cancels_it(pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery) -> None:
    receiver.default = answer(204)
    assessment_id = await registered(pool, bank, receiver.url)
    await send_all(pool, slow)
    await ask_again(pool, assessment_id)
    await managing.remove(pool, assessment_id)
    assert await send_all(pool, slow) == 0
    assert (await schedule(pool, assessment_id))["status"] == "delivered"


async def test_one_that_overtook_a_removal_finds_nowhere_to_go(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    assessment_id = await registered(pool, bank, receiver.url)
    delivery_id = (await delivery(pool, assessment_id))["id"]
    await managing.remove(pool, assessment_id)
    assert await webhooks.redeliver(pool, delivery_id)
    assert await send_all(pool, slow) == 1
    row = await delivery(pool, assessment_id)
    assert (row["status"], row["due_at"], row["lease_expires_at"], row["attempts"]) == ("cancelled", None, None, 0)
    assert receiver.requests == []


async def test_a_later_run_has_a_message_of_its_own(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, slow: WebhookDelivery
) -> None:
    """Registered during or after it, a result that takes the place of another one is told as that."""
    receiver.default = answer(204)
    assessment_id = await registered(pool, bank, receiver.url)
    await pool.execute("INSERT INTO results (assessment_id, run, body) SELECT assessment_id, 2, body FROM results")
    await managing.remove(pool, assessment_id)
    late = await managing.register(pool, assessment_id, receiver.url, SECRET)
    assert late.notification
    await slow.run(late.notification.job_id)
    types = await pool.fetch("SELECT run, event_type, status FROM webhook_deliveries ORDER BY run")
    assert [tuple(row) for row in types] == [
        (1, "assessment.completed", "cancelled"), (2, "assessment.rescored", "delivered")
    ]  # fmt: skip
