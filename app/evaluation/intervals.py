"""95 % intervals by bootstrap: each statistic is computed again for random draws of the answers."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Enough for two stable digits at the ends of an interval.
RESAMPLES = 2000
CONFIDENCE_LEVEL = 0.95
# If the statistic is undefined in more of the draws than this, the others would give a biased interval.
_MAX_UNDEFINED = 0.05

Rows = NDArray[np.intp]
"""Indexes of answers; an answer that was drawn twice occurs twice."""

Statistic = Callable[[Rows], float | None]


@dataclass(frozen=True, slots=True)
class IntervalEstimate:
    """A statistic with its 95 % interval; None if it is undefined or, for the interval, unknown."""

    value: float | None
    low: float | None = None
    high: float | None = None


def clusters_by_question(questions: Sequence[Hashable]) -> list[Rows]:
    """The answers that are drawn together: all answers to a question, because they share its difficulty and its
    reference answer. If there is only one question, each answer is drawn alone."""
    rows: dict[Hashable, list[int]] = {}
    for row, question in enumerate(questions):
        rows.setdefault(question, []).append(row)
    if len(rows) == 1:
        return [np.array([row], np.intp) for row in range(len(questions))]
    return [np.array(places, np.intp) for places in rows.values()]


def bootstrap_intervals(
    statistics: Mapping[str, Statistic], clusters: Sequence[Rows], seed: int, resamples: int = RESAMPLES
) -> dict[str, IntervalEstimate]:
    """Each statistic over all rows, with the percentile interval from `resamples` draws of as many clusters."""
    draws: dict[str, list[float]] = {name: [] for name in statistics}
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = generator.integers(len(clusters), size=len(clusters))
        rows = np.concatenate([clusters[place] for place in drawn])
        for name, statistic in statistics.items():
            if (value := statistic(rows)) is not None:
                draws[name].append(value)
    all_rows = np.sort(np.concatenate(clusters))
    return {name: _estimate(statistic(all_rows), draws[name], resamples) for name, statistic in statistics.items()}


def _estimate(value: float | None, draws: list[float], resamples: int) -> IntervalEstimate:
    if value is None or len(draws) < (1 - _MAX_UNDEFINED) * resamples:
        return IntervalEstimate(value)
    low, high = np.quantile(draws, [(1 - CONFIDENCE_LEVEL) / 2, (1 + CONFIDENCE_LEVEL) / 2])
    return IntervalEstimate(value, float(low), float(high))
