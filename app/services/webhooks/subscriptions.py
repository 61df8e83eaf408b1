"""Service-wide webhooks: making, listing, changing and deleting them, and their messages. Every change adds an audit
row, never with a secret."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from app.domain.body_validation import merge_body
from app.domain.errors import FieldError, InvalidFields, NotFound, SubscriptionLimit
from app.domain.records.webhooks import DeliveryRecord, SubscriptionFeatures, SubscriptionRecord
from app.domain.states import AuditAction, AuditEntity
from app.domain.webhook.secret_cipher import IN_CLEAR, SecretCipher
from app.repositories import audit, subscriptions, tracks
from app.repositories.sql import Connection, Executor, Pool
from app.schemas import SubscriptionWithSecretView, audited_subscription, subscription_view
from app.schemas.requests import SubscriptionBody
from app.services import paging
from app.services.webhooks import registrations
from app.services.webhooks.accepted_values import AddressRules, accepted_secret
from app.services.webhooks.stored_secrets import encrypted_secret, is_same_secret

# Each event makes a message for each of them.
MAX_SUBSCRIPTIONS = 20
_UNKNOWN = "there is no such webhook"


@dataclass(frozen=True)
class Subscriptions:
    """Changes of service-wide webhooks, whose addresses keep to `rules` and whose secrets `cipher` encrypts."""

    pool: Pool
    rules: AddressRules = field(default_factory=AddressRules)
    cipher: SecretCipher = IN_CLEAR

    async def create(self, actor: str, body: SubscriptionBody) -> SubscriptionWithSecretView:
        """A new service-wide webhook with its secret. It gets the events from now on, not those of the past.

        Raises:
            InvalidFields: the URL or the secret is not acceptable, or there is no such track.
            SubscriptionLimit: there are too many.
        """
        subscription_id, features = uuid4(), _features(body)
        secret = accepted_secret(self.rules, body.url, body.secret, url_field="url")
        stored = encrypted_secret(self.cipher, secret, subscription_id)
        async with self.pool.acquire() as conn, conn.transaction():
            track_id = await _track_id(conn, features.track)
            made = await subscriptions.create(conn, subscription_id, features, track_id, stored, MAX_SUBSCRIPTIONS)
            if made is None:
                raise SubscriptionLimit(f"there may be {MAX_SUBSCRIPTIONS} service-wide webhooks at most")
            await _audit(conn, actor, AuditAction.CREATE, made)
        return _with_secret(made, secret)

    async def patch(self, actor: str, subscription_id: UUID, changes: dict[str, Any]) -> SubscriptionWithSecretView:
        """The service-wide webhook with some fields changed. A `secret` among them replaces the present one, which
        signs for a day more; null has one made. One that is not active any more loses the attempts that were still to
        come.

        Raises:
            NotFound: there is no such webhook.
            InvalidFields: a field is unknown or has a wrong value.
        """
        async with self.pool.acquire() as conn, conn.transaction():
            present = await subscriptions.lock(conn, subscription_id)
            if present is None:
                raise NotFound(_UNKNOWN)
            body = merge_body(SubscriptionBody, _present_features(present), changes)
            secret = accepted_secret(self.rules, body.url, body.secret, url_field="url")
            features = _features(body)
            track_id = await _track_id(conn, features.track) if features.track != present.track else None
            changed = await subscriptions.change(conn, subscription_id, features, track_id)
            if "secret" in changes:
                await self._replace_secret(conn, subscription_id, secret)
            if not features.active:
                await subscriptions.cancel_deliveries(conn, subscription_id)
            await _audit(conn, actor, AuditAction.UPDATE, changed)
        return _with_secret(changed, secret if "secret" in changes else None)

    async def delete(self, actor: str, subscription_id: UUID) -> None:
        """Deletes the service-wide webhook and cancels the attempts that were still to come.

        Raises:
            NotFound: there is no such webhook.
        """
        async with self.pool.acquire() as conn, conn.transaction():
            present = await subscriptions.lock(conn, subscription_id)
            if present is None:
                raise NotFound(_UNKNOWN)
            await subscriptions.remove(conn, subscription_id)
            await subscriptions.cancel_deliveries(conn, subscription_id)
            await _audit(conn, actor, AuditAction.DELETE, present)

    async def _replace_secret(self, conn: Connection, subscription_id: UUID, secret: str) -> None:
        stored = await subscriptions.read_secret(conn, subscription_id)
        if not is_same_secret(self.cipher, secret, stored, subscription_id):
            new = encrypted_secret(self.cipher, secret, subscription_id)
            await subscriptions.replace_secret(conn, subscription_id, new)


async def find(db: Executor, subscription_id: UUID) -> SubscriptionRecord:
    """The service-wide webhook.

    Raises:
        NotFound: there is no such webhook.
    """
    subscription = await subscriptions.find(db, subscription_id)
    if subscription is None:
        raise NotFound(_UNKNOWN)
    return subscription


async def page(
    db: Executor, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[SubscriptionRecord], str | None]:
    """A page of service-wide webhooks, newest first, and the cursor of the next page."""
    rows = await subscriptions.page(db, after, limit + 1)
    return paging.first_page(rows, limit, lambda row: paging.newest_first(row.created_at, row.subscription_id))


async def list_deliveries(
    db: Executor, subscription_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[DeliveryRecord], str | None]:
    """A page of the webhook's messages, newest first, and the cursor of the next page."""
    rows = await subscriptions.page_of_deliveries(db, subscription_id, after, limit + 1)
    return paging.first_page(rows, limit, lambda row: paging.newest_first(row.created_at, row.delivery_id))


async def find_delivery(db: Executor, subscription_id: UUID, delivery_id: UUID) -> DeliveryRecord:
    """The message, if it is one to this webhook. `redeliver` of `registrations` sends it again.

    Raises:
        NotFound: there is no such webhook, or no such message to it.
    """
    await find(db, subscription_id)
    delivery = await registrations.find_delivery(db, delivery_id)
    if delivery.subscription_id != subscription_id:
        raise NotFound("there is no such delivery")
    return delivery


def _features(body: SubscriptionBody) -> SubscriptionFeatures:
    events = tuple(dict.fromkeys(body.events))
    return SubscriptionFeatures(url=body.url, events=events, track=body.track, active=body.active)


def _present_features(present: SubscriptionRecord) -> SubscriptionFeatures:
    active = present.disabled_at is None
    return SubscriptionFeatures(url=present.url, events=present.events, track=present.track, active=active)


def _with_secret(subscription: SubscriptionRecord, secret: str | None) -> SubscriptionWithSecretView:
    return SubscriptionWithSecretView(**dict(subscription_view(subscription)), secret=secret)


async def _track_id(db: Executor, slug: str | None) -> UUID | None:
    if slug is None:
        return None
    track = await tracks.find(db, slug)
    if track is None:
        raise InvalidFields([FieldError("/track", "there is no such track")])
    return track.id


async def _audit(conn: Connection, actor: str, action: AuditAction, subscription: SubscriptionRecord) -> None:
    key = str(subscription.subscription_id)
    await audit.record(conn, actor, action, AuditEntity.WEBHOOK, key, audited_subscription(subscription))
