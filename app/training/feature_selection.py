"""Selects measures and penalty by the error on questions that are left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.essay.local_scoring.features import MEASURES
from app.domain.essay.local_scoring.regression import LinearFunction
from app.training.feature_matrix import FeatureMatrix, Numbers
from app.training.fitting import SYNTHETIC_WEIGHT, fit_share, predict_shares

# The measures that are always used: what an answer says beyond the question, by ideas, by words and by meaning.
CORE = ("gain", "ideas", "meaning")

PENALTIES = (30.0, 100.0)

# Groups of questions that are left out in turn; leaving out single questions would take four times as long.
GROUPS = 4

# Another measure must lower the error (RMSE) by at least this much.
_MIN_GAIN = 0.002

_MAX_MEASURES = 6


@dataclass(frozen=True, slots=True)
class Selection:
    """Measures and penalty, with the error (RMSE) on questions that were left out."""

    names: tuple[str, ...]
    penalty: float
    error: float

    def fit(self, table: FeatureMatrix) -> LinearFunction:
        """The regression with these settings."""
        return fit_share(table, self.names, self.penalty)


def select(table: FeatureMatrix) -> Selection:
    """The best selection: for each penalty, measures are added one by one while the error falls."""
    return min((_add_measures(table, penalty) for penalty in PENALTIES), key=lambda selection: selection.error)


def predict_out_of_fold(table: FeatureMatrix, selection: Selection, folds: int) -> Numbers:
    """Each answer's share by a regression that has not seen its question; the questions are in `folds` groups."""
    predicted = np.zeros(len(table.scores))
    for fold in range(folds):
        held = np.isin(table.questions, table.folds[fold::folds])
        predicted[held] = predict_shares(selection.fit(table.rows(~held)), table.rows(held))
    return predicted


def _add_measures(table: FeatureMatrix, penalty: float) -> Selection:
    best = _evaluate(table, CORE, penalty)
    while len(best.names) < _MAX_MEASURES:
        names = [name for name in MEASURES if name not in best.names]
        candidates = [_evaluate(table, (*best.names, name), penalty) for name in names]
        better = min(candidates, key=lambda selection: selection.error)
        if better.error > best.error - _MIN_GAIN:
            break
        best = better
    return best


def _evaluate(table: FeatureMatrix, names: Sequence[str], penalty: float) -> Selection:
    selection = Selection(tuple(names), penalty, 0.0)
    weights = np.where(table.real, 1.0, SYNTHETIC_WEIGHT)
    squares = (predict_out_of_fold(table, selection, GROUPS) - table.scores) ** 2
    return Selection(selection.names, penalty, float(np.sqrt(np.average(squares, weights=weights))))
