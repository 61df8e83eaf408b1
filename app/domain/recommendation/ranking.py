"""Ranking the candidates: which credentials to recommend, and in which order."""

from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import UUID

from app.domain.recommendation.claims import is_related
from app.domain.recommendation.features import measure_candidates, relevance
from app.domain.recommendation.language import same_language
from app.domain.recommendation.naming import is_refused
from app.domain.recommendation.plain_refusals import PlainRefusals
from app.domain.recommendation.query import MAX_RECOMMENDATIONS, Candidate, RetrievalQuery
from app.domain.recommendation.word_forms import fold

# Recommendations of one provider, or on one topic: the student shall have a choice.
_MAX_ALIKE = 2
# From this share of common skills on, two credentials are on one topic.
_SAME_TOPIC = 0.75
# What the relevance is multiplied by in another language than the student's: it falls behind all that suits nearly as
# well, and is there where nothing else is.
_OTHER_LANGUAGE = 0.6
# What is so much less relevant than the best is left out: fewer than five are a better answer.
_CLEARLY_WORSE = 0.28
RankedCandidate = tuple[Candidate, float]
"""The best passage of a credential, with the credential's relevance, 0–1."""


def rank(
    query: RetrievalQuery,
    by_words: Sequence[Candidate],
    by_meaning: Sequence[Candidate] = (),
    *,
    of_known_model: bool = True,
) -> tuple[RankedCandidate, ...]:
    """The best passage of each credential with its relevance, best first; ties by id.

    The order is that of a fitted sum of features. Those that have nothing to do with the student, or that the student
    refuses or holds, are left out, as are those that are clearly worse than the best. Among the first five no title
    comes twice, and neither provider nor topic more than twice, as long as there are alternatives.
    """
    candidates = suitable(query, by_words, by_meaning, of_known_model=of_known_model)
    features = measure_candidates(query, candidates, by_words, by_meaning)
    scores = [relevance(row) for row in features]
    least = max(scores, default=0.0) - _CLEARLY_WORSE
    ranked = [
        (candidate, round(score * _language_fit(candidate, query), 4))
        for candidate, score in zip(candidates, scores, strict=True)
        if score >= least
    ]
    ranked.sort(key=_order)
    first = diversify(ranked)
    in_first = {candidate.credential_id for candidate, _ in first}
    rest = (line for line in ranked if line[0].credential_id not in in_first)
    return (*sorted(first, key=_order), *rest)


def suitable(query: RetrievalQuery, *rankings: Sequence[Candidate], of_known_model: bool = True) -> list[Candidate]:
    """The best passage of each credential that may be recommended, in the order of their ids. `of_known_model` says
    whether similarities are those of the offline model."""
    passages: dict[UUID, list[Candidate]] = {}
    for ranking in rankings:
        for candidate in _first_passages(ranking):
            passages.setdefault(candidate.credential_id, []).append(candidate)
    best = (min(passages[credential_id], key=_nearness) for credential_id in sorted(passages))
    related = [candidate for candidate in best if is_related(candidate, query, of_known_model=of_known_model)]
    plain = PlainRefusals(
        query.student, [passage for candidate in related for passage in passages[candidate.credential_id]]
    )
    return [candidate for candidate in related if not is_refused(candidate, query) and not plain.cover(candidate)]


def _language_fit(candidate: Candidate, query: RetrievalQuery) -> float:
    """1, or less if the credential is known to be in another language than the student writes in."""
    if candidate.language is None or query.student.language is None:
        return 1.0
    return 1.0 if same_language(candidate.language, query.student.language) else _OTHER_LANGUAGE


def _order(ranked: RankedCandidate) -> tuple[float, UUID]:
    return -ranked[1], ranked[0].credential_id


def diversify(ranked: Sequence[RankedCandidate]) -> list[RankedCandidate]:
    """The first five; those that are too similar to the ones before only if there is nothing else."""
    chosen: list[RankedCandidate] = []
    too_similar: list[RankedCandidate] = []
    for candidate, score in ranked:
        if len(chosen) == MAX_RECOMMENDATIONS:
            break
        fits = not _is_too_similar(candidate, [other for other, _ in chosen])
        (chosen if fits else too_similar).append((candidate, score))
    return [*chosen, *too_similar][:MAX_RECOMMENDATIONS]


def _is_too_similar(candidate: Candidate, chosen: Sequence[Candidate]) -> bool:
    providers = Counter(other.provider.casefold() for other in chosen)
    return (
        candidate.title.casefold() in {other.title.casefold() for other in chosen}
        or providers[candidate.provider.casefold()] >= _MAX_ALIKE
        or sum(_is_same_topic(candidate, other) for other in chosen) >= _MAX_ALIKE
    )


def _is_same_topic(candidate: Candidate, other: Candidate) -> bool:
    skills, other_skills = set(map(fold, candidate.skills)), set(map(fold, other.skills))
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
