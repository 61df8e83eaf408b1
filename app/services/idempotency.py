"""Doing the work of a request once, however often it is sent with the same idempotency key."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import asyncpg

from app.domain.errors import KeyInFlight, KeyReused
from app.domain.idempotency import IdempotencyKey
from app.domain.records.assessments import StoredAnswer
from app.repositories import idempotency
from app.repositories.sql import Connection, Pool

# The contract's least, and a margin for clocks.
KEEP_SECONDS = 25 * 3600


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """One request: its key, if it has one, and the fingerprint of its payload."""

    key: IdempotencyKey | None
    fingerprint: bytes


async def run_idempotently(
    pool: Pool, attempt: IdempotentRequest, work: Callable[[Connection], Awaitable[StoredAnswer]]
) -> StoredAnswer:
    """The answer of `work`, or the one stored for the key; both are one transaction.

    Raises:
        KeyReused: the key came with another payload.
        KeyInFlight: another request with this key still runs.
    """
    try:
        async with pool.acquire() as conn, conn.transaction():
            return await _locked(conn, attempt, work)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "idempotency_keys_once_key":
            raise
        raise key_in_flight() from error


async def _locked(
    conn: Connection, attempt: IdempotentRequest, work: Callable[[Connection], Awaitable[StoredAnswer]]
) -> StoredAnswer:
    key = attempt.key
    if key is None:
        return await work(conn)
    if not await idempotency.try_lock(conn, key):
        raise key_in_flight()
    stored = await idempotency.find(conn, key)
    if stored:
        return replay(stored, attempt)
    answer = replace(await work(conn), fingerprint=attempt.fingerprint)
    await idempotency.store(conn, key, answer, KEEP_SECONDS)
    return answer


def replay(stored: StoredAnswer, attempt: IdempotentRequest) -> StoredAnswer:
    """The stored answer, if it answers the same payload.

    Raises:
        KeyReused: it does not.
    """
    if stored.fingerprint != attempt.fingerprint:
        raise KeyReused("this idempotency key was used with another payload")
    return stored


def key_in_flight() -> KeyInFlight:
    """The refusal of a request whose twin still runs."""
    return KeyInFlight("a request with this idempotency key is still being worked on")
