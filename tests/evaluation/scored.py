"""Answers with scores of both sides, made up."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.domain.assessment.questions import EssayQuestion
from app.domain.errors import PermanentError
from app.domain.essay.score import Dimension, Dimensions, EssayScore
from app.evaluation.answers import STANDARD_RUBRIC, HumanScored
from app.evaluation.report import Cost, Report, Source, report
from app.services.essays.evaluate import Outcome

QUESTION = EssayQuestion(prompt="Why use an index?", model_answer="It makes reading faster.", rubric=STANDARD_RUBRIC)
LINE: dict[str, Any] = {
    "question": "Why does a query need an index?",
    "model_answer": "An index lets the database find rows without reading the whole table. Writing becomes slower.",
    "answer": "With an index the database finds the rows without reading the whole table.",
    "score": 0.75,
}
FREE = Cost(tries=0, tokens_in=0, tokens_out=0, dollars=0.0, seconds_for_an_answer=None, seconds=0.0)


def human(line: int, score: float, question: str = "q", group: str = "g") -> HumanScored:
    """An answer with a person's score."""
    return HumanScored(line, QUESTION, "An answer.", score, question, group)


def machine(points: int | None, confidence: float = 0.5) -> Outcome:
    """A score of so many points of 100, or without points none."""
    if points is None:
        return Outcome(trouble=PermanentError("model_refused", "the model refused"), tries=1)
    names = ("relevance", "depth", "clarity", "technical")
    split = {name: Dimension(score=(points + place) // 4, rationale="") for place, name in enumerate(names)}
    score = EssayScore(
        scorer="local", model="m-1", prompt_version="p-1", confidence=confidence, dimensions=Dimensions(**split)
    )
    return Outcome(score, tries=1)


def reported(answers: Sequence[HumanScored], outcomes: Sequence[Outcome], group: str | None = None) -> Report:
    """The report of these."""
    source = Source("some/essays.jsonl", "local", 1.0, 1, len(answers), group)
    return report(source, answers, outcomes, FREE)


def written(path: Path, lines: Sequence[dict[str, Any] | str]) -> Path:
    """The file with these lines; objects as JSON, texts as they are."""
    told = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(told) + "\n", "utf-8")
    return path
