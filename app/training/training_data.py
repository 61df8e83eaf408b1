"""Reads the training data: answers that people scored."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.body_validation import fault_message
from app.domain.text import count_of


class InvalidTrainingData(Exception):
    """A file is missing, empty, too small, or has an invalid line; the message says which."""


class ScoredAnswer(BaseModel):
    """An answer with the share of the points, 0–1, that a person gave it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    corpus: str = ""
    question_id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    model_answer: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    score: float = Field(ge=0, le=1)
    group: str = ""
    """Where a file has several corpora: the answer's corpus, and what people said of it."""


# Questions are held out at two levels, so fewer than this leave nothing to learn from.
_MIN_QUESTIONS = 4


def read_corpora(paths: Sequence[Path]) -> tuple[ScoredAnswer, ...]:
    """The answers of all files, in order. Raises `InvalidTrainingData` as `read_scored_answers` does."""
    return tuple(answer for path in paths for answer in read_scored_answers(path))


def read_scored_answers(path: Path) -> tuple[ScoredAnswer, ...]:
    """The answers of a file with a JSON object on each line; other keys are ignored.

    An answer's corpus is the first word of its `group`, or else the file's name without `_train`.

    Raises:
        InvalidTrainingData: the file cannot be read, a line is not a scored answer, or there are too few questions.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidTrainingData(f"{path} cannot be read: {error}") from error
    answers = tuple(_read_line(path, number, line) for number, line in enumerate(lines, 1) if line.strip())
    count = len(question_ids(answers))
    if count < _MIN_QUESTIONS:
        raise InvalidTrainingData(
            f"{path} has answers to {count_of(count, 'question')}, and {_MIN_QUESTIONS} are needed"
        )
    return answers


def question_ids(answers: Sequence[ScoredAnswer]) -> tuple[str, ...]:
    """The ids of the questions, without duplicates, in their order."""
    return tuple(dict.fromkeys(answer.question_id for answer in answers))


def corpus_names(answers: Sequence[ScoredAnswer]) -> tuple[str, ...]:
    """The names of the corpora, without duplicates, in their order."""
    return tuple(dict.fromkeys(answer.corpus for answer in answers))


def _read_line(path: Path, number: int, line: str) -> ScoredAnswer:
    try:
        answer = ScoredAnswer.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the line"
        raise InvalidTrainingData(f"{path}, line {number}: {field}: {fault_message(first)}") from error
    corpus = answer.corpus or next(iter(answer.group.split()), path.stem.removesuffix("_train"))
    # Two corpora may use the same ids.
    return answer.model_copy(update={"corpus": corpus, "question_id": f"{corpus}/{answer.question_id}"})
