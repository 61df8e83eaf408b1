"""Assessments with webhooks, and delivery of their messages as a worker does it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import asyncpg
from aiohttp import web
from aiohttp.abc import AbstractResolver
from standardwebhooks import Webhook, WebhookVerificationError

from app.clients.webhook_sender import WebhookSender
from app.domain.errors import PermanentError
from app.domain.records.jobs import ClaimedJob
from app.domain.states import EventType, JobStatus, JobType, ReasonCode
from app.repositories import jobs, scores, webhooks
from app.repositories.jobs import FinishedJob
from app.repositories.sql import Pool
from app.services.jobs.claimed_run import read_claimed_run
from app.services.results.fuse import FusionJob
from app.services.webhooks import registrations
from app.services.webhooks.deliver import WebhookDelivery
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.webhook_receiver import Received, WebhookReceiver
from tests.job_runner import claim_job, submit

SECRET = "whsec_" + "QUJD" * 8
OTHER_SECRET = "whsec_" + "REVG" * 8
UNREACHABLE_URL = "https://hooks.example/hook"
ERROR = PermanentError("test", "a test")
LOOPBACK = (ip_network("127.0.0.0/8"),)
# Three attempts without a pause.
NO_DELAYS = (0.0, 0.0, 0.0)


async def claim_fusion(
    pool: Pool, bank: Bank, owner: str = "student-1", rag: JobStatus = JobStatus.COMPLETED
) -> ClaimedJob:
    """The claimed fusion job of an assessment whose other jobs have ended; `rag` is how that one ended."""
    assessment_id = await submit(pool, bank, owner)
    for job_type in (JobType.GPT, JobType.RAG):
        job = await claim_job(pool, assessment_id, job_type)
        for question in (await read_claimed_run(pool, job)).questions if job_type is JobType.GPT else ():
            if question.body.type == "essay":
                await scores.store_unscored(pool, job, question, ReasonCode.ESSAY_UNSCORED)
        failed = job_type is JobType.RAG and rag is JobStatus.FAILED
        await jobs.finish(pool, job, rag if failed else JobStatus.COMPLETED, ERROR if failed else None, None, [])
    return await claim_job(pool, assessment_id, JobType.FUSION)


async def complete(pool: Pool, job: ClaimedJob) -> FinishedJob:
    """Ends the assessment with a result."""
    finished = await FusionJob(pool).run(job)
    assert finished
    return finished


async def complete_with_webhook(pool: Pool, bank: Bank, url: str, owner: str = "student-1") -> UUID:
    """The id of a completed assessment with a webhook and a message that is due."""
    job = await claim_fusion(pool, bank, owner)
    await registrations.register(pool, job.assessment_id, url, SECRET)
    assert (await complete(pool, job)).next_job
    return job.assessment_id


async def insert_delivery(pool: Pool, assessment_id: UUID) -> UUID:
    """Gives an assessment a webhook and a message, whatever its status is; returns the message's id."""
    await registrations.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    delivery_id: UUID = await pool.fetchval(
        "INSERT INTO webhook_deliveries (assessment_id, run, event_type) VALUES ($1, 1, $2) RETURNING id",
        assessment_id,
        EventType.COMPLETED,
    )
    return delivery_id


async def insert_deliveries(pool: Pool, url: str, count: int, owner: str | None = None) -> None:
    """Inserts failed assessments of this owner, or each of another one, with a message to this address that is due."""
    await pool.execute(
        """WITH failed AS (
               INSERT INTO assessments (owner, track_id, expires_at, status, submitted_at, completed_at, webhook_url,
                                        webhook_secret)
               SELECT coalesce($4, 'student-' || n), tracks.id, now(), 'failed', now(), now(), $1, $2
               FROM tracks, generate_series(1, $3::int) AS n
               RETURNING id
           )
           INSERT INTO webhook_deliveries (assessment_id, run, event_type)
           SELECT id, 1, 'assessment.failed' FROM failed""",
        url, SECRET, count, owner,
    )  # fmt: skip


@asynccontextmanager
async def open_delivery(
    pool: Pool, delays: Sequence[float] = NO_DELAYS, seconds: float = 5.0, resolver: AbstractResolver | None = None
) -> AsyncIterator[WebhookDelivery]:
    """Delivery as in a worker, but also over plain HTTP and to loopback, and without jitter."""
    sender = WebhookSender(seconds=seconds, allow_http=True, allowed=LOOPBACK, resolver=resolver)
    try:
        yield WebhookDelivery(pool, sender, delays, seconds, random_fraction=lambda: 0.0)
    finally:
        await sender.close()


async def send_all(pool: Pool, delivery: WebhookDelivery, limit: int = 50) -> int:
    """Sends due messages one after the other until none is left; returns the number of attempts."""
    for count in range(limit):
        # A negative patience: also messages whose notification was sent just now.
        due = await webhooks.take_unclaimed(pool, -60, 1)
        if not due:
            return count
        await delivery.run(due[0].job_id)
    raise AssertionError("the attempts never end")


async def delivery_row(pool: Pool, assessment_id: UUID) -> asyncpg.Record:
    """The row of the assessment's only message."""
    (row,) = await pool.fetch("SELECT * FROM webhook_deliveries WHERE assessment_id = $1", assessment_id)
    return row


async def attempts(pool: Pool, assessment_id: UUID) -> list[tuple[int | None, str | None]]:
    """The status and error of each attempt to send the assessment's messages, in order."""
    rows = await pool.fetch(
        """SELECT t.status_code, t.error FROM webhook_attempts t JOIN webhook_deliveries d ON d.id = t.delivery_id
           WHERE d.assessment_id = $1 ORDER BY d.created_at, t.ordinal""",
        assessment_id,
    )
    return [(row["status_code"], row["error"]) for row in rows]


def verify(received: Received, secret: str = SECRET) -> Any:
    """The body, as a receiver verifies it with this secret."""
    return Webhook(secret).verify(received.body, dict(received.headers))


def is_forged(received: Received, secret: str) -> bool:
    """Whether a receiver with this secret rejects the signature."""
    try:
        verify(received, secret)
    except WebhookVerificationError:
        return True
    return False


def webhook_ids(receiver: WebhookReceiver) -> list[str]:
    """The `webhook-id`s of the requests that were received."""
    return [received.headers["webhook-id"] for received in receiver.requests]


async def wait_for_requests(receiver: WebhookReceiver, count: int, seconds: float = 20.0) -> None:
    """Returns when the receiver has got `count` requests."""

    async def enough() -> bool:
        return len(receiver.requests) >= count

    await until(enough, seconds)


class HeldResponse:
    """A behaviour that answers once it is released; `waiting` requests wait now, `most` waited at the same time."""

    def __init__(self, status: int = 204) -> None:
        self.waiting = 0
        self.most = 0
        self._status = status
        self._open = asyncio.Event()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1
        return web.Response(status=self._status)

    def release(self) -> None:
        """Answers the requests that wait and all later ones."""
        self._open.set()
