"""What a search for a student looks for, and what it finds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import mul
from uuid import UUID

from app.domain.recommendation.skill_aliases import SkillAliases, default_aliases
from app.domain.recommendation.student import Student
from app.domain.states import CredentialLevel, Level

MAX_RECOMMENDATIONS = 5
# Passages that each search returns: enough that a credential in the middle of both rankings can still win.
MAX_CANDIDATES = 50

# How well a level suits a student who chose another one, by the number of levels between them: one level above is
# better than one below, and two levels are too far.
_LEVEL_FIT = {0: 1.0, 1: 0.6, -1: 0.5}
_POOR_FIT = 0.1
# A credential for any level suits everybody, but nobody as well as one for their own.
_ANY_FIT = 0.8


@dataclass(frozen=True, slots=True)
class QueryPart:
    """A text to search for, with its weight. For full-text search it is in the syntax of web searches."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class RetrievalQuery:
    """What to search for, by words and by meaning. `gaps` begin with the lowest; `skills` are those of the track;
    `student` is what the answers say."""

    full_text_parts: tuple[QueryPart, ...]
    vector_parts: tuple[QueryPart, ...]
    gaps: tuple[str, ...]
    skills: tuple[str, ...] = ()
    # How much each gap matters; equal ones weigh alike. All 1 if left out.
    gap_weights: tuple[float, ...] = ()
    student: Student = field(default_factory=Student)
    # Which names mean the same skill.
    aliases: SkillAliases = field(default_factory=default_aliases, compare=False, repr=False)

    @property
    def level_fit(self) -> dict[CredentialLevel, float]:
        """How well each level of credentials suits the student, 0–1."""
        if self.student.level is None:
            return dict.fromkeys(CredentialLevel, 1.0)
        levels = list(Level)
        chosen = levels.index(self.student.level)
        fit = {CredentialLevel(level): _LEVEL_FIT.get(levels.index(level) - chosen, _POOR_FIT) for level in levels}
        return fit | {CredentialLevel.ANY: _ANY_FIT}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that a search returned, with its credential; `similarity` is the cosine with the query, None if no
    vectors were compared."""

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
    language: str | None = None


def weighted_mean(vectors: Sequence[Sequence[float]], weights: Sequence[float]) -> tuple[float, ...] | None:
    """The weighted sum of the vectors, scaled to length 1; None if there are none or they cancel out. Its similarity to
    a text is the weighted mean of their similarities, up to a constant factor."""
    total = [sum(map(mul, weights, column)) for column in zip(*vectors, strict=True)]
    length = math.sqrt(math.fsum(value * value for value in total))
    return tuple(value / length for value in total) if length else None
