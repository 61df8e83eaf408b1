"""Running a request once, however often it is sent with the same idempotency key."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from app.domain.errors import KeyInFlight, KeyReused, OwnerKeyLimit
from app.domain.idempotency import IdempotencyKey, StoredReply, fingerprint
from app.repositories import idempotency
from app.repositories.sql import Connection, Executor, Pool

# Seconds that keys are kept: a day, as promised, and a margin for clocks.
KEEP_SECONDS = 25 * 3600
# More are not kept for one caller: each may hold an answer of some kilobytes.
MAX_KEYS = 1000


@dataclass(frozen=True)
class IdempotentRequest:
    """The idempotency key of a request, if it has one, and its payload."""

    key: IdempotencyKey | None
    payload: Any

    @cached_property
    def fingerprint(self) -> bytes:
        """Tells payloads apart; made when a key needs it, which is after the payload's shape was checked."""
        return fingerprint(self.payload)


async def run_idempotently(
    pool: Pool, request: IdempotentRequest, work: Callable[[Connection], Awaitable[StoredReply]]
) -> StoredReply:
    """The answer of `work`, or the one stored for the key. `work` and storing its answer are one transaction.

    Raises:
        KeyReused: the key was used with another payload.
        KeyInFlight: another request with this key is still running.
        OwnerKeyLimit: too many keys of the caller are kept; nothing is done.
    """
    async with pool.acquire() as conn, conn.transaction():
        return await _run_locked(conn, request, work)


async def _run_locked(
    conn: Connection, request: IdempotentRequest, work: Callable[[Connection], Awaitable[StoredReply]]
) -> StoredReply:
    key = request.key
    if key is None:
        return await work(conn)
    if not await idempotency.try_lock(conn, key):
        raise KeyInFlight
    stored = await idempotency.find(conn, key)
    if stored:
        return replay(stored, request)
    answer = replace(await work(conn), fingerprint=request.fingerprint)
    if not await idempotency.store(conn, key, answer, KEEP_SECONDS, MAX_KEYS):
        raise await too_many_keys(conn, key.owner)
    return answer


async def too_many_keys(db: Executor, owner: str) -> OwnerKeyLimit:
    """The error for a caller of whom as many keys as possible are kept."""
    return OwnerKeyLimit(MAX_KEYS, await idempotency.seconds_until_next_expiry(db, owner))


def replay(stored: StoredReply, request: IdempotentRequest) -> StoredReply:
    """The stored answer, if the request has the payload that it was stored for.

    Raises:
        KeyReused: the payload is another one.
    """
    if stored.fingerprint != request.fingerprint:
        raise KeyReused("this idempotency key was used with another payload")
    return stored
