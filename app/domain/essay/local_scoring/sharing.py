"""How the points of one estimate are spread over the dimensions."""

import math
from collections.abc import Sequence

from app.domain.essay.local_scoring.regression import squashed
from app.domain.essay.score import DIMENSION_MAXIMUM

# A dimension's own measure moves it away from the others, but never to nothing or to all by itself.
_LEAST, _MOST = 0.05, 0.95


def spread(total: int, shares: Sequence[float]) -> tuple[int, ...]:
    """Points for each dimension, 0–25 each, that add up to `total`; the larger its share (0–1), the more.

    Raises:
        ValueError: more points than the dimensions hold, or fewer than none.
    """
    if not 0 <= total <= DIMENSION_MAXIMUM * len(shares):
        raise ValueError("the points do not fit the dimensions")
    odds = [_log_odds(min(_MOST, max(_LEAST, share))) for share in shares]
    exact = _points(odds, _shift(total, odds))
    return _rounded(total, exact)


def _shift(total: int, odds: Sequence[float]) -> float:
    """What all log odds are moved by, so that the points add up; found by halving."""
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(_points(odds, middle)) < total else (low, middle)
    return (low + high) / 2


def _points(odds: Sequence[float], shift: float) -> list[float]:
    return [DIMENSION_MAXIMUM * squashed(odd + shift) for odd in odds]


def _rounded(total: int, exact: Sequence[float]) -> tuple[int, ...]:
    """Rounded down, and the points left over go to the largest remainders."""
    points = [math.floor(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda place: (points[place] - exact[place], place))
    for place in order[: total - sum(points)]:
        points[place] += 1
    return tuple(points)


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))
