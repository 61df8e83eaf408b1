"""Messages sent by the pieces of a real worker to real receivers: what is sent, how it is signed, tried again, and
given up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
import pytest

from app.repositories import jobs, webhooks
from app.repositories.sql import Pool
from app.schemas import links
from app.services.webhooks import registrations as managing
from app.services.webhooks.deliver import WebhookDelivery
from tests.bank import SLUG, Bank
from tests.fakes.webhook_receiver import WebhookReceiver, answer, reset, webhook_receiver
from tests.webhooks import (
    ERROR,
    OTHER_SECRET,
    SECRET,
    Held,
    about_to_end,
    attempts,
    came,
    delivering,
    delivery,
    forged,
    ids,
    registered,
    send_all,
    verified,
)

GIVEN_UP = [(500, "answered 500")] * 3


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """A receiver that takes everything."""
    async with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
async def sending(pool: Pool) -> AsyncIterator[WebhookDelivery]:
    """Three tries, each at once."""
    async with delivering(pool) as sending:
        yield sending


async def test_a_result_is_told_with_its_scores_and_reasons(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, sending: WebhookDelivery
) -> None:
    assessment_id = await registered(pool, bank, receiver.url)
    assert await send_all(pool, sending) == 1
    (got,) = receiver.requests
    result, row = orjson.loads(await pool.fetchval("SELECT body FROM results")), await delivery(pool, assessment_id)
    assert verified(got) == {
        "type": "assessment.completed",
        "timestamp": result["completed_at"],
        "data": {
            "assessment_id": str(assessment_id), "track": SLUG, "run": 1, "status": "completed",
            "overall": result["overall"], "degraded": False, "degraded_reasons": [],
            "completed_at": result["completed_at"], "links": links(assessment_id).model_dump(),
        },
    }  # fmt: skip
    assert (ids(receiver), got.headers["Content-Type"]) == ([str(row["id"])], "application/json")
    assert (row["status"], row["attempts"], row["next_attempt_at"]) == ("delivered", 1, None)
    assert await attempts(pool, assessment_id) == [(204, None)]


async def test_a_failed_assessment_is_told_without_scores(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, sending: WebhookDelivery
) -> None:
    job = await about_to_end(pool, bank)
    await managing.register(pool, job.assessment_id, receiver.url, SECRET)
    finished = await jobs.fail_assessment(pool, job, ERROR)
    assert finished and finished.next_job
    await sending.run(finished.next_job.job_id)
    body = verified(receiver.requests[0])
    ended = await pool.fetchval("SELECT completed_at FROM assessments WHERE id = $1", job.assessment_id)
    assert (body["type"], body["data"]["status"], body["data"]["overall"]) == ("assessment.failed", "failed", None)
    assert body["timestamp"] == body["data"]["completed_at"] == ended.isoformat().replace("+00:00", "Z")


async def test_every_try_is_the_same_message_with_a_signature_of_its_own_time(
    pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    receiver.script.extend([reset(), answer(500)])
    assessment_id = await registered(pool, bank, receiver.url)
    async with delivering(pool) as calm:
        times = iter((1_000_000_000.9, 2_000_000_000.0))
        dated = WebhookDelivery(pool, calm.sender, calm.delays, calm.seconds, clock=lambda: next(times))
        await send_one(pool, dated)
        await send_one(pool, dated)
        await pool.execute("UPDATE tracks SET slug = 'renamed'")
        assert await send_all(pool, calm) == 1
    assert (len(set(ids(receiver))), len({got.body for got in receiver.requests})) == (1, 1)
    stamped = [got.headers["webhook-timestamp"] for got in receiver.requests]
    assert stamped[:2] == ["1000000000", "2000000000"]
    assert len({got.headers["webhook-signature"] for got in receiver.requests}) == 3
    assert verified(receiver.requests[2])["data"]["assessment_id"] == str(assessment_id)


async def send_one(pool: Pool, sending: WebhookDelivery) -> None:
    (ring,) = await webhooks.take_unheard(pool, -60, 10)
    await sending.run(ring.job_id)


async def test_both_secrets_sign_for_a_day_after_a_rotation(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, sending: WebhookDelivery
) -> None:
    assessment_id = await registered(pool, bank, receiver.url)
    receiver.script.extend([answer(500), answer(500)])
    await send_one(pool, sending)
    await managing.register(pool, assessment_id, receiver.url, OTHER_SECRET)
    await send_one(pool, sending)
    day = "UPDATE assessments SET webhook_old_secret_until = webhook_old_secret_until - $1::interval"
    await pool.execute(day, timedelta(days=1))
    await send_one(pool, sending)
    first, second, third = receiver.requests
    assert (forged(first, SECRET), forged(first, OTHER_SECRET)) == (False, True)
    assert (forged(second, SECRET), forged(second, OTHER_SECRET)) == (False, False)
    assert (forged(third, SECRET), forged(third, OTHER_SECRET)) == (True, False)


async def test_registering_the_same_secret_again_changes_no_signature(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, sending: WebhookDelivery
) -> None:
    assessment_id = await registered(pool, bank, receiver.url)
    for secret in (OTHER_SECRET, OTHER_SECRET):
        await managing.register(pool, assessment_id, receiver.url, secret)
    await send_one(pool, sending)
    assert not forged(receiver.requests[0], SECRET)
    assert receiver.requests[0].headers["webhook-signature"].count(" ") == 1


async def test_after_the_last_try_the_webhook_is_disabled_and_registering_sends_again(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, sending: WebhookDelivery
) -> None:
    receiver.default = answer(500)
    assessment_id = await registered(pool, bank, receiver.url)
    assert await send_all(pool, sending) == 3
    assert await attempts(pool, assessment_id) == GIVEN_UP
    row = await delivery(pool, assessment_id)
    assert (row["status"], row["next_attempt_at"], row["completed_at"] is not None) == ("failed", None, True)
    webhook = await webhooks.find(pool, assessment_id)
    assert webhook and (webhook.disabled_reason, webhook.disabled_at is not None) == ("attempts_failed", True)
    receiver.default = answer(200)
    again = await managing.register(pool, assessment_id, receiver.url, SECRET)
    assert (again.replaced, again.notification is not None) == (True, True)
    assert await send_all(pool, sending) == 1
    assert ((await delivery(pool, assessment_id))["status"], len(set(ids(receiver)))) == ("delivered", 1)
    webhook = await webhooks.find(pool, assessment_id)
    assert webhook and webhook.disabled_at is None


async def test_gone_is_the_end_of_all_messages(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, sending: WebhookDelivery
) -> None:
    assessment_id = await registered(pool, bank, receiver.url)
    other = "INSERT INTO webhook_deliveries (assessment_id, run, event_type) VALUES ($1, 7, 'assessment.rescored')"
    await pool.execute(other, assessment_id)
    receiver.default = answer(410)
    assert await send_all(pool, sending) == 1
    statuses = await pool.fetch("SELECT status FROM webhook_deliveries ORDER BY created_at")
    assert sorted(row["status"] for row in statuses) == ["cancelled", "failed"]
    webhook = await webhooks.find(pool, assessment_id)
    assert webhook and webhook.disabled_reason == "gone"


@pytest.mark.parametrize(("status", "error"), [
    (302, "answered 302; redirects are not followed"), (404, "answered 404"), (503, "answered 503"),
])  # fmt: skip
async def test_whatever_is_not_2xx_is_tried_again(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, sending: WebhookDelivery, status: int, error: str
) -> None:
    receiver.script.append(answer(status, {"Location": receiver.url}))
    assessment_id = await registered(pool, bank, receiver.url)
    assert await send_all(pool, sending) == 2
    assert await attempts(pool, assessment_id) == [(status, error), (204, None)]


async def test_a_refused_address_is_a_failed_try_that_says_why(
    pool: Pool, bank: Bank, sending: WebhookDelivery
) -> None:
    assessment_id = await registered(pool, bank, "http://10.0.0.1/hook")
    await send_one(pool, sending)
    assert await attempts(pool, assessment_id) == [(None, "the address is not public")]
    row = await delivery(pool, assessment_id)
    assert (row["status"], row["next_attempt_at"] is not None) == ("pending", True)


async def test_the_next_try_waits_as_long_as_the_schedule_and_the_receiver_ask(
    pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    receiver.script.extend([answer(500), answer(429, {"Retry-After": "900"}), answer(503, {"Retry-After": "1"})])
    assessment_id = await registered(pool, bank, receiver.url)
    waits = []
    left = "SELECT extract(epoch FROM next_attempt_at - now())::float8 FROM webhook_deliveries"
    async with delivering(pool, (0, 300, 600, 1200)) as slow:
        for _ in range(3):
            await send_one(pool, slow)
            waits.append(await pool.fetchval(left))
            assert await webhooks.take_unheard(pool, -60, 10) == []
            await pool.execute("UPDATE webhook_deliveries SET next_attempt_at = now()")
    assert [round(wait / 10) * 10 for wait in waits] == [300, 900, 1200]
    assert (await delivery(pool, assessment_id))["scheduled_attempts"] == 3


async def test_pending_tries_go_to_the_present_address(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, sending: WebhookDelivery
) -> None:
    receiver.default = answer(500)
    assessment_id = await registered(pool, bank, receiver.url)
    await send_one(pool, sending)
    async with webhook_receiver() as new:
        replaced = await managing.register(pool, assessment_id, new.url, OTHER_SECRET)
        assert (replaced.replaced, replaced.changed, replaced.notification) == (True, True, None)
        assert await send_all(pool, sending) == 1
        assert (ids(new), len(receiver.requests)) == (ids(receiver), 1)


async def test_removing_cancels_what_was_to_come_and_registering_anew_sends_it(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, sending: WebhookDelivery
) -> None:
    receiver.script.append(answer(500))
    assessment_id = await registered(pool, bank, receiver.url)
    await send_one(pool, sending)
    await managing.remove(pool, assessment_id)
    assert await send_all(pool, sending) == 0
    assert (await delivery(pool, assessment_id))["status"] == "cancelled"
    again = await managing.register(pool, assessment_id, receiver.url, OTHER_SECRET)
    assert (again.replaced, await send_all(pool, sending)) == (False, 1)
    assert forged(receiver.requests[1], SECRET)
    assert (len(set(ids(receiver))), (await delivery(pool, assessment_id))["status"]) == (1, "delivered")
    # What was delivered is not sent anew: there is a redelivery for that.
    await managing.remove(pool, assessment_id)
    assert (await managing.register(pool, assessment_id, receiver.url, SECRET)).notification is None


async def test_what_a_stopping_worker_was_sending_is_handed_back(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, sending: WebhookDelivery
) -> None:
    """The try counts for nothing, and the next worker sends the message."""
    receiver.script.append(Held())
    assessment_id = await registered(pool, bank, receiver.url)
    (ring,) = await webhooks.take_unheard(pool, -60, 10)
    working = asyncio.create_task(sending.run(ring.job_id))
    await came(receiver, 1)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    row = await delivery(pool, assessment_id)
    assert (row["status"], row["attempts"], row["lease_expires_at"], row["fence"]) == ("pending", 0, None, 1)
    assert await send_all(pool, sending) == 1
    assert len(set(ids(receiver))) == 1 and len(receiver.requests) == 2
