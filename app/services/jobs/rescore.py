"""Rescoring an assessment because a person asks for it: a new run that scores every essay again."""

from uuid import UUID, uuid4

from app.domain.errors import AssessmentExpired, NotSubmitted, RunInProgress
from app.domain.job.notification import JobNotification
from app.domain.records.jobs import NewestRun
from app.domain.states import AssessmentStatus, AuditAction, AuditEntity, JobType, RunMode
from app.domain.values import Frozen
from app.repositories import audit, dead_letters
from app.repositories.sql import Connection
from app.services.assessments import lookup
from app.services.assessments.submit import Origin


class RescoreRequest(Frozen):
    """What the audit log keeps of a rescore: the run that it started, and why."""

    run: int
    reason: str


async def rescore(
    conn: Connection, actor: str, assessment_id: UUID, reason: str, attempts: int, origin: Origin
) -> list[JobNotification]:
    """Starts a run whose jobs have so many attempts, and returns the notifications to send after the commit; needs a
    transaction. The former result stands until the new run replaces it.

    Raises:
        NotFound: there is no such assessment.
        NotSubmitted, AssessmentExpired: there is nothing to score.
        RunInProgress: jobs of the newest run are queued or running.
    """
    run, status = await lookup.lock_assessment(conn, assessment_id)
    if status is AssessmentStatus.IN_PROGRESS:
        raise NotSubmitted("this assessment was not submitted yet")
    if status is AssessmentStatus.EXPIRED:
        raise AssessmentExpired("the time for this assessment is over; it was never submitted")
    previous_run = NewestRun(assessment_id, run, ())
    new_ids = {job_type: uuid4() for job_type in JobType}
    jobs = (attempts, origin.traceparent, origin.request_id, JobType, RunMode.RESCORE)
    notifications = await dead_letters.start_run(conn, previous_run, new_ids, *jobs)
    if not notifications:
        raise RunInProgress(f"run {run} is in progress; ask again once it is over")
    request = RescoreRequest(run=run + 1, reason=reason)
    await audit.record(conn, actor, AuditAction.RESCORE, AuditEntity.ASSESSMENT, str(assessment_id), request)
    return notifications
