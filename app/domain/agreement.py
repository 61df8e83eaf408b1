"""How well a machine's scores agree with people's. Scores are shares, 0–1, in the same order for both. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Scores = Sequence[float] | Array


def pearson(human: Scores, machine: Scores) -> float | None:
    """The linear correlation, -1 to 1; None where one side's scores are all the same.

    Raises:
        ValueError: fewer than two scores, as many on one side only, or one that is no number.
    """
    people, program = pairs(human, machine)
    if not (_varies(people) and _varies(program)):
        return None
    # At length 1 first: the product of two small lengths would lose digits, or vanish.
    product = float(np.dot(_direction(people), _direction(program)))
    return max(-1.0, min(1.0, product))


def rmse(human: Scores, machine: Scores) -> float:
    """The root of the mean squared difference.

    Raises:
        ValueError: as for `pearson`.
    """
    people, program = pairs(human, machine)
    return float(np.sqrt(np.mean((program - people) ** 2)))


def mean_absolute_error(human: Scores, machine: Scores) -> float:
    """The mean of the differences without their signs.

    Raises:
        ValueError: as for `pearson`.
    """
    people, program = pairs(human, machine)
    return float(np.mean(np.abs(program - people)))


def bias(human: Scores, machine: Scores) -> float:
    """The mean difference, machine less human: above 0 the machine is the milder one.

    Raises:
        ValueError: as for `pearson`.
    """
    people, program = pairs(human, machine)
    return float(np.mean(program - people))


def limits_of_agreement(human: Scores, machine: Scores) -> tuple[float, float]:
    """The ends of the middle 95 % of the differences (Bland and Altman): the bias and 1.96 standard deviations.

    Raises:
        ValueError: as for `pearson`.
    """
    people, program = pairs(human, machine)
    differences = program - people
    reach = 1.96 * float(differences.std(ddof=1))
    return float(differences.mean()) - reach, float(differences.mean()) + reach


def weighted_kappa(human: Scores, machine: Scores, levels: int = 5) -> float | None:
    """Cohen's kappa with quadratic weights, -1 to 1, after rounding to `levels` equal steps from 0 to 1 (halves up);
    None where all scores of both sides are at one level.

    Raises:
        ValueError: as for `pearson`; fewer than two levels; a score outside 0 to 1.
    """
    people, program = pairs(human, machine)
    if levels < 2:
        raise ValueError("there must be at least two levels")
    if min(people.min(), program.min()) < 0 or max(people.max(), program.max()) > 1:
        raise ValueError("scores must be from 0 to 1")
    one, other = _levels(people, levels), _levels(program, levels)
    # By chance each score of one side meets each of the other: that mean squared distance needs no table.
    by_chance = one.var() + other.var() + (one.mean() - other.mean()) ** 2
    return max(-1.0, float(1.0 - np.mean((one - other) ** 2) / by_chance)) if by_chance else None


def pairs(human: Scores, machine: Scores) -> tuple[Array, Array]:
    """Both sides as arrays.

    Raises:
        ValueError: fewer than two scores, as many on one side only, or one that is no number.
    """
    people, program = np.asarray(human, np.float64), np.asarray(machine, np.float64)
    if people.shape != program.shape or people.ndim != 1:
        raise ValueError("there must be as many scores of people as of the machine")
    if len(people) < 2:
        raise ValueError("there must be at least two scores")
    if not (np.isfinite(people).all() and np.isfinite(program).all()):
        raise ValueError("scores must be numbers")
    return people, program


def _varies(scores: Array) -> bool:
    return bool(scores.min() < scores.max())


def _direction(scores: Array) -> Array:
    from_mean: Array = scores - scores.mean()
    from_mean = from_mean / np.abs(from_mean).max()
    return from_mean / np.linalg.norm(from_mean)


def _levels(scores: Array, levels: int) -> Array:
    return np.floor(scores * (levels - 1) + 0.5)
