"""How scores of people and of the machine agree, with what is needed to draw it."""

from collections.abc import Sequence

from app.domain.records.analytics import OverriddenScore
from app.domain.values import Frozen
from app.schemas.analytics import LEAST_PAIRS

Interval = tuple[float, float]


class AgreementFigures(Frozen):
    """How the machine's scores agree with people's, all as shares of the maximum: the correlation and the kappa with
    quadratic weights with their 95 % intervals, the mean of machine minus person, and the limits that contain 95 % of
    these differences. All are None for fewer pairs than `LEAST_PAIRS`, correlation and kappa also where scores are all
    equal."""

    count: int
    pearson_r: float | None = None
    pearson_interval: Interval | None = None
    weighted_kappa: float | None = None
    kappa_interval: Interval | None = None
    mean_difference: float | None = None
    limits: Interval | None = None


def agreement_figures(scores: Sequence[OverriddenScore]) -> AgreementFigures:
    """The figures of these pairs."""
    # Imported here, so that only servers that answer this request load numpy.
    from app.domain import agreement

    if len(scores) < LEAST_PAIRS:
        return AgreementFigures(count=len(scores))
    human, machine = [score.human for score in scores], [score.machine for score in scores]
    return AgreementFigures(
        count=len(scores),
        pearson_r=agreement.pearson(human, machine),
        pearson_interval=agreement.pearson_interval(human, machine),
        weighted_kappa=agreement.weighted_kappa(human, machine),
        kappa_interval=agreement.weighted_kappa_interval(human, machine),
        mean_difference=agreement.bias(human, machine),
        limits=agreement.limits_of_agreement(human, machine),
    )
