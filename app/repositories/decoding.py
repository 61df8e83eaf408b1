"""JSON columns that several statements return, as models of the domain."""

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from app.domain.assessment.questions import Question
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.records.assessments import SavedResponse
from app.domain.states import ScoreType

questions: TypeAdapter[tuple[Question, ...]] = TypeAdapter(tuple[Question, ...])
responses: TypeAdapter[tuple[SavedResponse, ...]] = TypeAdapter(tuple[SavedResponse, ...])

_SCORE_COLUMNS = ("question_id", "score", "max_score", "correct", "missing")


def rule_scores(rows: Iterable[dict[str, Any]]) -> dict[ScoreType, tuple[QuestionScore, ...]]:
    """Scores by their type, in the order of the rows."""
    scores: dict[ScoreType, tuple[QuestionScore, ...]] = {}
    for row in rows:
        score_type = ScoreType(row["score_type"])
        score = QuestionScore(**{name: row[name] for name in _SCORE_COLUMNS})
        scores[score_type] = (*scores.get(score_type, ()), score)
    return scores
