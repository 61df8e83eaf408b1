"""In which order to recommend what was found."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from uuid import UUID

from app.domain.recommendation.query import TOP, Candidate, RetrievalQuery

# The usual constant of reciprocal rank fusion: dampens the lead of the very first ranks.
_K = 60
# What closing all gaps counts for, beside 1 for being found. A credential's first skill is its main subject.
_COVERAGE = 0.5
# As for the query: what the next gap counts for beside the one before.
_NEXT_GAP = 0.7
# Of the five so many may be of one provider, or on one topic; a student is to have a choice.
_ALIKE = 2
# From this share of common skills on, two credentials are on one topic.
_ONE_TOPIC = 0.75
# Less alike, and without a skill that is asked for, it has nothing to do with the student: on the labelled queries even
# 0.35 keeps nothing out of the five; courses in botany, welding, cooking or Italian are at 0.26 at most.
_UNRELATED = 0.3

Ranked = tuple[Candidate, float]
"""A passage that speaks for its credential, with the credential's relevance, 0–1."""


def rank(query: RetrievalQuery, *rankings: Sequence[Candidate]) -> tuple[Ranked, ...]:
    """The best passage of each credential with its relevance, best first; ties by id.

    The rankings are joined by reciprocal ranks; what closes the gaps moves up, and what has nothing to do with the
    query is left out. Among the first five no title comes twice, and neither provider nor topic more than twice, as far
    as there is something else.
    """
    asked = {skill.casefold() for skill in (*query.gaps, *query.skills)}
    relevant = [
        (found, round(share * _closes(found, query), 4))
        for found, share in by_reciprocal_rank(*rankings)
        if not _unrelated(found, asked)
    ]
    relevant.sort(key=_order)
    first = _varied(relevant)
    taken = {found.credential_id for found, _ in first}
    return (*sorted(first, key=_order), *(one for one in relevant if one[0].credential_id not in taken))


def by_reciprocal_rank(*rankings: Sequence[Candidate]) -> tuple[tuple[Candidate, float], ...]:
    """The best passage of each credential with its relevance (0–1), best first; ties by id.

    Each ranking counts a credential once, where its best passage stands; 1 is the first place in every ranking.
    The order of the rankings changes nothing.
    """
    places: dict[UUID, list[int]] = {}
    found: dict[UUID, list[Candidate]] = {}
    for ranking in rankings:
        for place, candidate in enumerate(_best_of_each(ranking), start=1):
            places.setdefault(candidate.credential_id, []).append(place)
            found.setdefault(candidate.credential_id, []).append(candidate)
    credit = {credential_id: math.fsum(1 / (_K + place) for place in at) for credential_id, at in places.items()}
    most = len(rankings) / (_K + 1)
    order = sorted(credit, key=lambda credential_id: (-credit[credential_id], credential_id))
    return tuple(
        (min(found[credential_id], key=_nearness), round(credit[credential_id] / most, 4)) for credential_id in order
    )


def _order(ranked: Ranked) -> tuple[float, UUID]:
    return -ranked[1], ranked[0].credential_id


def _unrelated(found: Candidate, asked: Set[str]) -> bool:
    """What was found by words alone shares some at least."""
    near = found.similarity is None or found.similarity >= _UNRELATED
    return not near and asked.isdisjoint(skill.casefold() for skill in found.skills)


def _closes(found: Candidate, query: RetrievalQuery) -> float:
    """How far it closes the gaps, from 1 / (1 + _COVERAGE) for none up to 1; 1 where there are none."""
    if not query.gaps:
        return 1.0
    skills = [skill.casefold() for skill in found.skills]
    weights = [_NEXT_GAP**place for place in range(len(query.gaps))]
    closed = math.fsum(
        weight / math.sqrt(1 + skills.index(gap.casefold()))
        for gap, weight in zip(query.gaps, weights, strict=True)
        if gap.casefold() in skills
    )
    return (1 + _COVERAGE * closed / math.fsum(weights)) / (1 + _COVERAGE)


def _varied(ranked: Sequence[Ranked]) -> list[Ranked]:
    """Five of them: in their order, but those that are too much alike only where nothing else is left."""
    chosen: list[Ranked] = []
    alike: list[Ranked] = []
    for one in ranked:
        if len(chosen) == TOP:
            break
        (alike if _too_much(one[0], [found for found, _ in chosen]) else chosen).append(one)
    return [*chosen, *alike][:TOP]


def _too_much(candidate: Candidate, chosen: Sequence[Candidate]) -> bool:
    providers = Counter(found.provider.casefold() for found in chosen)
    return (
        candidate.title.casefold() in {found.title.casefold() for found in chosen}
        or providers[candidate.provider.casefold()] >= _ALIKE
        or sum(_on_one_topic(candidate, found) for found in chosen) >= _ALIKE
    )


def _on_one_topic(one: Candidate, other: Candidate) -> bool:
    both = {*one.skills, *other.skills}
    return bool(both) and len({*one.skills} & {*other.skills}) / len(both) >= _ONE_TOPIC


def _best_of_each(ranking: Sequence[Candidate]) -> Iterable[Candidate]:
    """The first passage of each credential, in the order of the ranking."""
    firsts: dict[UUID, Candidate] = {}
    for candidate in ranking:
        firsts.setdefault(candidate.credential_id, candidate)
    return firsts.values()


def _nearness(candidate: Candidate) -> tuple[float, bool, UUID]:
    """Sorts passages of a credential, nearest to the query first, as far as that is known; ties by id."""
    return -(candidate.similarity or 0.0), candidate.similarity is None, candidate.passage_id
