"""How a search came to its order, in short: kept with the job that searched, for those who look into a result."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from uuid import UUID

from app.domain.recommendation.query import Candidate, RetrievalQuery
from app.domain.states import Level
from app.domain.values import Frozen

# Four times as many as are recommended: enough to see what a recommendation was preferred to.
TRACED = 20
# Of what was looked for: so many parts, and so many code points of each, since answers are among them.
_PARTS = 60
_PART_TEXT = 300


class Way(StrEnum):
    """How candidates were found: by vectors, by full text, or on the track's standing list."""

    MEANING = "meaning"
    WORDS = "words"
    STANDING = "standing"


class TracedCandidate(Frozen):
    """A credential that was found: its places by each way (from 1, each credential counted once, null where that way
    did not find it) and in the final order, with the passage that spoke for it."""

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
    """A piece of what was looked for, and how much it counted."""

    text: str
    weight: float


class RetrievalTrace(Frozen):
    """What was looked for by words and by meaning, how many passages each way found, and the first credentials in their
    final order. `model` is the one whose vectors were compared, null where none were."""

    words: tuple[TracedPart, ...]
    meanings: tuple[TracedPart, ...]
    gaps: tuple[str, ...]
    level: Level | None
    model: str | None = None
    passages: dict[Way, int]
    candidates: tuple[TracedCandidate, ...]


def trace_of(
    query: RetrievalQuery,
    rankings: Mapping[Way, Sequence[Candidate]],
    ranked: Iterable[tuple[Candidate, float]],
    model: str,
) -> RetrievalTrace:
    """The trace of a search, of bounded size; `model` is that of the vectors, if any were compared."""
    places = {way: _places(ranking) for way, ranking in rankings.items()}
    first = list(ranked)[:TRACED]
    return RetrievalTrace(
        words=_cut((part.text, part.weight) for part in query.words),
        meanings=_cut((part.text, part.weight) for part in query.meanings),
        gaps=query.gaps[:_PARTS],
        level=query.level,
        model=model if Way.MEANING in rankings else None,
        passages={way: len(ranking) for way, ranking in rankings.items()},
        candidates=tuple(_traced(rank, *found, places) for rank, found in enumerate(first, start=1)),
    )


def _cut(parts: Iterable[tuple[str, float]]) -> tuple[TracedPart, ...]:
    first = islice(parts, _PARTS)
    return tuple(TracedPart(text=text[:_PART_TEXT], weight=round(weight, 4)) for text, weight in first)


def _traced(
    rank: int, candidate: Candidate, relevance: float, places: Mapping[Way, Mapping[UUID, int]]
) -> TracedCandidate:
    at = {way: places.get(way, {}).get(candidate.credential_id) for way in Way}
    return TracedCandidate(
        rank=rank,
        credential_id=candidate.credential_id,
        credential_version=candidate.credential_version,
        title=candidate.title,
        passage_id=candidate.passage_id,
        relevance=relevance,
        similarity=None if candidate.similarity is None else round(candidate.similarity, 4),
        by_meaning=at[Way.MEANING],
        by_words=at[Way.WORDS],
        on_standing_list=at[Way.STANDING],
    )


def _places(ranking: Iterable[Candidate]) -> dict[UUID, int]:
    """The place of each credential's first passage."""
    order = dict.fromkeys(candidate.credential_id for candidate in ranking)
    return {credential_id: place for place, credential_id in enumerate(order, start=1)}
