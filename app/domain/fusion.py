"""Putting a result together out of what the rules, the essay scorer and the retrieval found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.errors import LastingTrouble
from app.domain.questions import ProfileQuestion, Question
from app.domain.result import (
    Breakdown,
    EssayLine,
    EssaySummary,
    Overall,
    Processing,
    Reason,
    Recommendation,
    Result,
)
from app.domain.rule_scoring import QuestionScore, ScoreSummary, summarize
from app.domain.skills import SkillEvidence, estimate_skills
from app.domain.states import AssessmentStatus, ScoreType
from app.domain.summary import summarize_in_words
from app.domain.values import percentage, sum_of_points


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Everything that a run's result is made of."""

    assessment_id: UUID
    track: str
    completed_at: datetime
    questions: tuple[Question, ...]
    rule_scores: dict[ScoreType, tuple[QuestionScore, ...]]
    essays: tuple[EssayLine, ...]
    recommendations: tuple[Recommendation, ...]
    reasons: tuple[Reason, ...]
    processing: Processing


def fuse(facts: RunFacts) -> Result:
    """The result of a run.

    Raises:
        LastingTrouble: a question has no score row at all, so that no honest total can be given.
    """
    breakdown = _breakdown(facts)
    overall = _overall(breakdown)
    _check_complete(facts, breakdown)
    skills = estimate_skills(skill_evidence(facts.questions, _lines(breakdown)))
    return Result(
        assessment_id=facts.assessment_id,
        track=facts.track,
        status=AssessmentStatus.COMPLETED,
        completed_at=facts.completed_at,
        degraded=bool(facts.reasons),
        degraded_reasons=facts.reasons,
        overall=overall,
        breakdown=breakdown,
        skills=skills,
        summary=summarize_in_words(overall, breakdown, skills, facts.recommendations),
        recommendations=facts.recommendations,
        processing=facts.processing,
    )


def skill_evidence(
    questions: Iterable[Question], lines: Iterable[QuestionScore | EssayLine]
) -> tuple[SkillEvidence, ...]:
    """What the scored questions say of skills. Profile questions say nothing: they earn points for any answer."""
    shares = {line.question_id: line.score / line.max_score for line in lines if line.score is not None}
    return tuple(
        SkillEvidence(
            question_id=question.question_id,
            skills=question.body.skills,
            share=shares[question.question_id],
            weight=question.body.weight,
        )
        for question in questions
        if question.question_id in shares and not isinstance(question.body, ProfileQuestion)
    )


def _breakdown(facts: RunFacts) -> Breakdown:
    return Breakdown(
        theoretical=summarize(facts.rule_scores.get(ScoreType.THEORETICAL, ())),
        profile=summarize(facts.rule_scores.get(ScoreType.PROFILE, ())),
        essay=_summarize_essays(facts.essays),
    )


def _summarize_essays(lines: Sequence[EssayLine]) -> EssaySummary:
    scored = [(line.score, line.max_score) for line in lines if line.score is not None]
    score = sum_of_points(earned for earned, _ in scored)
    maximum = sum_of_points(possible for _, possible in scored)
    return EssaySummary(
        score=score if scored else None,
        max_score=maximum,
        percentage=percentage(score, maximum) if scored else None,
        count=len(lines),
        missing=sum(line.missing for line in lines),
        unscored=len(lines) - len(scored),
        questions=tuple(lines),
    )


def _overall(breakdown: Breakdown) -> Overall:
    parts: tuple[ScoreSummary | EssaySummary, ...] = (breakdown.theoretical, breakdown.profile, breakdown.essay)
    maximum = sum_of_points(part.max_score for part in parts)
    if not maximum:
        return Overall(score=None, max_score=0.0, percentage=None)
    score = sum_of_points(part.score or 0.0 for part in parts)
    return Overall(score=score, max_score=maximum, percentage=percentage(score, maximum))


def _lines(breakdown: Breakdown) -> tuple[QuestionScore | EssayLine, ...]:
    return (*breakdown.theoretical.questions, *breakdown.profile.questions, *breakdown.essay.questions)


def _check_complete(facts: RunFacts, breakdown: Breakdown) -> None:
    asked = {question.question_id for question in facts.questions}
    if asked != {line.question_id for line in _lines(breakdown)}:
        raise LastingTrouble("scores_incomplete", "some questions have neither a score nor a reason for its absence")
