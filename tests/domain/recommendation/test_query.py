"""Building the search query of a student."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import Option, ProfileInput, ProfilePurpose, ProfileQuestion
from app.domain.recommendation.build_query import build_query
from app.domain.recommendation.query import QueryPart
from app.domain.recommendation.student import Student
from app.domain.result.model import SkillEstimate
from app.domain.states import CredentialLevel, Level
from tests.bank import essay, profile, theory
from tests.domain.builders import awkward_texts, make_question, numbered_id, quick


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


def test_equal_gaps_weigh_alike() -> None:
    gaps = [
        estimate(skill, gap=True, level=level) for skill, level in (("c", 0.3), ("a", 0.3), ("b", 0.0), ("d", 0.59))
    ]
    query = build_query("Gardener", [], gaps, [], {})
    assert query.gaps == ("b", "c", "a", "d")
    assert query.gap_weights == pytest.approx((1, 0.75, 0.75, 1 - 0.59 / 1.2))
    assert [part.weight for part in query.full_text_parts] == pytest.approx([1, 0.7, 0.7, 0.49])


def test_a_gap_that_the_student_refuses_to_close_is_not_searched_for() -> None:
    gaps = [estimate("sql", gap=True, level=0.0), estimate("python", gap=True, level=0.3)]
    for refused in ("not SQL", "no SQL courses"):
        query = build_query("Gardener", [], gaps, [], {}, student=Student(refused=(refused,)))
        assert query.gaps == ("python",)
        assert [part.text for part in query.vector_parts] == ["python", "Gardener"]
        assert [part.text for part in query.full_text_parts] == ['"python"']
    # What is refused is the level.
    beginner = build_query("Gardener", [], gaps, [], {}, student=Student(refused=("another beginner course on SQL",)))
    assert beginner.gaps == ("sql", "python")


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
    assert query.level_fit == dict(zip(CredentialLevel, (0.1, 0.5, 1.0, 0.8), strict=True))
    query = build_query("Gardener", [], [], questions, {numbered_id(1): "1"})
    assert query.level_fit == dict(zip(CredentialLevel, (0.5, 1.0, 0.6, 0.8), strict=True))
    assert build_query("Gardener", [], [], questions, {}).level_fit == dict.fromkeys(CredentialLevel, 1.0)


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
    *own, track = (len(part.text.encode()) for part in query.vector_parts)
    assert sum(own) <= 384 and track <= 200
    assert all(part.text.strip() for part in query.vector_parts)


def test_what_students_share_is_cut_at_the_same_place_for_all() -> None:
    # So that the embedder's cache has it, however much a student wrote.
    questions = [
        make_question(profile(ProfileInput.TEXT), 1),
        make_question(essay().model_copy(update={"prompt": "Soil and water. " * 20}), 2),
    ]
    queries = [build_query("Gardener", ["soil"], [], questions, {numbered_id(1): "roses " * n}) for n in (1, 40, 80)]
    assert len({query.vector_parts[-2:] for query in queries}) == 1
    assert len(queries[0].vector_parts[-1].text) == 200


@pytest.mark.parametrize("purpose", ProfilePurpose)
def test_the_purpose_of_a_question_says_whether_its_answer_is_searched_for(purpose: ProfilePurpose) -> None:
    question = ProfileQuestion(prompt="Which would you like to learn?", purpose=purpose, input=ProfileInput.TEXT)
    query = build_query("Gardener", [], [], [make_question(question, 1)], {numbered_id(1): "Roses, but not tulips"})
    wanted = purpose in (ProfilePurpose.INTEREST, ProfilePurpose.GOAL)
    assert ("Roses" in [part.text for part in query.vector_parts]) == wanted
    assert query.student.refused == ("tulips",), "whatever the question was"
