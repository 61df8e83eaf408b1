"""The base of every value that travels, and the text and number types with the contract's lengths."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """An immutable value; unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Title = Annotated[str, Field(min_length=1, max_length=300)]
LongText = Annotated[str, Field(min_length=1, max_length=20_000)]
Description = Annotated[str, Field(max_length=10_000)]
Skill = Annotated[str, Field(min_length=1, max_length=64)]
Skills = Annotated[tuple[Skill, ...], Field(max_length=50)]
# A weight of zero would make a maximum of zero and a percentage without meaning.
Weight = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


def percentage(part: float, whole: float) -> float:
    """`part` of `whole` in percent, to one decimal; 0 where there is no whole."""
    return round(100.0 * part / whole, 1) if whole > 0 else 0.0


def points(value: float) -> float:
    """Points as shown: six decimals hide the noise of binary fractions and nothing else."""
    return round(value, 6)
