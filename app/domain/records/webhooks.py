"""Database rows of webhooks and their deliveries as frozen models."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.result.model import Reason, Result
from app.domain.states import AppealStatus, DeliveryStatus, DisabledReason, EventType
from app.domain.values import Frozen, Slug


class WebhookRecord(Frozen):
    """The webhook of an assessment, without its secrets; `url` is None if none is registered."""

    assessment_id: UUID
    owner: str
    url: str | None
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None


class SubscriptionFeatures(Frozen):
    """What an admin decides about a service-wide webhook: where the messages go, of which events and which track (None:
    all), and whether any are sent."""

    url: str
    events: tuple[EventType, ...]
    track: Slug | None = None
    active: bool = True


class SubscriptionRecord(Frozen):
    """A service-wide webhook, without its secrets. If the service has disabled it, there is a reason; an admin needs
    none."""

    subscription_id: UUID
    url: str
    events: tuple[EventType, ...]
    track: str | None
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None


class AppealOfEvent(Frozen):
    """The appeal that a message is about."""

    appeal_id: UUID
    question_id: UUID
    status: AppealStatus


class WebhookEvent(Frozen):
    """What a message tells: a run of an assessment ended at `completed_at`, or there was an `appeal` of its result, or
    an answer to it. `result` is None if it has none. A message to a service-wide webhook has a `subscription_id`."""

    assessment_id: UUID
    subscription_id: UUID | None = None
    owner: str
    run: int
    event_type: EventType
    track: str
    completed_at: datetime
    happened_at: datetime
    result: Result | None
    reasons: tuple[Reason, ...]
    appeal: AppealOfEvent | None = None


@dataclass(frozen=True)
class ClaimedDelivery:
    """A message that this worker holds; every write for it names the fence. `scheduled_attempts` counts the attempts of
    the schedule that failed; a `redelivery` is not one of them. `url` is None if the webhook was removed. A message to
    a service-wide webhook has a `subscription_id`."""

    id: UUID
    assessment_id: UUID
    subscription_id: UUID | None
    owner: str
    fence: int
    redelivery: bool
    scheduled_attempts: int
    body: str | None
    url: str | None
    disabled: bool
    # As they are stored.
    secret: str | None = field(repr=False)
    old_secret: str | None = field(repr=False)

    @property
    def receiver(self) -> UUID:
        """The id for which its secrets are encrypted: of the subscription, or of the assessment whose webhook it is."""
        return self.subscription_id or self.assessment_id


@dataclass(frozen=True)
class StoredSecrets:
    """The secrets of a webhook as they are stored: the present one, and the one that it has replaced. `of` is the id of
    its assessment or its subscription."""

    of: UUID
    secret: str = field(repr=False)
    old_secret: str | None = field(repr=False)


class DeliveryAttempt(Frozen):
    """An attempt to deliver a message: `status_code` if there was an answer, or else `error`."""

    at: datetime
    status_code: int | None
    latency_ms: int
    error: str | None


class DeliveryRecord(Frozen):
    """A message with its newest attempts in order, how many there were, and the URL that it is sent to."""

    delivery_id: UUID
    assessment_id: UUID
    subscription_id: UUID | None
    run: int
    event_type: EventType
    status: DeliveryStatus
    created_at: datetime
    completed_at: datetime | None
    next_attempt_at: datetime | None
    url: str | None
    attempts: tuple[DeliveryAttempt, ...]
    attempt_count: int
