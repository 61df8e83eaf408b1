"""Registrations that meet the end of their assessment, and workers that meet at a message."""

import asyncio
from collections import Counter
from typing import cast
from uuid import UUID

import pytest

from app.domain.records.assessments import ClaimedJob
from app.domain.records.webhooks import ClaimedDelivery
from app.domain.states import DeliveryStatus, DisabledReason
from app.domain.webhook.delivery import NextStep, SendResult
from app.repositories import jobs, webhooks
from app.repositories.sql import Connection, Pool
from app.services.results.fuse import FusionJob
from app.services.webhooks import registrations as managing
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.tampered import without, without_fence
from tests.fakes.webhook_receiver import webhook_receiver
from tests.webhooks import (
    ERROR,
    NOWHERE,
    SECRET,
    Held,
    about_to_end,
    came,
    complete,
    delivering,
    delivery,
    ids,
    registered,
)

TRIES = 60
WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
MESSAGES = "SELECT count(*) FROM webhook_deliveries WHERE assessment_id = $1"
# Reads the webhook where any other table would be read: as of the statement's beginning.
GUARD = "RETURNING a.id, a.run, a.webhook_url IS NOT NULL AND a.webhook_disabled_at IS NULL AS listening"
UNGUARDED = """RETURNING a.id, a.run, (SELECT o.webhook_url IS NOT NULL FROM assessments o WHERE o.id = a.id)
               AS listening"""


async def messages(pool: Pool, job: ClaimedJob) -> int:
    found: int = await pool.fetchval(MESSAGES, job.assessment_id)
    return found


@pytest.mark.parametrize("failing", [False, True])
async def test_however_registration_and_end_meet_there_is_one_message(pool: Pool, bank: Bank, failing: bool) -> None:
    made: Counter[str] = Counter()
    for number in range(TRIES):
        job = await about_to_end(pool, bank, f"student-{number}")
        end = jobs.fail_assessment(pool, job, ERROR) if failing else FusionJob(pool).run(job)
        ending = asyncio.create_task(end)
        for _ in range(number % 20):
            await asyncio.sleep(0)  # moves the two against each other; whatever comes out is checked
        late = await managing.register(pool, job.assessment_id, NOWHERE, SECRET)
        finished = await ending
        assert finished and (late.notification is None) != (finished.next_job is None)
        assert await messages(pool, job) == 1
        made["late" if late.notification else "in time"] += 1
    assert sum(made.values()) == TRIES


async def test_an_end_that_waited_for_a_registration_tells_it(pool: Pool, bank: Bank) -> None:
    job = await about_to_end(pool, bank)
    async with pool.acquire() as conn, conn.transaction():
        ending = await held_up(conn, pool, job, pool)
    finished = await ending
    assert finished and finished.next_job and await messages(pool, job) == 1


async def test_reading_the_webhook_elsewhere_loses_the_message(pool: Pool, bank: Bank) -> None:
    """The control: what the statement saw when it began is older than what it waited for."""
    job = await about_to_end(pool, bank)
    careless = cast(Pool, without(pool, GUARD, UNGUARDED))
    async with pool.acquire() as conn, conn.transaction():
        ending = await held_up(conn, pool, job, careless)
    finished = await ending
    assert finished and finished.next_job is None and await messages(pool, job) == 0


async def held_up(conn: Connection, pool: Pool, job: ClaimedJob, db: Pool) -> "asyncio.Task[jobs.FinishedJob | None]":
    """The end of an assessment, which waits for a registration that is not committed yet."""
    assert await webhooks.register(conn, job.assessment_id, NOWHERE, SECRET)
    assert await webhooks.announce_end(conn, job.assessment_id) is None
    ending = asyncio.create_task(FusionJob(db).run(job))
    await until(lambda: pool.fetchval(WAITING))
    return ending


async def test_a_registration_that_waited_for_the_end_makes_the_message(pool: Pool, bank: Bank) -> None:
    job = await about_to_end(pool, bank)
    async with pool.acquire() as conn, conn.transaction():
        finished = await FusionJob(cast(Pool, conn)).run(job)
        registering = asyncio.create_task(managing.register(pool, job.assessment_id, NOWHERE, SECRET))
        await until(lambda: pool.fetchval(WAITING))
    assert finished and finished.next_job is None
    assert (await registering).notification and await messages(pool, job) == 1


async def test_of_many_registrations_after_the_end_one_makes_the_message(pool: Pool, bank: Bank) -> None:
    job = await about_to_end(pool, bank)
    await complete(pool, job)
    every = await asyncio.gather(*(managing.register(pool, job.assessment_id, NOWHERE, SECRET) for _ in range(20)))
    assert sum(one.notification is not None for one in every) == 1 == await messages(pool, job)
    assert sum(not one.replaced for one in every) == 1


