"""API keys, of which only hashes are stored."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import asyncpg

from app.domain.records.api_keys import ApiKeyRecord, KeyCredential, KeyFeatures
from app.domain.states import Role
from app.repositories.sql import Connection, Executor, affected, statements

_SQL = statements("api_keys")
_KNOWN_ROLES = {role.value for role in Role}


async def create(
    db: Executor, key_id: UUID, key_hash: bytes, features: KeyFeatures, created_by: str, latest_end: datetime | None
) -> ApiKeyRecord:
    """Stores a new key, which expires after its lifetime, but at the latest at `latest_end`."""
    values = key_id, features.name, list(features.roles), key_hash, created_by, features.lifetime, latest_end
    return _present(await db.fetchrow(_SQL["create"], *values))


async def find(db: Executor, key_id: UUID) -> ApiKeyRecord | None:
    """The key with this id; None if there is none that is not revoked."""
    row = await db.fetchrow(_SQL["find"], key_id)
    return _record(row) if row else None


async def lock(conn: Connection, key_id: UUID) -> ApiKeyRecord | None:
    """The key with this id, locked until the transaction ends; None if there is none that is not revoked."""
    row = await conn.fetchrow(_SQL["lock"], key_id)
    return _record(row) if row else None


async def page(
    db: Executor, after: tuple[datetime, UUID] | None, limit: int, *, with_revoked: bool = False
) -> list[ApiKeyRecord]:
    """A page of keys, newest first."""
    created_at, last_id = after or (None, None)
    return [_record(row) for row in await db.fetch(_SQL["list"], with_revoked, created_at, last_id, limit)]


async def replace(conn: Connection, key_id: UUID, new_id: UUID, overlap_seconds: float) -> ApiKeyRecord:
    """Ends the validity of a locked key after so many seconds, in favour of a new one."""
    return _present(await conn.fetchrow(_SQL["replace"], key_id, new_id, overlap_seconds))


async def revoke(db: Executor, key_id: UUID) -> ApiKeyRecord | None:
    """Revokes the key; None if there is none that is not revoked."""
    row = await db.fetchrow(_SQL["revoke"], key_id)
    return _record(row) if row else None


async def read_credentials(db: Executor, key_ids: Iterable[UUID]) -> dict[UUID, KeyCredential]:
    """What decides whether these keys are accepted; those that do not exist are left out."""
    rows = await db.fetch(_SQL["read_credentials"], list(key_ids))
    return {row["key_id"]: _credential(row) for row in rows}


async def record_uses(db: Executor, uses: Mapping[UUID, datetime], seconds: float) -> int:
    """Records when keys were used, each at most once in so many seconds; returns how many were recorded."""
    return affected(await db.execute(_SQL["record_uses"], list(uses), list(uses.values()), seconds))


def _present(row: asyncpg.Record | None) -> ApiKeyRecord:
    if row is None:
        raise RuntimeError("a statement that always returns a row has returned none")
    return _record(row)


def _record(row: asyncpg.Record) -> ApiKeyRecord:
    return ApiKeyRecord(**(dict(row) | {"roles": _roles(row)}))


def _credential(row: asyncpg.Record) -> KeyCredential:
    values = {"roles": frozenset(_roles(row)), "expires_at": row["expires_at"].timestamp()}
    return KeyCredential(**(dict(row) | values))


def _roles(row: asyncpg.Record) -> tuple[Role, ...]:
    """The roles that this version knows: a later one may have stored others."""
    return tuple(Role(name) for name in row["roles"] if name in _KNOWN_ROLES)
