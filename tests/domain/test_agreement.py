"""Measures of agreement: by hand, by a table of levels, and by what must always hold."""

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.agreement import (
    bias,
    mean_absolute_error,
    pearson,
    pearson_interval,
    rmse,
    weighted_kappa,
    weighted_kappa_interval,
)

Measure = Callable[[Sequence[float], Sequence[float]], float | None]
MEASURES: tuple[Measure, ...] = (pearson, rmse, mean_absolute_error, bias, weighted_kappa)

# Thousandths: what people and machines give, without differences that floats cannot hold.
_share = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
_pairs = st.lists(st.tuples(_share, _share), min_size=2, max_size=30).map(lambda both: tuple(zip(*both, strict=True)))


def test_by_hand() -> None:
    human, machine = [0.0, 0.5, 1.0], [0.25, 0.25, 1.0]
    # Deviations: human -.5 0 .5; machine -.25 -.25 .5. Products .125 + 0 + .25; squares .5 and .375.
    assert pearson(human, machine) == pytest.approx(0.375 / math.sqrt(0.5 * 0.375))
    # Differences: .25, -.25, 0.
    assert rmse(human, machine) == pytest.approx(math.sqrt(0.125 / 3))
    assert mean_absolute_error(human, machine) == pytest.approx(0.5 / 3)
    assert bias(human, machine) == pytest.approx(0.0)
    assert bias([0.2, 0.4], [0.3, 0.7]) == pytest.approx(0.2)


def test_kappa_by_hand() -> None:
    # Levels 0 2 4 and 1 1 4: observed squares 1 + 1 + 0 = 2 of 3; expected, all nine meetings:
    # 0 with 1 1 4: 1 1 16; 2: 1 1 4; 4: 9 9 0; together 42 of 9. Kappa = 1 - (2/3)/(42/9) = 6/7.
    assert weighted_kappa([0.0, 0.5, 1.0], [0.25, 0.25, 1.0]) == pytest.approx(6 / 7)
    # Two levels are right or wrong: Cohen's own kappa. 20 + 15 of 50 agree; by chance .5*.6 + .5*.4 = .5.
    human = [1.0] * 25 + [0.0] * 25
    machine = [1.0] * 20 + [0.0] * 5 + [1.0] * 10 + [0.0] * 15
    assert weighted_kappa(human, machine, levels=2) == pytest.approx(0.4)
    assert weighted_kappa([0.0, 1.0], [1.0, 0.0]) == pytest.approx(-1.0)


def test_intervals_by_hand() -> None:
    # 20 pairs with a correlation of 0.6, by Fisher: tanh(atanh(0.6) -+ 1.96 / sqrt(17)).
    human = [0.0] * 10 + [1.0] * 10
    machine = [0.0] * 8 + [1.0] * 2 + [0.0] * 2 + [1.0] * 8
    low, high = math.tanh(math.atanh(0.6) - 1.96 / math.sqrt(17)), math.tanh(math.atanh(0.6) + 1.96 / math.sqrt(17))
    assert pearson(human, machine) == pytest.approx(0.6)
    assert pearson_interval(human, machine) == pytest.approx((low, high))


def test_the_interval_of_kappa_is_that_of_leaving_out_each_pair() -> None:
    human = [0.0, 0.25, 0.5, 0.5, 0.75, 1.0, 1.0, 0.25, 0.0, 0.75]
    machine = [0.25, 0.25, 0.5, 0.75, 0.5, 1.0, 0.75, 0.0, 0.0, 1.0]
    count, kappa, interval = len(human), weighted_kappa(human, machine), weighted_kappa_interval(human, machine)
    without = [
        weighted_kappa(human[:place] + human[place + 1 :], machine[:place] + machine[place + 1 :])
        for place in range(count)
    ]
    assert kappa is not None and interval is not None
    values = [value for value in without if value is not None]
    mean = sum(values) / count
    half_width = 1.96 * math.sqrt((count - 1) / count * sum((value - mean) ** 2 for value in values))
    assert interval == pytest.approx((kappa - half_width, min(1.0, kappa + half_width)))


def test_intervals_end_at_the_ends_of_their_scale() -> None:
    same = [0.0, 0.5, 1.0, 0.5]
    assert pearson_interval(same, same) == pytest.approx((1.0, 1.0))
    assert weighted_kappa_interval(same, same) == (1.0, 1.0)
    assert pearson_interval([0.5] * 4, same) is None
    # Without its last pair, all scores are at one level, and there is no kappa.
    assert weighted_kappa_interval([0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]) is None


