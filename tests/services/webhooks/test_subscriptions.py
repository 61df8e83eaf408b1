"""Service-wide webhooks: one message for each subscription, assessment, run and type, sent like any other."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from app.domain.errors import NotFound, SubscriptionLimit
from app.domain.states import EventType
from app.domain.webhook.secret_cipher import SecretCipher
from app.repositories import jobs
from app.repositories.sql import Pool
from app.services.results import override
from app.services.results.override import ScoreOverride
from app.services.webhooks import registrations
from app.services.webhooks.stored_secrets import check_stored_secrets, encrypt_stored_secrets
from app.services.webhooks.subscriptions import MAX_SUBSCRIPTIONS, find
from tests.bank import SLUG, Bank
from tests.dead_letters import retry
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import WebhookReceiver, answer, webhook_receiver
from tests.subscriptions import ADMIN, new_subscription, subscriptions
from tests.webhooks import (
    ERROR,
    OTHER_SECRET,
    SECRET,
    UNREACHABLE_URL,
    HeldResponse,
    claim_fusion,
    complete,
    is_forged,
    open_delivery,
    send_all,
    verify,
    wait_for_requests,
    webhook_ids,
)

KEY = SecretCipher(b"k" * 32)
MESSAGES = (
    "SELECT run, edition, event_type, status FROM webhook_deliveries WHERE subscription_id = $1 ORDER BY created_at"
)


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """A receiver that accepts every message."""
    async with webhook_receiver() as receiver:
        yield receiver


async def types(pool: Pool, subscription_id: UUID) -> list[tuple[int, str]]:
    """The run and the type of each message to the webhook."""
    return [(row["run"], row["event_type"]) for row in await pool.fetch(MESSAGES, subscription_id)]


async def statuses(pool: Pool, subscription_id: UUID) -> list[str]:
    """The status of each message to the webhook."""
    return [row["status"] for row in await pool.fetch(MESSAGES, subscription_id)]


async def test_every_assessment_has_one_message_for_each_subscription_of_its_event_and_track(
    pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    before = await claim_fusion(pool, bank, "student-0")
    await complete(pool, before)
    every = await new_subscription(pool, receiver.url)
    of_track = await new_subscription(pool, receiver.url, (EventType.COMPLETED,), SLUG)
    failures = await new_subscription(pool, receiver.url, (EventType.FAILED,))
    other_track = await pool.fetchval(
        "INSERT INTO tracks (slug, name, description, skills, question_mix) SELECT 'other', name, description, skills,"
        " question_mix FROM tracks RETURNING slug"
    )
    of_other_track = await new_subscription(pool, receiver.url, track=other_track)
    job = await claim_fusion(pool, bank)
    await registrations.register(pool, job.assessment_id, receiver.url, OTHER_SECRET)
    assert (await complete(pool, job)).next_job
    failing = await claim_fusion(pool, bank, "student-2")
    assert await jobs.fail_assessment(pool, failing, ERROR)
    assert await types(pool, every) == [(1, "assessment.completed"), (1, "assessment.failed")]
    assert await types(pool, of_track) == [(1, "assessment.completed")]
    assert await types(pool, failures) == [(1, "assessment.failed")]
    assert await types(pool, of_other_track) == []

    async with open_delivery(pool) as delivery:
        assert await send_all(pool, delivery) == 5
    assert len(set(webhook_ids(receiver))) == 5
    own = [received for received in receiver.requests if is_forged(received, SECRET)]
    assert ["owner" in verify(received, OTHER_SECRET)["data"] for received in own] == [False]
    messages = [verify(received) for received in receiver.requests if received not in own]
    assert sorted((message["data"]["owner"], message["type"]) for message in messages) == [
        ("student-1", "assessment.completed"), ("student-1", "assessment.completed"),
        ("student-2", "assessment.failed"), ("student-2", "assessment.failed"),
    ]  # fmt: skip


async def test_later_runs_and_overrides_have_messages_of_their_own(pool: Pool, bank: Bank) -> None:
    subscription = await new_subscription(pool)
    failing = await claim_fusion(pool, bank)
    assert await jobs.fail_assessment(pool, failing, ERROR)
    await retry(pool, failing.id)
    job = await jobs.claim(pool, failing.id, 15)
    if job is None:
        [row] = await pool.fetch("SELECT id FROM async_jobs WHERE status = 'queued' AND job_type = 'fusion'")
        job = await jobs.claim(pool, row["id"], 15)
    assert job
    await complete(pool, job)
    question = await override.find_question(pool, job.assessment_id, bank.ids["right"])
    for score in (0.5, 0.25):
        await override.override(pool, job.assessment_id, ScoreOverride(question, score, "Half of it.", "grace"))
    rows = [(row["edition"], row["event_type"]) for row in await pool.fetch(MESSAGES, subscription)]
    assert rows == [
        (0, "assessment.failed"), (0, "assessment.completed"), (1, "assessment.rescored"), (2, "assessment.rescored"),
    ]  # fmt: skip


async def test_an_event_that_is_rolled_back_has_no_message(pool: Pool, bank: Bank) -> None:
    subscription = await new_subscription(pool)
    job = await claim_fusion(pool, bank)
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        assert await jobs.fail_assessment(conn, job, ERROR)
        await transaction.rollback()
    assert await types(pool, subscription) == []


async def test_no_message_while_disabled_and_none_of_events_before(pool: Pool, bank: Bank) -> None:
    subscription, changing = await new_subscription(pool), subscriptions(pool)
    await changing.patch(ADMIN, subscription, {"active": False})
    await complete(pool, await claim_fusion(pool, bank))
    await changing.patch(ADMIN, subscription, {"active": True})
    assert await types(pool, subscription) == []
    await complete(pool, await claim_fusion(pool, bank, "student-2"))
    assert await types(pool, subscription) == [(1, "assessment.completed")]


@pytest.mark.parametrize("end", ["delete", "disable"])
async def test_what_is_pending_is_cancelled_with_the_webhook_and_nothing_else(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, end: str
) -> None:
    subscription, kept = await new_subscription(pool, receiver.url), await new_subscription(pool, receiver.url)
    job = await claim_fusion(pool, bank)
    await registrations.register(pool, job.assessment_id, receiver.url, SECRET)
    await complete(pool, job)
    if end == "delete":
        await subscriptions(pool).delete(ADMIN, subscription)
        with pytest.raises(NotFound):
            await find(pool, subscription)
        row = await pool.fetchrow(
            "SELECT url, secret, old_secret FROM webhook_subscriptions WHERE id = $1", subscription
        )
        assert row and set(row.values()) == {None}
    else:
        await subscriptions(pool).patch(ADMIN, subscription, {"active": False})
    assert (await statuses(pool, subscription), await statuses(pool, kept)) == (["cancelled"], ["pending"])
    async with open_delivery(pool) as delivery:
        assert await send_all(pool, delivery) == 2
    # Removing the assessment's own webhook cancels nothing of the service-wide ones.
    other = await claim_fusion(pool, bank, "student-2")
    await registrations.register(pool, other.assessment_id, receiver.url, SECRET)
    await complete(pool, other)
    await registrations.remove(pool, other.assessment_id)
    assert await statuses(pool, kept) == ["delivered", "pending"]


async def test_a_message_that_was_created_while_its_webhook_was_deleted_is_cancelled_when_it_is_due(
    pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    subscription = await new_subscription(pool, receiver.url)
    job = await claim_fusion(pool, bank)
    async with pool.acquire() as conn, conn.transaction():
        assert await jobs.fail_assessment(conn, job, ERROR)
        # The deletion does not see the message, which is not committed yet.
        await subscriptions(pool).delete(ADMIN, subscription)
    assert await statuses(pool, subscription) == ["pending"]
    async with open_delivery(pool) as delivery:
        await send_all(pool, delivery)
    assert (await statuses(pool, subscription), receiver.requests) == (["cancelled"], [])


async def test_a_receiver_that_is_gone_disables_its_webhook_alone(
    pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    subscription = await new_subscription(pool, receiver.url)
    kept = await new_subscription(pool)
    receiver.default = answer(410)
    for owner in ("student-1", "student-2"):
        job = await claim_fusion(pool, bank, owner)
        await registrations.register(pool, job.assessment_id, UNREACHABLE_URL, SECRET)
        await complete(pool, job)
    due = await pool.fetchval("SELECT id FROM webhook_deliveries WHERE subscription_id = $1 LIMIT 1", subscription)
    async with open_delivery(pool) as delivery:
        await delivery.run(due)
    assert sorted(await statuses(pool, subscription)) == ["cancelled", "failed"]
    assert await statuses(pool, kept) == ["pending", "pending"]
    assert await pool.fetchval("SELECT count(*) FROM assessments WHERE webhook_disabled_at IS NOT NULL") == 0
    disabled = await find(pool, subscription)
    assert (disabled.disabled_reason, disabled.disabled_at is not None) == ("gone", True)
    view = await subscriptions(pool).patch(ADMIN, subscription, {"active": True})
    assert (view.active, view.disabled_reason, view.secret) == (True, None, None)


async def test_a_replaced_secret_signs_for_a_day_more(pool: Pool, bank: Bank, receiver: WebhookReceiver) -> None:
    subscription = await new_subscription(pool, receiver.url, cipher=KEY)
    changing = subscriptions(pool, KEY)
    assert (await changing.patch(ADMIN, subscription, {"secret": OTHER_SECRET})).secret == OTHER_SECRET
    # The same again replaces nothing, or the first one would be forgotten.
    await changing.patch(ADMIN, subscription, {"secret": OTHER_SECRET})
    stored = await pool.fetchrow("SELECT secret, old_secret FROM webhook_subscriptions")
    assert stored and all(text.startswith("aes256gcm.") for text in stored.values())
    await complete(pool, await claim_fusion(pool, bank))
    async with open_delivery(pool) as delivery:
        encrypted = type(delivery)(pool, delivery.sender, delivery.delays, delivery.seconds, cipher=KEY)
        await send_all(pool, encrypted)
        assert verify(receiver.requests[0], OTHER_SECRET) == verify(receiver.requests[0], SECRET)
        await pool.execute("UPDATE webhook_subscriptions SET old_secret_until = now()")
        await complete(pool, await claim_fusion(pool, bank, "student-2"))
        await send_all(pool, encrypted)
    assert is_forged(receiver.requests[1], SECRET) and verify(receiver.requests[1], OTHER_SECRET)
    made = (await changing.patch(ADMIN, subscription, {"secret": None})).secret
    assert made and made not in (SECRET, OTHER_SECRET)


async def test_secrets_in_clear_are_encrypted_and_looked_at_too(pool: Pool, bank: Bank) -> None:
    subscription = await new_subscription(pool)
    assert (await check_stored_secrets(pool, KEY, 10)).clear == 1
    assert [counts.encrypted async for counts in encrypt_stored_secrets(pool, KEY, None)] == [1]
    summary = await check_stored_secrets(pool, KEY, 10)
    assert (summary.webhooks, summary.clear, summary.unreadable) == (1, 0, 0)
    stored = await pool.fetchval("SELECT secret FROM webhook_subscriptions")
    assert KEY.decrypt(stored, subscription) == SECRET
    assert (await check_stored_secrets(pool, SecretCipher(b"o" * 32), 10)).unreadable == 1


async def test_there_are_no_more_than_the_limit_however_they_are_made(pool: Pool, bank: Bank) -> None:
    results = await asyncio.gather(
        *(new_subscription(pool) for _ in range(MAX_SUBSCRIPTIONS + 5)), return_exceptions=True
    )
    assert sum(isinstance(result, SubscriptionLimit) for result in results) == 5
    assert sum(isinstance(result, UUID) for result in results) == MAX_SUBSCRIPTIONS
    made = next(result for result in results if isinstance(result, UUID))
    await subscriptions(pool).delete(ADMIN, made)
    await new_subscription(pool)


async def test_a_slow_receiver_of_one_holds_up_no_students_webhook(
    pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    await new_subscription(pool, receiver.url)
    receiver.default = held = HeldResponse()
    async with webhook_receiver("127.0.0.2") as own, open_delivery(pool) as delivery:
        for number in range(9):
            job = await claim_fusion(pool, bank, "student-1" if number == 8 else f"student-{number + 2}")
            if number == 8:
                await registrations.register(pool, job.assessment_id, own.url, SECRET)
            await complete(pool, job)
        due = [row["id"] for row in await pool.fetch("SELECT id FROM webhook_deliveries")]
        sending = [asyncio.create_task(delivery.run(delivery_id)) for delivery_id in due]
        await wait_for_requests(own, 1)
        await wait_for_requests(receiver, 8)
        held.release()
        await asyncio.gather(*sending)
    assert held.most == 8


async def test_a_subscription_that_was_made_while_the_end_waited_gets_the_event(pool: Pool, bank: Bank) -> None:
    """The function sees what was committed while its statement waited for the row."""
    job = await claim_fusion(pool, bank)
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await conn.execute("SELECT FROM assessments WHERE id = $1 FOR UPDATE", job.assessment_id)
        ending = asyncio.create_task(complete(pool, job))

        async def waits() -> bool:
            return bool(await pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))

        await until(waits)
        subscription = await new_subscription(pool)
        await transaction.commit()
    await ending
    assert await types(pool, subscription) == [(1, "assessment.completed")]


async def test_an_unknown_webhook_is_neither_changed_nor_deleted(pool: Pool, bank: Bank) -> None:
    changing = subscriptions(pool)
    for attempt in (changing.patch(ADMIN, uuid4(), {"active": False}), changing.delete(ADMIN, uuid4())):
        with pytest.raises(NotFound):
            await attempt
