"""Questions: as authors write them, and without their answer keys, as students see them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationInfo, field_validator

from app.domain.states import QuestionType
from app.domain.values import Frozen, LongText, Skills, Weight

# Not blank, because a blank answer counts as no answer.
OptionId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"[^\s\x1c-\x1f]")]


class Option(Frozen):
    """One of the options of a choice question."""

    id: OptionId
    text: Annotated[str, Field(min_length=1, max_length=2_000)]


def _distinct(options: tuple[Option, ...]) -> tuple[Option, ...]:
    if len({option.id for option in options}) != len(options):
        raise ValueError("option ids must be distinct")
    return options


Options = Annotated[tuple[Option, ...], Field(max_length=50), AfterValidator(_distinct)]


class ProfileInput(StrEnum):
    """How a profile question is answered."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    SCALE = "scale"
    NUMBER = "number"
    TEXT = "text"


class ProfilePurpose(StrEnum):
    """What a profile question is asked for: the student's level, goal, interest or experience, the form of course that
    they prefer, or something else."""

    LEVEL = "level"
    GOAL = "goal"
    INTEREST = "interest"
    EXPERIENCE = "experience"
    FORMAT = "format"
    OTHER = "other"


class Scale(Frozen):
    """The range of a scale, ends included."""

    min: int = Field(ge=-1000, le=1000)
    max: int = Field(ge=-1000, le=1000)

    @field_validator("max")
    @classmethod
    def _validate_max(cls, value: int, info: ValidationInfo) -> int:
        if value <= info.data.get("min", value - 1):
            raise ValueError("must be above min")
        return value


class Rubric(Frozen):
    """What an essay earns points for, in each dimension."""

    relevance: LongText
    depth: LongText
    clarity: LongText
    technical: LongText


def _require_type(schema: dict[str, Any]) -> None:
    # Our own code may leave it out, but in JSON it says which kind of question this is.
    schema["required"] = ["type", *schema.get("required", ())]


class _Question(Frozen):
    model_config = ConfigDict(json_schema_extra=_require_type)

    prompt: LongText
    weight: Weight = 1.0
    skills: Skills = ()
    # Every assessment of the track gets it, as far as the mix has room for its type.
    pinned: bool = False


class TheoreticalQuestion(_Question):
    """A question scored by its answer key, `correct_options`."""

    type: Literal[QuestionType.THEORETICAL] = QuestionType.THEORETICAL
    options: Annotated[Options, Field(min_length=1)]
    correct_options: Annotated[tuple[OptionId, ...], Field(min_length=1, max_length=50)]
    partial_credit: bool = False
    explanation: Annotated[str, Field(max_length=20_000)] = ""

    @field_validator("correct_options")
    @classmethod
    def _validate_key(cls, key: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        _check_distinct(key)
        unknown = set(key) - {option.id for option in info.data.get("options", ())}
        if unknown and "options" in info.data:
            raise ValueError(f"names options that do not exist: {', '.join(sorted(unknown))}")
        return key


class ProfileQuestion(_Question):
    """A question that earns its full weight once it is answered."""

    type: Literal[QuestionType.PROFILE] = QuestionType.PROFILE
    input: ProfileInput
    purpose: ProfilePurpose = ProfilePurpose.OTHER
    # The defaults are validated too, because some inputs need these fields.
    options: Options = Field(default=(), validate_default=True)
    scale: Scale | None = Field(default=None, validate_default=True)

    @field_validator("options")
    @classmethod
    def _validate_options(cls, options: tuple[Option, ...], info: ValidationInfo) -> tuple[Option, ...]:
        choice = info.data.get("input") in (ProfileInput.SINGLE, ProfileInput.MULTIPLE)
        if "input" in info.data and choice != bool(options):
            raise ValueError("belong to the inputs single and multiple, which need them")
        return options

    @field_validator("scale")
    @classmethod
    def _validate_scale(cls, scale: Scale | None, info: ValidationInfo) -> Scale | None:
        if "input" in info.data and (info.data["input"] is ProfileInput.SCALE) != (scale is not None):
            raise ValueError("belongs to the input scale, which needs it")
        return scale


class EssayQuestion(_Question):
    """A question scored by a model against a rubric of four dimensions."""

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
    """The part of a question that students may see: no answer key, model answer, rubric or explanation."""

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
    """The question without anything that reveals its answer."""
    visible = set(QuestionForStudent.model_fields) - {"question_id", "version"}
    return QuestionForStudent(
        question_id=question.question_id,
        version=question.version,
        **question.body.model_dump(include=visible),
    )


def takes_several(question: Question) -> bool:
    """Whether several options may be chosen. Of a theoretical question's key this is all that students learn before
    they submit, never how many are right."""
    match question.body:
        case TheoreticalQuestion():
            return len(question.body.correct_options) > 1
        case ProfileQuestion():
            return question.body.input is ProfileInput.MULTIPLE
        case _:
            return False


def _check_distinct(values: Sequence[str]) -> None:
    if len(set(values)) != len(values):
        raise ValueError("must be distinct")
