"""Questions as authors write them and as students see them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, TypeAdapter, model_validator

from app.domain.states import QuestionType
from app.domain.values import Frozen, LongText, Skills, Weight

# Not blank: a blank answer is no answer.
OptionId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"[^\s\x1c-\x1f]")]


class Option(Frozen):
    """A choice."""

    id: OptionId
    text: Annotated[str, Field(min_length=1, max_length=2_000)]


Options = Annotated[tuple[Option, ...], Field(max_length=50)]


class ProfileInput(StrEnum):
    """How a profile question is answered."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    SCALE = "scale"
    NUMBER = "number"
    TEXT = "text"


class Scale(Frozen):
    """The ends of a scale, both included."""

    min: int = Field(ge=-1000, le=1000)
    max: int = Field(ge=-1000, le=1000)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min >= self.max:
            raise ValueError("min must be below max")
        return self


class Rubric(Frozen):
    """What earns points in each dimension."""

    relevance: LongText
    depth: LongText
    clarity: LongText
    technical: LongText


class _Question(Frozen):
    prompt: LongText
    weight: Weight = 1.0
    skills: Skills = ()


class TheoreticalQuestion(_Question):
    """Scored by its key: `correct_options`."""

    type: Literal[QuestionType.THEORETICAL] = QuestionType.THEORETICAL
    options: Annotated[Options, Field(min_length=1)]
    correct_options: Annotated[tuple[OptionId, ...], Field(min_length=1, max_length=50)]
    partial_credit: bool = False
    explanation: Annotated[str, Field(max_length=20_000)] = ""

    @model_validator(mode="after")
    def _key_fits(self) -> Self:
        _check_distinct([option.id for option in self.options], "option ids")
        _check_distinct(self.correct_options, "correct_options")
        unknown = set(self.correct_options) - {option.id for option in self.options}
        if unknown:
            raise ValueError(f"correct_options names options that do not exist: {', '.join(sorted(unknown))}")
        return self


class ProfileQuestion(_Question):
    """Scored for being answered."""

    type: Literal[QuestionType.PROFILE] = QuestionType.PROFILE
    input: ProfileInput
    options: Options = ()
    scale: Scale | None = None

    @model_validator(mode="after")
    def _input_fits(self) -> Self:
        _check_distinct([option.id for option in self.options], "option ids")
        choice = self.input in (ProfileInput.SINGLE, ProfileInput.MULTIPLE)
        if choice != bool(self.options):
            raise ValueError("options belong to the inputs single and multiple, which need them")
        if (self.input is ProfileInput.SCALE) != (self.scale is not None):
            raise ValueError("scale belongs to the input scale, which needs it")
        return self


class EssayQuestion(_Question):
    """Scored against a rubric of four dimensions."""

    type: Literal[QuestionType.ESSAY] = QuestionType.ESSAY
    model_answer: LongText
    rubric: Rubric
    max_characters: Annotated[int, Field(ge=1, le=20_000)] = 20_000


QuestionBody = TheoreticalQuestion | ProfileQuestion | EssayQuestion
BODY_OF_TYPE: dict[QuestionType, type[QuestionBody]] = {
    QuestionType.THEORETICAL: TheoreticalQuestion,
    QuestionType.PROFILE: ProfileQuestion,
    QuestionType.ESSAY: EssayQuestion,
}
question_body: TypeAdapter[QuestionBody] = TypeAdapter(Annotated[QuestionBody, Field(discriminator="type")])


class Question(Frozen):
    """One version of a question."""

    question_id: UUID
    version: int
    body: QuestionBody = Field(discriminator="type")


class QuestionForStudent(Frozen):
    """What a student may see of a question: no key, model answer, rubric or explanation."""

    question_id: UUID
    version: int
    type: QuestionType
    prompt: str
    options: tuple[Option, ...] = ()
    input: ProfileInput | None = None
    scale: Scale | None = None
    max_characters: int | None = None
    weight: float


def for_student(question: Question) -> QuestionForStudent:
    """The question without anything that would give its answer away."""
    shown = set(QuestionForStudent.model_fields) - {"question_id", "version"}
    return QuestionForStudent(
        question_id=question.question_id,
        version=question.version,
        **question.body.model_dump(include=shown),
    )


def _check_distinct(values: Sequence[str], name: str) -> None:
    if len(set(values)) != len(values):
        raise ValueError(f"{name} must be distinct")
