"""The parts of the local estimate: cues, points split over the dimensions, and the stored regression."""

import json
import math
import random
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.essay.local_scoring import MAX_CONFIDENCE, cues, regression
from app.domain.essay.local_scoring.discounts import DISCOUNTS
from app.domain.essay.local_scoring.features import MEASURES
from app.domain.essay.local_scoring.lexical_analysis import group_windows, split_pieces
from app.domain.essay.local_scoring.point_split import split_points
from app.domain.essay.local_scoring.regression import (
    ZERO_CONFIDENCE_ERROR,
    confidence_for_error,
    error_measures,
    load_regression,
)
from app.domain.essay.score import DIMENSION_MAXIMUM
from app.domain.text import words
from tests.domain.builders import quick

STORED = json.loads(files(regression.__package__).joinpath(regression.COEFFICIENTS_FILE).read_text(encoding="utf-8"))
PROSE = (
    "The producer has to wait when the queue is full, so that the consumer is never flooded by it. In the end nothing "
    "can be lost, but the whole of the system is as slow as the slowest part. An operator should be told of it."
)
names = st.fixed_dictionaries({name: st.floats(-5, 5) for name in (*MEASURES, *DISCOUNTS)})


@quick
@given(st.integers(0, 20).map(lambda steps: 5 * steps), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_points_add_up_and_follow_the_shares(total: int, shares: list[float]) -> None:
    points = split_points(total, shares)
    assert sum(points) == total
    assert all(0 <= score <= DIMENSION_MAXIMUM for score in points)
    assert all(score % 5 == 0 for score in points)
    # Rounding moves at most one step.
    in_order = [score for _, score in sorted(zip(shares, points, strict=True))]
    assert all(score >= max(in_order[: index + 1]) - 5 for index, score in enumerate(in_order))


@pytest.mark.parametrize("total", [-5, 105, 52])
def test_points_that_do_not_fit_are_refused(total: int) -> None:
    with pytest.raises(ValueError, match="fit"):
        split_points(total, [0.5] * 4)


def test_the_stored_regression_has_the_signs_and_discounts_of_the_code() -> None:
    terms = STORED["share"]["terms"]
    assert set(terms) <= set(MEASURES)
    assert all(term["scale"] > 0 for term in (*terms.values(), *STORED["error"]["terms"].values()))
    assert all(term["coefficient"] * MEASURES[name] >= 0 for name, term in terms.items())
    assert STORED["discounts"] == DISCOUNTS
    assert STORED["version"] == "local-4"


def test_the_stored_file_says_where_it_comes_from() -> None:
    assert STORED["command"].startswith("python -m app.training ")
    corpora = STORED["data"]["corpora"]
    assert {corpus: stored["licence"] for corpus, stored in corpora.items()} == {
        "saf": "MIT",
        "beetle": "CC BY-SA",
        "scientsbank": "CC BY-SA",
    }
    assert sum(stored["answers"] for stored in corpora.values()) == 10_350


@pytest.mark.parametrize("corpus", ["saf", "beetle", "scientsbank"])
def test_a_corpus_that_was_left_out_is_scored_better_than_by_each_baseline(corpus: str) -> None:
    scorers = STORED["figures"]["corpus_held_out"]["four_words_or_more"][corpus]
    own = scorers.pop("this scorer")["pearson"]
    assert own > max(baseline["pearson"] or 0.0 for baseline in scorers.values())


@pytest.mark.parametrize("split", ["corpus_held_out", "question_held_out"])
@pytest.mark.parametrize("corpus", ["saf", "beetle", "scientsbank"])
def test_errors_shrink_as_confidence_grows(split: str, corpus: str) -> None:
    thirds = STORED["figures"][split]["thirds_by_confidence"][corpus]
    assert [third["confidence"] for third in thirds] == sorted(third["confidence"] for third in thirds)
    errors = [third["mean_absolute_error"] for third in thirds]
    assert errors == sorted(errors, reverse=True)


@quick
@given(names)
def test_estimate_and_confidence_are_bounded_whatever_is_measured(measures: dict[str, float]) -> None:
    bounded = {**measures, **{name: min(1.0, abs(measures[name]) / 5) for name in DISCOUNTS}}
    share = load_regression().estimate(bounded)
    assert 0 <= share <= 1
    for binary in (False, True):
        assert 0 <= load_regression().expected_error(bounded, share, binary=binary) <= 1
    assert load_regression().distance(bounded) >= 0


@quick
@given(names, st.sampled_from(sorted(MEASURES)), st.floats(0, 2))
def test_more_of_a_measure_never_moves_the_estimate_the_wrong_way(
    measures: dict[str, float], name: str, more: float
) -> None:
    still = dict.fromkeys(DISCOUNTS, 0.0)
    before, after = ({**measures, **still, name: measures[name] + step} for step in (0.0, more))
    change = load_regression().estimate(after) - load_regression().estimate(before)
    assert change * MEASURES[name] >= -1e-12


def test_confidence_falls_with_the_expected_error() -> None:
    assert confidence_for_error(0.0) == MAX_CONFIDENCE
    assert confidence_for_error(ZERO_CONFIDENCE_ERROR / 2) == MAX_CONFIDENCE / 2
    assert confidence_for_error(ZERO_CONFIDENCE_ERROR) == confidence_for_error(3.0) == 0.0


@pytest.mark.parametrize("name", ["error", "binary_error"])
def test_the_stored_error_functions_have_the_expected_measures(name: str) -> None:
    assert set(STORED[name]["terms"]) == set(error_measures(dict.fromkeys(MEASURES, 0.0), 0.5))


@pytest.mark.parametrize(
    ("corpus", "expected"),
    [("saf", "expected_error"), ("beetle", "expected_binary_error"), ("scientsbank", "expected_binary_error")],
)
def test_errors_on_a_corpus_that_was_left_out_are_not_above_what_is_expected(corpus: str, expected: str) -> None:
    thirds = STORED["figures"]["corpus_held_out"]["thirds_by_confidence"][corpus]
    assert sum(third["mean_absolute_error"] for third in thirds) < sum(third[expected] for third in thirds)


def test_opposites_are_recognized_whatever_their_endings() -> None:
    assert cues.are_opposites("increases", "decreased")
    assert cues.are_opposites("slower", "faster")
    assert not cues.are_opposites("increases", "grows")
    assert cues.starts_opposed("No. It bursts.", "Yes, it does")
    assert not cues.starts_opposed("No. It bursts.", "It does not")


def test_shuffled_words_are_distinguished_from_prose() -> None:
    dice = random.Random(5)  # noqa: S311 - no secret
    ordered = [words(sentence.text) for sentence in split_pieces(PROSE)]
    assert cues.disorder(ordered) == 0
    for _ in range(20):
        mixed = words(PROSE)
        dice.shuffle(mixed)
        assert cues.disorder([mixed]) > 0.1
    assert cues.disorder([[], ["the"]]) < 0.5


@pytest.mark.parametrize(
    ("prompt", "count"), [("Discuss.", 1), ("", 1), ("What is it, how does it work, why?", 3), ("What? " * 9, 1)]
)
def test_demands_are_counted_once_each(prompt: str, count: int) -> None:
    assert cues.count_demands(prompt) == count


@quick
@given(st.lists(st.text(min_size=1, max_size=700), max_size=8))
def test_windows_hold_every_piece_once_and_in_order(texts: list[str]) -> None:
    parts = split_pieces("\n".join(texts))
    grouped = group_windows(parts)
    assert [part for window in grouped for part in window] == list(parts)
    for window in grouped:
        assert len(window) == 1 or sum(len(part.text) + 1 for part in window) <= 480


def test_the_logistic_function_does_not_overflow() -> None:
    assert regression.logistic(-1e6) == 0.0
    assert regression.logistic(1e6) == 1.0
    assert math.isclose(regression.logistic(0.0), 0.5)


def test_the_documented_figures_are_those_of_the_file() -> None:
    section = (Path(__file__).parents[3] / "docs" / "local_scorer.md").read_text(encoding="utf-8")
    for split in ("corpus_held_out", "question_held_out"):
        figures = STORED["figures"][split]
        for corpus, scorers in figures["four_words_or_more"].items():
            for scorer, agreement in scorers.items():
                shown = ("–" if figure is None else f"{figure:.3f}" for figure in agreement.values())
                assert f"| {corpus} | {scorer} | {' | '.join(shown)} |" in section
    for corpus, thirds in STORED["figures"]["corpus_held_out"]["thirds_by_confidence"].items():
        for third in thirds:
            names = ("expected_error", "expected_binary_error", "mean_absolute_error")
            errors = " | ".join(f"{third[name]:.3f}" for name in names)
            assert f"| {corpus} | {third['confidence']:.2f} | {errors} |" in section
