"""Submitting an assessment: one statement locks the answers, stores the scores by rule, queues the jobs and keeps the
request's answer for its idempotency key. It does nothing if answers were saved since they were read."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from app.domain.api_key import id_in_sub
from app.domain.assessment.answers import Answer, Response, is_empty, validate_responses
from app.domain.assessment.rule_scoring import score_by_rule
from app.domain.errors import Conflict, KeyInFlight, OwnerSubmissionLimit, QueueFull
from app.domain.idempotency import StoredReply
from app.domain.job.notification import JobNotification
from app.domain.records.assessments import Assessment
from app.domain.states import AuditAction, AuditEntity, JobType, QuestionType, ScoreType
from app.domain.text import count_of
from app.repositories import assessments, audit
from app.repositories.assessments import CapacityLimits, NewJob, Submission, SubmissionDraft
from app.repositories.sql import Pool
from app.schemas import links, missing_reason, render_submission
from app.services.assessments.lookup import permitted
from app.services.assessments.responses import check_open
from app.services.assessments.waiting_count import WaitingCount
from app.services.caller import Access
from app.services.idempotency import KEEP_SECONDS, MAX_KEYS, IdempotentRequest, replay, too_many_keys

# A submission reads again if answers were saved since its read, or if its owner's other submissions have reached the
# limit. No student saves as often as this.
_MAX_READS = 5


@dataclass(frozen=True)
class SubmissionLimits:
    """The settings for submissions: how many may wait for their result, of all students and of one, and how often a job
    is tried."""

    max_waiting: int
    owner_max_waiting: int
    job_max_attempts: int

    @property
    def capacity(self) -> CapacityLimits:
        """What a submission is refused for."""
        return CapacityLimits(self.max_waiting, self.owner_max_waiting, MAX_KEYS)


@dataclass(frozen=True)
class Origin:
    """The trace context and the id of the request that queued jobs; stored with the jobs."""

    traceparent: str | None
    request_id: str | None


@dataclass(frozen=True)
class SubmitResult:
    """The answer to the request, and the notifications of the jobs that are now due."""

    answer: StoredReply
    notifications: tuple[JobNotification, ...] = ()


class Submitter:
    """Submits assessments; links in answers begin with `public_url`."""

    def __init__(self, pool: Pool, limits: SubmissionLimits, public_url: str = "") -> None:
        self._pool = pool
        self._limits = limits
        self._capacity = limits.capacity
        self._waiting = WaitingCount(limits.max_waiting)
        self._public_url = public_url

    async def read_draft(self, assessment_id: UUID, access: Access, request: IdempotentRequest) -> SubmissionDraft:
        """The assessment that the caller is about to submit, and an answer stored for the request's key.

        Raises:
            NotFound, Forbidden.
        """
        is_due, most = self._waiting.is_due(), self._capacity
        draft = await assessments.read_for_submission(
            self._pool, assessment_id, request.key, most if is_due else replace(most, waiting=0)
        )
        if draft and is_due:
            self._waiting.keep(draft.waiting)
        return permitted(draft, access)

    async def submit(
        self,
        draft: SubmissionDraft,
        access: Access,
        request: IdempotentRequest,
        answers: Sequence[tuple[UUID, Any]],
        origin: Origin,
    ) -> SubmitResult:
        """Locks and scores the saved answers and those sent along. For a key that was used before, the stored answer.

        Raises:
            InvalidFields: an answer does not fit its question; nothing is saved.
            KeyReused, KeyInFlight, AlreadySubmitted, AssessmentExpired, OwnerSubmissionLimit, OwnerKeyLimit, QueueFull.
        """
        responses = validate_responses(answers, draft.assessment.questions_by_id) if answers else ()
        for _ in range(_MAX_READS):
            if draft.stored:
                return SubmitResult(replay(draft.stored, request))
            check_open(draft.assessment.status)
            await self._check_capacity(draft, request)
            submitted = await self._write(draft.assessment, responses, request, origin)
            if submitted:
                return submitted
            draft = await self.read_draft(draft.assessment.id, access, request)
        raise Conflict("answers were saved again and again while submitting; try again")

    async def _check_capacity(self, draft: SubmissionDraft, request: IdempotentRequest) -> None:
        """Raises OwnerSubmissionLimit, OwnerKeyLimit or QueueFull where one more submission is too many. The bounds for
        an owner are exact all the same, because the write counts again."""
        most = self._capacity
        if draft.owner_waiting >= most.owner_waiting:
            waiting = count_of(most.owner_waiting, "submission")
            raise OwnerSubmissionLimit(f"{waiting} of yours may wait for a result; try again when one is there")
        if request.key and draft.owner_keys >= most.owner_keys:
            raise await too_many_keys(self._pool, request.key.owner)
        if draft.waiting >= most.waiting:
            raise QueueFull("too many submissions wait for their result; try again soon")

    async def _write(
        self, assessment: Assessment, responses: tuple[Response, ...], request: IdempotentRequest, origin: Origin
    ) -> SubmitResult | None:
        """The written submission, or None if the assessment or the key has changed since they were read."""
        submission = self._submission(assessment, responses, request, origin)
        try:
            free, locked = await self._write_audited(submission)
        except KeyInFlight:
            return None  # its reply was stored after the read
        if not free:
            raise KeyInFlight
        notifications = tuple(
            JobNotification(job.job_id, job.job_type, 0, assessment.owner)
            for job in submission.jobs
            if job.job_type is not JobType.FUSION
        )
        return SubmitResult(submission.answer, notifications) if locked else None

    async def _write_audited(self, submission: Submission) -> tuple[bool, bool]:
        """The outcome of the write; that of an API key is in the audit log, those of students are not."""
        owner, key = submission.assessment.owner, str(submission.assessment.id)
        if id_in_sub(owner) is None:
            return await assessments.submit(self._pool, submission)
        async with self._pool.acquire() as conn, conn.transaction():
            free, locked = await assessments.submit(conn, submission)
            if free and locked:
                await audit.record(conn, owner, AuditAction.SUBMIT, AuditEntity.ASSESSMENT, key)
            return free, locked

    def _submission(
        self, assessment: Assessment, responses: tuple[Response, ...], request: IdempotentRequest, origin: Origin
    ) -> Submission:
        answers: dict[UUID, Answer] = {saved.question_id: saved.answer for saved in assessment.responses}
        answers |= {sent.question_id: sent.answer for sent in responses}
        # What was saved by a version that took more texts for answers.
        answers = {question_id: answer for question_id, answer in answers.items() if not is_empty(answer)}
        scores = score_by_rule(assessment.questions, answers)
        reasons = missing_reason(sum(score.missing for score in scores), len(assessment.questions))
        essays = [question for question in assessment.questions if question.body.type is QuestionType.ESSAY]
        jobs = _jobs(sum(question.question_id in answers for question in essays))
        addresses = links(assessment.id, self._public_url)
        body = render_submission(
            assessment.id,
            assessment.now,
            reasons,
            {kind: [score for score in scores if score.score_type is kind] for kind in ScoreType},
            len(essays),
            [(job.job_id, job.job_type) for job in jobs],
            addresses,
            shows_answers=assessment.disclosure.answers,
        )
        answer = StoredReply(202, body, addresses.status, request.fingerprint if request.key else b"")
        return Submission(
            assessment=assessment,
            responses=responses,
            scores=scores,
            reasons=reasons,
            jobs=jobs,
            max_attempts=self._limits.job_max_attempts,
            limits=self._capacity,
            key=request.key,
            key_seconds=KEEP_SECONDS,
            answer=answer,
            traceparent=origin.traceparent or _new_traceparent(),
            request_id=origin.request_id,
        )


def _jobs(answered_essays: int) -> tuple[NewJob, ...]:
    units = {JobType.GPT: max(1, answered_essays)}
    return tuple(NewJob(uuid4(), job_type, units.get(job_type, 1)) for job_type in JobType)


def _new_traceparent() -> str:
    """A new W3C trace context, for callers that sent none."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
