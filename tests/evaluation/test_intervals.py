"""Intervals: that they hold the truth as often as they claim, and what they are drawn from."""

from collections.abc import Sequence

import numpy as np
import pytest

from app.domain.agreement import Array, bias, pearson
from app.evaluation.intervals import Figure, Rows, Statistic, clusters_of, figures

# Enough to tell 95 % from 80 %, and done in seconds.
DATA_SETS = 60
DRAWS = 300
TRUE_BIAS = 0.1
TRUE_R = 0.6


def drawn_answers(seed: int) -> tuple[Array, Array, list[int]]:
    """20 questions with 15 answers each. The machine is 0.1 too mild, on each question by another bit."""
    generator = np.random.default_rng(seed)
    questions = np.repeat(np.arange(20), 15)
    human = generator.normal(0.5, 0.2, len(questions))
    off = generator.normal(TRUE_BIAS, 0.1, 20)[questions]
    return human, human + off + generator.normal(0, 0.1, len(questions)), questions.tolist()


def correlated(seed: int) -> tuple[Array, Array]:
    generator = np.random.default_rng(seed)
    human, noise = generator.normal(size=(2, 150))
    return human, TRUE_R * human + np.sqrt(1 - TRUE_R**2) * noise


def bias_figure(seed: int, clusters: Sequence[Rows]) -> Figure:
    human, machine, _ = drawn_answers(seed)
    return figures({"bias": lambda rows: bias(human[rows], machine[rows])}, clusters, seed, DRAWS)["bias"]


def holds(figure: Figure, truth: float) -> bool:
    assert figure.low is not None and figure.high is not None
    return figure.low <= truth <= figure.high


def width(figure: Figure) -> float:
    assert figure.low is not None and figure.high is not None
    return figure.high - figure.low


def test_drawing_questions_holds_the_truth_where_drawing_answers_does_not() -> None:
    seeds = range(DATA_SETS)
    clusters = clusters_of(drawn_answers(0)[2])
    single = [np.array([row]) for row in range(300)]
    by_question = [bias_figure(seed, clusters) for seed in seeds]
    by_answer = [bias_figure(seed, single) for seed in seeds]
    assert sum(holds(figure, TRUE_BIAS) for figure in by_question) >= 0.85 * DATA_SETS
    assert sum(holds(figure, TRUE_BIAS) for figure in by_answer) < 0.7 * DATA_SETS
    assert all(width(one) > 1.3 * width(other) for one, other in zip(by_question, by_answer, strict=True))


def test_answers_to_one_question_are_drawn_one_by_one() -> None:
    clusters = clusters_of(["q"] * 150)
    assert [rows.tolist() for rows in clusters] == [[row] for row in range(150)]
    held = 0
    for seed in range(DATA_SETS):
        human, machine = correlated(seed)

        def r(rows: Rows, human: Array = human, machine: Array = machine) -> float | None:
            return pearson(human[rows], machine[rows])

        held += holds(figures({"r": r}, clusters, seed, DRAWS)["r"], TRUE_R)
    assert 0.85 * DATA_SETS <= held < DATA_SETS


def test_answers_to_a_question_stay_together() -> None:
    clusters = clusters_of(["a", "b", "a", "c", "b"])
    assert [rows.tolist() for rows in clusters] == [[0, 2], [1, 4], [3]]
    seen: list[list[int]] = []

    def look(rows: Rows) -> float:
        seen.append(rows.tolist())
        return 0.0

    figures({"look": look}, clusters, 1, 50)
    assert seen[-1] == [0, 1, 2, 3, 4], "the value itself is that of all rows, each once"
    for rows in seen:
        assert rows.count(0) == rows.count(2) and rows.count(1) == rows.count(4)
        assert rows.count(0) + rows.count(1) + rows.count(3) == 3


def test_the_seed_decides() -> None:
    clusters = clusters_of(drawn_answers(0)[2])
    assert bias_figure(1, clusters) == bias_figure(1, clusters)
    human, machine, _ = drawn_answers(1)
    statistics: dict[str, Statistic] = {"bias": lambda rows: bias(human[rows], machine[rows])}
    assert figures(statistics, clusters, 1, DRAWS) != figures(statistics, clusters, 2, DRAWS)


@pytest.mark.parametrize(("undefined_for", "known"), [(0, True), (1, True), (10, False), (50, False)])
def test_a_figure_that_is_often_undefined_has_no_interval(undefined_for: int, known: bool) -> None:
    calls = 0

    def statistic(rows: Rows) -> float | None:
        nonlocal calls
        calls += 1
        return None if calls <= undefined_for else float(rows.mean())

    figure = figures({"mean": statistic}, clusters_of(["q"] * 10), 1, 50)["mean"]
    assert figure.value == 4.5
    assert (figure.low is not None) == (figure.high is not None) == known


def test_an_undefined_figure_has_no_interval() -> None:
    never: Statistic = lambda rows: None  # noqa: E731
    assert figures({"never": never}, clusters_of(["q"] * 3), 1, 10) == {"never": Figure(None)}
