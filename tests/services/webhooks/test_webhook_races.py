"""Races: a registration at the end of its assessment, and several workers at one message."""

import asyncio
from collections import Counter
from typing import cast
from uuid import UUID

import pytest

from app.domain.records.jobs import ClaimedJob
from app.domain.records.webhooks import ClaimedDelivery
from app.domain.states import DeliveryStatus, DisabledReason
from app.domain.webhook.retry_policy import NextStep, SendResult
from app.repositories import jobs, webhooks
from app.repositories.sql import Connection, Pool
from app.services.results.fuse import FusionJob
from app.services.webhooks import registrations
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.unguarded_statements import without_fence, without_guard
from tests.fakes.webhook_receiver import webhook_receiver
from tests.webhooks import (
    ERROR,
    SECRET,
    UNREACHABLE_URL,
    HeldResponse,
    claim_fusion,
    complete,
    complete_with_webhook,
    delivery_row,
    open_delivery,
    wait_for_requests,
    webhook_ids,
)

TRIES = 60
WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
MESSAGES = "SELECT count(*) FROM webhook_deliveries WHERE assessment_id = $1"
# The guard reads the webhook in a function that sees what was committed while the statement waited for the row. Without
# it, the webhook is read as it was when the statement began.
GUARD = "FROM closed, create_deliveries("
UNGUARDED = """FROM closed JOIN assessments seen ON seen.id = closed.id AND seen.webhook_url IS NOT NULL,
        create_deliveries("""


async def messages(pool: Pool, job: ClaimedJob) -> int:
    count: int = await pool.fetchval(MESSAGES, job.assessment_id)
    return count


@pytest.mark.parametrize("failing", [False, True])
async def test_a_registration_at_the_end_of_the_assessment_creates_one_message(
    pool: Pool, bank: Bank, failing: bool
) -> None:
    created_by: Counter[str] = Counter()
    for number in range(TRIES):
        job = await claim_fusion(pool, bank, f"student-{number}")
        end = jobs.fail_assessment(pool, job, ERROR) if failing else FusionJob(pool).run(job)
        ending = asyncio.create_task(end)
        for _ in range(number % 20):
            await asyncio.sleep(0)  # shifts the two against each other; every order must give one message
        result = await registrations.register(pool, job.assessment_id, UNREACHABLE_URL, SECRET)
        finished = await ending
        assert finished and (result.notification is None) != (finished.next_job is None)
        assert await messages(pool, job) == 1
        created_by["registration" if result.notification else "end"] += 1
    assert sum(created_by.values()) == TRIES


async def test_an_end_that_waited_for_a_registration_creates_the_message(pool: Pool, bank: Bank) -> None:
    job = await claim_fusion(pool, bank)
    async with pool.acquire() as conn, conn.transaction():
        ending = await start_waiting_end(conn, pool, job, pool)
    finished = await ending
    assert finished and finished.next_job and await messages(pool, job) == 1


async def test_without_the_guard_the_message_is_lost(pool: Pool, bank: Bank) -> None:
    """The counterexample: the statement sees the webhook as it was before it waited."""
    job = await claim_fusion(pool, bank)
    careless = cast(Pool, without_guard(pool, GUARD, UNGUARDED))
    async with pool.acquire() as conn, conn.transaction():
        ending = await start_waiting_end(conn, pool, job, careless)
    finished = await ending
    assert finished and finished.next_job is None and await messages(pool, job) == 0


async def start_waiting_end(
    conn: Connection, pool: Pool, job: ClaimedJob, db: Pool
) -> "asyncio.Task[jobs.FinishedJob | None]":
    """Starts to end an assessment, which waits for a registration that is not committed yet."""
    assert await webhooks.register(conn, job.assessment_id, UNREACHABLE_URL, SECRET)
    assert await webhooks.create_missing_final_delivery(conn, job.assessment_id) is None
    ending = asyncio.create_task(FusionJob(db).run(job))
    await until(lambda: pool.fetchval(WAITING))
    return ending


async def test_a_registration_that_waited_for_the_end_creates_the_message(pool: Pool, bank: Bank) -> None:
    job = await claim_fusion(pool, bank)
    async with pool.acquire() as conn, conn.transaction():
        finished = await FusionJob(cast(Pool, conn)).run(job)
        registering = asyncio.create_task(registrations.register(pool, job.assessment_id, UNREACHABLE_URL, SECRET))
        await until(lambda: pool.fetchval(WAITING))
    assert finished and finished.next_job is None
    assert (await registering).notification and await messages(pool, job) == 1


async def test_many_registrations_after_the_end_create_one_message(pool: Pool, bank: Bank) -> None:
    job = await claim_fusion(pool, bank)
    await complete(pool, job)
    results = await asyncio.gather(
        *(registrations.register(pool, job.assessment_id, UNREACHABLE_URL, SECRET) for _ in range(20))
    )
    assert sum(result.notification is not None for result in results) == 1 == await messages(pool, job)
    assert sum(not result.replaced for result in results) == 1


