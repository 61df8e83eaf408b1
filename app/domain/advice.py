"""Recommendations out of what was found: why each of them, and the words that speak for it."""

from collections.abc import Iterable, Sequence

from app.domain.result import Recommendation, RecommendationSource
from app.domain.retrieval import TOP, Candidate, RetrievalQuery
from app.domain.text import words

# More would be read by nobody.
_NAMED = 3


def recommend(ranked: Iterable[tuple[Candidate, float]], query: RetrievalQuery) -> tuple[Recommendation, ...]:
    """The first five as recommendations, each with the passage that speaks for it."""
    first = list(ranked)[:TOP]
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


def _reason(candidate: Candidate, query: RetrievalQuery) -> str:
    """Only what can be looked up: in the scores, in the profile answers, and in the credential's skills and level."""
    told = [_of_gaps(candidate, query), _of_interests(candidate, query)]
    if not any(told):
        told = [_of_track(candidate, query)]
    return " ".join(sentence for sentence in [*told, _of_level(candidate, query)] if sentence)


def _of_gaps(candidate: Candidate, query: RetrievalQuery) -> str:
    covered = _shared(query.gaps, candidate)
    return f"Covers {_listed(covered)}, where your answers showed gaps." if covered else ""


def _of_interests(candidate: Candidate, query: RetrievalQuery) -> str:
    wishes = [words(interest) for interest in query.interests]
    gaps = {gap.casefold() for gap in query.gaps}
    wanted = [
        skill
        for skill in candidate.skills
        if skill.casefold() not in gaps and any(_contains(wish, words(skill)) for wish in wishes)
    ][:_NAMED]
    return f"Covers {_listed(wanted)}, an interest that you named." if wanted else ""


def _of_track(candidate: Candidate, query: RetrievalQuery) -> str:
    shared = _shared(query.skills, candidate)
    if shared:
        return f"Builds on {_listed(shared)}, which the track asks for."
    return "Its description is near to what the track asks for and to your answers."


def _of_level(candidate: Candidate, query: RetrievalQuery) -> str:
    if query.level is None:
        return ""
    if candidate.level == query.level:
        return f"Its level is the one that you asked for: {query.level}."
    return f"Its level is {candidate.level}; you asked for {query.level}."


def _shared(names: Sequence[str], candidate: Candidate) -> list[str]:
    skills = {skill.casefold() for skill in candidate.skills}
    return [name for name in names if name.casefold() in skills][:_NAMED]


def _contains(text: Sequence[str], phrase: Sequence[str]) -> bool:
    """Whether the words of the phrase stand in the text, one after the other."""
    length = len(phrase)
    return bool(phrase) and any(text[at : at + length] == phrase for at in range(len(text) - length + 1))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _source(candidate: Candidate) -> RecommendationSource:
    return RecommendationSource(
        passage_id=candidate.passage_id,
        credential_version=candidate.credential_version,
        quote=candidate.text,
        start=candidate.start,
        end=candidate.end,
        similarity=None if candidate.similarity is None else round(candidate.similarity, 4),
    )
