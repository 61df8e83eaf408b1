"""Tracks as authors write them."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.domain.states import QuestionType, ShowCorrect
from app.domain.values import Description, Frozen, Skills, Slug, Title

_HOURS_OF_A_YEAR = 366 * 24


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
    """A role that a student aims for. One student may start it `attempts` times (null: any number of times), each time
    `retake_after_hours` after the end of the former attempt. `show_correct` and `show_explanations` say what students
    read about single theoretical questions."""

    slug: Slug
    name: Title
    description: Description = ""
    skills: Skills = ()
    question_mix: Annotated[QuestionMix, AfterValidator(_not_empty)]
    attempts: Annotated[int, Field(ge=1, le=1000)] | None = None
    retake_after_hours: Annotated[float, Field(ge=0, le=_HOURS_OF_A_YEAR, allow_inf_nan=False), AfterValidator(abs)] = (
        0.0
    )
    show_correct: ShowCorrect = ShowCorrect.ALWAYS
    show_explanations: bool = True
