"""The assessments of one student, and the tracks that they may start."""

from datetime import datetime
from uuid import UUID

from app.domain.assessment.attempts import Attempts
from app.domain.assessment.tracks import QuestionMix
from app.domain.records.assessments import EndedAssessment, OfferedTrack, OpenAssessment
from app.domain.states import AssessmentStatus
from app.repositories.sql import Executor, statements

_SQL = statements("own_assessments")


async def open_assessments(db: Executor, owner: str, limit: int) -> list[OpenAssessment]:
    """The owner's open assessments, the one that ends first in front."""
    return [OpenAssessment(**row) for row in await db.fetch(_SQL["open_assessments"], owner, limit)]


async def page_of_ended(
    db: Executor, owner: str, after: tuple[datetime, UUID] | None, limit: int
) -> list[EndedAssessment]:
    """A page of the owner's other assessments, newest first."""
    rows = await db.fetch(_SQL["page_of_ended"], owner, *(after or (None, None)), limit)
    return [EndedAssessment(**dict(row) | {"status": AssessmentStatus(row["status"])}) for row in rows]


async def offered_tracks(db: Executor, owner: str, limit: int) -> list[OfferedTrack]:
    """Active tracks by name."""
    return [
        OfferedTrack(
            slug=row["slug"],
            name=row["name"],
            description=row["description"],
            question_mix=QuestionMix.model_validate(row["question_mix"]),
            attempts=Attempts(row["used"], row["permitted"], row["next_at"], row["now"]),
            open_id=row["open_id"],
        )
        for row in await db.fetch(_SQL["offered_tracks"], owner, limit)
    ]
