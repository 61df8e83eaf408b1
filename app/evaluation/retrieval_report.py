"""The report of how good the recommendations are. Its fields are those of the JSON file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from uuid import UUID

import numpy as np

from app.domain.recommendation.query import MAX_RECOMMENDATIONS
from app.evaluation.false_reasons import FalseReason, find_false_reasons
from app.evaluation.intervals import CONFIDENCE_LEVEL, RESAMPLES, IntervalEstimate, Statistic, bootstrap_intervals
from app.evaluation.labelled_queries import LabelledQuery, LabelledSet
from app.evaluation.retrieval_measures import acceptable_share, ndcg, recall, reciprocal_rank
from app.services.recommendations.evaluate_retrieval import RecommendedByMethod, TrialRecommendations

METHODS = tuple(field.name for field in fields(RecommendedByMethod))
_MEASURES: dict[str, Callable[[Sequence[int], Sequence[int]], float]] = {
    "recall": recall,
    "ndcg": ndcg,
    "reciprocal_rank": lambda grades, _: reciprocal_rank(grades),
    "acceptable": lambda grades, _: acceptable_share(grades),
}
MEASURES = tuple(_MEASURES)
MeasuresByMethod = dict[str, dict[str, IntervalEstimate]]
"""By method and measure."""


@dataclass(frozen=True)
class QueryLine:
    """One query: by method, the recommended titles, best first, and their grades (0 is not acceptable), and those that
    the student had refused."""

    id: str
    half: str
    titles: dict[str, tuple[str, ...]]
    grades: dict[str, tuple[int, ...]]
    refused: dict[str, tuple[str, ...]]
    measures: dict[str, dict[str, float]]


@dataclass(frozen=True)
class RetrievalReport:
    """Everything that the command prints and writes. `gain` is how much better the combination is than each single
    method, query by query. `free_of_refused` is the share of the `refusing` queries, those of students who do not want
    or already hold something, for which nothing of that was recommended. `false_reasons` are those of the `reasons` for
    the combination's recommendations, of queries whose labels say what the student names."""

    file: str
    catalogue: str
    credentials: int
    queries: int
    model: str
    seed: int
    level: float
    resamples: int
    top: int
    figures: MeasuresByMethod
    halves: dict[str, MeasuresByMethod]
    half_sizes: dict[str, int]
    gain: MeasuresByMethod
    refusing: int
    free_of_refused: dict[str, float]
    reasons: int
    false_reasons: tuple[FalseReason, ...]
    lines: tuple[QueryLine, ...]


def build_retrieval_report(
    file: str, catalogue: str, labelled: LabelledSet, recommended: Sequence[TrialRecommendations], model: str, seed: int
) -> RetrievalReport:
    """The report, with 95 % bootstrap intervals over the queries."""
    titles = {credential_id: title for title, (credential_id, _) in labelled.credentials.items()}
    pairs = list(zip(labelled.queries, recommended, strict=True))
    lines = tuple(_line(query, trial.by_method, titles) for query, trial in pairs)
    judged = [(query, trial.reasons) for query, trial in pairs if query.named is not None]
    halves = {half: [line for line in lines if line.half == half] for half in ("a", "b")}
    return RetrievalReport(
        file=file,
        catalogue=catalogue,
        credentials=len(titles),
        queries=len(lines),
        model=model,
        seed=seed,
        level=CONFIDENCE_LEVEL,
        resamples=RESAMPLES,
        top=MAX_RECOMMENDATIONS,
        figures=_means(lines, seed),
        halves={half: _means(half_lines, seed) for half, half_lines in halves.items() if half_lines},
        half_sizes={half: len(half_lines) for half, half_lines in halves.items()},
        gain=_gain(lines, seed),
        refusing=len(refusing := [line for line, query in zip(lines, labelled.queries, strict=True) if query.refused]),
        free_of_refused={
            method: sum(not line.refused[method] for line in refusing) / len(refusing) for method in METHODS if refusing
        },
        reasons=sum(len(reasons) for _, reasons in judged),
        false_reasons=tuple(
            reason
            for query, reasons in judged
            for reason in find_false_reasons(query, reasons, [titles[line.credential_id] for line in reasons])
        ),
        lines=lines,
    )


def _line(query: LabelledQuery, recommended: RecommendedByMethod, titles: Mapping[UUID, str]) -> QueryLine:
    named = {
        method: tuple(titles[credential_id] for credential_id in ids) for method, ids in asdict(recommended).items()
    }
    grades = {method: tuple(query.accept.get(title, 0) for title in of_method) for method, of_method in named.items()}
    accepted = tuple(query.accept.values())
    measures = {
        method: {name: measure(of_method, accepted) for name, measure in _MEASURES.items()}
        for method, of_method in grades.items()
    }
    refused = {
        method: tuple(title for title in of_method if title in query.refused) for method, of_method in named.items()
    }
    return QueryLine(query.id, query.half, named, grades, refused, measures)


def _means(lines: Sequence[QueryLine], seed: int) -> MeasuresByMethod:
    values = {
        (method, name): [line.measures[method][name] for line in lines] for method in METHODS for name in MEASURES
    }
    return _estimates(values, seed)


def _gain(lines: Sequence[QueryLine], seed: int) -> MeasuresByMethod:
    """Differences on the same queries have an interval of their own, narrower than those of the two methods."""
    values = {
        (method, name): [line.measures["both"][name] - line.measures[method][name] for line in lines]
        for method in METHODS
        if method != "both"
        for name in MEASURES
    }
    return _estimates(values, seed)


def _estimates(values: Mapping[tuple[str, str], Sequence[float]], seed: int) -> MeasuresByMethod:
    count = len(next(iter(values.values())))
    statistics = {f"{method} {name}": _mean(column) for (method, name), column in values.items()}
    estimates = bootstrap_intervals(statistics, [np.array([row], np.intp) for row in range(count)], seed)
    by_method: MeasuresByMethod = {}
    for method, name in values:
        by_method.setdefault(method, {})[name] = estimates[f"{method} {name}"]
    return by_method


def _mean(column: Sequence[float]) -> Statistic:
    values = np.array(column, np.float64)
    return lambda rows: float(values[rows].mean())
