"""An overview of the assessments of a period in the API."""

from collections.abc import Iterable, Sequence

from app.domain.period import Period
from app.domain.records.analytics import EndedJobs, ModelCallTotals, Overview, ScoreGroup
from app.domain.records.feedback import FeedbackGroup
from app.domain.states import AppealStatus, AssessmentStatus, ScoreType
from app.domain.values import Frozen
from app.schemas.analytics import PeriodView, period_view


class AssessmentsView(Frozen):
    """The number of assessments, in all and with each status."""

    count: int
    statuses: dict[AssessmentStatus, int]


class DegradedView(Frozen):
    """The number and share (0–1) of completed assessments that are degraded, in all and by reason; the share is null if
    no assessment is completed."""

    count: int
    share: float | None
    reasons: dict[str, int]
    reason_shares: dict[str, float]


class LatencyView(Frozen):
    """The median and 95th percentile of the milliseconds from submission to result; those of former days count to
    within one percent."""

    p50_ms: float | None
    p95_ms: float | None


class MeanRatingsView(Frozen):
    """The number of ratings (1–5) and their means, null if there are none."""

    count: int
    relevance: float | None
    acceptance: float | None


class FeedbackMeansView(Frozen):
    """The mean ratings of results as a whole, and of recommendations."""

    results: MeanRatingsView
    recommendations: MeanRatingsView


class CallTotalsView(Frozen):
    """All model calls; `cost_usd` is of those whose price is known, null if it is known of none."""

    calls: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    calls_without_cost: int
    by_model: dict[str, int]


class ScorerMeanView(Frozen):
    """The number of scores by one scorer (`gpt`, the estimate `local`, or `person`), and their mean in percent."""

    scorer: str
    count: int
    mean: float | None


class ScoreMeanView(Frozen):
    """The scores of one type, without people's: their number and their mean in percent, null if there are none.
    Questions without an answer (`missing`) and those that could not be scored (`unscored`) are only counted. `scorers`
    keeps apart who scored; scores by rule are not listed there."""

    count: int
    mean: float | None
    missing: int
    unscored: int
    scorers: tuple[ScorerMeanView, ...]


class OverviewAnalytics(Frozen):
    """An overview of a period: `assessments` to `appeals` are of the assessments that were started in it, feedback and
    model calls are those of the period itself. `mean_percentage` is of results, `scores` are of their questions."""

    period: PeriodView
    assessments: AssessmentsView
    degraded: DegradedView
    mean_percentage: float | None
    scores: dict[ScoreType, ScoreMeanView]
    latency: LatencyView
    jobs: tuple[EndedJobs, ...]
    appeals: dict[AppealStatus, int]
    feedback: FeedbackMeansView
    model_calls: CallTotalsView


def overview_view(
    period: Period,
    overview: Overview,
    scores: Sequence[ScoreGroup],
    feedback: Sequence[FeedbackGroup],
    models: Sequence[ModelCallTotals],
) -> OverviewAnalytics:
    """The overview of a period."""
    return OverviewAnalytics(
        period=period_view(period),
        assessments=AssessmentsView(
            count=sum(overview.statuses.values()),
            statuses={status: overview.statuses.get(status, 0) for status in AssessmentStatus},
        ),
        degraded=degraded_view(overview),
        mean_percentage=_rounded(overview.mean_percentage),
        scores={kind: _score_mean([group for group in scores if group.score_type is kind]) for kind in ScoreType},
        latency=LatencyView(p50_ms=_milliseconds(overview.latency_p50), p95_ms=_milliseconds(overview.latency_p95)),
        jobs=overview.jobs,
        appeals={status: overview.appeals.get(status, 0) for status in AppealStatus},
        feedback=FeedbackMeansView(
            results=_mean_ratings([group for group in feedback if group.of_whole]),
            recommendations=_mean_ratings([group for group in feedback if _all_recommendations(group)]),
        ),
        model_calls=_call_totals(models),
    )


def degraded_view(overview: Overview) -> DegradedView:
    """How many of the completed assessments are degraded, and why."""
    completed = overview.statuses.get(AssessmentStatus.COMPLETED, 0)
    return DegradedView(
        count=overview.degraded,
        share=round(overview.degraded / completed, 4) if completed else None,
        reasons=overview.reasons,
        reason_shares={code: round(count / completed, 4) for code, count in overview.reasons.items()},
    )


def _score_mean(groups: Sequence[ScoreGroup]) -> ScoreMeanView:
    """The mean over all tracks of groups of one type."""
    whole = [group for group in groups if group.whole]
    scorers = sorted({group.scorer for group in groups if group.scorer is not None})
    return ScoreMeanView(
        count=_count(whole),
        mean=_mean_score(whole),
        missing=sum(group.missing for group in whole),
        unscored=sum(group.unscored for group in whole),
        scorers=tuple(
            _scorer_mean(scorer, [group for group in groups if group.scorer == scorer]) for scorer in scorers
        ),
    )


def _scorer_mean(scorer: str, groups: Sequence[ScoreGroup]) -> ScorerMeanView:
    return ScorerMeanView(scorer=scorer, count=_count(groups), mean=_mean_score(groups))


def _count(groups: Iterable[ScoreGroup]) -> int:
    return sum(group.count for group in groups)


def _mean_score(groups: Iterable[ScoreGroup]) -> float | None:
    return _mean([(group.count, group.mean or 0.0) for group in groups])


def _all_recommendations(group: FeedbackGroup) -> bool:
    return not group.of_whole and group.rank is None and group.credential_id is None


def _mean_ratings(groups: Sequence[FeedbackGroup]) -> MeanRatingsView:
    return MeanRatingsView(
        count=sum(group.count for group in groups),
        relevance=_mean([(group.count, group.relevance) for group in groups]),
        acceptance=_mean([(group.count, group.acceptance) for group in groups]),
    )


def _call_totals(models: Sequence[ModelCallTotals]) -> CallTotalsView:
    costs = [use.cost_usd for use in models if use.cost_usd is not None]
    by_model: dict[str, int] = {}
    for use in models:
        by_model[use.model] = by_model.get(use.model, 0) + use.calls
    return CallTotalsView(
        calls=sum(use.calls for use in models),
        tokens_in=sum(use.tokens_in for use in models),
        tokens_out=sum(use.tokens_out for use in models),
        cost_usd=round(sum(costs), 6) if costs else None,
        calls_without_cost=sum(use.calls_without_cost for use in models),
        by_model=by_model,
    )


def _mean(groups: Sequence[tuple[int, float]]) -> float | None:
    """The mean over all groups, of which the counts and means are given; None if the counts are 0."""
    total = sum(count for count, _ in groups)
    return round(sum(count * mean for count, mean in groups) / total, 2) if total else None


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
