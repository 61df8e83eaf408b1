"""Database rows of the review queue as frozen models."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.domain.principal import Principal
from app.domain.states import QuestionType, ReviewReason
from app.domain.values import Frozen


class ReviewItem(Frozen):
    """A question of an assessment that needs a person, with the reasons. `confidence` is that in the machine's score,
    null without one; `suspected_quote` is the passage for which an essay is suspected to influence its grader.
    `reserved_by` holds the item until `reserved_until`. `owner_issuer` tells people with the same `sub` apart; null
    where tokens are signed with a secret."""

    assessment_id: UUID
    question_id: UUID
    question_type: QuestionType
    track: str
    owner: Principal
    owner_issuer: str | None = None
    reasons: tuple[ReviewReason, ...]
    suspected_quote: str | None = Field(default=None, exclude_if=lambda quote: quote is None)
    confidence: float | None
    waiting_since: datetime
    reserved_by: Principal | None
    reserved_until: datetime | None


class Reservation(Frozen):
    """A person holds an item."""

    assessment_id: UUID
    question_id: UUID
    reserved_by: Principal
    reserved_until: datetime
