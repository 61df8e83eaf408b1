"""Sessions of people who use the pages. The browser has the id; the database has only its hash."""

import secrets
import time
from hashlib import sha256

from app.repositories import erasures, sessions
from app.repositories.sql import Executor, Pool
from app.services.caller import Caller

# Seconds that a session lasts at most.
SESSION_SECONDS = 8 * 3600
# Sessions that one person has at most; a further one ends the oldest.
_MAX_SESSIONS = 20
# Characters of an id: 32 random bytes.
_ID_LENGTH = 43
_BATCH = 500


async def begin(pool: Pool, caller: Caller) -> tuple[str, float]:
    """The id of a new session of the caller, and the unix time at which it ends: with the caller's token at the
    latest."""
    session_id = secrets.token_urlsafe(32)
    expires_at = min(caller.expires_at, time.time() + SESSION_SECONDS)
    async with pool.acquire() as conn, conn.transaction():
        # The end of an erasure of the caller deletes this session, or is over.
        await erasures.lock_owner(conn, caller.principal)
        await sessions.create(conn, _hash(session_id), caller.principal, caller.roles, expires_at)
        await sessions.end_oldest(conn, caller.principal, _MAX_SESSIONS)
    return session_id, expires_at


async def find(db: Executor, session_id: str) -> Caller | None:
    """The caller whose session has this id; None if there is none, or it is over."""
    if len(session_id) != _ID_LENGTH or not session_id.isascii():
        return None
    session = await sessions.find(db, _hash(session_id))
    return Caller(session.owner, session.roles, session.expires_at) if session else None


async def end(db: Executor, session_id: str) -> None:
    """Ends the session, if it still exists."""
    await sessions.delete(db, _hash(session_id))


async def delete_expired(pool: Pool) -> int:
    """Deletes a batch of sessions that are over; returns how many."""
    return await sessions.delete_expired(pool, _BATCH)


def _hash(session_id: str) -> bytes:
    # Not a slow hash: the ids are random, so nobody can guess them from their hashes.
    return sha256(session_id.encode()).digest()
