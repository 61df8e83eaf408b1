"""Which measures to use and how strongly to hold them back, by how well questions left out are scored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.essay.local_scoring.features import MEASURES
from app.domain.essay.local_scoring.regression import Line
from app.training.fitting import MADE_UP_WEIGHT, fit_share, shares
from app.training.table import Numbers, Table

# What any answer is measured by: what it says beyond the question, idea by idea, in words and in sense.
CORE = ("gain", "ideas", "meaning")

PENALTIES = (30.0, 100.0)

# The groups of questions that are left out in turn; one by one would take four times as long.
GROUPS = 4

# Another measure must take at least this much off the error (as RMSE), or fewer are better.
_LEAST_GAIN = 0.002

_MOST_MEASURES = 6


@dataclass(frozen=True, slots=True)
class Choice:
    """Measures and penalty, with the error (RMSE) that questions left out had."""

    names: tuple[str, ...]
    penalty: float
    error: float

    def fit(self, table: Table) -> Line:
        """The regression with these settings."""
        return fit_share(table, self.names, self.penalty)


def choose(table: Table) -> Choice:
    """The best choice: for each penalty, measures are added one by one while the error falls."""
    return min((_added(table, penalty) for penalty in PENALTIES), key=lambda choice: choice.error)


def out_of_fold(table: Table, choice: Choice, folds: int) -> Numbers:
    """Each answer's share by a regression that has not seen its question; the questions are in `folds` groups."""
    found = np.zeros(len(table.scores))
    for fold in range(folds):
        held = np.isin(table.questions, table.folds[fold::folds])
        found[held] = shares(choice.fit(table.where(~held)), table.where(held))
    return found


def _added(table: Table, penalty: float) -> Choice:
    best = _tried(table, CORE, penalty)
    while len(best.names) < _MOST_MEASURES:
        names = [name for name in MEASURES if name not in best.names]
        tried = [_tried(table, (*best.names, name), penalty) for name in names]
        better = min(tried, key=lambda choice: choice.error)
        if better.error > best.error - _LEAST_GAIN:
            break
        best = better
    return best


def _tried(table: Table, names: Sequence[str], penalty: float) -> Choice:
    choice = Choice(tuple(names), penalty, 0.0)
    weights = np.where(table.real, 1.0, MADE_UP_WEIGHT)
    squares = (out_of_fold(table, choice, GROUPS) - table.scores) ** 2
    return Choice(choice.names, penalty, float(np.sqrt(np.average(squares, weights=weights))))
