"""Recommendations out of what was found: why each of them, and the words that speak for it."""

from collections.abc import Iterable, Iterator, Sequence

from app.domain.recommendation.query import TOP, Candidate, RetrievalQuery
from app.domain.result.model import Recommendation, RecommendationSource
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


def told_skills(candidate: Candidate, query: RetrievalQuery) -> tuple[str, ...]:
    """The skills of which the reason for this credential tells; its quote should say something of them."""
    return (*_gaps(candidate, query), *_interests(candidate, query)) or _of_track(candidate, query)


def _reason(candidate: Candidate, query: RetrievalQuery) -> str:
    """Only what can be looked up: in the scores, in the profile answers, and in the credential's skills and level."""
    gaps, interests = _gaps(candidate, query), _interests(candidate, query)
    told = []
    if gaps:
        told.append(f"Covers {_listed(gaps)}, where your theory score showed gaps.")
    if interests:
        wished = "an interest" if len(interests) == 1 else "interests"
        told.append(f"Covers {_listed(interests)}, {wished} that you named.")
    if not told:
        shared = _of_track(candidate, query)
        near = "Its description is near to what the track asks for and to your answers."
        told.append(f"Builds on {_listed(shared)}, which the track asks for." if shared else near)
    return " ".join((*told, *_of_level(candidate, query)))


def _gaps(candidate: Candidate, query: RetrievalQuery) -> tuple[str, ...]:
    return _shared(query.gaps, candidate)


def _interests(candidate: Candidate, query: RetrievalQuery) -> tuple[str, ...]:
    """The skills that stand in what the student wishes; those that are gaps are told as gaps."""
    wishes = [words(interest) for interest in query.interests]
    gaps = {gap.casefold() for gap in query.gaps}
    wanted = (
        skill
        for skill in candidate.skills
        if skill.casefold() not in gaps and any(_contains(wish, words(skill)) for wish in wishes)
    )
    return tuple(wanted)[:_NAMED]


def _of_track(candidate: Candidate, query: RetrievalQuery) -> tuple[str, ...]:
    return _shared(query.skills, candidate)


def _of_level(candidate: Candidate, query: RetrievalQuery) -> Iterator[str]:
    if query.level is not None and candidate.level == query.level:
        yield f"Its level is the one that you asked for: {query.level}."
    elif query.level is not None:
        yield f"Its level is {candidate.level}; you asked for {query.level}."


def _shared(names: Sequence[str], candidate: Candidate) -> tuple[str, ...]:
    skills = {skill.casefold() for skill in candidate.skills}
    return tuple(name for name in names if name.casefold() in skills)[:_NAMED]


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
