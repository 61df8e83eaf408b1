"""What distinguishes the candidates of a search, as numbers from 0 to 1 from which their order is computed."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from importlib.resources import files
from operator import mul
from uuid import UUID

from app.domain.recommendation.naming import served_skills, title_forms, wanted_title_words
from app.domain.recommendation.query import Candidate, RetrievalQuery
from app.domain.recommendation.word_forms import Forms, fold
from app.domain.states import CredentialLevel, Level

WEIGHTS_FILE = "ranking_weights.json"
FEATURES = (
    "similarity", "words", "meaning", "same_level", "level_above", "level_below", "gaps", "wishes",
    "main_wish", "wish_in_title", "goals", "track", "breadth", "focus",
)  # fmt: skip
# Where no vectors were compared: somewhat below the similarity of an ordinary candidate.
_UNKNOWN_SIMILARITY = 0.2
# The place in a ranking that counts half of the first.
_HALF_PLACE = 10
# Words of a title count up to this sum, and skills that serve a wish up to this number.
_MAX_TITLE, _MAX_SKILLS = 2.0, 2
_BROAD = 10
_LEVELS: tuple[str, ...] = tuple(Level)


@cache
def ranking_weights() -> dict[str, float]:
    """The fitted weight of each feature."""
    stored = json.loads(files(__package__).joinpath(WEIGHTS_FILE).read_text("utf-8"))["weights"]
    return {name: float(stored[name]) for name in FEATURES}


def relevance(features: Sequence[float]) -> float:
    """The fitted sum of the features, scaled so that 0 is the lowest possible and 1 the highest."""
    lowest, highest = _bounds()
    total = math.fsum(map(mul, ranking_weights().values(), features))
    return min(1.0, max(0.0, (total - lowest) / (highest - lowest)))


@cache
def _bounds() -> tuple[float, float]:
    weights = ranking_weights().values()
    return math.fsum(min(0.0, weight) for weight in weights), math.fsum(max(0.0, weight) for weight in weights)


def measure_candidates(
    query: RetrievalQuery,
    candidates: Sequence[Candidate],
    by_words: Iterable[Candidate],
    by_meaning: Iterable[Candidate],
) -> list[tuple[float, ...]]:
    """The features of each candidate, in the order of `FEATURES`; the rankings are those of the two searches."""
    words, meaning = _places(by_words), _places(by_meaning)
    common = Counter(form for candidate in candidates for form in title_forms(candidate.title))
    track = {name for skill in query.skills for name in query.aliases.names_of(skill)}
    needs = {name for skill in query.gaps for name in query.aliases.names_of(skill)}
    wishes = [_served(query.student.wishes, candidate, query) for candidate in candidates]
    return [
        (
            max(0.0, _UNKNOWN_SIMILARITY if candidate.similarity is None else candidate.similarity),
            words.get(candidate.credential_id, 0.0),
            meaning.get(candidate.credential_id, 0.0),
            *_level_features(candidate, query),
            _closed_gaps(candidate, query),
            *_wish_features(candidate, wanted, query, common),
            sum(fold(skill) in track for skill in candidate.skills) / max(1, len(candidate.skills)),
            min(1.0, math.log(1 + len(candidate.skills)) / math.log(1 + _BROAD)),
            _focus(candidate, wanted, needs),
        )
        for candidate, wanted in zip(candidates, wishes, strict=True)
    ]


def _places(ranking: Iterable[Candidate]) -> dict[UUID, float]:
    """For each credential 1 for the first place, falling to 0; each credential is counted once."""
    firsts = dict.fromkeys(candidate.credential_id for candidate in ranking)
    return {credential_id: _HALF_PLACE / (_HALF_PLACE + place) for place, credential_id in enumerate(firsts)}


def _level_features(candidate: Candidate, query: RetrievalQuery) -> tuple[float, float, float]:
    if query.student.level is None or candidate.level == CredentialLevel.ANY:
        return 0.5, 0.25, 0.25
    steps = _LEVELS.index(candidate.level) - _LEVELS.index(query.student.level)
    return float(steps == 0), float(steps == 1), float(steps == -1)


def _closed_gaps(candidate: Candidate, query: RetrievalQuery) -> float:
    """The share of the gaps that is closed, less by skills that come later; equal gaps weigh alike."""
    weights = query.gap_weights or (1.0,) * len(query.gaps)
    places: dict[Forms, int] = {}
    for place, skill in enumerate(candidate.skills):
        for name in query.aliases.names_of(skill):
            places.setdefault(name, place)
    closed = (
        weight / (1 + places[fold(gap)]) for gap, weight in zip(query.gaps, weights, strict=True) if fold(gap) in places
    )
    return math.fsum(closed) / (math.fsum(weights) or 1.0)


def _focus(candidate: Candidate, wishes: AbstractSet[str], gaps: AbstractSet[Forms]) -> float:
    """How much of what is taught is a gap or a wish; the first skills count most."""
    shares = [1 / (1 + place) for place in range(len(candidate.skills))]
    needed = (
        share for share, skill in zip(shares, candidate.skills, strict=True) if fold(skill) in gaps or skill in wishes
    )
    return math.fsum(needed) / math.fsum(shares) if shares else 0.0


def _wish_features(
    candidate: Candidate, wishes: AbstractSet[str], query: RetrievalQuery, common: Mapping[str, int]
) -> tuple[float, float, float, float]:
    goals = _served(query.student.goals, candidate, query) - wishes
    named = wanted_title_words(query.student.wishes, candidate)
    # A word in few titles says more than one in many. Sorted, because a sum of floats depends on the order.
    rarity = math.fsum(sorted(1 / math.sqrt(common[form]) for form in named))
    return (
        min(len(wishes), _MAX_SKILLS) / _MAX_SKILLS,
        float(bool(candidate.skills) and candidate.skills[0] in wishes),
        min(rarity, _MAX_TITLE) / _MAX_TITLE,
        min(len(goals), _MAX_SKILLS) / _MAX_SKILLS,
    )


def _served(texts: Sequence[str], candidate: Candidate, query: RetrievalQuery) -> set[str]:
    return {skill for text in texts for skill in served_skills(text, candidate.skills, query.aliases)}
