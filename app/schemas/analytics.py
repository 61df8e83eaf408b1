"""Statistics of scores and model calls in the API."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from app.domain.period import Period
from app.domain.records.analytics import DailyModelCalls, ModelCallTotals, OverriddenScore, ScoreGroup
from app.domain.states import ScoreType
from app.domain.values import Frozen

# Measures of fewer pairs would say more about chance than about the scorers.
LEAST_PAIRS = 10


class PeriodView(Frozen):
    """A period from `start` up to `end`, which is excluded."""

    start: datetime
    end: datetime


class QuantilesView(Frozen):
    """Percentiles of scores in percent of their maximum."""

    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


class DistributionView(Frozen):
    """Scores in percent of their maximum: their number, mean, percentiles and histogram of ten bins (100 % is in the
    last). Mean and percentiles are null if there are no scores."""

    count: int
    mean: float | None
    quantiles: QuantilesView | None
    histogram: tuple[int, ...]


class ScorerView(DistributionView):
    """The scores by one scorer (`gpt`, the estimate `local`, or `person`), and how many of its quotes were dropped
    because they are not in the essay. A question that a person scored or confirmed counts for the machine too."""

    scorer: str
    dropped_quotes: int


class ScoreTypeView(DistributionView):
    """The scores of one type, without people's. Questions without an answer (`missing`) and those that could not be
    scored (`unscored`) are only counted. `scorers` keeps apart who scored; scores by rule are not listed there."""

    score_type: ScoreType
    missing: int
    unscored: int
    scorers: tuple[ScorerView, ...]


class TrackScoresView(Frozen):
    """The scores of a track's completed assessments; `degraded_share` (0–1) of the assessments are degraded."""

    track: str
    assessments: int
    degraded_share: float
    score_types: tuple[ScoreTypeView, ...]


class AgreementView(Frozen):
    """How people's scores agree with the scores that they override or confirm, as shares of the maximum.
    `mean_difference` is human minus machine; kappa has quadratic weights over five levels. All measures are null for
    fewer than ten pairs of scores; correlation and kappa also where all scores are equal. `scorers` counts the pairs by
    scorer."""

    count: int
    pearson_r: float | None
    mean_difference: float | None
    rmse: float | None
    weighted_kappa: float | None
    scorers: dict[str, int]


class ScoreAnalytics(Frozen):
    """The distribution of scores, and how they agree with people's overrides."""

    period: PeriodView
    tracks: tuple[TrackScoresView, ...]
    agreement: AgreementView


class ModelCallAnalytics(Frozen):
    """The number, cost and duration of model calls, by model and by day; days without calls are left out."""

    period: PeriodView
    models: tuple[ModelCallTotals, ...]
    days: tuple[DailyModelCalls, ...]


def score_analytics_view(
    period: Period, groups: Iterable[ScoreGroup], overridden: Sequence[OverriddenScore]
) -> ScoreAnalytics:
    """The statistics of scores. `groups` are sorted by track, and each type is followed by its scorers."""
    by_track = groupby(groups, key=lambda group: group.track)
    tracks = tuple(_track_view(track, list(track_groups)) for track, track_groups in by_track)
    return ScoreAnalytics(period=period_view(period), tracks=tracks, agreement=_agreement_view(overridden))


def model_call_analytics_view(
    period: Period, models: Iterable[ModelCallTotals], days: Iterable[DailyModelCalls]
) -> ModelCallAnalytics:
    """The statistics of model calls."""
    return ModelCallAnalytics(
        period=period_view(period),
        models=tuple(models),
        days=tuple(days),
    )


def period_view(period: Period) -> PeriodView:
    """The period in the API."""
    return PeriodView(start=period.start, end=period.end)


def _track_view(track: str, groups: Sequence[ScoreGroup]) -> TrackScoresView:
    first = groups[0]
    by_type = groupby(groups, key=lambda group: group.score_type)
    return TrackScoresView(
        track=track,
        assessments=first.assessments,
        degraded_share=round(first.degraded / first.assessments, 4),
        score_types=tuple(_type_view(list(type_groups)) for _, type_groups in by_type),
    )


def _type_view(groups: Sequence[ScoreGroup]) -> ScoreTypeView:
    (whole,) = (group for group in groups if group.whole)
    scorers = (
        ScorerView(**dict(_distribution(group)), scorer=group.scorer, dropped_quotes=group.dropped_quotes)
        for group in groups
        if group.scorer is not None
    )
    return ScoreTypeView(
        **dict(_distribution(whole)),
        score_type=whole.score_type,
        missing=whole.missing,
        unscored=whole.unscored,
        scorers=tuple(scorers),
    )


def _distribution(group: ScoreGroup) -> DistributionView:
    quantiles = [round(quantile, 2) for quantile in group.quantiles or ()]
    names = QuantilesView.model_fields
    return DistributionView(
        count=group.count,
        mean=None if group.mean is None else round(group.mean, 2),
        quantiles=QuantilesView(**dict(zip(names, quantiles, strict=True))) if quantiles else None,
        histogram=group.histogram,
    )


def _agreement_view(overridden: Sequence[OverriddenScore]) -> AgreementView:
    # Imported here, so that only servers that answer this request load numpy.
    from app.domain import agreement

    human, machine = [score.human for score in overridden], [score.machine for score in overridden]
    scorers = dict(Counter(score.scorer for score in overridden))
    if len(overridden) < LEAST_PAIRS:
        return AgreementView(
            count=len(overridden), pearson_r=None, mean_difference=None, rmse=None, weighted_kappa=None, scorers=scorers
        )
    return AgreementView(
        count=len(overridden),
        pearson_r=_rounded(agreement.pearson(human, machine)),
        mean_difference=_rounded(-agreement.bias(human, machine)),
        rmse=_rounded(agreement.rmse(human, machine)),
        weighted_kappa=_rounded(agreement.weighted_kappa(human, machine)),
        scorers=scorers,
    )


def _rounded(number: float | None) -> float | None:
    """The number with four decimals, and zero without a minus sign."""
    return None if number is None else round(number, 4) + 0.0
