"""What the tables hold of webhooks, as values."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.result.model import Overall, Reason
from app.domain.states import DeliveryStatus, DisabledReason, EventType


@dataclass(frozen=True)
class WebhookRecord:
    """Where an assessment's end is told, if anywhere; the secrets stay where they are."""

    assessment_id: UUID
    owner: str
    url: str | None
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None


@dataclass(frozen=True)
class Event:
    """What happened to an assessment in a run that ended at `completed_at`; `overall` is null where there is no
    result."""

    assessment_id: UUID
    run: int
    event_type: EventType
    track: str
    completed_at: datetime
    happened_at: datetime
    overall: Overall | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class ClaimedDelivery:
    """A message that this worker holds; every write for it names the fence. `redelivery` says that this try is none of
    the schedule's; of those, so many failed. `url` is null where the webhook was removed."""

    id: UUID
    assessment_id: UUID
    fence: int
    redelivery: bool
    scheduled_attempts: int
    body: str | None
    url: str | None
    disabled: bool
    secret: str | None = field(repr=False)
    old_secret: str | None = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What it is signed with, the present secret first."""
        return tuple(secret for secret in (self.secret, self.old_secret) if secret)


@dataclass(frozen=True)
class DeliveryAttempt:
    """A try: either `status_code` says what was answered, or `error` why nothing was."""

    at: datetime
    status_code: int | None
    latency_ms: int
    error: str | None


@dataclass(frozen=True)
class DeliveryRecord:
    """A message, its tries in order, and where it is sent to now."""

    delivery_id: UUID
    assessment_id: UUID
    run: int
    event_type: EventType
    status: DeliveryStatus
    created_at: datetime
    completed_at: datetime | None
    next_attempt_at: datetime | None
    url: str | None
    attempts: tuple[DeliveryAttempt, ...]
