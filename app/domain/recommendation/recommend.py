"""Recommendations with their reasons, made from the ranked candidates."""

from collections.abc import Iterable, Sequence

from app.domain.recommendation.claims import Claim, ClaimKind, claims_for
from app.domain.recommendation.query import MAX_RECOMMENDATIONS, Candidate, RetrievalQuery
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


def recommend(ranked: Iterable[tuple[Candidate, float]], query: RetrievalQuery) -> tuple[Recommendation, ...]:
    """The first five as recommendations, each with a reason and the quoted passage."""
    first = list(ranked)[:MAX_RECOMMENDATIONS]
    return tuple(
        Recommendation(
            rank=rank,
            credential_id=candidate.credential_id,
            title=candidate.title,
            provider=candidate.provider,
            url=candidate.url,
            relevance=relevance,
            reason=_reason(candidate, query),
            sources=(_source(candidate),),
        )
        for rank, (candidate, relevance) in enumerate(first, start=1)
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
