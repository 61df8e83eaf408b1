"""An essay's score: points of the four dimensions with their evidence."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from app.domain.states import ReviewReason
from app.domain.values import End, Frozen, Start

DIMENSION_MAXIMUM = 25
DIMENSIONS_TOTAL = 4 * DIMENSION_MAXIMUM


class DimensionName(StrEnum):
    """The four dimensions of the rubric, 0–25 each."""

    RELEVANCE = "relevance"
    DEPTH = "depth"
    CLARITY = "clarity"
    TECHNICAL = "technical"


class Evidence(Frozen):
    """A quote and its position in the stored answer, in code points."""

    quote: str = Field(min_length=1)
    start: Start
    end: End

    @model_validator(mode="after")
    def _length_fits(self) -> Self:
        if self.end - self.start != len(self.quote):
            raise ValueError("the quote does not have the length of its span")
        return self


class InjectionCue(StrEnum):
    """What shows that an essay seems to influence its grader."""

    ADDRESSES_GRADER = "addresses_grader"
    """The model that scored the essay says so."""
    WORDING = "wording"
    ENCODED = "encoded"
    HIDDEN_TEXT = "hidden_text"
    SPLIT_WORDS = "split_words"
    LOOK_ALIKES = "look_alikes"


class Suspicion(Evidence):
    """The passage of an essay that seems to influence its grader."""

    cue: InjectionCue


class Dimension(Frozen):
    """The points of one dimension, with their rationale and evidence."""

    score: int = Field(ge=0, le=DIMENSION_MAXIMUM)
    max_score: int = DIMENSION_MAXIMUM
    rationale: str
    evidence: tuple[Evidence, ...] = ()


class Dimensions(Frozen):
    """The four dimensions. Their sum divided by 100 is the share of the question's weight that is earned."""

    relevance: Dimension
    depth: Dimension
    clarity: Dimension
    technical: Dimension

    @property
    def total(self) -> int:
        """The sum of the points, 0–100."""
        return self.relevance.score + self.depth.score + self.clarity.score + self.technical.score


class DimensionPoints(Frozen):
    """A person's points of the four dimensions."""

    relevance: int = Field(ge=0, le=DIMENSION_MAXIMUM)
    depth: int = Field(ge=0, le=DIMENSION_MAXIMUM)
    clarity: int = Field(ge=0, le=DIMENSION_MAXIMUM)
    technical: int = Field(ge=0, le=DIMENSION_MAXIMUM)

    @property
    def total(self) -> int:
        """The sum of the points, 0–100."""
        return self.relevance + self.depth + self.clarity + self.technical


class SecondOpinion(Frozen):
    """Another model's sum of points for the same essay, 0–100."""

    model: str
    total: int = Field(ge=0, le=100)


class EssayScore(Frozen):
    """One essay's score: by the model (`scorer` gpt) or by the local estimate (`scorer` local)."""

    scorer: str
    model: str
    prompt_version: str
    confidence: float = Field(ge=0, le=1)
    dimensions: Dimensions
    dropped_quotes: int = Field(default=0, ge=0)
    flags: tuple[str, ...] = ()
    second_opinion: SecondOpinion | None = None
    repairs: tuple[str, ...] = ()
    """Codes of what was repaired in the model's answer to read it."""
    suspicion: Suspicion | None = None
    """The passage for which the essay is flagged `suspected_injection`."""
    figures: dict[str, float] | None = None
    """Exact figures behind a local estimate, which only advisors and admins may read."""

    @property
    def share(self) -> float:
        """The share of the question's weight that is earned, 0–1."""
        return self.dimensions.total / DIMENSIONS_TOTAL

    def suspected(self, suspicion: Suspicion | None) -> Self:
        """The score with this suspicion, unless it has one, and its flag."""
        if suspicion is None or self.suspicion is not None:
            return self
        flags = tuple(sorted({*self.flags, ReviewReason.SUSPECTED_INJECTION.value}))
        return self.model_copy(update={"suspicion": suspicion, "flags": flags})


def find_quote(quote: str, text: str) -> Evidence | None:
    """The first occurrence of `quote` in `text`; None where there is none."""
    start = text.find(quote) if quote else -1
    return Evidence(quote=quote, start=start, end=start + len(quote)) if start >= 0 else None