async def test_only_one_of_many_workers_sends_the_message(pool: Pool, bank: Bank) -> None:
    async with webhook_receiver() as receiver, open_delivery(pool) as delivery:
        assessment_id = await complete_with_webhook(pool, bank, receiver.url)
        delivery_id = (await delivery_row(pool, assessment_id))["id"]
        await asyncio.gather(*(delivery.run(delivery_id) for _ in range(20)))
        assert len(receiver.requests) == 1


async def test_only_one_of_many_claims_gets_a_due_message_and_none_before_it_is_due(pool: Pool, bank: Bank) -> None:
    delivery_id = (await delivery_row(pool, await complete_with_webhook(pool, bank, UNREACHABLE_URL)))["id"]
    claims = await asyncio.gather(*(webhooks.claim(pool, delivery_id, 30) for _ in range(20)))
    (claimed,) = [claim for claim in claims if claim]
    assert claimed.fence == 1
    assert await webhooks.release(pool, claimed, 60)
    assert await webhooks.claim(pool, delivery_id, 30) is None


async def stale_claim(pool: Pool, assessment_id: UUID) -> ClaimedDelivery:
    """A claim whose lease has expired, of a message that another worker has claimed since."""
    delivery_id = (await delivery_row(pool, assessment_id))["id"]
    first = await webhooks.claim(pool, delivery_id, 30)
    await pool.execute("UPDATE webhook_deliveries SET lease_expires_at = now() - interval '1 s'")
    assert first and await webhooks.claim(pool, delivery_id, 30)
    return first


async def test_only_the_fence_keeps_a_stale_worker_from_writing(pool: Pool, bank: Bank) -> None:
    assessment_id = await complete_with_webhook(pool, bank, UNREACHABLE_URL)
    first = await stale_claim(pool, assessment_id)
    before = await delivery_row(pool, assessment_id)
    accepted, delivered = SendResult(200, 1), NextStep(DeliveryStatus.DELIVERED)
    assert not await webhooks.record_attempt(pool, first, accepted, delivered)
    assert not await webhooks.release(pool, first, 0)
    assert await webhooks.write_body(pool, first, "x") is None
    assert await delivery_row(pool, assessment_id) == before
    assert await webhooks.record_attempt(without_fence(pool), first, accepted, delivered)
    assert (await delivery_row(pool, assessment_id))["status"] == "delivered"


async def test_a_stale_worker_does_not_disable_the_webhook(pool: Pool, bank: Bank) -> None:
    """Its last attempt failed, but another worker has the message by now."""
    held = HeldResponse(410)
    async with webhook_receiver() as receiver, open_delivery(pool) as delivery:
        receiver.default = held
        assessment_id = await complete_with_webhook(pool, bank, receiver.url)
        delivery_id = (await delivery_row(pool, assessment_id))["id"]
        sending = asyncio.create_task(delivery.run(delivery_id))
        await wait_for_requests(receiver, 1)
        await pool.execute("UPDATE webhook_deliveries SET lease_expires_at = now() - interval '1 s'")
        assert await webhooks.claim(pool, delivery_id, 30)
        held.release()
        await sending
    webhook = await webhooks.find(pool, assessment_id)
    assert webhook and webhook.disabled_at is None
    assert (await delivery_row(pool, assessment_id))["status"] == "pending"


async def test_an_attempt_that_ends_after_the_webhook_was_removed_is_still_recorded(pool: Pool, bank: Bank) -> None:
    """No attempt follows it."""
    for status, expected in ((500, "cancelled"), (204, "delivered")):
        held = HeldResponse(status)
        async with webhook_receiver() as receiver, open_delivery(pool) as delivery:
            receiver.default = held
            assessment_id = await complete_with_webhook(pool, bank, receiver.url, f"student-{status}")
            sending = asyncio.create_task(delivery.run((await delivery_row(pool, assessment_id))["id"]))
            await wait_for_requests(receiver, 1)
            await registrations.remove(pool, assessment_id)
            held.release()
            await sending
            row = await delivery_row(pool, assessment_id)
            assert (row["status"], row["attempts"], row["due_at"]) == (expected, 1, None)
            assert len(webhook_ids(receiver)) == 1


async def test_disabling_spares_a_webhook_registered_since_with_another_address(pool: Pool, bank: Bank) -> None:
    assessment_id = await complete_with_webhook(pool, bank, UNREACHABLE_URL)
    assert not await webhooks.disable(pool, assessment_id, f"{UNREACHABLE_URL}/old", DisabledReason.GONE)
    assert await webhooks.disable(pool, assessment_id, UNREACHABLE_URL, DisabledReason.GONE)


async def test_cancelling_spares_messages_of_a_webhook_registered_since(pool: Pool, bank: Bank) -> None:
    """A worker saw that the webhook was disabled. Before it cancels the messages, the owner registers again."""
    assessment_id = await complete_with_webhook(pool, bank, UNREACHABLE_URL)
    assert await webhooks.disable(pool, assessment_id, UNREACHABLE_URL, DisabledReason.ATTEMPTS_FAILED)
    claimed = await webhooks.claim(pool, (await delivery_row(pool, assessment_id))["id"], 30)
    assert claimed and claimed.disabled
    await registrations.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    await webhooks.cancel_deliveries(pool, assessment_id)
    assert (await delivery_row(pool, assessment_id))["status"] == "pending"
