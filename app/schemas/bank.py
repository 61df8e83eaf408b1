"""Tracks, questions and credentials as staff and students see them."""

from typing import Any
from uuid import UUID

from app.domain.assessment.questions import EssayQuestion, ProfileQuestion, TheoreticalQuestion
from app.domain.assessment.tracks import TrackBody
from app.domain.recommendation.credentials import CredentialBody
from app.domain.records.catalog import BankQuestion, Credential, Track
from app.domain.values import Frozen


class TrackView(TrackBody):
    """A track; `sample` marks what came with the software."""

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
    """A theoretical question of the bank, with its key."""


class ProfileQuestionView(ProfileQuestion, _BankQuestionView):
    """A profile question of the bank."""


class EssayQuestionView(EssayQuestion, _BankQuestionView):
    """An essay question of the bank, with its model answer and rubric."""


QuestionView = TheoreticalQuestionView | ProfileQuestionView | EssayQuestionView


class QuestionPage(Frozen):
    """A page of questions."""

    items: tuple[QuestionView, ...]
    next_cursor: str | None


class CredentialView(CredentialBody):
    """One version of a credential; `sample` marks what came with the software."""

    credential_id: UUID
    version: int
    sample: bool


class CredentialPage(Frozen):
    """A page of credentials."""

    items: tuple[CredentialView, ...]
    next_cursor: str | None


def track_view(track: Track) -> TrackView:
    """A track as seen."""
    return TrackView(**_fields(track.body), sample=track.sample)


def question_view(question: BankQuestion) -> QuestionView:
    """A question of the bank as staff sees it."""
    told: dict[str, Any] = _fields(question.body)
    told |= {"question_id": question.question_id, "version": question.version}
    told |= {"track": question.track, "sample": question.sample}
    match question.body:
        case TheoreticalQuestion():
            return TheoreticalQuestionView(**told)
        case ProfileQuestion():
            return ProfileQuestionView(**told)
        case EssayQuestion():
            return EssayQuestionView(**told)


def credential_view(credential: Credential) -> CredentialView:
    """A credential as seen."""
    return CredentialView(
        **_fields(credential.body),
        credential_id=credential.credential_id,
        version=credential.version,
        sample=credential.sample,
    )


def _fields(body: Frozen) -> dict[str, Any]:
    return {name: getattr(body, name) for name in type(body).model_fields}
