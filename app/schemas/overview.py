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
    """The median and 95th percentile of the milliseconds from submission to result."""

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


class OverviewAnalytics(Frozen):
    """An overview of a period: `assessments` to `appeals` are of the assessments that were started in it, feedback and
    model calls are those of the period itself. `mean_percentage` is of results; `score_means` are of answered
    questions, without people's overrides, in percent."""

    period: PeriodView
    assessments: AssessmentsView
    degraded: DegradedView
    mean_percentage: float | None
    score_means: dict[ScoreType, float | None]
    latency: LatencyView
    jobs: tuple[EndedJobs, ...]
    appeals: dict[AppealStatus, int]
    feedback: FeedbackMeansView
    model_calls: CallTotalsView


def overview_view(
    period: Period,
    overview: Overview,
    jobs: Iterable[EndedJobs],
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
        degraded=_degraded_view(overview),
        mean_percentage=_rounded(overview.mean_percentage),
        score_means={kind: _score_mean(kind, scores) for kind in ScoreType},
        latency=LatencyView(p50_ms=_milliseconds(overview.latency_p50), p95_ms=_milliseconds(overview.latency_p95)),
        jobs=tuple(jobs),
        appeals={status: overview.appeals.get(status, 0) for status in AppealStatus},
        feedback=FeedbackMeansView(
            results=_mean_ratings([group for group in feedback if group.of_whole]),
            recommendations=_mean_ratings([group for group in feedback if _all_recommendations(group)]),
        ),
        model_calls=_call_totals(models),
    )


def _degraded_view(overview: Overview) -> DegradedView:
    completed = overview.statuses.get(AssessmentStatus.COMPLETED, 0)
    return DegradedView(
        count=overview.degraded,
        share=round(overview.degraded / completed, 4) if completed else None,
        reasons=overview.reasons,
        reason_shares={code: round(count / completed, 4) for code, count in overview.reasons.items()},
    )


def _score_mean(kind: ScoreType, groups: Iterable[ScoreGroup]) -> float | None:
    return _mean([(group.count, group.mean or 0.0) for group in groups if group.whole and group.score_type is kind])


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
