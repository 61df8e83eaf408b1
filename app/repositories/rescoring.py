"""Runs that a person asks for."""

from collections.abc import Mapping
from uuid import UUID

from app.domain.job.notification import JobNotification
from app.domain.states import JobType
from app.repositories.sql import Connection, statements

_SQL = statements("rescoring")


async def rescore(
    conn: Connection,
    assessment_id: UUID,
    new_ids: Mapping[JobType, UUID],
    attempts: int,
    traceparent: str | None,
    request_id: str | None,
) -> list[JobNotification]:
    """What is due of a new run that scores every essay anew; empty where the newest run is not over. Its jobs have so
    many attempts. Needs the assessment held."""
    named = [{"job_id": new_id, "job_type": job_type} for job_type, new_id in new_ids.items()]
    rows = await conn.fetch(_SQL["rescore"], assessment_id, named, attempts, traceparent, request_id)
    return [JobNotification(row["id"], JobType(row["job_type"]), row["fence"]) for row in rows]
