"""Nested cross-validation: how well questions are scored that took no part in training or in selecting measures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.agreement import mean_absolute_error, pearson, rmse, weighted_kappa
from app.domain.essay.local_scoring.regression import LinearFunction, confidence_for_error, error_measures
from app.training.feature_matrix import COLUMNS, FeatureMatrix, Flags, Numbers
from app.training.feature_selection import GROUPS, Selection, predict_out_of_fold, select
from app.training.fitting import fit_linear, predict, predict_shares

# Many measures predict the error of an estimate, all of them weakly.
_ERROR_PENALTY = 100.0

# Answers of fewer words are refusals ("No response."), which any scorer distinguishes from the others.
_MIN_WORDS = 4


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement with people's scores, rounded to three digits; None where a scorer gives all answers the same."""

    pearson: float | None
    rmse: float
    kappa: float | None

    @classmethod
    def between(cls, human: Numbers, machine: Numbers) -> "Agreement":
        """The agreement of these scores."""
        linear, kappa = pearson(human, machine), weighted_kappa(human, machine, levels=5)
        return cls(_rounded(linear), round(rmse(human, machine), 3), _rounded(kappa))


@dataclass(frozen=True, slots=True)
class HeldOutEstimates:
    """People's score, the estimate and its confidence for each real answer, the latter two by regressions that have
    not seen the answer's question."""

    human: Numbers
    machine: Numbers
    confidence: Numbers


def cross_validate(table: FeatureMatrix, on_progress: Callable[[], None]) -> HeldOutEstimates:
    """Holds out one question after the other; `on_progress` is called after each."""
    machine, confidence = np.zeros(len(table.scores)), np.zeros(len(table.scores))
    for fold in table.folds:
        held = table.questions == fold
        rest, test = table.rows(~held), table.rows(held)
        selection = select(rest)
        machine[held] = predict_shares(selection.fit(rest), test)
        confidence[held] = predict_confidence(fit_error(rest, selection), test, machine[held])
        on_progress()
    real = table.real
    return HeldOutEstimates(table.scores[real], machine[real], confidence[real])


def fit_error(table: FeatureMatrix, selection: Selection) -> LinearFunction:
    """A regression of the absolute error on real answers to questions that were left out."""
    machine = predict_out_of_fold(table, selection, GROUPS)[table.real]
    real = table.rows(table.real)
    return fit_linear(_error_columns(real, machine), np.abs(machine - real.scores), _ERROR_PENALTY)


def predict_confidence(error: LinearFunction, table: FeatureMatrix, machine: Numbers) -> Numbers:
    """The confidence of each estimate."""
    errors = predict(error, _error_columns(table, machine)).tolist()
    return np.array([confidence_for_error(expected) for expected in errors])


def agreement_by_confidence(estimates: HeldOutEstimates) -> list[dict[str, float]]:
    """Mean confidence, mean absolute error and RMSE of each third of the estimates, the least confident first."""
    order = np.argsort(estimates.confidence, kind="stable")
    return [
        {
            "confidence": round(float(estimates.confidence[part].mean()), 2),
            "mean_absolute_error": round(mean_absolute_error(estimates.human[part], estimates.machine[part]), 3),
            "rmse": round(rmse(estimates.human[part], estimates.machine[part]), 3),
        }
        for part in np.array_split(order, 3)
    ]


def no_refusals(texts: Sequence[str]) -> Flags:
    """Which texts are more than a refusal."""
    return np.array([len(text.split()) >= _MIN_WORDS for text in texts])


def _error_columns(table: FeatureMatrix, machine: Numbers) -> Mapping[str, Numbers]:
    columns = {name: table.column(name) for name in COLUMNS}
    rows = [
        error_measures({name: float(column[row]) for name, column in columns.items()}, float(machine[row]))
        for row in range(len(machine))
    ]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
