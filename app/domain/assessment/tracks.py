"""Tracks as authors write them."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.domain.states import QuestionType
from app.domain.values import Description, Frozen, Skills, Slug, Title


class QuestionMix(Frozen):
    """How many questions of each type an assessment gets."""

    theoretical: Annotated[int, Field(ge=0, le=100)] = 0
    profile: Annotated[int, Field(ge=0, le=100)] = 0
    essay: Annotated[int, Field(ge=0, le=100)] = 0

    def of(self, question_type: QuestionType) -> int:
        """How many of this type."""
        return {
            QuestionType.THEORETICAL: self.theoretical,
            QuestionType.PROFILE: self.profile,
            QuestionType.ESSAY: self.essay,
        }[question_type]

    @property
    def total(self) -> int:
        """How many in all."""
        return self.theoretical + self.profile + self.essay


def _not_empty(mix: QuestionMix) -> QuestionMix:
    if mix.total == 0:
        raise ValueError("a track needs at least one question")
    return mix


class TrackBody(Frozen):
    """A role that a student aims for."""

    slug: Slug
    name: Title
    description: Description = ""
    skills: Skills = ()
    question_mix: Annotated[QuestionMix, AfterValidator(_not_empty)]
