"""Building the search query of a student, and combining the rankings of two searches."""

from fractions import Fraction
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import Option, ProfileInput, ProfilePurpose, ProfileQuestion
from app.domain.recommendation.query import Candidate, QueryPart, build_query
from app.domain.recommendation.ranking import fuse_rankings
from app.domain.result.model import SkillEstimate
from app.domain.states import Level
from tests.bank import essay, profile, theory
from tests.domain.builders import awkward_texts, candidate, make_question, numbered_id, quick

_passages = st.builds(
    candidate, st.integers(1, 6), st.integers(1, 9), st.none() | st.sampled_from([-0.2, 0.0, 0.3, 0.31, 0.9])
)
_rankings = st.lists(_passages, max_size=8)


def order(*rankings: list[Candidate]) -> list[int]:
    return [passage.credential_id.int for passage, _ in fuse_rankings(*rankings)]


def relevances(*rankings: list[Candidate]) -> list[float]:
    return [relevance for _, relevance in fuse_rankings(*rankings)]


@quick
@given(_rankings, _rankings)
def test_relevance_is_the_sum_of_reciprocal_ranks_divided_by_the_highest_possible_sum(
    first: list[Candidate], second: list[Candidate]
) -> None:
    sums: dict[int, Fraction] = {}
    for ranking in (first, second):
        for place, number in enumerate(dict.fromkeys(passage.credential_id.int for passage in ranking), start=1):
            sums[number] = sums.get(number, Fraction(0)) + Fraction(1, 60 + place)
    expected = sorted(sums, key=lambda number: (-sums[number], number))
    assert order(first, second) == expected
    shares = [float(sums[number] / Fraction(2, 61)) for number in expected]
    assert relevances(first, second) == pytest.approx(shares, abs=0.0001)


@quick
@given(_rankings, _rankings)
def test_each_credential_comes_once_with_a_relevance_from_0_to_1_best_first(
    first: list[Candidate], second: list[Candidate]
) -> None:
    ids = order(first, second)
    assert len(ids) == len(set(ids))
    assert set(ids) == {passage.credential_id.int for passage in first + second}
    assert all(0.0 < relevance <= 1.0 for relevance in relevances(first, second))
    assert relevances(first, second) == sorted(relevances(first, second), reverse=True)


