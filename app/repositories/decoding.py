"""From columns to values: what several repositories read in the same shape."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from app.domain.assessment.questions import Question
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.records.assessments import SavedResponse, StatusJob
from app.domain.records.jobs import RunJob
from app.domain.records.webhooks import DeliveryAttempt
from app.domain.result.model import Override, Reason
from app.domain.states import ScoreType

questions: TypeAdapter[tuple[Question, ...]] = TypeAdapter(tuple[Question, ...])
reasons: TypeAdapter[tuple[Reason, ...]] = TypeAdapter(tuple[Reason, ...])
status_jobs: TypeAdapter[tuple[StatusJob, ...]] = TypeAdapter(tuple[StatusJob, ...])
run_jobs: TypeAdapter[tuple[RunJob, ...]] = TypeAdapter(tuple[RunJob, ...])
overrides: TypeAdapter[dict[UUID, Override]] = TypeAdapter(dict[UUID, Override])
attempts: TypeAdapter[tuple[DeliveryAttempt, ...]] = TypeAdapter(tuple[DeliveryAttempt, ...])
responses: TypeAdapter[tuple[SavedResponse, ...]] = TypeAdapter(tuple[SavedResponse, ...])


def rule_scores(rows: Iterable[dict[str, Any]]) -> dict[ScoreType, tuple[QuestionScore, ...]]:
    """Rule scores by type, in the order of the rows."""
    found: dict[ScoreType, tuple[QuestionScore, ...]] = {}
    for row in rows:
        score_type = ScoreType(row["score_type"])
        line = QuestionScore(
            question_id=row["question_id"],
            score=row["score"],
            max_score=row["max_score"],
            correct=row["correct"],
            missing=row["missing"],
        )
        found[score_type] = (*found.get(score_type, ()), line)
    return found
