"""How well the scorer and the baselines agree with people on each corpus that was left out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from app.domain.agreement import mean_absolute_error, pearson, rmse, weighted_kappa
from app.training.cross_validation import HeldOutEstimates
from app.training.feature_matrix import Flags, Names, Numbers

SCORER = "this scorer"


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


def agreement_by_corpus(
    estimates: HeldOutEstimates, baselines: Mapping[str, Numbers], corpora: Names, rows: Flags
) -> dict[str, dict[str, Any]]:
    """For each corpus and scorer the agreement on these rows."""
    predictions = {SCORER: estimates.machine, **baselines}
    return {
        corpus: {
            name: _agreement(name, estimates.human[chosen], predicted[chosen])
            for name, predicted in predictions.items()
        }
        for corpus in dict.fromkeys(corpora.tolist())
        for chosen in [rows & (corpora == corpus)]
    }


def thirds_by_confidence(estimates: HeldOutEstimates, corpora: Names, rows: Flags) -> dict[str, list[dict[str, float]]]:
    """For each corpus, the thirds of the estimates on these rows, the least confident first: their mean confidence,
    expected and actual errors."""
    return {
        corpus: [_third(estimates, part) for part in np.array_split(_by_confidence(estimates, chosen), 3)]
        for corpus in dict.fromkeys(corpora.tolist())
        for chosen in [np.flatnonzero(rows & (corpora == corpus))]
    }


def _agreement(name: str, human: Numbers, machine: Numbers) -> dict[str, Any]:
    agreement = asdict(Agreement.between(human, machine))
    # The correlation of a mean would only show that a fold's mean falls as the held-out question's rises.
    return {**agreement, "pearson": None} if name == "mean" else agreement


def _by_confidence(estimates: HeldOutEstimates, chosen: Any) -> Any:
    return chosen[np.argsort(estimates.confidence[chosen], kind="stable")]


def _third(estimates: HeldOutEstimates, part: Any) -> dict[str, float]:
    human, machine = estimates.human[part], estimates.machine[part]
    return {
        "confidence": round(float(estimates.confidence[part].mean()), 2),
        "expected_error": round(float(estimates.expected_error[part].mean()), 3),
        "expected_binary_error": round(float(estimates.expected_binary_error[part].mean()), 3),
        "mean_absolute_error": round(mean_absolute_error(human, machine), 3),
        "rmse": round(rmse(human, machine), 3),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
