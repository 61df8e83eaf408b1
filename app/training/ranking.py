"""Fits the weights of the ranking to labelled queries (their half a), prints how well it ranks queries that it was not
fitted to, and stores the weights with these figures.

The target is the square root of a credential's gain (7, 3 or 1 for the grades 3, 2 and 1), within each query; the
penalty is chosen by cross-validation over queries, inside of each outer fold as well.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from app.cli.evaluate_retrieval import with_trial_database
from app.domain import recommendation
from app.domain.recommendation.features import FEATURES, WEIGHTS_FILE, measure_candidates
from app.domain.recommendation.query import Candidate
from app.domain.recommendation.ranking import diversify, suitable
from app.evaluation.labelled_queries import LabelledQuery, LabelledSet, read_labelled_set
from app.evaluation.retrieval_measures import acceptable_share, ndcg
from app.evaluation.retrieval_queries import to_retrieval_query
from app.services.recommendations.evaluate_retrieval import find_candidates, load_trial_credentials
from app.settings import Settings, WrongSetting
from app.wiring.embedder import retrieval_embedder
from app.wiring.pool import open_session

COMMAND = "python -m app.training.ranking tests/data/retrieval/labelled.jsonl tests/data/retrieval/students.jsonl"
_OUTPUT = Path(recommendation.__file__).parent / WEIGHTS_FILE
_PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)
_FOLDS = 5
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MeasuredQuery:
    """A labelled query with its candidates, their features and grades."""

    file: str
    query: LabelledQuery
    candidates: tuple[Candidate, ...]
    features: _Floats
    grades: tuple[int, ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m app.training.ranking", description=__doc__)
    parser.add_argument("paths", type=Path, nargs="+", help="labelled queries over the sample credentials")
    parser.add_argument("--output", type=Path, default=_OUTPUT, help="where the weights go")
    arguments = parser.parse_args(argv)
    sets = {path.stem: read_labelled_set(path, None) for path in arguments.paths}
    with with_trial_database(Settings()) as settings:
        measured = asyncio.run(_measure(settings, sets))
    content = build_content(measured)
    arguments.output.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    console = Console()
    console.print_json(json.dumps(content["figures"]))
    console.print(f"written to {arguments.output}")
    return 0


def build_content(measured: Sequence[MeasuredQuery]) -> dict[str, Any]:
    """The content of the file of weights: it follows from the queries alone."""
    tuned = [query for query in measured if query.query.half == "a"]
    penalty = _choose_penalty(tuned)
    weights = fit(tuned, penalty)
    held_out = [
        (query, fold_weights) for train, test in _folds(tuned) for fold_weights in [_fit_best(train)] for query in test
    ]
    kept_out = [(query, weights) for query in measured if query.query.half == "b"]
    return {
        "command": COMMAND,
        "penalty": penalty,
        "weights": dict(zip(FEATURES, (round(float(weight), 4) for weight in weights), strict=True)),
        "figures": {"half a, nested": _figures(held_out), "half b, kept out": _figures(kept_out)},
    }


def fit(queries: Sequence[MeasuredQuery], penalty: float) -> _Floats:
    """The weights of a ridge regression within queries, each of which counts alike."""
    products, moments = np.zeros((len(FEATURES), len(FEATURES))), np.zeros(len(FEATURES))
    for query in queries:
        if query.grades:
            centred = query.features - query.features.mean(axis=0)
            target = np.sqrt(np.array([2.0**grade - 1 for grade in query.grades]))
            products += centred.T @ centred / len(target)
            moments += centred.T @ (target - target.mean()) / len(target)
    return np.asarray(np.linalg.solve(products + penalty * np.eye(len(FEATURES)), moments), np.float64)


def quality(query: MeasuredQuery, weights: _Floats) -> tuple[float, float]:
    """nDCG@5 and the acceptable share of the five that these weights choose."""
    scores = query.features @ weights
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], query.candidates[place].credential_id))
    grade_of = dict(zip((candidate.credential_id for candidate in query.candidates), query.grades, strict=True))
    chosen = diversify([(query.candidates[place], float(scores[place])) for place in order])
    grades = [grade_of[candidate.credential_id] for candidate, _ in chosen]
    return ndcg(grades, tuple(query.query.accept.values())), acceptable_share(grades)


def _fit_best(queries: Sequence[MeasuredQuery]) -> _Floats:
    return fit(queries, _choose_penalty(queries))


def _choose_penalty(queries: Sequence[MeasuredQuery]) -> float:
    def mean(penalty: float) -> float:
        scores = [
            quality(query, weights)[0]
            for train, test in _folds(queries)
            for weights in [fit(train, penalty)]
            for query in test
        ]
        return float(np.mean(scores))

    return max(_PENALTIES, key=mean)


def _folds(queries: Sequence[MeasuredQuery]) -> list[tuple[list[MeasuredQuery], list[MeasuredQuery]]]:
    return [
        (
            [query for place, query in enumerate(queries) if place % _FOLDS != fold],
            [query for place, query in enumerate(queries) if place % _FOLDS == fold],
        )
        for fold in range(_FOLDS)
    ]


def _figures(pairs: Sequence[tuple[MeasuredQuery, _Floats]]) -> dict[str, dict[str, float]]:
    by_file: dict[str, list[tuple[float, float]]] = {}
    for query, weights in pairs:
        by_file.setdefault(query.file, []).append(quality(query, weights))
    return {
        file: {"queries": len(values), **_rounded(np.mean(values, axis=0))} for file, values in sorted(by_file.items())
    }


def _rounded(means: _Floats) -> dict[str, float]:
    return {"ndcg": round(float(means[0]), 3), "acceptable": round(float(means[1]), 3)}


async def _measure(settings: Settings, sets: dict[str, LabelledSet]) -> list[MeasuredQuery]:
    measured = []
    async with retrieval_embedder(settings) as embedder, open_session(settings, "assay training") as conn:
        if conn is None:
            raise WrongSetting("temporary tables need a connection without a pooler")
        credentials = next(iter(sets.values())).credentials
        titles = {credential_id: title for title, (credential_id, _) in credentials.items()}
        await load_trial_credentials(conn, embedder, credentials.values())
        for file, labelled in sets.items():
            for labels in labelled.queries:
                query = to_retrieval_query(labels)
                found = await find_candidates(conn, embedder, query)
                words, meaning = found.full_text, found.vector
                candidates = suitable(query, words, meaning)
                rows = np.array(measure_candidates(query, candidates, words, meaning), np.float64)
                grades = tuple(labels.accept.get(titles[candidate.credential_id], 0) for candidate in candidates)
                features = rows.reshape(len(candidates), len(FEATURES))
                measured.append(MeasuredQuery(file, labels, tuple(candidates), features, grades))
    return measured


if __name__ == "__main__":
    raise SystemExit(main())
