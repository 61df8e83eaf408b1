"""Splits the points of one estimate over the dimensions."""

import math
from collections.abc import Sequence

from app.domain.essay.local_scoring.regression import logistic
from app.domain.essay.score import DIMENSION_MAXIMUM

# Shares are cut to this range, so that a dimension's own measure alone never gives it no points or all.
_MIN_SHARE, _MAX_SHARE = 0.05, 0.95


# Points of a dimension are multiples of this. The estimate is not more exact, and finer points would show which words
# an answer has in common with the reference answer.
POINT_STEP = 5
_MAX_STEPS = DIMENSION_MAXIMUM // POINT_STEP


def split_points(total: int, shares: Sequence[float]) -> tuple[int, ...]:
    """Points for each dimension, 0–25 each and multiples of `POINT_STEP`, that add up to `total`; a larger share (0–1)
    gets more points.

    Raises:
        ValueError: `total` is negative, more than the maximum of all dimensions, or no multiple of `POINT_STEP`.
    """
    if not 0 <= total <= DIMENSION_MAXIMUM * len(shares) or total % POINT_STEP:
        raise ValueError("the points do not fit the dimensions")
    steps = total // POINT_STEP
    odds = [_log_odds(min(_MAX_SHARE, max(_MIN_SHARE, share))) for share in shares]
    return tuple(POINT_STEP * count for count in _round(steps, _steps(odds, _shift(steps, odds))))


def _shift(total: int, odds: Sequence[float]) -> float:
    """What is added to all log odds so that the steps add up to the total; found by bisection."""
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(_steps(odds, middle)) < total else (low, middle)
    return (low + high) / 2


def _steps(odds: Sequence[float], shift: float) -> list[float]:
    return [_MAX_STEPS * logistic(odd + shift) for odd in odds]


def _round(total: int, exact: Sequence[float]) -> tuple[int, ...]:
    """Rounds down, and gives the remaining steps to the largest remainders."""
    steps = [math.floor(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda index: (steps[index] - exact[index], index))
    for index in order[: total - sum(steps)]:
        steps[index] += 1
    return tuple(steps)


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))
