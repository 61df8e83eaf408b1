"""Making, listing, revoking and rotating API keys. Every change adds an audit row, never with a key or its hash."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from app.domain.api_key import SECRET_BYTES, hash_of, new_key
from app.domain.errors import NotFound
from app.domain.records.api_keys import ApiKeyRecord, KeyFeatures
from app.domain.states import AuditAction, AuditEntity
from app.repositories import api_keys, audit
from app.repositories.sql import Connection, Executor, Pool
from app.services import paging


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who makes a key: the `actor` of the audit log, and when its keys expire at the latest (None: no limit)."""

    actor: str
    latest_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made. This is the only time that it is known."""

    record: ApiKeyRecord
    key: str = field(repr=False)


async def create(pool: Pool, issuer: Issuer, features: KeyFeatures) -> NewApiKey:
    """A new key."""
    async with pool.acquire() as conn, conn.transaction():
        return await _create(conn, issuer, features)


async def rotate(pool: Pool, issuer: Issuer, key_id: UUID, overlap_seconds: float) -> NewApiKey:
    """A new key with the name, roles and lifetime of another, which goes on for so many seconds. A second rotation, for
    a caller who did not get the answer of the first, makes one more key.

    Raises:
        NotFound: there is no key that is not revoked.
    """
    async with pool.acquire() as conn, conn.transaction():
        replaced = await api_keys.lock(conn, key_id)
        if replaced is None:
            raise NotFound("there is no such API key")
        new = await _create(conn, issuer, replaced.features)
        changed = await api_keys.replace(conn, key_id, new.record.key_id, overlap_seconds)
        await _audit(conn, issuer.actor, AuditAction.ROTATE, changed)
        return new


async def revoke(pool: Pool, actor: str, key_id: UUID) -> None:
    """Revokes a key. Processes that have read it before accept it until they hear of it or read it again.

    Raises:
        NotFound: there is no key that is not revoked.
    """
    async with pool.acquire() as conn, conn.transaction():
        revoked = await api_keys.revoke(conn, key_id)
        if revoked is None:
            raise NotFound("there is no such API key")
        await _audit(conn, actor, AuditAction.REVOKE, revoked)


async def find(db: Executor, key_id: UUID) -> ApiKeyRecord:
    """The key.

    Raises:
        NotFound: there is no key that is not revoked.
    """
    key = await api_keys.find(db, key_id)
    if key is None:
        raise NotFound("there is no such API key")
    return key


async def page(db: Executor, after: tuple[datetime, UUID] | None, limit: int) -> tuple[list[ApiKeyRecord], str | None]:
    """A page of the keys that are not revoked, newest first, and the cursor of the next page."""
    rows = await api_keys.page(db, after, limit + 1)
    return paging.first_page(rows, limit, lambda row: paging.newest_first(row.created_at, row.key_id))


async def _create(conn: Connection, issuer: Issuer, features: KeyFeatures) -> NewApiKey:
    key_id = uuid4()
    key = new_key(key_id, secrets.token_bytes(SECRET_BYTES))
    record = await api_keys.create(conn, key_id, hash_of(key), features, issuer.actor, issuer.latest_end)
    await _audit(conn, issuer.actor, AuditAction.CREATE, record)
    return NewApiKey(record, key)


async def _audit(conn: Connection, actor: str, action: AuditAction, key: ApiKeyRecord) -> None:
    await audit.record(conn, actor, action, AuditEntity.API_KEY, str(key.key_id), key)
