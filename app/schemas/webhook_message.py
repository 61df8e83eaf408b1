"""The JSON body of webhook messages, and its limit on size."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.domain.principal import Principal
from app.domain.records.webhooks import WebhookEvent
from app.domain.result.model import Reason
from app.domain.states import AppealDecision, AssessmentStatus, EventType
from app.domain.values import Frozen
from app.schemas.result import OverallView, overall_view
from app.schemas.submission import Links, links

# Bytes. Receivers may refuse longer bodies; everything that is left out can be read through the links.
BODY_LIMIT = 20_000
# With these limits, no reasons make a body too long, although JSON may write a character as six bytes.
_MAX_REASONS = 10
_MAX_DETAIL = 200
_MAX_STAGE = 64


class EventAppeal(Frozen):
    """The appeal that a message is about; without a decision in the message that it was made."""

    appeal_id: UUID
    question_id: UUID
    decision: AppealDecision | None


class EventData(Frozen):
    """The assessment that a message is about, as it was at the end of the run; its `owner` only in messages to
    service-wide webhooks, `appeal` only in messages about one."""

    assessment_id: UUID
    track: str
    run: int
    status: AssessmentStatus
    overall: OverallView | None
    degraded: bool
    degraded_reasons: tuple[Reason, ...]
    completed_at: datetime
    links: Links
    owner: Principal | None = Field(default=None, exclude_if=lambda owner: owner is None)
    appeal: EventAppeal | None = Field(default=None, exclude_if=lambda appeal: appeal is None)


class Message(Frozen):
    """The body of a message."""

    type: EventType
    timestamp: datetime
    data: EventData


def body_of(event: WebhookEvent, public_url: str = "") -> str:
    """The body of the event's message, shorter than `BODY_LIMIT` bytes; its links begin with `public_url`."""
    failed = event.event_type is EventType.FAILED
    data = EventData(
        assessment_id=event.assessment_id,
        track=event.track,
        run=event.run,
        status=AssessmentStatus.FAILED if failed else AssessmentStatus.COMPLETED,
        overall=overall_view(event.result) if event.result else None,
        degraded=bool(event.reasons),
        degraded_reasons=tuple(_shorten(reason) for reason in event.reasons[:_MAX_REASONS]),
        completed_at=event.completed_at,
        links=links(event.assessment_id, public_url),
        owner=event.owner if event.subscription_id else None,
        appeal=_appeal(event),
    )
    return Message(type=event.event_type, timestamp=event.happened_at, data=data).model_dump_json()


def _appeal(event: WebhookEvent) -> EventAppeal | None:
    if event.appeal is None:
        return None
    # It may be answered before its own message goes out.
    answered = event.event_type is EventType.APPEAL_ANSWERED
    decision = AppealDecision(event.appeal.status) if answered else None
    return EventAppeal(appeal_id=event.appeal.appeal_id, question_id=event.appeal.question_id, decision=decision)


def _shorten(reason: Reason) -> Reason:
    stage, detail = _truncate(reason.stage, _MAX_STAGE), _truncate(reason.detail, _MAX_DETAIL)
    return Reason(code=reason.code, stage=stage, detail=detail)


def _truncate(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
