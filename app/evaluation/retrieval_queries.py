"""The search query that the service would build for a labelled query."""

from collections.abc import Iterable
from uuid import UUID

from app import sample_data
from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import (
    EssayQuestion,
    Option,
    ProfileInput,
    ProfilePurpose,
    ProfileQuestion,
    Question,
    QuestionBody,
)
from app.domain.recommendation.build_query import build_query
from app.domain.recommendation.query import RetrievalQuery
from app.domain.result.model import SkillEstimate
from app.domain.result.skills import GAP_BELOW
from app.domain.states import Level
from app.evaluation.human_scored_answers import STANDARD_RUBRIC
from app.evaluation.labelled_queries import LabelledQuery

_NAMES = {track["slug"]: track["name"] for track in sample_data.tracks()}
# As in the sample questions.
_LEVELS = ProfileQuestion(
    prompt="At which level should a course or certificate start so that it suits you?",
    input=ProfileInput.SINGLE,
    purpose=ProfilePurpose.LEVEL,
    options=tuple(Option(id=level.value, text=f"{level.capitalize()}: this suits me") for level in Level),
)
_PROMPTS = {
    ProfilePurpose.LEVEL: "At which level should a course start?",
    ProfilePurpose.GOAL: "What would you like to be able to do a year from now?",
    ProfilePurpose.INTEREST: "What would you like to learn?",
    ProfilePurpose.EXPERIENCE: "Which courses have you taken so far?",
    ProfilePurpose.FORMAT: "What would you rather have at the end of a course?",
    ProfilePurpose.OTHER: "Is there anything else that you want to tell us?",
}
_TEXT_QUESTIONS = {
    purpose: ProfileQuestion(prompt=prompt, input=ProfileInput.TEXT, purpose=purpose)
    for purpose, prompt in _PROMPTS.items()
}


def to_retrieval_query(labelled: LabelledQuery) -> RetrievalQuery:
    """The query that the service would build from a run with these questions, answers and skill estimates."""
    answered = list(_answered_questions(labelled))
    questions = [
        Question(question_id=UUID(int=number), version=1, body=body) for number, (body, _) in enumerate(answered)
    ]
    answers = {UUID(int=number): answer for number, (_, answer) in enumerate(answered)}
    name = _NAMES.get(labelled.track, labelled.track.replace("-", " ").title())
    return build_query(name, labelled.skills_of_track, _estimates(labelled), questions, answers)


def _answered_questions(labelled: LabelledQuery) -> Iterable[tuple[QuestionBody, Answer]]:
    if labelled.level is not None:
        yield _LEVELS, labelled.level.value
    for interest in labelled.interests:
        yield _TEXT_QUESTIONS[ProfilePurpose.INTEREST], interest
    for answer in labelled.answers:
        yield _TEXT_QUESTIONS[answer.purpose], answer.text
    for subject in labelled.essay_subjects:
        # The essay itself is not part of a query.
        yield EssayQuestion(prompt=subject, model_answer="-", rubric=STANDARD_RUBRIC), ""


def _estimates(labelled: LabelledQuery) -> list[SkillEstimate]:
    return [
        SkillEstimate(
            skill=gap.skill,
            level=gap.level,
            low=gap.level,
            high=gap.level,
            gap=gap.level < GAP_BELOW,
            sources=("score:labelled",),
        )
        for gap in sorted(labelled.gaps, key=lambda gap: (gap.level, gap.skill))
    ]
