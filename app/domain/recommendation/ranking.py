"""Ranking the candidates: which credentials to recommend, and in which order."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import UUID

from app.domain.recommendation.claims import is_related
from app.domain.recommendation.naming import is_refused
from app.domain.recommendation.query import MAX_RECOMMENDATIONS, Candidate, RetrievalQuery

# The usual constant of reciprocal rank fusion: it dampens the lead of the very first ranks.
_K = 60
# What closing all gaps adds to the relevance, before scaling to 0–1. A credential's first skill is its main subject.
_COVERAGE = 0.5
# As in the query: the weight of a gap relative to the next lower one.
_NEXT_GAP = 0.7
# Recommendations of one provider, or on one topic: the student shall have a choice.
_MAX_ALIKE = 2
# From this share of common skills on, two credentials are on one topic.
_SAME_TOPIC = 0.75
RankedCandidate = tuple[Candidate, float]
"""The best passage of a credential, with the credential's relevance, 0–1."""


def rank(query: RetrievalQuery, *rankings: Sequence[Candidate]) -> tuple[RankedCandidate, ...]:
    """The best passage of each credential with its relevance, best first; ties by id.

    The rankings are combined by reciprocal rank fusion. Credentials that close gaps move up, and those that have
    nothing to do with the student, or that the student refuses or holds, are left out. Among the first five no title
    comes twice, and neither provider nor topic more than twice, as long as there are alternatives.
    """
    relevant = [
        (candidate, round(relevance * _gap_factor(candidate, query), 4))
        for candidate, relevance in fuse_rankings(*rankings)
        if is_related(candidate, query) and not is_refused(candidate, query)
    ]
    relevant.sort(key=_order)
    first = _diversify(relevant)
    in_first = {candidate.credential_id for candidate, _ in first}
    rest = (ranked for ranked in relevant if ranked[0].credential_id not in in_first)
    return (*sorted(first, key=_order), *rest)


def fuse_rankings(*rankings: Sequence[Candidate]) -> tuple[RankedCandidate, ...]:
    """The best passage of each credential with its relevance (0–1) by reciprocal rank fusion, best first; ties by id.

    Each ranking counts a credential once, at the place of its best passage. The relevance is 1 for the first place in
    every ranking. The order of the rankings makes no difference.
    """
    places: dict[UUID, list[int]] = {}
    passages: dict[UUID, list[Candidate]] = {}
    for ranking in rankings:
        for place, candidate in enumerate(_first_passages(ranking), start=1):
            places.setdefault(candidate.credential_id, []).append(place)
            passages.setdefault(candidate.credential_id, []).append(candidate)
    sums = {credential_id: math.fsum(1 / (_K + place) for place in at) for credential_id, at in places.items()}
    highest = len(rankings) / (_K + 1)
    order = sorted(sums, key=lambda credential_id: (-sums[credential_id], credential_id))
    return tuple(
        (min(passages[credential_id], key=_nearness), round(sums[credential_id] / highest, 4))
        for credential_id in order
    )


def _order(ranked: RankedCandidate) -> tuple[float, UUID]:
    return -ranked[1], ranked[0].credential_id


def _gap_factor(candidate: Candidate, query: RetrievalQuery) -> float:
    """How far the credential closes the gaps: 1 for all of them, 1 / (1 + _COVERAGE) for none; 1 if there are none."""
    if not query.gaps:
        return 1.0
    skills = [skill.casefold() for skill in candidate.skills]
    weights = [_NEXT_GAP**place for place in range(len(query.gaps))]
    closed = math.fsum(
        weight / math.sqrt(1 + skills.index(gap.casefold()))
        for gap, weight in zip(query.gaps, weights, strict=True)
        if gap.casefold() in skills
    )
    return (1 + _COVERAGE * closed / math.fsum(weights)) / (1 + _COVERAGE)


def _diversify(ranked: Sequence[RankedCandidate]) -> list[RankedCandidate]:
    """The first five; those that are too similar to the ones before only if there is nothing else."""
    chosen: list[RankedCandidate] = []
    too_similar: list[RankedCandidate] = []
    for candidate, relevance in ranked:
        if len(chosen) == MAX_RECOMMENDATIONS:
            break
        fits = not _is_too_similar(candidate, [other for other, _ in chosen])
        (chosen if fits else too_similar).append((candidate, relevance))
    return [*chosen, *too_similar][:MAX_RECOMMENDATIONS]


def _is_too_similar(candidate: Candidate, chosen: Sequence[Candidate]) -> bool:
    providers = Counter(other.provider.casefold() for other in chosen)
    return (
        candidate.title.casefold() in {other.title.casefold() for other in chosen}
        or providers[candidate.provider.casefold()] >= _MAX_ALIKE
        or sum(_is_same_topic(candidate, other) for other in chosen) >= _MAX_ALIKE
    )


def _is_same_topic(candidate: Candidate, other: Candidate) -> bool:
    skills, other_skills = set(candidate.skills), set(other.skills)
    union = skills | other_skills
    return bool(union) and len(skills & other_skills) / len(union) >= _SAME_TOPIC


def _first_passages(ranking: Sequence[Candidate]) -> Iterable[Candidate]:
    """The first passage of each credential, in the order of the ranking."""
    firsts: dict[UUID, Candidate] = {}
    for candidate in ranking:
        firsts.setdefault(candidate.credential_id, candidate)
    return firsts.values()


def _nearness(candidate: Candidate) -> tuple[float, bool, UUID]:
    """Sorts the passages of a credential, nearest to the query first, those without a similarity last; ties by id."""
    return -(candidate.similarity or 0.0), candidate.similarity is None, candidate.passage_id
