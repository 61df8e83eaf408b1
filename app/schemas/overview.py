"""A period at a glance, as advisors and admins see it."""

from collections.abc import Iterable, Sequence

from app.domain.period import Period
from app.domain.records.analytics import EndedJobs, ModelCallTotals, Overview, ScoreGroup
from app.domain.records.feedback import FeedbackGroup
from app.domain.states import AssessmentStatus, ScoreType
from app.domain.values import Frozen
from app.schemas.analytics import PeriodView, period_view


class AssessmentsView(Frozen):
    """How many assessments there are, in all and with each status."""

    count: int
    statuses: dict[AssessmentStatus, int]


class DegradedView(Frozen):
    """Of the completed assessments, the share (0–1) that lacks something, and by reason; null where there are none."""

    count: int
    share: float | None
    reasons: dict[str, int]
    reason_shares: dict[str, float]


class LatencyView(Frozen):
    """Milliseconds from submission to result that half and 95 % of the completed assessments took at most."""

    p50_ms: float | None
    p95_ms: float | None


class MeanRatingsView(Frozen):
    """How many ratings (1–5) there are, and their means, null where there are none."""

    count: int
    relevance: float | None
    acceptance: float | None


class FeedbackMeansView(Frozen):
    """What people think of results as a whole, and of recommendations."""

    results: MeanRatingsView
    recommendations: MeanRatingsView


class CallTotalsView(Frozen):
    """All calls of models; `cost_usd` is of those whose price is known, null where it is of none."""

    calls: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    calls_without_cost: int
    by_model: dict[str, int]


class OverviewAnalytics(Frozen):
    """A period at a glance: `assessments` to `jobs` are of the assessments that were started in it, feedback and calls
    of models are those of that time. Scores are means in percent: of results, and of the machine's by type, which
    are of answered questions alone."""

    period: PeriodView
    assessments: AssessmentsView
    degraded: DegradedView
    mean_percentage: float | None
    score_means: dict[ScoreType, float | None]
    latency: LatencyView
    jobs: tuple[EndedJobs, ...]
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
    """What the tables say of a period, all tracks together."""
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
    found = [(group.count, group.mean or 0.0) for group in groups if group.whole and group.score_type is kind]
    return _mean(found)


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
    """The mean of all, out of counts and means of parts; None where they count nothing."""
    count = sum(each for each, _ in groups)
    return round(sum(each * mean for each, mean in groups) / count, 2) if count else None


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