def test_halves_go_to_the_higher_level() -> None:
    assert weighted_kappa([0.125, 0.375, 1.0], [0.25, 0.5, 1.0]) == 1.0
    assert weighted_kappa([0.1249, 0.3749, 1.0], [0.0, 0.25, 1.0]) == 1.0


def test_what_is_not_defined_is_none() -> None:
    same, others = [0.1, 0.1, 0.1], [0.1, 0.2, 0.3]
    assert pearson(same, others) is None and pearson(others, same) is None
    assert weighted_kappa(same, same) is None
    # Always the same wrong level is no better than chance, and that is defined.
    assert weighted_kappa([0.0, 0.0], [1.0, 1.0]) == 0.0
    assert rmse(same, same) == 0.0


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("human", "machine"),
    [([], []), ([0.5], [0.5]), ([0.1, 0.2], [0.1]), ([0.1, math.nan], [0.1, 0.2]), ([0.1, 0.2], [0.1, math.inf])],
)
def test_refuses_what_cannot_be_compared(measure: Measure, human: list[float], machine: list[float]) -> None:
    with pytest.raises(ValueError, match=r"there must be|scores must be finite numbers"):
        measure(human, machine)


def test_kappa_refuses_other_scales() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        weighted_kappa([0.0, 1.1], [0.0, 1.0])
    with pytest.raises(ValueError, match="from 0 to 1"):
        weighted_kappa([0.0, 1.0], [-0.1, 1.0])
    with pytest.raises(ValueError, match="two levels"):
        weighted_kappa([0.0, 1.0], [0.0, 1.0], levels=1)


@given(_pairs)
def test_who_is_named_first_does_not_matter(both: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    human, machine = both
    for measure in (pearson, rmse, mean_absolute_error, weighted_kappa):
        assert measure(human, machine) == pytest.approx(measure(machine, human), abs=1e-12)
    assert bias(human, machine) == pytest.approx(-bias(machine, human), abs=1e-12)


@given(_pairs)
def test_stays_in_bounds(both: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    human, machine = both
    for measure in (pearson, weighted_kappa):
        value = measure(human, machine)
        assert value is None or -1.0 <= value <= 1.0
    assert abs(bias(human, machine)) <= mean_absolute_error(human, machine) + 1e-12
    assert mean_absolute_error(human, machine) <= rmse(human, machine) + 1e-12 <= 1.0 + 1e-12


@given(st.lists(_share, min_size=2, max_size=30))
def test_perfect_agreement(scores: list[float]) -> None:
    assert pearson(scores, scores) == (pytest.approx(1.0) if len(set(scores)) > 1 else None)
    assert (rmse(scores, scores), mean_absolute_error(scores, scores), bias(scores, scores)) == (0.0, 0.0, 0.0)
    assert weighted_kappa(scores, scores) in (1.0, None)


@given(_pairs, st.integers(-5, 5), st.sampled_from((0.1, 1.0, 3.0)))
def test_correlation_knows_neither_shift_nor_stretch(
    both: tuple[tuple[float, ...], tuple[float, ...]], shift: int, stretch: float
) -> None:
    human, machine = both
    moved = [shift + stretch * score for score in machine]
    assert pearson(human, moved) == pytest.approx(pearson(human, machine), abs=1e-9)
    mirrored = [-score for score in machine]
    straight = pearson(human, machine)
    assert pearson(human, mirrored) == (None if straight is None else pytest.approx(-straight, abs=1e-12))


@given(_pairs, st.integers(2, 9))
def test_kappa_is_that_of_the_table(both: tuple[tuple[float, ...], tuple[float, ...]], levels: int) -> None:
    one, other = ([math.floor(score * (levels - 1) + 0.5) for score in side] for side in both)
    observed = sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / len(one)
    expected = sum((a - b) ** 2 for a in one for b in other) / len(one) ** 2
    kappa = weighted_kappa(*both, levels=levels)
    assert kappa == (pytest.approx(1 - observed / expected, abs=1e-9) if expected else None)


def test_tiny_differences_are_still_differences() -> None:
    assert pearson([0.0, 1e-200, 2e-200], [0.0, 0.5, 1.0]) == pytest.approx(1.0)
