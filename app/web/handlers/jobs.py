"""Dead letters: jobs, and another try of those that failed."""

from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.job.notification import JobNotification
from app.domain.records.assessments import JobLine, StoredAnswer
from app.domain.states import JobStatus, JobType
from app.http.app_keys import ACCESS, BACKGROUND, CONTEXT, REQUEST_ID
from app.repositories import dead_letters as letters
from app.repositories.sql import Connection
from app.schemas import JobPage, job_line_view, links
from app.schemas.requests import RetryBody
from app.services import paging
from app.services.assessments.submit import Origin
from app.services.idempotency import run_idempotently
from app.services.jobs import dead_letters
from app.services.jobs.runner import notify
from app.web.parsing import (
    attempt_of,
    bad_query,
    path_id,
    query_cursor_time,
    query_limit,
    read_object,
    traceparent,
)
from app.web.replies import answer, json_reply, stored_reply

_Set = TypeVar("_Set", bound=StrEnum)


async def list_jobs(request: web.Request) -> web.StreamResponse:
    """A page of jobs, newest first; with `status=failed`, the dead letters."""
    limit, after = query_limit(request), query_cursor_time(request)
    status, job_type = _one_of(request, "status", JobStatus), _one_of(request, "job_type", JobType)
    statuses = JobStatus if status is None else (status,)
    found = await letters.page(request.app[CONTEXT].pool, statuses, job_type, after, limit + 1)
    page, cursor = paging.cut(found, limit, _position_of)
    return json_reply(JobPage(items=tuple(job_line_view(line) for line in page), next_cursor=cursor))


async def retry_job(request: web.Request) -> web.StreamResponse:
    """Tries a failed job again; of an assessment that is over, in a new run, where the job has a new id."""
    caller, context = request[ACCESS].caller, request.app[CONTEXT]
    job_id = (await find_job(request)).job_id
    value = await read_object(request)
    validate_body(RetryBody, value)
    attempts, origin = context.settings.job_max_attempts, Origin(traceparent(request), request[REQUEST_ID])
    rings: list[JobNotification] = []
    changed: list[UUID] = []

    async def work(conn: Connection) -> StoredAnswer:
        retried = await dead_letters.retry(conn, caller.sub, job_id, attempts, origin)
        rings.extend(retried.notifications)
        changed.append(retried.job.assessment_id)
        return answer(job_line_view(retried.job), 202, links(retried.job.assessment_id).status)

    stored = await run_idempotently(context.pool, attempt_of(request, caller, value), work)
    if rings:
        # Off the request's path: the answer does not wait for Redis.
        request.app[BACKGROUND].start(lambda: notify(context.job_queue, rings))
    for assessment_id in changed:
        context.change_feed.publish(assessment_id)
    return stored_reply(stored)


async def find_job(request: web.Request) -> JobLine:
    """The job that the path names. Raises `NotFound`."""
    return await dead_letters.find(request.app[CONTEXT].pool, path_id(request, "job_id"))


def _one_of(request: web.Request, name: str, members: type[_Set]) -> _Set | None:
    text = request.query.get(name)
    try:
        return members(text) if text is not None else None
    except ValueError:
        bad_query(f"{name} must be one of {', '.join(members)}")


def _position_of(line: JobLine) -> tuple[str, str]:
    return line.created_at.isoformat(), str(line.job_id)
