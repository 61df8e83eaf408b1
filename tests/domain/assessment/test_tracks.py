"""Tracks: their mix of questions and their slugs."""

import pytest
from pydantic import ValidationError

from app.domain.assessment.tracks import QuestionMix, TrackBody
from app.domain.states import QuestionType


def test_a_mix_counts_questions_by_type_and_in_total() -> None:
    mix = QuestionMix(theoretical=3, profile=4, essay=2)
    assert [mix.of(kind) for kind in QuestionType] == [3, 4, 2]
    assert mix.total == 9


@pytest.mark.parametrize("mix", [{}, {"essay": 0}, {"essay": -1}, {"essay": 101}, {"other": 1}])
def test_a_track_with_no_question_or_too_many_is_refused(mix: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        TrackBody.model_validate({"slug": "gardener", "name": "Gardener", "question_mix": mix})


@pytest.mark.parametrize("slug", ["a", "backend-engineer", "a1-b2", "x" * 64])
def test_a_slug_is_of_letters_digits_and_dashes(slug: str) -> None:
    assert TrackBody(slug=slug, name="Some", question_mix=QuestionMix(essay=1)).slug == slug


@pytest.mark.parametrize("slug", ["", "A", "a b", "a_b", "-a", "a-", "a--b", "ä", "a\n", "x" * 65])
def test_an_invalid_slug_is_refused(slug: str) -> None:
    with pytest.raises(ValidationError):
        TrackBody(slug=slug, name="Some", question_mix=QuestionMix(essay=1))
