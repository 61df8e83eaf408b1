"""A person's score in the place of the machine's: it counts at once, and stays through later runs."""

from dataclasses import dataclass
from uuid import UUID

from app.domain.assessment.questions import Question
from app.domain.errors import AssessmentFailed, FieldError, InvalidFields, NoResultYet, NotFound, NotSubmitted
from app.domain.job.notification import JobNotification
from app.domain.records.assessments import RunInputs
from app.domain.result.fusion import fuse
from app.domain.result.model import Override
from app.domain.states import AssessmentStatus, AuditAction, AuditEntity
from app.repositories import assessments, audit, jobs, overrides
from app.repositories.overrides import NewOverride
from app.repositories.sql import Executor, Pool
from app.services.assessments import responses
from app.services.results.fuse import facts_of


@dataclass(frozen=True)
class Given:
    """What a person says of a question, in points."""

    question: Question
    score: float
    reason: str
    by: str


@dataclass(frozen=True)
class Overridden:
    """The result as JSON text; whether the override `changed` it, and the message to ring for, if somebody listens."""

    body: str
    changed: bool
    notification: JobNotification | None


async def find(db: Executor, assessment_id: UUID, question_id: UUID) -> Question:
    """The question, in the version that the assessment has.

    Raises:
        NotFound: there is no such assessment, or it has no such question.
    """
    question = (await responses.find(db, assessment_id)).questions_by_id.get(question_id)
    if question is None:
        raise NotFound("this assessment has no such question")
    return question


def check_points(question: Question, score: float) -> None:
    """Lets pass what the question can earn.

    Raises:
        InvalidFields: it is more.
    """
    if score > question.body.weight:
        raise InvalidFields([FieldError("/score", f"must be at most the question's {question.body.weight:g} points")])


def check_result(status: AssessmentStatus) -> None:
    """Lets pass an assessment that has a result.

    Raises:
        NotSubmitted, NoResultYet, AssessmentFailed.
    """
    match status:
        case AssessmentStatus.IN_PROGRESS | AssessmentStatus.EXPIRED:
            raise NotSubmitted("this assessment was not submitted, so it has no result")
        case AssessmentStatus.SUBMITTED:
            raise NoResultYet("the result is still being made; ask again once it is there")
        case AssessmentStatus.FAILED:
            raise AssessmentFailed("no result could be put together, so there is none")
        case AssessmentStatus.COMPLETED:
            return


async def override(pool: Pool, assessment_id: UUID, given: Given) -> Overridden:
    """Keeps the score and fuses the newest result again, in one transaction; what that person said already changes
    nothing. New are the points and what follows from them; recommendations, processing and the time of completion
    stay.

    However this meets the fusion of a later run, the score counts in the result: that either finds the override when it
    reads, or is told to read again (`complete_assessment` in jobs.sql), or is over when the assessment is held here.

    Raises:
        NotSubmitted, NoResultYet, AssessmentFailed: there is no result.
    """
    async with pool.acquire() as conn, conn.transaction():
        _, status = await assessments.hold(conn, assessment_id)
        check_result(status)
        present = await overrides.present_result(conn, assessment_id)
        run = await jobs.read_run(conn, present)
        question_id = given.question.question_id
        if _says_the_same(run.overrides.get(question_id), given):
            return Overridden(present.body, changed=False, notification=None)
        made_at = await overrides.add(conn, assessment_id, _beside_machine(run, given))
        new = Override(score=given.score, reason=given.reason, by=given.by, at=made_at)
        facts = facts_of(run, run.overrides | {question_id: new}, present.completed_at, present.processing)
        result = fuse(facts)
        ring = await overrides.replace_result(conn, present.run, result)
        key = f"{assessment_id}/{question_id}"
        await audit.record(conn, given.by, AuditAction.OVERRIDE, AuditEntity.SCORE, key, new)
    return Overridden(result.model_dump_json(), changed=True, notification=ring)


def _says_the_same(present: Override | None, given: Given) -> bool:
    return present is not None and (present.score, present.reason, present.by) == (given.score, given.reason, given.by)


def _beside_machine(run: RunInputs, given: Given) -> NewOverride:
    question_id = given.question.question_id
    rules = {line.question_id: line.score for lines in run.rule_scores.values() for line in lines}
    essay = next((line for line in run.essays if line.question_id == question_id), None)
    return NewOverride(
        question=given.question,
        score=given.score,
        reason=given.reason,
        by=given.by,
        machine_score=essay.score if essay else rules.get(question_id),
        scorer=essay.scorer if essay else None,
    )
