"""The measures of recommendations, against values computed by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.evaluation.retrieval_measures import acceptable_share, ndcg, recall, reciprocal_rank

_GRADES = st.lists(st.integers(1, 3), min_size=1, max_size=12)


def test_values_computed_by_hand() -> None:
    grades, accepted = (0, 3, 1, 0, 2), (3, 2, 2, 1, 1, 1)
    assert recall(grades, accepted) == 3 / 6
    assert reciprocal_rank(grades) == 1 / 2
    assert acceptable_share(grades) == 3 / 5
    best = 7 + 3 / math.log2(3) + 3 / 2 + 1 / math.log2(5) + 1 / math.log2(6)
    assert ndcg(grades, accepted) == pytest.approx((7 / math.log2(3) + 1 / 2 + 3 / math.log2(6)) / best)


def test_nothing_acceptable_is_0_and_a_sixth_place_does_not_count() -> None:
    for grades in ((), (0, 0, 0, 0, 0, 3)):
        measures = recall(grades, (3,)), ndcg(grades, (3,)), reciprocal_rank(grades), acceptable_share(grades)
        assert measures == (0, 0, 0, 0)


@given(_GRADES)
def test_the_best_order_gives_1_and_no_order_gives_more(accepted: list[int]) -> None:
    assert ndcg(sorted(accepted, reverse=True), accepted) == pytest.approx(1)
    assert ndcg(accepted, accepted) <= 1 + 1e-9
    assert recall(accepted, accepted) == min(5, len(accepted)) / len(accepted)
