"""Scoring by rule: theoretical questions by their answer key, profile questions for being answered."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.domain.assessment.answers import Answer, is_empty
from app.domain.assessment.questions import Question, QuestionBody, TheoreticalQuestion
from app.domain.states import QuestionType, ScoreType
from app.domain.values import Frozen, percentage, points, sum_of_points

_SCORE_TYPES = {
    QuestionType.THEORETICAL: ScoreType.THEORETICAL,
    QuestionType.PROFILE: ScoreType.PROFILE,
    QuestionType.ESSAY: ScoreType.ESSAY_GPT,
}


@dataclass(frozen=True, slots=True)
class RuleScore:
    """The score of one question, 0 to `max_score`; `correct` is None for questions without an answer key."""

    question_id: UUID
    question_version: int
    score_type: ScoreType
    score: float
    max_score: float
    missing: bool
    correct: bool | None = None

    @property
    def points(self) -> float:
        """The points that count."""
        return self.score


class QuestionScore(Frozen):
    """One question's line in a breakdown; `correct` is null for questions without an answer key."""

    question_id: UUID
    score: float
    max_score: float
    correct: bool | None = None
    missing: bool = False

    @property
    def points(self) -> float:
        """The points that count."""
        return self.score

    @property
    def share(self) -> float:
        """The share of the points that was earned, 0–1; of a question without points, whether the answer is right."""
        return self.points / self.max_score if self.max_score else float(self.correct or False)


class ScoredLine(Protocol):
    """What counts of a question's score."""

    @property
    def points(self) -> float:
        """The points that count."""

    @property
    def max_score(self) -> float:
        """The points that can be earned."""

    @property
    def missing(self) -> bool:
        """Whether there is no answer."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals of one type of question."""

    score: float
    max_score: float
    percentage: float
    count: int
    missing: int


class ScoreSummary(Frozen):
    """The totals of one type of question, with a line for each question."""

    score: float
    max_score: float
    percentage: float
    count: int
    missing: int
    questions: tuple[QuestionScore, ...]


def score_by_rule(questions: Iterable[Question], answers: Mapping[UUID, Answer]) -> tuple[RuleScore, ...]:
    """The scores that need no model: of all questions except answered essays."""
    scored = ((question, answers.get(question.question_id)) for question in questions)
    return tuple(
        score_question(question, answer)
        for question, answer in scored
        if question.body.type is not QuestionType.ESSAY or is_empty(answer)
    )


def score_question(question: Question, answer: Answer) -> RuleScore:
    """The score of a theoretical or profile question, or of an unanswered essay."""
    missing = is_empty(answer)
    body = question.body
    share = 0.0 if missing else _earned_share(body, answer)
    return RuleScore(
        question_id=question.question_id,
        question_version=question.version,
        score_type=_SCORE_TYPES[body.type],
        score=points(body.weight, share),
        max_score=body.weight,
        missing=missing,
        correct=share == 1.0 if body.type is QuestionType.THEORETICAL else None,
    )


def summarize(scores: Iterable[QuestionScore]) -> ScoreSummary:
    """The totals of `scores`, with the lines in the given order."""
    lines = tuple(scores)
    totals = add_up(lines)
    return ScoreSummary(
        score=totals.score,
        max_score=totals.max_score,
        percentage=totals.percentage,
        count=totals.count,
        missing=totals.missing,
        questions=lines,
    )


def add_up(lines: Collection[ScoredLine]) -> Totals:
    """The totals of these lines."""
    score = sum_of_points(line.points for line in lines)
    maximum = sum_of_points(line.max_score for line in lines)
    return Totals(score, maximum, percentage(score, maximum), len(lines), sum(line.missing for line in lines))


def _earned_share(body: QuestionBody, answer: Answer) -> float:
    """The share of the weight that an answer earns, 0–1."""
    if not isinstance(body, TheoreticalQuestion):
        return 1.0
    chosen = set(answer) if isinstance(answer, tuple) else {answer}
    correct = set(body.correct_options)
    if chosen == correct:
        return 1.0
    if not body.partial_credit:
        return 0.0
    return max(0.0, (len(chosen & correct) - len(chosen - correct)) / len(correct))