async def test_of_many_workers_one_sends(pool: Pool, bank: Bank) -> None:
    async with webhook_receiver() as receiver, delivering(pool) as sending:
        assessment_id = await registered(pool, bank, receiver.url)
        delivery_id = (await delivery(pool, assessment_id))["id"]
        await asyncio.gather(*(sending.run(delivery_id) for _ in range(20)))
        assert len(receiver.requests) == 1


async def test_one_of_many_claims_gets_the_message_and_only_when_it_is_due(pool: Pool, bank: Bank) -> None:
    delivery_id = (await delivery(pool, await registered(pool, bank, NOWHERE)))["id"]
    won = [one for one in await asyncio.gather(*(webhooks.claim(pool, delivery_id, 30) for _ in range(20))) if one]
    assert [one.fence for one in won] == [1]
    assert await webhooks.put_back(pool, won[0], 60)
    assert await webhooks.claim(pool, delivery_id, 30) is None


async def stale(pool: Pool, assessment_id: UUID) -> ClaimedDelivery:
    """A claim whose lease ran out and that another worker has now."""
    delivery_id = (await delivery(pool, assessment_id))["id"]
    first = await webhooks.claim(pool, delivery_id, 30)
    await pool.execute("UPDATE webhook_deliveries SET lease_expires_at = now() - interval '1 s'")
    assert first and await webhooks.claim(pool, delivery_id, 30)
    return first


async def test_a_stale_worker_writes_nothing_and_without_the_fence_it_would(pool: Pool, bank: Bank) -> None:
    assessment_id = await registered(pool, bank, NOWHERE)
    first = await stale(pool, assessment_id)
    before = await delivery(pool, assessment_id)
    accepted, delivered = SendResult(200, 1), NextStep(DeliveryStatus.DELIVERED)
    assert not await webhooks.record_attempt(pool, first, accepted, delivered)
    assert not await webhooks.put_back(pool, first, 0)
    assert await webhooks.write_body(pool, first, "x") is None
    assert await delivery(pool, assessment_id) == before
    assert await webhooks.record_attempt(without_fence(pool), first, accepted, delivered)
    assert (await delivery(pool, assessment_id))["status"] == "delivered"


async def test_a_stale_worker_disables_nothing(pool: Pool, bank: Bank) -> None:
    """Its last try failed, but another worker is at the message now."""
    held = Held(410)
    async with webhook_receiver() as receiver, delivering(pool) as sending:
        receiver.default = held
        assessment_id = await registered(pool, bank, receiver.url)
        delivery_id = (await delivery(pool, assessment_id))["id"]
        working = asyncio.create_task(sending.run(delivery_id))
        await came(receiver, 1)
        await pool.execute("UPDATE webhook_deliveries SET lease_expires_at = now() - interval '1 s'")
        assert await webhooks.claim(pool, delivery_id, 30)
        held.let_go()
        await working
    webhook = await webhooks.find(pool, assessment_id)
    assert webhook and webhook.disabled_at is None
    assert (await delivery(pool, assessment_id))["status"] == "pending"


async def test_what_comes_too_late_for_a_removal_is_still_told(pool: Pool, bank: Bank) -> None:
    """Removed while a try is on its way: it says how it ended, and nothing comes after it."""
    for status, ended in ((500, "cancelled"), (204, "delivered")):
        held = Held(status)
        async with webhook_receiver() as receiver, delivering(pool) as sending:
            receiver.default = held
            assessment_id = await registered(pool, bank, receiver.url, f"student-{status}")
            working = asyncio.create_task(sending.run((await delivery(pool, assessment_id))["id"]))
            await came(receiver, 1)
            await managing.remove(pool, assessment_id)
            held.let_go()
            await working
            row = await delivery(pool, assessment_id)
            assert (row["status"], row["attempts"], row["due_at"]) == (ended, 1, None)
            assert len(ids(receiver)) == 1


async def test_only_the_webhook_that_was_tried_is_disabled(pool: Pool, bank: Bank) -> None:
    assessment_id = await registered(pool, bank, NOWHERE)
    assert not await webhooks.disable(pool, assessment_id, f"{NOWHERE}/old", DisabledReason.GONE)
    assert await webhooks.disable(pool, assessment_id, NOWHERE, DisabledReason.GONE)


async def test_what_was_registered_meanwhile_is_not_cancelled(pool: Pool, bank: Bank) -> None:
    """A worker found the webhook disabled; before it cancels the messages, the owner registers again."""
    assessment_id = await registered(pool, bank, NOWHERE)
    assert await webhooks.disable(pool, assessment_id, NOWHERE, DisabledReason.ATTEMPTS_FAILED)
    claimed = await webhooks.claim(pool, (await delivery(pool, assessment_id))["id"], 30)
    assert claimed and claimed.disabled
    await managing.register(pool, assessment_id, NOWHERE, SECRET)
    await webhooks.cancel(pool, assessment_id)
    assert (await delivery(pool, assessment_id))["status"] == "pending"
