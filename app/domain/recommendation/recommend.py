"""Recommendations with their reasons, made from the ranked candidates."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from app.domain.recommendation.claims import Claim, ClaimKind, claims_for
from app.domain.recommendation.query import MAX_RECOMMENDATIONS, Candidate, RetrievalQuery
from app.domain.recommendation.ranking import RankedCandidate, diversify
from app.domain.recommendation.written_reasons import PlacedCandidate, WrittenOrder
from app.domain.result.model import Recommendation, RecommendationSource
from app.domain.states import CredentialLevel

_SENTENCES = {
    ClaimKind.GAP: "Covers {0}, where your theory score showed gaps.",
    ClaimKind.WISH: "Covers {0}, {1} that you named.",
    ClaimKind.GOAL: "Covers {0}, which your goal mentions.",
    ClaimKind.TRACK: "Builds on {0}, which the track asks for.",
    ClaimKind.NEAR: "Its description is near to what the track asks for and to your answers.",
    ClaimKind.WORDS: "Its description shares words with what the track asks for and with your answers.",
}


def recommend(
    ranked: Sequence[RankedCandidate], query: RetrievalQuery, order: WrittenOrder | None = None
) -> tuple[Recommendation, ...]:
    """The first five as recommendations, each with a reason and the quoted passage. With a model's `order`, what it
    placed comes first, as long as there are not too many alike, with its reason where that stood up to the checks."""
    placed = {line.candidate.credential_id: line for line in order.placed} if order else {}
    first = diversify(_in_order(ranked, placed)) if placed else ranked[:MAX_RECOMMENDATIONS]
    return tuple(
        _recommendation(rank, candidate, relevance, query, placed.get(candidate.credential_id))
        for rank, (candidate, relevance) in enumerate(first, start=1)
    )


def _in_order(ranked: Sequence[RankedCandidate], placed: Mapping[UUID, PlacedCandidate]) -> list[RankedCandidate]:
    by_id = {line[0].credential_id: line for line in ranked}
    chosen = [by_id[credential_id] for credential_id in placed]
    return [*chosen, *(line for line in ranked if line[0].credential_id not in placed)]


def _recommendation(
    rank: int, candidate: Candidate, relevance: float, query: RetrievalQuery, placed: PlacedCandidate | None
) -> Recommendation:
    written = placed.reason if placed else None
    source, quotes = _source(candidate), written.passage_quotes if written else ()
    return Recommendation(
        rank=rank,
        credential_id=candidate.credential_id,
        title=candidate.title,
        provider=candidate.provider,
        url=candidate.url,
        relevance=relevance,
        reason=written.text if written else _reason(candidate, query),
        sources=tuple(source.model_copy(update=dict(quote)) for quote in quotes) or (source,),
        ranked_by="model" if placed else "rules",
        reason_by="model" if written else "rules",
        answers=written.student_quotes if written else (),
    )


def skills_of_reason(candidate: Candidate, query: RetrievalQuery) -> tuple[str, ...]:
    """The skills that the reason for this credential names; the quote should mention them too."""
    return tuple(skill for claim in claims_for(candidate, query) for skill in claim.skills)


def _reason(candidate: Candidate, query: RetrievalQuery) -> str:
    """Only what can be checked: in the scores, the profile answers, and the credential's skills and level."""
    return " ".join(_sentence(claim, candidate, query) for claim in claims_for(candidate, query))


def _sentence(claim: Claim, candidate: Candidate, query: RetrievalQuery) -> str:
    if claim.kind is ClaimKind.LEVEL:
        if candidate.level == CredentialLevel.ANY:
            return "It is for any level."
        if candidate.level == query.student.level:
            return f"Its level is the one that you asked for: {candidate.level}."
        return f"Its level is {candidate.level}; you asked for {query.student.level}."
    form = _SENTENCES[claim.kind]
    if candidate.text == candidate.title:
        # It has no description that could be near.
        form = form.replace("description", "title")
    return form.format(_listed(claim.skills), "an interest" if len(claim.skills) == 1 else "interests")


def _listed(names: Sequence[str]) -> str:
    return "".join(names) if len(names) < 2 else f"{', '.join(names[:-1])} and {names[-1]}"


def _source(candidate: Candidate) -> RecommendationSource:
    return RecommendationSource(
        passage_id=candidate.passage_id,
        credential_version=candidate.credential_version,
        quote=candidate.text,
        start=candidate.start,
        end=candidate.end,
        similarity=None if candidate.similarity is None else round(candidate.similarity, 4),
    )
