"""How well unseen questions are scored: each question is held out in turn, also from choosing measures and settings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from app.domain.agreement import mean_absolute_error, pearson, rmse, weighted_kappa
from app.domain.essay.local_scoring.regression import Line, confidence_at, error_measures
from app.training.choosing import GROUPS, Choice, choose, out_of_fold
from app.training.fitting import fit_linear, shares, values
from app.training.table import COLUMNS, Numbers, Progress, Table

# Many measures say how far off an estimate is, all of them weakly.
_ERROR_PENALTY = 100.0

# Fewer words than this are a refusal ("No response."), which any scorer tells from an answer.
_FEWEST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Figures:
    """Agreement with the people's scores; None where a scorer gives all answers the same."""

    pearson: float | None
    rmse: float
    kappa: float | None

    @classmethod
    def of(cls, human: Numbers, machine: Numbers) -> "Figures":
        """Rounded to three digits."""
        linear, kappa = pearson(human, machine), weighted_kappa(human, machine, levels=5)
        return cls(_rounded(linear), round(rmse(human, machine), 3), _rounded(kappa))

    def stored(self) -> dict[str, float | None]:
        """As they go into the file."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Validated:
    """The estimate and the confidence of each real answer, both by regressions that have not seen its question."""

    human: Numbers
    machine: Numbers
    confidence: Numbers
    choices: tuple[Choice, ...]


def validate(table: Table, progress: Progress) -> Validated:
    """Nested cross-validation by question; `progress` is called after each question."""
    machine, confidence = np.zeros(len(table.scores)), np.zeros(len(table.scores))
    choices = []
    for fold in table.folds:
        held = table.questions == fold
        rest, test = table.where(~held), table.where(held)
        choice = choose(rest)
        machine[held] = shares(choice.fit(rest), test)
        confidence[held] = confidences(fit_error(rest, choice), test, machine[held])
        choices.append(choice)
        progress()
    real = table.real
    return Validated(table.scores[real], machine[real], confidence[real], tuple(choices))


def fit_error(table: Table, choice: Choice) -> Line:
    """A regression of the absolute error that real answers to unseen questions had."""
    machine = out_of_fold(table, choice, GROUPS)
    real = table.where(table.real)
    machine = machine[table.real]
    return fit_linear(_telling(real, machine), np.abs(machine - real.scores), _ERROR_PENALTY)


def confidences(error: Line, table: Table, machine: Numbers) -> Numbers:
    """The confidence of each estimate."""
    return np.array([confidence_at(one) for one in values(error, _telling(table, machine)).tolist()])


def thirds(found: Validated) -> list[dict[str, float]]:
    """Mean confidence, mean absolute error and RMSE of the third with the least confidence, the next and the last."""
    order = np.argsort(found.confidence, kind="stable")
    return [
        {
            "confidence": round(float(found.confidence[part].mean()), 2),
            "mean_absolute_error": round(mean_absolute_error(found.human[part], found.machine[part]), 3),
            "rmse": round(rmse(found.human[part], found.machine[part]), 3),
        }
        for part in np.array_split(order, 3)
    ]


def answered(texts: Sequence[str]) -> np.ndarray:
    """Which texts are more than a refusal."""
    return np.array([len(text.split()) >= _FEWEST_WORDS for text in texts])


def _telling(table: Table, machine: Numbers) -> Mapping[str, Numbers]:
    columns = {name: table.column(name) for name in COLUMNS}
    rows = [
        error_measures({name: float(column[place]) for name, column in columns.items()}, float(machine[place]))
        for place in range(len(machine))
    ]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
