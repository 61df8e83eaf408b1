"""What a total would be if essays without a score had no points, or all of them."""

import pytest
from hypothesis import given

from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.result.fusion import FusionInput, fuse
from app.domain.result.model import EssayLine
from app.domain.result.score_range import ScoreRange, score_range
from app.schemas import overall_view
from tests.domain.builders import essay_line, question_score, quick, run_facts
from tests.domain.result.test_fusion import runs

THEORY = (question_score(1, 3.0, 4.0),)


def percentages(theory: tuple[QuestionScore, ...], *essays: EssayLine) -> tuple[float | None, ScoreRange | None]:
    result = fuse(run_facts(theory, essays=essays))
    return result.overall.percentage, score_range(result.breakdown)


def test_an_essay_without_a_score_opens_a_range() -> None:
    percentage, total = percentages(THEORY, essay_line(2, None, 2.0))
    assert (percentage, total) == (75.0, ScoreRange(low=50.0, high=83.3))


def test_a_scored_total_is_the_only_value_in_its_range() -> None:
    percentage, total = percentages(THEORY, essay_line(2, 0.5, 2.0), essay_line(3, 0.0, missing=True))
    assert percentage == 50.0
    assert total == ScoreRange(low=50.0, high=50.0)


def test_where_nothing_is_scored_anything_is_possible() -> None:
    assert percentages((), essay_line(2, None)) == (None, ScoreRange(low=0.0, high=100.0))


def test_without_points_there_is_no_range() -> None:
    assert percentages((question_score(1, 0.0, 0.0),), essay_line(2, None, 0.0)) == (None, None)


@quick
@given(runs())
def test_the_range_contains_the_percentage_and_all_scores_that_may_follow(run: FusionInput) -> None:
    result = fuse(run)
    overall = overall_view(result)
    if overall.range is None:
        assert overall.max_score == 0
        return
    assert 0 <= overall.range.low <= overall.range.high <= 100
    if overall.percentage is not None:
        assert overall.range.low <= overall.percentage <= overall.range.high
    open_points = [line.max_score for line in result.breakdown.essay.questions if line.points is None]
    assert overall.provisional is any(open_points)
    if not overall.provisional:
        assert overall.range == ScoreRange(low=overall.percentage or 0.0, high=overall.percentage or 0.0)


@pytest.mark.parametrize(("later", "bound"), [(0.0, "low"), (2.0, "high")])
def test_the_bounds_are_what_a_later_score_makes_of_it(later: float, bound: str) -> None:
    _, total = percentages(THEORY, essay_line(2, None, 2.0))
    scored, _ = percentages(THEORY, essay_line(2, later, 2.0))
    assert scored == getattr(total, bound)
