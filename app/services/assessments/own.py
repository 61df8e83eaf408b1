"""A student's own assessments and what they may start."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.records.assessments import EndedAssessment, OfferedTrack, OpenAssessment
from app.repositories.sql import Pool
from app.repositories.students import own_assessments
from app.services import paging

# Tracks and open assessments that are shown: more than anybody has.
_MOST = 200


@dataclass(frozen=True)
class OwnAssessments:
    """What a student has open, what they may start, and a page of what has ended."""

    open: list[OpenAssessment]
    tracks: list[OfferedTrack]
    ended: list[EndedAssessment]
    next_cursor: str | None


async def read_own(pool: Pool, owner: str, after: tuple[datetime, UUID] | None, limit: int) -> OwnAssessments:
    """The owner's assessments, with up to `limit` ended ones that are older than `after`."""
    async with pool.acquire() as conn:
        rows = await own_assessments.page_of_ended(conn, owner, after, limit + 1)
        ended, cursor = paging.first_page(
            rows, limit, lambda row: paging.newest_first(row.created_at, row.assessment_id)
        )
        return OwnAssessments(
            open=await own_assessments.open_assessments(conn, owner, _MOST),
            tracks=await own_assessments.offered_tracks(conn, owner, _MOST),
            ended=ended,
            next_cursor=cursor,
        )
