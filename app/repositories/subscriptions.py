"""Service-wide webhooks: subscriptions to the events of all assessments, or of those of a track."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.domain.records.webhooks import DeliveryRecord, StoredSecrets, SubscriptionFeatures, SubscriptionRecord
from app.domain.states import DisabledReason
from app.domain.webhook.signing import ROTATION_SECONDS
from app.repositories.sql import Connection, Executor, statements

_SQL = statements("subscriptions")


async def create(
    conn: Connection,
    subscription_id: UUID,
    features: SubscriptionFeatures,
    track_id: UUID | None,
    stored_secret: str,
    limit: int,
) -> SubscriptionRecord | None:
    """Stores a new subscription; None if there are `limit` already."""
    await conn.execute(_SQL["lock_all"])
    values = (features.url, stored_secret, list(features.events), track_id, limit, features.active)
    row = await conn.fetchrow(_SQL["create"], subscription_id, *values)
    return SubscriptionRecord(**row) if row else None


async def find(db: Executor, subscription_id: UUID) -> SubscriptionRecord | None:
    """The subscription; None if there is none, or it was deleted."""
    row = await db.fetchrow(_SQL["find"], subscription_id)
    return SubscriptionRecord(**row) if row else None


async def lock(conn: Connection, subscription_id: UUID) -> SubscriptionRecord | None:
    """The subscription, locked until the transaction ends; None if there is none, or it was deleted."""
    row = await conn.fetchrow(_SQL["lock"], subscription_id)
    return SubscriptionRecord(**row) if row else None


async def read_secret(conn: Connection, subscription_id: UUID) -> str | None:
    """The stored secret of a locked subscription."""
    stored: str | None = await conn.fetchval(_SQL["read_secret"], subscription_id)
    return stored


async def page(db: Executor, after: tuple[datetime, UUID] | None, limit: int) -> list[SubscriptionRecord]:
    """A page of subscriptions, newest first."""
    created_at, last_id = after or (None, None)
    return [SubscriptionRecord(**row) for row in await db.fetch(_SQL["list"], created_at, last_id, limit)]


async def change(
    conn: Connection, subscription_id: UUID, features: SubscriptionFeatures, track_id: UUID | None
) -> SubscriptionRecord:
    """Gives a locked subscription these features; `track_id` is that of another track than before."""
    values = (features.url, list(features.events), features.track, track_id, features.active)
    row = await conn.fetchrow(_SQL["change"], subscription_id, *values)
    if row is None:
        raise RuntimeError("the subscription is not locked")
    return SubscriptionRecord(**row)


async def replace_secret(conn: Connection, subscription_id: UUID, stored_secret: str) -> None:
    """Replaces the secret of a locked subscription; the replaced one signs for a while, too."""
    await conn.execute(_SQL["replace_secret"], subscription_id, stored_secret, ROTATION_SECONDS)


async def remove(conn: Connection, subscription_id: UUID) -> bool:
    """Deletes the subscription; False if there is none."""
    return await conn.fetchval(_SQL["remove"], subscription_id) is not None


async def cancel_deliveries(db: Executor, subscription_id: UUID) -> None:
    """Cancels all pending deliveries of a subscription that was deleted or disabled."""
    await db.execute(_SQL["cancel_deliveries"], subscription_id)


async def disable(db: Executor, subscription_id: UUID, url: str, reason: DisabledReason) -> bool:
    """Disables the subscription if it still has this URL; False if not."""
    return await db.fetchval(_SQL["disable"], subscription_id, url, reason) is not None


async def page_of_deliveries(
    db: Executor, subscription_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[DeliveryRecord]:
    """A page of the subscription's deliveries, newest first."""
    created_at, last_id = after or (None, None)
    rows = await db.fetch(_SQL["list_deliveries"], subscription_id, created_at, last_id, limit)
    return [DeliveryRecord(**row) for row in rows]


async def list_secrets(db: Executor, after: UUID | None, limit: int) -> list[StoredSecrets]:
    """The stored secrets of the next subscriptions, by their id."""
    return [StoredSecrets(**dict(row)) for row in await db.fetch(_SQL["list_secrets"], after, limit)]


async def replace_secrets(db: Executor, changes: Sequence[tuple[StoredSecrets, StoredSecrets]]) -> list[UUID]:
    """Stores secrets in another form, if they are still as they were read; returns the subscriptions."""
    rows = [(before.of, before.secret, before.old_secret, after.secret, after.old_secret) for before, after in changes]
    return [row["id"] for row in await db.fetch(_SQL["replace_secrets"], *map(list, zip(*rows, strict=True)))]
