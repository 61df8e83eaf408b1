"""Appeals: a student asks for a person about the score of a question."""

from datetime import datetime
from uuid import UUID

from app.domain.principal import Principal
from app.domain.states import AppealStatus, QuestionType
from app.domain.values import Frozen


class QuestionAppeal(Frozen):
    """The appeal of a question as its owner sees it: `reply` and `answered_at` are null while it is `open`. A person
    upheld the points, or changed them."""

    appeal_id: UUID
    status: AppealStatus
    text: str
    created_at: datetime
    reply: str | None
    answered_at: datetime | None


class AppealRecord(QuestionAppeal):
    """An appeal with its question and people: the owner of the result, who answered, and who gave the points that count
    today (`points_by`), if that was a person."""

    assessment_id: UUID
    question_id: UUID
    question_type: QuestionType
    track: str
    owner: Principal
    answered_by: Principal | None
    points_by: Principal | None
