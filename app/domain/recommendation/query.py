"""The search query of a student: gaps, interests, track and level, each with its weight."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from uuid import UUID

from app.domain.assessment.answers import Answer, is_empty
from app.domain.assessment.questions import EssayQuestion, ProfileInput, ProfileQuestion, Question, QuestionBody
from app.domain.result.model import SkillEstimate
from app.domain.states import Level
from app.domain.text import words

MAX_RECOMMENDATIONS = 5
# Passages that each search returns: enough that a credential in the middle of both rankings can still win.
MAX_CANDIDATES = 50

# The weight of a gap relative to the next lower one: closing the lowest gap matters most.
_NEXT_GAP = 0.7
# All interests together weigh nearly as much as the lowest gap, because a student may not be interested in that one.
_INTERESTS = 0.8
# The track and the subjects of the essays say what a skill is needed for ("sql" for analysts or for engineers).
_TRACK_IN_FULL_TEXT, _TRACK_IN_VECTOR, _SUBJECTS = 0.1, 0.2, 0.2
# In any script, a token of the offline model has three bytes or more on average, so this is at most 128 tokens.
_EMBEDDED_BYTES = 384
_MAX_WORDS = 40
# How well a level suits a student who chose another one, by the number of levels between them: one level above is
# better than one below, and two levels are too far.
_LEVEL_FIT = {0: 1.0, 1: 0.6, -1: 0.5}
_POOR_FIT = 0.1
# An answer about the past is not an interest: a student who has used Python may not want to learn more of it.
_LOOKS_BACK = re.compile(r"\b(?:have|had|did) you\b|\bhow (?:long|often|much experience)\b|\bso far\b", re.IGNORECASE)
_LOOKS_FORWARD = re.compile(r"\b(?:would|want|wish|hope|plan|interest\w*|like to|learn|deep\w+)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class QueryPart:
    """A text to search for, with its weight. For full-text search it is in the syntax of web searches."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class RetrievalQuery:
    """What to search for, by words and by meaning. `gaps` begin with the lowest; `skills` are those of the track;
    `interests` are in the student's words; `level` is None if the student chose none."""

    full_text_parts: tuple[QueryPart, ...]
    vector_parts: tuple[QueryPart, ...]
    gaps: tuple[str, ...]
    skills: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    level: Level | None = None

    @property
    def level_fit(self) -> dict[Level, float]:
        """How well each level suits the student, 0–1."""
        if self.level is None:
            return dict.fromkeys(Level, 1.0)
        levels = list(Level)
        chosen = levels.index(self.level)
        return {level: _LEVEL_FIT.get(place - chosen, _POOR_FIT) for place, level in enumerate(levels)}


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


def build_query(
    track_name: str,
    track_skills: Sequence[str],
    estimates: Iterable[SkillEstimate],
    questions: Sequence[Question],
    answers: Mapping[UUID, Answer],
) -> RetrievalQuery:
    """What to search for: first the gaps that the rule scores show, then the student's interests, then the track's
    skills and the subjects of the essays. The text of the essays is not part of it."""
    gaps = tuple(estimate.skill for estimate in sorted(estimates, key=lambda estimate: estimate.level) if estimate.gap)
    answered = [(question.body, answers.get(question.question_id)) for question in questions]
    interests = tuple(
        text for body, answer in answered if _asks_for_interests(body) for text in _answer_texts(body, answer)
    )
    subjects = [body.prompt for body, _ in answered if isinstance(body, EssayQuestion)]
    gap_parts = tuple(QueryPart(gap, _NEXT_GAP**place) for place, gap in enumerate(gaps))
    return RetrievalQuery(
        full_text_parts=(
            *(QueryPart(_phrase(part.text), part.weight) for part in gap_parts),
            *(QueryPart(_any_word(part.text), part.weight) for part in _share(interests, _INTERESTS)),
            *(QueryPart(_phrase(skill), _TRACK_IN_FULL_TEXT) for skill in track_skills),
        ),
        vector_parts=_within_limit(
            *gap_parts,
            *_share(interests, _INTERESTS),
            QueryPart(", ".join(track_skills) or track_name, _TRACK_IN_VECTOR),
            *_share(subjects, _SUBJECTS),
        ),
        gaps=gaps,
        skills=tuple(track_skills),
        interests=interests,
        level=next((level for body, answer in answered if (level := _levels(body).get(answer))), None),
    )


def weighted_mean(vectors: Sequence[Sequence[float]], weights: Sequence[float]) -> tuple[float, ...] | None:
    """The weighted sum of the vectors, scaled to length 1; None if there are none or they cancel out. Its similarity to
    a text is the weighted mean of their similarities, up to a constant factor."""
    total = [sum(map(mul, weights, column)) for column in zip(*vectors, strict=True)]
    length = math.sqrt(math.fsum(value * value for value in total))
    return tuple(value / length for value in total) if length else None


def _asks_for_interests(body: QuestionBody) -> bool:
    looks_back = _LOOKS_BACK.search(body.prompt) and not _LOOKS_FORWARD.search(body.prompt)
    return not looks_back and not _levels(body)


def _answer_texts(body: QuestionBody, answer: Answer) -> tuple[str, ...]:
    """A profile answer in words: its text, or the texts of the chosen options."""
    if not isinstance(body, ProfileQuestion) or is_empty(answer):
        return ()
    if body.input is ProfileInput.TEXT:
        return (str(answer),)
    chosen = answer if isinstance(answer, tuple) else (answer,)
    return tuple(option.text for option in body.options if option.id in chosen)


def _levels(body: QuestionBody) -> dict[Answer, Level]:
    """By option, the levels of a question that asks for one: its options begin with the names of the levels."""
    if not isinstance(body, ProfileQuestion) or body.input is not ProfileInput.SINGLE:
        return {}
    firsts = {option.id: next(iter(words(option.text)), "") for option in body.options}
    levels: dict[Answer, Level] = {key: Level(first) for key, first in firsts.items() if first in list(Level)}
    # All three, because "Advanced statistics" among other subjects is a subject.
    return levels if set(levels.values()) == set(Level) else {}


def _share(texts: Sequence[str], weight: float) -> tuple[QueryPart, ...]:
    return tuple(QueryPart(text, weight / len(texts)) for text in texts)


def _phrase(text: str) -> str:
    return f'"{text.replace(chr(34), " ")}"'


def _any_word(text: str) -> str:
    return " OR ".join(_phrase(word) for word in words(text)[:_MAX_WORDS])


def _within_limit(*parts: QueryPart) -> tuple[QueryPart, ...]:
    """The parts that the embedding model reads; the last one may be cut."""
    kept: list[QueryPart] = []
    left = _EMBEDDED_BYTES
    for part in parts:
        text = part.text.encode(errors="replace")[:left].decode(errors="ignore").strip()
        if text:
            kept.append(QueryPart(text, part.weight))
            left -= len(text.encode())
    return tuple(kept)
