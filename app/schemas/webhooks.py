"""Webhooks and their deliveries in the API, without secrets."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import Field

from app.domain.records.webhooks import DeliveryAttempt, DeliveryRecord, SubscriptionRecord, WebhookRecord
from app.domain.states import DeliveryStatus, DisabledReason, EventType
from app.domain.values import Frozen


class WebhookView(Frozen):
    """The webhook of an assessment. Nothing is sent to a disabled webhook until it is registered again."""

    assessment_id: UUID
    webhook_url: str
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None


class RegisteredWebhookView(WebhookView):
    """The response to a registration, the only one that contains the secret."""

    secret: str = Field(repr=False)


class SubscriptionView(Frozen):
    """A service-wide webhook. None of its messages are sent while it is not active: an admin has disabled it, or for
    `disabled_reason` the service."""

    subscription_id: UUID
    url: str
    events: tuple[EventType, ...]
    track: str | None
    active: bool
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None


class SubscriptionWithSecretView(SubscriptionView):
    """The answer to a creation or a change. `secret` is shown only here, and null if it did not change."""

    secret: str | None = Field(repr=False)


class SubscriptionPage(Frozen):
    """A page of service-wide webhooks."""

    items: tuple[SubscriptionView, ...]
    next_cursor: str | None


class AuditedSubscription(Frozen):
    """A service-wide webhook in the audit log: with the host of the URL only, since the rest may contain secrets."""

    host: str | None
    events: tuple[EventType, ...]
    track: str | None
    active: bool


class DeliveryView(Frozen):
    """A message; `delivery_id` is its `webhook-id`. `attempts` are the newest 30 of `attempt_count`."""

    delivery_id: UUID
    type: EventType
    run: int
    status: DeliveryStatus
    created_at: datetime
    completed_at: datetime | None
    next_attempt_at: datetime | None
    attempts: tuple[DeliveryAttempt, ...]
    attempt_count: int


class DeliveryPage(Frozen):
    """A page of deliveries."""

    items: tuple[DeliveryView, ...]
    next_cursor: str | None


class SubscriptionDeliveryView(DeliveryView):
    """A message to a service-wide webhook."""

    assessment_id: UUID


class SubscriptionDeliveryPage(Frozen):
    """A page of messages to a service-wide webhook."""

    items: tuple[SubscriptionDeliveryView, ...]
    next_cursor: str | None


class AttemptPage(Frozen):
    """A page of attempts to deliver a message, the newest first."""

    items: tuple[DeliveryAttempt, ...]
    next_cursor: str | None


class OperatorDeliveryView(DeliveryView):
    """A delivery as operators see it: with the host of the URL only, since the rest may contain secrets. One to a
    service-wide webhook has a `subscription_id`."""

    assessment_id: UUID
    subscription_id: UUID | None
    host: str | None


def webhook_view(webhook: WebhookRecord, url: str) -> WebhookView:
    """A registered webhook in the API."""
    return WebhookView(
        assessment_id=webhook.assessment_id,
        webhook_url=url,
        disabled_at=webhook.disabled_at,
        disabled_reason=webhook.disabled_reason,
    )


def subscription_view(subscription: SubscriptionRecord) -> SubscriptionView:
    """A service-wide webhook in the API."""
    return SubscriptionView(**dict(subscription), active=subscription.disabled_at is None)


def audited_subscription(subscription: SubscriptionRecord) -> AuditedSubscription:
    """A service-wide webhook in the audit log."""
    return AuditedSubscription(
        host=urlsplit(subscription.url).hostname,
        events=subscription.events,
        track=subscription.track,
        active=subscription.disabled_at is None,
    )


def delivery_view(record: DeliveryRecord) -> DeliveryView:
    """A delivery as the owner of its assessment sees it."""
    return DeliveryView(**_shown(record))


def subscription_delivery_view(record: DeliveryRecord) -> SubscriptionDeliveryView:
    """A message to a service-wide webhook as admins see it."""
    return SubscriptionDeliveryView(**_shown(record), assessment_id=record.assessment_id)


def operator_delivery_view(record: DeliveryRecord) -> OperatorDeliveryView:
    """A delivery as operators see it."""
    host = urlsplit(record.url).hostname if record.url else None
    return OperatorDeliveryView(
        **_shown(record), assessment_id=record.assessment_id, subscription_id=record.subscription_id, host=host
    )


def _shown(record: DeliveryRecord) -> dict[str, Any]:
    hidden = {"assessment_id", "subscription_id", "event_type", "url"}
    return {name: value for name, value in record if name not in hidden} | {"type": record.event_type}
