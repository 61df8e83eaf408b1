"""Managing tracks. Every write adds an audit row."""

from typing import Any

from app.domain.assessment.tracks import TrackBody
from app.domain.body_validation import merge_body
from app.domain.errors import NotFound
from app.domain.records.catalog import Track
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, tracks
from app.repositories.sql import Connection, Executor, Pool
from app.services import paging


async def find(db: Executor, slug: str) -> Track:
    """The active track.

    Raises:
        NotFound: no active track has this slug.
    """
    track = await tracks.find(db, slug)
    if track is None:
        raise NotFound("there is no such track")
    return track


async def page(db: Executor, after: str | None, limit: int) -> tuple[list[Track], str | None]:
    """Active tracks whose slugs come after this one, and the cursor of the next page."""
    rows = await tracks.page(db, after, limit + 1)
    return paging.first_page(rows, limit, lambda track: (track.body.slug,))


async def create(conn: Connection, actor: str, body: TrackBody) -> Track:
    """A new track.

    Raises:
        SlugTaken: an active track has the slug.
    """
    track = await tracks.create(conn, body)
    await audit.record(conn, actor, AuditAction.CREATE, AuditEntity.TRACK, body.slug, body)
    return track


async def patch(pool: Pool, actor: str, slug: str, changes: dict[str, Any]) -> Track:
    """The track with some fields changed.

    Raises:
        NotFound, InvalidFields, SlugTaken.
    """
    async with pool.acquire() as conn, conn.transaction():
        track = await tracks.lock(conn, slug)
        if track is None:
            raise NotFound("there is no such track")
        changed = await tracks.update(conn, track.id, merge_body(TrackBody, track.body, changes))
        await audit.record(conn, actor, AuditAction.UPDATE, AuditEntity.TRACK, slug, changed.body)
        return changed


async def delete(pool: Pool, actor: str, track: Track) -> None:
    """Deletes the track; its assessments can still be finished.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    async with pool.acquire() as conn, conn.transaction():
        if not await tracks.delete(conn, track.id):
            raise NotFound("there is no such track")
        await audit.record(conn, actor, AuditAction.DELETE, AuditEntity.TRACK, track.body.slug)
