"""The measures of a ranking, against values worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.evaluation.retrieval_measures import acceptable, ndcg, recall, reciprocal_rank

_GRADES = st.lists(st.integers(1, 3), min_size=1, max_size=12)


def test_by_hand() -> None:
    grades, accepted = (0, 3, 1, 0, 2), (3, 2, 2, 1, 1, 1)
    assert recall(grades, accepted) == 3 / 6
    assert reciprocal_rank(grades) == 1 / 2
    assert acceptable(grades) == 3 / 5
    best = 7 + 3 / math.log2(3) + 3 / 2 + 1 / math.log2(5) + 1 / math.log2(6)
    assert ndcg(grades, accepted) == pytest.approx((7 / math.log2(3) + 1 / 2 + 3 / math.log2(6)) / best)


def test_nothing_found_is_0_and_a_sixth_place_counts_nowhere() -> None:
    for grades in ((), (0, 0, 0, 0, 0, 3)):
        assert (recall(grades, (3,)), ndcg(grades, (3,)), reciprocal_rank(grades), acceptable(grades)) == (0, 0, 0, 0)


@given(_GRADES)
def test_the_best_order_is_1_and_no_other_is_above(accepted: list[int]) -> None:
    assert ndcg(sorted(accepted, reverse=True), accepted) == pytest.approx(1)
    assert ndcg(accepted, accepted) <= 1 + 1e-9
    assert recall(accepted, accepted) == min(5, len(accepted)) / len(accepted)
