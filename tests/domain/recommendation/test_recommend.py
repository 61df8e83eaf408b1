"""Recommendations: their order, reasons and quotes."""

from dataclasses import replace

import pytest

from app.domain.recommendation.claims import ClaimKind, claims_for
from app.domain.recommendation.query import MAX_RECOMMENDATIONS, RetrievalQuery
from app.domain.recommendation.recommend import recommend
from app.domain.recommendation.student import LevelSource, Student
from app.domain.states import Level
from tests.domain.builders import candidate, numbered_id

_QUERY = RetrievalQuery(full_text_parts=(), vector_parts=(), gaps=("soil", "Water", "botany", "tools"))


def test_the_first_five_are_recommended_in_their_order() -> None:
    ranked = [(candidate(number, number), 1 - number / 10) for number in range(1, 8)]
    recommendations = recommend(ranked, _QUERY)
    assert MAX_RECOMMENDATIONS == 5
    assert [(line.rank, line.credential_id.int, line.relevance) for line in recommendations] == [
        (number, number, 1 - number / 10) for number in range(1, 6)
    ]


def test_a_recommendation_quotes_the_passage_of_its_candidate() -> None:
    (recommendation,) = recommend([(candidate(1, 7, 0.123456), 0.5)], _QUERY)
    (source,) = recommendation.sources
    assert (source.passage_id, source.credential_version) == (numbered_id(1007), 1)
    assert (source.quote, source.start, source.end, source.similarity) == ("Soil", 10, 14, 0.1235)


def test_a_passage_found_by_words_alone_has_no_similarity() -> None:
    assert recommend([(candidate(1, 1), 0.5)], _QUERY)[0].sources[0].similarity is None


def reason(query: RetrievalQuery, *skills: str) -> str:
    """The reason for a credential for beginners."""
    (recommendation,) = recommend([(candidate(1, 1, skills=skills), 0.5)], query)
    return recommendation.reason


def test_the_reason_names_the_gaps_that_are_covered_lowest_first_and_three_at_most() -> None:
    assert reason(_QUERY, "soil", "cooking") == "Covers soil, where your theory score showed gaps."
    assert reason(_QUERY, "tools", "Soil", "botany", "water") == (
        "Covers soil, Water and botany, where your theory score showed gaps."
    )


@pytest.mark.parametrize(
    ("interests", "skills", "named"),
    [
        (("Containers and Kubernetes",), ("containers",), "containers, an interest"),
        (("Databases and SQL", "API design"), ("sql", "api design", "soil"), "sql and api design, interests"),
        (("I want to understand SQL, at last.",), ("sql",), "sql, an interest"),
    ],
)
def test_the_reason_names_interests_that_are_covered(
    interests: tuple[str, ...], skills: tuple[str, ...], named: str
) -> None:
    query = RetrievalQuery((), (), gaps=("soil",), student=Student(wishes=interests))
    assert f"Covers {named} that you named." in reason(query, *skills)


@pytest.mark.parametrize(
    ("interest", "skill"),
    [("Designing an API", "api design"), ("MySQL", "sql"), ("Soil", "soil"), ("", "sql"), ("?", "?")],
)
def test_the_reason_names_no_interest_that_was_not_named_or_is_a_gap(interest: str, skill: str) -> None:
    assert "interest" not in reason(RetrievalQuery((), (), gaps=("soil",), student=Student(wishes=(interest,))), skill)


def test_without_gap_or_interest_the_reason_names_what_the_track_asks_for() -> None:
    nothing = RetrievalQuery((), (), gaps=(), skills=("tools", "soil"))
    assert reason(nothing, "tools") == "Builds on tools, which the track asks for."
    assert reason(nothing, "cooking") == (
        "Its description shares words with what the track asks for and with your answers."
    )
    (near,) = recommend([(candidate(1, 1, 0.3, skills=("cooking",)), 0.5)], nothing)
    assert near.reason == "Its description is near to what the track asks for and to your answers."


def test_the_reason_says_how_the_level_suits() -> None:
    def asking_for(level: Level | None) -> RetrievalQuery:
        return RetrievalQuery(
            (), (), gaps=("soil",), student=Student(level=level, level_source=LevelSource.CHOSEN if level else None)
        )

    covers = "Covers soil, where your theory score showed gaps."
    assert reason(asking_for(None), "soil") == covers
    assert reason(asking_for(Level.BEGINNER), "soil") == f"{covers} Its level is the one that you asked for: beginner."
    assert reason(asking_for(Level.ADVANCED), "soil") == f"{covers} Its level is beginner; you asked for advanced."


def test_without_skills_and_description_the_reason_says_nothing_about_them() -> None:
    student = Student(wishes=("botany",), level=Level.BEGINNER, level_source=LevelSource.CHOSEN)
    query = RetrievalQuery((), (), ("soil",), student=student)
    titled = replace(candidate(1, 1, 0.5), title="Botany for Gardeners", text="Botany for Gardeners", level="any")
    (by_title,) = recommend([(titled, 0.5)], query)
    near = "is near to what the track asks for and to your answers."
    assert by_title.reason == f"Its title {near} It is for any level."
    (described,) = recommend([(replace(titled, text="About plants."), 0.5)], query)
    assert described.reason == f"Its description {near} It is for any level."


def test_near_is_never_said_below_the_threshold() -> None:
    nothing = RetrievalQuery((), (), gaps=())
    assert [claim.kind for claim in claims_for(candidate(1, 1, 0.3, skills=("cooking",)), nothing)] == [ClaimKind.NEAR]
    assert claims_for(candidate(1, 1, 0.299, skills=("cooking",)), nothing) == ()
