"""Fits the two functions of the local scorer: a logistic regression with fixed signs, and a linear one."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]

from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.domain.essay.local_scoring.features import MEASURES
from app.domain.essay.local_scoring.regression import LinearFunction, Term
from app.training.feature_matrix import FeatureMatrix, Numbers

# The weight of a synthetic answer; a real one has 1.
SYNTHETIC_WEIGHT = 0.3

# The intercept is not penalized, but for what keeps the solution unique.
_INTERCEPT_PENALTY = 1e-9


def fit_share(table: FeatureMatrix, names: Sequence[str], penalty: float) -> LinearFunction:
    """A logistic regression of the scores on the named measures, each with the sign of `MEASURES` or 0.

    Minimizes the weighted cross entropy plus `penalty` times half the squared coefficients of the scaled measures.
    """
    columns = np.stack([table.column(name) for name in names], axis=1)
    scaled, means, scales = _scale(columns)
    signs = np.array([MEASURES[name] for name in names])
    # The regression shall not learn what a discount takes away.
    weights = np.where(table.real, 1.0, SYNTHETIC_WEIGHT) * table.own * remaining_share(table)
    rows = np.hstack([np.ones((len(scaled), 1)), scaled * signs])
    coefficients = _minimize(rows, table.scores, weights, penalty)
    return _linear_function(names, means, scales, coefficients[1:] * signs, float(coefficients[0]))


def fit_linear(columns: Mapping[str, Numbers], targets: Numbers, penalty: float) -> LinearFunction:
    """A ridge regression, penalized like `fit_share`, without fixed signs."""
    names = tuple(columns)
    scaled, means, scales = _scale(np.stack([columns[name] for name in names], axis=1))
    square = scaled.T @ scaled + penalty * np.eye(len(names))
    coefficients = np.linalg.solve(square, scaled.T @ (targets - targets.mean()))
    return _linear_function(names, means, scales, coefficients, float(targets.mean()))


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


def _minimize(rows: Numbers, targets: Numbers, weights: Numbers, penalty: float) -> Numbers:
    """The best coefficients: the first is the intercept, all others are at least 0."""
    ridge = np.full(rows.shape[1], penalty)
    ridge[0] = _INTERCEPT_PENALTY

    def loss_and_gradient(coefficients: Numbers) -> tuple[float, Numbers]:
        values = rows @ coefficients
        loss = weights @ (np.logaddexp(0, values) - targets * values) + ridge @ coefficients**2 / 2
        gradient: Numbers = rows.T @ (weights * (_logistic(values) - targets)) + ridge * coefficients
        return float(loss), gradient

    bounds = [(None, None), *[(0.0, None)] * (rows.shape[1] - 1)]
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
