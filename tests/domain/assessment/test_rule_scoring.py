"""Scoring by rule: what an answer earns, and that the order of things does not matter."""

from fractions import Fraction
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import Option, ProfileInput, Question, QuestionBody, TheoreticalQuestion
from app.domain.assessment.rule_scoring import QuestionScore, score_by_rule, score_question, summarize
from app.domain.states import ScoreType
from tests.bank import essay, profile, theory
from tests.domain.builders import make_question, numbered_id, question_score, quick

_IDS = "ABCDEFGH"
_EMPTY: tuple[Answer, ...] = (None, "", "  \n", ())


@st.composite
def theories(draw: st.DrawFn) -> TheoreticalQuestion:
    ids = draw(st.lists(st.sampled_from(_IDS), min_size=1, unique=True))
    return TheoreticalQuestion(
        prompt="Which?",
        options=tuple(Option(id=name, text=name) for name in ids),
        correct_options=tuple(draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))),
        partial_credit=draw(st.booleans()),
        weight=draw(st.floats(0.001, 1000)),
    )


@st.composite
def answered(draw: st.DrawFn) -> tuple[TheoreticalQuestion, tuple[str, ...]]:
    body = draw(theories())
    ids = [option.id for option in body.options]
    return body, tuple(draw(st.lists(st.sampled_from(ids), unique=True)))


def earned(body: TheoreticalQuestion, answer: Answer) -> float:
    return score_question(make_question(body), answer).score


@pytest.mark.parametrize(
    ("correct", "partial", "answer", "points"),
    [
        (("B",), False, "B", 2.0),
        (("B",), False, ("B",), 2.0),
        (("B",), False, "A", 0.0),
        (("A", "B"), False, ("B", "A"), 2.0),
        (("A", "B"), False, ("A",), 0.0),
        (("A", "B"), False, ("A", "B", "C"), 0.0),
        (("A", "B"), True, "A", 1.0),
        (("A", "B"), True, ("A", "B", "C"), 1.0),
        (("A", "B"), True, ("A", "C"), 0.0),
        (("A",), True, ("B", "C"), 0.0),
    ],
)
def test_a_theoretical_answer_is_scored_by_the_key(
    correct: tuple[str, ...], partial: bool, answer: Answer, points: float
) -> None:
    score = score_question(make_question(theory(correct, partial=partial, weight=2.0)), answer)
    assert (score.score, score.max_score, score.correct) == (points, 2.0, points == 2.0)
    assert (score.score_type, score.missing) == (ScoreType.THEORETICAL, False)


@quick
@given(answered())
def test_partial_credit_follows_the_documented_formula(
    question_and_answer: tuple[TheoreticalQuestion, tuple[str, ...]],
) -> None:
    body, answer = question_and_answer
    right = [name for name in answer if name in body.correct_options]
    wrong = [name for name in answer if name not in body.correct_options]
    share = max(Fraction(0), Fraction(len(right) - len(wrong), len(body.correct_options)))
    if not body.partial_credit and share < 1:
        share = Fraction(0)
    assert earned(body, answer) == pytest.approx(float(share * Fraction(body.weight)), abs=5e-7)


@quick
@given(answered())
def test_points_are_never_negative_and_never_above_the_maximum(
    question_and_answer: tuple[TheoreticalQuestion, tuple[str, ...]],
) -> None:
    body, answer = question_and_answer
    assert 0.0 <= earned(body, answer) <= body.weight


@quick
@given(answered(), st.randoms(use_true_random=False))
def test_the_order_of_options_keys_and_choices_does_not_matter(
    question_and_answer: tuple[TheoreticalQuestion, tuple[str, ...]], chance: Random
) -> None:
    body, answer = question_and_answer
    shuffled = body.model_copy(
        update={
            "options": tuple(chance.sample(body.options, len(body.options))),
            "correct_options": tuple(chance.sample(body.correct_options, len(body.correct_options))),
        }
    )
    assert earned(shuffled, tuple(chance.sample(answer, len(answer)))) == earned(body, answer)


@quick
@given(st.lists(answered(), max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_questions_and_answers_does_not_change_totals(
    answered_questions: list[tuple[TheoreticalQuestion, tuple[str, ...]]], chance: Random
) -> None:
    questions = [make_question(body, number) for number, (body, _) in enumerate(answered_questions)]
    answers: dict[UUID, Answer] = {numbered_id(number): answer for number, (_, answer) in enumerate(answered_questions)}
    shuffled = dict(chance.sample(list(answers.items()), len(answers)))
    assert totals(chance.sample(questions, len(questions)), shuffled) == totals(questions, answers)


def totals(questions: list[Question], answers: dict[UUID, Answer]) -> tuple[float, ...]:
    scores = score_by_rule(questions, answers)
    summary = summarize(
        QuestionScore(question_id=s.question_id, score=s.score, max_score=s.max_score, missing=s.missing)
        for s in scores
    )
    return summary.score, summary.max_score, summary.percentage, summary.count, summary.missing


@pytest.mark.parametrize("answer", _EMPTY)
@pytest.mark.parametrize("body", [theory(("A",), partial=True), profile(ProfileInput.TEXT), essay()])
def test_no_answer_is_missing_and_earns_nothing(body: QuestionBody, answer: Answer) -> None:
    score = score_question(make_question(body), answer)
    assert (score.missing, score.score, score.max_score) == (True, 0.0, 1.0)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (ProfileInput.SINGLE, "A"),
        (ProfileInput.MULTIPLE, ("A", "C")),
        (ProfileInput.SCALE, 1),
        (ProfileInput.NUMBER, 0),
        (ProfileInput.NUMBER, -2.5),
        (ProfileInput.TEXT, "none"),
    ],
)
def test_any_profile_answer_earns_the_full_weight(kind: ProfileInput, answer: Answer) -> None:
    score = score_question(make_question(profile(kind)), answer)
    assert (score.score, score.missing, score.correct) == (1.0, False, None)


def test_a_missing_theoretical_answer_is_not_correct() -> None:
    assert score_question(make_question(theory(("A",))), None).correct is False


def test_only_essays_without_an_answer_are_scored_by_rule() -> None:
    questions = [
        make_question(theory(("A",)), 1),
        make_question(essay(), 2),
        make_question(essay(), 3),
        make_question(essay(), 4),
    ]
    scores = score_by_rule(questions, {numbered_id(2): "Water rises.", numbered_id(3): " \n"})
    assert [(s.question_id, s.score_type, s.missing) for s in scores] == [
        (numbered_id(1), ScoreType.THEORETICAL, True),
        (numbered_id(3), ScoreType.ESSAY_GPT, True),
        (numbered_id(4), ScoreType.ESSAY_GPT, True),
    ]


def test_a_summary_adds_up_counts_and_keeps_the_order() -> None:
    lines = (question_score(2, 1.0, 1.2), question_score(1, 1.0, 1.0), question_score(3, 0.0, 1.0, missing=True))
    summary = summarize(lines)
    assert (summary.score, summary.max_score, summary.percentage) == (2.0, 3.2, 62.5)
    assert (summary.count, summary.missing, summary.questions) == (3, 1, lines)


def test_a_summary_hides_binary_rounding_errors() -> None:
    assert summarize(question_score(n, 0.1, 0.2) for n in range(3)).score == 0.3


def test_a_summary_of_no_scores_is_zero() -> None:
    summary = summarize(())
    assert (summary.score, summary.max_score, summary.percentage, summary.count) == (0.0, 0.0, 0.0, 0)
