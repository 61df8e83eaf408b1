"""What is looked for in the catalogue, and in which order what was found is recommended."""

from fractions import Fraction
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import Option, ProfileInput, ProfileQuestion
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
    return [found.credential_id.int for found, _ in fuse_rankings(*rankings)]


def relevances(*rankings: list[Candidate]) -> list[float]:
    return [relevance for _, relevance in fuse_rankings(*rankings)]


@quick
@given(_rankings, _rankings)
def test_relevance_is_the_sum_of_reciprocal_ranks_over_the_most_there_can_be(
    one: list[Candidate], other: list[Candidate]
) -> None:
    credit: dict[int, Fraction] = {}
    for ranking in (one, other):
        for place, number in enumerate(dict.fromkeys(found.credential_id.int for found in ranking), start=1):
            credit[number] = credit.get(number, Fraction(0)) + Fraction(1, 60 + place)
    expected = sorted(credit, key=lambda number: (-credit[number], number))
    assert order(one, other) == expected
    shares = [float(credit[number] / Fraction(2, 61)) for number in expected]
    assert relevances(one, other) == pytest.approx(shares, abs=0.0001)


@quick
@given(_rankings, _rankings)
def test_each_credential_comes_once_with_a_relevance_from_0_to_1_best_first(
    one: list[Candidate], other: list[Candidate]
) -> None:
    found = order(one, other)
    assert len(found) == len(set(found))
    assert set(found) == {passage.credential_id.int for passage in one + other}
    assert all(0.0 < relevance <= 1.0 for relevance in relevances(one, other))
    assert relevances(one, other) == sorted(relevances(one, other), reverse=True)


