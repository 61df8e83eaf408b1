"""Skill estimates: the level, the range, and what must make no difference."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.result.model import SkillEstimate
from app.domain.result.skills import GAP_BELOW, SkillEvidence, estimate_skills
from tests.domain.builders import numbered_id, quick

_skills = st.lists(st.sampled_from(["http", "sql", "git"]), max_size=4).map(tuple)
_evidence = st.lists(st.tuples(_skills, st.floats(0, 1), st.just(0.0) | st.floats(0.001, 1000)), max_size=10).map(
    lambda questions: [SkillEvidence(numbered_id(number), *fields) for number, fields in enumerate(questions)]
)


def evidence(*shares: float, skill: str = "sql") -> list[SkillEvidence]:
    return [SkillEvidence(numbered_id(number), (skill,), share, 1.0) for number, share in enumerate(shares)]


def estimated(*shares: float) -> SkillEstimate:
    (estimate,) = estimate_skills(evidence(*shares))
    return estimate


@quick
@given(_evidence)
def test_levels_and_ranges_stay_within_bounds(questions: list[SkillEvidence]) -> None:
    for estimate in estimate_skills(questions):
        assert 0.0 <= estimate.low <= estimate.level <= estimate.high <= 1.0


@quick
@given(_evidence)
def test_each_skill_is_estimated_once_with_its_questions(questions: list[SkillEvidence]) -> None:
    expected = {
        skill: {f"score:{p.question_id}" for p in questions if skill in p.skills}
        for p in questions
        for skill in p.skills
    }
    estimates = estimate_skills(questions)
    assert {estimate.skill: set(estimate.sources) for estimate in estimates} == expected
    assert len(estimates) == len(expected)


@quick
@given(_evidence, st.randoms(use_true_random=False))
def test_the_order_of_questions_makes_no_difference(questions: list[SkillEvidence], chance: Random) -> None:
    def estimates(evidence: list[SkillEvidence]) -> list[tuple[str, float, float, float, bool]]:
        return [(e.skill, e.level, e.low, e.high, e.gap) for e in estimate_skills(evidence)]

    assert estimates(chance.sample(questions, len(questions))) == estimates(questions)


@quick
@given(_evidence)
def test_gaps_are_the_levels_below_the_limit_and_come_first(questions: list[SkillEvidence]) -> None:
    estimates = estimate_skills(questions)
    assert [estimate.gap for estimate in estimates] == [estimate.level < GAP_BELOW for estimate in estimates]
    assert all(first.level <= second.level for first, second in pairwise(estimates))
    assert sorted([estimate.gap for estimate in estimates], reverse=True) == [estimate.gap for estimate in estimates]


def test_a_level_that_is_rounded_up_to_the_limit_is_no_gap() -> None:
    assert estimated(0.5999).gap is False
    assert estimated(0.5994).gap is True


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_range_is_wide_for_few_questions_and_narrows_with_more(share: float) -> None:
    widths = [(e.high - e.low) for e in (estimated(*[share] * count) for count in (1, 2, 5, 20, 100))]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.5
    assert widths[-1] < 0.15


def test_one_right_answer_does_not_prove_a_skill() -> None:
    assert (estimated(1.0).level, estimated(1.0).high) == (1.0, 1.0)
    assert estimated(1.0).low == pytest.approx(1 / (1 + 1.2816**2), abs=0.001)


def test_questions_count_by_their_weight() -> None:
    questions = [SkillEvidence(numbered_id(1), ("sql",), 1.0, 3.0), SkillEvidence(numbered_id(2), ("sql",), 0.0, 1.0)]
    assert estimate_skills(questions)[0].level == 0.75


def test_a_skill_named_twice_by_one_question_counts_once() -> None:
    twice = SkillEvidence(numbered_id(0), ("sql", "sql"), 1.0, 1.0)
    assert estimate_skills([twice]) == estimate_skills(evidence(1.0))


def test_equal_levels_are_in_the_order_of_their_names() -> None:
    questions = [*evidence(0.4, skill="sql"), *evidence(0.4, skill="git"), *evidence(0.1, skill="http")]
    assert [estimate.skill for estimate in estimate_skills(questions)] == ["http", "git", "sql"]


def test_a_question_without_points_counts_like_one_of_weight_1() -> None:
    ordinary = SkillEvidence(numbered_id(1), ("sql",), 1.0, 1.0)
    (estimate,) = estimate_skills([ordinary, SkillEvidence(numbered_id(2), ("sql",), 0.0, 0.0)])
    assert (estimate.level, len(estimate.sources)) == (0.5, 2)


def test_names_are_compared_as_in_searches_and_the_commonest_is_shown() -> None:
    questions = [
        SkillEvidence(numbered_id(1), ("HTTP", "data modelling"), 1.0, 1.0),
        SkillEvidence(numbered_id(2), ("http", "Data models"), 0.0, 1.0),
        SkillEvidence(numbered_id(3), ("http",), 0.5, 1.0),
        SkillEvidence(numbered_id(4), ("C", "C++", "!"), 0.5, 1.0),
    ]
    estimates = {estimate.skill: len(estimate.sources) for estimate in estimate_skills(questions)}
    assert estimates == {"http": 3, "Data models": 2, "C": 1, "C++": 1, "!": 1}
