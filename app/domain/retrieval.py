"""What to look for in the catalogue, and in which order to recommend what was found."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.answers import Answer, is_empty
from app.domain.questions import ProfileInput, ProfileQuestion, Question
from app.domain.result import Recommendation, RecommendationSource, SkillEstimate

TOP = 5
# Candidates of each way that are joined: enough that a credential in the middle of both lists can still win.
CANDIDATES = 50
# The usual constant of reciprocal rank fusion: dampens the lead of the very first ranks.
_K = 60


@dataclass(frozen=True, slots=True)
class RetrievalQuery:
    """`text` is for the embedding (most telling words first: only its beginning is read), `terms` for full text."""

    text: str
    terms: tuple[str, ...]
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that was found; `similarity` is the cosine with the query, where vectors were compared."""

    passage_id: UUID
    credential_id: UUID
    credential_version: int
    title: str
    provider: str
    url: str
    level: str
    skills: tuple[str, ...]
    start: int
    end: int
    text: str
    similarity: float | None = None


def build_query(
    track_name: str,
    track_skills: Sequence[str],
    estimates: Iterable[SkillEstimate],
    questions: Iterable[Question],
    answers: Mapping[UUID, Answer],
) -> RetrievalQuery:
    """What to look for: the gaps of the rule scores first, then the student's interests, then the track's skills."""
    gaps = tuple(estimate.skill for estimate in estimates if estimate.gap)
    rest = tuple(skill for skill in track_skills if skill not in gaps)
    interests = [told for question in questions for told in _told(question, answers.get(question.question_id))]
    parts = (
        f"Certificate for a {track_name}",
        f"Learn {', '.join(gaps)}" if gaps else "",
        f"Interested in {', '.join(interests)}" if interests else "",
        f"Skills: {', '.join(rest)}" if rest else "",
    )
    return RetrievalQuery(". ".join(part for part in parts if part), (*gaps, *rest), gaps)


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


def recommend(
    ranked: Iterable[tuple[Candidate, float]], query: RetrievalQuery, track_skills: Sequence[str]
) -> tuple[Recommendation, ...]:
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
            reason=_reason(candidate, query, track_skills),
            sources=(_source(candidate),),
        )
        for rank, (candidate, relevance) in enumerate(first, start=1)
    )


def _told(question: Question, answer: Answer) -> tuple[str, ...]:
    """What a profile answer says in words: a text, or the texts of the options that were chosen."""
    body = question.body
    if not isinstance(body, ProfileQuestion) or is_empty(answer):
        return ()
    if body.input is ProfileInput.TEXT:
        return (str(answer),)
    chosen = answer if isinstance(answer, tuple) else (answer,)
    return tuple(option.text for option in body.options if option.id in chosen)


def _best_of_each(ranking: Sequence[Candidate]) -> Iterable[Candidate]:
    """The first passage of each credential, in the order of the ranking."""
    firsts: dict[UUID, Candidate] = {}
    for candidate in ranking:
        firsts.setdefault(candidate.credential_id, candidate)
    return firsts.values()


def _nearness(candidate: Candidate) -> tuple[float, bool, UUID]:
    """Sorts passages of a credential, nearest to the query first, as far as that is known; ties by id."""
    return -(candidate.similarity or 0.0), candidate.similarity is None, candidate.passage_id


def _reason(candidate: Candidate, query: RetrievalQuery, track_skills: Sequence[str]) -> str:
    covered = [skill for skill in query.gaps if skill in candidate.skills]
    if covered:
        return f"Covers {_listed(covered)}, where your answers left the most points."
    shared = [skill for skill in track_skills if skill in candidate.skills]
    if shared:
        return f"Builds on {_listed(shared[:3])}, which the track asks for."
    return "Its description is near to what the track asks for and to your answers."


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
