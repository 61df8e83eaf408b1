"""A short record of a search, kept with its job and shown in the trace of a result."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from uuid import UUID

from pydantic import Field

from app.domain.recommendation.query import Candidate, RetrievalQuery
from app.domain.recommendation.written_reasons import WrittenOrder
from app.domain.states import Level
from app.domain.values import Frozen

# Four times as many as are recommended: enough to see which others a recommendation was preferred to.
MAX_TRACED = 20
# Parts of the query, and code points of each: answers of the student are among them.
_MAX_PARTS = 60
_MAX_PART_TEXT = 300


class SearchMethod(StrEnum):
    """How candidates were found: by their vectors, by full text, or on the track's standing list."""

    VECTOR = "meaning"
    FULL_TEXT = "words"
    DEFAULT_LIST = "standing"


class TracedCandidate(Frozen):
    """A credential with its rank, its place in the ranking of each method (from 1, each credential counted once, null
    if the method did not find it), and the passage that ranked it."""

    rank: int
    credential_id: UUID
    credential_version: int
    title: str
    passage_id: UUID
    relevance: float
    similarity: float | None
    by_meaning: int | None
    by_words: int | None
    on_standing_list: int | None


class TracedPart(Frozen):
    """A text of the query with its weight."""

    text: str
    weight: float


class ModelPart(Frozen):
    """What a language model did for a part of the work: `used` is false if the rules of this service stood in, because
    of the `problem`. `dropped` counts what was left out of its answer because it did not stand up to the checks."""

    used: bool
    problem: str | None = None
    dropped: int = 0


class UnusedReason(Frozen):
    """Why the reason that a model wrote for a credential was not used."""

    credential_id: UUID
    fault: str


class ModelTrace(Frozen):
    """What a language model did for the recommendations: reading what the student wants (null if there was nothing to
    read), and ordering the candidates with their reasons (null if there were none)."""

    reading: ModelPart | None = None
    ranking: ModelPart | None = None
    unused_reasons: tuple[UnusedReason, ...] = ()


class RetrievalTrace(Frozen):
    """The query by words and by meaning, how many passages each method found, and the first credentials in their final
    order. `model` is the embedding model whose vectors were compared, null if none were. `language_model` is left out
    if no language model was to read, rank and write."""

    words: tuple[TracedPart, ...]
    meanings: tuple[TracedPart, ...]
    gaps: tuple[str, ...]
    level: Level | None
    model: str | None = None
    passages: dict[SearchMethod, int]
    candidates: tuple[TracedCandidate, ...]
    language_model: ModelTrace | None = Field(default=None, exclude_if=lambda trace: trace is None)


def model_trace(reading: ModelPart | None, ranking: ModelPart | None, order: WrittenOrder | None) -> ModelTrace:
    """What a model did, with the reasons of its order that were not used."""
    unused = (
        UnusedReason(credential_id=line.candidate.credential_id, fault=line.fault)
        for line in (order.placed if order else ())
        if line.fault
    )
    return ModelTrace(reading=reading, ranking=ranking, unused_reasons=tuple(unused))


def build_trace(
    query: RetrievalQuery,
    rankings: Mapping[SearchMethod, Sequence[Candidate]],
    ranked: Iterable[tuple[Candidate, float]],
    model: str,
    language_model: ModelTrace | None = None,
) -> RetrievalTrace:
    """The trace of a search, of bounded size; `model` is the embedding model, left out if no vectors were compared."""
    places = {method: _places(ranking) for method, ranking in rankings.items()}
    first = list(ranked)[:MAX_TRACED]
    return RetrievalTrace(
        words=_cut((part.text, part.weight) for part in query.full_text_parts),
        meanings=_cut((part.text, part.weight) for part in query.vector_parts),
        gaps=query.gaps[:_MAX_PARTS],
        level=query.student.level,
        model=model if SearchMethod.VECTOR in rankings else None,
        passages={method: len(ranking) for method, ranking in rankings.items()},
        language_model=language_model,
        candidates=tuple(
            _traced(rank, candidate, relevance, places) for rank, (candidate, relevance) in enumerate(first, start=1)
        ),
    )


def _cut(parts: Iterable[tuple[str, float]]) -> tuple[TracedPart, ...]:
    first = islice(parts, _MAX_PARTS)
    return tuple(TracedPart(text=text[:_MAX_PART_TEXT], weight=round(weight, 4)) for text, weight in first)


def _traced(
    rank: int, candidate: Candidate, relevance: float, places: Mapping[SearchMethod, Mapping[UUID, int]]
) -> TracedCandidate:
    place = {method: places.get(method, {}).get(candidate.credential_id) for method in SearchMethod}
    return TracedCandidate(
        rank=rank,
        credential_id=candidate.credential_id,
        credential_version=candidate.credential_version,
        title=candidate.title,
        passage_id=candidate.passage_id,
        relevance=relevance,
        similarity=None if candidate.similarity is None else round(candidate.similarity, 4),
        by_meaning=place[SearchMethod.VECTOR],
        by_words=place[SearchMethod.FULL_TEXT],
        on_standing_list=place[SearchMethod.DEFAULT_LIST],
    )


def _places(ranking: Iterable[Candidate]) -> dict[UUID, int]:
    """The place of each credential's first passage."""
    order = dict.fromkeys(candidate.credential_id for candidate in ranking)
    return {credential_id: place for place, credential_id in enumerate(order, start=1)}
