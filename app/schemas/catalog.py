"""Tracks, questions and credentials in the API."""

from typing import Any
from uuid import UUID

from app.domain.assessment.questions import EssayQuestion, ProfileQuestion, TheoreticalQuestion
from app.domain.assessment.tracks import TrackBody
from app.domain.recommendation.credentials import CredentialBody
from app.domain.records.catalog import BankQuestion, Credential, Track
from app.domain.values import Frozen


class TrackView(TrackBody):
    """A track; `sample` marks one that came with the software."""

    sample: bool


class TrackPage(Frozen):
    """A page of tracks."""

    items: tuple[TrackView, ...]
    next_cursor: str | None


class _BankQuestionView(Frozen):
    question_id: UUID
    version: int
    track: str
    sample: bool


class TheoreticalQuestionView(TheoreticalQuestion, _BankQuestionView):
    """A theoretical question of the question bank, with its answer key."""


class ProfileQuestionView(ProfileQuestion, _BankQuestionView):
    """A profile question of the question bank."""


class EssayQuestionView(EssayQuestion, _BankQuestionView):
    """An essay question of the question bank, with its model answer and rubric."""


QuestionView = TheoreticalQuestionView | ProfileQuestionView | EssayQuestionView


class QuestionPage(Frozen):
    """A page of questions."""

    items: tuple[QuestionView, ...]
    next_cursor: str | None


class CredentialView(CredentialBody):
    """One version of a credential; `sample` marks one that came with the software."""

    credential_id: UUID
    version: int
    sample: bool


class CredentialPage(Frozen):
    """A page of credentials."""

    items: tuple[CredentialView, ...]
    next_cursor: str | None


def track_view(track: Track) -> TrackView:
    """A track in the API."""
    return TrackView(**_fields(track.body), sample=track.sample)


def question_view(question: BankQuestion) -> QuestionView:
    """A question of the question bank, with its key, as advisors and authors see it."""
    fields: dict[str, Any] = vars(question) | _fields(question.body)
    del fields["body"]
    match question.body:
        case TheoreticalQuestion():
            return TheoreticalQuestionView(**fields)
        case ProfileQuestion():
            return ProfileQuestionView(**fields)
        case EssayQuestion():
            return EssayQuestionView(**fields)


def credential_view(credential: Credential) -> CredentialView:
    """A credential in the API."""
    return CredentialView(
        **_fields(credential.body),
        credential_id=credential.credential_id,
        version=credential.version,
        sample=credential.sample,
    )


def _fields(body: Frozen) -> dict[str, Any]:
    return {name: getattr(body, name) for name in type(body).model_fields}
