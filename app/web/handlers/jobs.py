"""Handlers for jobs: list them, and retry the failed ones (dead letters)."""

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.idempotency import StoredReply
from app.domain.records.jobs import JobRecord
from app.domain.states import JobStatus, JobType
from app.http.app_keys import ACCESS, CONTEXT
from app.http.notifications import notify_workers, publish_change
from app.http.query import query_choice, query_cursor_time, query_limit
from app.http.request_values import origin_of, path_id
from app.repositories.sql import Connection
from app.schemas import JobPage, links
from app.schemas.requests import RetryBody
from app.services.idempotency import run_idempotently
from app.services.jobs import dead_letters
from app.services.jobs.dead_letters import RetriedJob
from app.web.replies import json_reply, storable_answer, stored_reply
from app.web.request_parsing import idempotent_request, read_object


async def list_jobs(request: web.Request) -> web.StreamResponse:
    """A page of jobs, newest first; with `status=failed`, the dead letters."""
    limit, after = query_limit(request), query_cursor_time(request)
    status, job_type = query_choice(request, "status", JobStatus), query_choice(request, "job_type", JobType)
    page, cursor = await dead_letters.list_jobs(request.app[CONTEXT].pool, status, job_type, after, limit)
    return json_reply(JobPage(items=tuple(page), next_cursor=cursor))


async def retry_job(request: web.Request) -> web.StreamResponse:
    """Retries a failed job. If the assessment is final, a new run starts, in which the job has a new id."""
    context, job_id = request.app[CONTEXT], (await find_job(request)).job_id
    payload = await read_object(request)
    validate_body(RetryBody, payload)
    retried: list[RetriedJob] = []

    async def retry(conn: Connection) -> StoredReply:
        actor, attempts = request[ACCESS].caller.principal, context.settings.job_max_attempts
        retried.append(await dead_letters.retry(conn, actor, job_id, attempts, origin_of(request)))
        job = retried[-1].job
        return storable_answer(job, 202, links(job.assessment_id).status)

    answer = await run_idempotently(context.pool, idempotent_request(request, payload), retry)
    # Empty if the answer was stored before.
    for result in retried:
        publish_change(request.app, result.job.assessment_id)
        notify_workers(request.app, result.notifications)
    return stored_reply(answer)


async def find_job(request: web.Request) -> JobRecord:
    """The job that the path names. Raises `NotFound`."""
    return await dead_letters.find(request.app[CONTEXT].pool, path_id(request, "job_id"))