@quick
@given(st.lists(_rankings, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_the_rankings_changes_nothing(rankings: list[list[Candidate]], chance: Random) -> None:
    shuffled = chance.sample(rankings, len(rankings))
    assert fuse_rankings(*shuffled) == fuse_rankings(*rankings)


@quick
@given(_rankings)
def test_further_passages_of_a_credential_change_no_place(ranking: list[Candidate]) -> None:
    again = [candidate(passage.credential_id.int, 99) for passage in ranking]
    assert order(ranking + again) == order(ranking)
    assert relevances(ranking + again) == relevances(ranking)


def test_what_both_rankings_have_beats_what_one_has_first() -> None:
    assert order([candidate(1, 1), candidate(3, 3)], [candidate(2, 2), candidate(3, 4)])[0] == 3


def test_ties_are_broken_by_id() -> None:
    assert order([candidate(2, 1)], [candidate(1, 2)]) == [1, 2]


def test_first_in_every_ranking_is_a_relevance_of_1() -> None:
    assert relevances([candidate(1, 1)], [candidate(1, 2)]) == [1.0]
    assert relevances([candidate(1, 1)], [candidate(2, 2)]) == [0.5, 0.5]


@pytest.mark.parametrize(
    ("by_text", "by_meaning", "best"),
    [
        (candidate(1, 1), candidate(1, 2, 0.7), 2),
        (candidate(1, 1, 0.8), candidate(1, 2, 0.7), 1),
        (candidate(1, 2), candidate(1, 1, -0.2), 2),
        (candidate(1, 1), candidate(1, 2, 0.0), 2),
        (candidate(1, 2), candidate(1, 1), 1),
    ],
)
def test_the_passage_nearest_to_the_query_speaks_for_its_credential(
    by_text: Candidate, by_meaning: Candidate, best: int
) -> None:
    ((found, _),) = fuse_rankings([by_text], [by_meaning])
    assert found.passage_id == numbered_id(1000 + best)


def test_nothing_found_is_nothing_ranked() -> None:
    assert fuse_rankings() == fuse_rankings([], []) == ()


def estimate(skill: str, *, gap: bool, level: float = 0.5) -> SkillEstimate:
    return SkillEstimate(skill=skill, level=level, low=0.1, high=0.9, gap=gap, sources=("score:1",))


def test_the_query_names_gaps_then_interests_then_the_track_and_the_essays() -> None:
    questions = [
        *(make_question(profile(kind), number) for number, kind in enumerate(ProfileInput)),
        make_question(essay(), 9),
    ]
    told: tuple[Answer, ...] = ("B", ("C", "A"), 3, 4.5, "roses in pots")
    query = build_query(
        "Gardener",
        ["soil", "water"],
        [estimate("water", gap=True, level=0.4), estimate("botany", gap=True, level=0.1), estimate("soil", gap=False)],
        questions,
        {numbered_id(number): answer for number, answer in enumerate(told)} | {numbered_id(9): "My own words."},
    )
    assert [part.text for part in query.meanings] == [
        *("botany", "water"), *("Clay", "Sand", "Peat", "roses in pots"), "soil, water", essay().prompt,
    ]  # fmt: skip
    assert [part.text for part in query.words] == [
        *('"botany"', '"water"'), *('"clay"', '"sand"', '"peat"', '"roses" OR "in" OR "pots"'), *('"soil"', '"water"'),
    ]  # fmt: skip
    assert [part.weight for part in query.meanings] == pytest.approx([1, 0.7, *[0.2] * 4, 0.2, 0.2])
    assert (query.gaps, query.level) == (("botany", "water"), None)


def test_what_was_not_answered_is_no_interest() -> None:
    questions = [
        make_question(profile(ProfileInput.TEXT), 1),
        make_question(profile(ProfileInput.SINGLE), 2),
        make_question(theory(("A",)), 3),
    ]
    query = build_query("Gardener", [], [], questions, {numbered_id(1): " ", numbered_id(3): "A"})
    assert query.words == ()
    assert query.meanings == (QueryPart("Gardener", 0.2),)


def levels(*texts: str) -> ProfileQuestion:
    options = tuple(Option(id=str(number), text=text) for number, text in enumerate(texts))
    return ProfileQuestion(prompt="Where do you want to start?", input=ProfileInput.SINGLE, options=options)


def test_the_level_is_what_the_student_chose_and_no_interest() -> None:
    questions = [make_question(levels("Beginner: all of it", "Intermediate", "Advanced, please"), 1)]
    query = build_query("Gardener", [], [], questions, {numbered_id(1): "2"})
    assert query.level is Level.ADVANCED and query.words == ()
    assert query.level_fit == {Level.BEGINNER: 0.1, Level.INTERMEDIATE: 0.5, Level.ADVANCED: 1.0}
    query = build_query("Gardener", [], [], questions, {numbered_id(1): "1"})
    assert query.level_fit == {Level.BEGINNER: 0.5, Level.INTERMEDIATE: 1.0, Level.ADVANCED: 0.6}
    assert build_query("Gardener", [], [], questions, {}).level_fit == dict.fromkeys(Level, 1.0)


def test_a_subject_called_advanced_is_an_interest() -> None:
    query = build_query(
        "Gardener", [], [], [make_question(levels("Advanced statistics", "Soil"), 1)], {numbered_id(1): "0"}
    )
    assert (query.level, query.words[0].text) == (None, '"advanced" OR "statistics"')


@quick
@given(st.lists(awkward_texts, max_size=4), st.lists(awkward_texts, max_size=3))
def test_no_more_is_embedded_than_is_read(gaps: list[str], interests: list[str]) -> None:
    questions = [make_question(profile(ProfileInput.TEXT), number) for number in range(len(interests))]
    answers: dict[UUID, Answer] = {numbered_id(number): text * 20 for number, text in enumerate(interests)}
    query = build_query("Gardener", ["soil"] * 40, [estimate(gap, gap=True) for gap in gaps], questions, answers)
    assert sum(len(part.text.encode()) for part in query.meanings) <= 384
    assert all(part.text.strip() for part in query.meanings)


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("In which languages have you written something that other people used?", False),
        ("For how long have you been writing code?", False),
        ("How much experience do you have in analysing data?", False),
        ("How often did you prune roses?", False),
        ("Which subjects would you most like to go deeper into?", True),
        ("Which kind of work appeals to you most?", True),
        ("What have you always wanted to learn?", True),
        ("Interests", True),
    ],
)
def test_what_was_done_so_far_is_no_interest(prompt: str, *, told: bool) -> None:
    question = ProfileQuestion(prompt=prompt, input=ProfileInput.TEXT)
    query = build_query("Gardener", [], [], [make_question(question, 1)], {numbered_id(1): "Roses"})
    assert query.interests == (("Roses",) if told else ())
    assert ("Roses" in [part.text for part in query.meanings]) == told
