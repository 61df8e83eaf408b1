"""95 % intervals by bootstrap: the same figures worked out again over answers drawn anew."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Enough for two stable digits at the ends of an interval.
RESAMPLES = 2000
LEVEL = 0.95
# Where the figure is undefined in more of the draws than this, what the others say would be one-sided.
_MOST_UNDEFINED = 0.05

Rows = NDArray[np.intp]
"""Places of answers; one that was drawn twice stands twice."""

Statistic = Callable[[Rows], float | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its 95 % interval; None what is not defined or, for the interval, not known."""

    value: float | None
    low: float | None = None
    high: float | None = None


def clusters_of(questions: Sequence[Hashable]) -> list[Rows]:
    """What is drawn as one: all answers to a question, since they share its difficulty and its reference answer. Where
    there is one question only, each answer."""
    rows: dict[Hashable, list[int]] = {}
    for row, question in enumerate(questions):
        rows.setdefault(question, []).append(row)
    if len(rows) == 1:
        return [np.array([row], np.intp) for row in range(len(questions))]
    return [np.array(places, np.intp) for places in rows.values()]


def figures(
    statistics: Mapping[str, Statistic], clusters: Sequence[Rows], seed: int, resamples: int = RESAMPLES
) -> dict[str, Figure]:
    """Each statistic of all rows, with its interval by percentiles over `resamples` draws of as many clusters."""
    draws: dict[str, list[float]] = {name: [] for name in statistics}
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = generator.integers(len(clusters), size=len(clusters))
        rows = np.concatenate([clusters[place] for place in drawn])
        for name, statistic in statistics.items():
            if (value := statistic(rows)) is not None:
                draws[name].append(value)
    every = np.sort(np.concatenate(clusters))
    return {name: _figure(statistic(every), draws[name], resamples) for name, statistic in statistics.items()}


def _figure(value: float | None, draws: list[float], resamples: int) -> Figure:
    if value is None or len(draws) < (1 - _MOST_UNDEFINED) * resamples:
        return Figure(value)
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(value, float(low), float(high))
