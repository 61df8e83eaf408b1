"""Percentages, sums of points, and immutable values."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.values import percentage, points, sum_of_points
from tests.domain.builders import question_score, quick


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [(2.0, 3.2, 62.5), (7.9, 10.2, 77.5), (2, 3, 66.7), (1, 3, 33.3), (0, 5, 0.0), (5, 5, 100.0), (0, 0, 0.0)],
)
def test_percentages_have_one_decimal(part: float, whole: float, percent: float) -> None:
    assert percentage(part, whole) == percent


@quick
@given(st.lists(st.floats(0, 1000)), st.randoms(use_true_random=False))
def test_the_sum_of_points_does_not_depend_on_their_order(values: list[float], chance: Random) -> None:
    assert sum_of_points(chance.sample(values, len(values))) == sum_of_points(values)


def test_points_are_summed_exactly_before_rounding() -> None:
    # Added one after the other in binary, these give 11.038702 in one order and 11.038701 in the other.
    values = [0.4885782, 0.8200583, 9.730065]
    assert sum_of_points(values) == sum_of_points(reversed(values)) == 11.038702


def test_points_have_six_decimals() -> None:
    assert sum_of_points([0.1] * 3) == 0.3
    assert sum_of_points([1.0000004, 1.0000002]) == 2.000001


@pytest.mark.parametrize(
    ("weight", "share", "earned"),
    [(3.0, 0.67, 2.01), (1.1, 0.3, 0.33), (1.0, 1 / 3, 0.333333), (0.1234567, 1.0, 0.1234567), (2.0, 0.0, 0.0)],
)
def test_earned_points_have_six_decimals_and_never_exceed_the_weight(
    weight: float, share: float, earned: float
) -> None:
    assert points(weight, share) == earned <= weight


def test_values_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        question_score(1, 1.0, 1.0).score = 2.0  # type: ignore[misc]
