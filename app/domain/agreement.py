"""Measures of how well a machine's scores agree with people's. Scores are shares, 0–1, in the same order for both."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Scores = Sequence[float] | Array


def pearson(human: Scores, machine: Scores) -> float | None:
    """The linear correlation, -1 to 1; None if the scores of one side are all equal.

    Raises:
        ValueError: fewer than two scores, unequal numbers of scores, or a score that is not a finite number.
    """
    human_scores, machine_scores = pairs(human, machine)
    if not (_varies(human_scores) and _varies(machine_scores)):
        return None
    # Scaled to length 1 first: the product of two small lengths would lose digits, or underflow.
    product = float(np.dot(_direction(human_scores), _direction(machine_scores)))
    return max(-1.0, min(1.0, product))


def rmse(human: Scores, machine: Scores) -> float:
    """The root of the mean squared difference.

    Raises:
        ValueError: as for `pearson`.
    """
    human_scores, machine_scores = pairs(human, machine)
    return float(np.sqrt(np.mean((machine_scores - human_scores) ** 2)))


def mean_absolute_error(human: Scores, machine: Scores) -> float:
    """The mean of the absolute differences.

    Raises:
        ValueError: as for `pearson`.
    """
    human_scores, machine_scores = pairs(human, machine)
    return float(np.mean(np.abs(machine_scores - human_scores)))


def bias(human: Scores, machine: Scores) -> float:
    """The mean difference, machine minus human; above 0 the machine gives higher scores.

    Raises:
        ValueError: as for `pearson`.
    """
    human_scores, machine_scores = pairs(human, machine)
    return float(np.mean(machine_scores - human_scores))


def limits_of_agreement(human: Scores, machine: Scores) -> tuple[float, float]:
    """The limits that contain 95 % of the differences (Bland and Altman): the bias ± 1.96 standard deviations.

    Raises:
        ValueError: as for `pearson`.
    """
    human_scores, machine_scores = pairs(human, machine)
    differences = machine_scores - human_scores
    half_width = 1.96 * float(differences.std(ddof=1))
    return float(differences.mean()) - half_width, float(differences.mean()) + half_width


def weighted_kappa(human: Scores, machine: Scores, levels: int = 5) -> float | None:
    """Cohen's kappa with quadratic weights, -1 to 1, after rounding to `levels` equal steps from 0 to 1 (halves up);
    None if all scores of both sides are at one level.

    Raises:
        ValueError: as for `pearson`; fewer than two levels; a score outside 0 to 1.
    """
    human_scores, machine_scores = pairs(human, machine)
    if levels < 2:
        raise ValueError("there must be at least two levels")
    if min(human_scores.min(), machine_scores.min()) < 0 or max(human_scores.max(), machine_scores.max()) > 1:
        raise ValueError("scores must be from 0 to 1")
    human_scores, machine_scores = _levels(human_scores, levels), _levels(machine_scores, levels)
    # The mean squared distance between each score of one side and each of the other, as expected by chance.
    by_chance = human_scores.var() + machine_scores.var() + (human_scores.mean() - machine_scores.mean()) ** 2
    return max(-1.0, float(1.0 - np.mean((human_scores - machine_scores) ** 2) / by_chance)) if by_chance else None


def pearson_interval(human: Scores, machine: Scores) -> tuple[float, float] | None:
    """The 95 % interval of the correlation, by Fisher's transformation; None where there is no correlation, or for
    fewer than four pairs.

    Raises:
        ValueError: as for `pearson`.
    """
    correlation = pearson(human, machine)
    if correlation is None or len(human) < 4:
        return None
    if abs(correlation) == 1.0:
        return correlation, correlation
    middle, half_width = np.arctanh(correlation), 1.96 / np.sqrt(len(human) - 3)
    return float(np.tanh(middle - half_width)), float(np.tanh(middle + half_width))


def weighted_kappa_interval(human: Scores, machine: Scores, levels: int = 5) -> tuple[float, float] | None:
    """The 95 % interval of `weighted_kappa`, by leaving out each pair in turn (the jackknife); None where kappa is
    undefined with one of the pairs left out.

    Raises:
        ValueError: as for `weighted_kappa`.
    """
    kappa = weighted_kappa(human, machine, levels)
    if kappa is None or len(human) < 3:
        return None
    first, second = (_levels(scores, levels) for scores in pairs(human, machine))
    rest = len(first) - 1
    distances, squares = (first - second) ** 2, first**2 + second**2
    means = (first.sum() - first) / rest, (second.sum() - second) / rest
    by_chance = (squares.sum() - squares) / rest - 2 * means[0] * means[1]
    # Whole numbers before the division, so that what is zero is zero but for rounding.
    if by_chance.min() < 1e-9:
        return None
    without = 1 - (distances.sum() - distances) / rest / by_chance
    half_width = 1.96 * float(np.sqrt(rest / (rest + 1) * ((without - without.mean()) ** 2).sum()))
    return max(-1.0, kappa - half_width), min(1.0, kappa + half_width)


def pairs(human: Scores, machine: Scores) -> tuple[Array, Array]:
    """Both sides as arrays.

    Raises:
        ValueError: fewer than two scores, unequal numbers of scores, or a score that is not a finite number.
    """
    human_scores, machine_scores = np.asarray(human, np.float64), np.asarray(machine, np.float64)
    if human_scores.shape != machine_scores.shape or human_scores.ndim != 1:
        raise ValueError("there must be as many scores of people as of the machine")
    if len(human_scores) < 2:
        raise ValueError("there must be at least two scores")
    if not (np.isfinite(human_scores).all() and np.isfinite(machine_scores).all()):
        raise ValueError("scores must be finite numbers")
    return human_scores, machine_scores


def _varies(scores: Array) -> bool:
    return bool(scores.min() < scores.max())


def _direction(scores: Array) -> Array:
    from_mean: Array = scores - scores.mean()
    from_mean = from_mean / np.abs(from_mean).max()
    return from_mean / np.linalg.norm(from_mean)


def _levels(scores: Array, levels: int) -> Array:
    return np.floor(scores * (levels - 1) + 0.5)
