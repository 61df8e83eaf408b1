"""Messages sent by a real worker's delivery to real receivers: their content, signatures, retries and final failure."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
import pytest

from app.repositories import jobs, webhooks
from app.repositories.sql import Pool
from app.schemas import links
from app.services.webhooks import registrations
from app.services.webhooks.deliver import WebhookDelivery
from tests.bank import SLUG, Bank
from tests.fakes.webhook_receiver import WebhookReceiver, answer, reset, webhook_receiver
from tests.webhooks import (
    ERROR,
    OTHER_SECRET,
    SECRET,
    HeldResponse,
    attempts,
    claim_fusion,
    complete_with_webhook,
    delivery_row,
    is_forged,
    open_delivery,
    send_all,
    verify,
    wait_for_requests,
    webhook_ids,
)

THREE_FAILURES = [(500, "answered 500")] * 3


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """A receiver that accepts everything."""
    async with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
async def delivery(pool: Pool) -> AsyncIterator[WebhookDelivery]:
    """Delivery with three attempts and no pauses."""
    async with open_delivery(pool) as delivery:
        yield delivery


async def test_the_message_of_a_result_has_its_scores_and_reasons(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    assert await send_all(pool, delivery) == 1
    (request,) = receiver.requests
    result, row = orjson.loads(await pool.fetchval("SELECT body FROM results")), await delivery_row(pool, assessment_id)
    provisional = {"provisional": True, "range": {"low": 53.8, "high": 76.9}}
    assert verify(request) == {
        "type": "assessment.completed",
        "timestamp": result["completed_at"],
        "data": {
            "assessment_id": str(assessment_id), "track": SLUG, "run": 1, "status": "completed",
            "overall": result["overall"] | provisional, "degraded": False, "degraded_reasons": [],
            "completed_at": result["completed_at"], "links": links(assessment_id).model_dump(),
        },
    }  # fmt: skip
    assert (webhook_ids(receiver), request.headers["Content-Type"]) == ([str(row["id"])], "application/json")
    assert (row["status"], row["attempts"], row["next_attempt_at"]) == ("delivered", 1, None)
    assert await attempts(pool, assessment_id) == [(204, None)]


async def test_the_message_of_a_failed_assessment_has_no_scores(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    job = await claim_fusion(pool, bank)
    await registrations.register(pool, job.assessment_id, receiver.url, SECRET)
    finished = await jobs.fail_assessment(pool, job, ERROR)
    assert finished and finished.next_job
    await delivery.run(finished.next_job.job_id)
    body = verify(receiver.requests[0])
    ended = await pool.fetchval("SELECT completed_at FROM assessments WHERE id = $1", job.assessment_id)
    assert (body["type"], body["data"]["status"], body["data"]["overall"]) == ("assessment.failed", "failed", None)
    assert body["timestamp"] == body["data"]["completed_at"] == ended.isoformat().replace("+00:00", "Z")


async def test_every_attempt_sends_the_same_body_signed_with_its_own_time(
    pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    receiver.script.extend([reset(), answer(500)])
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    async with open_delivery(pool) as regular:
        times = iter((1_000_000_000.9, 2_000_000_000.0))
        dated = WebhookDelivery(pool, regular.sender, regular.delays, regular.seconds, clock=lambda: next(times))
        await send_one(pool, dated)
        await send_one(pool, dated)
        await pool.execute("UPDATE tracks SET slug = 'renamed'")
        assert await send_all(pool, regular) == 1
    assert (len(set(webhook_ids(receiver))), len({request.body for request in receiver.requests})) == (1, 1)
    timestamps = [request.headers["webhook-timestamp"] for request in receiver.requests]
    assert timestamps[:2] == ["1000000000", "2000000000"]
    assert len({request.headers["webhook-signature"] for request in receiver.requests}) == 3
    assert verify(receiver.requests[2])["data"]["assessment_id"] == str(assessment_id)


async def send_one(pool: Pool, delivery: WebhookDelivery) -> None:
    (notification,) = await webhooks.take_unclaimed(pool, -60, 10)
    await delivery.run(notification.job_id)


async def test_both_secrets_sign_for_a_day_after_a_rotation(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    receiver.script.extend([answer(500), answer(500)])
    await send_one(pool, delivery)
    await registrations.register(pool, assessment_id, receiver.url, OTHER_SECRET)
    await send_one(pool, delivery)
    day = "UPDATE assessments SET webhook_old_secret_until = webhook_old_secret_until - $1::interval"
    await pool.execute(day, timedelta(days=1))
    await send_one(pool, delivery)
    first, second, third = receiver.requests
    assert (is_forged(first, SECRET), is_forged(first, OTHER_SECRET)) == (False, True)
    assert (is_forged(second, SECRET), is_forged(second, OTHER_SECRET)) == (False, False)
    assert (is_forged(third, SECRET), is_forged(third, OTHER_SECRET)) == (True, False)


async def test_registering_the_same_secret_again_changes_no_signature(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    for secret in (OTHER_SECRET, OTHER_SECRET):
        await registrations.register(pool, assessment_id, receiver.url, secret)
    await send_one(pool, delivery)
    assert not is_forged(receiver.requests[0], SECRET)
    assert receiver.requests[0].headers["webhook-signature"].count(" ") == 1


async def test_the_last_failure_disables_the_webhook_and_registering_again_sends_the_message(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    receiver.default = answer(500)
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    assert await send_all(pool, delivery) == 3
    assert await attempts(pool, assessment_id) == THREE_FAILURES
    row = await delivery_row(pool, assessment_id)
    assert (row["status"], row["next_attempt_at"], row["completed_at"] is not None) == ("failed", None, True)
    webhook = await webhooks.find(pool, assessment_id)
    assert webhook and (webhook.disabled_reason, webhook.disabled_at is not None) == ("attempts_failed", True)
    receiver.default = answer(200)
    result = await registrations.register(pool, assessment_id, receiver.url, SECRET)
    assert (result.replaced, result.notification is not None) == (True, True)
    assert await send_all(pool, delivery) == 1
    assert ((await delivery_row(pool, assessment_id))["status"], len(set(webhook_ids(receiver)))) == ("delivered", 1)
    webhook = await webhooks.find(pool, assessment_id)
    assert webhook and webhook.disabled_at is None


async def test_status_410_ends_all_messages_of_the_assessment(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    other = "INSERT INTO webhook_deliveries (assessment_id, run, event_type) VALUES ($1, 7, 'assessment.rescored')"
    await pool.execute(other, assessment_id)
    receiver.default = answer(410)
    assert await send_all(pool, delivery) == 1
    statuses = await pool.fetch("SELECT status FROM webhook_deliveries ORDER BY created_at")
    assert sorted(row["status"] for row in statuses) == ["cancelled", "failed"]
    webhook = await webhooks.find(pool, assessment_id)
    assert webhook and webhook.disabled_reason == "gone"


@pytest.mark.parametrize(("status", "error"), [
    (302, "answered 302; redirects are not followed"), (404, "answered 404"), (503, "answered 503"),
])  # fmt: skip
async def test_other_statuses_are_retried(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery, status: int, error: str
) -> None:
    receiver.script.append(answer(status, {"Location": receiver.url}))
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    assert await send_all(pool, delivery) == 2
    assert await attempts(pool, assessment_id) == [(status, error), (204, None)]


async def test_a_refused_address_is_a_failed_attempt_that_says_why(
    pool: Pool, bank: Bank, delivery: WebhookDelivery
) -> None:
    assessment_id = await complete_with_webhook(pool, bank, "http://10.0.0.1/hook")
    await send_one(pool, delivery)
    assert await attempts(pool, assessment_id) == [(None, "the address is not public")]
    row = await delivery_row(pool, assessment_id)
    assert (row["status"], row["next_attempt_at"] is not None) == ("pending", True)


async def test_the_pause_before_the_next_attempt_is_the_longer_of_schedule_and_retry_after(
    pool: Pool, bank: Bank, receiver: WebhookReceiver
) -> None:
    receiver.script.extend([answer(500), answer(429, {"Retry-After": "900"}), answer(503, {"Retry-After": "1"})])
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    waits = []
    left = "SELECT extract(epoch FROM next_attempt_at - now())::float8 FROM webhook_deliveries"
    async with open_delivery(pool, (0, 300, 600, 1200)) as slow:
        for _ in range(3):
            await send_one(pool, slow)
            waits.append(await pool.fetchval(left))
            assert await webhooks.take_unclaimed(pool, -60, 10) == []
            await pool.execute("UPDATE webhook_deliveries SET next_attempt_at = now()")
    assert [round(wait / 10) * 10 for wait in waits] == [300, 900, 1200]
    assert (await delivery_row(pool, assessment_id))["scheduled_attempts"] == 3


async def test_attempts_go_to_the_address_registered_last(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    receiver.default = answer(500)
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    await send_one(pool, delivery)
    async with webhook_receiver() as new:
        replaced = await registrations.register(pool, assessment_id, new.url, OTHER_SECRET)
        assert (replaced.replaced, replaced.changed, replaced.notification) == (True, True, None)
        assert await send_all(pool, delivery) == 1
        assert (webhook_ids(new), len(receiver.requests)) == (webhook_ids(receiver), 1)


async def test_removing_the_webhook_cancels_messages_and_registering_again_sends_them(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    receiver.script.append(answer(500))
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    await send_one(pool, delivery)
    await registrations.remove(pool, assessment_id)
    assert await send_all(pool, delivery) == 0
    assert (await delivery_row(pool, assessment_id))["status"] == "cancelled"
    result = await registrations.register(pool, assessment_id, receiver.url, OTHER_SECRET)
    assert (result.replaced, await send_all(pool, delivery)) == (False, 1)
    assert is_forged(receiver.requests[1], SECRET)
    assert (len(set(webhook_ids(receiver))), (await delivery_row(pool, assessment_id))["status"]) == (1, "delivered")
    # A delivered message is not sent again by registering; redeliveries are for that.
    await registrations.remove(pool, assessment_id)
    assert (await registrations.register(pool, assessment_id, receiver.url, SECRET)).notification is None


async def test_a_stopping_worker_hands_back_the_message_that_it_was_sending(
    pool: Pool, bank: Bank, receiver: WebhookReceiver, delivery: WebhookDelivery
) -> None:
    """The interrupted attempt is not counted, and another worker sends the message."""
    receiver.script.append(HeldResponse())
    assessment_id = await complete_with_webhook(pool, bank, receiver.url)
    (notification,) = await webhooks.take_unclaimed(pool, -60, 10)
    sending = asyncio.create_task(delivery.run(notification.job_id))
    await wait_for_requests(receiver, 1)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    row = await delivery_row(pool, assessment_id)
    assert (row["status"], row["attempts"], row["lease_expires_at"], row["fence"]) == ("pending", 0, None, 1)
    assert await send_all(pool, delivery) == 1
    assert len(set(webhook_ids(receiver))) == 1 and len(receiver.requests) == 2
