"""Recommendations with their reasons, made from the ranked candidates."""

from collections.abc import Iterable, Iterator, Sequence

from app.domain.recommendation.query import MAX_RECOMMENDATIONS, Candidate, RetrievalQuery
from app.domain.result.model import Recommendation, RecommendationSource
from app.domain.text import words

# Skills that a sentence of the reason names.
_MAX_NAMED = 3


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
    covered = (*_covered_gaps(candidate, query), *_covered_interests(candidate, query))
    return covered or _shared_skills(query.skills, candidate)


def _reason(candidate: Candidate, query: RetrievalQuery) -> str:
    """Only what can be checked: in the scores, the profile answers, and the credential's skills and level."""
    gaps, interests = _covered_gaps(candidate, query), _covered_interests(candidate, query)
    sentences = []
    if gaps:
        sentences.append(f"Covers {_listed(gaps)}, where your theory score showed gaps.")
    if interests:
        named = "an interest" if len(interests) == 1 else "interests"
        sentences.append(f"Covers {_listed(interests)}, {named} that you named.")
    if not sentences:
        shared = _shared_skills(query.skills, candidate)
        near = "Its description is near to what the track asks for and to your answers."
        sentences.append(f"Builds on {_listed(shared)}, which the track asks for." if shared else near)
    return " ".join((*sentences, *_level_sentence(candidate, query)))


def _covered_gaps(candidate: Candidate, query: RetrievalQuery) -> tuple[str, ...]:
    return _shared_skills(query.gaps, candidate)


def _covered_interests(candidate: Candidate, query: RetrievalQuery) -> tuple[str, ...]:
    """The skills that the student's interests mention and that are not gaps."""
    interests = [words(interest) for interest in query.interests]
    gaps = {gap.casefold() for gap in query.gaps}
    covered = (
        skill
        for skill in candidate.skills
        if skill.casefold() not in gaps and any(_contains(interest, words(skill)) for interest in interests)
    )
    return tuple(covered)[:_MAX_NAMED]


def _level_sentence(candidate: Candidate, query: RetrievalQuery) -> Iterator[str]:
    if query.level is not None and candidate.level == query.level:
        yield f"Its level is the one that you asked for: {query.level}."
    elif query.level is not None:
        yield f"Its level is {candidate.level}; you asked for {query.level}."


def _shared_skills(names: Sequence[str], candidate: Candidate) -> tuple[str, ...]:
    skills = {skill.casefold() for skill in candidate.skills}
    return tuple(name for name in names if name.casefold() in skills)[:_MAX_NAMED]


def _contains(text: Sequence[str], phrase: Sequence[str]) -> bool:
    """Whether the words of the phrase occur in the text, one directly after the other."""
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
