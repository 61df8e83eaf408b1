"""What a student said: wishes, goals, refusals, what they have already, their level and the form of course they prefer,
each in the words that it was read from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from uuid import UUID

from app.domain.assessment.answers import Answer, is_empty
from app.domain.assessment.questions import EssayQuestion, ProfileInput, ProfilePurpose, ProfileQuestion, Question
from app.domain.recommendation.clauses import Clause, Stance, read_clauses
from app.domain.recommendation.language import language_of
from app.domain.recommendation.word_forms import contains, fold
from app.domain.result.model import SkillEstimate
from app.domain.states import Level
from app.domain.text import words


class LevelSource(StrEnum):
    """Where the level comes from: the answer to a question, the student's words elsewhere, or the theory scores."""

    CHOSEN = "chosen"
    WRITTEN = "written"
    ESTIMATED = "estimated"


# Words of students for a level, most telling first.
_LEVEL_WORDS = {
    phrase: level
    for level, phrases in {
        Level.BEGINNER: (
            "beginner", "new to", "from zero", "from scratch", "from the start", "very gently", "gentle", "gently",
            "never programmed", "first steps", "absolute basics",
        ),
        Level.ADVANCED: ("advanced", "graduate level", "expert level", "be challenged", "specialise", "in great depth"),
        Level.INTERMEDIATE: ("intermediate", "know the basics", "beyond the basics"),
    }.items()
    for phrase in phrases
}  # fmt: skip
# A refusal of these refuses courses for beginners.
_BASICS = tuple(fold(word)[0] for word in ("basics", "beginner", "introduction", "introductory", "intro", "elementary"))
# Mean skill levels from which on a student is not a beginner any more, and is advanced.
_NOT_BEGINNER, _ADVANCED = 0.3, 0.75


@dataclass(frozen=True, slots=True)
class Student:
    """What is known about a student. Wishes, goals, refusals, what is held and forms are in their own words, without
    the words of another stance; `level_source` is None if nothing is known about the level."""

    wishes: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    level: Level | None = None
    level_source: LevelSource | None = None
    # The code of the language in which they write, where that is clear.
    language: str | None = None

    @property
    def refuses_basics(self) -> bool:
        """Whether courses for beginners are refused, whatever their subject."""
        return any(set(fold(words)) & set(_BASICS) and len(fold(words)) <= _SHORT for words in self.refused)


# "Another beginner course" refuses the level; with more words, a subject is refused.
_SHORT = 3


def read_student(
    questions: Sequence[Question], answers: Mapping[UUID, Answer], estimates: Iterable[SkillEstimate]
) -> Student:
    """What the answers to profile questions say; the purpose of a question says what its answer is about."""
    answered = [
        (question.body, answers.get(question.question_id))
        for question in questions
        if isinstance(question.body, ProfileQuestion) and not is_empty(answers.get(question.question_id))
    ]
    texts = [(body.purpose, text) for body, answer in answered for text in _answer_texts(body, answer)]
    clauses = [(purpose, clause) for purpose, text in texts for clause in read_clauses(text)]
    own_words = [str(answer) for body, answer in answered if body.input is ProfileInput.TEXT]
    essays = [
        str(answers[question.question_id])
        for question in questions
        if isinstance(question.body, EssayQuestion) and not is_empty(answers.get(question.question_id))
    ]
    level, source = _level(answered, own_words, list(estimates))
    return Student(
        wishes=tuple(_wanted(texts, ProfilePurpose.INTEREST)),
        goals=tuple(_wanted(texts, ProfilePurpose.GOAL)),
        refused=tuple(clause.words for _, clause in clauses if clause.stance is Stance.REFUSED),
        held=tuple(clause.words for _, clause in clauses if clause.stance is Stance.HELD),
        forms=tuple(_wanted(texts, ProfilePurpose.FORMAT)),
        level=level,
        level_source=source,
        language=language_of([*own_words, *essays]),
    )


def refuses_level(refusal: str) -> bool:
    """Whether the refusal is of beginners' courses, on the subject that it names or on all."""
    return bool(set(fold(refusal)) & set(_BASICS))


def _wanted(texts: Iterable[tuple[ProfilePurpose, str]], purpose: ProfilePurpose) -> Iterator[str]:
    """For each answer with this purpose, its words without what is refused or held."""
    for purpose_of_text, text in texts:
        clauses = read_clauses(text) if purpose_of_text is purpose else ()
        if wanted := [clause.words for clause in clauses if clause.stance is Stance.WANTED]:
            yield text if len(wanted) == len(clauses) else " ".join(wanted)


def _answer_texts(body: ProfileQuestion, answer: Answer) -> tuple[str, ...]:
    """A profile answer in words: its text, or the texts of the chosen options."""
    if body.input is ProfileInput.TEXT:
        return (str(answer),)
    chosen = answer if isinstance(answer, tuple) else (answer,)
    return tuple(option.text for option in body.options if option.id in chosen)


def _level(
    answered: Iterable[tuple[ProfileQuestion, Answer]], texts: Iterable[str], estimates: Sequence[SkillEstimate]
) -> tuple[Level | None, LevelSource | None]:
    for body, answer in answered:
        if body.purpose is ProfilePurpose.LEVEL and (level := _chosen_level(body, answer)):
            return level, LevelSource.CHOSEN
    for text in texts:
        if level := _written_level(Clause(Stance.WANTED, text)):
            return level, LevelSource.WRITTEN
    if not estimates:
        return None, None
    mean = fmean(estimate.level for estimate in estimates)
    level = Level.BEGINNER if mean < _NOT_BEGINNER else Level.ADVANCED if mean >= _ADVANCED else Level.INTERMEDIATE
    return level, LevelSource.ESTIMATED


def _chosen_level(body: ProfileQuestion, answer: Answer) -> Level | None:
    """The level that the answer names: the first word of an option or of a text, or the third of a scale."""
    if body.scale is not None and isinstance(answer, int | float):
        share = (answer - body.scale.min) / (body.scale.max - body.scale.min)
        return list(Level)[min(2, int(share * 3))]
    named = [word for text in _answer_texts(body, answer) for word in words(text) if word in list(Level)]
    return Level(named[0]) if named else None


def _written_level(clause: Clause) -> Level | None:
    for wanted in read_clauses(clause.words):
        if wanted.stance is Stance.WANTED:
            forms = fold(wanted.words)
            for phrase, level in _LEVEL_WORDS.items():
                if contains(forms, fold(phrase)):
                    return level
    return None
