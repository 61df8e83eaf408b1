"""Managing tracks. Every write adds an audit row."""

from typing import Any

from app.domain.assessment.tracks import TrackBody
from app.domain.body_validation import merge_body
from app.domain.errors import NotFound, SlugTaken
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


async def restorable(db: Executor, limit: int) -> list[Track]:
    """Deleted tracks that can be restored, by slug."""
    return await tracks.restorable(db, limit)


async def create(conn: Connection, actor: str, body: TrackBody) -> Track:
    """A new track.

    Raises:
        SlugTaken: an active or a deleted track has the slug.
    """
    await _check_not_deleted(conn, body.slug)
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
        body = merge_body(TrackBody, track.body, changes)
        if body.slug != slug:
            await _check_not_deleted(conn, body.slug)
        changed = await tracks.update(conn, track.id, body)
        await audit.record(conn, actor, AuditAction.UPDATE, AuditEntity.TRACK, slug, changed.body)
        return changed


async def restore(pool: Pool, actor: str, slug: str) -> Track:
    """The deleted track of this slug, active again with the questions that it had. An active track stays as it is.

    Raises:
        NotFound: no track has or had this slug.
    """
    async with pool.acquire() as conn, conn.transaction():
        active = await tracks.lock(conn, slug)
        if active:
            return active
        restored = await tracks.restore(conn, slug)
        if restored is None:
            # Another request may have restored it meanwhile.
            return await find(conn, slug)
        await audit.record(conn, actor, AuditAction.RESTORE, AuditEntity.TRACK, slug, restored.body)
        return restored


async def check_known(db: Executor, slug: str) -> None:
    """Returns if an active or a deleted track has this slug.

    Raises:
        NotFound: none has.
    """
    if not await tracks.find_deleted(db, slug):
        await find(db, slug)


async def _check_not_deleted(db: Executor, slug: str) -> None:
    if await tracks.find_deleted(db, slug):
        raise SlugTaken(f"a deleted track has this slug; restore it with POST /tracks/{slug}/restore")


async def delete(pool: Pool, actor: str, track: Track) -> None:
    """Deletes the track; its assessments can still be finished.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    async with pool.acquire() as conn, conn.transaction():
        if not await tracks.delete(conn, track.id):
            raise NotFound("there is no such track")
        await audit.record(conn, actor, AuditAction.DELETE, AuditEntity.TRACK, track.body.slug)
