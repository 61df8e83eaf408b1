"""Fitting the weights of the ranking to labelled queries."""

import numpy as np

from app.domain.recommendation.features import FEATURES, ranking_weights
from app.evaluation.labelled_queries import LabelledQuery
from app.training.ranking import MeasuredQuery, build_content, fit, quality
from tests.domain.builders import candidate


def measured(number: int) -> MeasuredQuery:
    """A query in which the feature `meaning` alone tells the acceptable credential."""
    features = np.random.default_rng(number).random((4, len(FEATURES)))
    features[:, FEATURES.index("meaning")] = [0, 0, 1, 0]
    labels = LabelledQuery.model_validate({"id": f"q-{number}", "track": "gardener", "accept": {"Soil": 3}})
    candidates = tuple(candidate(place, place, 0.5, (f"skill {place}",)) for place in range(4))
    return MeasuredQuery("queries", labels, candidates, features, (0, 0, 3, 0))


def test_the_feature_that_tells_the_grade_gets_the_weight_and_queries_are_kept_out() -> None:
    queries = [measured(number) for number in range(60)]
    weights = dict(zip(FEATURES, fit(queries, 0.1), strict=True))
    assert max(weights, key=lambda name: abs(weights[name])) == "meaning"
    assert quality(queries[0], np.array(list(weights.values()))) == (1.0, 0.2)
    content = build_content(queries)
    assert content == build_content(queries)
    halves = [sum(query.query.half == half for query in queries) for half in "ab"]
    figures = content["figures"]
    assert [figures[part]["queries"]["queries"] for part in ("half a, nested", "half b, kept out")] == halves
    assert figures["half b, kept out"]["queries"]["ndcg"] == 1


def test_the_stored_weights_are_those_of_all_features() -> None:
    assert list(ranking_weights()) == list(FEATURES)
