"""The base class of immutable models, field types with the API's length limits, and rounding of points."""

import math
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """An immutable pydantic model; unknown fields are an error."""

    # Validators are built at first use: a process needs only some of the models, and all take a tenth of a second.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def rounded_points(value: float) -> float:
    """Points with six decimals, without binary rounding errors such as that of 0.1 + 0.2."""
    return round(value, 6)


Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Title = Annotated[str, Field(min_length=1, max_length=300)]
LongText = Annotated[str, Field(min_length=1, max_length=20_000)]
Description = Annotated[str, Field(max_length=10_000)]
Skill = Annotated[str, Field(min_length=1, max_length=64)]
Skills = Annotated[tuple[Skill, ...], Field(max_length=50)]


def _earns_points_or_none(weight: float) -> float:
    # Points are rounded to six decimals, so that much smaller weights would earn nothing for a right answer.
    if 0 < weight < _LEAST_WEIGHT:
        raise ValueError(f"must be 0 or at least {_LEAST_WEIGHT}")
    return rounded_points(abs(weight))


_LEAST_WEIGHT = 0.001
# A question of weight 0 informs recommendations, and counts nowhere.
Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False), AfterValidator(_earns_points_or_none)]

# Positions in texts. JavaScript, Java and C# count UTF-16 units instead, so the description says how we count.
Start = Annotated[int, Field(ge=0, description="where the quote begins in its text, in Unicode code points")]
End = Annotated[int, Field(description="where the quote ends in its text (excluded), in Unicode code points")]


def percentage(part: float, whole: float) -> float:
    """`part` of `whole` in percent, rounded to one decimal; 0 if `whole` is 0."""
    return round(100.0 * part / whole, 1) if whole > 0 else 0.0


def points(weight: float, share: float) -> float:
    """The points that a share, 0–1, of a question's weight earns, rounded as sums of points are; at most `weight`."""
    return min(weight, rounded_points(weight * share))


def rounded_dollars(dollars: float | None) -> float | None:
    """Dollars with six decimals; None where they are not known."""
    return None if dollars is None else round(dollars, 6)


def sum_of_points(values: Iterable[float]) -> float:
    """The sum of points, independent of their order."""
    return rounded_points(math.fsum(values))
