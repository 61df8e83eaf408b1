"""Database rows of tracks, questions and credentials as frozen models."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.assessment.questions import QuestionBody
from app.domain.assessment.tracks import TrackBody
from app.domain.recommendation.credentials import CredentialBody


@dataclass(frozen=True)
class Track:
    """An active track; `sample` marks one that came with the software."""

    id: UUID
    body: TrackBody
    sample: bool = False


@dataclass(frozen=True)
class BankQuestion:
    """The current version of a question of the question bank."""

    question_id: UUID
    version: int
    track: str
    body: QuestionBody
    sample: bool


@dataclass(frozen=True)
class QuestionVersion:
    """One version of a question, and when it was written."""

    version: int
    body: QuestionBody
    created_at: datetime


@dataclass(frozen=True)
class Credential:
    """One version of a credential."""

    credential_id: UUID
    version: int
    body: CredentialBody
    sample: bool
