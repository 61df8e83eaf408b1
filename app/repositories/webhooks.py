"""Webhooks, the deliveries of their messages, and each attempt of a delivery."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from app.domain.job.notification import JobNotification
from app.domain.records.webhooks import (
    ClaimedDelivery,
    DeliveryAttempt,
    DeliveryRecord,
    StoredSecrets,
    WebhookEvent,
    WebhookRecord,
)
from app.domain.states import WEBHOOKS, DeliveryStatus, DisabledReason
from app.domain.webhook.retry_policy import NextStep, SendResult
from app.domain.webhook.signing import ROTATION_SECONDS
from app.repositories import decoding
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("webhooks")


async def find(db: Executor, assessment_id: UUID) -> WebhookRecord | None:
    """The assessment's webhook, whose `url` is None if none is registered; None if there is no such assessment."""
    row = await db.fetchrow(_SQL["find_webhook"], assessment_id)
    return WebhookRecord(**row) if row else None


async def lock_secret(conn: Connection, assessment_id: UUID) -> str | None:
    """The webhook's stored secret, if there is one; locks the assessment until the transaction ends."""
    stored: str | None = await conn.fetchval(_SQL["lock_secret"], assessment_id)
    return stored


async def register(
    conn: Connection, assessment_id: UUID, url: str, stored_secret: str, *, same_secret: bool = False
) -> tuple[bool, bool] | None:
    """Registers or replaces the webhook and locks the assessment until the transaction ends. Whether there was one
    before, and whether the URL changed; None if the assessment has expired. Unless it is the `same_secret` in another
    form, the replaced one signs for a while, too."""
    row = await conn.fetchrow(_SQL["register"], assessment_id, url, stored_secret, ROTATION_SECONDS, same_secret)
    return (row["replaced"], row["changed"]) if row else None


async def create_missing_final_delivery(conn: Connection, assessment_id: UUID) -> JobNotification | None:
    """Creates the delivery of the end of an assessment that is over already, if there is none; needs the assessment
    locked by `register`."""
    return _notification(await conn.fetchrow(_SQL["create_missing_final_delivery"], assessment_id))


async def remove(conn: Connection, assessment_id: UUID) -> bool:
    """Removes the webhook; False if there is none."""
    return await conn.fetchval(_SQL["remove"], assessment_id) is not None


async def list_secrets(db: Executor, after: UUID | None, limit: int) -> list[StoredSecrets]:
    """The stored secrets of the next webhooks of assessments, by the id of the assessment."""
    return [StoredSecrets(**dict(row)) for row in await db.fetch(_SQL["list_secrets"], after, limit)]


async def replace_secrets(db: Executor, changes: Sequence[tuple[StoredSecrets, StoredSecrets]]) -> list[UUID]:
    """Stores secrets in another form, if they are still as they were read; returns the assessments of the webhooks."""
    rows = [(before.of, before.secret, before.old_secret, after.secret, after.old_secret) for before, after in changes]
    return [row["id"] for row in await db.fetch(_SQL["replace_secrets"], *map(list, zip(*rows, strict=True)))]


async def cancel_deliveries(db: Executor, assessment_id: UUID) -> None:
    """Cancels all pending deliveries to the webhook of an assessment that was removed or disabled."""
    await db.execute(_SQL["cancel_deliveries"], assessment_id)


async def disable(db: Executor, assessment_id: UUID, url: str, reason: DisabledReason) -> bool:
    """Disables the webhook if it still has this URL; False if not."""
    return await db.fetchval(_SQL["disable"], assessment_id, url, reason) is not None


async def claim(db: Executor, delivery_id: UUID, lease_seconds: float) -> ClaimedDelivery | None:
    """Claims a delivery that is due, or whose lease has run out; None if another worker has it."""
    row = await db.fetchrow(_SQL["claim"], delivery_id, lease_seconds)
    return ClaimedDelivery(**dict(row)) if row else None


