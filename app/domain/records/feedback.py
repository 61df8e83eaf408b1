"""Feedback on results and recommendations, as it is given and as rows of the database."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.values import Frozen


@dataclass(frozen=True)
class NewFeedback:
    """A person's ratings (1–5) of a result, or of the recommendation of one credential in it."""

    assessment_id: UUID
    credential_id: UUID | None
    author: str
    relevance: int
    acceptance: int
    comment: str | None


@dataclass(frozen=True)
class OwnRating:
    """What a person has said about a result or a recommendation."""

    relevance: int
    acceptance: int
    comment: str | None


class FeedbackGroup(Frozen):
    """Ratings of a track's results as a whole (`of_whole`), or of its recommendations: of all, of one credential, or of
    one rank. The counts are those of the ratings 1 to 5."""

    track: str
    of_whole: bool
    credential_id: UUID | None
    title: str | None
    rank: int | None
    count: int
    mean_rank: float | None
    relevance: float
    acceptance: float
    relevance_counts: tuple[int, ...]
    acceptance_counts: tuple[int, ...]


class FeedbackRecord(Frozen):
    """One person's ratings, without their name; `given_by` is `owner` or `staff`."""

    id: int
    track: str
    credential_id: UUID | None
    title: str | None
    rank: int | None
    relevance: int
    acceptance: int
    comment: str | None
    given_by: str
    given_at: datetime
