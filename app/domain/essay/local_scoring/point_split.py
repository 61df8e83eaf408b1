"""Splits the points of one estimate over the dimensions."""

import math
from collections.abc import Sequence

from app.domain.essay.local_scoring.regression import logistic
from app.domain.essay.score import DIMENSION_MAXIMUM

# Shares are cut to this range, so that a dimension's own measure alone never gives it no points or all.
_MIN_SHARE, _MAX_SHARE = 0.05, 0.95


def split_points(total: int, shares: Sequence[float]) -> tuple[int, ...]:
    """Points for each dimension, 0–25 each, that add up to `total`; a larger share (0–1) gets more points.

    Raises:
        ValueError: `total` is negative or more than the maximum of all dimensions.
    """
    if not 0 <= total <= DIMENSION_MAXIMUM * len(shares):
        raise ValueError("the points do not fit the dimensions")
    odds = [_log_odds(min(_MAX_SHARE, max(_MIN_SHARE, share))) for share in shares]
    return _round(total, _points(odds, _shift(total, odds)))


def _shift(total: int, odds: Sequence[float]) -> float:
    """What is added to all log odds so that the points add up to the total; found by bisection."""
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(_points(odds, middle)) < total else (low, middle)
    return (low + high) / 2


def _points(odds: Sequence[float], shift: float) -> list[float]:
    return [DIMENSION_MAXIMUM * logistic(odd + shift) for odd in odds]


def _round(total: int, exact: Sequence[float]) -> tuple[int, ...]:
    """Rounds down, and gives the remaining points to the largest remainders."""
    points = [math.floor(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda index: (points[index] - exact[index], index))
    for index in order[: total - sum(points)]:
        points[index] += 1
    return tuple(points)


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))
