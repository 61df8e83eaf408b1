"""What to look for in the catalogue."""

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

TOP = 5
# Candidates of each way that are joined: enough that a credential in the middle of both lists can still win.
CANDIDATES = 50

# What the lowest gap, the next and so on count for: an advisor names what closes the lowest one first.
_NEXT_GAP = 0.7
# All interests together count for nearly as much as the lowest gap, in which nobody may be interested.
_INTERESTS = 0.8
# The track and the essays' subjects tell what a skill is needed for ("sql" of analysts or of engineers).
_TRACK_IN_WORDS, _TRACK_IN_MEANING, _SUBJECTS = 0.1, 0.2, 0.2
# No token of the offline model's has less than three bytes on average, in any script, so this is 128 tokens at most.
_EMBEDDED_BYTES = 384
_MOST_WORDS = 40
# How well a level suits who asks for the one at its side: better a step too high than one too low, two are too much.
_FITS = {0: 1.0, 1: 0.6, -1: 0.5}
_MISFIT = 0.1
# A profile question about what was done so far tells no interest: who has written Python need not want to learn it.
_LOOKS_BACK = re.compile(r"\b(?:have|had|did) you\b|\bhow (?:long|often|much experience)\b|\bso far\b", re.IGNORECASE)
_LOOKS_FORWARD = re.compile(r"\b(?:would|want|wish|hope|plan|interest\w*|like to|learn|deep\w+)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of what is looked for, and how much it counts. For full text it is in the syntax of web searches."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class RetrievalQuery:
    """What is looked for by words and by meaning; `gaps`, the lowest first; the track's `skills`; `interests` as they
    were told; `level` where the student named one."""

    words: tuple[Part, ...]
    meanings: tuple[Part, ...]
    gaps: tuple[str, ...]
    skills: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    level: Level | None = None

    @property
    def fits(self) -> dict[Level, float]:
        """How well each level suits, 0–1."""
        if self.level is None:
            return dict.fromkeys(Level, 1.0)
        levels = list(Level)
        return {level: _FITS.get(levels.index(level) - levels.index(self.level), _MISFIT) for level in Level}


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
    questions: Sequence[Question],
    answers: Mapping[UUID, Answer],
) -> RetrievalQuery:
    """What to look for: the gaps of the rule scores first, then the student's interests, then what the track asks for
    and what the essays were about. What the essays say is not looked for."""
    gaps = tuple(estimate.skill for estimate in sorted(estimates, key=lambda one: one.level) if estimate.gap)
    told = [(question.body, answers.get(question.question_id)) for question in questions]
    interests = tuple(wish for body, answer in told if _asks_for_interests(body) for wish in _told(body, answer))
    subjects = [body.prompt for body, _ in told if isinstance(body, EssayQuestion)]
    wanted = tuple(Part(gap, _NEXT_GAP**place) for place, gap in enumerate(gaps))
    return RetrievalQuery(
        words=(
            *(Part(_phrase(part.text), part.weight) for part in wanted),
            *(Part(_any_word(part.text), part.weight) for part in _spread(interests, _INTERESTS)),
            *(Part(_phrase(skill), _TRACK_IN_WORDS) for skill in track_skills),
        ),
        meanings=_within_limit(
            *wanted,
            *_spread(interests, _INTERESTS),
            Part(", ".join(track_skills) or track_name, _TRACK_IN_MEANING),
            *_spread(subjects, _SUBJECTS),
        ),
        gaps=gaps,
        skills=tuple(track_skills),
        interests=interests,
        level=next((level for body, answer in told if (level := _levels(body).get(answer))), None),
    )


def mean_of(vectors: Sequence[Sequence[float]], weights: Sequence[float]) -> tuple[float, ...] | None:
    """The direction of the vectors' weighted sum, of length 1; None where there are none or they cancel out. Its
    similarity to a text is the weighted mean of theirs, but for a factor."""
    total = [sum(map(mul, weights, column)) for column in zip(*vectors, strict=True)]
    length = math.sqrt(math.fsum(value * value for value in total))
    return tuple(value / length for value in total) if length else None


def _asks_for_interests(body: QuestionBody) -> bool:
    looks_back = _LOOKS_BACK.search(body.prompt) and not _LOOKS_FORWARD.search(body.prompt)
    return not looks_back and not _levels(body)


def _told(body: QuestionBody, answer: Answer) -> tuple[str, ...]:
    """What a profile answer says in words: a text, or the texts of the options that were chosen."""
    if not isinstance(body, ProfileQuestion) or is_empty(answer):
        return ()
    if body.input is ProfileInput.TEXT:
        return (str(answer),)
    chosen = answer if isinstance(answer, tuple) else (answer,)
    return tuple(option.text for option in body.options if option.id in chosen)


def _levels(body: QuestionBody) -> dict[Answer, Level]:
    """The levels that a question lets choose from, by option: one whose options begin with the levels' names."""
    if not isinstance(body, ProfileQuestion) or body.input is not ProfileInput.SINGLE:
        return {}
    firsts = {option.id: next(iter(words(option.text)), "") for option in body.options}
    levels: dict[Answer, Level] = {key: Level(first) for key, first in firsts.items() if first in list(Level)}
    # "Advanced statistics" among other subjects is a subject.
    return levels if set(levels.values()) == set(Level) else {}


def _spread(texts: Sequence[str], weight: float) -> tuple[Part, ...]:
    return tuple(Part(text, weight / len(texts)) for text in texts)


def _phrase(text: str) -> str:
    return f'"{text.replace(chr(34), " ")}"'


def _any_word(text: str) -> str:
    return " OR ".join(_phrase(word) for word in words(text)[:_MOST_WORDS])


def _within_limit(*parts: Part) -> tuple[Part, ...]:
    """The parts as far as the embedding model reads, the last one cut."""
    kept: list[Part] = []
    left = _EMBEDDED_BYTES
    for part in parts:
        text = part.text.encode(errors="replace")[:left].decode(errors="ignore").strip()
        if text:
            kept.append(Part(text, part.weight))
            left -= len(text.encode())
    return tuple(kept)
