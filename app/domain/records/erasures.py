"""Erasures of people, and their receipts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.states import ErasureStatus
from app.domain.values import Frozen


class SentToModel(Frozen):
    """A request to a model that held a text of the person."""

    at: datetime
    provider: str
    model: str
    prompt_version: str
    outcome: str
    tokens_in: int


class ErasureRecord(Frozen):
    """An erasure; `counts` are the rows that were deleted or made anonymous so far, by table."""

    erasure_id: UUID
    status: ErasureStatus
    requested_at: datetime
    completed_at: datetime | None
    counts: dict[str, int]
    sent_to_models: tuple[SentToModel, ...]


@dataclass(frozen=True, slots=True)
class StoredOfPerson:
    """How much is stored of a person: their assessments, of which some are unfinished, with answers and requests
    to models, and what they have left elsewhere."""

    assessments: int
    unfinished: int
    answers: int
    model_calls: int
    ratings: int
    overrides: int
    api_keys: int
    sessions: int
    audit_lines: int


@dataclass(frozen=True, slots=True)
class TakenErasure:
    """A pending erasure that is worked on, with the pseudonym that takes the person's place."""

    id: UUID
    person: str
    pseudonym: str
