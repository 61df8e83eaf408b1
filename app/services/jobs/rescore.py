"""Running the jobs of an assessment again because a person asks for it, keeping what was."""

from uuid import UUID, uuid4

from app.domain.errors import AssessmentExpired, NotSubmitted, RunInProgress
from app.domain.job.notification import JobNotification
from app.domain.states import AssessmentStatus, AuditAction, AuditEntity, JobType
from app.domain.values import Frozen
from app.repositories import assessments, audit, rescoring
from app.repositories.sql import Connection
from app.services.assessments.submit import Origin


class Asked(Frozen):
    """What the audit log keeps of a rescore: the run that it began, and why."""

    run: int
    reason: str


async def rescore(
    conn: Connection, actor: str, assessment_id: UUID, reason: str, attempts: int, origin: Origin
) -> list[JobNotification]:
    """Starts a run whose jobs have so many attempts, and returns those to ring for; has to run in a transaction. The
    former result stands until the new one replaces it. What `origin` does not say, the jobs have from the former run.

    Raises:
        NotSubmitted, AssessmentExpired: there is nothing to score.
        RunInProgress: the jobs are at it already.
    """
    run, status = await assessments.hold(conn, assessment_id)
    if status is AssessmentStatus.IN_PROGRESS:
        raise NotSubmitted("this assessment was not submitted yet")
    if status is AssessmentStatus.EXPIRED:
        raise AssessmentExpired("the time for this assessment is over; it was never submitted")
    new_ids = {job_type: uuid4() for job_type in JobType}
    rings = await rescoring.rescore(conn, assessment_id, new_ids, attempts, origin.traceparent, origin.request_id)
    if not rings:
        raise RunInProgress(f"run {run} is in progress; ask again once it is over")
    key, asked = str(assessment_id), Asked(run=run + 1, reason=reason)
    await audit.record(conn, actor, AuditAction.RESCORE, AuditEntity.ASSESSMENT, key, asked)
    return rings
