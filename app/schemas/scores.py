"""Scores by rule in the API. Points and correctness of single questions are null where they are withheld."""

from typing import Any
from uuid import UUID

from app.domain.assessment.rule_scoring import QuestionScore, ScoreSummary
from app.domain.values import Frozen


class QuestionScoreView(Frozen):
    """One question that was scored by rule. `score` and `correct` are null where the track withholds them from the
    student, and `correct` also for questions without an answer key."""

    question_id: UUID
    score: float | None
    max_score: float
    correct: bool | None
    missing: bool


class ScoreSummaryView(Frozen):
    """The totals of one type of question, with a line for each question. The totals are never withheld."""

    score: float
    max_score: float
    percentage: float
    count: int
    missing: int
    questions: tuple[QuestionScoreView, ...]


# Constants, because pydantic builds this mapping at each access.
_LINE_FIELDS = tuple(QuestionScoreView.model_fields)
_SUMMARY_FIELDS = tuple(name for name in ScoreSummaryView.model_fields if name != "questions")


def score_summary_view(summary: ScoreSummary, *, shows_answers: bool) -> ScoreSummaryView:
    """The totals, with single questions' points and correctness only if `shows_answers`."""
    lines = tuple(
        QuestionScoreView(**question_score_fields(line, shows_answers=shows_answers)) for line in summary.questions
    )
    return ScoreSummaryView(**summary_fields(summary), questions=lines)


def summary_fields(summary: ScoreSummary) -> dict[str, Any]:
    """The totals without the lines."""
    return {name: getattr(summary, name) for name in _SUMMARY_FIELDS}


def question_score_fields(line: QuestionScore, *, shows_answers: bool) -> dict[str, Any]:
    """The fields of a line."""
    fields = {name: getattr(line, name) for name in _LINE_FIELDS}
    return fields if shows_answers else fields | {"score": None, "correct": None}
