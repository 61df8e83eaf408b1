"""Recommending for an evaluation: the service's search and ranking over temporary credentials."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from app.clients.llm.embedder import Embedder
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.recommendation.claims import Claim, claims_for
from app.domain.recommendation.credentials import CredentialBody
from app.domain.recommendation.query import MAX_RECOMMENDATIONS, Candidate, RetrievalQuery
from app.domain.recommendation.ranking import rank
from app.domain.states import CredentialLevel
from app.repositories import credentials
from app.repositories.sql import Connection
from app.services.recommendations import search
from app.services.recommendations.embed_credentials import embed_batch


@dataclass(frozen=True, slots=True)
class GivenReason:
    """What is said about a recommended credential, and the credential's similarity to the query."""

    credential_id: UUID
    claims: tuple[Claim, ...]
    similarity: float | None


@dataclass(frozen=True, slots=True)
class RecommendedByMethod:
    """The recommended credentials, best first: two baselines without a ranking, which take those whose passages are
    nearest to the query, and nearest with the bonus of their level; then the ranking's, found by full text alone, by
    vectors alone, and by both."""

    cosine: tuple[UUID, ...]
    cosine_and_level: tuple[UUID, ...]
    text: tuple[UUID, ...]
    vectors: tuple[UUID, ...]
    both: tuple[UUID, ...]


async def load_trial_credentials(
    conn: Connection, embedder: Embedder, bodies: Iterable[tuple[UUID, CredentialBody]]
) -> None:
    """Stores and embeds these credentials in temporary tables, which hide the real ones on this connection.

    Raises:
        EmbeddingUnavailable: the embedder does not work.
    """
    await credentials.use_temporary_catalog(conn)
    for credential_id, body in bodies:
        await credentials.create(conn, credential_id, body)
    while await embed_batch(conn, embedder):
        pass


@dataclass(frozen=True, slots=True)
class TrialRecommendations:
    """The recommendations for a query by each method, and the reasons for those by both."""

    by_method: RecommendedByMethod
    reasons: tuple[GivenReason, ...]


async def recommend_by_each_method(
    conn: Connection,
    embedder: Embedder,
    queries: Sequence[RetrievalQuery],
    advance: Callable[[], object] = lambda: None,
) -> list[TrialRecommendations]:
    """The recommendations for each query, in the order of the queries; `advance` is called after each."""
    recommended = []
    for query in queries:
        recommended.append(await _recommend(conn, embedder, query))
        advance()
    return recommended


async def _recommend(conn: Connection, embedder: Embedder, query: RetrievalQuery) -> TrialRecommendations:
    results = await find_candidates(conn, embedder, query)
    words, meaning = results.full_text, results.vector
    unseen = [replace(candidate, similarity=None) for candidate in words]
    known = isinstance(embedder, OfflineEmbedder)
    by_both = _ranked(query, words, meaning, known)
    return TrialRecommendations(
        RecommendedByMethod(
            cosine=_first(await _nearest(conn, embedder, results.query_vector)),
            # The search by meaning returns them in this order.
            cosine_and_level=_first(meaning),
            text=_first(_ranked(query, unseen, (), known)),
            vectors=_first(_ranked(query, (), meaning, known)),
            both=_first(by_both),
        ),
        tuple(
            GivenReason(candidate.credential_id, claims_for(candidate, query), candidate.similarity)
            for candidate in by_both
        ),
    )


async def find_candidates(conn: Connection, embedder: Embedder, query: RetrievalQuery) -> search.SearchResults:
    """The candidates by words and by meaning, best first, as the service finds them, but on one connection."""
    words = await search.search_full_text(conn, query)
    vector, meaning = await search.embed_and_search(conn, embedder, query)
    return search.SearchResults(await search.with_similarities(conn, embedder, words, meaning, vector), meaning, vector)


async def _nearest(conn: Connection, embedder: Embedder, vector: Sequence[float] | None) -> list[Candidate]:
    if vector is None:
        return []
    no_bonus = dict.fromkeys(CredentialLevel, 0.0)
    return await search.nearest_passages(conn, vector, search.space_name(embedder), no_bonus, indexed=False)


def _first(candidates: Iterable[Candidate]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(candidate.credential_id for candidate in candidates))[:MAX_RECOMMENDATIONS]


def _ranked(
    query: RetrievalQuery, by_words: Sequence[Candidate], by_meaning: Sequence[Candidate], of_known_model: bool
) -> list[Candidate]:
    ranked = rank(query, by_words, by_meaning, of_known_model=of_known_model)
    return [candidate for candidate, _ in ranked[:MAX_RECOMMENDATIONS]]
