"""The trained regression of the local scorer, read from `coefficients.json`, which `python -m app.training` writes."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

# An estimate by similarity does not know whether a statement is true, so its confidence is never high.
MAX_CONFIDENCE = 0.6

# The expected mean absolute error from which on the confidence is 0: half of all points.
ZERO_CONFIDENCE_ERROR = 0.5

COEFFICIENTS_FILE = "coefficients.json"

# The measures that the expected error depends on.
_ERROR_MEASURES = ("recall", "meaning", "terms", "length")


# Essays are longer than most answers that were trained on, and no worse estimated for it.
_NO_DISTANCE = frozenset({"relevant_length"})


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a linear function: the measure is centred, scaled and then multiplied by the coefficient."""

    mean: float
    scale: float
    coefficient: float


@dataclass(frozen=True, slots=True)
class LinearFunction:
    """A linear function of named measures."""

    intercept: float
    terms: Mapping[str, Term]

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "LinearFunction":
        """The function in the form of the file. Raises KeyError or TypeError for another form."""
        return cls(stored["intercept"], {name: Term(**term) for name, term in stored["terms"].items()})

    def value(self, measures: Mapping[str, float]) -> float:
        """Its value for these measures. Raises KeyError for a missing one."""
        return self.intercept + sum(
            term.coefficient * (measures[name] - term.mean) / term.scale for name, term in self.terms.items()
        )


@dataclass(frozen=True, slots=True)
class Regression:
    """Functions of the measures: the share of points, and the expected errors of that estimate."""

    share: LinearFunction
    error: LinearFunction
    """The error beside grades with partial credit."""
    binary_error: LinearFunction
    """The error beside grades that are right or wrong only."""
    discounts: Mapping[str, float]

    def estimate(self, measures: Mapping[str, float]) -> float:
        """The share of the points, 0–1."""
        remaining = math.prod(1.0 - most * measures[name] for name, most in self.discounts.items())
        return logistic(self.share.value(measures)) * remaining

    def expected_error(self, measures: Mapping[str, float], share: float, *, binary: bool = False) -> float:
        """The mean absolute error that is expected of such an estimate, 0–1; `binary` for grades that are right or
        wrong only."""
        function = self.binary_error if binary else self.error
        return min(1.0, max(0.0, function.value(error_measures(measures, share))))

    def distance(self, measures: Mapping[str, float]) -> float:
        """How far the measures are from those of the answers that were trained on: the largest number of standard
        deviations from the mean."""
        terms = {name: term for name, term in self.share.terms.items() if name not in _NO_DISTANCE}
        return max((abs(measures[name] - term.mean) / term.scale for name, term in terms.items()), default=0.0)


@cache
def load_regression() -> Regression:
    """The regression that comes with the package."""
    stored = json.loads(files(__package__).joinpath(COEFFICIENTS_FILE).read_text(encoding="utf-8"))
    share, error, binary_error = (
        LinearFunction.from_stored(stored[name]) for name in ("share", "error", "binary_error")
    )
    return Regression(share, error, binary_error, stored["discounts"])


def logistic(value: float) -> float:
    """The logistic function, 0–1, without overflow."""
    return 0.5 * (1.0 + math.tanh(value / 2))


def confidence_for_error(error: float) -> float:
    """The confidence for an expected mean absolute error, as a share of the points."""
    return MAX_CONFIDENCE * (1.0 - min(1.0, max(0.0, error / ZERO_CONFIDENCE_ERROR)))


def error_measures(measures: Mapping[str, float], share: float) -> dict[str, float]:
    """The input of the function of the expected error: values that follow from the estimate, and some measures."""
    return {
        "middle": 4 * share * (1 - share),
        "share": share,
        **{name: measures[name] for name in _ERROR_MEASURES},
    }
