"""The search query of a student: gaps, interests, track and level, each with its weight."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from app.domain.assessment.answers import Answer
from app.domain.assessment.questions import EssayQuestion, Question
from app.domain.recommendation.naming import refused_skills
from app.domain.recommendation.query import QueryPart, RetrievalQuery
from app.domain.recommendation.skill_aliases import SkillAliases, default_aliases
from app.domain.recommendation.student import Student, read_student, refuses_level
from app.domain.result.model import SkillEstimate
from app.domain.text import words

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
    skills and the subjects of the essays. The text of the essays is not part of it, nor is a gap that the student does
    not want to close: in a large catalogue, what teaches it would take all places of the candidates. A `student` who is
    not given is read from the answers by rules."""
    estimates = sorted(estimates, key=lambda estimate: estimate.level)
    student = student or read_student(questions, answers, estimates)
    aliases = aliases or default_aliases()
    lacking = [estimate for estimate in estimates if estimate.gap and not _is_refused(estimate.skill, student, aliases)]
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
        aliases=aliases,
    )


def _is_refused(skill: str, student: Student, aliases: SkillAliases) -> bool:
    return any(
        refused_skills(refusal, student, (skill,), aliases) for refusal in student.refused if not refuses_level(refusal)
    )


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
