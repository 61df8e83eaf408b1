"""Fits the two functions of the local scorer: a logistic regression with fixed signs, and a linear one."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]

from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.domain.essay.local_scoring.features import MEASURES
from app.domain.essay.local_scoring.regression import LinearFunction, Term
from app.training.feature_matrix import FeatureMatrix, Flags, Numbers

# The weight of a synthetic answer; a real one has 1. With less, answers off the topic get points for their length.
SYNTHETIC_WEIGHT = 4.0

# The intercepts are not penalized, but for what keeps the solution unique.
_INTERCEPT_PENALTY = 1e-9


def fit_share(table: FeatureMatrix, names: Sequence[str], penalty: float) -> LinearFunction:
    """A logistic regression of the scores on the named measures, each with the sign of `MEASURES` or 0.

    Minimizes the weighted cross entropy plus `penalty` times half the squared coefficients of the scaled measures. All
    corpora count alike. Each has an intercept of its own, since graders differ in how strict they are; the function's
    intercept is that of the corpora with partial credit, because right or wrong says which answer is better, not how
    many points a middling one gets.
    """
    columns = np.stack([table.column(name) for name in names], axis=1)
    scaled, means, scales = _scale(columns)
    signs = np.array([MEASURES[name] for name in names])
    corpora = np.stack(table.corpus_folds, axis=1).astype(np.float64)
    # The regression shall not learn what a discount takes away.
    weights = np.where(table.real, 1.0, SYNTHETIC_WEIGHT) * table.own * remaining_share(table) * corpus_weights(table)
    coefficients = _minimize(np.hstack([corpora, scaled * signs]), corpora.shape[1], table.scores, weights, penalty)
    intercepts, slopes = np.split(coefficients, [corpora.shape[1]])
    return _linear_function(names, means, scales, slopes * signs, float(intercepts[_graded(table)].mean()))


def fit_linear(columns: Mapping[str, Numbers], targets: Numbers, penalty: float) -> LinearFunction:
    """A ridge regression, penalized like `fit_share`, without fixed signs."""
    names = tuple(columns)
    scaled, means, scales = _scale(np.stack([columns[name] for name in names], axis=1))
    square = scaled.T @ scaled + penalty * np.eye(len(names))
    coefficients = np.linalg.solve(square, scaled.T @ (targets - targets.mean()))
    return _linear_function(names, means, scales, coefficients, float(targets.mean()))


def fit_within_corpora(
    table: FeatureMatrix, columns: Mapping[str, Numbers], targets: Numbers, penalty: float
) -> LinearFunction:
    """A ridge regression without fixed signs in which all corpora count alike and each has its own intercept, as in
    `fit_share`."""
    names, weights = tuple(columns), corpus_weights(table)
    scaled, means, scales = _scale(np.stack([columns[name] for name in names], axis=1))
    centred, aims = scaled.copy(), targets.copy()
    for rows in table.corpus_folds:
        centred[rows] -= scaled[rows].mean(axis=0)
        aims[rows] -= targets[rows].mean()
    square = centred.T @ (centred * weights[:, None]) + penalty * np.eye(len(names))
    coefficients = np.asarray(np.linalg.solve(square, centred.T @ (weights * aims)), np.float64)
    rest = targets - scaled @ coefficients
    folds = table.corpus_folds
    intercept = float(np.mean([rest[folds[place]].mean() for place in _graded(table)]))
    return _linear_function(names, means, scales, coefficients, intercept)


def align(shares: Numbers, scores: Numbers) -> Numbers:
    """The shares with their log odds shifted, so that their mean is that of the scores: as if the grader's strictness
    were known."""
    odds = np.log(np.clip(shares, 1e-4, 1 - 1e-4) / (1 - np.clip(shares, 1e-4, 1 - 1e-4)))
    low, high = -10.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _logistic(odds + middle).mean() < scores.mean() else (low, middle)
    return _logistic(odds + low)


def predict(function: LinearFunction, columns: Mapping[str, Numbers]) -> Numbers:
    """The function's value in each row."""
    total: Numbers = np.full(len(next(iter(columns.values()))), function.intercept)
    for name, term in function.terms.items():
        total = total + term.coefficient * (columns[name] - term.mean) / term.scale
    return total


