"""The webhook of an assessment and the deliveries of its messages, as frozen models."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from assay_client.models import Model


class Webhook(Model):
    """The webhook of an assessment. A disabled one gets no messages until it is registered again."""

    assessment_id: UUID
    webhook_url: str
    disabled_at: datetime | None = None
    disabled_reason: str | None = None


class RegisteredWebhook(Webhook):
    """The response to a registration, the only one that shows the secret."""

    secret: str = Field(repr=False)


class Attempt(Model):
    """One attempt to deliver a message: `status_code` of the receiver's response, or `error` where there was none."""

    at: datetime
    status_code: int | None = None
    latency_ms: int
    error: str | None = None


class Delivery(Model):
    """A webhook message with its attempts in order; `delivery_id` is its `webhook-id`. `attempts` may be the newest of
    `attempt_count`."""

    delivery_id: UUID
    type: str
    run: int
    status: str
    created_at: datetime
    completed_at: datetime | None = None
    next_attempt_at: datetime | None = None
    attempt_count: int | None = None
    attempts: tuple[Attempt, ...]
