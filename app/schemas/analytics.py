"""Numbers of many assessments, as advisors and admins see them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from app.domain.period import Period
from app.domain.records.analytics import DailyModelCalls, ModelCallTotals, OverriddenScore, ScoreGroup
from app.domain.states import ScoreType
from app.domain.values import Frozen


class PeriodView(Frozen):
    """From `start` up to `end`, which is excluded."""

    start: datetime
    end: datetime


class QuantilesView(Frozen):
    """Percentages that so many percent of the scores don't exceed."""

    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


class DistributionView(Frozen):
    """Scores in percent of their maximum: how many there are, their mean, quantiles, and how many there are in each of
    ten bins of ten percent (100 is in the last). Mean and quantiles are null where there is no score."""

    count: int
    mean: float | None
    quantiles: QuantilesView | None
    histogram: tuple[int, ...]


class ScorerView(DistributionView):
    """The scores of one scorer, and how many of its quotes were not in the texts and dropped."""

    scorer: str
    dropped_quotes: int


class ScoreTypeView(DistributionView):
    """The machine's scores of one type. Questions without an answer (`missing`) and those that nothing could score
    (`unscored`) are only counted; `scorers` are those of essays."""

    score_type: ScoreType
    missing: int
    unscored: int
    scorers: tuple[ScorerView, ...]


class TrackScoresView(Frozen):
    """A track's completed assessments; `degraded_share` of them, 0–1, lack something."""

    track: str
    assessments: int
    degraded_share: float
    score_types: tuple[ScoreTypeView, ...]


class AgreementView(Frozen):
    """How people's scores compare with the machine's that they stand beside, as shares of the maximum.
    `mean_difference` is human less machine; kappa has quadratic weights over five levels. Null where too few scores, or
    ones that are all the same, say nothing; `scorers` counts whose scores were overridden."""

    count: int
    pearson_r: float | None
    mean_difference: float | None
    rmse: float | None
    weighted_kappa: float | None
    scorers: dict[str, int]


class ScoreAnalytics(Frozen):
    """How the machine's scores are distributed and agree with people's."""

    period: PeriodView
    tracks: tuple[TrackScoresView, ...]
    agreement: AgreementView


class ModelCallAnalytics(Frozen):
    """What the calls of models came to, cost and took; days without calls are left out."""

    period: PeriodView
    models: tuple[ModelCallTotals, ...]
    days: tuple[DailyModelCalls, ...]


def score_analytics_view(
    period: Period, groups: Iterable[ScoreGroup], overridden: Sequence[OverriddenScore]
) -> ScoreAnalytics:
    """Score groups as they are read, each type followed by its scorers, and the overridden ones of the same period."""
    by_track = groupby(groups, key=lambda group: group.track)
    tracks = tuple(_track_view(track, list(found)) for track, found in by_track)
    return ScoreAnalytics(period=period_view(period), tracks=tracks, agreement=_agreement_view(overridden))


def model_call_analytics_view(
    period: Period, models: Iterable[ModelCallTotals], days: Iterable[DailyModelCalls]
) -> ModelCallAnalytics:
    """The calls of a period by model and by day."""
    return ModelCallAnalytics(
        period=period_view(period),
        models=tuple(models),
        days=tuple(days),
    )


def period_view(period: Period) -> PeriodView:
    """The period that numbers are of."""
    return PeriodView(start=period.start, end=period.end)


def _track_view(track: str, groups: Sequence[ScoreGroup]) -> TrackScoresView:
    first = groups[0]
    by_type = groupby(groups, key=lambda group: group.score_type)
    return TrackScoresView(
        track=track,
        assessments=first.assessments,
        degraded_share=round(first.degraded / first.assessments, 4),
        score_types=tuple(_type_view(list(found)) for _, found in by_type),
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
    quantiles = [round(share, 2) for share in group.quantiles or ()]
    names = QuantilesView.model_fields
    return DistributionView(
        count=group.count,
        mean=None if group.mean is None else round(group.mean, 2),
        quantiles=QuantilesView(**dict(zip(names, quantiles, strict=True))) if quantiles else None,
        histogram=group.histogram,
    )


def _agreement_view(overridden: Sequence[OverriddenScore]) -> AgreementView:
    # Here, because a server that is never asked for this need not load numpy.
    from app.domain import agreement

    human, machine = [each.human for each in overridden], [each.machine for each in overridden]
    scorers = dict(Counter(each.scorer for each in overridden))
    if len(overridden) < 2:
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
    """Four decimals, and no minus before a zero."""
    return None if number is None else round(number, 4) + 0.0
