"""Fitting the two functions: a logistic regression with signs that are given, and a linear one."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.domain.essay.local_scoring.features import MEASURES
from app.domain.essay.local_scoring.regression import Line, Term
from app.training.table import Numbers, Table

# A made-up answer counts for this much of a real one.
MADE_UP_WEIGHT = 0.3

_STEPS = 100


def fit_share(table: Table, names: Sequence[str], penalty: float) -> Line:
    """A logistic regression of the scores on the named measures, each with the sign of `MEASURES` or 0.

    Minimises the weighted cross entropy plus `penalty` times half the squared coefficients of the scaled measures.
    """
    columns = np.stack([table.column(name) for name in names], axis=1)
    scaled, means, scales = _scaled(columns)
    signs = np.array([MEASURES[name] for name in names])
    # What a discount takes is nothing the regression should learn.
    weights = np.where(table.real, 1.0, MADE_UP_WEIGHT) * table.own * kept(table)
    found = _minimum(np.hstack([np.ones((len(scaled), 1)), scaled * signs]), table.scores, weights, penalty)
    return _line(names, means, scales, found[1:] * signs, float(found[0]))


def fit_linear(columns: Mapping[str, Numbers], targets: Numbers, penalty: float) -> Line:
    """A ridge regression, penalised as `fit_share`, without signs."""
    names = tuple(columns)
    scaled, means, scales = _scaled(np.stack([columns[name] for name in names], axis=1))
    square = scaled.T @ scaled + penalty * np.eye(len(names))
    found = np.linalg.solve(square, scaled.T @ (targets - targets.mean()))
    return _line(names, means, scales, found, float(targets.mean()))


def values(line: Line, columns: Mapping[str, Numbers]) -> Numbers:
    """The line's value in each row."""
    total: Numbers = np.full(len(next(iter(columns.values()))), line.intercept)
    for name, term in line.terms.items():
        total = total + term.coefficient * (columns[name] - term.mean) / term.scale
    return total


def shares(line: Line, table: Table) -> Numbers:
    """The share of the points that the line gives each answer, 0–1; none to those that say nothing of their own."""
    share = _squashed(values(line, {name: table.column(name) for name in line.terms}))
    earned: Numbers = np.where(table.own, share * kept(table), 0.0)
    return earned


def kept(table: Table) -> Numbers:
    """What the discounts leave of each answer's estimate, 0–1."""
    left: Numbers = np.prod([1.0 - most * table.column(name) for name, most in DISCOUNTS.items()], axis=0)
    return left


def _minimum(rows: Numbers, targets: Numbers, weights: Numbers, penalty: float) -> Numbers:
    """Newton's method on the coefficients that are free; the first is the intercept, all others stay at 0 or above."""
    found = np.zeros(rows.shape[1])
    ridge = np.full(len(found), penalty)
    ridge[0] = 1e-9
    for _ in range(_STEPS):
        share = _squashed(rows @ found)
        slope = rows.T @ (weights * (share - targets)) + ridge * found
        free = (found > 0) | (slope < 0)
        free[0] = True
        if np.abs(slope[free]).max() < 1e-8:
            break
        inside = rows[:, free]
        curve = (inside * (weights * share * (1 - share))[:, None]).T @ inside + np.diag(ridge[free])
        step = np.zeros(len(found))
        step[free] = np.linalg.solve(curve, slope[free])
        found = _improved(found, step, lambda at: _loss(rows, targets, weights, ridge, at))
    return found


def _improved(found: Numbers, step: Numbers, loss: Callable[[Numbers], float]) -> Numbers:
    """A step against the slope, halved until it helps, and cut off at 0."""
    before = loss(found)
    for halvings in range(30):
        tried: Numbers = found - step / 2**halvings
        tried[1:] = np.maximum(tried[1:], 0.0)
        if loss(tried) <= before:
            return tried
    return found


def _loss(rows: Numbers, targets: Numbers, weights: Numbers, ridge: Numbers, at: Numbers) -> float:
    value = rows @ at
    return float(weights @ (np.logaddexp(0, value) - targets * value) + ridge @ at**2 / 2)


def _squashed(value: Numbers) -> Numbers:
    share: Numbers = 0.5 * (1.0 + np.tanh(value / 2))
    return share


def _scaled(columns: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    means, scales = columns.mean(axis=0), columns.std(axis=0)
    scales = np.where(scales > 1e-9, scales, 1.0)
    return (columns - means) / scales, means, scales


def _line(names: Sequence[str], means: Numbers, scales: Numbers, found: Numbers, intercept: float) -> Line:
    terms = zip(names, means.tolist(), scales.tolist(), found.tolist(), strict=True)
    return Line(intercept, {name: Term(mean, scale, coefficient) for name, mean, scale, coefficient in terms})
