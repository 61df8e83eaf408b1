"""The result in the API, as its reader may see it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.assessment.disclosure import Disclosure
from app.domain.records.appeals import QuestionAppeal
from app.domain.result.model import (
    Breakdown,
    EssayLine,
    EssaySummary,
    Overall,
    Override,
    Processing,
    Reason,
    Recommendation,
    Result,
    RulePart,
    SkillEstimate,
    SummarySentence,
)
from app.domain.result.score_range import ScoreRange, score_range, unscored_points
from app.domain.result.withheld_answers import without_single_answers
from app.domain.states import AssessmentStatus
from app.domain.values import Frozen
from app.schemas.scores import QuestionScoreView, ScoreSummaryView, question_score_fields, summary_fields


class OverallView(Overall):
    """The total. While an essay has no score, it is `provisional`: score, maximum and percentage leave the essay out,
    and `range` says what the percentage would be with it. `range` is null if no question has points."""

    provisional: bool
    range: ScoreRange | None


class QuestionLineView(QuestionScoreView):
    """One question that was scored by rule; `score` stays the rule's, even with an override. `explanation` is that of a
    theoretical question, null where it has none or is withheld; so is the `override`. `appeal` is its owner's, null
    without one."""

    override: Override | None
    explanation: str | None
    appeal: QuestionAppeal | None


class RulePartView(ScoreSummaryView):
    """All questions of one type; score and percentage include overrides."""

    questions: tuple[QuestionLineView, ...]


class EssayLineView(EssayLine):
    """One essay; `score` is the machine's, null with a `reason` if no scorer could score it. The line is `provisional`
    without a score, and with one of low confidence (flag `low_confidence`), until a person scores or confirms it or a
    later run scores it better. `repairs` says what was repaired in the model's answer; `suspicion` quotes the passage
    for which the essay is flagged `suspected_injection`. `appeal` is its owner's, null without one."""

    provisional: bool
    appeal: QuestionAppeal | None


class EssaySummaryView(EssaySummary):
    """All essays. Score, maximum and percentage are those of the scored ones; score and percentage are null without
    scored ones, and the percentage also if they have no points. `unscored` counts the others."""

    questions: tuple[EssayLineView, ...]


class BreakdownView(Frozen):
    """The points by type of question."""

    theoretical: RulePartView
    profile: RulePartView
    essay: EssaySummaryView


class ResultView(Frozen):
    """The final result of a run. Where the track withholds single theoretical questions from students, `skills` and
    `summary` count each of them with the share of points that all earned together."""

    assessment_id: UUID
    track: str
    status: AssessmentStatus
    completed_at: datetime
    degraded: bool
    degraded_reasons: tuple[Reason, ...]
    overall: OverallView
    breakdown: BreakdownView
    skills: tuple[SkillEstimate, ...]
    summary: tuple[SummarySentence, ...]
    recommendations: tuple[Recommendation, ...]
    processing: Processing


def result_view(
    result: Result,
    explanations: Mapping[UUID, str],
    appeals: Mapping[UUID, QuestionAppeal],
    disclosure: Disclosure,
) -> ResultView:
    """The result as a reader of this `disclosure` sees it; `explanations` by the ids of theoretical questions,
    `appeals` by those of all questions."""
    shown = result if disclosure.answers else without_single_answers(result)
    breakdown = _breakdown_view(result.breakdown, explanations, appeals, disclosure)
    return ResultView(**_fields(shown) | {"overall": overall_view(result), "breakdown": breakdown})


def overall_view(result: Result) -> OverallView:
    """The total, with what the essays without a score may change."""
    breakdown = result.breakdown
    return OverallView(
        **_fields(result.overall), provisional=unscored_points(breakdown) > 0, range=score_range(breakdown)
    )


def _breakdown_view(
    breakdown: Breakdown,
    explanations: Mapping[UUID, str],
    appeals: Mapping[UUID, QuestionAppeal],
    disclosure: Disclosure,
) -> BreakdownView:
    essays = tuple(
        EssayLineView(**_fields(line), provisional=line.is_provisional, appeal=appeals.get(line.question_id))
        for line in breakdown.essay.questions
    )
    shown_explanations = explanations if disclosure.explanations else {}
    return BreakdownView(
        theoretical=_rule_part_view(breakdown.theoretical, shown_explanations, appeals, disclosure.answers),
        profile=_rule_part_view(breakdown.profile, {}, appeals, True),
        essay=EssaySummaryView(**_fields(breakdown.essay) | {"questions": essays}),
    )


def _rule_part_view(
    part: RulePart, explanations: Mapping[UUID, str], appeals: Mapping[UUID, QuestionAppeal], shows_answers: bool
) -> RulePartView:
    lines = tuple(
        QuestionLineView(
            **question_score_fields(line, shows_answers=shows_answers),
            override=line.override if shows_answers else None,
            explanation=explanations.get(line.question_id),
            appeal=appeals.get(line.question_id),
        )
        for line in part.questions
    )
    return RulePartView(**summary_fields(part), questions=lines)


def _fields(model: Frozen) -> dict[str, Any]:
    return {name: getattr(model, name) for name in type(model).model_fields}
