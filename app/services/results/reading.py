"""What stands beside a result when a person reads it: the descriptions that its quotes are from, and their ratings."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.domain.records.feedback import OwnRating
from app.repositories import credentials
from app.repositories.results import feedback
from app.repositories.sql import Pool
from app.schemas import ResultView


@dataclass(frozen=True)
class ReadersNotes:
    """Descriptions by credential and version, and the reader's ratings by credential, that of the result under None."""

    descriptions: Mapping[tuple[UUID, int], str]
    ratings: Mapping[UUID | None, OwnRating]


async def read_notes(pool: Pool, result: ResultView, reader: str) -> ReadersNotes:
    """The notes for a reader of the result."""
    versions = [
        (recommendation.credential_id, source.credential_version)
        for recommendation in result.recommendations
        for source in recommendation.sources
    ]
    async with pool.acquire() as conn:
        return ReadersNotes(
            await credentials.descriptions(conn, sorted(set(versions))),
            await feedback.own(conn, result.assessment_id, reader),
        )
