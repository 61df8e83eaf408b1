"""Answers that people have scored, read from a file of JSON lines."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.domain.assessment.questions import EssayQuestion, Rubric
from app.domain.values import LongText
from app.evaluation.json_lines import InvalidFile, read_lines

# A column with more values does not name groups, and its table would be unreadable.
MAX_GROUPS = 50
_NO_GROUP = "(none)"

# For answers without a rubric: it says what each dimension means, and nothing about a subject.
STANDARD_RUBRIC = Rubric(
    relevance="The answer deals with what the question asks, with all parts of it, and with nothing else.",
    depth="The answer has the points of the reference answer, with reasons or examples where they are asked for.",
    clarity="The answer can be understood at once: its statements are whole, ordered and unambiguous.",
    technical="What the answer states is correct, and it uses the subject's terms as the subject does.",
)


@dataclass(frozen=True, slots=True)
class HumanScoredAnswer:
    """An answer with a person's score, 0–1; `line` is its line in the file, from 1."""

    line: int
    question: EssayQuestion
    answer: str
    score: float
    question_key: str
    group: str


class _Line(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    question: LongText
    model_answer: LongText
    answer: str
    score: float = Field(ge=0, allow_inf_nan=False)
    question_id: Annotated[str, Field(min_length=1)] | int | None = None
    rubric: Rubric | None = None


def read_answers(path: Path, max_score: float, group: str | None) -> list[HumanScoredAnswer]:
    """All answers of the file, in its order; blank lines are skipped.

    Raises:
        InvalidFile: the file cannot be read, has fewer than two answers, has invalid lines, or the column `group` is
            missing or has too many values.
    """
    answers = read_lines(path, lambda number, line: _read_line(number, line, max_score, group), "nothing was scored")
    if len(answers) < 2:
        raise InvalidFile(f"{path}: at least two scored answers are needed, not {len(answers)}")
    if group is not None:
        _check_groups(path, group, {answer.group for answer in answers})
    return answers


def sample_answers(answers: Sequence[HumanScoredAnswer], limit: int | None, seed: int) -> list[HumanScoredAnswer]:
    """At most `limit` of the answers, drawn at random by the seed, in the order of the file."""
    if limit is None or limit >= len(answers):
        return list(answers)
    sampled = random.Random(seed).sample(range(len(answers)), limit)  # noqa: S311  # no secret
    return [answers[place] for place in sorted(sampled)]


def _read_line(number: int, line: bytes, max_score: float, group: str | None) -> HumanScoredAnswer:
    row = _Line.model_validate_json(line)
    if row.score > max_score:
        raise ValueError(f"score: {row.score:g} is above {max_score:g} (--max-score)")
    question = EssayQuestion(prompt=row.question, model_answer=row.model_answer, rubric=row.rubric or STANDARD_RUBRIC)
    columns: dict[str, Any] = row.model_dump()
    return HumanScoredAnswer(
        line=number,
        question=question,
        answer=row.answer,
        score=row.score / max_score,
        question_key=row.question if row.question_id is None else str(row.question_id),
        group=_group(columns.get(group)) if group is not None else _NO_GROUP,
    )


def _group(value: Any) -> str:
    if isinstance(value, dict | list):
        raise ValueError("the column of --group holds a list or an object")
    return _NO_GROUP if value in (None, "") else str(value)


def _check_groups(path: Path, group: str, groups: Iterable[str]) -> None:
    count = len(set(groups))
    if set(groups) == {_NO_GROUP}:
        raise InvalidFile(f"{path}: no line has a value in the column {group!r} (--group)")
    if count > MAX_GROUPS:
        raise InvalidFile(f"{path}: the column {group!r} has {count} values; at most {MAX_GROUPS} make groups")
