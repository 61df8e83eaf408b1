"""A section of the insights: charts, and the numbers that they show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from markupsafe import Markup

# Rows of a table on the page; the file has all.
_SHOWN_ROWS = 200
# Who scored; None for a type as a whole.
SCORERS: Mapping[str | None, str] = {
    None: "all, without people",
    "gpt": "the model",
    "local": "the local estimate",
    "person": "people",
    "rule": "the rules",
}


class Name(StrEnum):
    """The sections, as addresses name them, in the order of the page."""

    SCORES = "scores"
    QUESTIONS = "questions"
    AGREEMENT = "agreement"
    DEGRADED = "degraded"
    FEEDBACK = "feedback"
    COST = "cost"
    MODELS = "models"


@dataclass(frozen=True)
class Section:
    """Charts with their numbers as a table; `texts` explain them, or say why there is nothing to see."""

    name: Name
    title: str
    texts: Sequence[str]
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    charts: Sequence[Markup] = ()
    facts: Mapping[str, str] | None = None

    @property
    def shown_rows(self) -> list[list[str]]:
        """The first rows as texts for people."""
        return [[_shown(value) for value in row] for row in self.rows[:_SHOWN_ROWS]]

    @property
    def has_more_rows(self) -> bool:
        """Whether only the file has all rows."""
        return len(self.rows) > _SHOWN_ROWS

    @property
    def table(self) -> list[Sequence[object]]:
        """The head and all rows."""
        return [self.columns, *self.rows]


def rounded(value: float | None, digits: int = 2) -> float | None:
    """The number for a table; zero without a minus sign."""
    return None if value is None else round(value, digits) + 0.0


def in_percent(share: float | None) -> float | None:
    """A share of 0–1 as a percentage with one decimal."""
    return None if share is None else rounded(100 * share, 1)


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    if isinstance(value, int):
        return f"{value:,}"
    return value.isoformat() if isinstance(value, date) else str(value)
