"""The body of a webhook message."""

from datetime import datetime
from uuid import UUID

from app.domain.records.webhooks import Event
from app.domain.result.model import Overall, Reason
from app.domain.states import AssessmentStatus, EventType
from app.domain.values import Frozen
from app.schemas.submission import Links, links

# Receivers may refuse bodies from here on; whoever wants everything follows the links.
BODY_LIMIT = 20_000
# So cut, no reasons make a body too long, though JSON writes some characters as six.
_MOST_REASONS = 10
_MOST_DETAIL = 200
_MOST_STAGE = 64


class EventData(Frozen):
    """What a message says of an assessment."""

    assessment_id: UUID
    track: str
    run: int
    status: AssessmentStatus
    overall: Overall | None
    degraded: bool
    degraded_reasons: tuple[Reason, ...]
    completed_at: datetime
    links: Links


class Message(Frozen):
    """The body of a message."""

    type: EventType
    timestamp: datetime
    data: EventData


def body_of(event: Event) -> str:
    """The message, shorter than BODY_LIMIT in bytes."""
    failed = event.event_type is EventType.FAILED
    data = EventData(
        assessment_id=event.assessment_id,
        track=event.track,
        run=event.run,
        status=AssessmentStatus.FAILED if failed else AssessmentStatus.COMPLETED,
        overall=event.overall,
        degraded=bool(event.reasons),
        degraded_reasons=tuple(_short(reason) for reason in event.reasons[:_MOST_REASONS]),
        completed_at=event.completed_at,
        links=links(event.assessment_id),
    )
    return Message(type=event.event_type, timestamp=event.happened_at, data=data).model_dump_json()


def _short(reason: Reason) -> Reason:
    return Reason(code=reason.code, stage=_cut(reason.stage, _MOST_STAGE), detail=_cut(reason.detail, _MOST_DETAIL))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
