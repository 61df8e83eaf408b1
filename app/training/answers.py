"""Reading answers that people scored."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class BadData(Exception):
    """The file is missing, empty, too small, or has a bad line; the message says which."""


class ScoredAnswer(BaseModel):
    """An answer with the share of the points, 0–1, that a person gave it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question_id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    model_answer: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    score: float = Field(ge=0, le=1)


# Questions are held out twice over, so fewer than this leave nothing to learn from.
FEWEST_QUESTIONS = 4


def read_answers(path: Path) -> tuple[ScoredAnswer, ...]:
    """The answers of a file with a JSON object on each line; keys not needed are passed over.

    Raises:
        BadData: the file cannot be read, a line is no such answer, or there are too few questions.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path} cannot be read: {error}") from error
    answers = tuple(_answer(path, number, line) for number, line in enumerate(lines, 1) if line.strip())
    if len(questions(answers)) < FEWEST_QUESTIONS:
        raise BadData(f"{path} has answers to {len(questions(answers))} questions, and {FEWEST_QUESTIONS} are needed")
    return answers


def questions(answers: Sequence[ScoredAnswer]) -> tuple[str, ...]:
    """The questions' ids, each once, in their order."""
    return tuple(dict.fromkeys(answer.question_id for answer in answers))


def _answer(path: Path, number: int, line: str) -> ScoredAnswer:
    try:
        return ScoredAnswer.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the line"
        raise BadData(f"{path}, line {number}: {where}: {first['msg']}") from error
