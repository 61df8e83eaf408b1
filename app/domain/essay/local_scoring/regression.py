"""The trained part of the estimate: `coefficients.json`, which `python -m app.training` writes."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

# An estimate by nearness never knows whether a statement is true, so it claims little.
MOST_CONFIDENCE = 0.6

# The mean absolute error at which nothing is left to be confident of: half of all points.
HOPELESS_ERROR = 0.5

COEFFICIENTS = "coefficients.json"

# The measures that say how sure an estimate can be.
_TELLING = ("gain", "ideas", "meaning", "length", "demands")


@dataclass(frozen=True, slots=True)
class Term:
    """A measure's part: it is centred, scaled and then weighted."""

    mean: float
    scale: float
    coefficient: float


@dataclass(frozen=True, slots=True)
class Line:
    """A linear function of named measures."""

    intercept: float
    terms: Mapping[str, Term]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Line":
        """The function as stored. Raises KeyError or TypeError where it is of another shape."""
        return cls(stored["intercept"], {name: Term(**term) for name, term in stored["terms"].items()})

    def at(self, measures: Mapping[str, float]) -> float:
        """Its value. Raises KeyError for a measure that is missing."""
        return self.intercept + sum(
            term.coefficient * (measures[name] - term.mean) / term.scale for name, term in self.terms.items()
        )


@dataclass(frozen=True, slots=True)
class Regression:
    """Two functions of the measures: of the share of points, and of the error to be expected."""

    share: Line
    error: Line
    discounts: Mapping[str, float]

    def estimate(self, measures: Mapping[str, float]) -> float:
        """The share of the points, 0–1."""
        kept = math.prod(1.0 - most * measures[name] for name, most in self.discounts.items())
        return squashed(self.share.at(measures)) * kept

    def confidence(self, measures: Mapping[str, float], share: float) -> float:
        """How far the estimate can be relied on, 0–`MOST_CONFIDENCE`; falls as the expected error grows."""
        return confidence_at(self.error.at(error_measures(measures, share)))


@cache
def trained() -> Regression:
    """The regression that comes with the package."""
    stored = json.loads(files(__package__).joinpath(COEFFICIENTS).read_text(encoding="utf-8"))
    return Regression(Line.of(stored["share"]), Line.of(stored["error"]), stored["discounts"])


def squashed(value: float) -> float:
    """The logistic function, 0–1, without overflow."""
    return 0.5 * (1.0 + math.tanh(value / 2))


def confidence_at(error: float) -> float:
    """The confidence that goes with a mean absolute error to be expected, both as shares of the points."""
    return MOST_CONFIDENCE * (1.0 - min(1.0, max(0.0, error / HOPELESS_ERROR)))


def error_measures(measures: Mapping[str, float], share: float) -> dict[str, float]:
    """What the expected error depends on: the estimate, and the measures that say how sure it can be."""
    return {
        "middle": 4 * share * (1 - share),
        "share": share,
        **{name: measures[name] for name in _TELLING},
    }
