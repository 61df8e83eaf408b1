"""Sending one message to its webhook: claim, send, and what becomes of it. At least once, with one `webhook-id`."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from app.domain.records.webhooks import ClaimedDelivery
from app.domain.webhook.delivery import Outcome, Verdict, judge, room_delay, signed_headers
from app.repositories import webhooks
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool
from app.schemas.webhook_message import body_of

log = structlog.get_logger()

# Messages on their way to one host from one worker: a slow host takes no more places than these from the others.
HOST_PLACES = 8
# Beyond the limit of a try, for the statements around it. There is no heartbeat, since a try has a limit.
LEASE_MARGIN = 15.0


class _LeaseLost(Exception):
    """Someone else sends the message now; nothing that this one found out counts."""


class SendResult(Protocol):
    """What became of a request: a status, or an error where nothing was answered."""

    @property
    def status(self) -> int | None: ...
    @property
    def latency_ms(self) -> int: ...
    @property
    def error(self) -> str | None: ...
    @property
    def retry_after(self) -> float | None: ...


class Sender(Protocol):
    """Sends a request, and raises nothing for what the other side does."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult: ...


class HostPlaces:
    """How many messages are on their way to each host."""

    def __init__(self, places: int = HOST_PLACES) -> None:
        self.places = places
        self._taken: Counter[str] = Counter()
        self._turned_away: Counter[str] = Counter()

    @contextmanager
    def place(self, host: str) -> Iterator[int | None]:
        """A place for a message to this host while it is sent: None. Where all are taken, how many messages were turned
        away since one became free, this one included."""
        if self._taken[host] >= self.places:
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
    """Sends messages. `delays` (s) are before each try, `seconds` is the limit of one; `clock` gives Unix seconds,
    `chance` numbers in [0, 1) for jitter."""

    pool: Pool
    sender: Sender
    delays: Sequence[float]
    seconds: float
    hosts: HostPlaces = field(default_factory=HostPlaces)
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = time.time

    async def run(self, delivery_id: UUID) -> None:
        """Sends the message if it is due and nobody else does; leaves in its row what becomes of it."""
        try:
            delivery = await webhooks.claim(self.pool, delivery_id, self.seconds + LEASE_MARGIN)
            if delivery is not None:
                with structlog.contextvars.bound_contextvars(
                    delivery_id=str(delivery.id), assessment_id=str(delivery.assessment_id)
                ):
                    await self._held(delivery)
        except DATABASE_UNAVAILABLE as error:
            # The row says that it is due, or its lease will run out: then it is sent, perhaps once more.
            log.warning("delivery_storage_away", delivery_id=str(delivery_id), error=type(error).__name__)

    async def _held(self, delivery: ClaimedDelivery) -> None:
        if delivery.url is None or (delivery.disabled and not delivery.redelivery):
            await webhooks.cancel(self.pool, delivery.assessment_id)
            await webhooks.put_back(self.pool, delivery, 0.0)
            return
        host = urlsplit(delivery.url).hostname or ""
        with self.hosts.place(host) as turned_away:
            if turned_away is not None:
                delay = room_delay(turned_away, self.hosts.places, self.chance())
                await webhooks.put_back(self.pool, delivery, delay)
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
        sent = await self.sender.send(url, headers, body.encode())
        outcome = Outcome(sent.status, sent.error, sent.retry_after)
        verdict = judge(
            outcome, self.delays, delivery.scheduled_attempts, self.chance(), redelivery=delivery.redelivery
        )
        kept = await self._record(delivery, url, sent, outcome, verdict)
        log.info("delivery_attempted", status=sent.status, error=outcome.trouble, latency_ms=sent.latency_ms, kept=kept)

    async def _write_body(self, delivery: ClaimedDelivery) -> str | None:
        body = body_of(await webhooks.read_event(self.pool, delivery.id))
        return await webhooks.write_body(self.pool, delivery, body)

    async def _record(
        self, delivery: ClaimedDelivery, url: str, sent: SendResult, outcome: Outcome, verdict: Verdict
    ) -> bool:
        attempt = (delivery, sent.status, sent.latency_ms, outcome.trouble, verdict)
        if verdict.disable is None:
            return await webhooks.record_attempt(self.pool, *attempt)
        with suppress(_LeaseLost):
            async with self.pool.acquire() as conn, conn.transaction():
                # First, so that whoever writes both takes the assessment before its messages.
                disabled = await webhooks.disable(conn, delivery.assessment_id, url, verdict.disable)
                if not await webhooks.record_attempt(conn, *attempt):
                    raise _LeaseLost
                if disabled:
                    await webhooks.cancel(conn, delivery.assessment_id)
            return True
        return False

    async def _release(self, delivery: ClaimedDelivery) -> None:
        """Hands the message back when the worker stops; the next one sends it, perhaps once more."""
        try:
            await webhooks.put_back(self.pool, delivery, 0.0)
        except DATABASE_UNAVAILABLE:
            log.warning("delivery_not_released")  # its lease will run out
