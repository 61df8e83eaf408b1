"""How far scores and confidences can be relied on: fifths of the scores, and thirds of the confidences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.agreement import Array, mean_absolute_error, rmse
from app.domain.essay.score import EssayScore
from app.evaluation.intervals import Rows


@dataclass(frozen=True)
class CalibrationBin:
    """One fifth of the answers by the machine's score; equal scores stay together."""

    lowest: float
    highest: float
    count: int
    mean_machine: float
    mean_human: float


@dataclass(frozen=True)
class ConfidenceBin:
    """One third of the answers by the machine's confidence; no measured errors for a single answer."""

    lowest: float
    highest: float
    count: int
    rmse: float | None
    mean_absolute_error: float | None
    expected_error: float | None
    """The mean absolute error that the scorer itself expects; None for one that does not say."""


def calibration(human: Array, machine: Array) -> tuple[CalibrationBin, ...]:
    """Mean scores of both sides by fifths of the machine's score."""
    return tuple(
        CalibrationBin(
            lowest=float(machine[rows].min()),
            highest=float(machine[rows].max()),
            count=len(rows),
            mean_machine=float(machine[rows].mean()),
            mean_human=float(human[rows].mean()),
        )
        for rows in _bins(machine, 5)
    )


def confidence_bins(
    human: Array, machine: Array, confidence: Array, expected: Sequence[float | None]
) -> tuple[ConfidenceBin, ...]:
    """The errors by thirds of the confidence; if the confidence means anything, they fall as it rises."""
    return tuple(
        ConfidenceBin(
            lowest=float(confidence[rows].min()),
            highest=float(confidence[rows].max()),
            count=len(rows),
            rmse=rmse(human[rows], machine[rows]) if len(rows) > 1 else None,
            mean_absolute_error=mean_absolute_error(human[rows], machine[rows]) if len(rows) > 1 else None,
            expected_error=_mean_or_none([expected[row] for row in rows]),
        )
        for rows in _bins(confidence, 3)
    )


def expected_errors(human: Array, scores: Sequence[EssayScore]) -> list[float | None]:
    """What the scorer expects beside such grades: people who grade right or wrong only are farther from estimates."""
    binary = bool(np.isin(human, (0.0, 1.0)).all())
    name = "expected_binary_error" if binary else "expected_error"
    return [(score.figures or {}).get(name) for score in scores]


def _mean_or_none(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _bins(values: Array, count: int) -> list[Rows]:
    """The rows split by quantiles of the values into at most `count` bins, lowest first."""
    if not len(values):
        return []
    edges = np.quantile(values, np.arange(1, count) / count)
    bins = np.searchsorted(edges, values, side="left")
    return [np.flatnonzero(bins == number) for number in np.unique(bins)]
