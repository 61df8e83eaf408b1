"""Intervals: they contain the true value as often as they claim, and answers to a question are drawn together."""

from collections.abc import Sequence

import numpy as np
import pytest

from app.domain.agreement import Array, bias, pearson
from app.evaluation.intervals import IntervalEstimate, Rows, Statistic, bootstrap_intervals, clusters_by_question

# Enough to tell 95 % from 80 %, and done in seconds.
DATA_SETS = 60
DRAWS = 300
TRUE_BIAS = 0.1
TRUE_R = 0.6


def drawn_answers(seed: int) -> tuple[Array, Array, list[int]]:
    """20 questions with 15 answers each. The machine is 0.1 too mild on average, by another amount on each question."""
    generator = np.random.default_rng(seed)
    questions = np.repeat(np.arange(20), 15)
    human = generator.normal(0.5, 0.2, len(questions))
    off = generator.normal(TRUE_BIAS, 0.1, 20)[questions]
    return human, human + off + generator.normal(0, 0.1, len(questions)), questions.tolist()


def correlated(seed: int) -> tuple[Array, Array]:
    generator = np.random.default_rng(seed)
    human, noise = generator.normal(size=(2, 150))
    return human, TRUE_R * human + np.sqrt(1 - TRUE_R**2) * noise


def bias_estimate(seed: int, clusters: Sequence[Rows]) -> IntervalEstimate:
    human, machine, _ = drawn_answers(seed)
    return bootstrap_intervals({"bias": lambda rows: bias(human[rows], machine[rows])}, clusters, seed, DRAWS)["bias"]


def contains(estimate: IntervalEstimate, truth: float) -> bool:
    assert estimate.low is not None and estimate.high is not None
    return estimate.low <= truth <= estimate.high


def width(estimate: IntervalEstimate) -> float:
    assert estimate.low is not None and estimate.high is not None
    return estimate.high - estimate.low


def test_drawing_questions_contains_the_true_value_where_drawing_answers_does_not() -> None:
    seeds = range(DATA_SETS)
    clusters = clusters_by_question(drawn_answers(0)[2])
    single = [np.array([row]) for row in range(300)]
    by_question = [bias_estimate(seed, clusters) for seed in seeds]
    by_answer = [bias_estimate(seed, single) for seed in seeds]
    assert sum(contains(estimate, TRUE_BIAS) for estimate in by_question) >= 0.85 * DATA_SETS
    assert sum(contains(estimate, TRUE_BIAS) for estimate in by_answer) < 0.7 * DATA_SETS
    assert all(width(wide) > 1.3 * width(narrow) for wide, narrow in zip(by_question, by_answer, strict=True))


def test_answers_to_a_single_question_are_drawn_one_by_one() -> None:
    clusters = clusters_by_question(["q"] * 150)
    assert [rows.tolist() for rows in clusters] == [[row] for row in range(150)]
    containing = 0
    for seed in range(DATA_SETS):
        human, machine = correlated(seed)

        def r(rows: Rows, human: Array = human, machine: Array = machine) -> float | None:
            return pearson(human[rows], machine[rows])

        containing += contains(bootstrap_intervals({"r": r}, clusters, seed, DRAWS)["r"], TRUE_R)
    assert 0.85 * DATA_SETS <= containing < DATA_SETS


def test_answers_to_a_question_stay_together() -> None:
    clusters = clusters_by_question(["a", "b", "a", "c", "b"])
    assert [rows.tolist() for rows in clusters] == [[0, 2], [1, 4], [3]]
    seen: list[list[int]] = []

    def record(rows: Rows) -> float:
        seen.append(rows.tolist())
        return 0.0

    bootstrap_intervals({"record": record}, clusters, 1, 50)
    assert seen[-1] == [0, 1, 2, 3, 4], "the value itself is computed over all rows, each once"
    for rows in seen:
        assert rows.count(0) == rows.count(2) and rows.count(1) == rows.count(4)
        assert rows.count(0) + rows.count(1) + rows.count(3) == 3


def test_equal_seeds_give_equal_intervals() -> None:
    clusters = clusters_by_question(drawn_answers(0)[2])
    assert bias_estimate(1, clusters) == bias_estimate(1, clusters)
    human, machine, _ = drawn_answers(1)
    statistics: dict[str, Statistic] = {"bias": lambda rows: bias(human[rows], machine[rows])}
    assert bootstrap_intervals(statistics, clusters, 1, DRAWS) != bootstrap_intervals(statistics, clusters, 2, DRAWS)


@pytest.mark.parametrize(("undefined_for", "known"), [(0, True), (1, True), (10, False), (50, False)])
def test_a_statistic_that_is_often_undefined_has_no_interval(undefined_for: int, known: bool) -> None:
    calls = 0

    def statistic(rows: Rows) -> float | None:
        nonlocal calls
        calls += 1
        return None if calls <= undefined_for else float(rows.mean())

    estimate = bootstrap_intervals({"mean": statistic}, clusters_by_question(["q"] * 10), 1, 50)["mean"]
    assert estimate.value == 4.5
    assert (estimate.low is not None) == (estimate.high is not None) == known


def test_an_undefined_statistic_has_no_interval() -> None:
    never: Statistic = lambda rows: None  # noqa: E731
    assert bootstrap_intervals({"never": never}, clusters_by_question(["q"] * 3), 1, 10) == {
        "never": IntervalEstimate(None)
    }
