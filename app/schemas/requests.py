"""Request bodies, except those that are the same as a resource (tracks, credentials)."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema

from app.domain.assessment.questions import EssayQuestion, ProfileQuestion, TheoreticalQuestion
from app.domain.essay.score import DIMENSION_MAXIMUM, DimensionName
from app.domain.states import AppealDecision, EventType, QuestionType, Role
from app.domain.text import is_visible
from app.domain.values import Frozen, Slug, Title, rounded_points

_ANSWER_SCHEMA = {
    "description": "an option id, a list of option ids, a number or a text, by the question; null removes the answer",
    "anyOf": [
        {"type": "string"},
        {"type": "number"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "null"},
    ],
}
MAX_KEY_DAYS = 3650
_DAYS_OF_A_SECOND = 1 / 86_400


class NewAssessment(Frozen):
    """The slug of the track to start."""

    track: Annotated[str, Field(max_length=64)]


class ResponseBody(Frozen):
    """The answer to one question."""

    question_id: UUID
    answer: Annotated[Any, WithJsonSchema(_ANSWER_SCHEMA)]


Responses = Annotated[tuple[ResponseBody, ...], Field(max_length=500)]


class SaveBody(Frozen):
    """Responses to save."""

    responses: Responses


class SubmitBody(Frozen):
    """Last responses, saved in the same transaction as the submission."""

    responses: Responses = ()


# A question's weight is at most 1,000; the weight of this question is checked later. -0 becomes 0.
_Points = Annotated[
    float, Field(ge=0, le=1000, allow_inf_nan=False), AfterValidator(abs), AfterValidator(rounded_points)
]
_Reason = Annotated[str, Field(pattern=r"\S", max_length=2000)]


class OverrideBody(Frozen):
    """A person's score of a question, in points from 0 to its `max_score`, and the reason."""

    score: _Points
    reason: _Reason


_DimensionPoints = Annotated[int, Field(ge=0, le=DIMENSION_MAXIMUM)]


class DimensionsOverrideBody(Frozen):
    """A person's points of an essay's dimensions, 0 to 25 each, and the reason. Dimensions that are left out keep the
    points that they have."""

    dimensions: Annotated[dict[DimensionName, _DimensionPoints], Field(min_length=1)]
    reason: _Reason


def _is_true(agree: bool) -> bool:
    if not agree:
        raise ValueError("must be true; to disagree, override the score")
    return agree


class ReviewBody(Frozen):
    """The agreement with the machine's score."""

    agree: Annotated[bool, AfterValidator(_is_true), WithJsonSchema({"const": True})]


class AppealBody(Frozen):
    """Why a person should look at the score of the question."""

    text: Annotated[str, Field(pattern=r"\S", max_length=5000)]


class AppealAnswerBody(Frozen):
    """The answer to an appeal. With the decision `changed` it has a `score` in points, or points of an essay's
    `dimensions`; with `upheld` neither. No appeal lowers a score."""

    decision: AppealDecision
    reply: _Reason
    score: _Points | None = None
    dimensions: Annotated[dict[DimensionName, _DimensionPoints] | None, Field(min_length=1)] = None


class ReserveBody(Frozen):
    """An empty object."""


class RescoreBody(Frozen):
    """Why the assessment is to be scored again."""

    reason: _Reason


_Rating = Annotated[int, Field(ge=1, le=5)]


class FeedbackBody(Frozen):
    """Ratings from 1 to 5 of relevance and acceptance: of the recommendation of a credential, or without
    `credential_id` of the whole result."""

    relevance: _Rating
    acceptance: _Rating
    comment: Annotated[str | None, Field(max_length=2000)] = None
    credential_id: UUID | None = None


class RetryBody(Frozen):
    """An empty object."""


class RestoreBody(Frozen):
    """An empty object."""


class WebhookBody(Frozen):
    """The URL that gets the messages, and the secret that signs them; a secret is made if none is sent."""

    webhook_url: Annotated[str, Field(min_length=1, max_length=2048, json_schema_extra={"format": "uri"})]
    secret: Annotated[str | None, Field(max_length=100, repr=False)] = None


class SubscriptionBody(Frozen):
    """The URL that gets the messages, the events that there are messages of, and the track whose assessments they are
    about, or null for all tracks. Nothing is sent while it is not active. The secret signs the messages; one is made if
    none is sent."""

    url: Annotated[str, Field(min_length=1, max_length=2048, json_schema_extra={"format": "uri"})]
    events: Annotated[tuple[EventType, ...], Field(min_length=1, max_length=20)]
    track: Slug | None = None
    active: bool = True
    secret: Annotated[str | None, Field(max_length=100, repr=False)] = None


def _one_visible_line(text: str) -> str:
    if not (text.isprintable() and is_visible(text)):
        raise ValueError("must be one line of visible characters")
    return text


class NewApiKeyBody(Frozen):
    """What the key is for, the roles that its callers have, and the days until it expires, which may be a fraction."""

    name: Annotated[Title, AfterValidator(_one_visible_line)]
    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=10)]
    expires_in_days: Annotated[float, Field(ge=_DAYS_OF_A_SECOND, le=MAX_KEY_DAYS, allow_inf_nan=False)]


class RotateBody(Frozen):
    """The seconds for which the old key goes on beside the new one."""

    overlap_seconds: Annotated[int, Field(ge=0, le=2_592_000)]


class RedeliverBody(Frozen):
    """An empty object."""


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
