"""Webhooks and their deliveries, without what only the receiver may know."""

from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import Field

from app.domain.records.webhooks import DeliveryAttempt, DeliveryRecord, WebhookRecord
from app.domain.states import DeliveryStatus, DisabledReason, EventType
from app.domain.values import Frozen


class WebhookView(Frozen):
    """Where the end of an assessment is told. Nothing is sent there any more once it is disabled, until it is
    registered again."""

    assessment_id: UUID
    webhook_url: str
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None


class RegisteredWebhookView(WebhookView):
    """The answer to a registration; nowhere else the secret is shown."""

    secret: str = Field(repr=False)


class DeliveryView(Frozen):
    """A message with its tries in order; `delivery_id` is its `webhook-id`."""

    delivery_id: UUID
    type: EventType
    run: int
    status: DeliveryStatus
    created_at: datetime
    completed_at: datetime | None
    next_attempt_at: datetime | None
    attempts: tuple[DeliveryAttempt, ...]


class DeliveryPage(Frozen):
    """A page of messages."""

    items: tuple[DeliveryView, ...]
    next_cursor: str | None


class DeliveryLineView(DeliveryView):
    """A message as operators see it; of the address, the host alone, since the rest may hold secrets."""

    assessment_id: UUID
    host: str | None


def webhook_view(webhook: WebhookRecord, url: str) -> WebhookView:
    """A webhook that is registered."""
    return WebhookView(
        assessment_id=webhook.assessment_id,
        webhook_url=url,
        disabled_at=webhook.disabled_at,
        disabled_reason=webhook.disabled_reason,
    )


def delivery_view(line: DeliveryRecord) -> DeliveryView:
    """A message as its owner sees it."""
    return DeliveryView(
        delivery_id=line.delivery_id,
        type=line.event_type,
        run=line.run,
        status=line.status,
        created_at=line.created_at,
        completed_at=line.completed_at,
        next_attempt_at=line.next_attempt_at,
        attempts=line.attempts,
    )


def delivery_line_view(line: DeliveryRecord) -> DeliveryLineView:
    """A message as operators see it."""
    shown = delivery_view(line)
    host = urlsplit(line.url).hostname if line.url else None
    return DeliveryLineView(
        **{name: getattr(shown, name) for name in DeliveryView.model_fields},
        assessment_id=line.assessment_id,
        host=host,
    )
