"""Fusion: totals of the parts; what could not be scored is left out of points and maximum, and never becomes 0."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assessment.questions import ProfileInput, Question
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.errors import PermanentError
from app.domain.result.fusion import FusionInput, fuse, skill_evidence
from app.domain.result.model import EssayLine, Reason, Result
from app.domain.states import AssessmentStatus, ReasonCode, ScoreType
from tests.bank import essay, profile, theory
from tests.domain.builders import essay_line, make_question, numbered_id, question_score, quick, run_facts

_weights = st.just(0.0) | st.floats(0.001, 1000)
_rule_scores = st.lists(st.tuples(st.floats(0, 1), _weights), max_size=5)
_essay_scores = st.lists(st.tuples(st.none() | st.floats(0, 1), _weights), max_size=5)


@st.composite
def runs(draw: st.DrawFn) -> FusionInput:
    theoretical, profiles = (
        tuple(question_score(base + n, share * weight, weight) for n, (share, weight) in enumerate(draw(_rule_scores)))
        for base in (100, 200)
    )
    essays = tuple(
        essay_line(300 + n, None if share is None else share * weight, weight)
        for n, (share, weight) in enumerate(draw(_essay_scores))
    )
    return run_facts(theoretical, profiles, essays)


def all_lines(run: FusionInput) -> list[QuestionScore | EssayLine]:
    return [line for lines in run.rule_scores.values() for line in lines] + list(run.essays)


@quick
@given(runs())
def test_overall_is_the_sum_of_all_scored_questions(run: FusionInput) -> None:
    scored = [(line.score, line.max_score) for line in all_lines(run) if line.score is not None]
    overall = fuse(run).overall
    assert overall.max_score == pytest.approx(float(sum(Fraction(maximum) for _, maximum in scored)), abs=1e-5)
    if overall.max_score:
        assert overall.score == pytest.approx(float(sum(Fraction(score) for score, _ in scored)), abs=1e-5)


@quick
@given(runs())
def test_overall_is_the_sum_of_the_parts(run: FusionInput) -> None:
    result = fuse(run)
    parts = (result.breakdown.theoretical, result.breakdown.profile, result.breakdown.essay)
    assert result.overall.max_score == pytest.approx(sum(part.max_score for part in parts))
    assert (result.overall.score or 0.0) == pytest.approx(sum(part.score or 0.0 for part in parts))


@quick
@given(runs())
def test_percentages_are_from_0_to_100_and_match_their_points(run: FusionInput) -> None:
    result = fuse(run)
    for part in (result.overall, result.breakdown.theoretical, result.breakdown.profile, result.breakdown.essay):
        if part.score is not None and part.percentage is not None:
            assert 0.0 <= part.percentage <= 100.0
            assert 0.0 <= part.score <= part.max_score
            assert part.percentage * part.max_score == pytest.approx(100 * part.score, abs=0.0501 * part.max_score)


@quick
@given(runs(), st.randoms(use_true_random=False))
def test_the_order_of_questions_and_lines_changes_no_total(run: FusionInput, chance: Random) -> None:
    def shuffled(lines: tuple[QuestionScore, ...]) -> tuple[QuestionScore, ...]:
        return tuple(chance.sample(lines, len(lines)))

    theoretical, profiles = run.rule_scores[ScoreType.THEORETICAL], run.rule_scores[ScoreType.PROFILE]
    essays = tuple(chance.sample(run.essays, len(run.essays)))
    assert fuse(run_facts(shuffled(theoretical), shuffled(profiles), essays)).overall == fuse(run).overall


def contract_example(*essays: EssayLine) -> Result:
    return fuse(run_facts((question_score(1, 2.0, 3.2),), (question_score(2, 4.0, 4.0),), essays))


def test_points_and_percentages_are_rounded_as_in_the_contract() -> None:
    result = contract_example(essay_line(3, 1.9, 3.0))
    assert result.overall.model_dump() == {"score": 7.9, "max_score": 10.2, "percentage": 77.5}
    assert result.breakdown.theoretical.percentage == 62.5


def test_an_unscored_essay_is_left_out_of_points_and_maximum() -> None:
    result = contract_example(essay_line(3, 1.5, 2.0), essay_line(4, None, 5.0))
    essays = result.breakdown.essay
    assert (essays.score, essays.max_score, essays.percentage) == (1.5, 2.0, 75.0)
    assert (essays.count, essays.unscored, essays.missing) == (2, 1, 0)
    assert (result.overall.score, result.overall.max_score) == (7.5, 9.2)
    assert [(line.score, line.reason) for line in essays.questions] == [(1.5, None), (None, "essay_unscored")]


def test_essays_without_any_score_are_null_and_not_0() -> None:
    result = contract_example(essay_line(3, None), essay_line(4, None))
    assert (result.breakdown.essay.score, result.breakdown.essay.percentage) == (None, None)
    assert (result.overall.score, result.overall.max_score) == (6.0, 7.2)


def test_a_result_without_any_score_is_null_and_not_0() -> None:
    assert fuse(run_facts(essays=(essay_line(3, None),))).overall.model_dump() == {
        "score": None,
        "max_score": 0.0,
        "percentage": None,
    }


def test_an_essay_without_an_answer_is_0_and_counts_in_the_maximum() -> None:
    result = contract_example(essay_line(3, 0.0, 2.0, missing=True))
    essays = result.breakdown.essay
    assert (essays.score, essays.max_score, essays.percentage, essays.missing) == (0.0, 2.0, 0.0, 1)
    assert result.overall.max_score == 9.2


def test_a_question_without_a_score_row_is_a_permanent_error() -> None:
    run = run_facts((question_score(1, 1.0, 1.0),), essays=(essay_line(2, 1.0),))
    broken = FusionInput(**{name: getattr(run, name) for name in FusionInput.__slots__} | {"essays": ()})
    assert fuse(run).overall.score == 2.0
    with pytest.raises(PermanentError) as caught:
        fuse(broken)
    assert caught.value.code == "scores_incomplete"


def test_a_result_is_degraded_exactly_when_it_has_reasons() -> None:
    reason = Reason(code=ReasonCode.ESSAY_UNSCORED, stage="gpt", detail="1 of 1 essay was not scored")
    degraded = fuse(run_facts(essays=(essay_line(1, None),), reasons=(reason,)))
    whole = fuse(run_facts(essays=(essay_line(1, 1.0),)))
    assert (degraded.degraded, degraded.degraded_reasons) == (True, (reason,))
    assert (whole.degraded, whole.degraded_reasons, whole.status) == (False, (), AssessmentStatus.COMPLETED)


@quick
@given(runs())
def test_every_sentence_and_skill_names_questions_of_the_run(run: FusionInput) -> None:
    result = fuse(run)
    known = {f"score:{question.question_id}" for question in run.questions}
    sentences = [sentence.sources for sentence in result.summary]
    skills = [skill.sources for skill in result.skills]
    for sources in sentences + skills:
        assert sources
        assert set(sources) <= known


def test_profile_questions_and_unscored_essays_say_nothing_about_skills() -> None:
    about_skills: list[Question] = [
        make_question(theory(("A",), weight=2.0, skills=("soil",)), 1),
        make_question(essay(), 2),
    ]
    others = [
        make_question(profile(ProfileInput.TEXT).model_copy(update={"skills": ("soil",)}), 3),
        make_question(essay(), 4),
    ]
    lines = (question_score(1, 1.0, 2.0), essay_line(2, 0.8), question_score(3, 1.0, 1.0), essay_line(4, None))
    evidence = skill_evidence(about_skills + others, lines)
    assert [(line.question_id, line.skills, line.share, line.weight) for line in evidence] == [
        (numbered_id(1), ("soil",), 0.5, 2.0),
        (numbered_id(2), ("botany",), 0.8, 1.0),
    ]
