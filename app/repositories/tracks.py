"""Tracks that students are assessed for."""

from typing import Any
from uuid import UUID

import asyncpg

from app.domain.assessment.tracks import TrackBody
from app.domain.records.catalog import Track
from app.repositories.sql import Connection, Executor, affected, caller_errors, statements

_SQL = statements("tracks")


async def find(db: Executor, slug: str) -> Track | None:
    """The active track of this slug."""
    return _track(await db.fetchrow(_SQL["find_track"], slug))


async def lock(conn: Connection, slug: str) -> Track | None:
    """The active track of this slug, locked until the transaction ends."""
    return _track(await conn.fetchrow(_SQL["lock_track"], slug))


async def page(db: Executor, after: str | None, limit: int) -> list[Track]:
    """A page of active tracks, by slug."""
    rows = await db.fetch(_SQL["list_tracks"], after, limit)
    return [track for row in rows if (track := _track(row))]


async def create(db: Executor, body: TrackBody, *, sample: bool = False) -> Track:
    """Stores a new track.

    Raises:
        SlugTaken: an active track has the slug.
    """
    return await _write(db, "create_track", *_columns(body), sample)


async def update(db: Executor, track_id: UUID, body: TrackBody) -> Track:
    """Replaces the body of the track; needs the track locked.

    Raises:
        SlugTaken: another active track has the slug.
    """
    return await _write(db, "update_track", track_id, *_columns(body))


async def find_deleted(db: Executor, slug: str) -> Track | None:
    """The track that was deleted last of those with this slug."""
    return _track(await db.fetchrow(_SQL["find_deleted_track"], slug))


async def restorable(db: Executor, limit: int) -> list[Track]:
    """Deleted tracks that can be restored, by slug."""
    rows = await db.fetch(_SQL["list_restorable_tracks"], limit)
    return [track for row in rows if (track := _track(row))]


async def restore(db: Executor, slug: str) -> Track | None:
    """Makes the newest deleted track of this slug active again; None if there is none.

    Raises:
        SlugTaken: another track has the slug by now.
    """
    with caller_errors():
        return _track(await db.fetchrow(_SQL["restore_track"], slug))


async def delete(db: Executor, track_id: UUID) -> bool:
    """Deletes the active track; False if there is none."""
    return affected(await db.execute(_SQL["delete_track"], track_id)) == 1


async def _write(db: Executor, statement: str, *values: Any) -> Track:
    with caller_errors():
        track = _track(await db.fetchrow(_SQL[statement], *values))
    if track is None:
        raise RuntimeError("a locked track was deleted")
    return track


def _columns(body: TrackBody) -> tuple[Any, ...]:
    shown = (body.show_correct, body.show_explanations)
    described = (body.slug, body.name, body.description, list(body.skills), body.question_mix.model_dump())
    return (*described, body.attempts, body.retake_after_hours, *shown)


def _track(row: asyncpg.Record | None) -> Track | None:
    if row is None:
        return None
    body = {name: row[name] for name in TrackBody.model_fields}
    return Track(row["id"], TrackBody.model_validate(body), row["sample"])
