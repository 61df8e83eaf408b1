"""Computing the result of a run from the rule scores, the essay scores and the recommendations."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.assessment.questions import ProfileQuestion, Question
from app.domain.assessment.rule_scoring import QuestionScore, summarize
from app.domain.errors import PermanentError
from app.domain.result.model import (
    Breakdown,
    EssayLine,
    EssaySummary,
    Overall,
    Override,
    Processing,
    QuestionLine,
    Reason,
    Recommendation,
    Result,
    RulePart,
)
from app.domain.result.skills import SkillEvidence, estimate_skills
from app.domain.result.summary import summarize_in_words
from app.domain.states import AssessmentStatus, ReasonCode, ReviewReason, ScoreType
from app.domain.values import percentage, sum_of_points

# The default of the setting.
REVIEW_BELOW_CONFIDENCE = 0.3


@dataclass(frozen=True, slots=True)
class FusionInput:
    """Everything that goes into a run's result; `reasons` are those of its jobs, `overrides` people's scores by
    question. The score of an essay with less confidence than `review_below` is provisional."""

    assessment_id: UUID
    track: str
    completed_at: datetime
    questions: tuple[Question, ...]
    rule_scores: dict[ScoreType, tuple[QuestionScore, ...]]
    essays: tuple[EssayLine, ...]
    recommendations: tuple[Recommendation, ...]
    reasons: tuple[Reason, ...]
    processing: Processing
    overrides: Mapping[UUID, Override]
    review_below: float = REVIEW_BELOW_CONFIDENCE


def fuse(facts: FusionInput) -> Result:
    """The result of a run. An override counts in place of the machine's score, and also if there is no such score.

    Raises:
        PermanentError: a question has no score row at all, so there is no correct total.
    """
    breakdown = _breakdown(facts)
    overall = _overall(breakdown)
    _check_complete(facts, breakdown)
    reasons = tuple(_remaining_reasons(facts.reasons, breakdown))
    skills = estimate_skills(skill_evidence(facts.questions, _lines(breakdown)))
    return Result(
        assessment_id=facts.assessment_id,
        track=facts.track,
        status=AssessmentStatus.COMPLETED,
        completed_at=facts.completed_at,
        degraded=bool(reasons),
        degraded_reasons=reasons,
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
    """What the scored questions say about skills. Profile questions say nothing: any answer earns their points."""
    shares = {line.question_id: share for line in lines if (share := line.share) is not None}
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


def _breakdown(facts: FusionInput) -> Breakdown:
    return Breakdown(
        theoretical=_rule_part(facts, ScoreType.THEORETICAL),
        profile=_rule_part(facts, ScoreType.PROFILE),
        essay=_summarize_essays([_reviewed(line, facts) for line in facts.essays]),
    )


def _rule_part(facts: FusionInput, score_type: ScoreType) -> RulePart:
    lines = (
        QuestionLine(**dict(line), override=facts.overrides.get(line.question_id))
        for line in facts.rule_scores.get(score_type, ())
    )
    return RulePart(**dict(summarize(lines)))


def _reviewed(line: EssayLine, facts: FusionInput) -> EssayLine:
    """The line with what a person gave it, and with the flag of a confidence that is too low."""
    doubtful = line.confidence is not None and line.confidence < facts.review_below
    flags = {*line.flags, ReviewReason.LOW_CONFIDENCE.value} if doubtful else line.flags
    return line.model_copy(update={"override": facts.overrides.get(line.question_id), "flags": tuple(sorted(flags))})


def _summarize_essays(lines: Sequence[EssayLine]) -> EssaySummary:
    scored = [(line.points, line.max_score) for line in lines if line.points is not None]
    score = sum_of_points(earned for earned, _ in scored)
    maximum = sum_of_points(possible for _, possible in scored)
    return EssaySummary(
        score=score if scored else None,
        max_score=maximum,
        percentage=percentage(score, maximum) if maximum else None,
        count=len(lines),
        missing=sum(line.missing for line in lines),
        unscored=len(lines) - len(scored),
        questions=tuple(lines),
    )


def _overall(breakdown: Breakdown) -> Overall:
    parts: tuple[RulePart | EssaySummary, ...] = (breakdown.theoretical, breakdown.profile, breakdown.essay)
    maximum = sum_of_points(part.max_score for part in parts)
    if not maximum:
        return Overall(score=None, max_score=0.0, percentage=None)
    score = sum_of_points(part.score or 0.0 for part in parts)
    return Overall(score=score, max_score=maximum, percentage=percentage(score, maximum))


def _lines(breakdown: Breakdown) -> tuple[QuestionLine | EssayLine, ...]:
    return (*breakdown.theoretical.questions, *breakdown.profile.questions, *breakdown.essay.questions)


def _remaining_reasons(reasons: Iterable[Reason], breakdown: Breakdown) -> Iterator[Reason]:
    """The reasons without those that no longer hold because a person scored each question that they are about, or
    confirmed its score. If that is so for some of these questions, the reason says how many."""
    for reason in reasons:
        lines = [line for line in _lines(breakdown) if _is_about(reason.code, line)]
        overrides = [line.override for line in lines if line.override]
        if not overrides:
            yield reason
        elif len(overrides) < len(lines):
            done = "scored or confirmed" if any(override.confirmed for override in overrides) else "scored"
            note = (
                f"{len(overrides)} of these {len(lines)} {'was' if len(overrides) == 1 else 'were'} {done} by a person"
            )
            yield reason.model_copy(update={"detail": f"{reason.detail}; {note}"})


def _is_about(code: ReasonCode, line: QuestionLine | EssayLine) -> bool:
    if code is ReasonCode.MISSING_RESPONSES:
        return line.missing
    if not isinstance(line, EssayLine) or line.missing:
        return False
    local, unscored = line.scorer == "local", line.score is None
    return {
        ReasonCode.ESSAY_SCORED_LOCALLY: local,
        ReasonCode.ESSAY_UNSCORED: unscored and line.reason != ReasonCode.LANGUAGE_NOT_SUPPORTED,
        ReasonCode.LANGUAGE_NOT_SUPPORTED: unscored and line.reason == ReasonCode.LANGUAGE_NOT_SUPPORTED,
        ReasonCode.MODEL_BUDGET_SPENT: local or unscored,
    }.get(code, False)


def _check_complete(facts: FusionInput, breakdown: Breakdown) -> None:
    questions = {question.question_id for question in facts.questions}
    if questions != {line.question_id for line in _lines(breakdown)}:
        raise PermanentError("scores_incomplete", "some questions have neither a score nor a reason for its absence")
