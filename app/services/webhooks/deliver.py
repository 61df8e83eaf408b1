"""Delivering one webhook message: claim it, send it, record the attempt and what comes next.

Messages are delivered at least once, always with the same `webhook-id`.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from app.clients.webhook_sender import WebhookSender
from app.domain.errors import LeaseLost
from app.domain.records.webhooks import ClaimedDelivery
from app.domain.webhook.retry_policy import NextStep, SendResult, busy_host_delay, next_step
from app.domain.webhook.signing import signed_headers
from app.outages import report_database_error
from app.repositories import webhooks
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.schemas.webhook_message import body_of

log = structlog.get_logger()

# Messages that one worker sends to one host at the same time, so that a slow host leaves room for the others.
SLOTS_PER_HOST = 8
# Seconds of a lease beyond the limit of one attempt, for the statements around it. Because attempts are limited, there
# is no heartbeat.
LEASE_MARGIN = 15.0


class HostSlots:
    """Limits how many messages are sent to each host at the same time."""

    def __init__(self, slots: int = SLOTS_PER_HOST) -> None:
        self.slots = slots
        self._taken: Counter[str] = Counter()
        self._turned_away: Counter[str] = Counter()

    @contextmanager
    def slot(self, host: str) -> Iterator[int | None]:
        """Takes a slot of this host while the block runs, and yields None. If all slots are taken, yields how many
        messages were turned away since one became free, including this one."""
        if self._taken[host] >= self.slots:
            self._turned_away[host] += 1
            yield self._turned_away[host]
            return
        self._taken[host] += 1
        try:
            yield None
        finally:
            self._turned_away.pop(host, None)
            self._taken[host] -= 1
            if not self._taken[host]:
                del self._taken[host]


@dataclass(frozen=True)
class WebhookDelivery:
    """Delivers webhook messages. `delays` (s) are the pauses before each attempt, `seconds` is the limit of one;
    links in messages begin with `public_url`; `clock` gives Unix seconds, `chance` numbers in [0, 1) for jitter."""

    pool: Pool
    sender: WebhookSender
    delays: Sequence[float]
    seconds: float
    public_url: str = ""
    hosts: HostSlots = field(default_factory=HostSlots)
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
            await webhooks.cancel_deliveries(self.pool, delivery.assessment_id)
            await webhooks.release(self.pool, delivery, 0.0)
            return
        host = urlsplit(delivery.url).hostname or ""
        with self.hosts.slot(host) as turned_away:
            if turned_away is not None:
                delay = busy_host_delay(turned_away, self.hosts.slots, self.random_fraction())
                await webhooks.release(self.pool, delivery, delay)
                return
            try:
                await self._send(delivery, delivery.url)
            except asyncio.CancelledError:
                await asyncio.shield(self._release(delivery))
                raise

    async def _send(self, delivery: ClaimedDelivery, url: str) -> None:
        body = delivery.body or await self._write_body(delivery)
        if body is None:
            return
        headers = signed_headers(delivery.id, self.clock(), body, delivery.secrets)
        result = await self.sender.send(url, headers, body.encode())
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
        body = body_of(await webhooks.read_event(self.pool, delivery.id), self.public_url)
        return await webhooks.write_body(self.pool, delivery, body)

    async def _record(self, delivery: ClaimedDelivery, url: str, result: SendResult, step: NextStep) -> bool:
        """Whether the attempt was recorded; False if the lease was lost, which changes nothing."""
        if step.disable is None:
            return await webhooks.record_attempt(self.pool, delivery, result, step)
        with suppress(LeaseLost):
            async with self.pool.acquire() as conn, conn.transaction():
                # The assessment's row is locked before its messages, as in every transaction that writes both.
                disabled = await webhooks.disable(conn, delivery.assessment_id, url, step.disable)
                if not await webhooks.record_attempt(conn, delivery, result, step):
                    raise LeaseLost
                if disabled:
                    await webhooks.cancel_deliveries(conn, delivery.assessment_id)
            return True
        return False

    async def _release(self, delivery: ClaimedDelivery) -> None:
        """Hands the message back because the worker stops; another worker sends it, perhaps a second time."""
        try:
            await webhooks.release(self.pool, delivery, 0.0)
        except DATABASE_UNAVAILABLE as error:
            report_database_error(error, "handing a delivery back")  # its lease will expire
