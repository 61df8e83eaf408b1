"""Submitting: answers are locked and scored by rule, the jobs are queued, and the request's answer is kept, all in
one statement that names the answers which were read."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from app.domain.assessment.answers import Answer, Response, validate_responses
from app.domain.assessment.rule_scoring import QuestionScore, RuleScore, score_by_rule, summarize
from app.domain.errors import Conflict, NotFound, QueueFull
from app.domain.job.notification import JobNotification
from app.domain.records.assessments import Assessment, StoredAnswer
from app.domain.states import AssessmentStatus, JobStatus, JobType, QuestionType, ScoreType
from app.repositories import assessments
from app.repositories.assessments import NewJob, Submission, SubmissionDraft
from app.repositories.sql import Pool
from app.schemas import QueuedEssays, QueuedJob, SubmissionView, SubmittedScores, links, missing_reason
from app.services.assessments.responses import check_open
from app.services.caller import Access
from app.services.idempotency import KEEP_SECONDS, IdempotentRequest, key_in_flight, replay

# A submission that finds an answer saved since its read reads again; nobody types faster than this.
_READS = 5


@dataclass(frozen=True)
class SubmissionLimits:
    """What the settings say about submissions."""

    most_waiting: int
    job_max_attempts: int


@dataclass(frozen=True)
class Origin:
    """Where a submission came from; travels with its jobs."""

    traceparent: str | None
    request_id: str | None


@dataclass(frozen=True)
class SubmitResult:
    """The answer to the request, and notifications of its jobs that are due."""

    answer: StoredAnswer
    notifications: tuple[JobNotification, ...] = ()


class Submitter:
    """Takes submissions."""

    def __init__(self, pool: Pool, limits: SubmissionLimits) -> None:
        self._pool = pool
        self._limits = limits

    async def open(self, assessment_id: UUID, access: Access, attempt: IdempotentRequest) -> SubmissionDraft:
        """What the caller is about to submit.

        Raises:
            NotFound, Forbidden.
        """
        draft = await assessments.read_for_submission(self._pool, assessment_id, attempt.key, self._limits.most_waiting)
        if draft is None:
            raise NotFound("there is no such assessment")
        access.check_owner(draft.assessment.owner)
        return draft

    async def submit(
        self,
        draft: SubmissionDraft,
        access: Access,
        attempt: IdempotentRequest,
        given: Sequence[tuple[UUID, Any]],
        origin: Origin,
    ) -> SubmitResult:
        """Locks and scores; again with the same key, the stored answer.

        Raises:
            InvalidFields: an answer does not fit its question; nothing is saved.
            KeyReused, KeyInFlight, AlreadySubmitted, AssessmentExpired, QueueFull.
        """
        responses = validate_responses(given, draft.assessment.questions_by_id)
        for _ in range(_READS):
            if draft.stored:
                return SubmitResult(replay(draft.stored, attempt))
            check_open(draft.assessment.status)
            if draft.waiting >= self._limits.most_waiting:
                raise QueueFull("too many submissions wait for their result; try again soon")
            submitted = await self._write(draft.assessment, responses, attempt, origin)
            if submitted:
                return submitted
            draft = await self.open(draft.assessment.id, access, attempt)
        raise Conflict("answers were saved again and again while submitting; try again")

    async def _write(
        self, assessment: Assessment, responses: tuple[Response, ...], attempt: IdempotentRequest, origin: Origin
    ) -> SubmitResult | None:
        """The submission, or None where the assessment is not what was read."""
        submission = self._submission(assessment, responses, attempt, origin)
        try:
            free, locked = await assessments.submit(self._pool, submission)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "idempotency_keys_once_key":
                raise
            return None
        if not free:
            raise key_in_flight()
        notifications = tuple(
            JobNotification(job.job_id, job.job_type, 0)
            for job in submission.jobs
            if job.job_type is not JobType.FUSION
        )
        return SubmitResult(submission.answer, notifications) if locked else None

    def _submission(
        self, assessment: Assessment, responses: tuple[Response, ...], attempt: IdempotentRequest, origin: Origin
    ) -> Submission:
        answers = assessment.answers | {response.question_id: response.answer for response in responses}
        scores = score_by_rule(assessment.questions, answers)
        reasons = missing_reason(sum(score.missing for score in scores), len(assessment.questions))
        jobs = _jobs(assessment, answers)
        view = SubmissionView(
            assessment_id=assessment.id,
            status=AssessmentStatus.SUBMITTED,
            submitted_at=assessment.now,
            degraded=bool(reasons),
            degraded_reasons=reasons,
            scores=_scores(assessment, scores),
            jobs=tuple(QueuedJob(job_id=j.job_id, job_type=j.job_type, status=JobStatus.QUEUED) for j in jobs),
            links=links(assessment.id),
        )
        answer = StoredAnswer(202, view.model_dump_json().encode(), view.links.status, attempt.fingerprint)
        return Submission(
            assessment=assessment,
            responses=responses,
            scores=scores,
            reasons=reasons,
            jobs=jobs,
            max_attempts=self._limits.job_max_attempts,
            key=attempt.key,
            key_seconds=KEEP_SECONDS,
            answer=answer,
            traceparent=origin.traceparent or _new_traceparent(),
            request_id=origin.request_id,
        )


def _jobs(assessment: Assessment, answers: dict[UUID, Answer]) -> tuple[NewJob, ...]:
    essays = sum(
        question.body.type is QuestionType.ESSAY and answers.get(question.question_id) is not None
        for question in assessment.questions
    )
    units = {JobType.GPT: max(1, essays)}
    return tuple(NewJob(uuid4(), job_type, units.get(job_type, 1)) for job_type in JobType)


def _scores(assessment: Assessment, scores: Sequence[RuleScore]) -> SubmittedScores:
    essays = sum(question.body.type is QuestionType.ESSAY for question in assessment.questions)
    missing = sum(score.score_type is ScoreType.ESSAY_GPT for score in scores)
    return SubmittedScores(
        theoretical=summarize(_lines(scores, ScoreType.THEORETICAL)),
        profile=summarize(_lines(scores, ScoreType.PROFILE)),
        essay=QueuedEssays(status=JobStatus.QUEUED, count=essays, missing=missing),
    )


def _lines(scores: Sequence[RuleScore], score_type: ScoreType) -> list[QuestionScore]:
    shown = ("question_id", "score", "max_score", "correct", "missing")
    return [
        QuestionScore(**{name: getattr(score, name) for name in shown})
        for score in scores
        if score.score_type is score_type
    ]


def _new_traceparent() -> str:
    """A W3C trace context of our own, where the caller brought none."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
