"""Delivering one webhook message: claim it, send it, record the attempt and what comes next.

Messages are delivered at least once, always with the same `webhook-id`.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from app.clients.webhook_sender import WebhookSender
from app.domain.errors import LeaseLost
from app.domain.records.webhooks import ClaimedDelivery
from app.domain.webhook.retry_policy import NextStep, SendResult, busy_delay, next_step
from app.domain.webhook.secret_cipher import IN_CLEAR, SecretCipher, UnreadableSecret
from app.domain.webhook.signing import signed_headers
from app.outages import report_database_error
from app.repositories import subscriptions, webhooks
from app.repositories.sql import DATABASE_UNAVAILABLE, Executor, Pool
from app.schemas.webhook_message import body_of
from app.services.webhooks.slots import DeliverySlots, NoSlot, Shared
from app.services.webhooks.stored_secrets import signing_secrets

log = structlog.get_logger()

# Seconds of a lease beyond the limit of one attempt, for the statements around it. Because attempts are limited, there
# is no heartbeat.
LEASE_MARGIN = 15.0
# Seconds until a message whose secret cannot be read is looked at again, and up to twice as many.
UNREADABLE_SECONDS = 60.0


@dataclass(frozen=True)
class WebhookDelivery:
    """Delivers webhook messages. `delays` (s) are the pauses before each attempt, `seconds` is the limit of one;
    links in messages begin with `public_url`; `cipher` reads their secrets; `clock` gives Unix seconds, `chance`
    numbers in [0, 1) for jitter."""

    pool: Pool
    sender: WebhookSender
    delays: Sequence[float]
    seconds: float
    public_url: str = ""
    cipher: SecretCipher = IN_CLEAR
    slots: DeliverySlots = field(default_factory=DeliverySlots)
    random_fraction: Callable[[], float] = random.random
    clock: Callable[[], float] = time.time

    async def run(self, delivery_id: UUID) -> None:
        """Sends the message if it is due and no other worker has it; its row says what came of it."""
        try:
            delivery = await webhooks.claim(self.pool, delivery_id, self.seconds + LEASE_MARGIN)
            if delivery is not None:
                with structlog.contextvars.bound_contextvars(
                    delivery_id=str(delivery.id), assessment_id=str(delivery.assessment_id)
                ):
                    await self._deliver(delivery)
        except DATABASE_UNAVAILABLE as error:
            # The row is still due or its lease will expire. Then the message is sent, perhaps a second time.
            report_database_error(error, "delivering a webhook")

    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        if delivery.url is None or (delivery.disabled and not delivery.redelivery):
            await _cancel_deliveries(self.pool, delivery)
            await webhooks.release(self.pool, delivery, 0.0)
            return
        try:
            secrets = signing_secrets(self.cipher, delivery)
        except UnreadableSecret:
            # The fault is ours, so this is no attempt, and other messages go on.
            await webhooks.release(self.pool, delivery, UNREADABLE_SECONDS * (1 + self.random_fraction()))
            return
        host = urlsplit(delivery.url).hostname or ""
        try:
            with self.slots.hold(Shared.OWNER, [_slot_owner(delivery)]), self.slots.hold(Shared.HOST, [host]):
                await self._send(delivery, delivery.url, secrets)
        except NoSlot as full:
            # Nothing was sent, so this is no attempt.
            await webhooks.release(self.pool, delivery, busy_delay(full.rejected, full.slots, self.random_fraction()))
        except asyncio.CancelledError:
            await asyncio.shield(self._release(delivery))
            raise

    async def _send(self, delivery: ClaimedDelivery, url: str, secrets: Sequence[str]) -> None:
        body = delivery.body or await self._write_body(delivery)
        if body is None:
            return
        headers = signed_headers(delivery.id, self.clock(), body, secrets)
        reserve = partial(self.slots.hold, Shared.ADDRESS)
        result = await self.sender.send(url, headers, body.encode(), reserve)
        step = next_step(
            result, self.delays, delivery.scheduled_attempts, self.random_fraction(), redelivery=delivery.redelivery
        )
        recorded = await self._record(delivery, url, result, step)
        log.info(
            "delivery_attempted",
            status=result.status,
            error=result.failure,
            latency_ms=result.latency_ms,
            recorded=recorded,
        )

    async def _write_body(self, delivery: ClaimedDelivery) -> str | None:
        """The body of the message, written by its first attempt; None if the lease is lost or the person was erased."""
        event = await webhooks.read_event(self.pool, delivery.id)
        if event is None:
            return None
        return await webhooks.write_body(self.pool, delivery, body_of(event, self.public_url))

    async def _record(self, delivery: ClaimedDelivery, url: str, result: SendResult, step: NextStep) -> bool:
        """Whether the attempt was recorded; False if the lease was lost, which changes nothing."""
        if step.disable is None:
            return await webhooks.record_attempt(self.pool, delivery, result, step)
        with suppress(LeaseLost):
            async with self.pool.acquire() as conn, conn.transaction():
                # The row of the webhook is locked before its messages, as in every transaction that writes both.
                if delivery.subscription_id:
                    disabled = await subscriptions.disable(conn, delivery.subscription_id, url, step.disable)
                else:
                    disabled = await webhooks.disable(conn, delivery.assessment_id, url, step.disable)
                if not await webhooks.record_attempt(conn, delivery, result, step):
                    raise LeaseLost
                if disabled:
                    await _cancel_deliveries(conn, delivery)
            return True
        return False

    async def _release(self, delivery: ClaimedDelivery) -> None:
        """Hands the message back because the worker stops; another worker sends it, perhaps a second time."""
        try:
            await webhooks.release(self.pool, delivery, 0.0)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "handing a delivery back")  # its lease will expire


async def _cancel_deliveries(db: Executor, delivery: ClaimedDelivery) -> None:
    """Cancels what is still to be sent to the removed or disabled webhook of this message."""
    if delivery.subscription_id:
        await subscriptions.cancel_deliveries(db, delivery.subscription_id)
    else:
        await webhooks.cancel_deliveries(db, delivery.assessment_id)


def _slot_owner(delivery: ClaimedDelivery) -> str:
    """Whose slot the message takes: a student's slow receiver holds up no service-wide webhook, nor the reverse."""
    return str(delivery.subscription_id) if delivery.subscription_id else delivery.owner
