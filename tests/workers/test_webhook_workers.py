"""Worker processes deliver webhooks, from the submission to the receiver, also when a worker is killed."""

import base64
import signal
from uuid import UUID

from app.domain.webhook.secret_cipher import SecretCipher, parse_key
from app.repositories.sql import Pool
from app.services.webhooks import registrations as managing
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import answer, webhook_receiver
from tests.job_runner import submit
from tests.webhooks import (
    OTHER_SECRET,
    SECRET,
    HeldResponse,
    attempts,
    complete_with_webhook,
    delivery_row,
    verify,
    wait_for_requests,
    webhook_ids,
)
from tests.workers.conftest import StartWorker

SECONDS = 60.0
LOOPBACK = {"WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK_RETRY_DELAYS": "0,0,0"}


async def delivered(pool: Pool, assessment_id: UUID) -> None:
    done = "SELECT status = 'delivered' FROM webhook_deliveries WHERE assessment_id = $1"
    await until(lambda: pool.fetchval(done, assessment_id), SECONDS)


async def test_a_finished_submission_is_delivered_to_its_webhook(
    start_worker: StartWorker, pool: Pool, bank: Bank
) -> None:
    async with webhook_receiver() as receiver:
        receiver.script.append(answer(503))
        worker = await start_worker(**LOOPBACK)
        assessment_id = await submit(pool, bank)
        await managing.register(pool, assessment_id, receiver.url, SECRET)
        await wait_for_requests(receiver, 2, SECONDS)
        await delivered(pool, assessment_id)
        assert verify(receiver.requests[1])["data"]["assessment_id"] == str(assessment_id)
        assert await attempts(pool, assessment_id) == [(503, "answered 503"), (204, None)]
        assert await worker.end(signal.SIGTERM) == 0
        assert not any(SECRET in line or receiver.url in line for line in worker.lines)


async def test_an_attempt_that_died_with_its_worker_is_repeated(
    start_worker: StartWorker, pool: Pool, bank: Bank
) -> None:
    held = HeldResponse()
    async with webhook_receiver() as receiver:
        receiver.script.append(held)
        first = await start_worker(**LOOPBACK)
        assessment_id = await complete_with_webhook(pool, bank, receiver.url)
        await wait_for_requests(receiver, 1, SECONDS)
        assert await first.end(signal.SIGKILL) == -signal.SIGKILL
        row = await delivery_row(pool, assessment_id)
        assert (row["status"], row["attempts"], row["lease_expires_at"] is not None) == ("pending", 0, True)
        await start_worker(**LOOPBACK)
        # Its lease would last for half a minute.
        await pool.execute("UPDATE webhook_deliveries SET lease_expires_at = now()")
        await delivered(pool, assessment_id)
        assert len(set(webhook_ids(receiver))) == 1 and len(receiver.requests) == 2
        assert await attempts(pool, assessment_id) == [(204, None)]


async def test_a_scheduled_attempt_survives_all_workers(start_worker: StartWorker, pool: Pool, bank: Bank) -> None:
    async with webhook_receiver() as receiver:
        receiver.script.append(answer(500))
        settings = LOOPBACK | {"WEBHOOK_RETRY_DELAYS": "0,3600,3600"}
        first = await start_worker(**settings)
        assessment_id = await complete_with_webhook(pool, bank, receiver.url)
        tried = "SELECT attempts = 1 AND lease_expires_at IS NULL FROM webhook_deliveries"
        await until(lambda: pool.fetchval(tried), SECONDS)
        await first.end(signal.SIGKILL)
        await pool.execute("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending'")
        await start_worker(**settings)
        await delivered(pool, assessment_id)
        assert [status for status, _ in await attempts(pool, assessment_id)] == [500, 204]
        assert len(set(webhook_ids(receiver))) == 1


async def test_sigterm_hands_back_what_hangs(start_worker: StartWorker, pool: Pool, bank: Bank) -> None:
    async with webhook_receiver() as receiver:
        receiver.script.append(HeldResponse())
        worker = await start_worker(SHUTDOWN_TIMEOUT="3", **LOOPBACK)
        assessment_id = await complete_with_webhook(pool, bank, receiver.url)
        await wait_for_requests(receiver, 1, SECONDS)
        assert await worker.end(signal.SIGTERM) == 0
        row = await delivery_row(pool, assessment_id)
        assert (row["status"], row["attempts"], row["lease_expires_at"]) == ("pending", 0, None)


async def test_a_worker_with_another_key_waits_for_one_with_the_right_key(
    start_worker: StartWorker, pool: Pool, bank: Bank
) -> None:
    """Messages whose secret it can read are sent meanwhile."""
    key, other = (base64.b64encode(byte * 32).decode() for byte in (b"k", b"o"))
    async with webhook_receiver() as receiver:
        encrypted = await complete_with_webhook(pool, bank, receiver.url)
        cipher = SecretCipher(parse_key(key))
        await managing.register(pool, encrypted, receiver.url, OTHER_SECRET, cipher)
        clear = await complete_with_webhook(pool, bank, receiver.url, "student-2")
        wrong = await start_worker(**LOOPBACK, SECRETS_KEY=other)
        await wrong.until_logged("webhook_secrets_unreadable")
        await delivered(pool, clear)
        assert await wrong.end(signal.SIGTERM) == 0
        assert [verify(request)["data"]["assessment_id"] for request in receiver.requests] == [str(clear)]
        assert await attempts(pool, encrypted) == []
        assert not any(key in line or other in line or OTHER_SECRET in line for line in wrong.lines)
        await pool.execute("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending'")
        await start_worker(**LOOPBACK, SECRETS_KEY=key)
        await delivered(pool, encrypted)
        assert verify(receiver.requests[1], OTHER_SECRET)["data"]["assessment_id"] == str(encrypted)
