"""What an evaluation of the ranking finds. Its fields are those of the JSON file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from uuid import UUID

import numpy as np

from app.domain.recommendation.query import MAX_RECOMMENDATIONS
from app.evaluation.intervals import LEVEL, RESAMPLES, Figure, Statistic, figures
from app.evaluation.labelled import Labelled, LabelledQuery
from app.evaluation.retrieval_measures import acceptable, ndcg, recall, reciprocal_rank
from app.services.recommendations.evaluate import RecommendedByMethod

WAYS = tuple(field.name for field in fields(RecommendedByMethod))
_MEASURES: dict[str, Callable[[Sequence[int], Sequence[int]], float]] = {
    "recall": recall,
    "ndcg": ndcg,
    "reciprocal_rank": lambda grades, _: reciprocal_rank(grades),
    "acceptable": lambda grades, _: acceptable(grades),
}
MEASURES = tuple(_MEASURES)
Figures = dict[str, dict[str, Figure]]
"""By way and measure."""


@dataclass(frozen=True)
class QueryLine:
    """One query: by way the titles recommended, best first, and their grades; 0 is not acceptable."""

    id: str
    half: str
    titles: dict[str, tuple[str, ...]]
    grades: dict[str, tuple[int, ...]]
    measures: dict[str, dict[str, float]]


@dataclass(frozen=True)
class RetrievalReport:
    """Everything that is shown. `gain` is by how much both joined are better than each single way, query by query."""

    file: str
    catalogue: str
    credentials: int
    queries: int
    model: str
    seed: int
    level: float
    resamples: int
    top: int
    figures: Figures
    halves: dict[str, Figures]
    half_sizes: dict[str, int]
    gain: Figures
    lines: tuple[QueryLine, ...]


def retrieval_report(
    file: str, catalogue: str, labelled: Labelled, tried: Sequence[RecommendedByMethod], model: str, seed: int
) -> RetrievalReport:
    """All figures, with 95 % intervals over queries drawn anew."""
    titles = {credential_id: title for title, (credential_id, _) in labelled.catalogue.items()}
    lines = tuple(_line(query, found, titles) for query, found in zip(labelled.queries, tried, strict=True))
    halves = {half: [line for line in lines if line.half == half] for half in ("a", "b")}
    return RetrievalReport(
        file=file,
        catalogue=catalogue,
        credentials=len(titles),
        queries=len(lines),
        model=model,
        seed=seed,
        level=LEVEL,
        resamples=RESAMPLES,
        top=MAX_RECOMMENDATIONS,
        figures=_means(lines, seed),
        halves={half: _means(own, seed) for half, own in halves.items() if own},
        half_sizes={half: len(own) for half, own in halves.items()},
        gain=_gain(lines, seed),
        lines=lines,
    )


def _line(query: LabelledQuery, found: RecommendedByMethod, titles: Mapping[UUID, str]) -> QueryLine:
    by_way = {way: tuple(titles[one] for one in getattr(found, way)) for way in WAYS}
    grades = {way: tuple(query.accept.get(title, 0) for title in named) for way, named in by_way.items()}
    accepted = tuple(query.accept.values())
    measures = {
        way: {name: measure(graded, accepted) for name, measure in _MEASURES.items()} for way, graded in grades.items()
    }
    return QueryLine(query.id, query.half, by_way, grades, measures)


def _means(lines: Sequence[QueryLine], seed: int) -> Figures:
    values = {f"{way} {name}": [line.measures[way][name] for line in lines] for way, name in _cells(WAYS)}
    return _by_way(values, WAYS, seed)


def _gain(lines: Sequence[QueryLine], seed: int) -> Figures:
    """On the same queries, so the difference has an interval of its own, narrower than those of both."""
    single = [way for way in WAYS if way != "both"]
    values = {
        f"{way} {name}": [line.measures["both"][name] - line.measures[way][name] for line in lines]
        for way, name in _cells(single)
    }
    return _by_way(values, single, seed)


def _cells(ways: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((way, name) for way in ways for name in MEASURES)


def _by_way(values: Mapping[str, Sequence[float]], ways: Sequence[str], seed: int) -> Figures:
    count = len(next(iter(values.values())))
    drawn = figures(
        {key: _mean(column) for key, column in values.items()}, [np.array([row], np.intp) for row in range(count)], seed
    )
    return {way: {name: drawn[f"{way} {name}"] for name in MEASURES} for way in ways}


def _mean(column: Sequence[float]) -> Statistic:
    values = np.array(column, np.float64)
    return lambda rows: float(values[rows].mean())
