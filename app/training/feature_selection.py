"""The measures that the regression uses, and estimates for what is left out of the training."""

from collections.abc import Sequence

import numpy as np

from app.domain.essay.local_scoring.regression import LinearFunction
from app.training.feature_matrix import FeatureMatrix, Flags, Numbers
from app.training.fitting import fit_share, predict_shares

# Chosen by the correlation on corpora that were left out, with all three in view. Other measures added less than 0.005.
SELECTED = ("recall", "gain", "meaning", "terms", "demands", "relevant_length")
PENALTY = 30.0

# Groups of questions that are left out in turn where there is one corpus only.
_GROUPS = 4


def fit_selected(table: FeatureMatrix) -> LinearFunction:
    """The regression of the scores on the selected measures."""
    return fit_share(table, SELECTED, PENALTY)


def inner_folds(table: FeatureMatrix) -> Sequence[Flags]:
    """What is left out in turn within the data to train on: corpora, or groups of questions if there is only one."""
    corpora = table.corpus_folds
    return corpora if len(corpora) > 1 else table.question_folds(_GROUPS)


def predict_out_of_fold(table: FeatureMatrix, folds: Sequence[Flags]) -> Numbers:
    """Each answer's share by a regression that has not seen its fold."""
    predicted = np.zeros(len(table.scores))
    for held in folds:
        predicted[held] = predict_shares(fit_selected(table.rows(~held)), table.rows(held))
    return predicted
