"""The base of every value that travels, and the text and number types with the contract's lengths."""

import math
from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """An immutable value; unknown fields are an error."""

    # Built when first used: a process uses some of the models, and all of them would take it a tenth of a second.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Title = Annotated[str, Field(min_length=1, max_length=300)]
LongText = Annotated[str, Field(min_length=1, max_length=20_000)]
Description = Annotated[str, Field(max_length=10_000)]
Skill = Annotated[str, Field(min_length=1, max_length=64)]
Skills = Annotated[tuple[Skill, ...], Field(max_length=50)]
# A weight that `points` rounds away would make a maximum of zero and a percentage without meaning.
Weight = Annotated[float, Field(ge=0.001, le=1000, allow_inf_nan=False)]


def percentage(part: float, whole: float) -> float:
    """`part` of `whole` in percent, to one decimal; 0 where there is no whole."""
    return round(100.0 * part / whole, 1) if whole > 0 else 0.0


def sum_of_points(values: Iterable[float]) -> float:
    """Points added up as shown, in whatever order: six decimals hide the noise of binary fractions and no more."""
    return round(math.fsum(values), 6)
