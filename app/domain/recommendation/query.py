"""The search query of a student: gaps, interests, track and level, each with its weight."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import mul
from uuid import UUID

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import EssayQuestion, Question
from app.domain.recommendation.skill_aliases import SkillAliases, default_aliases
from app.domain.recommendation.student import Student, read_student
from app.domain.result.model import SkillEstimate
from app.domain.states import CredentialLevel, Level
from app.domain.text import words

MAX_RECOMMENDATIONS = 5
# Passages that each search returns: enough that a credential in the middle of both rankings can still win.
MAX_CANDIDATES = 50

# The weight of a gap relative to the next lower one: closing the lowest gap matters most.
_NEXT_GAP = 0.7
# A gap at level 0 weighs twice as much as one that is nearly closed, at 0.6.
_LEVEL_OF_GAP = 0.5 / 0.6
# All interests together weigh nearly as much as the lowest gap, because a student may not be interested in that one.
_INTERESTS = 0.8
# A goal says what for, which many subjects serve.
_GOALS = 0.3
# The track and the subjects of the essays say what a skill is needed for ("sql" for analysts or for engineers).
_TRACK_IN_FULL_TEXT, _TRACK_IN_VECTOR, _SUBJECTS = 0.1, 0.2, 0.2
# What is embedded of a student's gaps and words. In any script, a token of the offline model has three bytes or more on
# average, so this is at most 128 tokens.
_EMBEDDED_BYTES = 384
# What is embedded of each other text. It is cut at the same place for each student, so that its vector is computed once
# and found in the embedder's cache afterwards.
_SHARED_BYTES = 200
_MAX_WORDS = 40
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


def build_query(
    track_name: str,
    track_skills: Sequence[str],
    estimates: Iterable[SkillEstimate],
    questions: Sequence[Question],
    answers: Mapping[UUID, Answer],
    aliases: SkillAliases | None = None,
    student: Student | None = None,
) -> RetrievalQuery:
    """What to search for: first the gaps that the rule scores show, then the student's interests, then the track's
    skills and the subjects of the essays. The text of the essays is not part of it. A `student` who is not given is
    read from the answers by rules."""
    estimates = sorted(estimates, key=lambda estimate: estimate.level)
    student = student or read_student(questions, answers, estimates)
    lacking = [estimate for estimate in estimates if estimate.gap]
    gaps = tuple(estimate.skill for estimate in lacking)
    subjects = [question.body.prompt for question in questions if isinstance(question.body, EssayQuestion)]
    places = {level: place for place, level in enumerate(sorted({estimate.level for estimate in lacking}))}
    gap_parts = tuple(QueryPart(estimate.skill, _NEXT_GAP ** places[estimate.level]) for estimate in lacking)
    return RetrievalQuery(
        full_text_parts=(
            *(QueryPart(_phrase(part.text), part.weight) for part in gap_parts),
            *(QueryPart(_any_word(part.text), part.weight) for part in _wishes(student)),
            *(QueryPart(_phrase(skill), _TRACK_IN_FULL_TEXT) for skill in track_skills),
        ),
        vector_parts=(
            *_within_limit(_EMBEDDED_BYTES, *gap_parts, *_wishes(student)),
            *_within_limit(_SHARED_BYTES, QueryPart(", ".join(track_skills) or track_name, _TRACK_IN_VECTOR)),
            *(part for subject in _share(subjects, _SUBJECTS) for part in _within_limit(_SHARED_BYTES, subject)),
        ),
        gaps=gaps,
        skills=tuple(track_skills),
        gap_weights=tuple(1 - _LEVEL_OF_GAP * estimate.level for estimate in lacking),
        student=student,
        aliases=aliases or default_aliases(),
    )


def weighted_mean(vectors: Sequence[Sequence[float]], weights: Sequence[float]) -> tuple[float, ...] | None:
    """The weighted sum of the vectors, scaled to length 1; None if there are none or they cancel out. Its similarity to
    a text is the weighted mean of their similarities, up to a constant factor."""
    total = [sum(map(mul, weights, column)) for column in zip(*vectors, strict=True)]
    length = math.sqrt(math.fsum(value * value for value in total))
    return tuple(value / length for value in total) if length else None


def _wishes(student: Student) -> tuple[QueryPart, ...]:
    return (*_share(student.wishes, _INTERESTS), *_share(student.goals, _GOALS))


def _share(texts: Sequence[str], weight: float) -> tuple[QueryPart, ...]:
    return tuple(QueryPart(text, weight / len(texts)) for text in texts)


def _phrase(text: str) -> str:
    return f'"{text.replace(chr(34), " ")}"'


def _any_word(text: str) -> str:
    return " OR ".join(_phrase(word) for word in words(text)[:_MAX_WORDS])


def _within_limit(limit: int, *parts: QueryPart) -> tuple[QueryPart, ...]:
    """The parts within so many bytes; the last one may be cut."""
    kept: list[QueryPart] = []
    left = limit
    for part in parts:
        text = part.text.encode(errors="replace")[:left].decode(errors="ignore").strip()
        if text:
            kept.append(QueryPart(text, part.weight))
            left -= len(text.encode())
    return tuple(kept)