@quick
@given(st.lists(_rankings, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_the_rankings_makes_no_difference(rankings: list[list[Candidate]], chance: Random) -> None:
    shuffled = chance.sample(rankings, len(rankings))
    assert fuse_rankings(*shuffled) == fuse_rankings(*rankings)


@quick
@given(_rankings)
def test_further_passages_of_a_credential_do_not_change_the_order(ranking: list[Candidate]) -> None:
    again = [candidate(passage.credential_id.int, 99) for passage in ranking]
    assert order(ranking + again) == order(ranking)
    assert relevances(ranking + again) == relevances(ranking)


def test_a_credential_in_both_rankings_beats_the_first_of_one() -> None:
    assert order([candidate(1, 1), candidate(3, 3)], [candidate(2, 2), candidate(3, 4)])[0] == 3


def test_ties_are_broken_by_id() -> None:
    assert order([candidate(2, 1)], [candidate(1, 2)]) == [1, 2]


def test_the_first_in_every_ranking_has_relevance_1() -> None:
    assert relevances([candidate(1, 1)], [candidate(1, 2)]) == [1.0]
    assert relevances([candidate(1, 1)], [candidate(2, 2)]) == [0.5, 0.5]


@pytest.mark.parametrize(
    ("by_words", "by_meaning", "best"),
    [
        (candidate(1, 1), candidate(1, 2, 0.7), 2),
        (candidate(1, 1, 0.8), candidate(1, 2, 0.7), 1),
        (candidate(1, 2), candidate(1, 1, -0.2), 2),
        (candidate(1, 1), candidate(1, 2, 0.0), 2),
        (candidate(1, 2), candidate(1, 1), 1),
    ],
)
def test_the_passage_nearest_to_the_query_represents_its_credential(
    by_words: Candidate, by_meaning: Candidate, best: int
) -> None:
    ((passage, _),) = fuse_rankings([by_words], [by_meaning])
    assert passage.passage_id == numbered_id(1000 + best)


def test_without_candidates_nothing_is_ranked() -> None:
    assert fuse_rankings() == fuse_rankings([], []) == ()


def estimate(skill: str, *, gap: bool, level: float = 0.5) -> SkillEstimate:
    return SkillEstimate(skill=skill, level=level, low=0.1, high=0.9, gap=gap, sources=("score:1",))


def test_the_query_has_gaps_then_interests_then_the_track_and_the_essay_subjects() -> None:
    questions = [
        *(make_question(profile(kind), number) for number, kind in enumerate(ProfileInput)),
        make_question(essay(), 9),
    ]
    answers: tuple[Answer, ...] = ("B", ("C", "A"), 3, 4.5, "roses in pots")
    query = build_query(
        "Gardener",
        ["soil", "water"],
        [estimate("water", gap=True, level=0.4), estimate("botany", gap=True, level=0.1), estimate("soil", gap=False)],
        questions,
        {numbered_id(number): answer for number, answer in enumerate(answers)} | {numbered_id(9): "My own words."},
    )
    assert [part.text for part in query.vector_parts] == [
        *("botany", "water"), *("Clay", "Sand", "Peat", "roses in pots"), "soil, water", essay().prompt,
    ]  # fmt: skip
    assert [part.text for part in query.full_text_parts] == [
        *('"botany"', '"water"'), *('"clay"', '"sand"', '"peat"', '"roses" OR "in" OR "pots"'), *('"soil"', '"water"'),
    ]  # fmt: skip
    assert [part.weight for part in query.vector_parts] == pytest.approx([1, 0.7, *[0.2] * 4, 0.2, 0.2])
    assert query.gaps == ("botany", "water")


def test_an_unanswered_question_is_no_interest() -> None:
    questions = [
        make_question(profile(ProfileInput.TEXT), 1),
        make_question(profile(ProfileInput.SINGLE), 2),
        make_question(theory(("A",)), 3),
    ]
    query = build_query("Gardener", [], [], questions, {numbered_id(1): " ", numbered_id(3): "A"})
    assert query.full_text_parts == ()
    assert query.vector_parts == (QueryPart("Gardener", 0.2),)


def choice(purpose: ProfilePurpose, *texts: str) -> ProfileQuestion:
    options = tuple(Option(id=str(number), text=text) for number, text in enumerate(texts))
    return ProfileQuestion(prompt="Choose.", purpose=purpose, input=ProfileInput.SINGLE, options=options)


def test_the_chosen_level_is_no_interest() -> None:
    questions = [
        make_question(choice(ProfilePurpose.LEVEL, "Beginner: all of it", "Intermediate", "Advanced, please"), 1)
    ]
    query = build_query("Gardener", [], [], questions, {numbered_id(1): "2"})
    assert query.student.level is Level.ADVANCED and query.full_text_parts == ()
    assert query.level_fit == {Level.BEGINNER: 0.1, Level.INTERMEDIATE: 0.5, Level.ADVANCED: 1.0}
    query = build_query("Gardener", [], [], questions, {numbered_id(1): "1"})
    assert query.level_fit == {Level.BEGINNER: 0.5, Level.INTERMEDIATE: 1.0, Level.ADVANCED: 0.6}
    assert build_query("Gardener", [], [], questions, {}).level_fit == dict.fromkeys(Level, 1.0)


def test_a_subject_called_advanced_is_an_interest() -> None:
    query = build_query(
        "Gardener",
        [],
        [],
        [make_question(choice(ProfilePurpose.INTEREST, "Advanced statistics", "Soil"), 1)],
        {numbered_id(1): "0"},
    )
    assert (query.student.level, query.full_text_parts[0].text) == (None, '"advanced" OR "statistics"')


@quick
@given(st.lists(awkward_texts, max_size=4), st.lists(awkward_texts, max_size=3))
def test_no_more_is_embedded_than_the_model_reads(gaps: list[str], interests: list[str]) -> None:
    questions = [make_question(profile(ProfileInput.TEXT), number) for number in range(len(interests))]
    answers: dict[UUID, Answer] = {numbered_id(number): text * 20 for number, text in enumerate(interests)}
    query = build_query("Gardener", ["soil"] * 40, [estimate(gap, gap=True) for gap in gaps], questions, answers)
    assert sum(len(part.text.encode()) for part in query.vector_parts) <= 384
    assert all(part.text.strip() for part in query.vector_parts)


@pytest.mark.parametrize("purpose", ProfilePurpose)
def test_the_purpose_of_a_question_says_whether_its_answer_is_searched_for(purpose: ProfilePurpose) -> None:
    question = ProfileQuestion(prompt="Which would you like to learn?", purpose=purpose, input=ProfileInput.TEXT)
    query = build_query("Gardener", [], [], [make_question(question, 1)], {numbered_id(1): "Roses, but not tulips"})
    wanted = purpose in (ProfilePurpose.INTEREST, ProfilePurpose.GOAL)
    assert ("Roses" in [part.text for part in query.vector_parts]) == wanted
    assert query.student.refused == ("tulips",), "whatever the question was"
