"""Webhooks, their messages and each try to deliver them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.domain.job.notification import JobNotification
from app.domain.records.webhooks import ClaimedDelivery, DeliveryRecord, Event, WebhookRecord
from app.domain.result.model import Overall
from app.domain.states import WEBHOOKS, DeliveryStatus, DisabledReason, EventType
from app.domain.webhook.delivery import NextStep, SendResult
from app.domain.webhook.signing import ROTATION_SECONDS
from app.repositories import decoding
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("webhooks")


async def find(db: Executor, assessment_id: UUID) -> WebhookRecord | None:
    """The assessment's webhook, whose `url` is null where none is registered; None where there is no assessment."""
    row = await db.fetchrow(_SQL["find_webhook"], assessment_id)
    if row is None:
        return None
    reason = row["disabled_reason"]
    return WebhookRecord(**{**dict(row), "disabled_reason": DisabledReason(reason) if reason else None})


async def register(conn: Connection, assessment_id: UUID, url: str, secret: str) -> tuple[bool, bool] | None:
    """Whether there was one before, and whether the address changed; the assessment is held until the transaction ends.
    None where it has expired."""
    row = await conn.fetchrow(_SQL["register"], assessment_id, url, secret, ROTATION_SECONDS)
    return (row["replaced"], row["changed"]) if row else None


async def announce_end(conn: Connection, assessment_id: UUID) -> JobNotification | None:
    """The message of an assessment that is over, if there is one to send; needs the assessment held by `register`."""
    return _ring(await conn.fetchrow(_SQL["announce_end"], assessment_id))


async def remove(conn: Connection, assessment_id: UUID) -> bool:
    """Whether there was a webhook."""
    return await conn.fetchval(_SQL["remove"], assessment_id) is not None


async def cancel(db: Executor, assessment_id: UUID) -> None:
    """Ends all tries of the assessment's messages."""
    await db.execute(_SQL["cancel"], assessment_id)


async def disable(db: Executor, assessment_id: UUID, url: str, reason: DisabledReason) -> bool:
    """Whether this address was still registered, so that nothing more is sent there."""
    return await db.fetchval(_SQL["disable"], assessment_id, url, reason) is not None


async def claim(db: Executor, delivery_id: UUID, lease_seconds: float) -> ClaimedDelivery | None:
    """The message, if it is due (or its lease ran out) and nobody else has it."""
    row = await db.fetchrow(_SQL["claim"], delivery_id, lease_seconds)
    return ClaimedDelivery(**dict(row)) if row else None


async def read_event(db: Executor, delivery_id: UUID) -> Event:
    """What the message tells."""
    row = await db.fetchrow(_SQL["read_event"], delivery_id)
    if row is None:
        raise RuntimeError("a message without its assessment")
    told: dict[str, Any] = dict(row)
    overall, reasons = told["overall"], decoding.reasons.validate_python(told.pop("reasons"))
    told |= {"event_type": EventType(told["event_type"]), "overall": Overall(**overall) if overall else None}
    return Event(**told, reasons=reasons)


async def write_body(db: Executor, delivery: ClaimedDelivery, body: str) -> str | None:
    """What all tries send: this body, unless there is one already. None where the lease was lost."""
    written: str | None = await db.fetchval(_SQL["write_body"], delivery.id, delivery.fence, body)
    return written


async def put_back(db: Executor, delivery: ClaimedDelivery, delay: float) -> bool:
    """Lets go of a message that was not tried, for `delay` seconds; False where the lease was lost."""
    return await db.fetchval(_SQL["put_back"], delivery.id, delivery.fence, delay) is not None


async def record_attempt(
    db: Executor,
    delivery: ClaimedDelivery,
    result: SendResult,
    next_step: NextStep,
) -> bool:
    """Records an attempt and what becomes of the message; False if the lease was lost."""
    attempt = (delivery.redelivery, result.status, result.latency_ms, result.failure)
    values = (delivery.id, delivery.fence, *attempt, next_step.status, next_step.delay)
    return await db.fetchval(_SQL["record_attempt"], *values) is not None


async def redeliver(db: Executor, delivery_id: UUID) -> JobNotification | None:
    """The message, due now; None where it is on its way."""
    return _ring(await db.fetchrow(_SQL["redeliver"], delivery_id))


async def page(
    db: Executor, assessment_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[DeliveryRecord]:
    """The assessment's messages, newest first."""
    created_at, last_id = after or (None, None)
    rows = await db.fetch(_SQL["list_deliveries"], assessment_id, created_at, last_id, limit)
    return [_line(row) for row in rows]


async def newest(db: Executor, statuses: Iterable[DeliveryStatus], limit: int) -> list[DeliveryRecord]:
    """Messages of all assessments with one of these statuses, newest first."""
    return [_line(row) for row in await db.fetch(_SQL["list_newest"], list(statuses), limit)]


async def find_delivery(db: Executor, delivery_id: UUID) -> DeliveryRecord | None:
    """The message."""
    row = await db.fetchrow(_SQL["find_delivery"], delivery_id)
    return _line(row) if row else None


async def take_unheard(db: Executor, patience: float, limit: int) -> list[JobNotification]:
    """Messages that someone should be sending, noted as rung for; `patience` (s) is how long a ring is trusted."""
    rows = await db.fetch(_SQL["take_unheard"], patience, limit)
    return [JobNotification(row["id"], WEBHOOKS, row["fence"]) for row in rows]


def _ring(row: asyncpg.Record | None) -> JobNotification | None:
    return JobNotification(row["id"], WEBHOOKS, row["fence"]) if row else None


def _line(row: asyncpg.Record) -> DeliveryRecord:
    told: dict[str, Any] = dict(row)
    told |= {"event_type": EventType(row["event_type"]), "status": DeliveryStatus(row["status"])}
    return DeliveryRecord(**{**told, "attempts": decoding.attempts.validate_python(row["attempts"])})
