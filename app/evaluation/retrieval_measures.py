"""How good a list of recommendations is, held against graded labels. Pure.

`grades` are those of the recommended ones in their order (0: not acceptable), `accepted` those of all that are
acceptable, in any order.
"""

import math
from collections.abc import Sequence

from app.domain.recommendation.query import MAX_RECOMMENDATIONS


def recall(grades: Sequence[int], accepted: Sequence[int]) -> float:
    """The share of the acceptable ones that is among the first five; where more than five are acceptable it cannot
    reach 1."""
    return _hits(grades) / len(accepted)


def ndcg(grades: Sequence[int], accepted: Sequence[int]) -> float:
    """Normalised discounted cumulative gain of the first five, 0–1: 1 where the best stand first. A grade gains
    2 ** grade - 1 (7, 3 or 1), divided by the logarithm of its place (Järvelin and Kekäläinen, as Burges has it)."""
    return _gain(grades) / _gain(sorted(accepted, reverse=True))


def reciprocal_rank(grades: Sequence[int]) -> float:
    """One over the place of the first acceptable one; 0 where none of the five is."""
    return next((1 / place for place, grade in enumerate(grades[:MAX_RECOMMENDATIONS], start=1) if grade), 0.0)


def acceptable(grades: Sequence[int]) -> float:
    """The share of five places that have an acceptable one; a place left empty has none."""
    return _hits(grades) / MAX_RECOMMENDATIONS


def _hits(grades: Sequence[int]) -> int:
    return sum(grade > 0 for grade in grades[:MAX_RECOMMENDATIONS])


def _gain(grades: Sequence[int]) -> float:
    return math.fsum((2**grade - 1) / math.log2(place + 1) for place, grade in enumerate(grades[:MAX_RECOMMENDATIONS], start=1))
