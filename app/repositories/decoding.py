"""JSON columns that several statements return, as models of the domain."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import asyncpg
from pydantic import TypeAdapter

from app.domain.assessment.disclosure import Disclosure, disclosure_to_owner
from app.domain.assessment.questions import Question
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.records.assessments import SavedResponse
from app.domain.result.model import Result
from app.domain.states import ScoreType, ShowCorrect

responses: TypeAdapter[tuple[SavedResponse, ...]] = TypeAdapter(tuple[SavedResponse, ...])

# Some 4 KB each. They come with each assessment of a track, and to validate one takes longer than to score it.
_KEPT_QUESTIONS = 2_000
_SCORE_COLUMNS = ("question_id", "score", "max_score", "correct", "missing")


def questions(rows: Iterable[str]) -> tuple[Question, ...]:
    """Questions from their JSON. One that was read before is the same object."""
    return tuple(_question(row) for row in rows)


@lru_cache(maxsize=_KEPT_QUESTIONS)
def _question(row: str) -> Question:
    return Question.model_validate_json(row)


def result(body: str) -> Result:
    """A stored result, also one of a later version, whose additional fields are left out."""
    return Result.model_validate_json(body, extra="ignore")


def disclosure(row: asyncpg.Record) -> Disclosure:
    """What the owner reads, by the track's settings in the row."""
    return disclosure_to_owner(ShowCorrect(row["show_correct"]), row["show_explanations"], row["is_last_attempt"])


def rule_scores(rows: Iterable[dict[str, Any]]) -> dict[ScoreType, tuple[QuestionScore, ...]]:
    """Scores by their type, in the order of the rows."""
    scores: dict[ScoreType, tuple[QuestionScore, ...]] = {}
    for row in rows:
        score_type = ScoreType(row["score_type"])
        score = QuestionScore(**{name: row[name] for name in _SCORE_COLUMNS})
        scores[score_type] = (*scores.get(score_type, ()), score)
    return scores