async def read_event(db: Executor, delivery_id: UUID) -> WebhookEvent | None:
    """The event that the delivery's message tells; None if its assessment was erased."""
    row = await db.fetchrow(_SQL["read_event"], delivery_id)
    if row is None:
        return None
    result = decoding.result(row["result"]) if row["result"] else None
    return WebhookEvent(**{**row, "result": result})


async def write_body(db: Executor, delivery: ClaimedDelivery, body: str) -> str | None:
    """Stores the body of the message unless there is one already, and returns the stored one; None if the lease is
    lost."""
    stored: str | None = await db.fetchval(_SQL["write_body"], delivery.id, delivery.fence, body)
    return stored


async def release(db: Executor, delivery: ClaimedDelivery, delay: float) -> bool:
    """Hands back a delivery that was not attempted, for `delay` seconds; False if the lease is lost."""
    return await db.fetchval(_SQL["release"], delivery.id, delivery.fence, delay) is not None


async def record_attempt(
    db: Executor,
    delivery: ClaimedDelivery,
    result: SendResult,
    next_step: NextStep,
) -> bool:
    """Records an attempt and the next step of the delivery; False if the lease is lost."""
    attempt = (delivery.redelivery, result.status, result.latency_ms, result.failure)
    values = (delivery.id, delivery.fence, *attempt, next_step.status, next_step.delay)
    return await db.fetchval(_SQL["record_attempt"], *values) is not None


async def redeliver(db: Executor, delivery_id: UUID, limit: int, interval: float) -> JobNotification | None:
    """Makes one more attempt due now; None if one is in progress, after `limit` redeliveries, or less than `interval`
    seconds after the last."""
    return _notification(await db.fetchrow(_SQL["redeliver"], delivery_id, limit, interval))


async def find_redeliveries(db: Executor, delivery_id: UUID) -> tuple[int, bool]:
    """How many redeliveries of the message were requested, and whether an attempt is in progress."""
    row = await db.fetchrow(_SQL["find_redeliveries"], delivery_id)
    return (row["redeliveries"], row["in_progress"]) if row else (0, False)


async def page_of_attempts(
    db: Executor, delivery_id: UUID, before: int | None, limit: int
) -> list[tuple[int, DeliveryAttempt]]:
    """A page of the delivery's attempts before the one with the ordinal `before`, the newest first, with ordinals."""
    rows = [dict(row) for row in await db.fetch(_SQL["list_attempts"], delivery_id, before, limit)]
    return [(row.pop("ordinal"), DeliveryAttempt(**row)) for row in rows]


async def page(
    db: Executor, assessment_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[DeliveryRecord]:
    """A page of the deliveries to the assessment's own webhook, newest first."""
    created_at, last_id = after or (None, None)
    rows = await db.fetch(_SQL["list_deliveries"], assessment_id, created_at, last_id, limit)
    return [DeliveryRecord(**row) for row in rows]


async def page_of_all(
    db: Executor, statuses: Iterable[DeliveryStatus], limit: int, after: tuple[datetime, UUID] | None = None
) -> list[DeliveryRecord]:
    """A page of the deliveries of all assessments with one of these statuses, newest first."""
    created_at, last_id = after or (None, None)
    rows = await db.fetch(_SQL["list_deliveries_of_all"], list(statuses), limit, created_at, last_id)
    return [DeliveryRecord(**row) for row in rows]


async def find_delivery(db: Executor, delivery_id: UUID) -> DeliveryRecord | None:
    """The delivery with its attempts."""
    row = await db.fetchrow(_SQL["find_delivery"], delivery_id)
    return DeliveryRecord(**row) if row else None


async def take_unclaimed(db: Executor, grace_seconds: float, limit: int) -> list[JobNotification]:
    """Deliveries that are due, or whose lease has run out, and that no worker has claimed within `patience` seconds of
    their last notification; marks them as notified."""
    rows = await db.fetch(_SQL["take_unclaimed"], grace_seconds, limit)
    return [JobNotification(row["id"], WEBHOOKS, row["fence"]) for row in rows]


def _notification(row: asyncpg.Record | None) -> JobNotification | None:
    return JobNotification(row["id"], WEBHOOKS, row["fence"]) if row else None
