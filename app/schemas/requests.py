"""Bodies of requests that are not the thing itself."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema

from app.domain.assessment.questions import EssayQuestion, ProfileQuestion, TheoreticalQuestion
from app.domain.states import QuestionType
from app.domain.values import Frozen, Slug

_ANSWER_SCHEMA = {
    "description": "an option id, a list of them, a number or a text, as the question asks; null takes it back",
    "anyOf": [
        {"type": "string"},
        {"type": "number"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "null"},
    ],
}


class NewAssessment(Frozen):
    """Which track to start."""

    track: Annotated[str, Field(max_length=64)]


class GivenResponse(Frozen):
    """An answer to one question."""

    question_id: UUID
    answer: Annotated[Any, WithJsonSchema(_ANSWER_SCHEMA)]


Responses = Annotated[tuple[GivenResponse, ...], Field(max_length=500)]


class SaveBody(Frozen):
    """Answers to save."""

    responses: Responses


class SubmitBody(Frozen):
    """Last answers, saved in the same transaction."""

    responses: Responses = ()


# A question's weight is 1,000 at most; what this one can earn is checked once it is known. -0 is 0.
_Points = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False), AfterValidator(abs)]
# Blanks are no reason.
_Reason = Annotated[str, Field(pattern=r"\S", max_length=2000)]


class OverrideBody(Frozen):
    """A person's score of a question, in points from 0 to its `max_score`, and why it is that."""

    score: _Points
    reason: _Reason


class RescoreBody(Frozen):
    """Why the assessment is to be scored again."""

    reason: _Reason


_Rating = Annotated[int, Field(ge=1, le=5)]


class FeedbackBody(Frozen):
    """How relevant something is and whether one would accept it, 1–5: the recommendation of a credential, or without
    one the result as a whole."""

    relevance: _Rating
    acceptance: _Rating
    comment: Annotated[str | None, Field(max_length=2000)] = None
    credential_id: UUID | None = None


class RetryBody(Frozen):
    """Nothing: which job is tried again stands in the path."""


class WebhookBody(Frozen):
    """Where the end of an assessment is told, and the secret that signs it; without one a secret is made."""

    webhook_url: Annotated[str, Field(min_length=1, max_length=2048, json_schema_extra={"format": "uri"})]
    secret: Annotated[str | None, Field(max_length=100, repr=False)] = None


class RedeliverBody(Frozen):
    """Nothing: which message is sent again stands in the path."""


class NewTheoreticalQuestion(TheoreticalQuestion):
    """A theoretical question of a track."""

    track: Slug


class NewProfileQuestion(ProfileQuestion):
    """A profile question of a track."""

    track: Slug


class NewEssayQuestion(EssayQuestion):
    """An essay question of a track."""

    track: Slug


NewQuestion = NewTheoreticalQuestion | NewProfileQuestion | NewEssayQuestion
NEW_OF_TYPE: dict[QuestionType, type[NewQuestion]] = {
    QuestionType.THEORETICAL: NewTheoreticalQuestion,
    QuestionType.PROFILE: NewProfileQuestion,
    QuestionType.ESSAY: NewEssayQuestion,
}
