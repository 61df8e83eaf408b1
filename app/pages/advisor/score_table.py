"""The points of a question by everybody who has scored it, side by side."""

from dataclasses import dataclass

from app.domain.essay.score import DIMENSIONS_TOTAL, DimensionName, DimensionPoints, Dimensions
from app.domain.principal import display_name
from app.domain.result.model import EssayLine, Override, QuestionLine
from app.domain.values import points as points_of
from app.pages.advisor.wording import scorer_name
from app.pages.rendering import points

_NONE = "–"


@dataclass(frozen=True)
class ScoreTable:
    """A column for each scorer, and a row for each dimension and for the totals."""

    scorers: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class _Column:
    scorer: str
    dimensions: tuple[str, ...]
    total: str
    points: str


def score_table(line: EssayLine | QuestionLine) -> ScoreTable:
    """The points of the machine, of the second model and of a person, as far as there are any."""
    columns = [_machine(line)]
    if isinstance(line, EssayLine) and line.second_opinion:
        opinion = line.second_opinion
        share = points_of(line.max_score, opinion.total / DIMENSIONS_TOTAL)
        columns.append(_column(f"Second model {opinion.model}", None, str(opinion.total), share))
    if line.override:
        columns.append(_person(line.override))
    names = [name.capitalize() for name in DimensionName]
    dimension_rows = tuple(
        (name, tuple(column.dimensions[number] for column in columns)) for number, name in enumerate(names)
    )
    totals = (f"Total of {DIMENSIONS_TOTAL}", tuple(column.total for column in columns))
    rows = (*dimension_rows, totals) if isinstance(line, EssayLine) else ()
    last = (f"Points of {points(line.max_score)}", tuple(column.points for column in columns))
    return ScoreTable(tuple(column.scorer for column in columns), (*rows, last))


def _machine(line: EssayLine | QuestionLine) -> _Column:
    dimensions = line.dimensions if isinstance(line, EssayLine) else None
    return _column(scorer_name(line), dimensions, str(dimensions.total) if dimensions else _NONE, line.score)


def _person(override: Override) -> _Column:
    name = display_name(override.by) + (" (agreed)" if override.confirmed else "")
    total = str(override.dimensions.total) if override.dimensions else _NONE
    return _column(name, override.dimensions, total, override.score)


def _column(scorer: str, dimensions: Dimensions | DimensionPoints | None, total: str, score: float | None) -> _Column:
    return _Column(
        scorer,
        tuple(_dimension_points(dimensions, name) for name in DimensionName),
        total,
        _NONE if score is None else points(score),
    )


def _dimension_points(dimensions: Dimensions | DimensionPoints | None, name: DimensionName) -> str:
    match dimensions:
        case Dimensions():
            return str(getattr(dimensions, name).score)
        case DimensionPoints():
            return str(getattr(dimensions, name))
        case None:
            return _NONE
