"""What a person reads to judge a question's score: the question with its key, the answer, and all points there are."""

from dataclasses import dataclass
from uuid import UUID

from app.domain.assessment.answers import Answer, is_empty
from app.domain.assessment.questions import EssayQuestion, Question
from app.domain.errors import NotFound
from app.domain.essay.prompt import EssayPrompt, build_prompt
from app.domain.essay.visible_text import visible_text
from app.domain.records.appeals import QuestionAppeal
from app.domain.result.model import EssayLine, QuestionLine
from app.domain.result.readiness import check_result
from app.repositories import assessments
from app.repositories.sql import Pool
from app.services.assessments import lookup
from app.services.caller import Access


@dataclass(frozen=True)
class ReviewedQuestion:
    """A question of an assessment with its answer, its line of the newest result, and its appeal if there is one."""

    assessment_id: UUID
    track: str
    question: Question
    answer: Answer
    line: EssayLine | QuestionLine
    appeal: QuestionAppeal | None


async def read(pool: Pool, assessment_id: UUID, question_id: UUID, access: Access) -> ReviewedQuestion:
    """The question, if the caller may change its score.

    Raises:
        NotFound: there is no such assessment, or it has no such question.
        Forbidden: the caller may not change scores of this assessment.
        NotSubmitted, NoResultYet, AssessmentFailed: there is no result.
    """
    assessment = await lookup.find_assessment(pool, assessment_id)
    question = assessment.questions_by_id.get(question_id)
    if question is None:
        raise NotFound("this assessment has no such question")
    access.check_owner(assessment.owner)
    check_result(assessment.status)
    # None if it was erased since its status was read.
    stored = lookup.existing(await assessments.read_result(pool, assessment_id))
    breakdown = stored.result.breakdown
    lines: tuple[EssayLine | QuestionLine, ...] = (
        *breakdown.essay.questions, *breakdown.theoretical.questions, *breakdown.profile.questions,
    )  # fmt: skip
    line = next(line for line in lines if line.question_id == question_id)
    appealed = stored.appeals.get(question_id)
    answer = assessment.answers.get(question_id)
    return ReviewedQuestion(assessment_id, assessment.track_name, question, answer, line, appealed)


def prompt_of(question: Question, answer: Answer) -> EssayPrompt | None:
    """What a model is sent about the essay, but for the random word that each call adds; None for other questions and
    where there is no answer."""
    if not isinstance(question.body, EssayQuestion) or is_empty(answer):
        return None
    return build_prompt(question.body, visible_text(str(answer)))
