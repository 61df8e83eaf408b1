"""Jobs: a list with filters, one job, and retrying one failed job or all that match."""

from collections.abc import Mapping
from uuid import UUID

from aiohttp import web

from app.domain.errors import FieldError, InvalidFields
from app.domain.job.notification import JobNotification
from app.domain.records.jobs import JobRecord
from app.domain.states import JobStatus, JobType
from app.http.app_keys import ACCESS, CONTEXT
from app.http.notifications import notify_workers, publish_change
from app.http.query import query_cursor_time
from app.http.request_values import origin_of, path_id
from app.http.sessions import PAGES
from app.pages.forms import read_form
from app.pages.operator.filters import ROWS, chosen, filter_query, next_page, track_names, typed
from app.pages.rendering import redirect, render
from app.services.jobs import bulk_retry, dead_letters
from app.services.jobs.bulk_retry import RetryOutcome

JOBS = f"{PAGES}/jobs"
# Jobs that one request retries: each is a transaction of its own, and the request has a limit of time.
_BATCH = 100
_STATUS_NAMES: Mapping[JobStatus, str] = {
    JobStatus.FAILED: "given up",
    JobStatus.QUEUED: "waiting",
    JobStatus.IN_PROGRESS: "running",
    JobStatus.COMPLETED: "done",
}
TYPE_NAMES: Mapping[JobType, str] = {
    JobType.GPT: "score essays",
    JobType.RAG: "recommend courses",
    JobType.FUSION: "put the result together",
}


async def show_jobs(request: web.Request) -> web.StreamResponse:
    """A page of jobs, newest first; those that were given up if the address names no filter."""
    status = chosen(request, "status", JobStatus) if "status" in request.query else JobStatus.FAILED
    job_type, track, after = chosen(request, "type", JobType), typed(request, "track"), query_cursor_time(request)
    pool = request.app[CONTEXT].pool
    jobs, cursor = await dead_letters.list_jobs(pool, status, job_type, after, ROWS, track)
    values = {
        "jobs": jobs,
        "next_page": next_page(request, cursor),
        "status": status,
        "job_type": job_type,
        "track": track,
        "tracks": await track_names(request),
        "retry_query": filter_query((("type", job_type), ("track", track))),
    }
    return render(request, "operator/jobs.html", values | _NAMES)


async def show_job(request: web.Request) -> web.StreamResponse:
    """One job with its error."""
    values = {"job": await find_job(request), "tracks": await track_names(request)}
    return render(request, "operator/job.html", values | _NAMES)


async def retry_job(request: web.Request) -> web.StreamResponse:
    """Retries one failed job, and goes on to the job that runs in its place."""
    outcomes = await _retry(request, [(await find_job(request)).job_id])
    if outcomes[0].retried is None:
        values = {"outcomes": outcomes, "retried": 0}
        return render(request, "operator/retried.html", values, status=409)
    return redirect(f"{JOBS}/{outcomes[0].retried.job.job_id}?done=job-retried")


async def show_retry(request: web.Request) -> web.StreamResponse:
    """How many failed jobs match, and which of them a click retries."""
    job_type, track = chosen(request, "type", JobType), typed(request, "track")
    jobs, total = await bulk_retry.find_retryable(request.app[CONTEXT].pool, job_type, track, _BATCH)
    values = {
        "jobs": jobs,
        "total": total,
        "job_type": job_type,
        "track": track,
        "tracks": await track_names(request),
    }
    return render(request, "operator/retry.html", values | _NAMES)


async def retry_jobs(request: web.Request) -> web.StreamResponse:
    """Retries the jobs that the page before has named, and no others; shows what became of each."""
    outcomes = await _retry(request, _job_ids((await read_form(request)).getall("job", [])))
    values = {"outcomes": outcomes, "retried": sum(outcome.retried is not None for outcome in outcomes)}
    return render(request, "operator/retried.html", values)


async def find_job(request: web.Request) -> JobRecord:
    """The job that the path names. Raises `NotFound`."""
    return await dead_letters.find(request.app[CONTEXT].pool, path_id(request, "job_id"))


async def _retry(request: web.Request, job_ids: list[UUID]) -> list[RetryOutcome]:
    context, actor = request.app[CONTEXT], request[ACCESS].caller.principal
    attempts, origin = context.settings.job_max_attempts, origin_of(request)
    outcomes: list[RetryOutcome] = []
    notifications: list[JobNotification] = []
    try:
        async for outcome in bulk_retry.retry_each(context.pool, actor, job_ids, attempts, origin):
            outcomes.append(outcome)
            if outcome.retried and outcome.is_first:
                publish_change(request.app, outcome.retried.job.assessment_id)
                notifications += outcome.retried.notifications
    finally:
        notify_workers(request.app, notifications)
    return outcomes


def _job_ids(texts: list[str]) -> list[UUID]:
    if not 0 < len(texts) <= _BATCH:
        raise InvalidFields([FieldError("/job", f"choose from 1 to {_BATCH} jobs")])
    try:
        return list(dict.fromkeys(map(UUID, texts)))
    except ValueError:
        raise InvalidFields([FieldError("/job", "is not the id of a job")]) from None


_NAMES = {"status_names": _STATUS_NAMES, "type_names": TYPE_NAMES}
