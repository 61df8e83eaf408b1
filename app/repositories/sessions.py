"""Sessions of people who use the pages, of which only hashes of their ids are stored."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.states import Role
from app.repositories.sql import Connection, Executor, affected, statements

_SQL = statements("sessions")
_KNOWN_ROLES = {role.value for role in Role}


@dataclass(frozen=True)
class SessionRecord:
    """Whose session it is, and the unix time at which it ends."""

    owner: str
    roles: frozenset[Role]
    expires_at: float


async def create(db: Executor, id_hash: bytes, owner: str, roles: Iterable[Role], expires_at: float) -> None:
    """Stores a new session, which ends at this unix time."""
    await db.execute(_SQL["create"], id_hash, owner, list(roles), expires_at)


async def find(db: Executor, id_hash: bytes) -> SessionRecord | None:
    """The session; None if there is none that is not over."""
    row = await db.fetchrow(_SQL["find"], id_hash)
    if row is None:
        return None
    roles = frozenset(Role(role) for role in row["roles"] if role in _KNOWN_ROLES)
    return SessionRecord(row["owner"], roles, row["expires_at"].timestamp())


async def delete(db: Executor, id_hash: bytes) -> None:
    """Deletes the session, if it exists."""
    await db.execute(_SQL["delete"], id_hash)


async def end_oldest(conn: Connection, owner: str, kept: int) -> None:
    """Deletes the owner's sessions but so many of the newest."""
    await conn.execute(_SQL["end_oldest"], owner, kept)


async def delete_expired(db: Executor, limit: int) -> int:
    """Deletes some of the sessions that are over; returns how many."""
    return affected(await db.execute(_SQL["delete_expired"], limit))
