"""The report of a scorer's agreement with people. Its fields are those of the JSON file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.agreement import (
    Array,
    bias,
    limits_of_agreement,
    mean_absolute_error,
    pearson,
    rmse,
    weighted_kappa,
)
from app.evaluation.calibration import (
    CalibrationBin,
    ConfidenceBin,
    calibration,
    confidence_bins,
    expected_errors,
)
from app.evaluation.human_scored_answers import HumanScoredAnswer
from app.evaluation.intervals import (
    CONFIDENCE_LEVEL,
    RESAMPLES,
    IntervalEstimate,
    Rows,
    Statistic,
    bootstrap_intervals,
    clusters_by_question,
)
from app.services.essays.bulk_scoring import ScoringResult

KAPPA_LEVELS = 5
# With fewer questions the bootstrap intervals are too narrow.
FEW_QUESTIONS = 10
_MEASURES: dict[str, Callable[[Array, Array], float | None]] = {
    "pearson": pearson,
    "rmse": rmse,
    "mean_absolute_error": mean_absolute_error,
    "weighted_kappa": lambda human, machine: weighted_kappa(human, machine, KAPPA_LEVELS),
    "bias": bias,
    "lower_limit": lambda human, machine: limits_of_agreement(human, machine)[0],
    "upper_limit": lambda human, machine: limits_of_agreement(human, machine)[1],
}


@dataclass(frozen=True)
class GroupLine:
    """One group of answers; `to_the_rest` is its bias minus that of all others."""

    name: str
    count: int
    mean_human: float
    mean_machine: float
    bias: IntervalEstimate
    to_the_rest: IntervalEstimate


@dataclass(frozen=True)
class UnscoredAnswers:
    """The answers that have no score for the same reason; `mean_human` shows whether they are like the others."""

    code: str
    detail: str
    count: int
    mean_human: float
    lines: tuple[int, ...]


@dataclass(frozen=True)
class ScoringCost:
    """What all tries took together; `dollars` is None if the model's price is unknown."""

    tries: int
    tokens_in: int
    tokens_out: int
    dollars: float | None
    seconds_for_an_answer: float | None
    seconds: float


@dataclass(frozen=True)
class ScoreLine:
    """Both scores of one answer, 0–1, by its line in the file."""

    line: int
    human: float
    machine: float
    confidence: float
    expected_error: float | None


@dataclass(frozen=True)
class EvaluationSource:
    """The evaluated file and the options."""

    file: str
    scorer: str
    max_score: float
    seed: int
    in_file: int
    group: str | None


@dataclass(frozen=True)
class AgreementReport:
    """Everything that the command prints and writes."""

    source: EvaluationSource
    model: str | None
    prompt_version: str | None
    chosen: int
    scored: int
    questions: int
    drawn: str
    level: float
    resamples: int
    agreement: dict[str, IntervalEstimate]
    calibration: tuple[CalibrationBin, ...]
    confidence: tuple[ConfidenceBin, ...]
    groups: tuple[GroupLine, ...]
    unscored: tuple[UnscoredAnswers, ...]
    cost: ScoringCost
    scores: tuple[ScoreLine, ...]


def build_agreement_report(
    source: EvaluationSource, answers: Sequence[HumanScoredAnswer], outcomes: Sequence[ScoringResult], cost: ScoringCost
) -> AgreementReport:
    """The report. Answers without a score are counted and listed; they are not part of the statistics."""
    scores = [outcome.score for outcome in outcomes if outcome.score]
    rated = [answer for answer, outcome in zip(answers, outcomes, strict=True) if outcome.score]
    human = np.array([answer.score for answer in rated], np.float64)
    machine = np.array([score.share for score in scores], np.float64)
    confidence = np.array([score.confidence for score in scores], np.float64)
    expected = expected_errors(human, scores)
    clusters = clusters_by_question([answer.question_key for answer in rated]) if rated else []
    names = np.array([answer.group for answer in rated], np.str_)
    questions = len({answer.question_key for answer in rated})
    return AgreementReport(
        source=source,
        model=scores[0].model if scores else None,
        prompt_version=scores[0].prompt_version if scores else None,
        chosen=len(answers),
        scored=len(rated),
        questions=questions,
        drawn="questions" if questions > 1 else "answers",
        level=CONFIDENCE_LEVEL,
        resamples=RESAMPLES,
        agreement=agreement(human, machine, clusters, source.seed),
        calibration=calibration(human, machine),
        confidence=confidence_bins(human, machine, confidence, expected),
        groups=groups(human, machine, names, clusters, source.seed) if source.group is not None else (),
        unscored=_unscored(answers, outcomes),
        cost=cost,
        scores=tuple(
            ScoreLine(answer.line, answer.score, score.share, score.confidence, error)
            for answer, score, error in zip(rated, scores, expected, strict=True)
        ),
    )


def agreement(human: Array, machine: Array, clusters: Sequence[Rows], seed: int) -> dict[str, IntervalEstimate]:
    """Each measure with its interval; without values if there are fewer than two answers."""
    if len(human) < 2:
        return dict.fromkeys(_MEASURES, IntervalEstimate(None))

    def over(measure: Callable[[Array, Array], float | None]) -> Statistic:
        return lambda rows: measure(human[rows], machine[rows])

    return bootstrap_intervals({name: over(measure) for name, measure in _MEASURES.items()}, clusters, seed)


def groups(
    human: Array, machine: Array, names: NDArray[np.str_], clusters: Sequence[Rows], seed: int
) -> tuple[GroupLine, ...]:
    """Each group by name. A group that is missing in many draws, because it is in one or two clusters only, gets no
    interval."""
    if not len(human):
        return ()
    difference, inside = machine - human, {str(name): names == name for name in np.unique(names)}
    own = bootstrap_intervals({name: _mean(difference, rows) for name, rows in inside.items()}, clusters, seed)
    to_the_rest = bootstrap_intervals(
        {name: _mean_less_rest(difference, rows) for name, rows in inside.items()}, clusters, seed
    )
    return tuple(
        GroupLine(
            name=name,
            count=int(rows.sum()),
            mean_human=float(human[rows].mean()),
            mean_machine=float(machine[rows].mean()),
            bias=own[name],
            to_the_rest=to_the_rest[name],
        )
        for name, rows in inside.items()
    )


def _mean(values: Array, inside: NDArray[np.bool_]) -> Statistic:
    def statistic(rows: Rows) -> float | None:
        chosen = rows[inside[rows]]
        return float(values[chosen].mean()) if len(chosen) else None

    return statistic


def _mean_less_rest(values: Array, inside: NDArray[np.bool_]) -> Statistic:
    within, without = _mean(values, inside), _mean(values, ~inside)

    def statistic(rows: Rows) -> float | None:
        own, rest = within(rows), without(rows)
        return None if own is None or rest is None else own - rest

    return statistic


def _unscored(answers: Sequence[HumanScoredAnswer], outcomes: Sequence[ScoringResult]) -> tuple[UnscoredAnswers, ...]:
    by_error: dict[tuple[str, str], list[HumanScoredAnswer]] = {}
    for answer, outcome in zip(answers, outcomes, strict=True):
        if outcome.error:
            by_error.setdefault((outcome.error.code, outcome.error.detail), []).append(answer)
    most_first = sorted(by_error.items(), key=lambda entry: -len(entry[1]))
    return tuple(
        UnscoredAnswers(
            code=code,
            detail=detail,
            count=len(unscored),
            mean_human=sum(answer.score for answer in unscored) / len(unscored),
            lines=tuple(answer.line for answer in unscored),
        )
        for (code, detail), unscored in most_first
    )