def predict_shares(function: LinearFunction, table: FeatureMatrix) -> Numbers:
    """The share of the points that each answer gets, 0–1; 0 for those that only copy the question."""
    share = _logistic(predict(function, {name: table.column(name) for name in function.terms}))
    shares: Numbers = np.where(table.own, share * remaining_share(table), 0.0)
    return shares


def remaining_share(table: FeatureMatrix) -> Numbers:
    """What the discounts leave of each answer's estimate, 0–1."""
    remaining: Numbers = np.prod([1.0 - most * table.column(name) for name, most in DISCOUNTS.items()], axis=0)
    return remaining


def corpus_weights(table: FeatureMatrix) -> Numbers:
    """The weight of each row: the same total for each corpus, 1 on average."""
    weights = np.ones(len(table.scores))
    for rows in table.corpus_folds:
        weights[rows] = len(rows) / len(table.corpus_folds) / rows.sum()
    return weights


def graded_rows(table: FeatureMatrix) -> Flags:
    """The rows of the corpora whose answers got partial credit; all, if there are none."""
    rows: Flags = np.any([table.corpus_folds[place] for place in _graded(table)], axis=0)
    return rows


def binary_rows(table: FeatureMatrix) -> Flags:
    """The rows of the corpora whose answers were only right or wrong; all, if there are none."""
    folds = [rows for rows in table.corpus_folds if _is_binary(table.scores[rows & table.real])]
    chosen: Flags = np.any(folds or table.corpus_folds, axis=0)
    return chosen


def _graded(table: FeatureMatrix) -> Sequence[int]:
    """The places of the corpora whose answers got partial credit; of all, if there are none."""
    folds = table.corpus_folds
    graded = [place for place, rows in enumerate(folds) if not _is_binary(table.scores[rows & table.real])]
    return graded or range(len(folds))


def _is_binary(scores: Numbers) -> bool:
    return set(scores.tolist()) <= {0.0, 1.0}


def _minimize(rows: Numbers, intercepts: int, targets: Numbers, weights: Numbers, penalty: float) -> Numbers:
    """The best coefficients: the first are the intercepts, all others are at least 0."""
    ridge = np.full(rows.shape[1], penalty)
    ridge[:intercepts] = _INTERCEPT_PENALTY

    def loss_and_gradient(coefficients: Numbers) -> tuple[float, Numbers]:
        values = rows @ coefficients
        loss = weights @ (np.logaddexp(0, values) - targets * values) + ridge @ coefficients**2 / 2
        gradient: Numbers = rows.T @ (weights * (_logistic(values) - targets)) + ridge * coefficients
        return float(loss), gradient

    bounds = [(None, None)] * intercepts + [(0.0, None)] * (rows.shape[1] - intercepts)
    result = minimize(
        loss_and_gradient,
        np.zeros(rows.shape[1]),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 1000},
    )
    coefficients: Numbers = result.x
    return coefficients


def _logistic(values: Numbers) -> Numbers:
    share: Numbers = 0.5 * (1.0 + np.tanh(values / 2))
    return share


def _scale(columns: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    means, scales = columns.mean(axis=0), columns.std(axis=0)
    scales = np.where(scales > 1e-9, scales, 1.0)
    return (columns - means) / scales, means, scales


def _linear_function(
    names: Sequence[str], means: Numbers, scales: Numbers, coefficients: Numbers, intercept: float
) -> LinearFunction:
    terms = zip(names, means.tolist(), scales.tolist(), coefficients.tolist(), strict=True)
    return LinearFunction(intercept, {name: Term(mean, scale, coefficient) for name, mean, scale, coefficient in terms})
