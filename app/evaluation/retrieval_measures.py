"""Measures of a list of recommendations against graded labels.

`grades` are those of the recommended credentials in their order (0: not acceptable), `accepted` those of all acceptable
credentials, in any order.
"""

import math
from collections.abc import Sequence

from app.domain.recommendation.query import MAX_RECOMMENDATIONS


def recall(grades: Sequence[int], accepted: Sequence[int]) -> float:
    """The share of the acceptable credentials that is among the first five; it cannot reach 1 if there are more than
    five."""
    return _hits(grades) / len(accepted)


def ndcg(grades: Sequence[int], accepted: Sequence[int]) -> float:
    """Normalised discounted cumulative gain of the first five, 0–1: 1 if the best come first. A grade gains
    2 ** grade - 1 (7, 3 or 1), divided by the logarithm of its place (Järvelin and Kekäläinen, in Burges' form)."""
    return _gain(grades) / _gain(sorted(accepted, reverse=True))


def reciprocal_rank(grades: Sequence[int]) -> float:
    """One over the place of the first acceptable credential; 0 if none of the five is acceptable."""
    return next((1 / place for place, grade in enumerate(grades[:MAX_RECOMMENDATIONS], start=1) if grade), 0.0)


def acceptable_share(grades: Sequence[int]) -> float:
    """The share of the five places with an acceptable credential; an empty place counts as not acceptable."""
    return _hits(grades) / MAX_RECOMMENDATIONS


def _hits(grades: Sequence[int]) -> int:
    return sum(grade > 0 for grade in grades[:MAX_RECOMMENDATIONS])


def _gain(grades: Sequence[int]) -> float:
    return math.fsum(
        (2**grade - 1) / math.log2(place + 1) for place, grade in enumerate(grades[:MAX_RECOMMENDATIONS], start=1)
    )
