"""Cross-validation: how well answers are scored whose questions, or whose whole corpus, took no part in training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.essay.local_scoring.regression import LinearFunction, confidence_for_error, error_measures
from app.training.feature_matrix import COLUMNS, FeatureMatrix, Flags, Numbers
from app.training.feature_selection import fit_selected, inner_folds, predict_out_of_fold
from app.training.fitting import align, binary_rows, fit_within_corpora, graded_rows, predict, predict_shares

# Many measures predict the error of an estimate, all of them weakly.
_ERROR_PENALTY = 100.0


@dataclass(frozen=True, slots=True)
class HeldOutEstimates:
    """People's score, the estimate, its expected errors and its confidence for each real answer, all but the first by
    regressions that have not seen the answer's fold."""

    human: Numbers
    machine: Numbers
    expected_error: Numbers
    """Beside grades with partial credit."""
    expected_binary_error: Numbers
    """Beside grades that are right or wrong only."""
    confidence: Numbers


def cross_validate(table: FeatureMatrix, folds: Sequence[Flags], on_progress: Callable[[], None]) -> HeldOutEstimates:
    """Holds out one fold after the other; `on_progress` is called after each."""
    machine, errors, binary_errors = (np.zeros(len(table.scores)) for _ in range(3))
    for held in folds:
        rest, test = table.rows(~held), table.rows(held)
        machine[held] = predict_shares(fit_selected(rest), test)
        errors[held] = predict_error(fit_error(rest, graded_rows(rest)), test, machine[held])
        binary_errors[held] = predict_error(fit_error(rest, binary_rows(rest)), test, machine[held])
        on_progress()
    real = table.real
    confidence = np.array([confidence_for_error(error) for error in errors.tolist()])
    return HeldOutEstimates(table.scores[real], machine[real], errors[real], binary_errors[real], confidence[real])


def fit_error(table: FeatureMatrix, rows: Flags) -> LinearFunction:
    """A regression of the absolute error on the real answers of these rows, estimated without their corpus.

    How strict the graders of another corpus are cannot be known, and is not counted as an error here. Corpora with and
    without partial credit do not mix: a label of right or wrong is never near an estimate in the middle.
    """
    folds = inner_folds(table)
    machine = predict_out_of_fold(table, folds)
    for held in folds:
        machine[held] = align(machine[held], table.scores[held & table.real])
    chosen = table.real & rows
    real = table.rows(chosen)
    columns = _error_columns(real, machine[chosen])
    return fit_within_corpora(real, columns, np.abs(machine[chosen] - real.scores), _ERROR_PENALTY)


def predict_error(error: LinearFunction, table: FeatureMatrix, machine: Numbers) -> Numbers:
    """The expected absolute error of each estimate, but for what its distance from the training data adds."""
    trained = np.clip(predict(error, _error_columns(table, machine)), 0.0, 1.0)
    return np.minimum(1.0, trained + table.unusual_text_errors)


def _error_columns(table: FeatureMatrix, machine: Numbers) -> Mapping[str, Numbers]:
    columns = {name: table.column(name) for name in COLUMNS}
    rows = [
        error_measures({name: float(column[row]) for name, column in columns.items()}, float(machine[row]))
        for row in range(len(machine))
    ]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
